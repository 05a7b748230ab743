//! IRC, as in RFC 1459 and as servers implement it.

use crate::protocol::{Destination, Frame, Guarantees, Message, Protocol, append, first_line, split_once};
use crate::users::User;

/// IRC servers.
pub(crate) struct Irc;

/// Numeric replies: the welcome, the end of the names list after a join, and "no message of the day", which is the one
/// 4xx reply that is no error here.
const WELCOME: &[u8] = b"001";
const END_OF_NAMES: &[u8] = b"366";
const NO_MOTD: &[u8] = b"422";

impl Protocol for Irc {
    fn guarantees(&self) -> Guarantees {
        Guarantees { group_echo: false, private_echo: false, total_order: true }
    }

    fn log_in(&self, user: &User, out: &mut Vec<u8>) {
        let name = user.name.as_bytes();
        append(out, &[b"NICK ", name, b"\r\nUSER ", name, b" 0 * :load tester\r\n"]);
    }

    fn join_group(&self, group: &str, out: &mut Vec<u8>) {
        append(out, &[b"JOIN #", group.as_bytes(), b"\r\n"]);
    }

    fn group_message(&self, group: &str, text: &[u8], out: &mut Vec<u8>) {
        append(out, &[b"PRIVMSG #", group.as_bytes(), b" :", text, b"\r\n"]);
    }

    fn private_message(&self, to: &str, text: &[u8], out: &mut Vec<u8>) {
        append(out, &[b"PRIVMSG ", to.as_bytes(), b" :", text, b"\r\n"]);
    }

    fn ping(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"PING :bench\r\n");
    }

    fn pong(&self, token: &[u8], out: &mut Vec<u8>) {
        append(out, &[b"PONG ", token, b"\r\n"]);
    }

    fn decode<'a>(&self, bytes: &'a [u8]) -> Option<(usize, Frame<'a>)> {
        let (length, line) = first_line(bytes)?;
        Some((length, decode_line(line)))
    }
}

fn decode_line(line: &[u8]) -> Frame<'_> {
    if let Some(token) = line.strip_prefix(b"PING ") {
        return Frame::Ping(token);
    }
    if line.starts_with(b"ERROR ") {
        return Frame::Refused(line);
    }
    let Some((source, rest)) = line.strip_prefix(b":").and_then(|rest| split_once(rest, b" ")) else {
        return Frame::Other(line);
    };
    let (verb, rest) = split_once(rest, b" ").unwrap_or((rest, b""));
    let nick = split_once(source, b"!").map_or(source, |(nick, _)| nick);
    match verb {
        b"PRIVMSG" => message(nick, rest).map_or(Frame::Other(line), Frame::Message),
        WELCOME | END_OF_NAMES | b"PONG" => Frame::Done,
        b"QUIT" => Frame::UserLeft(nick),
        [b'4' | b'5', b'0'..=b'9', b'0'..=b'9'] if verb != NO_MOTD => Frame::Refused(line),
        _ => Frame::Other(line),
    }
}

fn message<'a>(from: &'a [u8], rest: &'a [u8]) -> Option<Message<'a>> {
    let (to, text) = split_once(rest, b" ")?;
    let text = text.strip_prefix(b":").unwrap_or(text);
    let destination = to.strip_prefix(b"#").map_or(Destination::Private, Destination::Group);
    Some(Message { from: Some(from), destination, text })
}
