//! IRC, as RFC 1459 and its servers have it.

use crate::protocol::{Message, Place, Promises, Protocol, Said, cut, line, put};
use crate::users::User;

/// IRC servers.
pub(crate) struct Irc;

/// Numerics: the welcome, the end of the list of names after a join, and those from here to there are errors.
const WELCOME: &[u8] = b"001";
const END_OF_NAMES: &[u8] = b"366";
const NO_MOTD: &[u8] = b"422";

impl Protocol for Irc {
    fn promises(&self) -> Promises {
        Promises { group_echo: false, private_echo: false, one_order: true }
    }

    fn log_in(&self, user: &User, out: &mut Vec<u8>) {
        let name = user.name.as_bytes();
        put(out, &[b"NICK ", name, b"\r\nUSER ", name, b" 0 * :load tester\r\n"]);
    }

    fn enter(&self, group: &str, _: bool, out: &mut Vec<u8>) {
        put(out, &[b"JOIN #", group.as_bytes(), b"\r\n"]);
    }

    fn say(&self, group: &str, text: &[u8], out: &mut Vec<u8>) {
        put(out, &[b"PRIVMSG #", group.as_bytes(), b" :", text, b"\r\n"]);
    }

    fn tell(&self, to: &str, text: &[u8], out: &mut Vec<u8>) {
        put(out, &[b"PRIVMSG ", to.as_bytes(), b" :", text, b"\r\n"]);
    }

    fn ping(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"PING :bench\r\n");
    }

    fn pong(&self, token: &[u8], out: &mut Vec<u8>) {
        put(out, &[b"PONG ", token, b"\r\n"]);
    }

    fn next<'a>(&self, bytes: &'a [u8]) -> Option<(usize, Said<'a>)> {
        let (length, line) = line(bytes)?;
        Some((length, said(line)))
    }
}

fn said(line: &[u8]) -> Said<'_> {
    if let Some(token) = line.strip_prefix(b"PING ") {
        return Said::Ping(token);
    }
    if line.starts_with(b"ERROR ") {
        return Said::Refused(line);
    }
    let Some((source, rest)) = line.strip_prefix(b":").and_then(|rest| cut(rest, b" ")) else {
        return Said::Other(line);
    };
    let (verb, rest) = cut(rest, b" ").unwrap_or((rest, b""));
    let nick = cut(source, b"!").map_or(source, |(nick, _)| nick);
    match verb {
        b"PRIVMSG" => message(nick, rest).map_or(Said::Other(line), Said::Message),
        WELCOME | END_OF_NAMES | b"PONG" => Said::Done,
        b"QUIT" => Said::Left(nick),
        [b'4' | b'5', b'0'..=b'9', b'0'..=b'9'] if verb != NO_MOTD => Said::Refused(line),
        _ => Said::Other(line),
    }
}

fn message<'a>(from: &'a [u8], rest: &'a [u8]) -> Option<Message<'a>> {
    let (to, text) = cut(rest, b" ")?;
    let text = text.strip_prefix(b":").unwrap_or(text);
    let place = to.strip_prefix(b"#").map_or(Place::Private, Place::Group);
    Some(Message { from: Some(from), place, text })
}
