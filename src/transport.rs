//! Floor 1, transport: how bytes come from a client, become lines, and get back to him.
//!
//! A [`Link`] carries bytes; a [`LineSource`] makes lines of them, with no I/O and no clock. Neither knows any chat: no
//! names, no commands, no events.

mod framing;
mod legacy_framing;
mod link;
pub mod memory;
mod source;
mod tcp;
mod telnet;
mod traffic;
mod websocket;

pub use framing::Input;
pub use link::Link;
pub use source::{Framing, LineSource};
pub use tcp::TcpLink;
pub use traffic::Traffic;
pub use websocket::WebSocketLink;
