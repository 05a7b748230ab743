//! The outbox: one client's queue of events that still have to be written, the rules for who writes them out, and the
//! list of clients that a thread has to write to.
//!
//! **Who writes.** Any thread may write an outbox out; a try-lock in the connection elects which one does
//! ([`ConnectionHandle::flush`]). Nobody waits for it, and nothing stays behind:
//!
//! 1. An event is in the channel before it is counted. So whoever raises the count from 0 ([`PushOutcome::First`]) can be
//!    sure that the event is there to be taken, and has to flush. Whoever finds others before it may go on.
//! 2. A thread that finds the try-lock taken goes away. The holder looks once more after releasing it.
//! 3. A thread that finds the outbox held ([`Outbox::is_held`]), or nothing that may be written yet, goes away too;
//!    whoever releases it has to flush.
//! 4. While the client's socket is full the outbox is *behind*, and a writer thread of its own waits for the socket. Only
//!    the elected writer says so.
//!
//! Steps 2 and 3 need that one of two threads sees what the other one did, so each side has a sequentially consistent
//! fence between its write and its read: `flush` and `nothing_came` in the connection, [`Outbox::release`] and
//! [`Outbox::release_echoes`] here. The tests with the feature `shuttle` try this out in all orders of events.

#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{self, Ordering};

use crossbeam_channel::{Receiver, Sender, unbounded};

use super::client::{Client, ClientId};
use crate::model::limits::TOUCHED_KEPT;
use crate::model::{Event, Limits, MessageId, Name, QuitReason};
use crate::sync::{AtomicBool, AtomicI64, AtomicU64, Mutex, fence};

/// A client's connection, as the hub needs it; the session implements it.
pub trait ConnectionHandle: Send + Sync {
    /// Writes out what is queued, as far as that goes without waiting for the client. With `thorough` it waits for the
    /// thread that is writing to this client, if any, so that everything has been tried.
    fn flush(&self, client: &Arc<Client>, thorough: bool);

    /// Does `work` while nothing is written to the client. From then on nothing more of its outbox is written.
    fn conclude(&self, client: &Client, work: &mut dyn FnMut());

    /// Asks the session to end for this reason (the first one given counts) and wakes its thread. That is all.
    fn close(&self, reason: QuitReason);
}

/// How far over its bound an outbox may go while its client's socket still takes what is written. In that case the writer
/// is late, not the client slow, and it would be unjust to cut it.
const GRACE: i64 = 4;

/// The per-client crossbeam queue. The channel is unbounded, because a bounded one allocates all its slots at once; the
/// bounds are kept by the two counters here.
pub struct Outbox {
    sender: Sender<Arc<Event>>,
    receiver: Receiver<Arc<Event>>,
    items: AtomicI64,
    bytes: AtomicI64,
    max_items: i64,
    max_bytes: i64,
    behind: AtomicBool,
    sealed: AtomicBool,
    /// Nothing is written out yet: the client is still being shown what it missed.
    held: AtomicBool,
    // lock tier 9: a leaf; taken under the central lock, by the elected writer, and under the log's `echoes`.
    echoes: Mutex<EchoGate, 9>,
    /// The last message of the log that was to be queued here.
    pushed: AtomicU64,
    /// The connection has taken every message of the log that was queued here, up to this one.
    written: AtomicU64,
    /// Of all outboxes of the server.
    high_water: Arc<HighWaterMark>,
}

/// Keeps back echoes that are queued, until everybody else has been written to.
#[derive(Default)]
struct EchoGate {
    /// For each batch that holds back echoes here: the last message that may be written.
    limits: Vec<MessageId>,
    /// An event that was taken out of the channel, and is beyond a limit.
    next: Option<Arc<Event>>,
}

impl EchoGate {
    fn allows(&self, id: MessageId) -> bool {
        self.limits.iter().all(|limit| id <= *limit)
    }
}

/// The outcome of pushing an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PushOutcome {
    /// Queued in an empty outbox: the thread that pushed it has to flush.
    First,
    /// Queued behind others.
    Queued,
    /// Queued, and the outbox is more than half full: the thread that pushed it should flush before it goes on.
    Crowded,
    /// Not queued: the client is too slow and has to go. Said once.
    Full,
    /// Not queued: the outbox is sealed.
    Sealed,
}

/// Queueing.
impl Outbox {
    /// An empty outbox with the bounds of `limits`, held until it is released.
    pub(super) fn new(limits: &Limits, high_water: &Arc<HighWaterMark>) -> Outbox {
        let (sender, receiver) = unbounded();
        let bound = |n: usize| i64::try_from(n).unwrap_or(i64::MAX / GRACE);
        Outbox {
            sender,
            receiver,
            items: AtomicI64::new(0),
            bytes: AtomicI64::new(0),
            max_items: bound(limits.outbox_items),
            max_bytes: bound(limits.outbox_bytes),
            behind: AtomicBool::new(false),
            sealed: AtomicBool::new(false),
            held: AtomicBool::new(true),
            echoes: Mutex::default(),
            pushed: AtomicU64::new(0),
            written: AtomicU64::new(0),
            high_water: Arc::clone(high_water),
        }
    }

    /// Queues an event, or says why not. Never waits.
    pub fn push(&self, event: &Arc<Event>) -> PushOutcome {
        // Noted also if it is not queued after all: then it is never written.
        if event.id > MessageId(0) {
            self.pushed.store(event.id.0, Ordering::Release);
        }
        if self.sealed.load(Ordering::Relaxed) {
            return PushOutcome::Sealed;
        }
        let (count, weight) = (count(event), weight(event));
        let items = self.items.load(Ordering::Relaxed);
        let bytes = self.bytes.load(Ordering::Relaxed) + weight;
        if self.is_over(items, count, bytes) {
            self.seal();
            return PushOutcome::Full;
        }
        if self.sender.send(Arc::clone(event)).is_err() {
            return PushOutcome::Sealed;
        }
        self.bytes.fetch_add(weight, Ordering::Relaxed);
        match self.items.fetch_add(count, Ordering::AcqRel) {
            0 => PushOutcome::First,
            _ if self.is_crowded() => PushOutcome::Crowded,
            _ => PushOutcome::Queued,
        }
    }

    /// One item always fits, however large: an answer may be longer than the bound, and its asker waits for it.
    fn is_over(&self, items: i64, more: i64, bytes: i64) -> bool {
        let factor = if self.behind.load(Ordering::Relaxed) { 1 } else { GRACE };
        items + more > self.max_items * factor || (items + more > 1 && bytes > self.max_bytes * factor)
    }

    /// How many items and bytes are queued.
    pub fn queued(&self) -> (usize, usize) {
        let [items, bytes] = [&self.items, &self.bytes].map(|n| n.load(Ordering::Relaxed));
        (usize::try_from(items).unwrap_or(0), usize::try_from(bytes).unwrap_or(0))
    }

    /// Whether nothing is queued.
    pub fn is_empty(&self) -> bool {
        self.items.load(Ordering::SeqCst) <= 0
    }

    /// Whether more than half of either bound is used.
    pub fn is_crowded(&self) -> bool {
        self.items.load(Ordering::Relaxed) * 2 > self.max_items
            || self.bytes.load(Ordering::Relaxed) * 2 > self.max_bytes
    }

    /// Lets nothing more in, and forgets what is queued: for a client that cannot be written to any more.
    pub fn seal(&self) {
        self.sealed.store(true, Ordering::Relaxed);
        self.echoes.lock().limits.clear();
        self.take_coalesced(usize::MAX, |_| ());
    }
}

/// Writing out.
impl Outbox {
    /// Takes events in their order until they weigh `max` bytes, or none is left that may be written. Returns how many
    /// there were.
    pub fn take(&self, max: usize, mut each: impl FnMut(&Event)) -> usize {
        self.take_coalesced(max, |event| event.each().iter().for_each(&mut each))
    }

    /// As [`Outbox::take`], with events that were queued as one still in one piece.
    pub fn take_coalesced(&self, max: usize, mut each: impl FnMut(&Event)) -> usize {
        let max = i64::try_from(max).unwrap_or(i64::MAX);
        let mut taken = TakeGuard { outbox: self, items: 0, bytes: 0 };
        let mut echoes = self.echoes.lock();
        while taken.bytes < max {
            let Some(event) = echoes.next.take().or_else(|| self.receiver.try_recv().ok()) else { break };
            if !echoes.allows(event.id) {
                echoes.next = Some(event);
                break;
            }
            taken.bytes += weight(&event);
            taken.items += count(&event);
            each(&event);
        }
        usize::try_from(taken.items).unwrap_or(0)
    }

    /// Lets what is queued be written out from now on. The thread that releases it has to flush.
    pub fn release(&self) {
        self.held.store(false, Ordering::SeqCst);
        // Pairs with the fence of a thread that queued something and left because the outbox was held.
        fence(Ordering::SeqCst);
    }

    /// Whether nothing is to be written out yet.
    pub fn is_held(&self) -> bool {
        self.held.load(Ordering::SeqCst)
    }

    /// Whether nothing is queued that may be written.
    pub fn is_idle(&self) -> bool {
        self.is_empty() || {
            let echoes = self.echoes.lock();
            echoes.next.as_ref().is_some_and(|next| !echoes.allows(next.id))
        }
    }

    /// Whether the connection has taken everything that may be written.
    pub(super) fn is_drained(&self) -> bool {
        !self.is_behind() && self.is_idle()
    }

    /// Whether the client's socket is full and a thread waits for it with the rest.
    pub fn is_behind(&self) -> bool {
        self.behind.load(Ordering::Relaxed)
    }

    /// Notes whether the client's socket is full; only the elected writer may do that.
    pub fn set_behind(&self, behind: bool) {
        self.behind.store(behind, Ordering::Relaxed);
    }

    /// Notes that the connection has taken every message up to this one.
    pub fn note_written(&self, upto: MessageId) {
        self.written.fetch_max(upto.0, Ordering::SeqCst);
    }

    /// The last message up to which the connection has taken everything.
    pub fn written(&self) -> MessageId {
        MessageId(self.written.load(Ordering::SeqCst))
    }

    /// The last message that was queued, or was to be.
    pub(super) fn pushed(&self) -> MessageId {
        MessageId(self.pushed.load(Ordering::Acquire))
    }

    /// Whether the connection has taken every message that was queued.
    pub(super) fn is_all_written(&self) -> bool {
        self.written() >= self.pushed()
    }
}

/// Holding back echoes.
impl Outbox {
    /// Lets nothing be written after this message, until [`Outbox::release_echoes`] of the same one.
    pub(super) fn hold_echoes(&self, limit: MessageId) {
        self.echoes.lock().limits.push(limit);
    }

    /// Releases what one batch held back. The thread that does so has to flush.
    pub(super) fn release_echoes(&self, limit: MessageId) {
        let mut echoes = self.echoes.lock();
        let at = echoes.limits.iter().position(|held| *held == limit);
        at.map(|at| echoes.limits.swap_remove(at));
        drop(echoes);
        // Pairs with the fence of a thread that queued something and left because nothing might be written.
        fence(Ordering::SeqCst);
    }

    /// Whether no batch holds back this message.
    pub(super) fn allows(&self, id: MessageId) -> bool {
        self.echoes.lock().allows(id)
    }
}

/// Events that are being taken out. They count as taken when this is dropped, after a panic too.
struct TakeGuard<'a> {
    outbox: &'a Outbox,
    items: i64,
    bytes: i64,
}

impl Drop for TakeGuard<'_> {
    fn drop(&mut self) {
        if self.items > 0 {
            let bytes = self.outbox.bytes.fetch_sub(self.bytes, Ordering::Relaxed);
            let items = self.outbox.items.fetch_sub(self.items, Ordering::AcqRel);
            // Between two takes an outbox only fills, so it was never fuller than now.
            self.outbox.high_water.note(items, bytes);
        }
    }
}

fn weight(event: &Event) -> i64 {
    i64::try_from(event.weight()).unwrap_or(i64::MAX)
}

fn count(event: &Event) -> i64 {
    i64::try_from(event.each().len()).unwrap_or(i64::MAX)
}

/// How full the fullest outbox has been.
#[derive(Default)]
pub(super) struct HighWaterMark {
    items: atomic::AtomicI64,
    bytes: atomic::AtomicI64,
}

impl HighWaterMark {
    /// Notes an outbox that is as full as this. Mostly another one was fuller before, and then this is two loads.
    fn note(&self, items: i64, bytes: i64) {
        for (mark, now) in [(&self.items, items), (&self.bytes, bytes)] {
            if now > mark.load(Ordering::Relaxed) {
                mark.fetch_max(now, Ordering::Relaxed);
            }
        }
    }

    /// The most items, and the most bytes.
    pub(super) fn marks(&self) -> (usize, usize) {
        let [items, bytes] = [&self.items, &self.bytes].map(|mark| mark.load(Ordering::Relaxed));
        (usize::try_from(items).unwrap_or(0), usize::try_from(bytes).unwrap_or(0))
    }
}

/// Clients whose outboxes need flushing after a command, and those that turned out too slow. It is filled under the
/// central lock and flushed after it.
///
/// Dropping it flushes, so that not even a panic leaves an event lying in an outbox.
#[derive(Default)]
pub struct FlushList {
    targets: Vec<Arc<Client>>,
    too_slow: Vec<Arc<Client>>,
    is_crowded: bool,
    /// If there is one, everybody for whom something is queued is noted, once, and not only those whose outbox was empty.
    /// Most lists need none, and the first one that a thread makes asks the system for random numbers.
    noted: Option<HashSet<ClientId>>,
}

/// A client that has to be written to after a batch was appended.
pub(super) struct FlushTarget {
    pub(super) client: Arc<Client>,
    /// The last message of that batch that was queued for the client.
    pub(super) last: MessageId,
}

impl FlushTarget {
    /// A client that has to be written everything that is queued for it.
    pub(super) fn everything(client: Arc<Client>) -> FlushTarget {
        FlushTarget { last: client.outbox.pushed(), client }
    }

    /// Whether the connection has taken all of it.
    pub(super) fn is_written(&self) -> bool {
        self.client.outbox.written() >= self.last
    }
}

impl FlushList {
    /// The list for what has just been appended to the log. With `track_all` everybody for whom something is queued is
    /// noted: where the log survives the process, nobody may be told that their message is stored before it was tried to
    /// write it to everybody.
    pub(super) fn for_batch(track_all: bool) -> FlushList {
        let mut flush_list = FlushList::default();
        flush_list.noted = track_all.then(HashSet::new);
        flush_list
    }

    /// Queues one event for each of these clients, except for the sessions of one user, and notes what follows from it.
    /// Returns how many events that were.
    pub(super) fn push_all<'a>(
        &mut self,
        clients: impl IntoIterator<Item = (&'a ClientId, &'a Arc<Client>)>,
        event: &Arc<Event>,
        except: Option<&Name>,
    ) -> usize {
        let chosen = clients.into_iter().filter(|(_, client)| except != Some(&client.name));
        chosen.map(|(_, client)| self.push(client, event)).count() * event.each().len()
    }

    fn push(&mut self, client: &Arc<Client>, event: &Arc<Event>) {
        match (client.outbox.push(event), &mut self.noted) {
            (PushOutcome::Full, _) => self.too_slow.push(Arc::clone(client)),
            (pushed, Some(noted)) => {
                self.is_crowded |= pushed == PushOutcome::Crowded && !client.outbox.is_behind();
                if noted.insert(client.id) {
                    self.targets.push(Arc::clone(client));
                }
            }
            (PushOutcome::First, None) => self.targets.push(Arc::clone(client)),
            (PushOutcome::Crowded, None) => self.note_crowded(client),
            (PushOutcome::Queued | PushOutcome::Sealed, None) => {}
        }
    }

    /// A crowded outbox has a writer already; by adding it this thread does not go on before that one had its turn.
    fn note_crowded(&mut self, client: &Arc<Client>) {
        if client.outbox.is_behind() {
            // Nothing that this thread could write would make it any shorter.
            return;
        }
        self.is_crowded = true;
        if self.targets.last().is_none_or(|last| last.id != client.id) {
            self.targets.push(Arc::clone(client));
        }
    }

    /// Whether an outbox is more than half full, so that flushing should not wait for the end of the read.
    pub fn is_crowded(&self) -> bool {
        self.is_crowded
    }

    /// Whether there is nothing to write and nobody to close.
    pub(super) fn is_empty(&self) -> bool {
        self.targets.is_empty() && self.too_slow.is_empty()
    }

    /// Writes out what was queued if that is a lot, so that it does not grow too much before all of a batch is queued.
    pub(super) fn flush_if_crowded(&mut self) {
        if !self.is_crowded {
            return;
        }
        if self.noted.is_some() {
            self.is_crowded = false;
            self.targets.iter().for_each(|client| client.handle.flush(client, false));
        } else {
            self.flush_except(None);
        }
    }

    /// Hands out the clients to write to, each with the last message that was queued for it, and closes those that are too
    /// slow. As long as it is still the thread's turn, those messages are of its batch.
    pub(super) fn take_targets(&mut self) -> Vec<FlushTarget> {
        self.is_crowded = false;
        self.too_slow.iter().for_each(|client| client.close(QuitReason::SlowReader));
        let all = self.targets.drain(..).chain(self.too_slow.drain(..));
        all.map(FlushTarget::everything).collect()
    }

    /// Writes out what was queued without waiting for any client, and closes those that are too slow. `own` is left out: a
    /// session writes to its own client last, and may wait for it.
    pub fn flush_except(&mut self, own: Option<ClientId>) {
        self.is_crowded = false;
        for client in self.too_slow.drain(..) {
            client.close(QuitReason::SlowReader);
        }
        for client in self.targets.drain(..) {
            if Some(client.id) != own {
                client.handle.flush(&client, false);
            }
        }
        self.targets.shrink_to(TOUCHED_KEPT);
    }
}

impl Drop for FlushList {
    fn drop(&mut self) {
        self.flush_except(None);
    }
}
