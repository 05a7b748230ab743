//! Queueing what a batch says for everybody it is for, in the log's order.
//!
//! What is said one after the other in one place is queued as one: each who hears it costs then one push and one copy,
//! however many messages these are, and it is encoded in one piece.

use std::sync::Arc;

use super::Hub;
use super::client::{Client, ClientId};
use super::content::{Content, Passing};
use super::echoes::Held;
use super::post::heard;
use super::receipts::Receipt;
use super::run::{Run, Said};
use super::state::State;
use super::touched::Touched;
use crate::model::{Draft, Event, MessageId, Name, Scope};
use crate::store::{Entry, StoreError};

/// What is left to be done about a batch that has been queued.
pub(super) struct Delivered {
    /// Who is to be written to.
    pub(super) touched: Touched,
    pub(super) receipts: Vec<Receipt>,
    /// Something is for a user who is not here.
    pub(super) kept: bool,
}

/// A batch that is being queued.
struct Delivery<'a> {
    hub: &'a Hub,
    done: Delivered,
    run: Run,
    /// Who is told what others say at the same time one after the other.
    apart: Vec<ClientId>,
}

impl Hub {
    /// Queues what a batch says for everybody it is for, now that it is appended or cannot be. Where there is something
    /// about echoes to be held back, everybody for whom something is queued is noted.
    pub(super) fn deliver(
        &self,
        Content { entries, passing }: Content,
        appended: &Result<MessageId, StoreError>,
        held: Option<&Held>,
    ) -> Delivered {
        let done = Delivered { touched: Touched::after_append(held.is_some()), receipts: Vec::new(), kept: false };
        let (run, apart) = (Run::new(entries.len() + passing.len()), held.map(Held::apart).unwrap_or_default());
        let mut delivery = Delivery { hub: self, done, run, apart };
        let (mut next, mut passing) = (appended.clone().unwrap_or_default(), passing.into_iter().peekable());
        for (at, entry) in entries.into_iter().map(Some).chain([None]).enumerate() {
            while let Some(Passing { draft, .. }) = passing.next_if(|passing| passing.after <= at) {
                delivery.add(MessageId(0), draft);
            }
            let Some(Entry::Said(draft)) = entry else { continue };
            match appended {
                Ok(_) => {
                    delivery.add(next, draft);
                    next.0 += 1;
                }
                Err(error) => delivery.add_unsaved(draft, error),
            }
        }
        delivery.end_run();
        delivery.done
    }
}

impl Delivery<'_> {
    /// Queues something said after all that was before it. Its id is 0 if it is stored nowhere.
    fn add(&mut self, id: MessageId, draft: Draft) {
        if !self.run.goes_on_with(&draft, self.hub.limits()) {
            self.end_run();
        }
        self.run.add(id, draft);
    }

    /// Queues a message that could not be stored.
    fn add_unsaved(&mut self, draft: Draft, error: &StoreError) {
        self.end_run();
        self.hub.locked(|state| state.deliver_unsaved(draft, error, &mut self.done.touched));
        self.done.touched.relieve_if_crowded();
    }

    fn end_run(&mut self) {
        let Delivery { hub, done, run, apart } = self;
        let Some(&Said { draft: Draft { from, scope, .. }, .. }) = run.said.first() else { return };
        hub.locked(|state| match scope {
            Scope::User(to) => state.deliver_private(from, to, run, done),
            _ => state.deliver_run(scope, run, apart, done),
        });
        run.clear();
        done.touched.relieve_if_crowded();
    }
}

impl State {
    /// Queues what was said in a group or to everybody.
    fn deliver_run(&mut self, scope: Scope, run: &Run, apart: &[ClientId], done: &mut Delivered) {
        let mut stored = 0;
        for Said { id, .. } in run.said.iter().filter(|said| said.id > MessageId(0)) {
            self.last = *id;
            stored += 1;
        }
        self.counts.messages += stored;
        let in_one = run.said.len() > 1 && self.is_for_the_same(scope, &run.said);
        let split = in_one && !apart.is_empty();
        let apart = |client: &Client| split && apart.binary_search(&client.id).is_ok();
        for event in run.events(in_one, heard) {
            self.tell_said(scope, &event, |client| !apart(client), &mut done.touched);
        }
        for event in run.events_by_speaker(heard).filter(|_| split) {
            self.tell_said(scope, &event, apart, &mut done.touched);
        }
        // Somebody it is for may be away, or may be leaving at this moment.
        let keeps = |group| self.groups.get(&group).is_some_and(|group| group.settings.keep);
        done.kept |= stored > 0 && matches!(scope, Scope::Group(group) if keeps(group));
    }

    /// Whether each of these is for everybody there, and for nobody else.
    fn is_for_the_same(&self, scope: Scope, said: &[Said]) -> bool {
        let is_heard = |from: &Name| match scope {
            _ if self.is_ignored(from) => false,
            Scope::Group(group) => self.groups.get(&group).is_some_and(|group| group.members.contains_key(from)),
            _ => true,
        };
        let mut last = None;
        let speakers = said.iter().map(|said| &said.draft.from);
        // One speaker often says several things in a row.
        speakers.filter(|from| last.replace(*from) != Some(*from)).all(is_heard)
    }

    fn tell_heard<'a>(
        &self,
        event: &Arc<Event>,
        clients: impl IntoIterator<Item = (&'a ClientId, &'a Arc<Client>)>,
        touched: &mut Touched,
    ) {
        match event.kind.spoken() {
            Some((from, _)) => self.tell_of_user(from, clients, event, None, touched),
            None => self.counts.delivered(touched.push_all(clients, event, None)),
        }
    }

    /// Tells everybody there what was said. In a group its author was a member when he said it, and has to hear it as well.
    fn tell_said(&self, scope: Scope, event: &Arc<Event>, whom: impl Fn(&Client) -> bool, touched: &mut Touched) {
        let Scope::Group(group) = scope else {
            return self.tell_heard(event, self.clients.iter().filter(|(_, client)| whom(client)), touched);
        };
        self.tell_heard(event, self.audience(&group).filter(|(_, client)| whom(client)), touched);
        let gone = |from: &Name| !self.groups.get(&group).is_some_and(|group| group.members.contains_key(from));
        if let Some((from, _)) = event.kind.spoken().filter(|(from, _)| gone(from)) {
            self.tell_user(from, event, touched);
        }
    }
}
