//! Who has got what: from the catch-up of somebody who comes to the place in the log that he leaves behind.
//!
//! While a session is here and gets everything as it comes, the store says just that, and not a word per message. It is
//! told of a place in the log only where that ceases to be true: when the session leaves, and when it falls behind.

use std::sync::Arc;
use std::time::SystemTime;

use super::client::{BEHIND, Client};
use super::log::Batch;
use super::outbox::FlushTarget;
use super::state::{Hub, HubState};
use crate::model::limits::CATCH_UP;
use crate::model::{Message, Name, Scope};
use crate::store::{Backlog, Entry, Position, StoreError, Token};

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
        let mut others: Vec<FlushTarget> = others.into_iter().map(FlushTarget::everything).collect();
        others.retain(|other| !other.is_written());
        self.submit_positions(&others);
        // That, and the place that an earlier session has left behind, may still be on its way into the store.
        self.await_log();
        self.store().backlog(&me.name, me.device, me.joined_at, CATCH_UP)
    }

    /// Says that a session has been written everything that came before it; from now on it gets things as they come.
    /// [`Hub::note_drained`] follows once it has been written what came meanwhile, too.
    pub fn note_caught_up(&self, me: &Client, backlog: &[Message]) {
        if !me.name.is_guest() {
            // If it cannot be stored, he may be shown these messages again, and that is all.
            self.record_positions(|_, now| {
                me.outbox.note_written(me.joined_at);
                me.position.catch_up();
                // What came meanwhile still lies in his outbox.
                if !me.outbox.is_all_written() {
                    me.position.fall_behind();
                }
                vec![me.current_position(now)]
            });
        }
        self.locked(|state| state.note_missed_contact(me, backlog));
        self.acknowledge_missed(me.name, backlog);
    }

    /// Says that a session has been written everything that gathered while it caught up.
    pub fn note_drained(&self, me: &Client) {
        if me.position.is(BEHIND) {
            self.record_positions(|_, now| {
                let back = me.outbox.is_all_written() && me.position.get_back();
                back.then(|| me.current_position(now)).into_iter().collect()
            });
        }
    }

    /// Submits where those have got who were not written what was sent to them, and returns the batch that has to be stored
    /// for the store to know that, and who has left.
    pub(super) fn submit_positions(&self, unwritten: &[FlushTarget]) -> Option<Arc<Batch>> {
        self.locked(|state| {
            let now = SystemTime::now();
            // What is owed to those who have left, the store learns by their departures.
            let here = unwritten.iter().filter(|waiting| state.clients.contains_key(&waiting.client.id));
            let behind = here.filter(|waiting| {
                let client = &waiting.client;
                // He may have been written it meanwhile: either we see that here, or whoever wrote sees that he is behind.
                let written = || waiting.is_written() && client.position.get_back();
                !state.is_served_elsewhere(client) && client.position.fall_behind() && !written()
            });
            let entries: Vec<Entry> = behind.map(|FlushTarget { client, .. }| client.current_position(now)).collect();
            if !entries.is_empty() {
                state.position_batch = Some(self.inner.log.submit(entries));
            }
            state.position_batch.clone()
        })
    }

    /// Corrects in the store who has fallen behind, and who has got everything since he did.
    pub(super) fn correct_positions(&self) {
        self.record_positions(|state, now| {
            let moved = state.clients.values().filter(|client| {
                let behind = || client.outbox.is_behind() && !state.is_served_elsewhere(client);
                match client.outbox.is_all_written() {
                    true => client.position.get_back(),
                    // Whose connection takes everything is written the rest in a moment.
                    false => behind() && client.position.fall_behind(),
                }
            });
            moved.map(|client| client.current_position(now)).collect()
        });
    }

    /// Records what is found out under the lock, in the order in which it was so.
    fn record_positions(&self, find_out: impl FnOnce(&HubState, SystemTime) -> Vec<Entry>) {
        let batch = self.locked(|state| {
            let entries = find_out(state, SystemTime::now());
            (!entries.is_empty()).then(|| self.inner.log.submit(entries))
        });
        if let Some(batch) = batch {
            // What cannot be stored now is kept for later, and the failure is logged there.
            let _ = self.commit(&batch);
        }
    }

    /// Submits what is to be remembered of a session that was just removed; `left` is what became of its groups.
    pub(super) fn submit_departure(
        &self,
        state: &mut HubState,
        client: &Client,
        left: Vec<Entry>,
        now: SystemTime,
    ) -> Option<Arc<Batch>> {
        // One that is still being shown what it missed says nothing of what came since.
        let stays = state.siblings(client).iter().any(|other| other.position.is_here());
        let silent = stays || client.name.is_guest();
        let position = client.position.left_at(client, state.last).filter(|_| !silent);
        let reading = position.map(|position| client.position_entry(position, now));
        let entries: Vec<Entry> = reading.into_iter().chain(left).collect();
        let batch = (!entries.is_empty()).then(|| self.inner.log.submit(entries));
        state.position_batch = batch.clone().or(state.position_batch.take());
        batch
    }

    /// Does what is due from time to time, about once a second: tries a store that does not work, corrects who fell
    /// behind, gives receipts, and lets the store tidy up. Says whether there is more to tidy up.
    ///
    /// # Errors
    /// When it works, but cannot tidy up.
    pub fn tend(&self) -> Result<bool, StoreError> {
        self.correct_positions();
        self.acknowledge(Vec::new());
        // That it does not work was said when it ceased to.
        if self.inner.log.probe().is_ok() { self.store().tend() } else { Ok(false) }
    }

    /// Takes everything that was delivered so far out of the asker's view of one conversation, or of all of them.
    ///
    /// # Errors
    /// Why that could not be stored; it will be as soon as it can.
    pub fn clear_history(&self, me: &Client, scope: Option<Scope>) -> Result<(), StoreError> {
        let upto = self.locked(|state| state.last);
        self.record(vec![Entry::Cleared { user: me.name, scope, upto }])
    }

    /// The login tokens of a user, expired ones too, in the order of their names. What was revoked is not among them, also
    /// where that could not be stored yet.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn tokens(&self, user: &Name) -> Result<Vec<Token>, StoreError> {
        let revoked = self.inner.log.unsaved(|entry| match entry {
            Entry::TokenRevoked { user: of, name } if of == user => Some(Some(*name)),
            Entry::Forgotten { user: of } if of == user => Some(None),
            _ => None,
        });
        let mut tokens = self.store().tokens(user)?;
        tokens.retain(|token| !revoked.iter().any(|name| name.is_none_or(|name| name == token.name)));
        Ok(tokens)
    }

    /// Makes a token good, and begins the place in the log of the device that will use it: it is owed what comes from now on.
    ///
    /// # Errors
    /// Why that could not be stored; the token is none then.
    pub fn add_token(&self, token: Token) -> Result<(), StoreError> {
        let (user, device, at) = (token.user, Some(token.name), token.made);
        let position = Position::Upto(self.locked(|state| state.last));
        self.record(vec![Entry::TokenMade(token), Entry::Reading { user, device, position, at }])
    }
}

impl HubState {
    /// The other sessions of the same device.
    fn siblings(&self, client: &Client) -> Vec<Arc<Client>> {
        let sessions = self.queues.get(&client.name).map(|user| user.sessions.values());
        let others = sessions.into_iter().flatten().filter(|other| other.id != client.id);
        others.filter(|other| other.device == client.device).cloned().collect()
    }

    /// Whether another session of the same device has got everything.
    fn is_served_elsewhere(&self, client: &Client) -> bool {
        self.siblings(client).iter().any(|other| other.position.is_here() && other.outbox.is_all_written())
    }
}
