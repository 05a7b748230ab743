//! One logged-in session, as the hub sees it: a name, a queue, and a port to the outside.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use parking_lot::{Condvar, Mutex};

use super::outbox::{ConnectionHandle, Outbox};
use crate::model::{MessageId, Name, QuitReason};
use crate::store::{Device, Entry, Position};

/// The number of a session, in the order in which connections were accepted; never used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClientId(pub u64);

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
    pub(super) last_activity: Mutex<Instant>,
    /// What it has still to be sent.
    pub outbox: Outbox,
    /// The last message of the log that was delivered before it came.
    pub(super) joined_at: MessageId,
    pub(super) position: DeliveryPosition,
    pub(super) receipts: AtomicBool,
    pub(super) typing: AtomicBool,
    pub(super) port: Arc<dyn ConnectionHandle>,
    pub(super) departure: DepartureSignal,
}

impl Client {
    /// Asks the session to end; see [`ConnectionHandle::close`].
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

    /// Chooses whether this session is told who is typing.
    pub fn want_typing(&self, wanted: bool) {
        self.typing.store(wanted, Ordering::Relaxed);
    }

    /// Whether this session is told who is typing.
    pub fn wants_typing(&self) -> bool {
        self.typing.load(Ordering::Relaxed)
    }

    /// Whether the session has departed from the hub.
    pub(super) fn has_departed(&self) -> bool {
        *self.departure.over.lock()
    }

    /// Remembers that the user said something at `now`.
    pub fn note_activity(&self, now: Instant) {
        *self.last_activity.lock() = now;
    }

    /// How long ago the user last said something.
    pub(super) fn idle(&self) -> Duration {
        self.last_activity.lock().elapsed()
    }

    /// Waits until the session has departed from the hub, and says whether it had by `deadline`.
    pub fn departed_by(&self, deadline: Instant) -> bool {
        let mut over = self.departure.over.lock();
        self.departure.known.wait_while_until(&mut over, |over| !*over, deadline);
        *over
    }

    /// Remembers that it has been shown what it missed up to this message.
    pub fn note_shown(&self, upto: MessageId) {
        self.position.shown.store(upto.0, Ordering::Relaxed);
    }

    /// What the store is to know of a session that is here.
    pub(super) fn current_position(&self, at: SystemTime) -> Entry {
        let position = if self.position.is_here() { Position::Here } else { Position::Upto(self.outbox.written()) };
        self.position_entry(position, at)
    }

    pub(super) fn position_entry(&self, position: Position, at: SystemTime) -> Entry {
        Entry::Reading { user: self.name, device: self.device, position, at }
    }
}

/// Whether a session has departed from the hub.
#[derive(Default)]
pub(super) struct DepartureSignal {
    over: Mutex<bool>,
    known: Condvar,
}

impl DepartureSignal {
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

/// What the store says about a session.
#[derive(Debug, Default)]
pub(super) struct DeliveryPosition {
    /// Changed under the central lock.
    state: AtomicU8,
    /// The last message that it has been shown of what it missed.
    shown: AtomicU64,
}

/// It is owed what came before it.
const NEW: u8 = 0;

/// It gets everything as it comes.
const HERE: u8 = 1;

/// It was here, and has fallen behind.
pub(super) const BEHIND: u8 = 2;

impl DeliveryPosition {
    fn set(&self, from: u8, to: u8) -> bool {
        self.state.compare_exchange(from, to, Ordering::SeqCst, Ordering::SeqCst).is_ok()
    }

    pub(super) fn is(&self, state: u8) -> bool {
        self.state.load(Ordering::SeqCst) == state
    }

    pub(super) fn catch_up(&self) {
        self.set(NEW, HERE);
    }

    pub(super) fn fall_behind(&self) -> bool {
        self.set(HERE, BEHIND)
    }

    pub(super) fn get_back(&self) -> bool {
        self.set(BEHIND, HERE)
    }

    pub(super) fn is_here(&self) -> bool {
        self.is(HERE)
    }

    /// Up to where a session had got everything when it left.
    pub(super) fn left_at(&self, client: &Client, last: MessageId) -> Option<Position> {
        let outbox = &client.outbox;
        let upto = match self.is(NEW) {
            // It may have been written what came since, but is still owed what came before.
            true => MessageId(self.shown.load(Ordering::Relaxed)),
            false if outbox.is_all_written() => last,
            false => outbox.written(),
        };
        // Of a session that was shown nothing yet, what the store says stays true.
        (upto > MessageId(0) || !self.is(NEW)).then_some(Position::Upto(upto))
    }
}
