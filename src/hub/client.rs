//! One logged-in session, as the hub sees it: a name, a queue, and a port to the outside.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime};

use parking_lot::{Condvar, Mutex};

use super::outbox::Outbox;
use super::reading::Reading;
use crate::model::{MessageId, Name, QuitReason};
use crate::store::Device;

/// The number of a session, in the order in which connections were accepted; never used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClientId(pub u64);

/// What the hub needs of a client's connection; the session has it.
pub trait Port: Send + Sync {
    /// Writes out what is queued as far as that goes without waiting for the client.
    /// `thorough` waits for whoever is writing to this client at the moment, so that all of it has been tried.
    fn flush(&self, client: &Arc<Client>, thorough: bool);

    /// Does this while nothing is written to the client, and from then on writes nothing of his outbox any more.
    fn conclude(&self, client: &Client, work: &mut dyn FnMut());

    /// Asks the session to end for this reason (the first one given counts) and wakes its thread; that is all.
    fn close(&self, reason: QuitReason);
}

/// A logged-in session. What it says and leaves goes through the hub; what it is told goes through its outbox.
pub struct Client {
    /// Which session this is.
    pub id: ClientId,
    /// Whose session this is.
    pub name: Name,
    /// Which of his devices this is.
    pub device: Device,
    /// From where it is connected.
    pub peer: SocketAddr,
    /// When it logged in.
    pub since: SystemTime,
    /// When its user last said something.
    pub(super) heard: Mutex<Instant>,
    /// What it has still to be sent.
    pub outbox: Outbox,
    /// The last message of the log that was delivered before it came.
    pub(super) joined_at: MessageId,
    pub(super) reading: Reading,
    pub(super) receipts: AtomicBool,
    pub(super) typing: AtomicBool,
    pub(super) port: Arc<dyn Port>,
    pub(super) departure: Departure,
}

impl Client {
    /// Asks the session to end; see [`Port::close`].
    pub fn close(&self, reason: QuitReason) {
        self.port.close(reason);
    }

    /// Writes out what is queued as far as that goes without waiting for the client.
    pub fn flush(self: &Arc<Client>) {
        self.port.flush(self, false);
    }

    /// As [`Client::flush`], and does not leave it to another thread that is at it.
    pub(super) fn flush_thoroughly(self: &Arc<Client>) {
        self.port.flush(self, true);
    }

    /// Chooses whether this session is told when private messages of its user have been received.
    pub fn want_receipts(&self, wanted: bool) {
        self.receipts.store(wanted, Ordering::Relaxed);
    }

    /// Whether this session is told of receipts.
    pub fn wants_receipts(&self) -> bool {
        self.receipts.load(Ordering::Relaxed)
    }

    /// Whether the session has departed from the hub.
    pub(super) fn has_departed(&self) -> bool {
        *self.departure.over.lock()
    }

    /// Remembers that the user said something at `now`.
    pub fn hear(&self, now: Instant) {
        *self.heard.lock() = now;
    }

    /// How long ago the user last said something.
    pub(super) fn idle(&self) -> Duration {
        self.heard.lock().elapsed()
    }

    /// Waits until the session has departed from the hub, and says whether it had by `deadline`.
    pub fn departed_by(&self, deadline: Instant) -> bool {
        let mut over = self.departure.over.lock();
        self.departure.known.wait_while_until(&mut over, |over| !*over, deadline);
        *over
    }
}

/// Whether a session has departed from the hub.
#[derive(Default)]
pub(super) struct Departure {
    over: Mutex<bool>,
    known: Condvar,
}

impl Departure {
    /// Says that it has.
    pub(super) fn conclude(&self) {
        *self.over.lock() = true;
        self.known.notify_all();
    }
}

impl fmt::Display for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "session-{}", self.0)
    }
}
