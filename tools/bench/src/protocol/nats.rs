//! NATS: each group and each user is a subject.

use crate::protocol::{Destination, Frame, Guarantees, Message, Protocol, append, first_line};
use crate::users::User;

/// NATS servers.
pub(crate) struct Nats;

/// Subject prefixes of groups and users.
const GROUP: &[u8] = b"g.";
const USER: &[u8] = b"u.";

/// Subscription ids, which only have to differ from each other.
const USER_SID: &[u8] = b" 1\r\n";
const GROUP_SID: &[u8] = b" 2\r\n";

impl Protocol for Nats {
    fn guarantees(&self) -> Guarantees {
        // A subject keeps the order of each sender, but not one order for all.
        Guarantees { group_echo: true, private_echo: false, total_order: false }
    }

    fn log_in(&self, user: &User, out: &mut Vec<u8>) {
        let connect =
            b"CONNECT {\"verbose\":false,\"pedantic\":false,\"lang\":\"bench\",\"version\":\"1\",\"protocol\":1}\r\n";
        append(out, &[connect, b"SUB ", USER, user.name.as_bytes(), USER_SID, b"PING\r\n"]);
    }

    fn join_group(&self, group: &str, out: &mut Vec<u8>) {
        append(out, &[b"SUB ", GROUP, group.as_bytes(), GROUP_SID, b"PING\r\n"]);
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

    fn pong(&self, _: &[u8], out: &mut Vec<u8>) {
        out.extend_from_slice(b"PONG\r\n");
    }

    fn decode<'a>(&self, bytes: &'a [u8]) -> Option<(usize, Frame<'a>)> {
        let (head, line) = first_line(bytes)?;
        match line {
            b"PONG" => Some((head, Frame::Done)),
            b"PING" => Some((head, Frame::Ping(b""))),
            _ if line.starts_with(b"-ERR") => Some((head, Frame::Refused(line))),
            _ => match line.strip_prefix(b"MSG ") {
                Some(words) => message(bytes, head, words),
                None => Some((head, Frame::Other(line))),
            },
        }
    }
}

fn publish(kind: &[u8], name: &str, text: &[u8], out: &mut Vec<u8>) {
    let length = text.len().to_string();
    append(out, &[b"PUB ", kind, name.as_bytes(), b" ", length.as_bytes(), b"\r\n", text, b"\r\n"]);
}

/// `MSG subject sid [reply-to] length`, followed by the text and a line end.
fn message<'a>(bytes: &'a [u8], head: usize, words: &'a [u8]) -> Option<(usize, Frame<'a>)> {
    let unknown = Some((head, Frame::Other(words)));
    let mut words = words.split(|byte| *byte == b' ');
    let (Some(subject), Some(length)) = (words.next(), words.next_back()) else { return unknown };
    let Some(length) = str::from_utf8(length).ok().and_then(|length| length.parse::<usize>().ok()) else {
        return unknown;
    };
    let end = head.checked_add(length)?;
    let text = bytes.get(head..end)?;
    let frame = end + b"\r\n".len();
    bytes.get(..frame)?;
    let destination = subject.strip_prefix(GROUP).map_or(Destination::Private, Destination::Group);
    Some((frame, Frame::Message(Message { from: None, destination, text })))
}
