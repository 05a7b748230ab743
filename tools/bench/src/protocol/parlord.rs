//! Parlor's own plain lines, which the bare loop speaks too.

use crate::protocol::{Message, Place, Promises, Protocol, Said, cut, line, put};
use crate::users::User;

/// What answers a login that went well, behind the prompts if they come.
const WELCOME: &[u8] = b"Welcome to the chat server!";

/// The prompts end with no line end, so they stand before the first line.
const PASSWORD_PROMPT: &[u8] = b"Enter password: ";

/// Parlor.
pub(crate) struct Parlor;

impl Protocol for Parlor {
    fn promises(&self) -> Promises {
        Promises { group_echo: true, private_echo: true, one_order: true }
    }

    fn log_in(&self, user: &User, out: &mut Vec<u8>) {
        put(out, &[user.name.as_bytes(), b"\n", user.password.as_bytes(), b"\n"]);
    }

    fn enter(&self, group: &str, first: bool, out: &mut Vec<u8>) {
        let verb: &[u8] = if first { b"/create_group " } else { b"/join_group " };
        put(out, &[verb, group.as_bytes(), b"\n"]);
    }

    fn say(&self, group: &str, text: &[u8], out: &mut Vec<u8>) {
        put(out, &[b"/group_msg ", group.as_bytes(), b" ", text, b"\n"]);
    }

    fn tell(&self, to: &str, text: &[u8], out: &mut Vec<u8>) {
        put(out, &[b"/msg ", to.as_bytes(), b" ", text, b"\n"]);
    }

    fn ping(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"/ping bench\n");
    }

    fn pong(&self, _: &[u8], _: &mut Vec<u8>) {}

    fn next<'a>(&self, bytes: &'a [u8]) -> Option<(usize, Said<'a>)> {
        let (length, line) = line(bytes)?;
        Some((length, said(line)))
    }
}

fn said(line: &[u8]) -> Said<'_> {
    match line.first() {
        Some(b'[') => message(line).map_or(Said::Other(line), Said::Message),
        Some(b'*') => match line.strip_prefix(b"*** ").and_then(|rest| rest.strip_suffix(b" has left the chat.")) {
            Some(name) => Said::Left(name),
            None => Said::Other(line),
        },
        _ => answer(line),
    }
}

fn answer(line: &[u8]) -> Said<'_> {
    let after_prompts = cut(line, PASSWORD_PROMPT).map_or(line, |(_, rest)| rest);
    let created = line.starts_with(b"Group ") && line.ends_with(b".");
    if created || line.starts_with(b"You joined the group ") || line == b"Pong: bench" || after_prompts == WELCOME {
        return Said::Done;
    }
    let refused = after_prompts.starts_with(b"Authentication failed") || line.starts_with(b"Error: ");
    if refused { Said::Refused(after_prompts) } else { Said::Other(line) }
}

fn message(line: &[u8]) -> Option<Message<'_>> {
    let rest = &line[1..];
    if let Some(rest) = rest.strip_prefix(b"Group ") {
        let (group, rest) = cut(rest, b"][")?;
        let (from, text) = cut(rest, b"]: ")?;
        return Some(Message { from: Some(from), place: Place::Group(group), text });
    }
    if let Some(rest) = rest.strip_prefix(b"Broadcast][") {
        let (from, text) = cut(rest, b"]: ")?;
        return Some(Message { from: Some(from), place: Place::Everybody, text });
    }
    let (name, text) = cut(rest, b"]: ")?;
    match name.strip_prefix(b"to ") {
        Some(to) => Some(Message { from: None, place: Place::Sent(to), text }),
        None => Some(Message { from: Some(name), place: Place::Private, text }),
    }
}
