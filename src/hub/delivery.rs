//! Queueing what a batch says for everybody it is for, in the log's order.
//!
//! What is said to many one after the other in one place is queued as one: each of them costs then one push and one copy,
//! however many messages these are, and it is encoded in one piece.

use std::sync::Arc;
use std::time::Instant;

use super::Hub;
use super::client::{Client, ClientId};
use super::post::heard;
use super::receipts::Receipt;
use super::state::State;
use super::touched::{Touched, Waiting};
use crate::model::limits::{RUN_ITEMS, RUN_SHARE};
use crate::model::{Draft, Event, Limits, MessageId, Name, Scope};
use crate::store::StoreError;

/// What has been queued of a batch so far, and what is about to be.
pub(super) struct Delivery<'a> {
    hub: &'a Hub,
    touched: Touched,
    receipts: Vec<Receipt>,
    kept: bool,
    run: Run,
    now: Instant,
}

/// What was said one after the other in one place where many hear it.
#[derive(Default)]
struct Run {
    scope: Option<Scope>,
    events: Vec<Event>,
    weight: usize,
}

impl Delivery<'_> {
    /// Nothing yet; with `thorough` everybody for whom something is queued is noted.
    pub(super) fn new(hub: &Hub, thorough: bool) -> Delivery<'_> {
        let (touched, run) = (Touched::after_append(thorough), Run::default());
        Delivery { hub, touched, receipts: Vec::new(), kept: false, run, now: Instant::now() }
    }

    /// Queues something said after all that was before it. Its id is 0 if it is stored nowhere.
    pub(super) fn add(&mut self, id: MessageId, draft: Draft) {
        if let Scope::User(to) = draft.scope {
            self.end_run();
            let (receipt, away) = self.hub.locked(|state| state.deliver(id, draft, to, &mut self.touched));
            self.receipts.extend(receipt);
            self.kept |= away;
            return self.touched.relieve_if_crowded();
        }
        if !self.run.goes_on_with(&draft, self.hub.limits()) {
            self.end_run();
        }
        self.run.add(id, draft, self.now);
    }

    /// Queues a message that could not be stored.
    pub(super) fn add_unsaved(&mut self, draft: Draft, error: &StoreError) {
        self.end_run();
        self.hub.locked(|state| state.deliver_unsaved(draft, error, &mut self.touched));
        self.touched.relieve_if_crowded();
    }

    /// Who is to be written to, the receipts that are due, and whether something is for a user who is not here.
    pub(super) fn done(mut self) -> (Vec<Waiting>, Vec<Receipt>, bool) {
        self.end_run();
        (self.touched.take(), self.receipts, self.kept)
    }

    fn end_run(&mut self) {
        let Run { scope: Some(scope), events, .. } = std::mem::take(&mut self.run) else { return };
        self.kept |= self.hub.locked(|state| state.deliver_run(scope, events, &mut self.touched));
        self.touched.relieve_if_crowded();
    }
}

impl Run {
    /// Whether something is said in the same place, and all of it does not take too much of an outbox at once.
    fn goes_on_with(&self, draft: &Draft, limits: &Limits) -> bool {
        let items = RUN_ITEMS.min(limits.outbox_items / RUN_SHARE);
        self.scope == Some(draft.scope) && self.events.len() < items && self.weight < limits.outbox_bytes / RUN_SHARE
    }

    fn add(&mut self, id: MessageId, draft: Draft, now: Instant) {
        let Draft { at, from, scope, text, action } = draft;
        let event = Event::made(id, at, now, heard(from, scope, text, action));
        self.scope = Some(scope);
        self.weight += event.weight();
        self.events.push(event);
    }
}

impl State {
    /// Queues what was said in a group or to everybody. Says whether somebody it is for may be away.
    fn deliver_run(&mut self, scope: Scope, events: Vec<Event>, touched: &mut Touched) -> bool {
        let mut stored = 0;
        for event in events.iter().filter(|event| event.id > MessageId(0)) {
            self.last = event.id;
            stored += 1;
        }
        self.counts.messages += stored;
        let one = events.len() > 1 && self.is_for_the_same(scope, &events);
        let events = if one { Event::several(events).into_iter().collect() } else { events };
        for event in events {
            self.tell_said(scope, &Arc::new(event), touched);
        }
        // Somebody it is for may be away, or may be leaving at this moment.
        let keeps = |group| self.groups.get(&group).is_some_and(|group| group.settings.keep);
        stored > 0 && matches!(scope, Scope::Group(group) if keeps(group))
    }

    /// Whether each of these is for everybody there, and for nobody else.
    fn is_for_the_same(&self, scope: Scope, events: &[Event]) -> bool {
        let is_heard = |from: &Name| match scope {
            _ if self.is_ignored(from) => false,
            Scope::Group(group) => self.groups.get(&group).is_some_and(|group| group.members.contains_key(from)),
            _ => true,
        };
        let mut last = None;
        let speakers = events.iter().map(|event| event.kind.spoken().map(|(from, _)| from));
        // One speaker often says several things in a row.
        speakers.filter(|from| last.replace(*from) != Some(*from)).all(|from| from.is_some_and(is_heard))
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
    fn tell_said(&self, scope: Scope, event: &Arc<Event>, touched: &mut Touched) {
        let Scope::Group(group) = scope else {
            return self.tell_heard(event, &self.clients, touched);
        };
        self.tell_heard(event, self.audience(&group), touched);
        let gone = |from: &Name| !self.groups.get(&group).is_some_and(|group| group.members.contains_key(from));
        if let Some((from, _)) = event.kind.spoken().filter(|(from, _)| gone(from)) {
            self.tell_user(from, event, touched);
        }
    }
}
