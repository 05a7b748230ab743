//! Parlor's plain text lines, which the bare loop speaks too.

use crate::protocol::{Destination, Frame, Guarantees, Message, Protocol, append, first_line, split_once};
use crate::users::User;

/// The answer to a successful login, on the same line as the prompts.
const WELCOME: &[u8] = b"Welcome to the chat server!";

/// The prompts have no line end, so the first line begins with them.
const PASSWORD_PROMPT: &[u8] = b"Enter password: ";

/// Parlor.
pub(crate) struct Parlor;

impl Protocol for Parlor {
    fn guarantees(&self) -> Guarantees {
        Guarantees { group_echo: true, private_echo: true, total_order: true }
    }

    fn log_in(&self, user: &User, out: &mut Vec<u8>) {
        append(out, &[user.name.as_bytes(), b"\n", user.password.as_bytes(), b"\n"]);
    }

    fn create_group(&self, group: &str, out: &mut Vec<u8>) {
        append(out, &[b"/create_group ", group.as_bytes(), b"\n"]);
    }

    fn join_group(&self, group: &str, out: &mut Vec<u8>) {
        append(out, &[b"/join_group ", group.as_bytes(), b"\n"]);
    }

    fn group_message(&self, group: &str, text: &[u8], out: &mut Vec<u8>) {
        append(out, &[b"/group_msg ", group.as_bytes(), b" ", text, b"\n"]);
    }

    fn private_message(&self, to: &str, text: &[u8], out: &mut Vec<u8>) {
        append(out, &[b"/msg ", to.as_bytes(), b" ", text, b"\n"]);
    }

    fn ping(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"/ping bench\n");
    }

    fn pong(&self, _: &[u8], _: &mut Vec<u8>) {}

    fn decode<'a>(&self, bytes: &'a [u8]) -> Option<(usize, Frame<'a>)> {
        let (length, line) = first_line(bytes)?;
        Some((length, decode_line(line)))
    }
}

fn decode_line(line: &[u8]) -> Frame<'_> {
    match line.first() {
        Some(b'[') => message(line).map_or(Frame::Other(line), Frame::Message),
        Some(b'*') => match line.strip_prefix(b"*** ").and_then(|rest| rest.strip_suffix(b" has left the chat.")) {
            Some(name) => Frame::UserLeft(name),
            None => Frame::Other(line),
        },
        _ => answer(line),
    }
}

fn answer(line: &[u8]) -> Frame<'_> {
    let after_prompts = split_once(line, PASSWORD_PROMPT).map_or(line, |(_, rest)| rest);
    let created = line.starts_with(b"Group ") && line.ends_with(b".");
    if created || line.starts_with(b"You joined the group ") || line == b"Pong: bench" || after_prompts == WELCOME {
        return Frame::Done;
    }
    let refused = after_prompts.starts_with(b"Authentication failed") || line.starts_with(b"Error: ");
    if refused { Frame::Refused(after_prompts) } else { Frame::Other(line) }
}

fn message(line: &[u8]) -> Option<Message<'_>> {
    let rest = &line[1..];
    if let Some(rest) = rest.strip_prefix(b"Group ") {
        let (group, rest) = split_once(rest, b"][")?;
        let (from, text) = split_once(rest, b"]: ")?;
        return Some(Message { from: Some(from), destination: Destination::Group(group), text });
    }
    if let Some(rest) = rest.strip_prefix(b"Broadcast][") {
        let (from, text) = split_once(rest, b"]: ")?;
        return Some(Message { from: Some(from), destination: Destination::Broadcast, text });
    }
    let (name, text) = split_once(rest, b"]: ")?;
    match name.strip_prefix(b"to ") {
        Some(to) => Some(Message { from: None, destination: Destination::SentCopy(to), text }),
        None => Some(Message { from: Some(name), destination: Destination::Private, text }),
    }
}
