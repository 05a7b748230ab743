//! Presence: coming, going and being away; who is online, who is typing, who ignores whom, and whom `/reply` answers.
//!
//! A session is here for as long as it holds its [`Presence`]. Dropping that is the only way to leave.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime};

use crossbeam_channel::{Receiver, unbounded};
use log::Level;

use super::apply::{Decision, LeaveCause, StateChange};
use super::client::{Client, ClientId};
use super::log::Batch;
use super::outbox::{ConnectionHandle, FlushList, Outbox};
use super::state::{Hub, HubState, ReplyPartners};
use crate::log_limit::{self, Who};
use crate::model::limits::{ANNOUNCE_PACE, CLIENT_STACK, IGNORED_PER_USER};
use crate::model::{
    DuplicateLogin, Event, EventKind, Limits, Message, Name, NameAndNote, Online, Peer, Penalty, Profile, QuitReason,
    SanctionTarget, Scope, UserError,
};
use crate::store::{Device, Entry, StoreError};
use crate::thread;

/// A session that wants to be let in.
pub struct NewSession {
    /// Its number.
    pub id: ClientId,
    /// The user, spelled as registered.
    pub name: Name,
    /// Where it is connected from.
    pub peer: SocketAddr,
    /// How the hub reaches the connection.
    pub handle: Arc<dyn ConnectionHandle>,
    /// Which of the user's devices this is.
    pub device: Device,
}

/// Why a session was not let in.
pub enum AttachError {
    /// The user is online already, in these sessions, and the policy is `refuse`.
    AlreadyLoggedIn(Vec<Arc<Client>>),
    /// The user has as many sessions as one may have.
    TooManySessions(usize),
    /// The server is full.
    Full,
    /// The user has been renamed, or is about to be.
    Renamed,
    /// The server is stopping.
    Closing,
}

/// A session's place in the hub: the drop guard through which every session leaves, whatever ended it.
pub struct Presence {
    hub: Hub,
    client: Arc<Client>,
    reason: QuitReason,
}

/// Coming and going.
impl Hub {
    /// Lets a session in, under the policy for a user who is online already.
    ///
    /// Everybody else is told if the user was offline before. What the newcomer is told waits in the outbox until that is
    /// released, so that what they missed comes first.
    ///
    /// # Errors
    /// [`AttachError`]; nothing has changed then.
    pub fn attach(&self, new: &NewSession, policy: DuplicateLogin) -> Result<Presence, AttachError> {
        let outbox = Outbox::new(self.limits(), &self.inner.high_water);
        let handle = Arc::clone(&new.handle);
        let mut client = Arc::new(Client::new(new.id, new.name, new.device, new.peer, handle, outbox));
        let mut flush_list = FlushList::default();
        let replaced = self.locked(|state| {
            let replaced = state.check_attach(new.name, policy, self.limits(), self.is_renamed(&new.name))?;
            // Nobody else has it yet.
            Arc::get_mut(&mut client).into_iter().for_each(|client| client.joined_at = state.last);
            state.apply_all(vec![StateChange::SessionAttached { client: Arc::clone(&client) }], &mut flush_list);
            Ok(replaced)
        })?;
        // From here on the session leaves through this guard, whatever happens.
        let presence = Presence { hub: self.clone(), client, reason: QuitReason::Panic };
        replaced.iter().for_each(|old| old.close(QuitReason::Replaced));
        self.hand_to_announcer(flush_list);
        Ok(presence)
    }

    /// Takes a session out: with the last one its user leaves all groups that keep nobody offline, and everybody is told.
    /// Returns the batch with what the store has to know of it.
    fn detach(&self, client: &Client, reason: QuitReason) -> Option<Arc<Batch>> {
        let (mut flush_list, now) = (FlushList::default(), SystemTime::now());
        let mut batch = None;
        // From now on nothing is written to the client, so this is what counts as written, for the store too.
        client.handle.conclude(client, &mut || {
            batch = self.locked(|state| {
                let entries = state.apply_all(state.detach_session(client, reason), &mut flush_list);
                self.submit_departure(state, client, entries, now)
            });
        });
        if client.name.is_guest() {
            // A message to this guest is still on its way into the log, and must not reach the next one of that name.
            self.await_log();
            self.locked(|state| state.leaving_guests.remove(&client.name));
        }
        self.hand_to_announcer(flush_list);
        batch
    }

    /// A user who asks and says things for one moment without a session: they are in no list and hear nothing of others.
    pub fn detached_client(&self, name: Name, device: Device, peer: SocketAddr) -> Arc<Client> {
        let outbox = Outbox::new(self.limits(), &self.inner.high_water);
        outbox.release();
        Arc::new(Client::new(ClientId(0), name, device, peer, Arc::new(NoConnection), outbox))
    }

    /// Asks every session of a user to end, and returns how many there were.
    pub fn disconnect(&self, name: &Name, reason: QuitReason) -> usize {
        let sessions = self.locked(|state| state.sessions_of(name));
        sessions.iter().for_each(|client| client.close(reason));
        sessions.len()
    }

    /// Asks the sessions of one device of a user to end, and returns how many there were.
    pub fn disconnect_device(&self, name: &Name, device: Device, reason: QuitReason) -> usize {
        let mut sessions = self.locked(|state| state.sessions_of(name));
        sessions.retain(|client| client.device == device);
        sessions.iter().for_each(|client| client.close(reason));
        sessions.len()
    }

    /// Asks every session to end, and lets nobody in from now on. Departures are not announced any more.
    pub fn close_all(&self, reason: QuitReason) {
        let sessions: Vec<Arc<Client>> = self.locked(|state| {
            state.closing = true;
            state.clients.values().cloned().collect()
        });
        sessions.iter().for_each(|client| client.close(reason));
    }

    /// Forgets everything about a user whose account is gone, memberships of persistent groups too. A failure is logged.
    ///
    /// # Errors
    /// Why the store could not do it at once; it will as soon as it can.
    pub fn forget_user(&self, user: Name) -> Result<(), StoreError> {
        self.forget(user, Some(Entry::Forgotten { user }))
    }

    /// Ends an account that is gone from the users file. What was said stays with those who may see it.
    ///
    /// # Errors
    /// As [`Hub::forget_user`].
    pub fn end_account(&self, user: Name) -> Result<(), StoreError> {
        self.inner.accounts.lock().remove(&user);
        self.lift_all(user);
        self.forget(user, Some(Entry::AccountEnded { user }))
    }

    /// Begins an account: nothing of an earlier one of the name passes to it, however that ended.
    ///
    /// # Errors
    /// As [`Hub::forget_user`].
    pub fn make_account(&self, user: Name) -> Result<(), StoreError> {
        self.inner.accounts.lock().remove(&user);
        self.lift_all(user);
        self.forget(user, Some(Entry::AccountMade { user }))
    }

    /// Compares the accounts that the store knows with those of the users file, which `exists` tells: ends those that are
    /// gone, begins those that are new, and forgets what the hub knows of those that a tool has replaced meanwhile.
    ///
    /// # Errors
    /// Why the store could not do it at once.
    pub fn match_accounts(&self, all: &[Name], exists: impl Fn(&Name) -> bool) -> Result<(), StoreError> {
        let live: HashMap<Name, u64> = self.store().accounts()?.into_iter().collect();
        let gone: Vec<Name> = live.keys().filter(|name| !exists(name)).copied().collect();
        let new: Vec<Name> = all.iter().filter(|name| !live.contains_key(name)).copied().collect();
        let replaced: Vec<Name> = {
            let mut seen = self.inner.accounts.lock();
            let replaced = seen.iter().filter(|(name, number)| live.get(name) != Some(number));
            let replaced = replaced.map(|(name, _)| *name).collect();
            *seen = live;
            replaced
        };
        for user in &replaced {
            self.lift_all(*user);
            self.forget(*user, None)?;
        }
        for user in &new {
            self.lift_all(*user);
            self.forget(*user, Some(Entry::AccountSeen { user: *user }))?;
        }
        gone.iter().try_for_each(|user| self.end_account(*user))?;
        // A session of an earlier account would speak for the new one.
        for user in new.iter().chain(&replaced) {
            self.disconnect(user, QuitReason::Deleted);
        }
        Ok(())
    }

    /// Sanctions on a user end with the account. The store lifts its own.
    fn lift_all(&self, user: Name) {
        let mut sanctions = self.inner.sanctions.write();
        for penalty in [Penalty::Ban, Penalty::Mute] {
            sanctions.remove(penalty, SanctionTarget::User(user));
        }
    }

    fn forget(&self, user: Name, entry: Option<Entry>) -> Result<(), StoreError> {
        let mut flush_list = FlushList::default();
        let batch = self.locked(|state| {
            let entries = state.apply_all(state.forget_user(user, entry), &mut flush_list);
            self.inner.log.submit(entries)
        });
        let forgotten = self.commit(&batch);
        flush_list.flush_except(None);
        forgotten.inspect_err(|e| log::error!("account not forgotten user={user} error=\"{e}\""))
    }
}

/// The decisions of coming and going.
impl HubState {
    /// Whether a session of this user may come in; returns the sessions that it replaces.
    fn check_attach(
        &self,
        name: Name,
        policy: DuplicateLogin,
        limits: &Limits,
        is_renamed: bool,
    ) -> Result<Vec<Arc<Client>>, AttachError> {
        let others = self.sessions_of(&name);
        match policy {
            _ if self.closing => Err(AttachError::Closing),
            _ if is_renamed || self.locked_name == Some(name) => Err(AttachError::Renamed),
            _ if self.leaving_guests.contains(&name) => Err(AttachError::Renamed),
            DuplicateLogin::Refuse if !others.is_empty() => Err(AttachError::AlreadyLoggedIn(others)),
            DuplicateLogin::Replace if !others.is_empty() => Ok(others),
            _ if others.len() >= limits.max_sessions_per_user => Err(AttachError::TooManySessions(others.len())),
            _ if self.clients.len() >= limits.max_clients => Err(AttachError::Full),
            DuplicateLogin::Refuse | DuplicateLogin::Replace | DuplicateLogin::Allow => Ok(Vec::new()),
        }
    }

    /// A session leaves; with the last one, its user leaves the groups that keep nobody offline.
    fn detach_session(&self, client: &Client, reason: QuitReason) -> Vec<StateChange> {
        let user = client.name;
        let mut changes = vec![StateChange::SessionDetached { id: client.id, user, reason }];
        let sessions = self.queues.get(&user).map(|user| &user.sessions);
        if sessions.is_some_and(|sessions| sessions.len() == 1 && sessions.contains_key(&client.id)) {
            let groups = self.memberships.get(&user).into_iter().flatten();
            let lost = groups.filter(|name| self.groups.get(name).is_some_and(|group| !group.keeps(&user)));
            changes.extend(lost.flat_map(|name| self.leave(*name, user, LeaveCause::LoggedOut)));
        }
        changes
    }

    /// Without an account a user would stay in persistent groups for ever.
    fn forget_user(&self, user: Name, entry: Option<Entry>) -> Vec<StateChange> {
        let groups = self.memberships.get(&user).into_iter().flatten();
        let kept = groups.filter(|name| self.groups.get(name).is_some_and(|group| group.settings.keep));
        let left = kept.flat_map(|name| self.leave(*name, user, LeaveCause::AccountDeleted));
        left.chain([StateChange::UserForgotten { user, entry }]).collect()
    }
}

impl Presence {
    /// The session that is here.
    pub fn client(&self) -> &Arc<Client> {
        &self.client
    }

    /// Leaves for this reason. Dropping a presence without calling this counts as a panic.
    pub fn leave(mut self, reason: QuitReason) {
        self.reason = reason;
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        let batch = self.hub.detach(&self.client, self.reason);
        // Those who wait for the name need not wait for the store as well.
        self.client.note_detached();
        if let Some(batch) = batch {
            // If it cannot be stored now, it will be as soon as that is possible.
            let _ = self.hub.commit(&batch);
        }
        let (name, peer) = (self.client.name, self.client.peer);
        if name.is_guest() {
            log_limit::note(Level::Info, "logout", Who::LeavingGuest(name, peer, self.reason), "");
        } else {
            log::info!("logout user={name} reason=\"{}\" {}", self.reason, Peer(peer));
        }
    }
}

/// The handle of a client without a connection: whoever made it empties the outbox itself.
struct NoConnection;

impl ConnectionHandle for NoConnection {
    fn flush(&self, _: &Arc<Client>, _: bool) {}

    fn conclude(&self, _: &Client, work: &mut dyn FnMut()) {
        work();
    }

    fn close(&self, _: QuitReason) {}
}

/// Announcing who comes and goes. One thread writes that out for all: whoever comes or leaves waits for nobody's socket,
/// and what happens at nearly the same time goes out in the same writes.
impl Hub {
    /// Starts that thread, which lives as long as the hub. A second call changes nothing.
    ///
    /// # Errors
    /// The system's error when it gives no thread; then everybody writes their announcements themselves.
    pub fn start_announcer(&self) -> io::Result<()> {
        let (to_announcer, announcements) = unbounded();
        let started = thread::start("announcer", CLIENT_STACK, move || announce_all(&announcements));
        started.map(|_| drop(self.inner.announcer.set(to_announcer)))
    }

    /// Has an announcement written out. It is queued already, so whatever else is written to a client comes after it.
    pub(super) fn hand_to_announcer(&self, mut flush_list: FlushList) {
        match self.inner.announcer.get() {
            _ if flush_list.is_empty() => {}
            // A crowded outbox has to be written out before anybody goes on, or it would overflow.
            Some(announcer) if !flush_list.is_crowded() => drop(announcer.send(flush_list)),
            _ => flush_list.flush_except(None),
        }
    }
}

/// Rests after each round; what is announced meanwhile goes to outboxes that are waiting to be written out anyway.
fn announce_all(announcements: &Receiver<FlushList>) {
    while let Ok(mut flush_list) = announcements.recv() {
        flush_list.flush_except(None);
        announcements.try_iter().for_each(|mut flush_list| flush_list.flush_except(None));
        sleep(ANNOUNCE_PACE);
    }
}

/// Users who are online.
impl Hub {
    /// Whether a guest may get this name: nobody has it, and nothing is on its way to an earlier guest.
    pub fn is_free_for_guest(&self, name: &Name) -> bool {
        self.locked(|state| !state.queues.contains_key(name) && !state.leaving_guests.contains(name))
    }

    /// Whether a user is online.
    pub fn is_here(&self, name: &Name) -> bool {
        self.locked(|state| state.queues.contains_key(name))
    }

    /// The oldest session of a user who is online; a guest has only one.
    pub fn oldest_session(&self, name: &Name) -> Option<ClientId> {
        self.locked(|state| state.queues.get(name).and_then(|user| user.sessions.keys().next().copied()))
    }

    /// Everybody who is online, in alphabetical order, with why they are away.
    pub fn online_users(&self) -> Vec<NameAndNote> {
        self.locked(|state| state.queues.iter().map(|(name, user)| (*name, user.away.clone())).collect())
    }

    /// How many sessions are logged in.
    pub fn session_count(&self) -> usize {
        self.locked(|state| state.clients.len())
    }

    /// How many sessions a user has, and their groups.
    pub fn sessions_and_groups(&self, name: &Name) -> (usize, Vec<Name>) {
        self.locked(|state| {
            let sessions = state.queues.get(name).map_or(0, |user| user.sessions.len());
            (sessions, state.memberships.get(name).into_iter().flatten().copied().collect())
        })
    }

    /// Everything about a user that the asker may know.
    pub fn profile(&self, me: &Client, name: Name) -> Profile {
        let (sessions, mut profile) = self.locked(|state| {
            let (mine, theirs) = (state.memberships.get(&me.name), state.memberships.get(&name));
            let shared = mine.zip(theirs).map(|(mine, theirs)| theirs.intersection(mine).copied().collect());
            let online = state.queues.get(&name).map(|user| Online {
                since: user.since.unwrap_or(SystemTime::UNIX_EPOCH),
                idle: Duration::ZERO,
                away: user.away.clone(),
                shared: shared.unwrap_or_default(),
            });
            (state.sessions_of(&name), Profile { name, online, last_seen: None })
        });
        // Each session has a small lock of its own for this, which nobody should wait for under the central one.
        if let Some(online) = &mut profile.online {
            online.idle = sessions.iter().map(|session| session.idle()).min().unwrap_or_default();
        }
        if profile.online.is_none() {
            // Everybody was told that the user left while that was still on its way into the store.
            self.await_log();
            // If the store cannot say when that was, the rest of the answer is still worth giving.
            profile.last_seen = self.store().last_seen(&name).unwrap_or_default();
        }
        profile
    }

    /// Says why a user is away, or that they are back; all their sessions are told.
    pub fn set_away(&self, me: &Client, away: Option<Arc<str>>, flush_list: &mut FlushList) {
        let change = StateChange::AwayChanged { user: me.name, away };
        self.locked(|state| drop(state.apply_all(vec![change], flush_list)));
    }
}

/// Ignoring. What an ignored user says is stored and answered as always, so that they cannot tell; those who ignore them
/// are written nothing of it. It is looked up once per message by author, so it costs nothing where nobody is ignored.
impl Hub {
    /// The asker hears nothing of this user from now on.
    ///
    /// # Errors
    /// [`UserError::CannotIgnoreSelf`], [`UserError::TooManyIgnored`], and [`UserError::NotStoredYet`], which takes effect
    /// nevertheless.
    pub fn ignore(&self, me: &Client, whom: Name) -> Result<(), UserError> {
        if whom == me.name {
            return Err(UserError::CannotIgnoreSelf);
        }
        self.change_ignored(|state| state.ignore(me.name, self.current_name(whom)))
    }

    /// The asker hears this user again; answers with the name as it was ignored.
    ///
    /// # Errors
    /// [`UserError::NotIgnored`], and [`UserError::NotStoredYet`], which takes effect nevertheless.
    pub fn unignore(&self, me: &Client, whom: Name) -> Result<Name, UserError> {
        let mut spelled = whom;
        self.change_ignored(|state| {
            let whom = self.current_name(whom);
            spelled = state.ignored.spelled(&me.name, &whom).ok_or(UserError::NotIgnored(whom))?;
            Ok(vec![StateChange::IgnoreChanged { user: me.name, whom: spelled, ignored: false }])
        })?;
        Ok(spelled)
    }

    fn change_ignored(&self, decide: impl FnOnce(&HubState) -> Decision) -> Result<(), UserError> {
        let batch = self.decide_and_apply(&mut FlushList::default(), decide)?;
        let done = batch.map_or(Ok(()), |batch| self.commit_delivered(&batch));
        done.map_err(|error| UserError::NotStoredYet(error.to_string()))
    }

    /// The users that the asker ignores, in alphabetical order.
    pub fn ignored(&self, me: &Client) -> Vec<Name> {
        self.locked(|state| state.ignored.of(&me.name).into_iter().flatten().copied().collect())
    }
}

impl HubState {
    fn ignore(&self, user: Name, whom: Name) -> Decision {
        if whom.is_guest() && !self.queues.contains_key(&whom) {
            return Err(UserError::NotOnline(whom));
        }
        let others = self.ignored.of(&user);
        if others.is_some_and(|others| others.len() >= IGNORED_PER_USER && !others.contains(&whom)) {
            return Err(UserError::TooManyIgnored(IGNORED_PER_USER));
        }
        Ok(vec![StateChange::IgnoreChanged { user, whom, ignored: true }])
    }
}

/// Replying and typing.
impl Hub {
    /// The user that the asker answers with `/reply`: the one who last wrote to them privately, or else the one they wrote to. It
    /// is the same for all sessions of a user, and holds for as long as the user is online.
    ///
    /// # Errors
    /// [`UserError::NobodyToReply`].
    pub fn reply_partner(&self, me: &Client) -> Result<Name, UserError> {
        let partner = self.locked(|state| {
            let ReplyPartners { from, to } = &state.queues.get(&me.name)?.reply;
            from.get().or(to.get())
        });
        partner.ok_or(UserError::NobodyToReply)
    }

    /// Tells those who want to know that the user is typing, where [`Hub::check`] lets them speak: at most once per
    /// [`TYPING_PACE`](crate::model::limits::TYPING_PACE), and only sessions for which nothing else is waiting. It is
    /// stored nowhere.
    pub fn typing(&self, me: &Client, scope: Scope, now: Instant, flush_list: &mut FlushList) {
        self.locked(|state| {
            let user = state.queues.get_mut(&me.name);
            if user.is_some_and(|user| user.typing.may_tell(scope, now)) {
                state.tell_typing(me.name, scope, flush_list);
            }
        });
    }
}

impl HubState {
    fn tell_typing(&self, from: Name, scope: Scope, flush_list: &mut FlushList) {
        let event = Event::new(EventKind::Typing { from, scope });
        let wanting = |(_, client): &(&ClientId, &Arc<Client>)| {
            let is_idle = client.outbox.is_empty() && !client.outbox.is_held();
            client.wants_typing() && is_idle && !self.is_ignoring(&client.name, &from)
        };
        let count = match scope {
            Scope::User(to) => {
                let sessions = self.queues.get(&to).map(|user| &user.sessions).into_iter().flatten();
                flush_list.push_all(sessions.filter(wanting), &event, Some(&from))
            }
            Scope::Group(group) => {
                let sessions = self.audience(&group).filter(wanting);
                flush_list.push_all(sessions, &event, Some(&from))
            }
            // There is no typing notice for broadcasts.
            Scope::Everybody => 0,
        };
        self.counts.delivered(count);
    }

    /// Remembers who wrote to a user while they were offline, unless somebody has written to them since.
    pub(super) fn note_missed_contact(&mut self, me: &Client, missed: &[Message]) {
        let is_private = |message: &&Message| {
            message.said.scope == Scope::User(me.name) && self.is_same_user(&message.said.from, message.id)
        };
        let last = missed.iter().rev().find(is_private).map(|message| message.said.from);
        if let Some(user) = self.queues.get_mut(&me.name) {
            user.reply.from.set(user.reply.from.get().or(last));
        }
    }
}
