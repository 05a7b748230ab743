//! The client, group and queue maps under the one central lock, what is read from them, and what always holds between them.
//! Pure under the lock: no thread, no clock.

#[cfg(any(test, feature = "failpoints"))]
mod invariants;

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};
use std::time::{Instant, SystemTime};

use crossbeam_channel::Sender;
use parking_lot::{Mutex, RwLock};

use super::client::{Client, ClientId};
use super::log::{Batch, Batching, Log, PendingMessage};
use super::outbox::{FlushList, HighWaterMark};
use super::sanctions::Sanctions;
use crate::model::limits::{TYPING_KEPT, TYPING_PACE};
use crate::model::{
    Draft, Event, EventKind, GroupError, GroupNews, GroupRole, GroupSettings, Histogram, Limits, MessageId, Name,
    Penalty, SanctionTerms, Scope, UserError,
};
use crate::store::{Entry, KeptGroup, Store, StoreError};

/// A cheap handle to the one hub of a server. It has verbs, and never hands out its lock.
#[derive(Clone)]
pub struct Hub {
    pub(super) inner: Arc<HubInner>,
}

pub(super) struct HubInner {
    state: Mutex<HubState>,
    /// The way to the thread that writes out who came and left; without it, each does that himself.
    pub(super) announcer: OnceLock<Sender<FlushList>>,
    limits: Limits,
    pub(super) log: Log,
    pub(super) batching: Batching,
    /// Receipts that are not due yet.
    pub(super) receipts: Mutex<Vec<Receipt>>,
    /// Who may not come in or speak; never held together with the central lock.
    pub(super) sanctions: RwLock<Sanctions>,
    /// Who is called otherwise by now; held for moments, also under the central lock.
    pub(super) renamed: RwLock<RenamedUsers>,
    pub(super) high_water: Arc<HighWaterMark>,
}

impl Hub {
    /// An empty hub with these bounds, over this store.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn new(limits: Limits, store: Arc<dyn Store>) -> Result<Hub, StoreError> {
        #[cfg(feature = "deadlock-detection")]
        crate::thread::watch_for_deadlocks();
        let sanctions = RwLock::new(Sanctions::new(store.sanctions()?));
        let ignored = IgnoreLists::new(store.ignored()?);
        let mut state = HubState { last: store.last_id()?, ignored, ..HubState::default() };
        state.load(store.groups()?);
        let state = Mutex::new(state);
        let (log, batching, announcer) = (Log::new(store), Batching::default(), OnceLock::new());
        let (receipts, renamed, high_water) = Default::default();
        let rest = HubInner { state, announcer, limits, log, batching, receipts, sanctions, renamed, high_water };
        Ok(Hub { inner: Arc::new(rest) })
    }

    /// What outlives sessions, for reading; to change it is for [`Hub::record`] and the verbs.
    pub fn store(&self) -> &dyn Store {
        self.inner.log.store()
    }

    /// The bounds this hub keeps.
    pub fn limits(&self) -> &Limits {
        &self.inner.limits
    }

    /// Everything that happens under the central lock happens in here.
    pub(super) fn locked<T>(&self, work: impl FnOnce(&mut HubState) -> T) -> T {
        #[cfg(test)]
        super::tests::before_section();
        let mut state = self.inner.state.lock();
        let Some(began) = state.counts.enter() else { return work(&mut state) };
        let done = work(&mut state);
        state.counts.leave(began);
        done
    }
}

/// Live sessions, in the order in which they came.
pub(super) type Audience = BTreeMap<ClientId, Arc<Client>>;

/// Everything the central lock protects.
#[derive(Default)]
pub(super) struct HubState {
    /// The client map: every logged-in session.
    pub(super) clients: Audience,
    /// The group map.
    pub(super) groups: BTreeMap<Name, GroupState>,
    /// The queue map: by user, the sessions whose outboxes take what is said to that name.
    pub(super) queues: BTreeMap<Name, OnlineUser>,
    /// Who hears nothing of whom.
    pub(super) ignored: IgnoreLists,
    /// The groups of each user; of kept ones also while he is not here.
    pub(super) memberships: BTreeMap<Name, BTreeSet<Name>>,
    /// The last message of the log that was delivered.
    pub(super) last: MessageId,
    /// The last batch that tells the store of somebody who left or fell behind.
    pub(super) position_batch: Option<Arc<Batch>>,
    /// Set once, when the server stops: nobody comes in, and leaving is not announced.
    pub(super) closing: bool,
    /// Under this name nobody comes in just now.
    pub(super) locked_name: Option<Name>,
    pub(super) counts: Counters,
}

/// A user who is here.
#[derive(Default)]
pub(super) struct OnlineUser {
    pub(super) sessions: Audience,
    /// When the first of his sessions began; set with it.
    pub(super) since: Option<SystemTime>,
    /// Why he is away, if he is.
    pub(super) away: Option<Arc<str>>,
    /// Whom he answers with `/reply`.
    pub(super) reply: ReplyPartners,
    /// Where he was said to be typing.
    pub(super) typed: TypingNotices,
}

/// What ended with a session.
#[derive(Default)]
pub(super) struct SessionRemoval {
    /// Its user is not here any more.
    pub(super) user: bool,
    /// The groups that he has left by that, with who owns them now where that is somebody else.
    pub(super) left: Vec<(Name, Option<Name>)>,
}

/// A group: who belongs to it, which sessions hear what is said in it, and what its owners chose.
#[derive(Default)]
pub(super) struct GroupState {
    /// Members of a kept group may be away; those of any other are here.
    pub(super) members: BTreeMap<Name, Member>,
    /// Exactly the sessions of the members; kept beside them so that a message costs no look-up per member.
    pub(super) audience: Audience,
    pub(super) settings: GroupSettings,
    /// Who is banned or muted; of some of them that has ended.
    pub(super) sanctions: BTreeMap<(Name, Penalty), SanctionTerms>,
    /// Who may join it without a password, and until when.
    pub(super) invited: BTreeMap<Name, SystemTime>,
    /// The rank that the next member gets.
    pub(super) next_rank: u64,
}

/// What somebody is in a group.
#[derive(Clone, Copy)]
pub(super) struct Member {
    pub(super) role: GroupRole,
    /// Smaller for who has been in it for longer.
    pub(super) rank: u64,
}

/// What a member's leaving has changed beside that.
#[derive(Default)]
pub(super) struct MemberRemoval {
    /// He was the last one.
    pub(super) gone: bool,
    /// Who owns it now, where nobody else did.
    pub(super) heir: Option<Name>,
}

impl GroupState {
    pub(super) fn role(&self, user: &Name) -> Option<GroupRole> {
        self.members.get(user).map(|member| member.role)
    }

    /// What is withheld from a user at this moment.
    pub(super) fn ruling(&self, user: &Name, penalty: Penalty, now: SystemTime) -> Option<&SanctionTerms> {
        // Asked for each message, and nearly always without a sanction in the group.
        let laid = if self.sanctions.is_empty() { None } else { self.sanctions.get(&(*user, penalty)) };
        laid.filter(|ruling| ruling.holds(now))
    }

    pub(super) fn is_invited(&self, user: &Name, now: SystemTime) -> bool {
        self.invited.get(user).is_some_and(|until| now < *until)
    }

    /// Whether somebody may learn that it is there.
    pub(super) fn is_shown_to(&self, user: &Name, now: SystemTime) -> bool {
        !self.settings.private || self.members.contains_key(user) || self.is_invited(user, now)
    }

    /// Whether a member stays one while he is not here.
    pub(super) fn keeps(&self, user: &Name) -> bool {
        self.settings.keep && !user.is_guest()
    }

    /// Whether stays in it are stored, so that members see later what was said.
    pub(super) fn is_recorded(&self, user: &Name) -> bool {
        !self.settings.ephemeral && !user.is_guest()
    }

    pub(super) fn owners(&self) -> impl Iterator<Item = &Name> {
        self.members.iter().filter(|(_, member)| member.role == GroupRole::Owner).map(|(name, _)| name)
    }

    /// Who follows the last owner: the admin, or else the member, who has been there for longest. Of a kept group no
    /// guest can be owner after a restart, so none follows.
    pub(super) fn heir(&self) -> Option<Name> {
        let fit = self.members.iter().filter(|(name, _)| !self.settings.keep || !name.is_guest());
        fit.max_by_key(|(_, member)| (member.role, std::cmp::Reverse(member.rank))).map(|(name, _)| *name)
    }

    /// What the store is to know of a member, if it is to know of him.
    pub(super) fn member_entry(&self, group: Name, user: &Name) -> Option<Entry> {
        let member = self.members.get(user).filter(|_| self.keeps(user))?;
        Some(Entry::Member { group, user: *user, role: member.role, rank: member.rank })
    }
}

/// Whom each user ignores, also while he is away, and the same the other way round.
#[derive(Default)]
pub(super) struct IgnoreLists {
    pub(super) whom: BTreeMap<Name, BTreeSet<Name>>,
    by: BTreeMap<Name, BTreeSet<Name>>,
}

impl IgnoreLists {
    /// All of these pairs of a user and whom he ignores.
    pub(super) fn new(pairs: Vec<(Name, Name)>) -> IgnoreLists {
        let mut ignored = IgnoreLists::default();
        pairs.into_iter().for_each(|(user, whom)| ignored.add(user, whom));
        ignored
    }

    /// Who ignores this user, if anybody does.
    fn by(&self, whom: &Name) -> Option<&BTreeSet<Name>> {
        self.by.get(whom)
    }

    pub(super) fn add(&mut self, user: Name, whom: Name) {
        self.whom.entry(user).or_default().insert(whom);
        self.by.entry(whom).or_default().insert(user);
    }

    /// Ends it, and says how his name was written; `None` when he was not ignored.
    pub(super) fn remove(&mut self, user: &Name, whom: &Name) -> Option<Name> {
        let taken = take(&mut self.whom, user, whom);
        take(&mut self.by, whom, user);
        taken
    }

    /// Whether a user ignores anybody, or anybody him.
    pub(super) fn knows(&self, user: &Name) -> bool {
        self.whom.contains_key(user) || self.by.contains_key(user)
    }

    /// A user is called otherwise from now on.
    pub(super) fn rename(&mut self, from: &Name, to: Name) {
        let (whom, by) = (self.whom.remove(from).unwrap_or_default(), self.by.remove(from).unwrap_or_default());
        for whom in whom {
            take(&mut self.by, &whom, from);
            self.add(to, whom);
        }
        for by in by {
            take(&mut self.whom, &by, from);
            self.add(by, to);
        }
    }

    /// Forgets whom a user ignores, and that others ignore him.
    pub(super) fn forget(&mut self, user: &Name) {
        for whom in self.whom.remove(user).into_iter().flatten() {
            take(&mut self.by, &whom, user);
        }
        for by in self.by.remove(user).into_iter().flatten() {
            take(&mut self.whom, &by, user);
        }
    }
}

/// Takes a name out of the set of another one, which is not kept when it is empty.
fn take(sets: &mut BTreeMap<Name, BTreeSet<Name>>, of: &Name, name: &Name) -> Option<Name> {
    let set = sets.get_mut(of)?;
    let taken = set.take(name);
    if set.is_empty() {
        sets.remove(of);
    }
    taken
}

/// With whom a user was last in touch privately.
#[derive(Default)]
pub(super) struct ReplyPartners {
    /// Who wrote to him.
    pub(super) from: Cell<Option<Name>>,
    /// To whom he wrote.
    pub(super) to: Cell<Option<Name>>,
}

/// Where a user was said to be typing, and when; only what is new enough to matter.
#[derive(Default)]
pub(super) struct TypingNotices(Vec<(Scope, Instant)>);

impl TypingNotices {
    /// Whether it may be told once more that he is typing there; if so, it counts as told.
    pub(super) fn may_tell(&mut self, scope: Scope, now: Instant) -> bool {
        self.0.retain(|(_, at)| now.saturating_duration_since(*at) < TYPING_PACE);
        let may = self.0.len() < TYPING_KEPT && self.0.iter().all(|(told, _)| *told != scope);
        if may {
            self.0.push((scope, now));
        }
        may
    }
}

/// What those are called now who had other names in this process, as long as nobody else can have these.
#[derive(Default)]
pub(super) struct RenamedUsers(pub(super) BTreeMap<Name, Name>);

impl RenamedUsers {
    pub(super) fn insert(&mut self, from: Name, to: Name) {
        self.follow(&from, to);
        self.0.remove(&to);
        if from != to {
            self.0.insert(from, to);
        }
    }

    pub(super) fn take_back(&mut self, from: Name, to: Name) {
        self.0.remove(&from);
        self.follow(&to, from);
    }

    /// Who had other names before has them still.
    fn follow(&mut self, from: &Name, to: Name) {
        self.0.values_mut().filter(|now| **now == *from).for_each(|now| *now = to);
    }

    pub(super) fn now(&self, name: Name) -> Name {
        self.0.get(&name).copied().unwrap_or(name)
    }

    /// What was typed to somebody's old name is said to him, and what a script sent under its user's old name is his.
    pub(super) fn readdress(&self, message: PendingMessage) -> PendingMessage {
        if self.0.is_empty() {
            return message;
        }
        let scope = match message.draft.scope {
            Scope::User(to) => Scope::User(self.now(to)),
            other => other,
        };
        PendingMessage { draft: Draft { from: self.now(message.draft.from), scope, ..message.draft }, ..message }
    }
}

/// A receipt that is due as soon as one of the recipient's sessions has been written the message.
pub(super) struct Receipt {
    pub(super) id: MessageId,
    pub(super) from: Name,
    pub(super) by: Name,
    pub(super) recipients: Vec<Arc<Client>>,
}

impl Receipt {
    /// The same, with a user of it under another name.
    pub(super) fn rename(&mut self, from: &Name, to: Name) {
        let names = [&mut self.from, &mut self.by];
        names.into_iter().filter(|name| **name == *from).for_each(|name| *name = to);
    }

    pub(super) fn is_due(&self) -> bool {
        self.recipients.iter().any(|client| client.outbox.written() >= self.id)
    }
}

impl OnlineUser {
    /// The receipt for a message to another user, if this one wants one.
    pub(super) fn receipt(&self, id: MessageId, from: Name, by: Name, to: &OnlineUser) -> Option<Receipt> {
        let wanted = self.sessions.values().any(|session| session.wants_receipts());
        wanted.then(|| Receipt { id, from, by, recipients: to.sessions.values().cloned().collect() })
    }
}

impl HubState {
    /// Puts in what outlived the last process.
    pub(super) fn load(&mut self, kept: Vec<KeptGroup>) {
        // One without members was only of guests when the process ended.
        for KeptGroup { name, settings, members, sanctions } in kept.into_iter().filter(|kept| !kept.members.is_empty())
        {
            let next_rank = members.iter().map(|(_, _, rank)| rank + 1).max().unwrap_or(0);
            let mut group = GroupState { settings, next_rank, ..GroupState::default() };
            for (user, role, rank) in members {
                group.members.insert(user, Member { role, rank });
                self.memberships.entry(user).or_default().insert(name);
            }
            for one in sanctions {
                group.sanctions.insert((one.user, one.penalty), one.ruling);
            }
            if group.owners().next().is_none()
                && let Some(heir) = group.heir()
            {
                // What the store says may end between a departure and its heir.
                group.members.entry(heir).and_modify(|member| member.role = GroupRole::Owner);
            }
            self.groups.insert(name, group);
        }
    }

    /// The group of this name, under the name it was made with.
    pub(super) fn group(&self, name: &Name) -> Result<(Name, &GroupState), UserError> {
        let (shown, group) = self.groups.get_key_value(name).ok_or_else(|| UserError::NoSuchGroup(name.to_string()))?;
        Ok((*shown, group))
    }

    /// As [`State::group`], for somebody from whom a private one is hidden.
    pub(super) fn group_for(
        &self,
        user: &Name,
        name: &Name,
        now: SystemTime,
    ) -> Result<(Name, &GroupState), UserError> {
        let (shown, group) = self.group(name)?;
        if group.is_shown_to(user, now) { Ok((shown, group)) } else { Err(UserError::NoSuchGroup(name.to_string())) }
    }

    /// The group of this name, which `user` has to be a member of, and what he is there.
    pub(super) fn group_of(&self, user: &Name, name: &Name, now: SystemTime) -> Result<(Name, GroupRole), UserError> {
        let (shown, group) = self.group_for(user, name, now)?;
        group.role(user).map(|role| (shown, role)).ok_or(UserError::NotMember(shown))
    }

    /// The group of this name, in which `user` has to be at least this.
    pub(super) fn group_with_role(
        &self,
        user: &Name,
        name: &Name,
        role: GroupRole,
        now: SystemTime,
    ) -> Result<(Name, GroupRole), UserError> {
        let (shown, his) = self.group_of(user, name, now)?;
        if his >= role { Ok((shown, his)) } else { Err(GroupError::NeedsRole(shown, role).into()) }
    }

    /// Tells every session of one user.
    pub(super) fn tell_user(&self, name: &Name, event: &Arc<Event>, flush_list: &mut FlushList) {
        let sessions = self.queues.get(name).map(|user| &user.sessions);
        self.counts.delivered(flush_list.push_all(sessions.into_iter().flatten(), event, None));
    }

    /// Tells every session of one user something of another one.
    pub(super) fn tell_user_from(&self, from: &Name, name: &Name, event: &Arc<Event>, flush_list: &mut FlushList) {
        let sessions = self.queues.get(name).map(|user| &user.sessions);
        self.tell_from(from, sessions.into_iter().flatten(), event, None, flush_list);
    }

    /// Tells the members of one group, all but the sessions of `except`.
    pub(super) fn tell_group(
        &self,
        group: &Name,
        event: &Arc<Event>,
        except: Option<&Name>,
        flush_list: &mut FlushList,
    ) {
        self.counts.delivered(flush_list.push_all(self.audience(group), event, except));
    }

    /// The sessions of the members of one group.
    pub(super) fn audience(&self, group: &Name) -> impl Iterator<Item = (&ClientId, &Arc<Client>)> {
        self.groups.get(group).map(|group| &group.audience).into_iter().flatten()
    }

    /// Tells everybody logged in, all but the sessions of `except`.
    pub(super) fn tell_all(&self, event: &Arc<Event>, except: Option<&Name>, flush_list: &mut FlushList) {
        self.counts.delivered(flush_list.push_all(&self.clients, event, except));
    }

    /// Whether a user hears nothing of another one.
    pub(super) fn is_ignoring(&self, user: &Name, whom: &Name) -> bool {
        self.ignored.by(whom).is_some_and(|by| by.contains(user))
    }

    /// Whether anybody hears nothing of a user.
    pub(super) fn is_ignored(&self, whom: &Name) -> bool {
        self.ignored.by(whom).is_some()
    }

    /// Tells these clients something of `from`, all but the sessions of `except`. Those who ignore him get silence in its
    /// place, which counts as written at the same time.
    pub(super) fn tell_from<'a>(
        &self,
        from: &Name,
        clients: impl IntoIterator<Item = (&'a ClientId, &'a Arc<Client>)>,
        event: &Arc<Event>,
        except: Option<&Name>,
        flush_list: &mut FlushList,
    ) {
        let Some(by) = self.ignored.by(from) else {
            return self.counts.delivered(flush_list.push_all(clients, event, except));
        };
        let silence = (event.id > MessageId(0)).then(|| Event::said(event.id, event.at, EventKind::Nothing));
        for (id, client) in clients {
            match (by.contains(&client.name), &silence) {
                (false, _) => self.counts.delivered(flush_list.push_all([(id, client)], event, except)),
                (true, Some(silence)) => {
                    flush_list.push_all([(id, client)], silence, except);
                }
                (true, None) => {}
            }
        }
    }

    /// Tells the members of a group, all but one.
    pub(super) fn tell_news(&self, group: Name, news: GroupNews, except: Option<&Name>, flush_list: &mut FlushList) {
        self.tell_group(&group, &Event::new(EventKind::Group { group, news }), except, flush_list);
    }

    /// Tells one user something about a group.
    pub(super) fn tell_news_to(&self, user: &Name, group: Name, news: GroupNews, flush_list: &mut FlushList) {
        self.tell_user(user, &Event::new(EventKind::Group { group, news }), flush_list);
    }

    /// The rooms of a user.
    pub(super) fn rooms_of(&self, user: &Name) -> Vec<Name> {
        let groups = self.memberships.get(user).into_iter().flatten();
        groups.filter(|name| self.groups.get(name).is_some_and(|group| group.settings.room)).copied().collect()
    }

    /// How many are in a group, and how many may be.
    pub(super) fn count(&self, group: &Name) -> (usize, usize) {
        let group = self.groups.get(group);
        group.map_or((0, 0), |group| (group.members.len(), group.settings.limit.unwrap_or(usize::MAX)))
    }

    /// Remembers that one wrote to the other, for whom it did not happen if he ignores the one.
    pub(super) fn note_contact(
        &self,
        (from, mine): (Name, Option<&OnlineUser>),
        (to, his): (Name, Option<&OnlineUser>),
    ) {
        // Who talks to himself needs no shorter way to do so.
        if from == to {
            return;
        }
        let unheard = self.is_ignoring(&to, &from);
        if let Some(his) = his.filter(|_| !unheard) {
            his.reply.from.set(Some(from));
        }
        if let Some(mine) = mine {
            mine.reply.to.set(Some(to));
        }
    }
}

/// One in so many sections of the central lock is timed: a look at the clock costs as much as a short section.
const SAMPLE: u64 = 64;

/// The counts since the start.
#[derive(Default)]
pub(super) struct Counters {
    /// Messages that were delivered.
    pub(super) messages: u64,
    /// Events that were queued for a client.
    pub(super) deliveries: Cell<u64>,
    /// Sessions that ended, by reason.
    pub(super) closed: BTreeMap<&'static str, u64>,
    pub(super) sections: u64,
    pub(super) hold: Histogram,
}

impl Counters {
    /// Counts a section of the central lock, and begins to time it if it is one of the sample.
    pub(super) fn enter(&mut self) -> Option<Instant> {
        self.sections += 1;
        self.sections.is_multiple_of(SAMPLE).then(Instant::now)
    }

    /// Ends the timing of a section.
    pub(super) fn leave(&mut self, began: Instant) {
        self.hold.note(began.elapsed());
    }

    pub(super) fn delivered(&self, count: usize) {
        self.deliveries.set(self.deliveries.get() + count as u64);
    }
}
