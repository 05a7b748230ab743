//! Coming and going, who is here, and what is known of him. A session is here for as long as it holds its `Presence`;
//! dropping that is the one way to leave.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime};

use crossbeam_channel::{Receiver, unbounded};
use parking_lot::Mutex;

use super::client::{Client, ClientId, DeliveryPosition, DepartureSignal};
use super::log::Batch;
use super::outbox::{ConnectionHandle, FlushList, Outbox};
use super::state::{Hub, HubState, IgnoreLists, ReplyPartners};
use crate::model::limits::{ANNOUNCE_PACE, CLIENT_STACK, IGNORED_PER_USER};
use crate::model::{
    DuplicateLogin, Event, EventKind, Message, MessageId, Name, NameAndNote, Online, Peer, Profile, QuitReason, Scope,
    UserError,
};
use crate::store::{Device, Entry, StoreError};
use crate::thread;

/// Who wants to be registered.
pub struct NewSession {
    /// The number of the session.
    pub id: ClientId,
    /// The user, as registered.
    pub name: Name,
    /// From where he is connected.
    pub peer: SocketAddr,
    /// How he is reached.
    pub port: Arc<dyn ConnectionHandle>,
    /// Which of his devices this is.
    pub device: Device,
}

/// Why a session was not let in.
pub enum AttachError {
    /// The user is here already, in these sessions, and the policy is `refuse`.
    AlreadyLoggedIn(Vec<Arc<Client>>),
    /// The user has as many sessions as one may have.
    TooManySessions(usize),
    /// All places are taken.
    Full,
    /// The user is called otherwise by now, or is about to be.
    Renamed,
    /// The server is stopping.
    Closing,
}

/// A registered session's place in the hub: the drop guard through which every session leaves, whatever ended it.
pub struct Presence {
    hub: Hub,
    client: Arc<Client>,
    reason: QuitReason,
}

impl NewSession {
    fn client(&self, outbox: Outbox) -> Client {
        Client {
            id: self.id,
            name: self.name,
            device: self.device,
            peer: self.peer,
            since: SystemTime::now(),
            last_activity: Mutex::new(Instant::now()),
            outbox,
            port: Arc::clone(&self.port),
            departure: DepartureSignal::default(),
            joined_at: MessageId::default(),
            position: DeliveryPosition::default(),
            receipts: AtomicBool::new(false),
            typing: AtomicBool::new(false),
        }
    }
}

impl Hub {
    /// Lets a session in, under the policy for a user who is here already.
    ///
    /// Everybody else is told when the user was away before. What the newcomer is told waits in his outbox until that is
    /// released, so that what he missed comes before it.
    ///
    /// # Errors
    /// [`AttachError`]; nothing has changed then.
    pub fn attach(&self, who: &NewSession, policy: DuplicateLogin) -> Result<Presence, AttachError> {
        let outbox = Outbox::new(self.limits(), &self.inner.high_water);
        let (name, mut client) = (who.name, Arc::new(who.client(outbox)));
        let joined = Event::new(EventKind::UserJoined { user: name });
        let mut flush_list = FlushList::default();
        let replaced = self.locked(|state| {
            let others: Vec<Arc<Client>> =
                state.queues.get(&name).map(|user| user.sessions.values().cloned().collect()).unwrap_or_default();
            match policy {
                _ if state.closing => return Err(AttachError::Closing),
                _ if state.locked_name == Some(name) || self.is_renamed(&name) => return Err(AttachError::Renamed),
                DuplicateLogin::Refuse if !others.is_empty() => return Err(AttachError::AlreadyLoggedIn(others)),
                DuplicateLogin::Replace if !others.is_empty() => {}
                _ if others.len() >= self.limits().max_sessions_per_user => {
                    return Err(AttachError::TooManySessions(others.len()));
                }
                _ if state.clients.len() >= self.limits().max_clients => return Err(AttachError::Full),
                _ => {}
            }
            // Nobody else has it yet.
            Arc::get_mut(&mut client).into_iter().for_each(|client| client.joined_at = state.last);
            state.insert(&client);
            if others.is_empty() {
                state.tell_all(&joined, Some(&name), &mut flush_list);
            }
            Ok(if policy == DuplicateLogin::Replace { others } else { Vec::new() })
        })?;
        // From here on the session leaves through this guard, whatever happens.
        let presence = Presence { hub: self.clone(), client, reason: QuitReason::Panic };
        for old in replaced {
            old.close(QuitReason::Replaced);
        }
        self.hand_to_announcer(flush_list);
        Ok(presence)
    }

    /// Asks every session of a user to end, and returns how many there were.
    pub fn disconnect(&self, name: &Name, reason: QuitReason) -> usize {
        let sessions: Vec<Arc<Client>> = self.locked(|state| {
            state.queues.get(name).map(|user| user.sessions.values().cloned().collect()).unwrap_or_default()
        });
        sessions.iter().for_each(|client| client.close(reason));
        sessions.len()
    }

    /// Asks the sessions of one device of a user to end, and returns how many there were.
    pub fn disconnect_device(&self, name: &Name, device: Device, reason: QuitReason) -> usize {
        let sessions: Vec<Arc<Client>> = self.locked(|state| {
            let all = state.queues.get(name).into_iter().flat_map(|user| user.sessions.values());
            all.filter(|client| client.device == device).cloned().collect()
        });
        sessions.iter().for_each(|client| client.close(reason));
        sessions.len()
    }

    /// Lets go of all that is kept for a user whose account is gone, his places in kept groups too. That it could not be
    /// done is in the log, too.
    ///
    /// # Errors
    /// Why that could not be done at once; it will be as soon as it can.
    pub fn forget_user(&self, user: Name) -> Result<(), StoreError> {
        let mut flush_list = FlushList::default();
        let batch = self.locked(|state| {
            state.forget_ignored(&user);
            let mut entries = Vec::new();
            state.forget(user, &mut entries, &mut flush_list);
            entries.push(Entry::Forgotten { user });
            self.inner.log.submit(entries)
        });
        let forgotten = self.commit(&batch);
        flush_list.flush_except(None);
        forgotten.inspect_err(|e| log::error!("account not forgotten user={user} error=\"{e}\""))
    }

    /// Asks every session to end, and lets nobody in from now on. Their leaving is not announced any more.
    pub fn close_all(&self, reason: QuitReason) {
        let sessions: Vec<Arc<Client>> = self.locked(|state| {
            state.closing = true;
            state.clients.values().cloned().collect()
        });
        sessions.iter().for_each(|client| client.close(reason));
    }

    /// Takes a session out: the user's last one leaves all groups that are not kept, and everybody is told. Only
    /// [`Presence`] calls this. What the store is to remember of it is then on its way there.
    fn detach(&self, client: &Client, reason: QuitReason) -> Option<Arc<Batch>> {
        let mut flush_list = FlushList::default();
        let (left, now) = (Event::new(EventKind::UserLeft { user: client.name }), SystemTime::now());
        let mut batch = None;
        // What he has been written by now is what he has been written, also for the store.
        client.port.conclude(client, &mut || {
            batch = self.locked(|state| {
                let mut entries = Vec::new();
                let removed = state.remove(client, &mut entries);
                *state.counts.closed.entry(reason.as_str()).or_default() += 1;
                if removed.user && !state.closing {
                    state.tell_all(&left, None, &mut flush_list);
                    state.tell_parted(client.name, removed.left, &mut flush_list);
                }
                self.submit_departure(state, client, entries, now)
            });
        });
        self.hand_to_announcer(flush_list);
        batch
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
        // Who waits for the name need not wait for the store as well.
        self.client.departure.conclude();
        if let Some(batch) = batch {
            // If it cannot be stored now, it will be as soon as it can.
            let _ = self.hub.commit(&batch);
        }
        log::info!("logout user={} reason=\"{}\" {}", self.client.name, self.reason, Peer(self.client.peer));
    }
}

/// Where nobody listens: what a caller is told he takes out of his outbox himself.
struct NoConnection;

impl ConnectionHandle for NoConnection {
    fn flush(&self, _: &Arc<Client>, _: bool) {}

    fn conclude(&self, _: &Client, work: &mut dyn FnMut()) {
        work();
    }

    fn close(&self, _: QuitReason) {}
}

impl Hub {
    /// Somebody to ask and say things as, for one moment: he is in no list and hears nothing of others.
    pub fn detached_client(&self, name: Name, device: Device, peer: SocketAddr) -> Arc<Client> {
        let outbox = Outbox::new(self.limits(), &self.inner.high_water);
        outbox.release();
        Arc::new(Client {
            // Sessions count from 1.
            id: ClientId(0),
            name,
            device,
            peer,
            since: SystemTime::now(),
            last_activity: Mutex::new(Instant::now()),
            outbox,
            joined_at: MessageId::default(),
            position: DeliveryPosition::default(),
            receipts: AtomicBool::new(false),
            typing: AtomicBool::new(false),
            port: Arc::new(NoConnection),
            departure: DepartureSignal::default(),
        })
    }
}

impl Hub {
    /// Starts the thread that writes out who came and left, for as long as there is this hub. A second call changes nothing.
    ///
    /// # Errors
    /// What the system says when it gives no thread; then everybody writes that out himself.
    pub fn start_announcer(&self) -> io::Result<()> {
        let (to_announcer, announcements) = unbounded();
        let started = thread::start("announcer", CLIENT_STACK, move || announce_all(&announcements));
        started.map(|_| drop(self.inner.announcer.set(to_announcer)))
    }

    /// Has it written out that somebody came or left. It is queued already, so whatever else is written to somebody comes
    /// after it.
    pub(super) fn hand_to_announcer(&self, mut flush_list: FlushList) {
        match self.inner.announcer.get() {
            _ if flush_list.is_empty() => {}
            // Whose outbox is crowded has to be written to before anybody goes on, or it would overflow.
            Some(announcer) if !flush_list.is_crowded() => drop(announcer.send(flush_list)),
            _ => flush_list.flush_except(None),
        }
    }
}

/// Writes out what is announced, and rests after each time: what gathers meanwhile lies in outboxes that are noted already.
fn announce_all(announcements: &Receiver<FlushList>) {
    while let Ok(mut flush_list) = announcements.recv() {
        flush_list.flush_except(None);
        announcements.try_iter().for_each(|mut flush_list| flush_list.flush_except(None));
        sleep(ANNOUNCE_PACE);
    }
}

impl Hub {
    /// Whether a user is here.
    pub fn is_here(&self, name: &Name) -> bool {
        self.locked(|state| state.queues.contains_key(name))
    }

    /// The oldest session of a user who is here; a guest has no other.
    pub fn oldest_session(&self, name: &Name) -> Option<ClientId> {
        self.locked(|state| state.queues.get(name).and_then(|user| user.sessions.keys().next().copied()))
    }

    /// Everybody who is here, in alphabetical order.
    pub fn online_users(&self) -> Vec<NameAndNote> {
        self.locked(|state| state.queues.iter().map(|(name, user)| (*name, user.away.clone())).collect())
    }

    /// Says why a user is away, or that he is back; all his sessions are told.
    pub fn set_away(&self, me: &Client, away: Option<Arc<str>>, flush_list: &mut FlushList) {
        self.locked(|state| {
            if let Some(user) = state.queues.get_mut(&me.name) {
                user.away.clone_from(&away);
            }
            state.tell_user(&me.name, &Event::new(EventKind::YouAreAway { away }), flush_list);
        });
    }

    /// What is known of a user, as far as it concerns who asks.
    pub fn profile(&self, me: &Client, name: Name) -> Profile {
        let (sessions, mut profile) = self.locked(|state| {
            let (mine, his) = (state.memberships.get(&me.name), state.memberships.get(&name));
            let sessions = state.queues.get(&name).map(|user| user.sessions.clone()).unwrap_or_default();
            let online = state.queues.get(&name).map(|user| Online {
                since: user.since.unwrap_or(SystemTime::UNIX_EPOCH),
                idle: Duration::ZERO,
                away: user.away.clone(),
                shared: mine.zip(his).map_or_else(Vec::new, |(mine, his)| his.intersection(mine).copied().collect()),
            });
            (sessions, Profile { name, online, last_seen: None })
        });
        // Each session has its own small lock for this, which nobody should wait for under the central one.
        if let Some(online) = &mut profile.online {
            online.idle = sessions.values().map(|session| session.idle()).min().unwrap_or_default();
        }
        if profile.online.is_none() {
            // That he left was told to everybody while it was still on its way into the store.
            self.await_log();
            // When it was is worth an answer; that the store does not say is not worth an error.
            profile.last_seen = self.store().last_seen(&name).unwrap_or_default();
        }
        profile
    }

    /// How many sessions are logged in.
    pub fn session_count(&self) -> usize {
        self.locked(|state| state.clients.len())
    }

    /// How many sessions a user has, and the groups he is in.
    pub fn sessions_and_groups(&self, name: &Name) -> (usize, Vec<Name>) {
        self.locked(|state| {
            let sessions = state.queues.get(name).map_or(0, |user| user.sessions.len());
            (sessions, state.memberships.get(name).into_iter().flatten().copied().collect())
        })
    }

    /// Whom the asker answers when he names nobody.
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

    /// Tells those who want to know that somebody is typing there, where [`Hub::check`] lets him say something: no more
    /// often than once in [`TYPING_PACE`], and only whom nothing else waits for.
    pub fn typing(&self, me: &Client, scope: Scope, now: Instant, flush_list: &mut FlushList) {
        self.locked(|state| {
            let user = state.queues.get_mut(&me.name);
            if user.is_some_and(|user| user.typed.may_tell(scope, now)) {
                state.tell_typing(me, scope, flush_list);
            }
        });
    }

    /// From now on the asker hears nothing of this user.
    ///
    /// # Errors
    /// [`UserError::CannotIgnoreSelf`], [`UserError::TooManyIgnored`], and [`UserError::NotStoredYet`], in spite of which
    /// it is so.
    pub fn ignore(&self, me: &Client, whom: Name) -> Result<(), UserError> {
        if whom == me.name {
            return Err(UserError::CannotIgnoreSelf);
        }
        self.change_ignored(me, whom, true, |ignored, whom| {
            let set = ignored.whom.get(&me.name);
            if set.is_some_and(|set| set.len() >= IGNORED_PER_USER && !set.contains(&whom)) {
                return Err(UserError::TooManyIgnored(IGNORED_PER_USER));
            }
            ignored.add(me.name, whom);
            Ok(whom)
        })?;
        Ok(())
    }

    /// From now on the asker hears this user again; answers with his name.
    ///
    /// # Errors
    /// [`UserError::NotIgnored`], and [`UserError::NotStoredYet`], in spite of which it is so.
    pub fn unignore(&self, me: &Client, whom: Name) -> Result<Name, UserError> {
        self.change_ignored(me, whom, false, |ignored, whom| {
            ignored.remove(&me.name, &whom).ok_or(UserError::NotIgnored(whom))
        })
    }

    /// Changes it here at once, and in the store in the same order. Guests come and go, and nothing is stored about them.
    fn change_ignored(
        &self,
        me: &Client,
        whom: Name,
        ignored: bool,
        change: impl FnOnce(&mut IgnoreLists, Name) -> Result<Name, UserError>,
    ) -> Result<Name, UserError> {
        let stored = !me.name.is_guest() && !whom.is_guest();
        let (whom, batch) = self.locked(|state| {
            let whom = change(&mut state.ignored, self.current_name(whom))?;
            let entry = Entry::Ignored { user: me.name, whom, ignored };
            Ok::<_, UserError>((whom, stored.then(|| self.inner.log.submit([entry]))))
        })?;
        let done = batch.map_or(Ok(()), |batch| self.commit_delivered(&batch));
        done.map(|()| whom).map_err(|error| UserError::NotStoredYet(error.to_string()))
    }

    /// Whom the asker ignores, in alphabetical order.
    pub fn ignored(&self, me: &Client) -> Vec<Name> {
        self.locked(|state| state.ignored.whom.get(&me.name).into_iter().flatten().copied().collect())
    }

    /// Gives the receipts for what came for a user from those he ignores, as if he had been shown it.
    pub fn give_ignored_receipts(&self, me: &Client, messages: &[Message]) {
        self.acknowledge_missed(me.name, messages);
    }
}

impl HubState {
    fn tell_typing(&self, me: &Client, scope: Scope, flush_list: &mut FlushList) {
        let event = Event::new(EventKind::Typing { from: me.name, scope });
        let wanting = |(_, client): &(&ClientId, &Arc<Client>)| {
            let idle = client.outbox.is_empty() && !client.outbox.is_held();
            client.wants_typing() && idle && !self.is_ignoring(&client.name, &me.name)
        };
        match scope {
            Scope::User(to) => {
                let sessions = self.queues.get(&to).map(|user| &user.sessions).into_iter().flatten();
                self.counts.delivered(flush_list.push_all(sessions.filter(wanting), &event, Some(&me.name)));
            }
            Scope::Group(group) => {
                let sessions = self.audience(&group).filter(wanting);
                self.counts.delivered(flush_list.push_all(sessions, &event, Some(&me.name)));
            }
            // Nobody types to everybody.
            Scope::Everybody => {}
        }
    }

    /// Remembers who wrote to a user while he was away, unless somebody has written to him since.
    pub(super) fn note_missed_contact(&mut self, me: &Client, missed: &[Message]) {
        let private = |message: &&Message| message.said.scope == Scope::User(me.name);
        let last = missed.iter().rev().find(private).map(|message| message.said.from);
        if let Some(user) = self.queues.get_mut(&me.name) {
            user.reply.from.set(user.reply.from.get().or(last));
        }
    }
}
