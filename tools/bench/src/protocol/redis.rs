//! Redis pub/sub: each group and each user is a channel. It needs RESP3, in which a subscribed client may also publish.

use crate::protocol::{Destination, Frame, Guarantees, Message, Protocol, append, first_line};
use crate::users::User;

/// Redis servers, version 6 or later.
pub(crate) struct Redis;

/// Channel prefixes of groups and users.
const GROUP: &[u8] = b"g.";
const USER: &[u8] = b"u.";

/// The deepest nesting of a value.
const MAX_DEPTH: u32 = 8;

/// How many strings of a pushed value are needed.
const PARTS: usize = 3;

impl Protocol for Redis {
    fn guarantees(&self) -> Guarantees {
        Guarantees { group_echo: true, private_echo: false, total_order: true }
    }

    fn log_in(&self, user: &User, out: &mut Vec<u8>) {
        append(out, &[b"HELLO 3\r\nSUBSCRIBE ", USER, user.name.as_bytes(), b"\r\n"]);
    }

    fn join_group(&self, group: &str, out: &mut Vec<u8>) {
        append(out, &[b"SUBSCRIBE ", GROUP, group.as_bytes(), b"\r\n"]);
    }

    fn group_message(&self, group: &str, text: &[u8], out: &mut Vec<u8>) {
        publish(GROUP, group, text, out);
    }

    fn private_message(&self, to: &str, text: &[u8], out: &mut Vec<u8>) {
        publish(USER, to, text, out);
    }

    fn ping(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"PING\r\n");
    }

    fn pong(&self, _: &[u8], _: &mut Vec<u8>) {}

    fn decode<'a>(&self, bytes: &'a [u8]) -> Option<(usize, Frame<'a>)> {
        let mut parts = Parts::default();
        let length = parts.skip(bytes, 0)?;
        let frame = &bytes[..length];
        let said = match (frame.first(), parts.found) {
            (Some(b'>'), [b"message", channel, text]) => {
                let destination = channel.strip_prefix(GROUP).map_or(Destination::Private, Destination::Group);
                Frame::Message(Message { from: None, destination, text })
            }
            (Some(b'>'), [b"subscribe", ..]) => Frame::Done,
            (Some(b'+'), [b"PONG", ..]) => Frame::Done,
            (Some(b'-'), [error, ..]) => Frame::Refused(error),
            _ => Frame::Other(frame),
        };
        Some((length, said))
    }
}

fn publish(kind: &[u8], name: &str, text: &[u8], out: &mut Vec<u8>) {
    let (channel, length) = ((kind.len() + name.len()).to_string(), text.len().to_string());
    append(out, &[b"*3\r\n$7\r\nPUBLISH\r\n$", channel.as_bytes(), b"\r\n", kind, name.as_bytes()]);
    append(out, &[b"\r\n$", length.as_bytes(), b"\r\n", text, b"\r\n"]);
}

/// The first strings of a value.
#[derive(Default)]
struct Parts<'a> {
    found: [&'a [u8]; PARTS],
    count: usize,
}

impl<'a> Parts<'a> {
    fn note(&mut self, part: &'a [u8]) {
        if let Some(destination) = self.found.get_mut(self.count) {
            *destination = part;
        }
        self.count += 1;
    }

    /// The length of the value at the beginning of `bytes`, whose strings are noted; `None` if it is incomplete. A line
    /// that is no RESP counts as a value.
    fn skip(&mut self, bytes: &'a [u8], depth: u32) -> Option<usize> {
        let (head, line) = first_line(bytes)?;
        let Some((kind, rest)) = line.split_first() else { return Some(head) };
        let count = str::from_utf8(rest).ok().and_then(|count| count.parse::<i64>().ok());
        match (kind, count) {
            (b'$' | b'=' | b'!', Some(length @ 0..)) => {
                let end = head.checked_add(usize::try_from(length).ok()?)?;
                self.note(bytes.get(head..end)?);
                let whole = end + b"\r\n".len();
                bytes.get(..whole).map(<[u8]>::len)
            }
            (b'*' | b'>' | b'~' | b'%', Some(count @ 0..)) if depth < MAX_DEPTH => {
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
