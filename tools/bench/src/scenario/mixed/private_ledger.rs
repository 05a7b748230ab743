//! The ledger of the private messages: each has to arrive exactly once, also at users who were away when it was sent.
//!
//! A user who reconnects may get two messages of one sender by two paths, so their order is not checked; `pairs` checks
//! that.

use std::collections::HashMap;

use crate::payload::{Payload, Stamp};
use crate::protocol::{Destination, Frame, Message};
use crate::verify::{Fault, Faults};

/// The private messages of a run.
pub(super) struct PrivateLedger {
    payload: Payload,
    run: u32,
    /// By sequence number.
    sent: HashMap<u32, PrivateMessage>,
    missing: u64,
    next: u32,
}

struct PrivateMessage {
    to: usize,
    /// How often it arrived.
    arrived: u32,
    /// Whether its sender got the copy; otherwise it may not have been sent.
    confirmed: bool,
}

impl PrivateLedger {
    /// An empty ledger for this run.
    pub(super) fn new(payload: Payload, run: u32) -> PrivateLedger {
        PrivateLedger { payload, run, sent: HashMap::new(), missing: 0, next: 0 }
    }

    /// The text of the next message of a client. It is recorded if it is private, to the client `to`.
    pub(super) fn next_text(&mut self, from: usize, to: Option<usize>) -> Vec<u8> {
        let sequence = self.next;
        self.next += 1;
        if let Some(to) = to {
            self.sent.insert(sequence, PrivateMessage { to, arrived: 0, confirmed: false });
            self.missing += 1;
        }
        let mut text = Vec::new();
        self.payload.write(Stamp { run: self.run, stream: from as u32, sequence }, &mut text);
        text
    }

    /// Records a frame that arrived at a client, if it is a private message or the copy of one.
    pub(super) fn on_frame(&mut self, client: usize, frame: &Frame<'_>, faults: &mut Faults) {
        let (text, is_copy) = match frame {
            Frame::Message(Message { destination: Destination::Private, text, .. }) => (*text, false),
            Frame::Message(Message { destination: Destination::SentCopy(_), text, .. }) => (*text, true),
            Frame::Other(line) => match stored_private_message(line) {
                Some(text) => (text, false),
                None => return,
            },
            Frame::Message(_) | Frame::Done | Frame::Refused(_) | Frame::Ping(_) | Frame::UserLeft(_) => return,
        };
        let Some(stamp) = self.payload.read(text).filter(|stamp| stamp.run == self.run) else { return };
        let Some(message) = self.sent.get_mut(&stamp.sequence) else { return };
        if is_copy {
            message.confirmed = true;
            return;
        }
        message.arrived += 1;
        match message.arrived {
            _ if message.to != client => {
                let what = format_args!("client {client} got a message for client {}", message.to);
                faults.record(Fault::Misdelivered, what);
            }
            1 => self.missing -= 1,
            _ => faults.record(Fault::Duplicate, format_args!("client {client} got message {}", stamp.sequence)),
        }
    }

    /// How many messages have not arrived.
    pub(super) fn missing(&self) -> u64 {
        self.missing
    }

    /// How many were sent.
    pub(super) fn sent(&self) -> u64 {
        self.sent.len() as u64
    }

    /// Ends the run: whatever was confirmed to its sender and has not arrived by now is lost.
    pub(super) fn finish(&self, faults: &mut Faults) {
        let lost = self.sent.iter().filter(|(_, message)| message.arrived == 0 && message.confirmed);
        let mut lost: Vec<_> = lost.map(|(sequence, message)| (*sequence, message.to)).collect();
        lost.sort_unstable();
        for (sequence, to) in lost {
            faults.record(Fault::Lost, format_args!("client {to} did not get message {sequence}"));
        }
    }
}

/// The text of a private message stored for a user who was away: `#12 2026-11-20 17:03 [alice]: text`.
fn stored_private_message(line: &[u8]) -> Option<&[u8]> {
    let words = str::from_utf8(line).ok()?.strip_prefix('#')?;
    let mut words = words.splitn(5, ' ');
    let (_id, _day, _time, from) = (words.next()?, words.next()?, words.next()?, words.next()?);
    let private = from.starts_with('[') && from.ends_with("]:");
    words.next().filter(|_| private).map(str::as_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stored_private_messages_are_recognised() {
        let text = stored_private_message(b"#12 2026-11-20 17:03 [alice]: are you there?");
        assert_eq!(text, Some(&b"are you there?"[..]));
        for other in ["#12 2026-11-20 17:03 [to alice]: x", "#12 2026-11-20 17:03 [Group g][alice]: x", "#12", "x"] {
            assert_eq!(stored_private_message(other.as_bytes()), None, "{other}");
        }
    }

    fn deliver(ledger: &mut PrivateLedger, client: usize, destination: Destination<'_>, text: &[u8]) -> Faults {
        let mut faults = Faults::default();
        ledger.on_frame(client, &Frame::Message(Message { from: None, destination, text }), &mut faults);
        faults
    }

    #[test]
    fn a_private_message_arrives_once_at_its_recipient() {
        let mut ledger = PrivateLedger::new(Payload::new(50), 1);
        let text = ledger.next_text(0, Some(1));
        assert_eq!(ledger.missing(), 1);
        assert!(deliver(&mut ledger, 1, Destination::Private, &text).is_empty());
        assert_eq!(ledger.missing(), 0);
        assert!(deliver(&mut ledger, 1, Destination::Private, &text).first[0].starts_with("duplicate"));
        assert!(deliver(&mut ledger, 2, Destination::Private, &text).first[0].starts_with("misdelivered"));
    }

    #[test]
    fn a_confirmed_message_that_does_not_arrive_is_lost() {
        let mut ledger = PrivateLedger::new(Payload::new(50), 1);
        let text = ledger.next_text(0, Some(1));
        ledger.next_text(0, Some(1));
        let mut faults = deliver(&mut ledger, 0, Destination::SentCopy(b"u1"), &text);
        ledger.finish(&mut faults);
        assert_eq!(faults.first, ["lost: client 1 did not get message 0"]);
    }
}
