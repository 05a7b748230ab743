//! What a session can do in the hub. Each verb checks and changes in one section of the central lock.

use std::ops::Bound;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::Hub;
use super::client::Client;
use super::touched::Touched;
use crate::model::limits::ROSTER_PAGE;
use crate::model::{EventKind, Listed, Name, Online, Profile, Roster, UserError};

impl Hub {
    /// Says something privately to every session of `to`; the speaker's own sessions get the echo, after it, and are
    /// told when `to` is away.
    ///
    /// # Errors
    /// [`UserError::NotOnline`] when `to` is not here.
    pub fn whisper(&self, me: &Client, to: &Name, text: String, touched: &mut Touched) -> Result<(), UserError> {
        let message = EventKind::Whisper { from: me.name, text: text.clone() };
        self.locked(|state| {
            let (&to, user) = state.queues.get_key_value(to).ok_or(UserError::NotOnline(*to))?;
            let away = user.away.clone();
            state.tell_user(&to, message, touched);
            state.tell_user(&me.name, EventKind::WhisperSent { to, text }, touched);
            if let Some(away) = away {
                state.tell_user(&me.name, EventKind::UserIsAway { user: to, away }, touched);
            }
            Ok(())
        })
    }

    /// Says something to everybody logged in, the speaker included, and returns to how many sessions.
    pub fn broadcast(&self, me: &Client, text: String, touched: &mut Touched) -> usize {
        let message = EventKind::Broadcast { from: me.name, text };
        self.locked(|state| {
            state.tell_all(message, None, touched);
            state.clients.len()
        })
    }

    /// Says something in a group, to all members, the speaker included.
    ///
    /// # Errors
    /// [`UserError::NoSuchGroup`] and [`UserError::NotMember`].
    pub fn post(&self, me: &Client, group: &Name, text: String, touched: &mut Touched) -> Result<(), UserError> {
        let shown = |group: Name| EventKind::GroupMessage { group, from: me.name, text };
        self.locked(|state| {
            let group = state.group_of(&me.name, group)?;
            state.tell_group(&group, shown(group), None, touched);
            Ok(())
        })
    }

    /// Makes a group with the asker as its first member.
    ///
    /// # Errors
    /// [`UserError::GroupExists`], [`UserError::TooManyGroups`] and [`UserError::TooManyMemberships`].
    pub fn create(&self, me: &Client, group: Name, touched: &mut Touched) -> Result<(), UserError> {
        self.locked(|state| {
            if let Ok((shown, _)) = state.group(&group) {
                return Err(UserError::GroupExists(shown));
            }
            if state.groups.len() >= self.limits().groups {
                return Err(UserError::TooManyGroups(self.limits().groups));
            }
            self.check_memberships(state, me)?;
            state.add_member(group, &me.name);
            state.tell_user(&me.name, EventKind::GroupCreated { group }, touched);
            Ok(())
        })
    }

    /// Joins a group; its members are told.
    ///
    /// # Errors
    /// [`UserError::NoSuchGroup`], [`UserError::AlreadyMember`] and [`UserError::TooManyMemberships`].
    pub fn join(&self, me: &Client, group: &Name, touched: &mut Touched) -> Result<(), UserError> {
        self.locked(|state| {
            let (group, entry) = state.group(group)?;
            if entry.members.contains(&me.name) {
                return Err(UserError::AlreadyMember(group));
            }
            self.check_memberships(state, me)?;
            state.add_member(group, &me.name);
            let joined = EventKind::MemberJoined { group, user: me.name };
            state.tell_group(&group, joined, Some(&me.name), touched);
            state.tell_user(&me.name, EventKind::YouJoined { group }, touched);
            Ok(())
        })
    }

    /// Leaves a group; the members who stay are told, and an empty group is gone.
    ///
    /// # Errors
    /// [`UserError::NoSuchGroup`] and [`UserError::NotMember`].
    pub fn leave(&self, me: &Client, group: &Name, touched: &mut Touched) -> Result<(), UserError> {
        self.locked(|state| {
            let group = state.group_of(&me.name, group)?;
            let gone = state.remove_member(&group, &me.name);
            let left = EventKind::MemberLeft { group, user: me.name };
            state.tell_group(&group, left, None, touched);
            state.tell_user(&me.name, EventKind::YouLeft { group, gone }, touched);
            Ok(())
        })
    }

    fn check_memberships(&self, state: &super::State, me: &Client) -> Result<(), UserError> {
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
            state.tell_user(&me.name, EventKind::YouAreAway { away }, touched);
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
            (sessions, Profile { name, online, last_seen: state.last_seen.get(&name).copied() })
        });
        // Each session has its own small lock for this, which nobody should wait for under the central one.
        if let Some(online) = &mut profile.online {
            online.idle = sessions.values().map(|session| session.idle()).min().unwrap_or_default();
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
