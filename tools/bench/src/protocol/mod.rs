//! What the load tester has to know of a server: what a client sends, and what the answers mean.
//!
//! Bytes in, bytes out: no sockets and no clock.

mod irc;
mod nats;
mod parlord;
mod redis;
mod web;

#[cfg(test)]
mod tests;

pub(crate) use irc::Irc;
pub(crate) use nats::Nats;
pub(crate) use parlord::Parlor;
pub(crate) use redis::Redis;
pub(crate) use web::Web;

use crate::users::User;

/// The language of a kind of server.
///
/// Every request (logging in, entering a group, a ping) is answered by exactly one [`Said::Done`] or [`Said::Refused`],
/// in the order of the requests of that client.
pub(crate) trait Protocol {
    /// What its sessions promise.
    fn promises(&self) -> Promises;

    /// Appends what a client sends as soon as it is connected.
    fn log_in(&self, user: &User, out: &mut Vec<u8>);

    /// Appends what makes a client a member of a group; `first` is said for the first member alone.
    fn enter(&self, group: &str, first: bool, out: &mut Vec<u8>);

    /// Appends a message to a group.
    fn say(&self, group: &str, text: &[u8], out: &mut Vec<u8>);

    /// Appends a private message.
    fn tell(&self, to: &str, text: &[u8], out: &mut Vec<u8>);

    /// Appends a question that is answered after everything the server had to say to this client before.
    fn ping(&self, out: &mut Vec<u8>);

    /// Appends the answer to a [`Said::Ping`].
    fn pong(&self, token: &[u8], out: &mut Vec<u8>);

    /// The first whole frame in `bytes`: its length, and what it says; `None` while its end has not come.
    fn next<'a>(&self, bytes: &'a [u8]) -> Option<(usize, Said<'a>)>;
}

/// What the load tester may hold a kind of server to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Promises {
    /// Who speaks in a group gets his own message as a member.
    pub(crate) group_echo: bool,
    /// Who writes privately gets a copy.
    pub(crate) private_echo: bool,
    /// All members of a group get its messages in one order.
    pub(crate) one_order: bool,
}

/// What a frame from the server means.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Said<'a> {
    /// A message.
    Message(Message<'a>),
    /// The oldest request that was not answered yet is done.
    Done,
    /// The oldest request that was not answered yet is refused, in the server's words.
    Refused(&'a [u8]),
    /// The server wants an answer with this token.
    Ping(&'a [u8]),
    /// This user is gone.
    Left(&'a [u8]),
    /// Anything else.
    Other(&'a [u8]),
}

/// A message as a client gets it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Message<'a> {
    /// Who said it; `None` where the protocol does not tell.
    pub(crate) from: Option<&'a [u8]>,
    /// Where it was said.
    pub(crate) place: Place<'a>,
    /// What was said.
    pub(crate) text: &'a [u8],
}

/// Where a message was said.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Place<'a> {
    /// In this group.
    Group(&'a [u8]),
    /// To the client alone.
    Private,
    /// By the client, to this user alone: the sender's copy.
    Sent(&'a [u8]),
    /// To everybody.
    Everybody,
}

/// The first line of `bytes` without its end, and its length with it.
fn line(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let end = memchr::memchr(b'\n', bytes)?;
    let line = &bytes[..end];
    Some((end + 1, line.strip_suffix(b"\r").unwrap_or(line)))
}

/// `bytes` before and after the first `separator`.
fn cut<'a>(bytes: &'a [u8], separator: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let (first, _) = separator.split_first()?;
    let at = memchr::memchr_iter(*first, bytes).find(|at| bytes[*at..].starts_with(separator))?;
    Some((&bytes[..at], &bytes[at + separator.len()..]))
}

/// Appends all parts.
fn put(out: &mut Vec<u8>, parts: &[&[u8]]) {
    parts.iter().for_each(|part| out.extend_from_slice(part));
}
