//! The private messages of the evening: each has to come exactly once, also to who was away when it was sent.
//!
//! Who left in between may get two messages of one sender by two ways, so their order is not held to anything here;
//! `pairs` does that.

use std::collections::HashMap;

use crate::payload::{Payload, Stamp};
use crate::protocol::{Place, Said};
use crate::verify::{Fault, Faults};

/// What was sent and has not come, and what has.
pub(super) struct Letters {
    payload: Payload,
    run: u32,
    /// By number: to whom, and how often it has come.
    sent: HashMap<u32, Letter>,
    owed: u64,
    next: u32,
}

struct Letter {
    to: usize,
    came: u32,
    /// Whether the sender had his echo: one that was not sent is not owed.
    echoed: bool,
}

impl Letters {
    /// None yet.
    pub(super) fn new(payload: Payload, run: u32) -> Letters {
        Letters { payload, run, sent: HashMap::new(), owed: 0, next: 0 }
    }

    /// The text of the next message of one user, to another one if it is private.
    pub(super) fn write(&mut self, from: usize, to: Option<usize>) -> Vec<u8> {
        let number = self.next;
        self.next += 1;
        if let Some(to) = to {
            self.sent.insert(number, Letter { to, came: 0, echoed: false });
            self.owed += 1;
        }
        let mut text = Vec::new();
        self.payload.write(Stamp { run: self.run, lane: from as u32, number }, &mut text);
        text
    }

    /// Something came to a user.
    pub(super) fn take(&mut self, client: usize, said: &Said<'_>, faults: &mut Faults) {
        let (text, echo) = match said {
            Said::Message(message) if message.place == Place::Private => (message.text, false),
            Said::Message(message) if matches!(message.place, Place::Sent(_)) => (message.text, true),
            Said::Other(line) => match kept(line) {
                Some(text) => (text, false),
                None => return,
            },
            _ => return,
        };
        let Some(stamp) = self.payload.read(text).filter(|stamp| stamp.run == self.run) else { return };
        let Some(letter) = self.sent.get_mut(&stamp.number) else { return };
        if echo {
            letter.echoed = true;
            return;
        }
        letter.came += 1;
        match letter.came {
            _ if letter.to != client => {
                faults.note(Fault::Misdelivered, format_args!("client {client} got {}'s message", letter.to));
            }
            1 => self.owed -= 1,
            _ => faults.note(Fault::Twice, format_args!("client {client} got message {}", stamp.number)),
        }
    }

    /// How many have not come.
    pub(super) fn owed(&self) -> u64 {
        self.owed
    }

    /// How many were sent.
    pub(super) fn sent(&self) -> u64 {
        self.sent.len() as u64
    }

    /// What was confirmed to its sender and has not come by now is lost.
    pub(super) fn finish(&self, faults: &mut Faults) {
        let lost = self.sent.iter().filter(|(_, letter)| letter.came == 0 && letter.echoed);
        let mut lost: Vec<_> = lost.map(|(number, letter)| (*number, letter.to)).collect();
        lost.sort_unstable();
        for (number, to) in lost {
            faults.note(Fault::Lost, format_args!("client {to} did not get message {number}"));
        }
    }
}

/// The text of a private message that was kept for who was away: `#12 2026-11-20 17:03 [alice]: text`.
fn kept(line: &[u8]) -> Option<&[u8]> {
    let words = str::from_utf8(line).ok()?.strip_prefix('#')?;
    let mut words = words.splitn(5, ' ');
    let (_id, _day, _time, from) = (words.next()?, words.next()?, words.next()?, words.next()?);
    let private = from.starts_with('[') && from.ends_with("]:");
    words.next().filter(|_| private).map(str::as_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::Message;

    #[test]
    fn a_message_that_was_kept_is_told_from_others() {
        assert_eq!(kept(b"#12 2026-11-20 17:03 [alice]: are you there?"), Some(&b"are you there?"[..]));
        for other in ["#12 2026-11-20 17:03 [to alice]: x", "#12 2026-11-20 17:03 [Group g][alice]: x", "#12", "x"] {
            assert_eq!(kept(other.as_bytes()), None, "{other}");
        }
    }

    fn came(letters: &mut Letters, client: usize, text: &[u8]) -> Faults {
        let mut faults = Faults::default();
        let message = Message { from: None, place: Place::Private, text };
        letters.take(client, &Said::Message(message), &mut faults);
        faults
    }

    #[test]
    fn a_private_message_comes_exactly_once_to_whom_it_is_for() {
        let mut letters = Letters::new(Payload::new(50), 1);
        let text = letters.write(0, Some(1));
        assert_eq!(letters.owed(), 1);
        assert!(came(&mut letters, 1, &text).none());
        assert_eq!(letters.owed(), 0);
        assert!(came(&mut letters, 1, &text).first[0].starts_with("twice"));
        assert!(came(&mut letters, 2, &text).first[0].starts_with("misdelivered"));
    }

    #[test]
    fn what_the_sender_was_told_of_and_did_not_come_is_lost() {
        let mut letters = Letters::new(Payload::new(50), 1);
        let text = letters.write(0, Some(1));
        letters.write(0, Some(1));
        let mut faults = Faults::default();
        let echo = Message { from: None, place: Place::Sent(b"u1"), text: &text };
        letters.take(0, &Said::Message(echo), &mut faults);
        letters.finish(&mut faults);
        assert_eq!(faults.first, ["lost: client 1 did not get message 0"]);
    }
}
