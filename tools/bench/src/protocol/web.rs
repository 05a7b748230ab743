//! Parlor over a WebSocket: command lines in masked frames one way, JSON objects the other.

use std::net::SocketAddr;

use crate::protocol::{Destination, Frame, Guarantees, Message, Protocol, append, split_once};
use crate::users::User;

/// Parlor's WebSocket.
pub(crate) struct Web {
    /// The value of the `Host` header.
    host: String,
}

/// The key of every handshake and the `Sec-WebSocket-Accept` that answers it: the example of RFC 6455, section 1.3.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT: &[u8] = b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/// The first byte of an unfragmented frame, by opcode (RFC 6455, section 5.2).
const TEXT: u8 = 0x81;
const CLOSE: u8 = 0x88;
const PING: u8 = 0x89;
const PONG: u8 = 0x8A;

/// Frames of a client have to be masked; a mask of zeros leaves the payload as it is.
const MASKED: u8 = 0x80;
const MASK: &[u8] = &[0; 4];

/// The longest payload whose length fits in the second byte, and in the two bytes after it.
const MAX_SHORT: usize = 125;
const MAX_MEDIUM: usize = u16::MAX as usize;

impl Web {
    /// The WebSocket of the web page at this address.
    pub(crate) fn at(server: SocketAddr) -> Web {
        Web { host: server.to_string() }
    }
}

impl Protocol for Web {
    fn guarantees(&self) -> Guarantees {
        Guarantees { group_echo: true, private_echo: true, total_order: true }
    }

    fn log_in(&self, user: &User, out: &mut Vec<u8>) {
        let head = format!(
            "GET /ws HTTP/1.1\r\nHost: {}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Key: {KEY}\r\n\r\n",
            self.host
        );
        out.extend_from_slice(head.as_bytes());
        // The login need not wait for the upgrade: if the server refuses that, the connection is lost anyway.
        write_frame(TEXT, &[user.name.as_bytes(), b"\n", user.password.as_bytes()], out);
    }

    fn create_group(&self, group: &str, out: &mut Vec<u8>) {
        write_frame(TEXT, &[b"/create_group ", group.as_bytes()], out);
    }

    fn join_group(&self, group: &str, out: &mut Vec<u8>) {
        write_frame(TEXT, &[b"/join_group ", group.as_bytes()], out);
    }

    fn group_message(&self, group: &str, text: &[u8], out: &mut Vec<u8>) {
        write_frame(TEXT, &[b"/group_msg ", group.as_bytes(), b" ", text], out);
    }

    fn private_message(&self, to: &str, text: &[u8], out: &mut Vec<u8>) {
        write_frame(TEXT, &[b"/msg ", to.as_bytes(), b" ", text], out);
    }

    fn ping(&self, out: &mut Vec<u8>) {
        write_frame(TEXT, &[b"/ping bench"], out);
    }

    fn pong(&self, token: &[u8], out: &mut Vec<u8>) {
        write_frame(PONG, &[token], out);
    }

    fn decode<'a>(&self, bytes: &'a [u8]) -> Option<(usize, Frame<'a>)> {
        // The answer to the handshake; no frame of a server begins with this byte.
        if bytes.first() == Some(&b'H') {
            return handshake(bytes);
        }
        let (first, header, length) = frame_header(bytes)?;
        let end = header.checked_add(length)?;
        let payload = bytes.get(header..end)?;
        let frame = match first {
            TEXT => decode_event(payload),
            PING => Frame::Ping(payload),
            CLOSE => Frame::Other(payload),
            _ => Frame::Refused(b"a frame that Parlor does not send"),
        };
        Some((end, frame))
    }
}

/// Appends a frame with all parts as its payload.
fn write_frame(first: u8, parts: &[&[u8]], out: &mut Vec<u8>) {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    match length {
        0..=MAX_SHORT => out.extend_from_slice(&[first, MASKED | length as u8]),
        _ if length <= MAX_MEDIUM => append(out, &[&[first, MASKED | 126], &(length as u16).to_be_bytes()]),
        _ => append(out, &[&[first, MASKED | 127], &(length as u64).to_be_bytes()]),
    }
    out.extend_from_slice(MASK);
    append(out, parts);
}

/// The first byte of a frame, the length of its header and the length of its payload.
fn frame_header(bytes: &[u8]) -> Option<(u8, usize, usize)> {
    let number = |digits: &[u8]| digits.iter().fold(0_u64, |number, digit| number << 8 | u64::from(*digit));
    let (first, second) = (*bytes.first()?, *bytes.get(1)?);
    let (header, length) = match second {
        126 => (4, number(bytes.get(2..4)?)),
        127 => (10, number(bytes.get(2..10)?)),
        short => (2, short.into()),
    };
    Some((first, header, usize::try_from(length).unwrap_or(usize::MAX)))
}

/// The answer to the handshake, which may be a refusal.
fn handshake(bytes: &[u8]) -> Option<(usize, Frame<'_>)> {
    let (answer, _) = split_once(bytes, b"\r\n\r\n")?;
    let length = answer.len() + b"\r\n\r\n".len();
    let (status, headers) = split_once(answer, b"\r\n").unwrap_or((answer, b""));
    let accepted = status.starts_with(b"HTTP/1.1 101 ") && split_once(headers, ACCEPT).is_some();
    Some((length, if accepted { Frame::Other(status) } else { Frame::Refused(status) }))
}

/// What an event means.
fn decode_event(event: &[u8]) -> Frame<'_> {
    let Some(kind) = json_field(event, "event") else { return Frame::Refused(event) };
    let message = |destination| match json_field(event, "text") {
        Some(text) => Frame::Message(Message { from: json_field(event, "from"), destination, text }),
        None => Frame::Other(event),
    };
    match kind {
        b"group" => json_field(event, "group").map_or(Frame::Other(event), |group| message(Destination::Group(group))),
        b"private" => message(Destination::Private),
        b"sent" => json_field(event, "to").map_or(Frame::Other(event), |to| message(Destination::SentCopy(to))),
        b"broadcast" => message(Destination::Broadcast),
        b"left" => json_field(event, "user").map_or(Frame::Other(event), Frame::UserLeft),
        b"welcome" | b"group_created" | b"group_joined" => Frame::Done,
        b"pong" if json_field(event, "text") == Some(b"bench") => Frame::Done,
        b"error" | b"login_failed" | b"address_banned" => Frame::Refused(event),
        _ => Frame::Other(event),
    }
}

/// A string field of the outermost JSON object, as it stands between its quotes; `None` if it is missing or no string.
///
/// This scans the object without parsing all of it. Escapes are not decoded: texts of the load tester have none.
fn json_field<'a>(object: &'a [u8], name: &str) -> Option<&'a [u8]> {
    let mut rest = object.strip_prefix(b"{")?;
    loop {
        let (key, after) = json_string(rest)?;
        let value = after.strip_prefix(b":")?;
        if key == name.as_bytes() {
            return json_string(value).map(|(text, _)| text);
        }
        rest = value.get(json_length(value)?..)?.strip_prefix(b",")?;
    }
}

/// A string, and what follows its closing quote.
fn json_string(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let rest = bytes.strip_prefix(b"\"")?;
    let mut from = 0;
    loop {
        let end = from + memchr::memchr2(b'"', b'\\', rest.get(from..)?)?;
        if rest[end] == b'"' {
            return Some((&rest[..end], &rest[end + 1..]));
        }
        from = end + 2;
    }
}

/// The length of a value of any type.
fn json_length(bytes: &[u8]) -> Option<usize> {
    let (mut at, mut depth) = (0, 0_usize);
    loop {
        match bytes.get(at)? {
            b'"' => at = bytes.len() - json_string(&bytes[at..])?.1.len(),
            b'{' | b'[' => (depth, at) = (depth + 1, at + 1),
            b',' | b'}' | b']' if depth == 0 => return Some(at),
            b'}' | b']' => (depth, at) = (depth - 1, at + 1),
            _ => at += 1,
        }
    }
}
