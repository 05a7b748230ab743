//! Doors: the protocols that clients speak, one per kind of listener.
//!
//! A door defines how bytes become input, how users log in and are welcomed, and how events become bytes. Everything else
//! about a session is the same at every door. The server gives each connection its door; nothing infers the protocol from
//! the transport (docs/adr/0027-doors.md).

mod plain;
mod web;

use std::sync::Arc;

pub(crate) use plain::PlainDoor;
pub(crate) use web::WebDoor;

use super::Session;
use crate::command::Context;
use crate::hub::{Client, Presence};
use crate::model::{Event, Name, OutputFormat, QuitReason, UserError};
use crate::transport::{Input, LineSource};

/// One protocol. A door has no state of its own: what belongs to a connection is in its [`Session`] and its [`Output`].
pub(crate) trait Door: Send + Sync {
    /// How a new connection's bytes become input, with lines of at most `line_limit` bytes.
    fn source(&self, line_limit: usize) -> LineSource;

    /// How events become a new connection's bytes.
    fn output(&self) -> Box<dyn Output>;

    /// Whether the first bytes of a connection belong to another protocol; then it is closed with a hint.
    fn is_foreign(&self, first_bytes: &[u8]) -> bool;

    /// Logs a user in.
    ///
    /// # Errors
    /// Why the connection is to be closed instead.
    fn login(&self, session: &mut Session<'_>) -> Result<Presence, QuitReason>;

    /// Queues the welcome of a user who has just logged in. The messages they missed follow it.
    fn welcome(&self, session: &Session<'_>, client: &Arc<Client>);

    /// Executes one input of a logged-in user.
    ///
    /// # Errors
    /// The answer to the user when it cannot be done.
    fn execute(&self, input: Input, session: &Session<'_>, context: &mut Context<'_>) -> Result<(), UserError>;

    /// Prepares the client for a question whose answer is secret; called before the question is queued.
    fn begin_question(&self, session: &mut Session<'_>);

    /// Undoes [`Door::begin_question`]; called when the question has been answered, and when the session ends.
    fn end_question(&self, session: &mut Session<'_>);
}

/// How events become the bytes of one connection. It belongs to the connection's writer and is used under its lock.
pub(crate) trait Output: Send {
    /// Appends the bytes of an event to what is about to be written.
    fn put(&mut self, event: &Event, page: &mut Vec<u8>);

    /// The bytes between a question that is still unanswered and the next event.
    fn after_prompt(&self) -> &'static [u8];

    /// Formats all further events as this user wants them.
    fn set_format(&mut self, user: Name, format: OutputFormat);
}
