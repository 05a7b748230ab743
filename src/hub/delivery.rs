//! Saying something: checked, appended to the log, delivered in the log's order, written out, and only then acknowledged.
//!
//! Nothing is shown before it is stored. What a session says is checked at once and published together with all else
//! that it says in one read; the thread that leads a batch delivers and writes out the whole of it.
//!
//! What is said one after the other in one place is queued as one: each who hears it costs then one push and one copy,
//! however many messages these are, and it is encoded in one piece.

use std::sync::Arc;
use std::time::{Instant, SystemTime};

use super::client::{Client, ClientId};
use super::log::{
    Batch, BatchContent, BatchLeader, EphemeralMessage, HeldEchoes, HeldSpeaker, PendingMessage, WriteTurn,
};
use super::outbox::{FlushList, FlushTarget};
use super::state::{Hub, HubState, OnlineUser, Receipt};
use crate::model::limits::{RECEIPTS_KEPT, RUN_ITEMS, RUN_SHARE};
use crate::model::{
    Draft, Event, EventKind, GroupError, GroupRole, Limits, Message, MessageId, Name, Penalty, Scope, UserError,
};
use crate::store::{Entry, StoreError};

/// Where somebody may say something, found out at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Destination {
    scope: Scope,
    /// What is said there is stored nowhere.
    passing: bool,
    /// When that was.
    at: SystemTime,
}

impl Destination {
    /// The place itself; a group under the name it was made with.
    pub fn scope(self) -> Scope {
        self.scope
    }
}

impl Hub {
    /// Whether somebody may say something there; answers with the group under the name it was made with.
    ///
    /// # Errors
    /// [`UserError::Muted`], [`UserError::NoSuchGroup`], [`UserError::NotMember`], [`GroupError`] for who has no voice in
    /// it, and [`UserError::NotOnline`] for a guest who has left.
    pub fn check(&self, me: &Client, scope: Scope, now: SystemTime) -> Result<Destination, UserError> {
        self.check_mute(&me.name, now)?;
        match scope {
            Scope::User(to) if to.is_guest() && !self.is_here(&to) => Err(UserError::NotOnline(to)),
            Scope::Group(group) => self.locked(|state| state.voice(&me.name, &group, now)),
            scope => Ok(Destination { scope, passing: false, at: now }),
        }
    }
}

impl HubState {
    /// The group in which somebody has a voice.
    fn voice(&self, user: &Name, name: &Name, now: SystemTime) -> Result<Destination, UserError> {
        let (shown, group) = self.group_for(user, name, now)?;
        let role = group.role(user).ok_or(UserError::NotMember(shown))?;
        // Nobody could give an owner his voice back.
        if let Some(mute) = group.ruling(user, Penalty::Mute, now).filter(|_| role < GroupRole::Owner) {
            return Err(GroupError::Muted(shown, mute.until, mute.reason.clone()).into());
        }
        if group.settings.announce && role < GroupRole::Admin {
            return Err(GroupError::AnnounceOnly(shown).into());
        }
        Ok(Destination { scope: Scope::Group(shown), passing: group.settings.ephemeral, at: now })
    }
}

impl Client {
    /// What it says there, at the moment at which that was found out.
    pub fn draft(&self, place: Destination, text: impl Into<Arc<str>>) -> PendingMessage {
        let (Destination { scope, passing, at }, text) = (place, text.into());
        PendingMessage { draft: Draft { at, from: self.name, scope, text, action: false, tag: None }, passing }
    }
}

/// What a session has said and another thread may still have to deliver. Dropping it waits for that.
#[derive(Default)]
#[must_use]
pub struct PendingDelivery(Option<Arc<Batch>>);

impl Hub {
    /// Stores what was said, delivers it, and returns once it has been written to everybody whose connection takes it.
    /// What became of it, each speaker is told in his outbox.
    pub fn publish(&self, me: &Client, messages: &mut Vec<PendingMessage>) {
        drop(self.submit(me, messages));
    }

    /// As [`Hub::publish`], and does not wait where somebody else does all of it. He writes to this session, too.
    pub fn submit(&self, me: &Client, messages: &mut Vec<PendingMessage>) -> PendingDelivery {
        if messages.is_empty() {
            return PendingDelivery(None);
        }
        match self.say(messages, me.id) {
            // What became of it, each speaker is told where it is delivered.
            Submission::Done(_) => PendingDelivery(None),
            Submission::Left(batch) => PendingDelivery(Some(batch)),
        }
    }

    /// As [`Hub::publish`] for who has no session: what became of it is the answer.
    ///
    /// # Errors
    /// Why it was not stored; it is delivered to those who are here nevertheless.
    pub fn publish_and_wait(&self, messages: &mut Vec<PendingMessage>) -> Result<(), StoreError> {
        if messages.is_empty() {
            return Ok(());
        }
        match self.say(messages, ClientId(0)) {
            Submission::Done(outcome) => outcome,
            Submission::Left(batch) => batch.wait(),
        }
    }
}

impl PendingDelivery {
    /// Whether it is left to somebody else.
    pub fn is_with_leader(&self) -> bool {
        self.0.is_some()
    }

    /// Waits until it is done.
    pub fn wait(&mut self) {
        if let Some(batch) = self.0.take() {
            // What became of it, each speaker is told in his outbox.
            let _ = batch.wait();
        }
    }
}

impl Drop for PendingDelivery {
    fn drop(&mut self) {
        self.wait();
    }
}

/// A batch that has been appended and queued, and is still to be written out.
struct QueuedBatch<'a> {
    lead: BatchLeader,
    appended: Result<MessageId, StoreError>,
    waiting: Vec<FlushTarget>,
    receipts: Vec<Receipt>,
    /// Something is for a user who is not here.
    kept: bool,
    speakers: Vec<ClientId>,
    held: HeldEchoes<'a>,
}

/// What became of what a session says.
pub(super) enum Submission {
    /// It is stored and delivered, or that was tried, and everybody but the session itself was written to.
    Done(Result<(), StoreError>),
    /// Another thread does all of it, and writes to the session, too.
    Left(Arc<Batch>),
}

/// Those who spoke in a batch: they are told that it is lost if its leader fails.
struct LostBatchGuard<'a> {
    hub: &'a Hub,
    sessions: Vec<(ClientId, usize)>,
    leader: Option<ClientId>,
    lost: bool,
}

impl Hub {
    /// Appends these changes to the log, in this order, and waits until they are stored.
    ///
    /// # Errors
    /// Why that cannot be done; they will be stored as soon as it can.
    pub fn record(&self, entries: Vec<Entry>) -> Result<(), StoreError> {
        let batch = self.inner.log.submit(entries);
        self.commit(&batch)
    }

    /// Waits until a batch is stored and delivered, and does it if nobody else does.
    ///
    /// # Errors
    /// Why it was not stored; what was said is delivered to those who are here nevertheless.
    pub(super) fn commit_delivered(&self, batch: &Arc<Batch>) -> Result<(), StoreError> {
        match batch.lead() {
            Some(lead) => self.lead_batch(lead, None, None),
            None => batch.wait(),
        }
    }

    /// As [`Hub::commit`], for who only waits for the store and not for what others have said.
    ///
    /// # Errors
    /// Why it was not stored.
    pub(super) fn commit(&self, batch: &Arc<Batch>) -> Result<(), StoreError> {
        match batch.lead() {
            Some(lead) => self.lead_batch(lead, None, None),
            None => batch.wait_until_stored(),
        }
    }

    /// Stores and delivers what a session says, together with what others say at this moment, or leaves it to one of them.
    ///
    /// Where storing takes no time and nobody else is speaking, who says it takes his turn at once.
    ///
    /// Since it was typed, somebody may have got another name; what follows in the log knows him by that.
    pub(super) fn say(&self, messages: &mut Vec<PendingMessage>, speaker: ClientId) -> Submission {
        let log = &self.inner.log;
        let durable = log.store().is_durable();
        let others_speak = (durable || BatchContent::is_public(messages)) && self.inner.batching.should_batch(speaker);
        let turn = (!durable && !others_speak).then(|| log.turn());
        // What others have submitted goes before it.
        let Some(mut turn) = turn.filter(|_| log.open_batch().is_none()) else {
            let batch = {
                let renamed = self.inner.renamed.read();
                log.submit_messages(messages.drain(..).map(|message| renamed.readdress(message)), speaker)
            };
            let Some(lead) = batch.lead() else { return Submission::Left(batch) };
            let pass = if others_speak { self.inner.batching.take_write_turn(|| log.speaker_count()) } else { None };
            return Submission::Done(self.lead_batch(lead, Some(speaker), pass));
        };
        let content = {
            let renamed = self.inner.renamed.read();
            BatchContent::said(messages.drain(..).map(|message| renamed.readdress(message)))
        };
        let appended = log.append_batch(&mut turn, &content);
        let DeliveryResult { mut flush_list, receipts, .. } = self.deliver(content, &appended, None);
        drop(turn);
        flush_list.flush_except(Some(speaker));
        self.acknowledge(receipts);
        Submission::Done(appended.map(drop))
    }

    /// Waits until everything that was submitted so far is stored, or known not to be.
    pub(super) fn await_log(&self) {
        match self.inner.log.open_batch() {
            // Whether it could be stored is for those to know who submitted it.
            Some(batch) => drop(self.commit(&batch)),
            None => drop(self.inner.log.turn()),
        }
    }

    /// Carries out a batch, and with it those that only this thread can, one after the other. The session that leads it
    /// writes to itself, where nobody else has to wait for that.
    fn lead_batch(
        &self,
        lead: BatchLeader,
        leader: Option<ClientId>,
        mut pass: Option<WriteTurn<'_>>,
    ) -> Result<(), StoreError> {
        let first = self.append_and_queue(lead, leader);
        let outcome = first.appended.clone().map(drop);
        let mut all = vec![first];
        while let Some(queued) = all.pop() {
            self.write_out(queued, leader, pass.take(), &mut all);
        }
        outcome
    }

    /// Takes its turn, appends the batch, and queues its messages for their recipients in the log's order.
    fn append_and_queue(&self, lead: BatchLeader, leader: Option<ClientId>) -> QueuedBatch<'_> {
        let log = &self.inner.log;
        let mut turn = log.turn();
        let (content, sessions) = log.close();
        let mut speakers = LostBatchGuard { hub: self, sessions, leader, lost: true };
        let appended = log.append_batch(&mut turn, &content);
        let durable = log.store().is_durable();
        let held = match appended {
            Ok(first) if durable && content.is_stored() => self.hold_echoes(&content, first, &speakers.sessions),
            _ => HeldEchoes::nobody(log),
        };
        let DeliveryResult { mut flush_list, receipts, kept } =
            self.deliver(content, &appended, durable.then_some(&held));
        let waiting = flush_list.take();
        drop(turn);
        lead.stored(appended.clone().map(drop));
        speakers.lost = false;
        let mut speakers: Vec<ClientId> = speakers.sessions.iter().map(|(id, _)| *id).collect();
        speakers.sort_unstable();
        QueuedBatch { lead, appended, waiting, receipts, kept, speakers, held }
    }

    /// Holds back the echoes of those who spoke: who they are, and how many entries of the batch came before theirs.
    fn hold_echoes(&self, content: &BatchContent, first: MessageId, speakers: &[(ClientId, usize)]) -> HeldEchoes<'_> {
        let limit = |entries| MessageId((first.0 + content.messages_before(entries)).saturating_sub(1));
        let speakers = self.locked(|state| {
            let held = speakers.iter().filter_map(|(id, before)| state.hold_echoes(*id, limit(*before)));
            held.collect()
        });
        HeldEchoes::of(&self.inner.log, speakers)
    }

    /// Writes a batch out, to those who spoke last, and lets those who wait for it go on. Adds to `all` those that
    /// somebody has to write out, if this thread had to append any.
    fn write_out<'a>(
        &'a self,
        batch: QueuedBatch<'a>,
        leader: Option<ClientId>,
        pass: Option<WriteTurn<'_>>,
        all: &mut Vec<QueuedBatch<'a>>,
    ) {
        let QueuedBatch { lead, appended, waiting, receipts, kept, speakers, mut held } = batch;
        let durable = self.inner.log.store().is_durable();
        let speaks = |client: &Client| held.has(client) || speakers.binary_search(&client.id).is_ok();
        let (last, mut unwritten): (Vec<_>, Vec<_>) = waiting.into_iter().partition(|waiting| speaks(&waiting.client));
        unwritten.iter().for_each(|waiting| self.write_to(waiting, durable));
        unwritten.retain(|waiting| durable && !waiting.is_written());
        unwritten.extend(held.write_up_to_limits());
        // Who leads this batch must not be waited for while he waits for another one.
        let pass = pass.filter(|_| unwritten.is_empty() && !kept);
        if durable && appended.is_ok() && (kept || !unwritten.is_empty()) {
            all.extend(self.await_positions(&unwritten));
        }
        let own = leader.filter(|leader| !durable || speakers == [*leader]);
        if held.is_empty() {
            last.iter()
                .filter(|waiting| Some(waiting.client.id) != own)
                .for_each(|waiting| self.write_to(waiting, durable));
        }
        while let Some(unwritten) = held.release_next(own) {
            // The next ones must not have their echoes before the store knows that he has not got what they said.
            if !unwritten.is_empty() && !held.is_empty() {
                all.extend(self.await_positions(&unwritten));
            }
        }
        drop(pass);
        self.acknowledge(receipts);
        drop(lead);
    }

    fn write_to(&self, FlushTarget { client, last }: &FlushTarget, durable: bool) {
        if durable {
            self.inner.log.await_echoes(&client.outbox, *last);
            client.flush_thoroughly();
        } else {
            client.flush();
        }
    }

    /// Waits until the store knows up to where those have got who were not written all, and those who have left.
    fn await_positions(&self, unwritten: &[FlushTarget]) -> Option<QueuedBatch<'_>> {
        let batch = self.submit_positions(unwritten)?;
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

impl Drop for LostBatchGuard<'_> {
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

/// What is left to be done about a batch that has been queued.
pub(super) struct DeliveryResult {
    /// Who is to be written to.
    pub(super) flush_list: FlushList,
    pub(super) receipts: Vec<Receipt>,
    /// Something is for a user who is not here.
    pub(super) kept: bool,
}

/// A batch that is being queued.
struct Delivery<'a> {
    hub: &'a Hub,
    done: DeliveryResult,
    run: CoalescedMessages,
    /// Who is told what others say at the same time one after the other.
    split_for: Vec<ClientId>,
}

impl Hub {
    /// Queues what a batch says for everybody it is for, now that it is appended or cannot be. Where there is something
    /// about echoes to be held back, everybody for whom something is queued is noted.
    pub(super) fn deliver(
        &self,
        BatchContent { entries, passing }: BatchContent,
        appended: &Result<MessageId, StoreError>,
        held: Option<&HeldEchoes<'_>>,
    ) -> DeliveryResult {
        let done =
            DeliveryResult { flush_list: FlushList::for_batch(held.is_some()), receipts: Vec::new(), kept: false };
        let (run, split_for) = (
            CoalescedMessages::new(entries.len() + passing.len()),
            held.map(HeldEchoes::split_for).unwrap_or_default(),
        );
        let mut delivery = Delivery { hub: self, done, run, split_for };
        let (mut next, mut passing) = (appended.clone().unwrap_or_default(), passing.into_iter().peekable());
        for (at, entry) in entries.into_iter().map(Some).chain([None]).enumerate() {
            while let Some(EphemeralMessage { draft, .. }) = passing.next_if(|passing| passing.after <= at) {
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
        delivery.queue_coalesced();
        delivery.done
    }
}

impl Delivery<'_> {
    /// Queues something said after all that was before it. Its id is 0 if it is stored nowhere.
    pub(super) fn add(&mut self, id: MessageId, draft: Draft) {
        if !self.run.accepts(&draft, self.hub.limits()) {
            self.queue_coalesced();
        }
        self.run.add(id, draft);
    }

    /// Queues a message that could not be stored.
    fn add_unsaved(&mut self, draft: Draft, error: &StoreError) {
        self.queue_coalesced();
        self.hub.locked(|state| state.deliver_unsaved(draft, error, &mut self.done.flush_list));
        self.done.flush_list.flush_if_crowded();
    }

    fn queue_coalesced(&mut self) {
        let Delivery { hub, done, run, split_for } = self;
        let Some(&LoggedMessage { draft: Draft { from, scope, .. }, .. }) = run.said.first() else { return };
        hub.locked(|state| match scope {
            Scope::User(to) => state.deliver_private(from, to, run, done),
            _ => state.deliver_public(scope, run, split_for, done),
        });
        run.clear();
        done.flush_list.flush_if_crowded();
    }
}

impl HubState {
    /// Queues what was said in a group or to everybody.
    fn deliver_public(
        &mut self,
        scope: Scope,
        run: &CoalescedMessages,
        split_for: &[ClientId],
        done: &mut DeliveryResult,
    ) {
        let mut stored = 0;
        for LoggedMessage { id, .. } in run.said.iter().filter(|said| said.id > MessageId(0)) {
            self.last = *id;
            stored += 1;
        }
        self.counts.messages += stored;
        let in_one = run.said.len() > 1 && self.is_for_the_same(scope, &run.said);
        let split = in_one && !split_for.is_empty();
        let split_for = |client: &Client| split && split_for.binary_search(&client.id).is_ok();
        for event in run.events(in_one, event_for_recipient) {
            self.tell_scope(scope, &event, |client| !split_for(client), &mut done.flush_list);
        }
        for event in run.events_by_speaker(event_for_recipient).filter(|_| split) {
            self.tell_scope(scope, &event, split_for, &mut done.flush_list);
        }
        // Somebody it is for may be away, or may be leaving at this moment.
        let keeps = |group| self.groups.get(&group).is_some_and(|group| group.settings.keep);
        done.kept |= stored > 0 && matches!(scope, Scope::Group(group) if keeps(group));
    }

    /// Whether each of these is for everybody there, and for nobody else.
    fn is_for_the_same(&self, scope: Scope, said: &[LoggedMessage]) -> bool {
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

    fn tell_from_author<'a>(
        &self,
        event: &Arc<Event>,
        clients: impl IntoIterator<Item = (&'a ClientId, &'a Arc<Client>)>,
        flush_list: &mut FlushList,
    ) {
        match event.kind.spoken() {
            Some((from, _)) => self.tell_from(from, clients, event, None, flush_list),
            None => self.counts.delivered(flush_list.push_all(clients, event, None)),
        }
    }

    /// Tells everybody there what was said. In a group its author was a member when he said it, and has to hear it as well.
    fn tell_scope(&self, scope: Scope, event: &Arc<Event>, whom: impl Fn(&Client) -> bool, flush_list: &mut FlushList) {
        let Scope::Group(group) = scope else {
            return self.tell_from_author(event, self.clients.iter().filter(|(_, client)| whom(client)), flush_list);
        };
        self.tell_from_author(event, self.audience(&group).filter(|(_, client)| whom(client)), flush_list);
        let gone = |from: &Name| !self.groups.get(&group).is_some_and(|group| group.members.contains_key(from));
        if let Some((from, _)) = event.kind.spoken().filter(|(from, _)| gone(from)) {
            self.tell_user(from, event, flush_list);
        }
    }

    /// Queues what one user said to another in a row, and the echoes for him.
    pub(super) fn deliver_private(&mut self, from: Name, to: Name, run: &CoalescedMessages, done: &mut DeliveryResult) {
        self.counts.messages += run.said.len() as u64;
        let (his, mine) = (self.queues.get(&to), self.queues.get(&from));
        self.note_contact((from, mine), (to, his));
        done.kept |= his.is_none();
        for &LoggedMessage { id, .. } in &run.said {
            self.last = id;
            let receipt = mine.zip(his).filter(|_| from != to).and_then(|(mine, his)| mine.receipt(id, from, to, his));
            done.receipts.extend(receipt);
        }
        let is_here = his.is_some_and(|his| his.away.is_none());
        // Otherwise something else comes between two of them, or instead of one.
        let in_one = is_here && from != to && !self.is_ignored(&from);
        let echoes = run.events(in_one, |draft| echo(draft, to));
        for (event, echo) in run.events(in_one, event_for_recipient).zip(echoes) {
            self.tell_from(&from, sessions(his), &event, None, &mut done.flush_list);
            let mut answer = |event: &Arc<Event>| {
                self.counts.delivered(done.flush_list.push_all(sessions(mine), event, None));
            };
            answer(&echo);
            match his {
                None => answer(&Event::new(EventKind::StoredFor { user: to })),
                Some(OnlineUser { away: Some(away), .. }) => {
                    answer(&Event::new(EventKind::UserIsAway { user: to, away: Arc::clone(away) }));
                }
                Some(_) => {}
            }
        }
    }

    /// Queues a message that could not be stored for those who are here, and says so to who said it, in place of the echo.
    pub(super) fn deliver_unsaved(&mut self, draft: Draft, error: &StoreError, flush_list: &mut FlushList) {
        let Draft { at, from, scope, .. } = draft;
        let (tag, mut refused) = (draft.tag.clone(), UserError::NotSaved(error.to_string()));
        let event = || Event::said(MessageId(0), at, event_for_recipient(&draft));
        match scope {
            Scope::Everybody => self.tell_from(&from, &self.clients, &event(), Some(&from), flush_list),
            Scope::Group(group) => {
                self.tell_from(&from, self.audience(&group), &event(), Some(&from), flush_list);
            }
            Scope::User(to) if !self.queues.contains_key(&to) => refused = UserError::NotKept(to, error.to_string()),
            Scope::User(to) => {
                self.note_contact((from, self.queues.get(&from)), (to, self.queues.get(&to)));
                self.tell_user_from(&from, &to, &event(), flush_list);
            }
        }
        self.tell_user(&from, &Event::answer(EventKind::Refused(refused), tag), flush_list);
    }

    /// Holds back what is queued after this message for the sessions of who spoke.
    fn hold_echoes(&self, speaker: ClientId, limit: MessageId) -> Option<HeldSpeaker> {
        let user = self.queues.get(&self.clients.get(&speaker)?.name)?;
        let sessions: Vec<Arc<Client>> = user.sessions.values().cloned().collect();
        sessions.iter().for_each(|client| client.outbox.hold_echoes(limit));
        Some(HeldSpeaker { sessions, limit })
    }
}

fn sessions(user: Option<&OnlineUser>) -> impl Iterator<Item = (&ClientId, &Arc<Client>)> {
    user.map(|user| &user.sessions).into_iter().flatten()
}

/// What everybody is told whom it is said to.
pub(super) fn event_for_recipient(draft: &Draft) -> EventKind {
    let Draft { from, scope, action, .. } = *draft;
    let text = Arc::clone(&draft.text);
    match scope {
        _ if action => EventKind::Action { from, scope, text, own: false },
        Scope::User(_) => EventKind::PrivateMessage { from, text },
        Scope::Group(group) => EventKind::GroupMessage { group, from, text },
        Scope::Everybody => EventKind::Broadcast { from, text },
    }
}

/// What the author of something private is told.
fn echo(draft: &Draft, to: Name) -> EventKind {
    let Draft { from, scope, action, .. } = *draft;
    let text = Arc::clone(&draft.text);
    match action {
        true => EventKind::Action { from, scope, text, own: true },
        false => EventKind::PrivateMessageSent { to, text },
    }
}

/// What is said one after the other in one place; privately, by one user.
pub(super) struct CoalescedMessages {
    pub(super) said: Vec<LoggedMessage>,
    weight: usize,
    now: Instant,
}

/// Something said that has its place in the log; its id is 0 if it is stored nowhere.
pub(super) struct LoggedMessage {
    pub(super) id: MessageId,
    pub(super) draft: Draft,
}

impl CoalescedMessages {
    /// Nothing yet, with room for what may come.
    pub(super) fn new(most: usize) -> CoalescedMessages {
        CoalescedMessages { said: Vec::with_capacity(most.min(RUN_ITEMS)), weight: 0, now: Instant::now() }
    }

    /// Whether something is said in the same place, and all of it does not take too much of an outbox at once.
    pub(super) fn accepts(&self, draft: &Draft, limits: &Limits) -> bool {
        let Some(LoggedMessage { draft: last, .. }) = self.said.last() else { return true };
        let same = last.scope == draft.scope && (!matches!(draft.scope, Scope::User(_)) || last.from == draft.from);
        let items = RUN_ITEMS.min(limits.outbox_items / RUN_SHARE);
        same && self.said.len() < items && self.weight < limits.outbox_bytes / RUN_SHARE
    }

    pub(super) fn add(&mut self, id: MessageId, draft: Draft) {
        self.weight += draft.weight();
        self.said.push(LoggedMessage { id, draft });
    }

    /// Forgets what was said, but not what room it took.
    pub(super) fn clear(&mut self) {
        self.said.clear();
        self.weight = 0;
    }

    /// What is to be told of it: all as one, or one by one.
    pub(super) fn events(&self, in_one: bool, kind: impl Fn(&Draft) -> EventKind) -> impl Iterator<Item = Arc<Event>> {
        self.made(self.said.chunks(if in_one { RUN_ITEMS } else { 1 }), kind)
    }

    /// What is to be told of it, with what each has said as one.
    pub(super) fn events_by_speaker(&self, kind: impl Fn(&Draft) -> EventKind) -> impl Iterator<Item = Arc<Event>> {
        self.made(self.said.chunk_by(|one, next| one.draft.from == next.draft.from), kind)
    }

    fn made<'a>(
        &self,
        parts: impl Iterator<Item = &'a [LoggedMessage]>,
        kind: impl Fn(&Draft) -> EventKind,
    ) -> impl Iterator<Item = Arc<Event>> {
        let made = move |LoggedMessage { id, draft }: &LoggedMessage| {
            Event::made(*id, draft.at, self.now, kind(draft)).tagged(draft.tag.clone())
        };
        let events = parts.filter_map(move |part| match part {
            [one] => Some(made(one)),
            several => Event::several(several.iter().map(&made).collect()),
        });
        events.map(Arc::new)
    }
}

impl HubState {
    fn tell_receipt(&mut self, from: &Name, kind: EventKind, flush_list: &mut FlushList) {
        let sessions = self.queues.get(from).map(|user| &user.sessions);
        let wanting = sessions.into_iter().flatten().filter(|(_, session)| session.wants_receipts());
        flush_list.push_all(wanting, &Event::new(kind), None);
    }
}

impl Hub {
    /// Gives the receipts that are due, also those of earlier messages; the others wait.
    pub(super) fn acknowledge(&self, receipts: Vec<Receipt>) {
        // Where another thread is just writing to the reader, this waits for it instead of a second for the next chance.
        receipts.iter().flat_map(|receipt| &receipt.recipients).for_each(Client::flush_thoroughly);
        let due: Vec<Receipt> = {
            let mut waiting = self.inner.receipts.lock();
            waiting.extend(receipts);
            if waiting.is_empty() {
                return;
            }
            // Also from who is gone by now, as long as he got it before he went.
            let due = waiting.extract_if(.., |receipt| receipt.is_due()).collect();
            // Who is gone without it is told what he missed, and then the receipt is given for that.
            waiting.retain(|receipt| receipt.recipients.iter().any(|client| !client.has_departed()));
            let excess = waiting.len().saturating_sub(RECEIPTS_KEPT);
            waiting.drain(..excess);
            due
        };
        let mut flush_list = FlushList::default();
        for Receipt { id, from, by, .. } in due {
            self.locked(|state| state.tell_receipt(&from, EventKind::Received { by, id }, &mut flush_list));
        }
        flush_list.flush_except(None);
    }

    /// Gives the receipts for private messages that their recipient was shown when he came back.
    pub(super) fn acknowledge_missed(&self, by: Name, messages: &[Message]) {
        // One is enough, should another session of his be written the same later.
        let given = |id| messages.binary_search_by_key(&id, |message| message.id).is_ok();
        if !messages.is_empty() {
            self.inner.receipts.lock().retain(|receipt| receipt.by != by || !given(receipt.id));
        }
        let mut flush_list = FlushList::default();
        for Message { id, said, .. } in messages.iter().filter(|message| message.said.scope == Scope::User(by)) {
            let received = EventKind::Received { by, id: *id };
            self.locked(|state| state.tell_receipt(&said.from, received, &mut flush_list));
        }
        flush_list.flush_except(None);
    }

    /// Tells who said a message that its recipient says he has read it.
    pub fn give_read_receipt(&self, by: Name, message: &Message, flush_list: &mut FlushList) {
        let read = EventKind::Read { by, id: message.id };
        self.locked(|state| state.tell_receipt(&message.said.from, read, flush_list));
    }
}
