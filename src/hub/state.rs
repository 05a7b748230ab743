//! The hub's state: the client, group and queue maps, the one central lock over them, and what is read from them.
//!
//! `apply` changes the maps and, for messages, `delivery` does. Under the central lock there is map work, a
//! sequence number and a push into an outbox; never a socket, a file, hashing, a log line, rendering, or a wait.

#[cfg(any(test, feature = "failpoints"))]
mod invariants;

use std::cell::Cell;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, OnceLock};
use std::time::{Instant, SystemTime};

use crossbeam_channel::Sender;

use super::client::{Client, ClientId};
use super::log::{Batch, Log, PendingMessage};
use super::outbox::{FlushList, HighWaterMark};
use super::sanctions::Sanctions;
use crate::lock::{Mutex, RwLock};
use crate::model::limits::{TYPING_KEPT, TYPING_PACE};
use crate::model::{
    Draft, Event, EventKind, GroupError, GroupNews, GroupRole, GroupSettings, Histogram, Limits, MessageId, Name,
    Penalty, SanctionTerms, Scope, UserError,
};
use crate::store::{KeptGroup, Store, StoreError};

/// A cheap handle to the hub of a server. It has verbs, and never hands out its lock.
#[derive(Clone)]
pub struct Hub {
    pub(super) inner: Arc<HubInner>,
}

pub(super) struct HubInner {
    // lock tier 6: the central lock; after a connection's writer (a session leaves while it is held), before who is renamed
    // and the log's open batch. Never held while writing to a client.
    state: Mutex<HubState, 6>,
    /// The way to the thread that writes announcements; without it, each thread writes its own.
    pub(super) announcer: OnceLock<Sender<FlushList>>,
    limits: Limits,
    pub(super) log: Log,
    /// Receipts that are not due yet.
    // lock tier 6: never together with the central lock; held for moments.
    pub(super) receipts: Mutex<Vec<Receipt>, 6>,
    // lock tier 6: never together with the central lock; held while entries are submitted, so that the store gets them in
    // the order in which they were made.
    pub(super) sanctions: RwLock<Sanctions, 6>,
    // lock tier 7: after the central lock and the turn to append; held while messages are submitted, so that none to an old
    // name comes after its renaming.
    pub(super) renamed: RwLock<RenamedUsers, 7>,
    pub(super) high_water: Arc<HighWaterMark>,
    /// The numbers of the accounts when they were last compared with the users file.
    // lock tier 9: a leaf.
    pub(super) accounts: Mutex<HashMap<Name, u64>, 9>,
}

impl Hub {
    /// A hub over this store, with these bounds; nobody is online yet.
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
        let (log, announcer) = (Log::new(store), OnceLock::new());
        let (receipts, renamed, high_water, accounts) = Default::default();
        let inner = HubInner { state, announcer, limits, log, receipts, sanctions, renamed, high_water, accounts };
        Ok(Hub { inner: Arc::new(inner) })
    }

    /// The store, for reading. It is changed through [`Hub::record`] and the verbs.
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
    pub(super) ignored: IgnoreLists,
    /// The groups of each user; persistent ones also while the user is offline.
    pub(super) memberships: BTreeMap<Name, BTreeSet<Name>>,
    /// The last message of the log that was delivered.
    pub(super) last: MessageId,
    /// The last batch that tells the store of a session that left or fell behind.
    pub(super) position_batch: Option<Arc<Batch>>,
    /// Set once, when the server stops: nobody comes in, and departures are not announced.
    pub(super) closing: bool,
    /// Nobody comes in under this name just now.
    pub(super) locked_name: Option<Name>,
    /// Guests who have left while something may still be on its way to them; nobody gets their names yet.
    pub(super) leaving_guests: BTreeSet<Name>,
    /// The groups that have invited, banned or muted a guest who is online.
    pub(super) guest_marks: BTreeMap<Name, BTreeSet<Name>>,
    pub(super) counts: Counters,
}

/// A user with at least one session.
#[derive(Default)]
pub(super) struct OnlineUser {
    pub(super) sessions: Audience,
    /// When the first session began; set with it.
    pub(super) since: Option<SystemTime>,
    /// Why the user is away, if they are.
    pub(super) away: Option<Arc<str>>,
    /// The user that `/reply` answers.
    pub(super) reply: ReplyPartners,
    /// Where the user was last said to be typing.
    pub(super) typing: TypingNotices,
}

impl OnlineUser {
    /// The receipt for a message to another user, if this one wants one.
    pub(super) fn receipt(&self, id: MessageId, from: Name, by: Name, to: &OnlineUser) -> Option<Receipt> {
        let is_wanted = self.sessions.values().any(|session| session.wants_receipts());
        is_wanted.then(|| Receipt { id, from, by, recipients: to.sessions.values().cloned().collect() })
    }
}

/// A group: its members, the sessions that hear what is said in it, and what its owners chose.
#[derive(Default)]
pub(super) struct GroupState {
    /// Members of a persistent group may be offline; those of any other are online.
    pub(super) members: BTreeMap<Name, Member>,
    /// Exactly the sessions of the members; kept beside them so that a message costs no look-up per member.
    pub(super) audience: Audience,
    pub(super) settings: GroupSettings,
    /// Bans and mutes; some of them may have run out.
    pub(super) sanctions: BTreeMap<(Name, Penalty), SanctionTerms>,
    /// Users who may join without a password, and until when.
    pub(super) invited: BTreeMap<Name, SystemTime>,
    /// The rank that the next member gets.
    pub(super) next_rank: u64,
}

/// One user's membership of a group.
#[derive(Clone, Copy)]
pub(super) struct Member {
    pub(super) role: GroupRole,
    /// The longer a member has been in the group, the smaller.
    pub(super) rank: u64,
}

impl GroupState {
    pub(super) fn role(&self, user: &Name) -> Option<GroupRole> {
        self.members.get(user).map(|member| member.role)
    }

    /// The ban or mute that is in force for a user at this moment.
    pub(super) fn sanction(&self, user: &Name, penalty: Penalty, now: SystemTime) -> Option<&SanctionTerms> {
        // Asked for each message, and there is nearly never a sanction in the group.
        let imposed = if self.sanctions.is_empty() { None } else { self.sanctions.get(&(*user, penalty)) };
        imposed.filter(|terms| terms.holds(now))
    }

    pub(super) fn is_invited(&self, user: &Name, now: SystemTime) -> bool {
        self.invited.get(user).is_some_and(|until| now < *until)
    }

    /// Whether a user may know that the group exists.
    pub(super) fn is_shown_to(&self, user: &Name, now: SystemTime) -> bool {
        !self.settings.private || self.members.contains_key(user) || self.is_invited(user, now)
    }

    /// Whether a member stays one while offline.
    pub(super) fn keeps(&self, user: &Name) -> bool {
        self.settings.keep && !user.is_guest()
    }

    /// Whether the store knows how long a user was in it, so that they can read later what was said meanwhile.
    pub(super) fn is_recorded(&self, user: &Name) -> bool {
        !self.settings.ephemeral && !user.is_guest()
    }

    pub(super) fn owners(&self) -> impl Iterator<Item = &Name> {
        self.members.iter().filter(|(_, member)| member.role == GroupRole::Owner).map(|(name, _)| name)
    }

    /// The heir of the last owner, among the members who stay: the admin, or else the member, who has been in the group for
    /// longest. A guest inherits no persistent group, because guests are not the same users after a restart.
    pub(super) fn heir(&self, stays: impl Fn(&Name) -> bool) -> Option<Name> {
        let eligible = |name: &Name| stays(name) && !(self.settings.keep && name.is_guest());
        let heirs = self.members.iter().filter(|(name, _)| eligible(name));
        heirs.max_by_key(|(_, member)| (member.role, Reverse(member.rank))).map(|(name, _)| *name)
    }
}

/// Groups.
impl HubState {
    /// Puts in the groups that outlived the last process.
    fn load(&mut self, persistent: Vec<KeptGroup>) {
        // A group without members had only guests when the process ended.
        for KeptGroup { name, settings, members, sanctions } in
            persistent.into_iter().filter(|group| !group.members.is_empty())
        {
            let next_rank = members.iter().map(|(_, _, rank)| rank + 1).max().unwrap_or(0);
            let mut group = GroupState { settings, next_rank, ..GroupState::default() };
            for (user, role, rank) in members {
                group.members.insert(user, Member { role, rank });
                self.memberships.entry(user).or_default().insert(name);
            }
            for one in sanctions.into_iter().filter(|one| !one.user.is_guest()) {
                group.sanctions.insert((one.user, one.penalty), one.terms);
            }
            if group.owners().next().is_none()
                && let Some(heir) = group.heir(|_| true)
            {
                // The store's last entry may be an owner's departure, before that of the heir's new role.
                group.members.entry(heir).and_modify(|member| member.role = GroupRole::Owner);
            }
            self.groups.insert(name, group);
        }
    }

    /// The group of this name, and the name as it was spelled when the group was made.
    pub(super) fn group(&self, name: &Name) -> Result<(Name, &GroupState), UserError> {
        let (shown, group) = self.groups.get_key_value(name).ok_or_else(|| UserError::NoSuchGroup(name.to_string()))?;
        Ok((*shown, group))
    }

    /// As [`HubState::group`], for a user from whom a private group is hidden.
    pub(super) fn group_for(
        &self,
        user: &Name,
        name: &Name,
        now: SystemTime,
    ) -> Result<(Name, &GroupState), UserError> {
        let (shown, group) = self.group(name)?;
        if group.is_shown_to(user, now) { Ok((shown, group)) } else { Err(UserError::NoSuchGroup(name.to_string())) }
    }

    /// The group of this name, of which `user` has to be a member, and their role in it.
    pub(super) fn group_of(&self, user: &Name, name: &Name, now: SystemTime) -> Result<(Name, GroupRole), UserError> {
        let (shown, group) = self.group_for(user, name, now)?;
        group.role(user).map(|role| (shown, role)).ok_or(UserError::NotMember(shown))
    }

    /// As [`HubState::group_of`], for a user who needs at least this role.
    pub(super) fn group_with_role(
        &self,
        user: &Name,
        name: &Name,
        needed: GroupRole,
        now: SystemTime,
    ) -> Result<(Name, GroupRole), UserError> {
        let (shown, role) = self.group_of(user, name, now)?;
        if role >= needed { Ok((shown, role)) } else { Err(GroupError::NeedsRole(shown, needed).into()) }
    }

    /// How many members a group has, and how many it may have.
    pub(super) fn count(&self, group: &Name) -> (usize, usize) {
        let group = self.groups.get(group);
        group.map_or((0, 0), |group| (group.members.len(), group.settings.limit.unwrap_or(usize::MAX)))
    }

    /// The sessions of the members of a group.
    pub(super) fn audience(&self, group: &Name) -> impl Iterator<Item = (&ClientId, &Arc<Client>)> {
        self.groups.get(group).map(|group| &group.audience).into_iter().flatten()
    }

    /// Whether a user who is named in this message is the one who has the name now. Guests end with their sessions.
    pub(super) fn is_same_user(&self, name: &Name, id: MessageId) -> bool {
        let came_before = |user: &OnlineUser| user.sessions.values().any(|session| session.joined_at < id);
        !name.is_guest() || self.queues.get(name).is_some_and(came_before)
    }

    /// The sessions of a user.
    pub(super) fn sessions_of(&self, name: &Name) -> Vec<Arc<Client>> {
        self.queues.get(name).map(|user| user.sessions.values().cloned().collect()).unwrap_or_default()
    }
}

/// Queueing events. All of these note in the flush list whose outbox has to be written out.
impl HubState {
    /// Tells every session of one user.
    pub(super) fn tell_user(&self, name: &Name, event: &Arc<Event>, flush_list: &mut FlushList) {
        let sessions = self.queues.get(name).map(|user| &user.sessions);
        self.counts.delivered(flush_list.push_all(sessions.into_iter().flatten(), event, None));
    }

    /// Tells the members of a group, except for the sessions of one user.
    pub(super) fn tell_group(
        &self,
        group: &Name,
        event: &Arc<Event>,
        except: Option<&Name>,
        flush_list: &mut FlushList,
    ) {
        self.counts.delivered(flush_list.push_all(self.audience(group), event, except));
    }

    /// Tells everybody logged in, except for the sessions of one user.
    pub(super) fn tell_all(&self, event: &Arc<Event>, except: Option<&Name>, flush_list: &mut FlushList) {
        self.counts.delivered(flush_list.push_all(&self.clients, event, except));
    }

    /// Tells the members of a group some news about it, except for one member.
    pub(super) fn tell_news(&self, group: Name, news: GroupNews, except: Option<&Name>, flush_list: &mut FlushList) {
        self.tell_group(&group, &Event::new(EventKind::Group { group, news }), except, flush_list);
    }

    /// Tells one user some news about a group.
    pub(super) fn tell_news_to(&self, user: &Name, group: Name, news: GroupNews, flush_list: &mut FlushList) {
        self.tell_user(user, &Event::new(EventKind::Group { group, news }), flush_list);
    }

    /// Tells these clients what `from` said, except for the sessions of one user. Those who ignore the author get an event
    /// without content instead, so that they count as having received the message.
    pub(super) fn tell_from<'a>(
        &self,
        from: &Name,
        clients: impl IntoIterator<Item = (&'a ClientId, &'a Arc<Client>)>,
        event: &Arc<Event>,
        except: Option<&Name>,
        flush_list: &mut FlushList,
    ) {
        let Some(ignored_by) = self.ignored.by(from) else {
            return self.counts.delivered(flush_list.push_all(clients, event, except));
        };
        let nothing = (event.id > MessageId(0)).then(|| Event::said(event.id, event.at, EventKind::Nothing));
        for (id, client) in clients {
            match (ignored_by.contains(&client.name), &nothing) {
                (false, _) => self.counts.delivered(flush_list.push_all([(id, client)], event, except)),
                (true, Some(nothing)) => {
                    flush_list.push_all([(id, client)], nothing, except);
                }
                (true, None) => {}
            }
        }
    }

    /// As [`HubState::tell_from`], for every session of one user.
    pub(super) fn tell_user_from(&self, from: &Name, name: &Name, event: &Arc<Event>, flush_list: &mut FlushList) {
        let sessions = self.queues.get(name).map(|user| &user.sessions);
        self.tell_from(from, sessions.into_iter().flatten(), event, None, flush_list);
    }

    /// Whether one user hears nothing of another.
    pub(super) fn is_ignoring(&self, user: &Name, whom: &Name) -> bool {
        self.ignored.by(whom).is_some_and(|by| by.contains(user))
    }

    /// Whether anybody ignores this user.
    pub(super) fn is_ignored(&self, whom: &Name) -> bool {
        self.ignored.by(whom).is_some()
    }

    /// Remembers that one user wrote to another, who does not notice it while ignoring the author.
    pub(super) fn note_contact(
        &self,
        (from, author): (Name, Option<&OnlineUser>),
        (to, recipient): (Name, Option<&OnlineUser>),
    ) {
        // Those who talk to themselves need no shorter way to do so.
        if from == to {
            return;
        }
        let is_ignored = self.is_ignoring(&to, &from);
        if let Some(recipient) = recipient.filter(|_| !is_ignored) {
            recipient.reply.from.set(Some(from));
        }
        if let Some(author) = author {
            author.reply.to.set(Some(to));
        }
    }
}

/// Ignored users of each user, offline ones included, in both directions.
#[derive(Default)]
pub(super) struct IgnoreLists {
    of: BTreeMap<Name, BTreeSet<Name>>,
    by: BTreeMap<Name, BTreeSet<Name>>,
}

impl IgnoreLists {
    /// All of these pairs of a user and somebody they ignore.
    pub(super) fn new(pairs: Vec<(Name, Name)>) -> IgnoreLists {
        let mut ignored = IgnoreLists::default();
        pairs.into_iter().for_each(|(user, whom)| ignored.add(user, whom));
        ignored
    }

    /// The users that this user ignores.
    pub(super) fn of(&self, user: &Name) -> Option<&BTreeSet<Name>> {
        self.of.get(user)
    }

    /// The users that ignore this user, if any.
    pub(super) fn by(&self, whom: &Name) -> Option<&BTreeSet<Name>> {
        self.by.get(whom)
    }

    /// The name of an ignored user as it was spelled then; `None` if they are not ignored.
    pub(super) fn spelled(&self, user: &Name, whom: &Name) -> Option<Name> {
        self.of(user)?.get(whom).copied()
    }

    /// Whether a user ignores anybody, or anybody them.
    pub(super) fn knows(&self, user: &Name) -> bool {
        self.of.contains_key(user) || self.by.contains_key(user)
    }

    pub(super) fn add(&mut self, user: Name, whom: Name) {
        self.of.entry(user).or_default().insert(whom);
        self.by.entry(whom).or_default().insert(user);
    }

    pub(super) fn remove(&mut self, user: &Name, whom: &Name) {
        remove(&mut self.of, user, whom);
        remove(&mut self.by, whom, user);
    }

    /// A user has another name from now on.
    pub(super) fn rename(&mut self, from: &Name, to: Name) {
        let (of, by) = (self.of.remove(from).unwrap_or_default(), self.by.remove(from).unwrap_or_default());
        for whom in of {
            remove(&mut self.by, &whom, from);
            self.add(to, whom);
        }
        for by in by {
            remove(&mut self.of, &by, from);
            self.add(by, to);
        }
    }

    /// Forgets whom a user ignores, and that others ignore them.
    pub(super) fn forget(&mut self, user: &Name) {
        for whom in self.of.remove(user).into_iter().flatten() {
            remove(&mut self.by, &whom, user);
        }
        for by in self.by.remove(user).into_iter().flatten() {
            remove(&mut self.of, &by, user);
        }
    }
}

/// Takes a name out of the set of another one; an empty set goes.
fn remove(sets: &mut BTreeMap<Name, BTreeSet<Name>>, of: &Name, name: &Name) {
    if let Some(set) = sets.get_mut(of) {
        set.remove(name);
        if set.is_empty() {
            sets.remove(of);
        }
    }
}

/// The users with whom a user last talked privately.
#[derive(Default)]
pub(super) struct ReplyPartners {
    /// The last one who wrote to the user.
    pub(super) from: Cell<Option<Name>>,
    /// The last one the user wrote to.
    pub(super) to: Cell<Option<Name>>,
}

/// Where a user was said to be typing, and when; only what is recent enough to matter.
#[derive(Default)]
pub(super) struct TypingNotices(Vec<(Scope, Instant)>);

impl TypingNotices {
    /// Whether it may be told once more that the user is typing there; if so, it counts as told.
    pub(super) fn may_tell(&mut self, scope: Scope, now: Instant) -> bool {
        self.0.retain(|(_, at)| now.saturating_duration_since(*at) < TYPING_PACE);
        let may = self.0.len() < TYPING_KEPT && self.0.iter().all(|(told, _)| *told != scope);
        if may {
            self.0.push((scope, now));
        }
        may
    }
}

/// The present names of users who had others in this process, as long as nobody else can have the old ones.
#[derive(Default)]
pub(super) struct RenamedUsers(BTreeMap<Name, Name>);

impl RenamedUsers {
    pub(super) fn insert(&mut self, from: Name, to: Name) {
        self.follow(&from, to);
        self.0.remove(&to);
        if from != to {
            self.0.insert(from, to);
        }
    }

    /// Undoes [`RenamedUsers::insert`].
    pub(super) fn take_back(&mut self, from: Name, to: Name) {
        self.0.remove(&from);
        self.follow(&to, from);
    }

    /// Still older names of a user lead to the new one.
    fn follow(&mut self, from: &Name, to: Name) {
        self.0.values_mut().filter(|now| **now == *from).for_each(|now| *now = to);
    }

    pub(super) fn contains(&self, name: &Name) -> bool {
        self.0.contains_key(name)
    }

    pub(super) fn retain(&mut self, keep: impl Fn(&Name) -> bool) {
        self.0.retain(|name, _| keep(name));
    }

    /// The present name of a user.
    pub(super) fn current(&self, name: Name) -> Name {
        self.0.get(&name).copied().unwrap_or(name)
    }

    /// Puts present names in place of old ones: a message may have been typed to an old name, or sent by a script under it.
    pub(super) fn readdress(&self, message: PendingMessage) -> PendingMessage {
        if self.0.is_empty() {
            return message;
        }
        let scope = match message.draft.scope {
            Scope::User(to) => Scope::User(self.current(to)),
            scope @ (Scope::Group(_) | Scope::Everybody) => scope,
        };
        PendingMessage { draft: Draft { from: self.current(message.draft.from), scope, ..message.draft }, ..message }
    }
}

/// A receipt that is due once one of the recipient's sessions has been written the message.
pub(super) struct Receipt {
    pub(super) id: MessageId,
    pub(super) from: Name,
    pub(super) by: Name,
    pub(super) recipients: Vec<Arc<Client>>,
}

impl Receipt {
    /// One of its users has another name.
    pub(super) fn rename(&mut self, from: &Name, to: Name) {
        let names = [&mut self.from, &mut self.by];
        names.into_iter().filter(|name| **name == *from).for_each(|name| *name = to);
    }

    pub(super) fn is_due(&self) -> bool {
        self.recipients.iter().any(|client| client.outbox.written() >= self.id)
    }
}

/// One in this many sections of the central lock is timed: reading the clock costs as much as a short section.
const SAMPLE: u64 = 64;

/// Counts since the start. Under the central lock a count is a plain addition.
#[derive(Default)]
pub(super) struct Counters {
    /// Messages that were delivered.
    pub(super) messages: u64,
    /// Events that were queued for a client.
    pub(super) deliveries: Cell<u64>,
    /// Sessions that ended, by reason.
    pub(super) closed: BTreeMap<&'static str, u64>,
    /// How often the central lock was taken.
    pub(super) sections: u64,
    /// How long it was held, of the sections that were timed.
    pub(super) hold: Histogram,
}

impl Counters {
    /// Counts a section of the central lock, and starts to time it if it is one of the sample.
    fn enter(&mut self) -> Option<Instant> {
        self.sections += 1;
        self.sections.is_multiple_of(SAMPLE).then(Instant::now)
    }

    /// Ends the timing of a section.
    fn leave(&mut self, began: Instant) {
        self.hold.note(began.elapsed());
    }

    pub(super) fn delivered(&self, count: usize) {
        self.deliveries.set(self.deliveries.get() + count as u64);
    }
}
