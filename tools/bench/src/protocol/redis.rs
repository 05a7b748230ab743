//! Redis publish and subscribe, in RESP3, with which a client who subscribes may also publish; each user has a channel.

use crate::protocol::{Message, Place, Promises, Protocol, Said, line, put};
use crate::users::User;

/// Redis servers from version 6 on.
pub(crate) struct Redis;

/// What stands before the names of groups and users in channels.
const GROUP: &[u8] = b"g.";
const USER: &[u8] = b"u.";

/// How deep answers may be nested.
const DEPTH: u32 = 8;

/// How many parts of a pushed frame are looked at.
const PARTS: usize = 3;

impl Protocol for Redis {
    fn promises(&self) -> Promises {
        Promises { group_echo: true, private_echo: false, one_order: true }
    }

    fn log_in(&self, user: &User, out: &mut Vec<u8>) {
        put(out, &[b"HELLO 3\r\nSUBSCRIBE ", USER, user.name.as_bytes(), b"\r\n"]);
    }

    fn enter(&self, group: &str, _: bool, out: &mut Vec<u8>) {
        put(out, &[b"SUBSCRIBE ", GROUP, group.as_bytes(), b"\r\n"]);
    }

    fn say(&self, group: &str, text: &[u8], out: &mut Vec<u8>) {
        publish(GROUP, group, text, out);
    }

    fn tell(&self, to: &str, text: &[u8], out: &mut Vec<u8>) {
        publish(USER, to, text, out);
    }

    fn ping(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"PING\r\n");
    }

    fn pong(&self, _: &[u8], _: &mut Vec<u8>) {}

    fn next<'a>(&self, bytes: &'a [u8]) -> Option<(usize, Said<'a>)> {
        let mut parts = Parts::default();
        let length = parts.skip(bytes, 0)?;
        let frame = &bytes[..length];
        let said = match (frame.first(), parts.found) {
            (Some(b'>'), [b"message", channel, text]) => {
                let place = channel.strip_prefix(GROUP).map_or(Place::Private, Place::Group);
                Said::Message(Message { from: None, place, text })
            }
            (Some(b'>'), [b"subscribe", ..]) => Said::Done,
            (Some(b'+'), [b"PONG", ..]) => Said::Done,
            (Some(b'-'), [error, ..]) => Said::Refused(error),
            _ => Said::Other(frame),
        };
        Some((length, said))
    }
}

fn publish(kind: &[u8], name: &str, text: &[u8], out: &mut Vec<u8>) {
    let (channel, length) = ((kind.len() + name.len()).to_string(), text.len().to_string());
    put(out, &[b"*3\r\n$7\r\nPUBLISH\r\n$", channel.as_bytes(), b"\r\n", kind, name.as_bytes()]);
    put(out, &[b"\r\n$", length.as_bytes(), b"\r\n", text, b"\r\n"]);
}

/// The first strings of a frame.
#[derive(Default)]
struct Parts<'a> {
    found: [&'a [u8]; PARTS],
    count: usize,
}

impl<'a> Parts<'a> {
    fn note(&mut self, part: &'a [u8]) {
        if let Some(place) = self.found.get_mut(self.count) {
            *place = part;
        }
        self.count += 1;
    }

    /// The length of the value at the beginning of `bytes`; its strings are noted. `None` while its end has not come. What
    /// is no RESP counts as a value as long as its line.
    fn skip(&mut self, bytes: &'a [u8], depth: u32) -> Option<usize> {
        let (head, line) = line(bytes)?;
        let Some((kind, rest)) = line.split_first() else { return Some(head) };
        let count = str::from_utf8(rest).ok().and_then(|count| count.parse::<i64>().ok());
        match (kind, count) {
            (b'$' | b'=' | b'!', Some(length @ 0..)) => {
                let end = head.checked_add(usize::try_from(length).ok()?)?;
                self.note(bytes.get(head..end)?);
                let whole = end + b"\r\n".len();
                bytes.get(..whole).map(<[u8]>::len)
            }
            (b'*' | b'>' | b'~' | b'%', Some(count @ 0..)) if depth < DEPTH => {
                let values = if *kind == b'%' { count.checked_mul(2)? } else { count };
                (0..values).try_fold(head, |at, _| Some(at + self.skip(&bytes[at..], depth + 1)?))
            }
            _ => {
                self.note(rest);
                Some(head)
            }
        }
    }
}
