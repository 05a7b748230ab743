//! What a session can do in the hub. Each verb checks and changes in one section of the central lock.

use std::ops::Bound;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::Hub;
use super::client::{Client, ClientId};
use super::log::Batch;
use super::state::State;
use super::touched::Touched;
use crate::model::limits::ROSTER_PAGE;
use crate::model::{Event, EventKind, Listed, Name, Online, Profile, Roster, UserError};
use crate::store::Entry;

impl Hub {
    /// Makes a group with the asker as its first member.
    ///
    /// # Errors
    /// [`UserError::GroupExists`], [`UserError::TooManyGroups`] and [`UserError::TooManyMemberships`].
    pub fn create(&self, me: &Client, group: Name, touched: &mut Touched) -> Result<(), UserError> {
        let batch = self.locked(|state| {
            if let Ok((shown, _)) = state.group(&group) {
                return Err(UserError::GroupExists(shown));
            }
            if state.groups.len() >= self.limits().groups {
                return Err(UserError::TooManyGroups(self.limits().groups));
            }
            self.check_memberships(state, me)?;
            state.add_member(group, &me.name);
            state.tell_user(&me.name, &Event::new(EventKind::GroupCreated { group }), touched);
            Ok(self.submit_entered(state, me, group))
        })?;
        self.commit_change(batch);
        Ok(())
    }

    /// Joins a group; its members are told.
    ///
    /// # Errors
    /// [`UserError::NoSuchGroup`], [`UserError::AlreadyMember`] and [`UserError::TooManyMemberships`].
    pub fn join(&self, me: &Client, group: &Name, touched: &mut Touched) -> Result<(), UserError> {
        let batch = self.locked(|state| {
            let (group, entry) = state.group(group)?;
            if entry.members.contains(&me.name) {
                return Err(UserError::AlreadyMember(group));
            }
            self.check_memberships(state, me)?;
            state.add_member(group, &me.name);
            let joined = Event::new(EventKind::MemberJoined { group, user: me.name });
            state.tell_group(&group, &joined, Some(&me.name), touched);
            state.tell_user(&me.name, &Event::new(EventKind::YouJoined { group }), touched);
            Ok(self.submit_entered(state, me, group))
        })?;
        self.commit_change(batch);
        Ok(())
    }

    /// Leaves a group; the members who stay are told, and an empty group is gone.
    ///
    /// # Errors
    /// [`UserError::NoSuchGroup`] and [`UserError::NotMember`].
    pub fn leave(&self, me: &Client, group: &Name, touched: &mut Touched) -> Result<(), UserError> {
        let batch = self.locked(|state| {
            let group = state.group_of(&me.name, group)?;
            let gone = state.remove_member(&group, &me.name);
            let left = Event::new(EventKind::MemberLeft { group, user: me.name });
            state.tell_group(&group, &left, None, touched);
            state.tell_user(&me.name, &Event::new(EventKind::YouLeft { group, gone }), touched);
            let left = Entry::Left { user: me.name, group: Some(group), upto: state.last };
            Ok((!me.name.is_guest()).then(|| self.inner.log.submit([left], None)))
        })?;
        self.commit_change(batch);
        Ok(())
    }

    /// From here on, under the lock, what is said in the group is for its new member too.
    fn submit_entered(&self, state: &State, me: &Client, group: Name) -> Option<Arc<Batch>> {
        let entered = Entry::Entered { user: me.name, group, after: state.last };
        (!me.name.is_guest()).then(|| self.inner.log.submit([entered], None))
    }

    /// Waits for a change that was made already; if the store does not work, it is stored later.
    fn commit_change(&self, batch: Option<Arc<Batch>>) {
        if let Some(batch) = batch {
            let _ = self.commit_record(&batch);
        }
    }

    fn check_memberships(&self, state: &State, me: &Client) -> Result<(), UserError> {
        let max = self.limits().memberships;
        match state.queues.get(&me.name) {
            Some(user) if user.groups.len() >= max => Err(UserError::TooManyMemberships(max)),
            _ => Ok(()),
        }
    }

    /// The group of this name as it was made, if the asker is a member.
    ///
    /// # Errors
    /// [`UserError::NoSuchGroup`] and [`UserError::NotMember`].
    pub fn membership(&self, me: &Client, group: &Name) -> Result<Name, UserError> {
        self.locked(|state| state.group_of(&me.name, group))
    }

    /// Whether a user is here.
    pub fn is_here(&self, name: &Name) -> bool {
        self.locked(|state| state.queues.contains_key(name))
    }

    /// The oldest session of a user who is here; a guest has no other.
    pub fn session_of(&self, name: &Name) -> Option<ClientId> {
        self.locked(|state| state.queues.get(name).and_then(|user| user.sessions.keys().next().copied()))
    }

    /// Everybody who is here, in alphabetical order.
    pub fn who(&self) -> Vec<Listed> {
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
            let mine = state.queues.get(&me.name).map(|user| &user.groups);
            let sessions = state.queues.get(&name).map(|user| user.sessions.clone()).unwrap_or_default();
            let online = state.queues.get(&name).map(|user| Online {
                since: user.since.unwrap_or(SystemTime::UNIX_EPOCH),
                idle: Duration::ZERO,
                away: user.away.clone(),
                shared: mine.map_or_else(Vec::new, |mine| user.groups.intersection(mine).copied().collect()),
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
        self.locked(|state| match state.queues.get(name) {
            Some(user) => (user.sessions.len(), user.groups.iter().copied().collect()),
            None => (0, Vec::new()),
        })
    }

    /// All groups, in alphabetical order.
    pub fn groups(&self) -> Vec<Name> {
        self.locked(|state| state.groups.keys().copied().collect())
    }

    /// The groups that follow `after` in the alphabet with their members, as many as make one page: a long list costs
    /// many short sections of the lock, not one long one. An empty page ends the list.
    pub fn rosters(&self, after: Option<&Name>) -> Vec<Roster> {
        let from = after.map_or(Bound::Unbounded, |name| Bound::Excluded(*name));
        self.locked(|state| {
            let (mut page, mut names) = (Vec::new(), 0);
            for (name, group) in state.groups.range((from, Bound::Unbounded)) {
                names += 1 + group.members.len();
                page.push((*name, group.members.iter().copied().collect()));
                if names >= ROSTER_PAGE {
                    break;
                }
            }
            page
        })
    }
}
