//! One client's queue of what he has still to be sent: bounded in items and bytes, and never a reason to wait. And whom a
//! verb has left something to be written for.

#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use crossbeam_channel::{Receiver, Sender, unbounded};

use super::client::{Client, ClientId};
use crate::model::limits::TOUCHED_KEPT;
use crate::model::{Event, Limits, MessageId, Name, QuitReason};
use crate::sync::{AtomicBool, AtomicI64, AtomicU64, Mutex, fence};

/// How far over its bound an outbox may go while its client's socket still takes what is written.
///
/// Then it is our writer that has not had its turn yet, not the client who is slow; cutting him would be unjust.
const GRACE: i64 = 4;

/// The per-client crossbeam queue. Unbounded as a channel (a bounded one allocates all its slots at once); the bound is
/// kept by the two counters here.
pub struct Outbox {
    sender: Sender<Arc<Event>>,
    receiver: Receiver<Arc<Event>>,
    items: AtomicI64,
    bytes: AtomicI64,
    max_items: i64,
    max_bytes: i64,
    behind: AtomicBool,
    sealed: AtomicBool,
    /// Nothing is written out yet: the client is still being shown what he missed.
    held: AtomicBool,
    /// What must not be written yet, although it is queued.
    echoes: Mutex<EchoLimits>,
    /// The last message of the log that was to be queued here.
    pushed: AtomicU64,
    /// Every message of the log up to this one that was queued here has been taken by the connection.
    written: AtomicU64,
    /// Of all outboxes of the server.
    high_water: Arc<HighWaterMark>,
}

/// Echoes say that others have been written to, so they wait until that is true.
#[derive(Default)]
struct EchoLimits {
    /// By batch whose echoes are held back: the last message that may be written.
    limits: Vec<MessageId>,
    /// An event that was taken out of the channel and is beyond a limit.
    next: Option<Arc<Event>>,
}

impl EchoLimits {
    fn allow(&self, id: MessageId) -> bool {
        self.limits.iter().all(|limit| id <= *limit)
    }
}

/// What is being taken out; it counts as taken when this is dropped, also by a fault.
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

/// What became of a pushed event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PushOutcome {
    /// Queued in an empty outbox: who pushed this one sees to it that the outbox is written out.
    First,
    /// Queued behind others.
    Queued,
    /// Queued, and the outbox is more than half full: who pushed should write it out before he goes on.
    Crowded,
    /// Not queued: the client is too slow and has to go. Said once.
    Full,
    /// Not queued: the outbox is sealed.
    Sealed,
}

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

    /// Lets what is queued be written out from now on; who releases it has to do so once himself.
    pub fn release(&self) {
        self.held.store(false, Ordering::SeqCst);
        // Pairs with the one of whoever queued something and left because it was held.
        fence(Ordering::SeqCst);
    }

    /// Whether nothing is to be written out yet.
    pub fn is_held(&self) -> bool {
        self.held.load(Ordering::SeqCst)
    }

    /// Lets nothing be written after this message, until [`Outbox::free_echoes`] of the same one.
    pub(super) fn hold_echoes(&self, limit: MessageId) {
        self.echoes.lock().limits.push(limit);
    }

    /// Lets go what one batch held back; who says so has to write it out once.
    pub(super) fn release_echoes(&self, limit: MessageId) {
        let mut echoes = self.echoes.lock();
        let at = echoes.limits.iter().position(|held| *held == limit);
        at.map(|at| echoes.limits.swap_remove(at));
        drop(echoes);
        // Pairs with the one of whoever queued something and left because there was nothing that he may write.
        fence(Ordering::SeqCst);
    }

    /// Whether this message may be written as far as echoes are concerned.
    pub(super) fn allows(&self, id: MessageId) -> bool {
        self.echoes.lock().allow(id)
    }

    /// Whether nothing is queued that may be written.
    pub fn is_idle(&self) -> bool {
        self.is_empty() || {
            let echoes = self.echoes.lock();
            echoes.next.as_ref().is_some_and(|next| !echoes.allow(next.id))
        }
    }

    /// Whether the connection has taken all that may be written.
    pub(super) fn is_clear(&self) -> bool {
        !self.is_behind() && self.is_idle()
    }

    /// Remembers that the connection has taken every message up to this one.
    pub fn note_written(&self, upto: MessageId) {
        self.written.fetch_max(upto.0, Ordering::SeqCst);
    }

    /// The last message that was queued, or was to be.
    pub(super) fn pushed(&self) -> MessageId {
        MessageId(self.pushed.load(Ordering::Acquire))
    }

    /// The last message up to which the connection has taken everything.
    pub fn written(&self) -> MessageId {
        MessageId(self.written.load(Ordering::SeqCst))
    }

    /// Whether the connection has taken every message that was queued.
    pub(super) fn is_all_written(&self) -> bool {
        self.written() >= self.pushed()
    }

    /// Queues an event, or says why not. Never waits.
    ///
    /// The event is in the channel before it is counted. So a count that goes from 0 to 1 always belongs to an event
    /// that is there to be taken, and whoever made it go there is the one who has to write the outbox out.
    pub fn push(&self, event: &Arc<Event>) -> PushOutcome {
        // Also when it is not queued after all: then it is never written.
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

    /// Takes events in order until they weigh `max` bytes or none is left that may be written, and returns how many there
    /// were.
    pub fn take(&self, max: usize, mut each: impl FnMut(&Event)) -> usize {
        self.take_coalesced(max, |event| event.each().iter().for_each(&mut each))
    }

    /// As [`Outbox::take`], with several things that were queued as one still in one piece.
    pub fn take_coalesced(&self, max: usize, mut each: impl FnMut(&Event)) -> usize {
        let max = i64::try_from(max).unwrap_or(i64::MAX);
        let mut taken = TakeGuard { outbox: self, items: 0, bytes: 0 };
        let mut echoes = self.echoes.lock();
        while taken.bytes < max {
            let Some(event) = echoes.next.take().or_else(|| self.receiver.try_recv().ok()) else { break };
            if !echoes.allow(event.id) {
                echoes.next = Some(event);
                break;
            }
            taken.bytes += weight(&event);
            taken.items += count(&event);
            each(&event);
        }
        usize::try_from(taken.items).unwrap_or(0)
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

    /// Whether the client's socket is full and somebody waits for it with the rest.
    pub fn is_behind(&self) -> bool {
        self.behind.load(Ordering::Relaxed)
    }

    /// Remembers whether the client's socket is full; only who writes to it may say so.
    pub fn set_behind(&self, behind: bool) {
        self.behind.store(behind, Ordering::Relaxed);
    }

    /// Lets nothing more in, and forgets what is queued: for a client who cannot be written to any more.
    pub fn seal(&self) {
        self.sealed.store(true, Ordering::Relaxed);
        self.echoes.lock().limits.clear();
        self.take_coalesced(usize::MAX, |_| ());
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
    items: AtomicI64,
    bytes: AtomicI64,
}

impl HighWaterMark {
    /// Takes note of an outbox that is as full as this. Mostly it was fuller before, and then this is two looks.
    pub(super) fn note(&self, items: i64, bytes: i64) {
        for (mark, now) in [(&self.items, items), (&self.bytes, bytes)] {
            if now > mark.load(Ordering::Relaxed) {
                mark.fetch_max(now, Ordering::Relaxed);
            }
        }
    }

    pub(super) fn marks(&self) -> (usize, usize) {
        let [items, bytes] = [&self.items, &self.bytes].map(|mark| mark.load(Ordering::Relaxed));
        (usize::try_from(items).unwrap_or(0), usize::try_from(bytes).unwrap_or(0))
    }
}

/// What the hub needs of a client's connection; the session has it.
pub trait ConnectionHandle: Send + Sync {
    /// Writes out what is queued as far as that goes without waiting for the client.
    /// `thorough` waits for whoever is writing to this client at the moment, so that all of it has been tried.
    fn flush(&self, client: &Arc<Client>, thorough: bool);

    /// Does this while nothing is written to the client, and from then on writes nothing of his outbox any more.
    fn conclude(&self, client: &Client, work: &mut dyn FnMut());

    /// Asks the session to end for this reason (the first one given counts) and wakes its thread; that is all.
    fn close(&self, reason: QuitReason);
}

/// The clients whose outboxes this thread has to write out, and those who turned out too slow.
///
/// Dropping it settles it, so that not even a panic leaves a message lying in an outbox.
#[derive(Default)]
pub struct FlushList {
    waiting: Vec<Arc<Client>>,
    too_slow: Vec<Arc<Client>>,
    crowded: bool,
    /// If there is one, everybody for whom something was queued is noted, once, and not only those whose outbox was empty
    /// before. Most need none, and the first one that a thread makes asks the system for random numbers.
    noted: Option<HashSet<ClientId>>,
}

/// Somebody who is to be written to after a batch was appended.
pub(super) struct FlushTarget {
    pub(super) client: Arc<Client>,
    /// The last message of that batch that was queued for him.
    pub(super) last: MessageId,
}

impl FlushTarget {
    /// Somebody who is to be written everything that is queued for him.
    pub(super) fn everything(client: Arc<Client>) -> FlushTarget {
        FlushTarget { last: client.outbox.pushed(), client }
    }

    /// Whether his connection has taken all of it.
    pub(super) fn is_written(&self) -> bool {
        self.client.outbox.written() >= self.last
    }
}

impl FlushList {
    /// Queues one event for each of these clients, all but the sessions of `except`, and notes what follows from it. Says
    /// how many events that were.
    pub(super) fn push_all<'a>(
        &mut self,
        clients: impl IntoIterator<Item = (&'a ClientId, &'a Arc<Client>)>,
        event: &Arc<Event>,
        except: Option<&Name>,
    ) -> usize {
        let chosen = clients.into_iter().filter(|(_, client)| except != Some(&client.name));
        chosen.map(|(_, client)| self.push(client, event)).count() * event.each().len()
    }

    /// For what has just been appended to the log. Where the log survives the process, nobody may be told that his message
    /// is stored before it has been tried to write it to everybody.
    pub(super) fn for_batch(thorough: bool) -> FlushList {
        let mut flush_list = FlushList::default();
        flush_list.noted = thorough.then(HashSet::new);
        flush_list
    }

    fn push(&mut self, client: &Arc<Client>, event: &Arc<Event>) {
        match (client.outbox.push(event), &mut self.noted) {
            (PushOutcome::Full, _) => self.too_slow.push(Arc::clone(client)),
            (pushed, Some(noted)) => {
                self.crowded |= pushed == PushOutcome::Crowded && !client.outbox.is_behind();
                if noted.insert(client.id) {
                    self.waiting.push(Arc::clone(client));
                }
            }
            (PushOutcome::First, None) => self.waiting.push(Arc::clone(client)),
            (PushOutcome::Crowded, None) => self.note_crowded(client),
            (PushOutcome::Queued | PushOutcome::Sealed, None) => {}
        }
    }

    /// A crowded outbox has a writer already; adding ourselves keeps us from going on before he had his turn.
    fn note_crowded(&mut self, client: &Arc<Client>) {
        if client.outbox.is_behind() {
            // Nothing that we could write would make it any shorter.
            return;
        }
        self.crowded = true;
        if self.waiting.last().is_none_or(|last| last.id != client.id) {
            self.waiting.push(Arc::clone(client));
        }
    }

    /// Whether somebody's outbox is more than half full, so that settling should not wait for the end of the read.
    pub fn is_crowded(&self) -> bool {
        self.crowded
    }

    /// Whether there is nothing to write and nobody to close.
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.too_slow.is_empty()
    }

    /// Writes out what was queued where it is much, so that it does not grow too much before all of a batch is.
    pub(super) fn flush_if_crowded(&mut self) {
        if !self.crowded {
            return;
        }
        if self.noted.is_some() {
            self.crowded = false;
            self.waiting.iter().for_each(Client::flush);
        } else {
            self.flush_except(None);
        }
    }

    /// Hands out who is to be written to, each with the last message that was queued for him, and closes who was too slow.
    /// As long as nobody else's turn has come, those messages are of this batch.
    pub(super) fn take(&mut self) -> Vec<FlushTarget> {
        self.crowded = false;
        self.too_slow.iter().for_each(|client| client.close(QuitReason::SlowReader));
        let all = self.waiting.drain(..).chain(self.too_slow.drain(..));
        all.map(FlushTarget::everything).collect()
    }

    /// Writes out what was queued, without waiting for anyone, and closes who was too slow. `own` is left out: a
    /// session writes to its own client last, and may wait for him.
    pub fn flush_except(&mut self, own: Option<ClientId>) {
        self.crowded = false;
        for client in self.too_slow.drain(..) {
            client.close(QuitReason::SlowReader);
        }
        for client in self.waiting.drain(..) {
            if Some(client.id) != own {
                client.flush();
            }
        }
        self.waiting.shrink_to(TOUCHED_KEPT);
    }
}

impl Drop for FlushList {
    fn drop(&mut self) {
        self.flush_except(None);
    }
}
