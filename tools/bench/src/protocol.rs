//! What the load tester has to know of a server's protocol: what a client sends, and what the answers mean.
//!
//! Bytes in, bytes out: no sockets and no clock.

mod irc;
mod nats;
mod parlor;
mod redis;
mod web;

#[cfg(test)]
mod tests;

pub(crate) use irc::Irc;
pub(crate) use nats::Nats;
pub(crate) use parlor::Parlor;
pub(crate) use redis::Redis;
pub(crate) use web::Web;

use crate::users::User;

/// The protocol of one kind of server.
///
/// The server answers every request (login, creating or joining a group, ping) with exactly one [`Frame::Done`] or
/// [`Frame::Refused`], in the order of the requests of that client.
pub(crate) trait Protocol {
    /// What the server guarantees.
    fn guarantees(&self) -> Guarantees;

    /// Appends what a client sends as soon as it is connected.
    fn log_in(&self, user: &User, out: &mut Vec<u8>);

    /// Appends the request that creates a group with this client as its first member. In most protocols a group exists
    /// as soon as somebody joins it.
    fn create_group(&self, group: &str, out: &mut Vec<u8>) {
        self.join_group(group, out);
    }

    /// Appends the request to join a group.
    fn join_group(&self, group: &str, out: &mut Vec<u8>);

    /// Appends a message to a group.
    fn group_message(&self, group: &str, text: &[u8], out: &mut Vec<u8>);

    /// Appends a private message.
    fn private_message(&self, to: &str, text: &[u8], out: &mut Vec<u8>);

    /// Appends a ping, which is answered after everything the server has sent to this client before.
    fn ping(&self, out: &mut Vec<u8>);

    /// Appends the answer to a [`Frame::Ping`].
    fn pong(&self, token: &[u8], out: &mut Vec<u8>);

    /// Decodes the first frame in `bytes`. Returns its length and its meaning; `None` if it is incomplete.
    fn decode<'a>(&self, bytes: &'a [u8]) -> Option<(usize, Frame<'a>)>;
}

/// What the load tester may expect of a kind of server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Guarantees {
    /// The sender of a group message receives it like any other member.
    pub(crate) group_echo: bool,
    /// The sender of a private message receives a copy.
    pub(crate) private_echo: bool,
    /// All members of a group see its messages in the same order.
    pub(crate) total_order: bool,
}

/// What a frame from the server means.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Frame<'a> {
    /// A chat message.
    Message(Message<'a>),
    /// The oldest unanswered request succeeded.
    Done,
    /// The oldest unanswered request was refused, in the server's words.
    Refused(&'a [u8]),
    /// The server expects a pong with this token.
    Ping(&'a [u8]),
    /// This user has left the server.
    UserLeft(&'a [u8]),
    /// Anything else.
    Other(&'a [u8]),
}

/// A chat message as a client receives it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Message<'a> {
    /// The sender; `None` if the protocol does not say.
    pub(crate) from: Option<&'a [u8]>,
    /// Where it was sent.
    pub(crate) destination: Destination<'a>,
    /// The text.
    pub(crate) text: &'a [u8],
}

/// Where a message was sent, as its recipient sees it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Destination<'a> {
    /// To this group.
    Group(&'a [u8]),
    /// To this client alone.
    Private,
    /// By this client, privately, to this user: the sender's copy.
    SentCopy(&'a [u8]),
    /// To everybody.
    Broadcast,
}

/// The first line of `bytes` without its line end, and its length including it.
fn first_line(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let end = memchr::memchr(b'\n', bytes)?;
    let line = &bytes[..end];
    Some((end + 1, line.strip_suffix(b"\r").unwrap_or(line)))
}

/// `bytes` before and after the first `separator`.
fn split_once<'a>(bytes: &'a [u8], separator: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let (first, _) = separator.split_first()?;
    let at = memchr::memchr_iter(*first, bytes).find(|at| bytes[*at..].starts_with(separator))?;
    Some((&bytes[..at], &bytes[at + separator.len()..]))
}

/// Appends all parts to `out`.
fn append(out: &mut Vec<u8>, parts: &[&[u8]]) {
    parts.iter().for_each(|part| out.extend_from_slice(part));
}
