//! Floor 2, the hub: who is here, who is in which group, and what each has still to be sent.
//!
//! One central lock over the client, group and queue maps. Under it: map work, a sequence number, a push into an outbox.
//! Never: a socket, a file, hashing, a log line, rendering, a wait. It knows no sockets and no text for people.

mod apply;
mod client;
mod delivery;
mod groups;
mod log;
mod moderation;
mod outbox;
mod positions;
mod presence;
mod rename;
mod roles;
mod sanctions;
mod state;
mod stats;
#[cfg(test)]
pub(crate) mod tests;

pub use client::{Client, ClientId};
pub use delivery::{Destination, PendingDelivery};
pub use groups::JoinVia;
pub use log::PendingMessage;
pub use moderation::SessionInfo;
pub use outbox::{ConnectionHandle, FlushList, Outbox, PushOutcome};
pub use presence::{AttachError, NewSession, Presence};
pub use rename::NameLock;
pub use state::Hub;
pub use stats::Stats;
