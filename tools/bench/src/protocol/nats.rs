//! NATS: a group is a subject, and so is each user.

use crate::protocol::{Message, Place, Promises, Protocol, Said, line, put};
use crate::users::User;

/// NATS servers.
pub(crate) struct Nats;

/// What stands before the names of groups and users in subjects.
const GROUP: &[u8] = b"g.";
const USER: &[u8] = b"u.";

/// The numbers of a client's subscriptions: they only have to differ from each other.
const OWN: &[u8] = b" 1\r\n";
const ANY: &[u8] = b" 2\r\n";

impl Protocol for Nats {
    fn promises(&self) -> Promises {
        // Subjects keep the order of each sender and no common one.
        Promises { group_echo: true, private_echo: false, one_order: false }
    }

    fn log_in(&self, user: &User, out: &mut Vec<u8>) {
        let connect =
            b"CONNECT {\"verbose\":false,\"pedantic\":false,\"lang\":\"bench\",\"version\":\"1\",\"protocol\":1}\r\n";
        put(out, &[connect, b"SUB ", USER, user.name.as_bytes(), OWN, b"PING\r\n"]);
    }

    fn enter(&self, group: &str, _: bool, out: &mut Vec<u8>) {
        put(out, &[b"SUB ", GROUP, group.as_bytes(), ANY, b"PING\r\n"]);
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

    fn pong(&self, _: &[u8], out: &mut Vec<u8>) {
        out.extend_from_slice(b"PONG\r\n");
    }

    fn next<'a>(&self, bytes: &'a [u8]) -> Option<(usize, Said<'a>)> {
        let (head, line) = line(bytes)?;
        match line {
            b"PONG" => Some((head, Said::Done)),
            b"PING" => Some((head, Said::Ping(b""))),
            _ if line.starts_with(b"-ERR") => Some((head, Said::Refused(line))),
            _ => match line.strip_prefix(b"MSG ") {
                Some(words) => message(bytes, head, words),
                None => Some((head, Said::Other(line))),
            },
        }
    }
}

fn publish(kind: &[u8], name: &str, text: &[u8], out: &mut Vec<u8>) {
    let length = text.len().to_string();
    put(out, &[b"PUB ", kind, name.as_bytes(), b" ", length.as_bytes(), b"\r\n", text, b"\r\n"]);
}

/// `MSG subject number [reply] length`, and behind it the text and a line end.
fn message<'a>(bytes: &'a [u8], head: usize, words: &'a [u8]) -> Option<(usize, Said<'a>)> {
    let whole = Some((head, Said::Other(words)));
    let mut words = words.split(|byte| *byte == b' ');
    let (Some(subject), Some(length)) = (words.next(), words.next_back()) else { return whole };
    let Some(length) = str::from_utf8(length).ok().and_then(|length| length.parse::<usize>().ok()) else {
        return whole;
    };
    let end = head.checked_add(length)?;
    let text = bytes.get(head..end)?;
    let frame = end + b"\r\n".len();
    bytes.get(..frame)?;
    let place = subject.strip_prefix(GROUP).map_or(Place::Private, Place::Group);
    Some((frame, Said::Message(Message { from: None, place, text })))
}
