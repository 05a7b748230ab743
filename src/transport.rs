//! Floor 1, transport: how bytes arrive from a client, become lines, and how bytes go back.
//!
//! A [`Link`] carries bytes. A `LineSource` turns received bytes into lines; it does no I/O and reads no clock.
//! Neither knows anything about the chat: no names, no commands, no events.

mod framing;
mod io;
mod link;
pub mod memory;
mod source;
mod tcp;
mod telnet;
mod websocket;

pub(crate) use framing::{Input, LegacyCommands};
pub(crate) use io::{linger, write_all_until};
pub use link::Link;
pub(crate) use source::{Framing, LineSource};
pub(crate) use tcp::{TcpLink, Traffic};
pub(crate) use websocket::WebSocketLink;
