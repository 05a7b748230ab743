//! Floor 1, dialects: each turns events into the bytes that one kind of client understands.
//!
//! A dialect knows events and nothing else: no sockets, no hub.

mod json;
mod machine;
mod plain;

pub use json::{JSON, json};
pub use machine::MACHINE;
pub use plain::{PLAIN, PLAIN_CRLF, PLAIN_CRLF_IDS, PLAIN_IDS};

use crate::model::Event;

/// One way to put events into bytes. The plain one is for people, the machine one for programs; each owns a slot of an event's cache.
pub trait Dialect: Send + Sync {
    /// The bytes of an event, made at most once for all its recipients.
    fn encode<'e>(&self, event: &'e Event) -> &'e [u8];

    /// What stands between an unanswered question and an event that comes while it is open.
    fn after_prompt(&self) -> &'static [u8];
}
