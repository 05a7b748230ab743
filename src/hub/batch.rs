//! What the leader of a batch does: append it, queue its messages, write them out, and let those who wait go on.
//!
//! Who spoke and does not lead leaves all of it to the leader, his own echo too, and goes on reading.

use std::sync::Arc;

use super::Hub;
use super::client::{Client, ClientId};
use super::content::Content;
use super::delivery::Delivered;
use super::echoes::Held;
use super::gather::Pass;
use super::log::{Batch, Lead};
use super::post::Saying;
use super::receipts::Receipt;
use super::touched::Waiting;
use crate::model::{Event, EventKind, MessageId, UserError};
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

/// What became of what a session says.
pub(super) enum Submitted {
    /// It is stored and delivered, or that was tried, and everybody but the session itself was written to.
    Done(Result<(), StoreError>),
    /// Another thread does all of it, and writes to the session, too.
    Left(Arc<Batch>),
}

/// Those who spoke in a batch: they are told that it is lost if its leader fails.
struct Speakers<'a> {
    hub: &'a Hub,
    sessions: Vec<(ClientId, usize)>,
    leader: Option<ClientId>,
    lost: bool,
}

impl Hub {
    /// Waits until a batch is stored and delivered, and does it if nobody else does.
    ///
    /// # Errors
    /// Why it was not stored; what was said is delivered to those who are here nevertheless.
    pub(super) fn commit(&self, batch: &Arc<Batch>) -> Result<(), StoreError> {
        match batch.lead() {
            Some(lead) => self.carry_out(lead, None, None),
            None => batch.wait(),
        }
    }

    /// As [`Hub::commit`], for who only waits for the store and not for what others have said.
    ///
    /// # Errors
    /// Why it was not stored.
    pub(super) fn commit_record(&self, batch: &Arc<Batch>) -> Result<(), StoreError> {
        match batch.lead() {
            Some(lead) => self.carry_out(lead, None, None),
            None => batch.wait_until_stored(),
        }
    }

    /// Stores and delivers what a session says, together with what others say at this moment, or leaves it to one of them.
    ///
    /// Where storing takes no time and nobody else is speaking, who says it takes his turn at once.
    ///
    /// Since it was typed, somebody may have got another name; what follows in the log knows him by that.
    pub(super) fn say(&self, sayings: &mut Vec<Saying>, speaker: ClientId) -> Submitted {
        let log = &self.inner.log;
        let durable = log.store().is_durable();
        let others_speak = (durable || Content::is_public(sayings)) && self.inner.gathering.takes_turns(speaker);
        let turn = (!durable && !others_speak).then(|| log.turn());
        // What others have submitted goes before it.
        let Some(mut turn) = turn.filter(|_| log.gathering().is_none()) else {
            let batch = {
                let renamed = self.inner.renamed.read();
                log.submit_said(sayings.drain(..).map(|saying| renamed.readdress(saying)), speaker)
            };
            let Some(lead) = batch.lead() else { return Submitted::Left(batch) };
            let pass = if others_speak { self.inner.gathering.pass(|| log.joined()) } else { None };
            return Submitted::Done(self.carry_out(lead, Some(speaker), pass));
        };
        let content = {
            let renamed = self.inner.renamed.read();
            Content::said(sayings.drain(..).map(|saying| renamed.readdress(saying)))
        };
        let appended = log.append_content(&mut turn, &content);
        let Delivered { mut touched, receipts, .. } = self.deliver(content, &appended, None);
        drop(turn);
        touched.settle(Some(speaker));
        self.acknowledge(receipts);
        Submitted::Done(appended.map(drop))
    }

    /// Waits until everything that was submitted so far is stored, or known not to be.
    pub(super) fn await_log(&self) {
        match self.inner.log.gathering() {
            // Whether it could be stored is for those to know who submitted it.
            Some(batch) => drop(self.commit_record(&batch)),
            None => drop(self.inner.log.turn()),
        }
    }

    /// Carries out a batch, and with it those that only this thread can, one after the other. The session that leads it
    /// writes to itself, where nobody else has to wait for that.
    fn carry_out(&self, lead: Lead, leader: Option<ClientId>, mut pass: Option<Pass<'_>>) -> Result<(), StoreError> {
        let first = self.append_and_queue(lead, leader);
        let outcome = first.appended.clone().map(drop);
        let mut all = vec![first];
        while let Some(queued) = all.pop() {
            self.write_out(queued, leader, pass.take(), &mut all);
        }
        outcome
    }

    /// Takes its turn, appends the batch, and queues its messages for their recipients in the log's order.
    fn append_and_queue(&self, lead: Lead, leader: Option<ClientId>) -> Queued {
        let log = &self.inner.log;
        let mut turn = log.turn();
        let (content, sessions) = log.close();
        let mut speakers = Speakers { hub: self, sessions, leader, lost: true };
        let appended = log.append_content(&mut turn, &content);
        let durable = log.store().is_durable();
        let held = match appended {
            Ok(first) if durable && content.is_stored() => Held::hold(self, &content, first, &speakers.sessions),
            _ => Held::nobody(self),
        };
        let Delivered { mut touched, receipts, kept } = self.deliver(content, &appended, durable.then_some(&held));
        let waiting = touched.take();
        drop(turn);
        lead.stored(appended.clone().map(drop));
        speakers.lost = false;
        let mut speakers: Vec<ClientId> = speakers.sessions.iter().map(|(id, _)| *id).collect();
        speakers.sort_unstable();
        Queued { lead, appended, waiting, receipts, kept, speakers, held }
    }

    /// Writes a batch out, to those who spoke last, and lets those who wait for it go on. Adds to `all` those that
    /// somebody has to write out, if this thread had to append any.
    fn write_out(&self, batch: Queued, leader: Option<ClientId>, pass: Option<Pass<'_>>, all: &mut Vec<Queued>) {
        let Queued { lead, appended, waiting, receipts, kept, speakers, mut held } = batch;
        let durable = self.inner.log.store().is_durable();
        let speaks = |client: &Client| held.has(client) || speakers.binary_search(&client.id).is_ok();
        let (last, mut unwritten): (Vec<_>, Vec<_>) = waiting.into_iter().partition(|waiting| speaks(&waiting.client));
        unwritten.iter().for_each(|waiting| self.write_to(waiting, durable));
        unwritten.retain(|waiting| durable && !waiting.is_written());
        unwritten.extend(held.write_beginnings());
        // Who leads this batch must not be waited for while he waits for another one.
        let pass = pass.filter(|_| unwritten.is_empty() && !kept);
        if durable && appended.is_ok() && (kept || !unwritten.is_empty()) {
            all.extend(self.await_places(&unwritten));
        }
        let own = leader.filter(|leader| !durable || speakers == [*leader]);
        if held.is_empty() {
            last.iter()
                .filter(|waiting| Some(waiting.client.id) != own)
                .for_each(|waiting| self.write_to(waiting, durable));
        }
        while let Some(unwritten) = held.let_go(own) {
            // The next ones must not have their echoes before the store knows that he has not got what they said.
            if !unwritten.is_empty() && !held.is_empty() {
                all.extend(self.await_places(&unwritten));
            }
        }
        drop(pass);
        self.acknowledge(receipts);
        drop(lead);
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
    fn await_places(&self, unwritten: &[Waiting]) -> Option<Queued> {
        let batch = self.submit_places(unwritten)?;
        match batch.lead() {
            Some(lead) => Some(self.append_and_queue(lead, None)),
            None => {
                // If it could not be stored, it is kept, and goes before everything else.
                let _ = batch.wait_until_stored();
                None
            }
        }
    }
}

impl Drop for Speakers<'_> {
    fn drop(&mut self) {
        if self.lost {
            self.hub.tell_lost(self.sessions.iter().map(|(id, _)| *id).filter(|id| Some(*id) != self.leader));
        }
    }
}

impl Hub {
    /// Tells these sessions that what they said is lost.
    fn tell_lost(&self, sessions: impl Iterator<Item = ClientId>) {
        let lost = Event::new(EventKind::Refused(UserError::Lost));
        let told: Vec<Arc<Client>> =
            self.locked(|state| sessions.filter_map(|id| state.clients.get(&id)).cloned().collect());
        for client in told {
            client.outbox.push(&lost);
            client.flush();
        }
    }
}
