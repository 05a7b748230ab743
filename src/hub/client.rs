//! One logged-in session as the hub sees it: a user, an outbox, and a handle to the connection.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use super::outbox::{ConnectionHandle, Outbox};
use crate::lock::{Condvar, Mutex};
use crate::model::{MessageId, Name, QuitReason};
use crate::store::{Device, Entry, Position};

/// The number of a session, in the order in which connections were accepted. It is never used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClientId(pub u64);

/// A logged-in session. What it says goes through the hub; what it is told goes through its outbox.
pub struct Client {
    /// Its number; 0 for a request without a session.
    pub id: ClientId,
    /// The user.
    pub name: Name,
    /// The device of the user.
    pub device: Device,
    /// Where it is connected from.
    pub peer: SocketAddr,
    /// When it logged in.
    pub since: SystemTime,
    /// When its user last sent something.
    // lock tier 9: a leaf.
    last_activity: Mutex<Instant, 9>,
    /// The events that still have to be written to it.
    pub outbox: Outbox,
    /// The last message of the log that was delivered before it came. Set under the central lock.
    pub(super) joined_at: MessageId,
    /// Its place in the log, as the store knows it.
    pub(super) position: DeliveryPosition,
    wants_receipts: AtomicBool,
    wants_typing: AtomicBool,
    pub(super) handle: Arc<dyn ConnectionHandle>,
    detached: DetachSignal,
}

impl Client {
    /// A session that starts now, with nothing in its outbox.
    pub(super) fn new(
        id: ClientId,
        name: Name,
        device: Device,
        peer: SocketAddr,
        handle: Arc<dyn ConnectionHandle>,
        outbox: Outbox,
    ) -> Client {
        Client {
            id,
            name,
            device,
            peer,
            since: SystemTime::now(),
            last_activity: Mutex::new(Instant::now()),
            outbox,
            joined_at: MessageId::default(),
            position: DeliveryPosition::default(),
            wants_receipts: AtomicBool::new(false),
            wants_typing: AtomicBool::new(false),
            handle,
            detached: DetachSignal::default(),
        }
    }

    /// Asks the session to end; see [`ConnectionHandle::close`].
    pub fn close(&self, reason: QuitReason) {
        self.handle.close(reason);
    }

    /// Writes out what is queued, as far as that goes without waiting for the client.
    pub fn flush(self: &Arc<Client>) {
        self.handle.flush(self, false);
    }

    /// As [`Client::flush`], but waits for another thread that is writing to this client.
    pub(super) fn flush_thoroughly(self: &Arc<Client>) {
        self.handle.flush(self, true);
    }

    /// Chooses whether this session is told when private messages of its user have been received.
    pub fn want_receipts(&self, wanted: bool) {
        self.wants_receipts.store(wanted, Ordering::Relaxed);
    }

    /// Whether this session is told of receipts.
    pub fn wants_receipts(&self) -> bool {
        self.wants_receipts.load(Ordering::Relaxed)
    }

    /// Chooses whether this session is told who is typing.
    pub fn want_typing(&self, wanted: bool) {
        self.wants_typing.store(wanted, Ordering::Relaxed);
    }

    /// Whether this session is told who is typing.
    pub fn wants_typing(&self) -> bool {
        self.wants_typing.load(Ordering::Relaxed)
    }

    /// Remembers that the user sent something at `now`.
    pub fn note_activity(&self, now: Instant) {
        *self.last_activity.lock() = now;
    }

    /// How long ago the user last sent something.
    pub(super) fn idle(&self) -> Duration {
        self.last_activity.lock().elapsed()
    }

    /// Remembers that the session has been shown the messages it missed, up to this one.
    pub fn note_shown(&self, upto: MessageId) {
        self.position.shown.store(upto.0, Ordering::Relaxed);
    }

    /// The entry about a session that is here.
    pub(super) fn current_position(&self, at: SystemTime) -> Entry {
        let position = if self.position.is_here() { Position::Here } else { Position::Upto(self.outbox.written()) };
        self.position_entry(position, at)
    }

    pub(super) fn position_entry(&self, position: Position, at: SystemTime) -> Entry {
        Entry::Delivered { user: self.name, device: self.device, position, at }
    }

    /// Whether the session has left the hub.
    pub(super) fn is_detached(&self) -> bool {
        *self.detached.flag.lock()
    }

    /// Says that the session has left the hub.
    pub(super) fn note_detached(&self) {
        *self.detached.flag.lock() = true;
        self.detached.condvar.notify_all();
    }

    /// Waits until the session has left the hub, and says whether it had by `deadline`.
    pub fn is_detached_by(&self, deadline: Instant) -> bool {
        let mut flag = self.detached.flag.lock();
        self.detached.condvar.wait_while_until(&mut flag, |detached| !*detached, deadline);
        *flag
    }
}

/// Whether a session has left the hub, and a way to wait for it.
#[derive(Default)]
struct DetachSignal {
    // lock tier 9: a leaf, for the condition variable; also taken under the receipts'.
    flag: Mutex<bool, 9>,
    condvar: Condvar,
}

impl fmt::Display for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "session-{}", self.0)
    }
}

/// A session's place in the log, as the store knows it.
#[derive(Debug, Default)]
pub(super) struct DeliveryPosition {
    /// [`NEW`], [`HERE`] or [`BEHIND`]; changed under the central lock.
    state: AtomicU8,
    /// The last message that the session has been shown of those it missed.
    shown: AtomicU64,
}

/// The session is still owed what came before it.
const NEW: u8 = 0;
/// The session gets everything as it comes.
const HERE: u8 = 1;
/// The session was here, and has fallen behind.
const BEHIND: u8 = 2;

impl DeliveryPosition {
    fn change(&self, from: u8, to: u8) -> bool {
        self.state.compare_exchange(from, to, Ordering::SeqCst, Ordering::SeqCst).is_ok()
    }

    fn is(&self, state: u8) -> bool {
        self.state.load(Ordering::SeqCst) == state
    }

    /// The session has been shown everything that came before it.
    pub(super) fn catch_up(&self) {
        self.change(NEW, HERE);
    }

    /// Says whether that is news.
    pub(super) fn fall_behind(&self) -> bool {
        self.change(HERE, BEHIND)
    }

    /// The session has got everything again; says whether that is news.
    pub(super) fn recover(&self) -> bool {
        self.change(BEHIND, HERE)
    }

    pub(super) fn is_here(&self) -> bool {
        self.is(HERE)
    }

    pub(super) fn is_behind(&self) -> bool {
        self.is(BEHIND)
    }

    /// Up to where a session that leaves now has got everything.
    pub(super) fn at_detach(&self, client: &Client, last: MessageId) -> Option<Position> {
        let outbox = &client.outbox;
        let upto = match self.is(NEW) {
            // It may have been written what came since, but is still owed what came before.
            true => MessageId(self.shown.load(Ordering::Relaxed)),
            false if outbox.is_all_written() => last,
            false => outbox.written(),
        };
        // For a session that was shown nothing yet, what the store says stays true.
        (upto > MessageId(0) || !self.is(NEW)).then_some(Position::Upto(upto))
    }
}
