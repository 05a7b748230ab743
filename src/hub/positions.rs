//! Delivery positions: how far each device has got in the log, from its catch-up to the place where it leaves off.
//!
//! While a session is here and gets everything as it comes, the store is told just that, and nothing per message. It is
//! told a position only where that stops being true: when the session leaves, and when it falls behind.

use std::sync::Arc;
use std::time::SystemTime;

use super::client::Client;
use super::log::Batch;
use super::outbox::{FlushList, FlushTarget};
use super::state::{Hub, HubState};
use crate::model::limits::CATCH_UP;
use crate::model::{EventKind, Message, Name, Scope};
use crate::store::{Backlog, Entry, Position, StoreError, Token};

/// Catching up.
impl Hub {
    /// The messages that came for a user before this session did, and still have to be written to it.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn backlog(&self, me: &Client) -> Result<Backlog, StoreError> {
        if me.name.is_guest() {
            return Ok(Backlog::default());
        }
        // This session gets what another one of the same device has not been written yet: that one may never be.
        let others = self.locked(|state| state.siblings(me));
        others.iter().for_each(Client::flush_thoroughly);
        let mut others: Vec<FlushTarget> = others.into_iter().map(FlushTarget::everything).collect();
        others.retain(|other| !other.is_written());
        self.submit_positions(&others);
        // That, and the position that an earlier session left behind, may still be on its way into the store.
        self.await_log();
        self.store().backlog(&me.name, me.device, me.joined_at, CATCH_UP)
    }

    /// Notes that a session has been written everything that came before it; from now on it gets things as they come.
    /// [`Hub::note_drained`] follows once it has been written what came meanwhile, too.
    pub fn note_caught_up(&self, me: &Client, backlog: &[Message]) {
        if !me.name.is_guest() {
            // If it cannot be stored, the user may be shown these messages again, and that is all.
            self.record_positions(|_, now| {
                me.outbox.note_written(me.joined_at);
                me.position.catch_up();
                // Whatever came meanwhile is still in the outbox.
                if !me.outbox.is_all_written() {
                    me.position.fall_behind();
                }
                vec![me.current_position(now)]
            });
        }
        self.locked(|state| state.note_missed_contact(me, backlog));
        self.give_missed_receipts(me.name, backlog);
    }

    /// Notes that a session has been written everything that was queued while it caught up.
    pub fn note_drained(&self, me: &Client) {
        if me.position.is_behind() {
            self.record_positions(|_, now| {
                let has_recovered = me.outbox.is_all_written() && me.position.recover();
                has_recovered.then(|| me.current_position(now)).into_iter().collect()
            });
        }
    }
}

/// Falling behind and leaving.
impl Hub {
    /// Submits the positions of clients that were not written everything that was queued for them. Returns the batch that
    /// has to be stored for the store to know that, and who has left.
    pub(super) fn submit_positions(&self, unwritten: &[FlushTarget]) -> Option<Arc<Batch>> {
        self.locked(|state| {
            let now = SystemTime::now();
            // For sessions that have left, their departure tells the store what they are owed.
            let here = unwritten.iter().filter(|target| state.clients.contains_key(&target.client.id));
            let behind = here.filter(|target| {
                let client = &target.client;
                // It may have been written meanwhile: either we see that here, or the writer sees that it is behind.
                let is_written = || target.is_written() && client.position.recover();
                !state.is_served_elsewhere(client) && client.position.fall_behind() && !is_written()
            });
            let entries: Vec<Entry> = behind.map(|target| target.client.current_position(now)).collect();
            if !entries.is_empty() {
                state.position_batch = Some(self.inner.log.submit(entries));
            }
            state.position_batch.clone()
        })
    }

    /// Tells the store which sessions have fallen behind, and which have got everything since they did.
    pub(super) fn correct_positions(&self) {
        self.record_positions(|state, now| {
            let moved = state.clients.values().filter(|client| {
                let is_behind = || client.outbox.is_behind() && !state.is_served_elsewhere(client);
                match client.outbox.is_all_written() {
                    true => client.position.recover(),
                    // A connection that takes everything is written the rest in a moment.
                    false => is_behind() && client.position.fall_behind(),
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
            // If it cannot be stored now, the log keeps it for later, and logs the failure.
            let _ = self.commit(&batch);
        }
    }

    /// Submits what the store has to know about a session that was just taken out, with what that did to its groups.
    pub(super) fn submit_departure(
        &self,
        state: &mut HubState,
        client: &Client,
        left: Vec<Entry>,
        now: SystemTime,
    ) -> Option<Arc<Batch>> {
        // A sibling that is still being shown what it missed says nothing about what came since.
        let stays = state.siblings(client).iter().any(|other| other.position.is_here());
        let is_silent = stays || client.name.is_guest();
        let position = client.position.at_detach(client, state.last).filter(|_| !is_silent);
        let position = position.map(|position| client.position_entry(position, now));
        let entries: Vec<Entry> = position.into_iter().chain(left).collect();
        let batch = (!entries.is_empty()).then(|| self.inner.log.submit(entries));
        state.position_batch = batch.clone().or(state.position_batch.take());
        batch
    }

    /// Does what is due about once a second: tries a store that did not work, corrects positions, gives receipts, and lets
    /// the store tidy up. Says whether there is more to tidy up.
    ///
    /// # Errors
    /// When the store works, but cannot tidy up.
    pub fn tend(&self) -> Result<bool, StoreError> {
        self.correct_positions();
        self.give_receipts(Vec::new());
        let inspected = self.store().inspect();
        // That it does not work was logged when it stopped working.
        if self.inner.log.probe(inspected.is_ok()).is_err() {
            return Ok(false);
        }
        inspected.and_then(|()| self.store().tend())
    }
}

impl HubState {
    /// The other sessions of the same device.
    fn siblings(&self, client: &Client) -> Vec<Arc<Client>> {
        let mut sessions = self.sessions_of(&client.name);
        sessions.retain(|other| other.id != client.id && other.device == client.device);
        sessions
    }

    /// Whether another session of the same device has got everything.
    fn is_served_elsewhere(&self, client: &Client) -> bool {
        self.siblings(client).iter().any(|other| other.position.is_here() && other.outbox.is_all_written())
    }
}

/// Receipts for what a recipient is shown later than it was delivered.
impl Hub {
    /// Gives the receipts for private messages that their recipient was shown after coming back.
    pub(super) fn give_missed_receipts(&self, by: Name, messages: &[Message]) {
        // One is enough, even if another session of the recipient is written the same later.
        let is_given = |id| messages.binary_search_by_key(&id, |message| message.id).is_ok();
        if !messages.is_empty() {
            self.inner.receipts.lock().retain(|receipt| receipt.by != by || !is_given(receipt.id));
        }
        let mut flush_list = FlushList::default();
        for Message { id, said, .. } in messages.iter().filter(|message| message.said.scope == Scope::User(by)) {
            let received = EventKind::Received { by, id: *id };
            self.locked(|state| state.tell_receipt(&said.from, *id, received, &mut flush_list));
        }
        flush_list.flush_except(None);
    }

    /// Gives the receipts for what users sent who are ignored, as if it had been shown: they must not find out.
    pub fn give_ignored_receipts(&self, me: &Client, messages: &[Message]) {
        self.give_missed_receipts(me.name, messages);
    }

    /// Tells the author of a message that its recipient says they have read it.
    pub fn give_read_receipt(&self, by: Name, message: &Message, flush_list: &mut FlushList) {
        if self.store().former_upto(&message.said.from).is_ok_and(|upto| message.id <= upto) {
            return;
        }
        let read = EventKind::Read { by, id: message.id };
        self.locked(|state| state.tell_receipt(&message.said.from, message.id, read, flush_list));
    }
}

/// The view of the log that a user and a device have.
impl Hub {
    /// Takes everything that was delivered so far out of the asker's view of one conversation, or of all of them.
    ///
    /// # Errors
    /// Why that could not be stored; it will be as soon as possible.
    pub fn clear_history(&self, me: &Client, scope: Option<Scope>) -> Result<(), StoreError> {
        let upto = self.locked(|state| state.last);
        self.record(vec![Entry::Cleared { user: me.name, scope, upto }])
    }

    /// The login tokens of a user, expired ones too, in the order of their names. Revoked ones are not among them, even if
    /// that could not be stored yet.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn tokens(&self, user: &Name) -> Result<Vec<Token>, StoreError> {
        let revoked = self.inner.log.unsaved(|entry| match entry {
            Entry::TokenRevoked { user: of, name } if of == user => Some(Some(*name)),
            Entry::Forgotten { user: of } | Entry::AccountMade { user: of } | Entry::AccountEnded { user: of }
                if of == user =>
            {
                Some(None)
            }
            _ => None,
        });
        let mut tokens = self.store().tokens(user)?;
        tokens.retain(|token| !revoked.iter().any(|name| name.is_none_or(|name| name == token.name)));
        Ok(tokens)
    }

    /// Makes a token valid, and starts the position of the device that will use it: it is owed what comes from now on.
    ///
    /// # Errors
    /// Why that could not be stored; the token is not valid then.
    pub fn add_token(&self, token: Token) -> Result<(), StoreError> {
        let (user, device, at) = (token.user, Some(token.name), token.made);
        let position = Position::Upto(self.locked(|state| state.last));
        self.record(vec![Entry::TokenMade(token), Entry::Delivered { user, device, position, at }])
    }
}
