//! What the leader of a batch does: append it, queue its messages, write them out, and let those who wait go on.
//!
//! Where the log survives the process, an echo says that a message is stored and that everybody was written to, or that
//! the store knows who was not. So of the outboxes of those who spoke nothing from this batch on is written until that is
//! true. A later batch that has something for them waits for that; an earlier one does not, so they cannot wait for each
//! other.

use std::sync::Arc;
use std::thread;

use super::Hub;
use super::client::{Client, ClientId};
use super::content::Content;
use super::delivery::Delivered;
use super::log::{Batch, Lead};
use super::post::Saying;
use super::receipts::Receipt;
use super::state::State;
use super::touched::Waiting;
use crate::model::MessageId;
use crate::store::StoreError;

/// A batch that has been appended and queued, and is still to be written out.
struct Queued {
    lead: Lead,
    appended: Result<MessageId, StoreError>,
    waiting: Vec<Waiting>,
    receipts: Vec<Receipt>,
    /// Something is for a user who is not here.
    kept: bool,
    speakers: Vec<ClientId>,
    held: Held,
}

/// Those whose echoes are held back until this is dropped.
struct Held {
    hub: Hub,
    clients: Vec<Arc<Client>>,
    /// The last message before the batch.
    limit: MessageId,
}

impl Hub {
    /// Waits until a batch is stored and delivered, and does it if nobody else does.
    ///
    /// # Errors
    /// Why it was not stored; what was said is delivered to those who are here nevertheless.
    pub(super) fn commit(&self, batch: &Arc<Batch>) -> Result<(), StoreError> {
        match batch.lead() {
            Some(lead) => self.carry_out(lead),
            None => batch.wait(),
        }
    }

    /// As [`Hub::commit`], for who only waits for the store and not for what others have said.
    ///
    /// # Errors
    /// Why it was not stored.
    pub(super) fn commit_record(&self, batch: &Arc<Batch>) -> Result<(), StoreError> {
        match batch.lead() {
            Some(lead) => self.carry_out(lead),
            None => batch.wait_until_stored(),
        }
    }

    /// Stores and delivers what a session says.
    ///
    /// Where storing takes no time, who says it takes his turn at once: then nobody else delivers it, whom he writes to is
    /// up to him alone, and he never has to be woken.
    ///
    /// Since it was typed, somebody may have got another name; what follows in the log knows him by that.
    ///
    /// # Errors
    /// Why it was not stored; it is delivered to those who are here nevertheless.
    pub(super) fn commit_said(&self, sayings: &mut Vec<Saying>, speaker: ClientId) -> Result<(), StoreError> {
        let log = &self.inner.log;
        let turn = (!log.store().is_durable()).then(|| log.turn());
        // What others have submitted goes before it.
        let Some(mut turn) = turn.filter(|_| log.gathering().is_none()) else {
            let batch = {
                let renamed = self.inner.renamed.read();
                log.submit_said(sayings.drain(..).map(|saying| renamed.readdress(saying)), speaker)
            };
            return self.commit(&batch);
        };
        let content = {
            let renamed = self.inner.renamed.read();
            Content::said(sayings.drain(..).map(|saying| renamed.readdress(saying)))
        };
        let appended = log.append_content(&mut turn, &content);
        let Delivered { mut touched, receipts, .. } = self.deliver(content, &appended, false);
        drop(turn);
        if touched.is_crowd() && log.takes_turns(speaker) {
            // Whoever has something to say to them just now gets ahead, and it is all written together.
            thread::yield_now();
        }
        touched.settle(Some(speaker));
        self.acknowledge(receipts);
        appended.map(drop)
    }

    /// Waits until everything that was submitted so far is stored, or known not to be.
    pub(super) fn await_log(&self) {
        match self.inner.log.gathering() {
            // Whether it could be stored is for those to know who submitted it.
            Some(batch) => drop(self.commit_record(&batch)),
            None => drop(self.inner.log.turn()),
        }
    }

    /// Carries out a batch, and with it those that only this thread can, one after the other.
    fn carry_out(&self, lead: Lead) -> Result<(), StoreError> {
        let first = self.append_and_queue(lead);
        let outcome = first.appended.clone().map(drop);
        let mut next = Some(first);
        while let Some(queued) = next {
            next = self.write_out(queued);
        }
        outcome
    }

    /// Takes its turn, appends the batch, and queues its messages for their recipients in the log's order.
    fn append_and_queue(&self, lead: Lead) -> Queued {
        let log = &self.inner.log;
        let mut turn = log.turn();
        let (content, mut speakers) = log.close();
        let appended = log.append_content(&mut turn, &content);
        let durable = log.store().is_durable();
        let (clients, limit) = match durable && appended.is_ok() && content.is_stored() {
            true => self.locked(|state| state.hold_echoes(&speakers)),
            false => (Vec::new(), MessageId::default()),
        };
        let held = Held { hub: self.clone(), clients, limit };
        let Delivered { mut touched, receipts, kept } = self.deliver(content, &appended, durable);
        let waiting = touched.take();
        drop(turn);
        lead.stored(appended.clone().map(drop));
        speakers.sort_unstable();
        Queued { lead, appended, waiting, receipts, kept, speakers, held }
    }

    /// Writes a batch out, to those who spoke last, and lets those who wait for it go on. Returns another batch that
    /// somebody has to write out, if this thread had to append one.
    fn write_out(&self, batch: Queued) -> Option<Queued> {
        let Queued { lead, appended, waiting, receipts, kept, speakers, held } = batch;
        let durable = self.inner.log.store().is_durable();
        let speaks = |client: &Client| held.has(client) || speakers.binary_search(&client.id).is_ok();
        let (last, first): (Vec<_>, Vec<_>) = waiting.into_iter().partition(|waiting| speaks(&waiting.client));
        first.iter().for_each(|waiting| self.write_to(waiting, durable));
        let unwritten: Vec<&Waiting> = first.iter().filter(|waiting| durable && !waiting.is_written()).collect();
        let must_know = durable && appended.is_ok() && (kept || !unwritten.is_empty());
        let next = if must_know { self.await_places(&unwritten) } else { None };
        drop(held);
        // One who spoke alone writes to his own client himself, and may wait for him.
        let alone = (speakers.len() == 1).then(|| speakers[0]);
        let others = last.iter().filter(|waiting| Some(waiting.client.id) != alone);
        others.for_each(|waiting| self.write_to(waiting, durable));
        self.acknowledge(receipts);
        drop(lead);
        next
    }

    fn write_to(&self, Waiting { client, last }: &Waiting, durable: bool) {
        if durable {
            self.inner.log.await_echoes(&client.outbox, *last);
            client.flush_thoroughly();
        } else {
            client.flush();
        }
    }

    /// Waits until the store knows up to where those have got who were not written all, and those who have left.
    fn await_places(&self, unwritten: &[&Waiting]) -> Option<Queued> {
        let batch = self.submit_places(unwritten)?;
        match batch.lead() {
            Some(lead) => Some(self.append_and_queue(lead)),
            None => {
                // If it could not be stored, it is kept, and goes before everything else.
                let _ = batch.wait_until_stored();
                None
            }
        }
    }
}

impl State {
    /// Holds back what is queued from now on for the sessions of those who spoke: who they are, and the last message before.
    fn hold_echoes(&self, speakers: &[ClientId]) -> (Vec<Arc<Client>>, MessageId) {
        let users = speakers.iter().filter_map(|id| self.queues.get(&self.clients.get(id)?.name));
        let mut all: Vec<Arc<Client>> = users.flat_map(|user| user.sessions.values()).cloned().collect();
        all.sort_unstable_by_key(|client| client.id);
        all.dedup_by_key(|client| client.id);
        all.iter().for_each(|client| client.outbox.hold_echoes(self.last));
        (all, self.last)
    }
}

impl Held {
    fn has(&self, client: &Client) -> bool {
        self.clients.binary_search_by_key(&client.id, |held| held.id).is_ok()
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if !self.clients.is_empty() {
            self.hub.inner.log.free_echoes(self.clients.iter().map(|client| &client.outbox), self.limit);
        }
    }
}
