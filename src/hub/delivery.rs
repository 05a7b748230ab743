//! The path of a message: checked, appended to the log, delivered in the log's order, written out, acknowledged.
//!
//! Read it from top to bottom. A session has a message checked at once, and submits it together with everything else that
//! it says in one read. Nothing is shown before it is stored. The thread that leads a batch appends it, queues its
//! messages in every recipient's outbox, and writes these out; the authors come last, because an echo is the
//! acknowledgement.

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
    Draft, Event, EventKind, GroupError, GroupRole, Limits, MessageId, Name, Penalty, Scope, UserError,
};
use crate::store::{Entry, StoreError};

// 1. Check.

/// Where a user may say something, as it was found at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Destination {
    scope: Scope,
    /// Messages there are stored nowhere.
    is_ephemeral: bool,
    /// When that was.
    at: SystemTime,
}

impl Destination {
    /// The conversation; a group under its own name.
    pub fn scope(self) -> Scope {
        self.scope
    }
}

impl Hub {
    /// Whether a user may say something there; answers with the group under its own name.
    ///
    /// # Errors
    /// [`UserError::Muted`], [`UserError::NoSuchGroup`], [`UserError::NotMember`], [`GroupError`] for a member who may not
    /// speak in it, and [`UserError::NotOnline`] for a guest who has left.
    pub fn check(&self, me: &Client, scope: Scope, now: SystemTime) -> Result<Destination, UserError> {
        self.check_mute(&me.name, now)?;
        match scope {
            Scope::User(to) if to.is_guest() && !self.is_here(&to) => Err(UserError::NotOnline(to)),
            Scope::Group(group) => self.locked(|state| state.check_voice(&me.name, &group, now)),
            Scope::User(_) | Scope::Everybody => Ok(Destination { scope, is_ephemeral: false, at: now }),
        }
    }

    /// Refuses a user who is muted on the whole server.
    ///
    /// # Errors
    /// [`UserError::Muted`].
    pub fn check_mute(&self, user: &Name, now: SystemTime) -> Result<(), UserError> {
        let sanctions = self.inner.sanctions.read();
        let mute = sanctions.of_user(Penalty::Mute, user, now);
        mute.map_or(Ok(()), |mute| Err(UserError::Muted(mute.until, mute.reason.clone())))
    }
}

impl HubState {
    fn check_voice(&self, user: &Name, name: &Name, now: SystemTime) -> Result<Destination, UserError> {
        let (shown, group) = self.group_for(user, name, now)?;
        let role = group.role(user).ok_or(UserError::NotMember(shown))?;
        // Nobody could lift the mute of an owner.
        if let Some(mute) = group.sanction(user, Penalty::Mute, now).filter(|_| role < GroupRole::Owner) {
            return Err(GroupError::Muted(shown, mute.until, mute.reason.clone()).into());
        }
        if group.settings.announce && role < GroupRole::Admin {
            return Err(GroupError::AnnounceOnly(shown).into());
        }
        Ok(Destination { scope: Scope::Group(shown), is_ephemeral: group.settings.ephemeral, at: now })
    }
}

impl Client {
    /// A message of this session to there, sent at the moment at which that was checked.
    pub fn compose(&self, to: Destination, text: impl Into<Arc<str>>) -> PendingMessage {
        let (Destination { scope, is_ephemeral, at }, text) = (to, text.into());
        PendingMessage { draft: Draft { at, from: self.name, scope, text, action: false, tag: None }, is_ephemeral }
    }
}

// 2. Submit: append it at once, or leave that to the leader of a batch.

/// Messages of a session that another thread may still have to deliver. Dropping it waits for that.
#[derive(Default)]
#[must_use]
pub struct PendingDelivery(Option<Arc<Batch>>);

/// How far `Hub::dispatch` got.
enum Submission {
    /// The messages are stored and delivered, or that was tried, and everybody but the session itself was written to.
    Done(Result<(), StoreError>),
    /// Another thread does all of it, and writes to the session too.
    WithLeader(Arc<Batch>),
}

impl Hub {
    /// Stores messages, delivers them, and returns once they were written to everybody whose connection takes them. Each
    /// author finds out from their outbox what became of it.
    pub fn publish(&self, me: &Client, messages: &mut Vec<PendingMessage>) {
        drop(self.submit(me, messages));
    }

    /// As [`Hub::publish`], but does not wait where another thread does all of it. That thread writes to this session too.
    pub fn submit(&self, me: &Client, messages: &mut Vec<PendingMessage>) -> PendingDelivery {
        if messages.is_empty() {
            return PendingDelivery(None);
        }
        match self.dispatch(messages, me.id) {
            Submission::Done(_) => PendingDelivery(None),
            Submission::WithLeader(batch) => PendingDelivery(Some(batch)),
        }
    }

    /// As [`Hub::publish`] for an author without a session, who gets the outcome as the answer.
    ///
    /// # Errors
    /// Why it was not stored; it is delivered to those who are online nevertheless.
    pub fn publish_and_wait(&self, messages: &mut Vec<PendingMessage>) -> Result<(), StoreError> {
        if messages.is_empty() {
            return Ok(());
        }
        match self.dispatch(messages, ClientId(0)) {
            Submission::Done(outcome) => outcome,
            Submission::WithLeader(batch) => batch.wait(),
        }
    }

    /// Stores and delivers messages together with what others say at this moment, or leaves it to one of them. Where
    /// storing takes no time and nobody else is speaking, the session takes its turn at once.
    ///
    /// A user may have been renamed since the message was typed; what follows in the log knows only the new name.
    fn dispatch(&self, messages: &mut Vec<PendingMessage>, speaker: ClientId) -> Submission {
        let log = &self.inner.log;
        let is_durable = log.is_durable();
        let others_speak = (is_durable || BatchContent::is_public(messages)) && log.should_batch(speaker);
        let turn = (!is_durable && !others_speak).then(|| log.turn());
        // Messages that others have submitted go first.
        let Some(mut turn) = turn.filter(|_| log.open_batch().is_none()) else {
            let batch = {
                let renamed = self.inner.renamed.read();
                log.submit_messages(messages.drain(..).map(|message| renamed.readdress(message)), speaker)
            };
            let Some(leader) = batch.take_lead() else { return Submission::WithLeader(batch) };
            let write_turn = if others_speak { log.take_write_turn() } else { None };
            return Submission::Done(self.lead_batch(leader, Some(speaker), write_turn));
        };
        let content = {
            let renamed = self.inner.renamed.read();
            BatchContent::of_messages(messages.drain(..).map(|message| renamed.readdress(message)))
        };
        let appended = log.append_batch(&mut turn, &content);
        let Delivered { mut flush_list, receipts, .. } = self.deliver(content, &appended, None);
        drop(turn);
        flush_list.flush_except(Some(speaker));
        self.give_receipts(receipts);
        Submission::Done(appended.map(drop))
    }
}

impl PendingDelivery {
    /// Whether it is left to another thread.
    pub fn is_with_leader(&self) -> bool {
        self.0.is_some()
    }

    /// Waits until it is done.
    pub fn wait(&mut self) {
        if let Some(batch) = self.0.take() {
            // Each author finds the outcome in their outbox.
            let _ = batch.wait();
        }
    }
}

impl Drop for PendingDelivery {
    fn drop(&mut self) {
        self.wait();
    }
}

// 3. Append: what the leader of a batch does.

/// A batch that has been appended and queued, and still has to be written out.
struct QueuedBatch<'a> {
    leader: BatchLeader,
    appended: Result<MessageId, StoreError>,
    targets: Vec<FlushTarget>,
    receipts: Vec<Receipt>,
    is_for_offline: bool,
    /// In ascending order.
    speakers: Vec<ClientId>,
    held: HeldEchoes<'a>,
}

impl Hub {
    /// Carries out a batch, and then those that only this thread can. `own` is the session that leads it: it writes to
    /// itself, unless others have to wait for that.
    fn lead_batch(
        &self,
        leader: BatchLeader,
        own: Option<ClientId>,
        mut write_turn: Option<WriteTurn<'_>>,
    ) -> Result<(), StoreError> {
        let first = self.append_and_queue(leader, own);
        let outcome = first.appended.clone().map(drop);
        let mut all = vec![first];
        while let Some(batch) = all.pop() {
            self.write_out(batch, own, write_turn.take(), &mut all);
        }
        outcome
    }

    /// Waits for its turn, appends the batch, and queues its messages for their recipients in the log's order.
    fn append_and_queue(&self, leader: BatchLeader, own: Option<ClientId>) -> QueuedBatch<'_> {
        let log = &self.inner.log;
        let mut turn = log.turn();
        let (content, speakers) = log.close_batch();
        let mut guard = LostBatchGuard { hub: self, speakers, own, is_lost: true };
        let appended = log.append_batch(&mut turn, &content);
        let is_durable = log.is_durable();
        let held = match appended {
            Ok(first) if is_durable && content.is_stored() => self.hold_echoes(&content, first, &guard.speakers),
            Ok(_) | Err(_) => HeldEchoes::none(log),
        };
        let Delivered { mut flush_list, receipts, is_for_offline } =
            self.deliver(content, &appended, is_durable.then_some(&held));
        let targets = flush_list.take_targets();
        drop(turn);
        leader.note_stored(appended.clone().map(drop));
        guard.is_lost = false;
        let mut speakers: Vec<ClientId> = guard.speakers.iter().map(|(id, _)| *id).collect();
        speakers.sort_unstable();
        QueuedBatch { leader, appended, targets, receipts, is_for_offline, speakers, held }
    }

    /// Holds back the echoes of these sessions, each with the number of entries that precede its own in the batch.
    fn hold_echoes(&self, content: &BatchContent, first: MessageId, speakers: &[(ClientId, usize)]) -> HeldEchoes<'_> {
        let limit = |entries| MessageId((first.0 + content.messages_before(entries)).saturating_sub(1));
        let speakers = self.locked(|state| {
            let held = speakers.iter().filter_map(|(id, before)| state.hold_echoes(*id, limit(*before)));
            held.collect()
        });
        HeldEchoes::new(&self.inner.log, speakers)
    }
}

impl HubState {
    /// Holds back everything after this message for the sessions of an author.
    fn hold_echoes(&self, speaker: ClientId, limit: MessageId) -> Option<HeldSpeaker> {
        let sessions = self.sessions_of(&self.clients.get(&speaker)?.name);
        sessions.iter().for_each(|client| client.outbox.hold_echoes(limit));
        Some(HeldSpeaker { sessions, limit })
    }
}

/// Tells the authors of a batch that it is lost, if its leader fails.
struct LostBatchGuard<'a> {
    hub: &'a Hub,
    speakers: Vec<(ClientId, usize)>,
    own: Option<ClientId>,
    is_lost: bool,
}

impl Drop for LostBatchGuard<'_> {
    fn drop(&mut self) {
        if !self.is_lost {
            return;
        }
        let others = self.speakers.iter().map(|(id, _)| *id).filter(|id| Some(*id) != self.own);
        let others: Vec<Arc<Client>> =
            self.hub.locked(|state| others.filter_map(|id| state.clients.get(&id)).cloned().collect());
        let lost = Event::new(EventKind::Refused(UserError::Lost));
        for client in others {
            client.outbox.push(&lost);
            client.flush();
        }
    }
}

// 4. Deliver: queue it for everybody it is for.

/// Things left to do about a batch that has been queued.
struct Delivered {
    flush_list: FlushList,
    receipts: Vec<Receipt>,
    /// Something is for a user who is offline.
    is_for_offline: bool,
}

/// A batch that is being queued.
struct Delivery<'a> {
    hub: &'a Hub,
    done: Delivered,
    coalesced: CoalescedMessages,
    /// Sessions that are told one after the other what others say at the same time, in ascending order.
    split_for: Vec<ClientId>,
}

impl Hub {
    /// Queues the messages of a batch, now that it is appended or cannot be. With held echoes everybody for whom something
    /// is queued is noted, and not only those whose outbox was empty.
    fn deliver(
        &self,
        BatchContent { entries, ephemeral }: BatchContent,
        appended: &Result<MessageId, StoreError>,
        held: Option<&HeldEchoes<'_>>,
    ) -> Delivered {
        let flush_list = FlushList::for_batch(held.is_some());
        let mut delivery = Delivery {
            hub: self,
            done: Delivered { flush_list, receipts: Vec::new(), is_for_offline: false },
            coalesced: CoalescedMessages::new(entries.len() + ephemeral.len()),
            split_for: held.map(HeldEchoes::split_for).unwrap_or_default(),
        };
        let (mut next, mut ephemeral) = (appended.clone().unwrap_or_default(), ephemeral.into_iter().peekable());
        for (at, entry) in entries.into_iter().map(Some).chain([None]).enumerate() {
            while let Some(EphemeralMessage { draft, .. }) = ephemeral.next_if(|message| message.after <= at) {
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
        delivery.queue();
        delivery.done
    }
}

impl Delivery<'_> {
    /// Adds a message after all before it. Its id is 0 if it is stored nowhere.
    fn add(&mut self, id: MessageId, draft: Draft) {
        if !self.coalesced.accepts(&draft, self.hub.limits()) {
            self.queue();
        }
        self.coalesced.add(id, draft);
    }

    /// Queues a message that could not be stored.
    fn add_unsaved(&mut self, draft: Draft, error: &StoreError) {
        self.queue();
        self.hub.locked(|state| state.deliver_unsaved(draft, error, &mut self.done.flush_list));
        self.done.flush_list.flush_if_crowded();
    }

    /// Queues what has been coalesced.
    fn queue(&mut self) {
        let Delivery { hub, done, coalesced, split_for } = self;
        let Some(&LoggedMessage { draft: Draft { from, scope, .. }, .. }) = coalesced.messages.first() else { return };
        hub.locked(|state| match scope {
            Scope::User(to) => state.deliver_private(from, to, coalesced, done),
            Scope::Group(_) | Scope::Everybody => state.deliver_public(scope, coalesced, split_for, done),
        });
        coalesced.clear();
        done.flush_list.flush_if_crowded();
    }
}

impl HubState {
    /// Queues what was said in a group or to everybody.
    fn deliver_public(
        &mut self,
        scope: Scope,
        coalesced: &CoalescedMessages,
        split_for: &[ClientId],
        done: &mut Delivered,
    ) {
        let mut stored = 0;
        for LoggedMessage { id, .. } in coalesced.messages.iter().filter(|message| message.id > MessageId(0)) {
            self.last = *id;
            stored += 1;
        }
        self.counts.messages += stored;
        let as_one = coalesced.messages.len() > 1 && self.have_same_recipients(scope, &coalesced.messages);
        let is_split = as_one && !split_for.is_empty();
        let gets_split = |client: &Client| is_split && split_for.binary_search(&client.id).is_ok();
        for event in coalesced.events(as_one, event_for_recipient) {
            self.tell_audience(scope, &event, |client| !gets_split(client), &mut done.flush_list);
        }
        for event in coalesced.events_by_author(event_for_recipient).filter(|_| is_split) {
            self.tell_audience(scope, &event, gets_split, &mut done.flush_list);
        }
        // Some of its members may be offline, or may be leaving at this moment.
        let is_persistent = |group| self.groups.get(&group).is_some_and(|group| group.settings.keep);
        done.is_for_offline |= stored > 0 && matches!(scope, Scope::Group(group) if is_persistent(group));
    }

    /// Whether each of these messages is for exactly the sessions there.
    fn have_same_recipients(&self, scope: Scope, messages: &[LoggedMessage]) -> bool {
        let is_for_all = |from: &Name| match scope {
            _ if self.is_ignored(from) => false,
            Scope::Group(group) => self.groups.get(&group).is_some_and(|group| group.members.contains_key(from)),
            Scope::User(_) | Scope::Everybody => true,
        };
        let mut last = None;
        let authors = messages.iter().map(|message| &message.draft.from);
        // One author often says several things in a row.
        authors.filter(|from| last.replace(*from) != Some(*from)).all(is_for_all)
    }

    /// Tells those of the sessions there that are chosen. An author who has left the group meanwhile has to hear it as
    /// well, because they were a member when they said it.
    fn tell_audience(
        &self,
        scope: Scope,
        event: &Arc<Event>,
        chosen: impl Fn(&Client) -> bool,
        flush_list: &mut FlushList,
    ) {
        let Scope::Group(group) = scope else {
            let everybody = self.clients.iter().filter(|(_, client)| chosen(client));
            return self.tell_from_author(event, everybody, flush_list);
        };
        self.tell_from_author(event, self.audience(&group).filter(|(_, client)| chosen(client)), flush_list);
        let has_left = |from: &Name| !self.groups.get(&group).is_some_and(|group| group.members.contains_key(from));
        if let Some((from, _)) = event.kind.spoken().filter(|(from, _)| has_left(from)) {
            self.tell_user(from, event, flush_list);
        }
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

    /// Queues what one user said to another in a row, and the echoes for the author.
    fn deliver_private(&mut self, from: Name, to: Name, coalesced: &CoalescedMessages, done: &mut Delivered) {
        self.counts.messages += coalesced.messages.len() as u64;
        let (recipient, author) = (self.queues.get(&to), self.queues.get(&from));
        self.note_contact((from, author), (to, recipient));
        done.is_for_offline |= recipient.is_none();
        let receipted = author.zip(recipient).filter(|_| from != to);
        for &LoggedMessage { id, .. } in &coalesced.messages {
            self.last = id;
            done.receipts.extend(receipted.and_then(|(author, recipient)| author.receipt(id, from, to, recipient)));
        }
        let is_here = recipient.is_some_and(|recipient| recipient.away.is_none());
        // Otherwise something else comes between two echoes, or instead of a message.
        let as_one = is_here && from != to && !self.is_ignored(&from);
        let echoes = coalesced.events(as_one, |draft| echo_for_author(draft, to));
        for (event, echo) in coalesced.events(as_one, event_for_recipient).zip(echoes) {
            self.tell_from(&from, sessions(recipient), &event, None, &mut done.flush_list);
            let mut answer = |event: &Arc<Event>| {
                self.counts.delivered(done.flush_list.push_all(sessions(author), event, None));
            };
            answer(&echo);
            match recipient {
                None => answer(&Event::new(EventKind::StoredFor { user: to })),
                Some(OnlineUser { away: Some(away), .. }) => {
                    answer(&Event::new(EventKind::UserIsAway { user: to, away: Arc::clone(away) }));
                }
                Some(_) => {}
            }
        }
    }

    /// Queues a message that could not be stored for those who are online, and tells its author so instead of the echo.
    fn deliver_unsaved(&mut self, draft: Draft, error: &StoreError, flush_list: &mut FlushList) {
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
}

fn sessions(user: Option<&OnlineUser>) -> impl Iterator<Item = (&ClientId, &Arc<Client>)> {
    user.map(|user| &user.sessions).into_iter().flatten()
}

/// The event for the recipients of a message; in public the author is one of them.
fn event_for_recipient(draft: &Draft) -> EventKind {
    let Draft { from, scope, action, .. } = *draft;
    let text = Arc::clone(&draft.text);
    match scope {
        _ if action => EventKind::Action { from, scope, text, own: false },
        Scope::User(_) => EventKind::PrivateMessage { from, text },
        Scope::Group(group) => EventKind::GroupMessage { group, from, text },
        Scope::Everybody => EventKind::Broadcast { from, text },
    }
}

/// The event for the author of a private message.
fn echo_for_author(draft: &Draft, to: Name) -> EventKind {
    let Draft { from, scope, action, .. } = *draft;
    let text = Arc::clone(&draft.text);
    match action {
        true => EventKind::Action { from, scope, text, own: true },
        false => EventKind::PrivateMessageSent { to, text },
    }
}

/// Messages that follow each other in one conversation; private ones by one author. Each recipient gets them as one item,
/// which costs one push, one copy and one encoding, unless something keeps them apart.
struct CoalescedMessages {
    messages: Vec<LoggedMessage>,
    weight: usize,
    now: Instant,
}

/// A message with its place in the log; the id is 0 if it is stored nowhere.
struct LoggedMessage {
    id: MessageId,
    draft: Draft,
}

impl CoalescedMessages {
    /// None yet, with room for at most so many.
    fn new(most: usize) -> CoalescedMessages {
        CoalescedMessages { messages: Vec::with_capacity(most.min(RUN_ITEMS)), weight: 0, now: Instant::now() }
    }

    /// Whether a message belongs to the same conversation, and all of them do not take too much of an outbox at once.
    fn accepts(&self, draft: &Draft, limits: &Limits) -> bool {
        let Some(LoggedMessage { draft: last, .. }) = self.messages.last() else { return true };
        let is_same = last.scope == draft.scope && (!matches!(draft.scope, Scope::User(_)) || last.from == draft.from);
        let items = RUN_ITEMS.min(limits.outbox_items / RUN_SHARE);
        is_same && self.messages.len() < items && self.weight < limits.outbox_bytes / RUN_SHARE
    }

    fn add(&mut self, id: MessageId, draft: Draft) {
        self.weight += draft.weight();
        self.messages.push(LoggedMessage { id, draft });
    }

    /// Forgets the messages and keeps the room for others.
    fn clear(&mut self) {
        self.messages.clear();
        self.weight = 0;
    }

    /// The events to queue: one for all of them, or one for each.
    fn events(&self, as_one: bool, kind: impl Fn(&Draft) -> EventKind) -> impl Iterator<Item = Arc<Event>> {
        self.made(self.messages.chunks(if as_one { RUN_ITEMS } else { 1 }), kind)
    }

    /// The events to queue: one for what each author says in a row.
    fn events_by_author(&self, kind: impl Fn(&Draft) -> EventKind) -> impl Iterator<Item = Arc<Event>> {
        self.made(self.messages.chunk_by(|one, next| one.draft.from == next.draft.from), kind)
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

// 5. Write it out: everybody else first, the authors last.

impl Hub {
    /// Writes a batch out, to its authors last, and lets those who wait for it go on. Adds to `all` what this thread had to
    /// append meanwhile, and now has to write out too.
    fn write_out<'a>(
        &'a self,
        batch: QueuedBatch<'a>,
        own: Option<ClientId>,
        write_turn: Option<WriteTurn<'_>>,
        all: &mut Vec<QueuedBatch<'a>>,
    ) {
        let QueuedBatch { leader, appended, targets, receipts, is_for_offline, speakers, mut held } = batch;
        let is_durable = self.inner.log.is_durable();
        let speaks = |client: &Client| held.has(client) || speakers.binary_search(&client.id).is_ok();
        let (last, mut unwritten): (Vec<_>, Vec<_>) = targets.into_iter().partition(|target| speaks(&target.client));
        unwritten.iter().for_each(|target| self.write_to(target, is_durable));
        unwritten.retain(|target| is_durable && !target.is_written());
        unwritten.extend(held.write_up_to_limits());
        // Nobody may wait for the leader of this batch while it waits for another one.
        let write_turn = write_turn.filter(|_| unwritten.is_empty() && !is_for_offline);
        if is_durable && appended.is_ok() && (is_for_offline || !unwritten.is_empty()) {
            all.extend(self.await_positions(&unwritten));
        }
        let own = own.filter(|own| !is_durable || speakers == [*own]);
        if held.is_empty() {
            let others = last.iter().filter(|target| Some(target.client.id) != own);
            others.for_each(|target| self.write_to(target, is_durable));
        }
        while let Some(unwritten) = held.release_next(own) {
            // The next author must not get an echo before the store knows that this one has not got what they said.
            if !unwritten.is_empty() && !held.is_empty() {
                all.extend(self.await_positions(&unwritten));
            }
        }
        drop(write_turn);
        self.give_receipts(receipts);
        drop(leader);
    }

    fn write_to(&self, FlushTarget { client, last }: &FlushTarget, is_durable: bool) {
        if is_durable {
            self.inner.log.await_echoes(&client.outbox, *last);
            client.flush_thoroughly();
        } else {
            client.flush();
        }
    }

    /// Waits until the store knows the positions of those who were not written everything, and of those who have left.
    fn await_positions(&self, unwritten: &[FlushTarget]) -> Option<QueuedBatch<'_>> {
        let batch = self.submit_positions(unwritten)?;
        match batch.take_lead() {
            Some(leader) => Some(self.append_and_queue(leader, None)),
            None => {
                // If it could not be stored, it is kept, and goes before everything else.
                let _ = batch.wait_until_stored();
                None
            }
        }
    }
}

// 6. Acknowledge: receipts for private messages, for authors who want them.

impl Hub {
    /// Gives the receipts that are due, those of earlier messages too; the others wait.
    pub(super) fn give_receipts(&self, receipts: Vec<Receipt>) {
        // If another thread is writing to the recipient, this waits for it rather than a second for the next chance.
        receipts.iter().flat_map(|receipt| &receipt.recipients).for_each(Client::flush_thoroughly);
        let due: Vec<Receipt> = {
            let mut waiting = self.inner.receipts.lock();
            waiting.extend(receipts);
            if waiting.is_empty() {
                return;
            }
            // A recipient may have left since, as long as they got the message before.
            let due = waiting.extract_if(.., |receipt| receipt.is_due()).collect();
            // Recipients who left without it are shown it when they come back, and that gives the receipt.
            waiting.retain(|receipt| receipt.recipients.iter().any(|client| !client.is_detached()));
            let excess = waiting.len().saturating_sub(RECEIPTS_KEPT);
            waiting.drain(..excess);
            due
        };
        let mut flush_list = FlushList::default();
        for Receipt { id, from, by, .. } in due {
            self.locked(|state| state.tell_receipt(&from, id, EventKind::Received { by, id }, &mut flush_list));
        }
        flush_list.flush_except(None);
    }
}

impl HubState {
    /// Tells the author of a message what became of it.
    pub(super) fn tell_receipt(&self, from: &Name, id: MessageId, kind: EventKind, flush_list: &mut FlushList) {
        let user = self.queues.get(from).filter(|_| self.is_same_user(from, id));
        let sessions = user.map(|user| &user.sessions);
        let wanting = sessions.into_iter().flatten().filter(|(_, session)| session.wants_receipts());
        flush_list.push_all(wanting, &Event::new(kind), None);
    }
}

// Other changes take the same way through the log, and have nothing to deliver.

impl Hub {
    /// Appends these changes to the log, in this order, and waits until they are stored.
    ///
    /// # Errors
    /// Why that is impossible now; they will be stored as soon as it is possible.
    pub fn record(&self, entries: Vec<Entry>) -> Result<(), StoreError> {
        let batch = self.inner.log.submit(entries);
        self.commit(&batch)
    }

    /// Waits until a batch is stored, and leads it if nobody else does.
    ///
    /// # Errors
    /// Why it was not stored.
    pub(super) fn commit(&self, batch: &Arc<Batch>) -> Result<(), StoreError> {
        match batch.take_lead() {
            Some(leader) => self.lead_batch(leader, None, None),
            None => batch.wait_until_stored(),
        }
    }

    /// As [`Hub::commit`], but waits also until what others have said in it is written out.
    ///
    /// # Errors
    /// Why it was not stored; messages are delivered to those who are online nevertheless.
    pub(super) fn commit_delivered(&self, batch: &Arc<Batch>) -> Result<(), StoreError> {
        match batch.take_lead() {
            Some(leader) => self.lead_batch(leader, None, None),
            None => batch.wait(),
        }
    }

    /// Waits until everything submitted so far is stored, or known not to be.
    pub(super) fn await_log(&self) {
        match self.inner.log.open_batch() {
            // Whether it could be stored matters to those who submitted it.
            Some(batch) => drop(self.commit(&batch)),
            None => drop(self.inner.log.turn()),
        }
    }
}
