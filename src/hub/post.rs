//! Saying something: checked, appended to the log, delivered in the log's order, written out, and only then acknowledged.
//!
//! Nothing is shown before it is stored. What a session says is checked at once and published together with all else
//! that it says in one read; the thread that leads a batch delivers and writes out the whole of it.

use std::sync::Arc;
use std::time::SystemTime;

use super::Hub;
use super::client::Client;
use super::log::{Batch, Closed, Passing, Turn};
use super::receipts::Receipt;
use super::state::State;
use super::touched::Touched;
use crate::model::{Draft, Event, EventKind, GroupError, MessageId, Name, Role, Scope, UserError, Withheld};
use crate::store::{Entry, StoreError};

/// Where somebody may say something, found out at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    scope: Scope,
    /// What is said there is stored nowhere.
    passing: bool,
}

/// Something said that nobody has been told yet.
#[derive(Debug)]
pub struct Saying {
    pub(super) draft: Draft,
    pub(super) passing: bool,
}

/// What a batch leaves to be done once it has been written out.
struct Delivered {
    touched: Touched,
    receipts: Vec<Receipt>,
    /// Something is for a user who is not here.
    kept: bool,
}

impl Hub {
    /// Whether somebody may say something there; answers with the group under the name it was made with.
    ///
    /// # Errors
    /// [`UserError::NoSuchGroup`], [`UserError::NotMember`], [`GroupError`] for who has no voice in it, and
    /// [`UserError::NotOnline`] for a guest who has left.
    pub fn check(&self, me: &Client, scope: Scope, now: SystemTime) -> Result<Place, UserError> {
        match scope {
            Scope::User(to) if to.is_guest() && !self.is_here(&to) => Err(UserError::NotOnline(to)),
            Scope::Group(group) => self.locked(|state| state.voice(&me.name, &group, now)),
            scope => Ok(Place { scope, passing: false }),
        }
    }

    /// Stores what was said, delivers it, and returns once it has been written to everybody whose connection takes it.
    /// What became of it, each speaker is told in his outbox.
    pub fn publish(&self, me: &Client, sayings: &mut Vec<Saying>) {
        if sayings.is_empty() {
            return;
        }
        let batch = self.inner.log.submit_said(sayings.drain(..), me.id);
        // Otherwise each speaker is told about his own messages where they are delivered.
        if self.commit(&batch) == Err(StoreError::Abandoned) {
            me.outbox.push(&Event::new(EventKind::Refused(UserError::Lost)));
        }
    }

    /// Waits until a batch is stored and delivered, and does it if nobody else does.
    ///
    /// # Errors
    /// Why it was not stored; what was said is delivered to those who are here nevertheless.
    pub(super) fn commit(&self, batch: &Batch) -> Result<(), StoreError> {
        let Some(lead) = batch.lead() else { return batch.wait() };
        let log = &self.inner.log;
        let mut turn = log.turn();
        let Closed { entries, passing, mut speakers } = log.close();
        // Where there is nothing to store, whether the store works is nobody's concern.
        let idle = entries.is_empty() && !passing.is_empty();
        let appended = if idle { Ok(MessageId(0)) } else { log.append(&mut turn, &entries) };
        let Delivered { mut touched, receipts, kept } = self.deliver(&mut turn, entries, passing, &appended);
        let last = touched.last_queued();
        drop(turn);
        lead.stored();
        speakers.sort_unstable();
        let unwritten = touched.settle_thoroughly(&speakers, last);
        if appended.is_ok() && log.store().is_durable() {
            if kept || !unwritten.is_empty() {
                self.await_departures();
            }
            self.note_unwritten(&unwritten);
        }
        self.acknowledge(receipts);
        lead.finish(appended.map(drop))
    }

    /// Waits until everything that was submitted so far is stored, or known not to be.
    pub(super) fn await_log(&self) {
        match self.inner.log.gathering() {
            // Whether it could be stored is for those to know who submitted it.
            Some(batch) => drop(self.commit(&batch)),
            None => drop(self.inner.log.turn()),
        }
    }

    /// Queues the messages of a batch for their recipients. The turn keeps them in the log's order.
    fn deliver(
        &self,
        _turn: &mut Turn,
        entries: Vec<Entry>,
        passing: Vec<Passing>,
        appended: &Result<MessageId, StoreError>,
    ) -> Delivered {
        let mut next = appended.as_ref().map_or(MessageId(0), |first| *first);
        let mut touched = Touched::after_append(self.inner.log.store().is_durable());
        let (mut receipts, mut kept) = (Vec::new(), false);
        let mut passing = passing.into_iter().peekable();
        for (at, entry) in entries.into_iter().map(Some).chain([None]).enumerate() {
            while let Some(Passing { draft, .. }) = passing.next_if(|passing| passing.after <= at) {
                self.locked(|state| state.pass_on(draft, &mut touched));
                touched.relieve_if_crowded();
            }
            let Some(Entry::Said(draft)) = entry else { continue };
            match appended {
                Ok(_) => {
                    let (receipt, away) = self.locked(|state| state.deliver(next, draft, &mut touched));
                    receipts.extend(receipt);
                    kept |= away;
                    next.0 += 1;
                }
                Err(error) => self.locked(|state| state.deliver_unsaved(draft, error, &mut touched)),
            }
            touched.relieve_if_crowded();
        }
        Delivered { touched, receipts, kept }
    }
}

impl State {
    /// The group in which somebody has a voice.
    fn voice(&self, user: &Name, name: &Name, now: SystemTime) -> Result<Place, UserError> {
        let (shown, role) = self.group_of(user, name, now)?;
        let group = self.group(&shown)?.1;
        // Nobody could give an owner his voice back.
        if let Some(mute) = group.withheld(user, Withheld::Voice, now).filter(|_| role < Role::Owner) {
            return Err(GroupError::Muted(shown, mute.until, mute.reason.clone()).into());
        }
        if group.settings.announce && role < Role::Admin {
            return Err(GroupError::AnnounceOnly(shown).into());
        }
        Ok(Place { scope: Scope::Group(shown), passing: group.settings.ephemeral })
    }

    /// Queues what is stored nowhere for the members of its group, and its echo for who said it.
    fn pass_on(&mut self, draft: Draft, touched: &mut Touched) {
        let Draft { at, from, scope, text } = draft;
        if let Scope::Group(group) = scope {
            self.tell_said(
                &group,
                &from,
                &Event::said(MessageId(0), at, EventKind::GroupMessage { group, from, text }),
                touched,
            );
        }
    }

    /// Tells a group what one of its members said. He was a member when he said it, and has to hear it as well.
    fn tell_said(&self, group: &Name, from: &Name, event: &Arc<Event>, touched: &mut Touched) {
        self.tell_group(group, event, None, touched);
        if !self.groups.get(group).is_some_and(|group| group.members.contains_key(from)) {
            self.tell_user(from, event, touched);
        }
    }

    /// Queues a stored message for everybody it is for, and its echo for who said it. Says which receipt is due for it,
    /// and whether somebody it is for may be away.
    fn deliver(&mut self, id: MessageId, draft: Draft, touched: &mut Touched) -> (Option<Receipt>, bool) {
        self.last = id;
        let Draft { at, from, scope, text } = draft;
        let said = |kind| Event::said(id, at, kind);
        match scope {
            Scope::Everybody => self.tell_all(&said(EventKind::Broadcast { from, text }), None, touched),
            Scope::Group(group) => {
                self.tell_said(&group, &from, &said(EventKind::GroupMessage { group, from, text }), touched);
                // Somebody it is for may be away, or may be leaving at this moment.
                return (None, self.groups.get(&group).is_some_and(|group| group.settings.keep));
            }
            Scope::User(to) => {
                self.tell_user(&to, &said(EventKind::Whisper { from, text: text.clone() }), touched);
                self.tell_user(&from, &said(EventKind::WhisperSent { to, text }), touched);
                let notice = match self.queues.get(&to) {
                    None => Some(EventKind::KeptFor { user: to }),
                    Some(user) => user.away.clone().map(|away| EventKind::UserIsAway { user: to, away }),
                };
                notice.into_iter().for_each(|notice| self.tell_user(&from, &Event::new(notice), touched));
                return (self.receipt(id, from, to), !self.queues.contains_key(&to));
            }
        }
        (None, false)
    }

    /// Queues a message that could not be stored for those who are here, and says so to who said it, in place of the echo.
    fn deliver_unsaved(&mut self, draft: Draft, error: &StoreError, touched: &mut Touched) {
        let Draft { at, from, scope, text } = draft;
        let said = |kind| Event::said(MessageId(0), at, kind);
        let mut refused = UserError::NotSaved(error.to_string());
        match scope {
            Scope::Everybody => self.tell_all(&said(EventKind::Broadcast { from, text }), Some(&from), touched),
            Scope::Group(group) => {
                self.tell_group(&group, &said(EventKind::GroupMessage { group, from, text }), Some(&from), touched);
            }
            Scope::User(to) if !self.queues.contains_key(&to) => refused = UserError::NotKept(to, error.to_string()),
            Scope::User(to) => self.tell_user(&to, &said(EventKind::Whisper { from, text }), touched),
        }
        self.tell_user(&from, &Event::new(EventKind::Refused(refused)), touched);
    }
}

impl Client {
    /// What it says now, there.
    pub fn draft(&self, place: Place, text: String) -> Saying {
        let Place { scope, passing } = place;
        Saying { draft: Draft { at: SystemTime::now(), from: self.name, scope, text }, passing }
    }
}
