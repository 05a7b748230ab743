//! Floor 1, the hub: who is here, who is in which group, and what each has still to be sent.
//!
//! One central lock over the client, group and queue maps. Under it: map work, a sequence number, a push into an outbox.
//! Never: a socket, a file, hashing, a log line, rendering, a wait. It knows no sockets and no text for people.

mod client;
mod outbox;
mod presence;
mod state;
#[cfg(test)]
mod tests;
mod touched;
mod verbs;

use std::sync::Arc;

use parking_lot::Mutex;

pub use client::{Client, ClientId, Port};
pub use outbox::{Outbox, Push};
pub use presence::{Presence, RegisterError, Registration};
use state::State;
pub use touched::Touched;

use crate::model::Limits;

/// A cheap handle to the one hub of a server. It has verbs, and never hands out its lock.
#[derive(Clone)]
pub struct Hub {
    inner: Arc<Inner>,
}

struct Inner {
    state: Mutex<State>,
    limits: Limits,
}

impl Hub {
    /// An empty hub with these bounds.
    pub fn new(limits: Limits) -> Hub {
        Hub { inner: Arc::new(Inner { state: Mutex::new(State::default()), limits }) }
    }

    /// The bounds this hub keeps.
    pub fn limits(&self) -> &Limits {
        &self.inner.limits
    }

    /// Everything that happens under the central lock happens in here.
    fn locked<T>(&self, work: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.inner.state.lock();
        work(&mut state)
    }
}
