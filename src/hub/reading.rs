//! Who has got what: from the catch-up of somebody who comes to the place in the log that he leaves behind.
//!
//! While a session is here and gets everything as it comes, the store says just that, and not a word per message. It is
//! told of a place in the log only where that ceases to be true: when the session leaves, and when it falls behind.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::time::SystemTime;

use super::Hub;
use super::client::Client;
use super::log::Batch;
use super::state::State;
use super::touched::Waiting;
use crate::model::limits::CATCH_UP;
use crate::model::{Message, MessageId};
use crate::store::{Backlog, Entry, Position, StoreError};

impl Hub {
    /// What came for a user before this session did, and has still to be written to him.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn backlog(&self, me: &Client) -> Result<Backlog, StoreError> {
        if me.name.is_guest() {
            return Ok(Backlog::default());
        }
        // What another session of his has not been written yet, this one gets: the other may never be.
        let others = self.locked(|state| state.siblings(me));
        others.iter().for_each(Client::flush_thoroughly);
        let mut others: Vec<Waiting> = others.into_iter().map(Waiting::everything).collect();
        others.retain(|other| !other.is_written());
        self.submit_places(&others);
        // That, and the place that an earlier session has left behind, may still be on its way into the store.
        self.await_log();
        self.store().backlog(&me.name, me.device, me.joined_at, CATCH_UP)
    }

    /// Says that a session has been written everything that came before it; from now on it gets things as they come.
    /// [`Hub::settled_in`] follows once it has been written what came meanwhile, too.
    pub fn caught_up(&self, me: &Client, backlog: &[Message]) {
        if !me.name.is_guest() {
            // If it cannot be stored, he may be shown these messages again, and that is all.
            self.record_readings(|_, now| {
                me.outbox.note_written(me.joined_at);
                me.reading.catch_up();
                // What came meanwhile still lies in his outbox.
                if !me.outbox.is_all_written() {
                    me.reading.fall_behind();
                }
                vec![me.place(now)]
            });
        }
        self.locked(|state| state.note_missed_touch(me, backlog));
        self.acknowledge_missed(me.name, backlog);
    }

    /// Says that a session has been written everything that gathered while it caught up.
    pub fn settled_in(&self, me: &Client) {
        if me.reading.is(BEHIND) {
            self.record_readings(|_, now| {
                let back = me.outbox.is_all_written() && me.reading.get_back();
                back.then(|| me.place(now)).into_iter().collect()
            });
        }
    }

    /// Submits where those have got who were not written what was sent to them, and returns the batch that has to be stored
    /// for the store to know that, and who has left.
    pub(super) fn submit_places(&self, unwritten: &[Waiting]) -> Option<Arc<Batch>> {
        self.locked(|state| {
            let now = SystemTime::now();
            // What is owed to those who have left, the store learns by their departures.
            let here = unwritten.iter().filter(|waiting| state.clients.contains_key(&waiting.client.id));
            let behind = here.filter(|waiting| {
                let client = &waiting.client;
                // He may have been written it meanwhile: either we see that here, or whoever wrote sees that he is behind.
                let written = || waiting.is_written() && client.reading.get_back();
                !state.is_served_elsewhere(client) && client.reading.fall_behind() && !written()
            });
            let entries: Vec<Entry> = behind.map(|Waiting { client, .. }| client.place(now)).collect();
            if !entries.is_empty() {
                state.places = Some(self.inner.log.submit(entries));
            }
            state.places.clone()
        })
    }

    /// Corrects in the store who has fallen behind, and who has got everything since he did.
    pub(super) fn correct_places(&self) {
        self.record_readings(|state, now| {
            let moved = state.clients.values().filter(|client| {
                let behind = || client.outbox.is_behind() && !state.is_served_elsewhere(client);
                match client.outbox.is_all_written() {
                    true => client.reading.get_back(),
                    // Whose connection takes everything is written the rest in a moment.
                    false => behind() && client.reading.fall_behind(),
                }
            });
            moved.map(|client| client.place(now)).collect()
        });
    }

    /// Records what is found out under the lock, in the order in which it was so.
    fn record_readings(&self, find_out: impl FnOnce(&State, SystemTime) -> Vec<Entry>) {
        let batch = self.locked(|state| {
            let entries = find_out(state, SystemTime::now());
            (!entries.is_empty()).then(|| self.inner.log.submit(entries))
        });
        if let Some(batch) = batch {
            // What cannot be stored now is kept for later, and the failure is logged there.
            let _ = self.commit_record(&batch);
        }
    }

    /// Submits what is to be remembered of a session that was just removed; `left` is what became of its groups.
    pub(super) fn submit_departure(
        &self,
        state: &mut State,
        client: &Client,
        left: Vec<Entry>,
        now: SystemTime,
    ) -> Option<Arc<Batch>> {
        // One that is still being shown what it missed says nothing of what came since.
        let stays = state.siblings(client).iter().any(|other| other.reading.is_here());
        let silent = stays || client.name.is_guest();
        let position = client.reading.left_at(client, state.last).filter(|_| !silent);
        let reading = position.map(|position| client.reading_entry(position, now));
        let entries: Vec<Entry> = reading.into_iter().chain(left).collect();
        let batch = (!entries.is_empty()).then(|| self.inner.log.submit(entries));
        state.places = batch.clone().or(state.places.take());
        batch
    }
}

impl State {
    /// The other sessions of the same device.
    fn siblings(&self, client: &Client) -> Vec<Arc<Client>> {
        let sessions = self.queues.get(&client.name).map(|user| user.sessions.values());
        let others = sessions.into_iter().flatten().filter(|other| other.id != client.id);
        others.filter(|other| other.device == client.device).cloned().collect()
    }

    /// Whether another session of the same device has got everything.
    fn is_served_elsewhere(&self, client: &Client) -> bool {
        self.siblings(client).iter().any(|other| other.reading.is_here() && other.outbox.is_all_written())
    }
}

impl Client {
    /// Remembers that it has been shown what it missed up to this message.
    pub fn note_shown(&self, upto: MessageId) {
        self.reading.shown.store(upto.0, Ordering::Relaxed);
    }

    /// What the store is to know of a session that is here.
    fn place(&self, at: SystemTime) -> Entry {
        let position = if self.reading.is_here() { Position::Here } else { Position::Upto(self.outbox.written()) };
        self.reading_entry(position, at)
    }

    fn reading_entry(&self, position: Position, at: SystemTime) -> Entry {
        Entry::Reading { user: self.name, device: self.device, position, at }
    }
}

/// What the store says about a session.
#[derive(Debug, Default)]
pub(super) struct Reading {
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
const BEHIND: u8 = 2;

impl Reading {
    fn set(&self, from: u8, to: u8) -> bool {
        self.state.compare_exchange(from, to, Ordering::SeqCst, Ordering::SeqCst).is_ok()
    }

    fn is(&self, state: u8) -> bool {
        self.state.load(Ordering::SeqCst) == state
    }

    fn catch_up(&self) {
        self.set(NEW, HERE);
    }

    fn fall_behind(&self) -> bool {
        self.set(HERE, BEHIND)
    }

    fn get_back(&self) -> bool {
        self.set(BEHIND, HERE)
    }

    fn is_here(&self) -> bool {
        self.is(HERE)
    }

    /// Up to where a session had got everything when it left.
    fn left_at(&self, client: &Client, last: MessageId) -> Option<Position> {
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
