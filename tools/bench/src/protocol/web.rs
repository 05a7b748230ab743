//! Parlor over a WebSocket: lines in masked frames one way, JSON objects the other.

mod object;

use std::net::SocketAddr;

use crate::protocol::{Message, Place, Promises, Protocol, Said, cut, put};
use crate::users::User;
use object::field;

/// Parlor's web door.
pub(crate) struct Web {
    /// Where it is, as the `Host` has to say.
    host: String,
}

/// The key of every handshake, and the answer that proves a WebSocket at the other end: those of RFC 6455, section 1.3.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const PROOF: &[u8] = b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/// The first bytes of a frame from here: whole ones, of text and of what answers a ping.
const TEXT: u8 = 0x81;
const PONG: u8 = 0x8A;

/// The same, and what a server asks and ends with.
const PING: u8 = 0x89;
const CLOSE: u8 = 0x88;

/// What a client sends has to be masked; with zeros it stays as it is.
const MASKED: u8 = 0x80;
const MASK: &[u8] = &[0; 4];

/// The longest text of a frame that has its length in one byte, and in two.
const SHORT: usize = 125;
const LONG: usize = u16::MAX as usize;

impl Web {
    /// The web door at this address.
    pub(crate) fn at(server: SocketAddr) -> Web {
        Web { host: server.to_string() }
    }
}

impl Protocol for Web {
    fn promises(&self) -> Promises {
        Promises { group_echo: true, private_echo: true, one_order: true }
    }

    fn log_in(&self, user: &User, out: &mut Vec<u8>) {
        let head = format!(
            "GET /ws HTTP/1.1\r\nHost: {}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Key: {KEY}\r\n\r\n",
            self.host
        );
        out.extend_from_slice(head.as_bytes());
        // A server that does not upgrade answers something else, and this is lost with the connection.
        frame(TEXT, &[user.name.as_bytes(), b"\n", user.password.as_bytes()], out);
    }

    fn enter(&self, group: &str, first: bool, out: &mut Vec<u8>) {
        let verb: &[u8] = if first { b"/create_group " } else { b"/join_group " };
        frame(TEXT, &[verb, group.as_bytes()], out);
    }

    fn say(&self, group: &str, text: &[u8], out: &mut Vec<u8>) {
        frame(TEXT, &[b"/group_msg ", group.as_bytes(), b" ", text], out);
    }

    fn tell(&self, to: &str, text: &[u8], out: &mut Vec<u8>) {
        frame(TEXT, &[b"/msg ", to.as_bytes(), b" ", text], out);
    }

    fn ping(&self, out: &mut Vec<u8>) {
        frame(TEXT, &[b"/ping bench"], out);
    }

    fn pong(&self, token: &[u8], out: &mut Vec<u8>) {
        frame(PONG, &[token], out);
    }

    fn next<'a>(&self, bytes: &'a [u8]) -> Option<(usize, Said<'a>)> {
        // No frame of a server begins like this.
        if bytes.first() == Some(&b'H') {
            return handshake(bytes);
        }
        let (first, head, length) = head(bytes)?;
        let end = head.checked_add(length)?;
        let payload = bytes.get(head..end)?;
        let said = match first {
            TEXT => said(payload),
            PING => Said::Ping(payload),
            CLOSE => Said::Other(payload),
            _ => Said::Refused(b"a frame that no server of ours sends"),
        };
        Some((end, said))
    }
}

/// Appends a frame with all parts in it.
fn frame(first: u8, parts: &[&[u8]], out: &mut Vec<u8>) {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    match length {
        0..=SHORT => out.extend_from_slice(&[first, MASKED | length as u8]),
        _ if length <= LONG => put(out, &[&[first, MASKED | 126], &(length as u16).to_be_bytes()]),
        _ => put(out, &[&[first, MASKED | 127], &(length as u64).to_be_bytes()]),
    }
    out.extend_from_slice(MASK);
    put(out, parts);
}

/// The first byte of a frame, where its payload begins, and how long that is.
fn head(bytes: &[u8]) -> Option<(u8, usize, usize)> {
    let number = |digits: &[u8]| digits.iter().fold(0_u64, |number, digit| number << 8 | u64::from(*digit));
    let (first, second) = (*bytes.first()?, *bytes.get(1)?);
    let (head, length) = match second {
        126 => (4, number(bytes.get(2..4)?)),
        127 => (10, number(bytes.get(2..10)?)),
        short => (2, short.into()),
    };
    Some((first, head, usize::try_from(length).unwrap_or(usize::MAX)))
}

/// The answer to the handshake; what it refuses with is one, too.
fn handshake(bytes: &[u8]) -> Option<(usize, Said<'_>)> {
    let (answer, _) = cut(bytes, b"\r\n\r\n")?;
    let length = answer.len() + b"\r\n\r\n".len();
    let (status, headers) = cut(answer, b"\r\n").unwrap_or((answer, b""));
    let proven = status.starts_with(b"HTTP/1.1 101 ") && cut(headers, PROOF).is_some();
    Some((length, if proven { Said::Other(status) } else { Said::Refused(status) }))
}

/// What an event means.
fn said(event: &[u8]) -> Said<'_> {
    let Some(kind) = field(event, "event") else { return Said::Refused(event) };
    let message = |place| match field(event, "text") {
        Some(text) => Said::Message(Message { from: field(event, "from"), place, text }),
        None => Said::Other(event),
    };
    match kind {
        b"group" => field(event, "group").map_or(Said::Other(event), |group| message(Place::Group(group))),
        b"private" => message(Place::Private),
        b"sent" => field(event, "to").map_or(Said::Other(event), |to| message(Place::Sent(to))),
        b"broadcast" => message(Place::Everybody),
        b"left" => field(event, "user").map_or(Said::Other(event), Said::Left),
        b"welcome" | b"group_created" | b"group_joined" => Said::Done,
        b"pong" if field(event, "text") == Some(b"bench") => Said::Done,
        b"error" | b"login_failed" | b"address_banned" => Said::Refused(event),
        _ => Said::Other(event),
    }
}
