//! Who is here, and what is known of him.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::Hub;
use super::client::{Client, ClientId};
use super::touched::Touched;
use crate::model::{Event, EventKind, Name, NameAndNote, Online, Profile};

impl Hub {
    /// Whether a user is here.
    pub fn is_here(&self, name: &Name) -> bool {
        self.locked(|state| state.queues.contains_key(name))
    }

    /// The oldest session of a user who is here; a guest has no other.
    pub fn session_of(&self, name: &Name) -> Option<ClientId> {
        self.locked(|state| state.queues.get(name).and_then(|user| user.sessions.keys().next().copied()))
    }

    /// Everybody who is here, in alphabetical order.
    pub fn who(&self) -> Vec<NameAndNote> {
        self.locked(|state| state.queues.iter().map(|(name, user)| (*name, user.away.clone())).collect())
    }

    /// Says why a user is away, or that he is back; all his sessions are told.
    pub fn set_away(&self, me: &Client, away: Option<Arc<str>>, touched: &mut Touched) {
        self.locked(|state| {
            if let Some(user) = state.queues.get_mut(&me.name) {
                user.away.clone_from(&away);
            }
            state.tell_user(&me.name, &Event::new(EventKind::YouAreAway { away }), touched);
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
    pub fn sessions(&self) -> usize {
        self.locked(|state| state.clients.len())
    }

    /// How many sessions a user has, and the groups he is in.
    pub fn whereabouts(&self, name: &Name) -> (usize, Vec<Name>) {
        self.locked(|state| {
            let sessions = state.queues.get(name).map_or(0, |user| user.sessions.len());
            (sessions, state.memberships.get(name).into_iter().flatten().copied().collect())
        })
    }
}
