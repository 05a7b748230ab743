//! Coming and going. A session is here for as long as it holds its `Presence`; dropping that is the one way to leave.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Instant, SystemTime};

use parking_lot::Mutex;

use super::Hub;
use super::client::{Client, ClientId, Departure, Port};
use super::log::Batch;
use super::outbox::Outbox;
use super::reading::Reading;
use super::touched::Touched;
use crate::model::{DuplicateLogin, Event, EventKind, MessageId, Name, Peer, QuitReason};
use crate::store::{Device, Entry, StoreError};

/// Who wants to be registered.
pub struct Registration {
    /// The number of the session.
    pub id: ClientId,
    /// The user, as registered.
    pub name: Name,
    /// From where he is connected.
    pub peer: SocketAddr,
    /// How he is reached.
    pub port: Arc<dyn Port>,
    /// Which of his devices this is.
    pub device: Device,
}

/// Why a session was not let in.
pub enum RegisterError {
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

impl Registration {
    fn client(&self, outbox: Outbox) -> Client {
        Client {
            id: self.id,
            name: self.name,
            device: self.device,
            peer: self.peer,
            since: SystemTime::now(),
            heard: Mutex::new(Instant::now()),
            outbox,
            port: Arc::clone(&self.port),
            departure: Departure::default(),
            joined_at: MessageId::default(),
            reading: Reading::default(),
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
    /// [`RegisterError`]; nothing has changed then.
    pub fn register(&self, who: &Registration, policy: DuplicateLogin) -> Result<Presence, RegisterError> {
        let outbox = Outbox::new(self.limits(), &self.inner.high_water);
        let (name, mut client) = (who.name, Arc::new(who.client(outbox)));
        let joined = Event::new(EventKind::UserJoined { user: name });
        let mut touched = Touched::default();
        let replaced = self.locked(|state| {
            let others: Vec<Arc<Client>> =
                state.queues.get(&name).map(|user| user.sessions.values().cloned().collect()).unwrap_or_default();
            match policy {
                _ if state.closing => return Err(RegisterError::Closing),
                _ if state.shut == Some(name) || self.is_renamed(&name) => return Err(RegisterError::Renamed),
                DuplicateLogin::Refuse if !others.is_empty() => return Err(RegisterError::AlreadyLoggedIn(others)),
                DuplicateLogin::Replace if !others.is_empty() => {}
                _ if others.len() >= self.limits().max_sessions_per_user => {
                    return Err(RegisterError::TooManySessions(others.len()));
                }
                _ if state.clients.len() >= self.limits().max_clients => return Err(RegisterError::Full),
                _ => {}
            }
            // Nobody else has it yet.
            Arc::get_mut(&mut client).into_iter().for_each(|client| client.joined_at = state.last);
            state.insert(&client);
            if others.is_empty() {
                state.tell_all(&joined, Some(&name), &mut touched);
            }
            Ok(if policy == DuplicateLogin::Replace { others } else { Vec::new() })
        })?;
        // From here on the session leaves through this guard, whatever happens.
        let presence = Presence { hub: self.clone(), client, reason: QuitReason::Panic };
        for old in replaced {
            old.close(QuitReason::Replaced);
        }
        self.announce(touched);
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
    pub fn forget(&self, user: Name) -> Result<(), StoreError> {
        let mut touched = Touched::default();
        let batch = self.locked(|state| {
            state.forget_ignored(&user);
            let mut entries = Vec::new();
            state.forget(user, &mut entries, &mut touched);
            entries.push(Entry::Forgotten { user });
            self.inner.log.submit(entries)
        });
        let forgotten = self.commit_record(&batch);
        touched.settle(None);
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
    fn depart(&self, client: &Client, reason: QuitReason) -> Option<Arc<Batch>> {
        let mut touched = Touched::default();
        let (left, now) = (Event::new(EventKind::UserLeft { user: client.name }), SystemTime::now());
        let mut batch = None;
        // What he has been written by now is what he has been written, also for the store.
        client.port.conclude(client, &mut || {
            batch = self.locked(|state| {
                let mut entries = Vec::new();
                let removed = state.remove(client, &mut entries);
                *state.counts.closed.entry(reason.as_str()).or_default() += 1;
                if removed.user && !state.closing {
                    state.tell_all(&left, None, &mut touched);
                    state.tell_parted(client.name, removed.left, &mut touched);
                }
                self.submit_departure(state, client, entries, now)
            });
        });
        self.announce(touched);
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
        let batch = self.hub.depart(&self.client, self.reason);
        // Who waits for the name need not wait for the store as well.
        self.client.departure.conclude();
        if let Some(batch) = batch {
            // If it cannot be stored now, it will be as soon as it can.
            let _ = self.hub.commit_record(&batch);
        }
        log::info!("logout user={} reason=\"{}\" {}", self.client.name, self.reason, Peer(self.client.peer));
    }
}
