//! The client, group and queue maps and what always holds between them. Pure: no lock, no thread, no clock.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::SystemTime;

use super::client::{Client, ClientId};
use super::ignore::Ignored;
use super::log::Batch;
use super::reply::Touch;
use super::stats::Counts;
use super::touched::Touched;
use super::typing::Typed;
use crate::model::{Event, MessageId, Name, UserError};

/// Live sessions, in the order in which they came.
pub(super) type Audience = BTreeMap<ClientId, Arc<Client>>;

/// Everything the central lock protects.
#[derive(Default)]
pub(super) struct State {
    /// The client map: every logged-in session.
    pub(super) clients: Audience,
    /// The group map.
    pub(super) groups: BTreeMap<Name, Group>,
    /// The queue map: by user, the sessions whose outboxes take what is said to that name.
    pub(super) queues: BTreeMap<Name, User>,
    /// Who hears nothing of whom.
    pub(super) ignored: Ignored,
    /// The last message of the log that was delivered.
    pub(super) last: MessageId,
    /// The last batch that tells the store of somebody who left or fell behind.
    pub(super) places: Option<Arc<Batch>>,
    /// Set once, when the server stops: nobody comes in, and leaving is not announced.
    pub(super) closing: bool,
    pub(super) counts: Counts,
}

/// A group: who belongs to it, and which sessions hear what is said in it.
#[derive(Default)]
pub(super) struct Group {
    pub(super) members: BTreeSet<Name>,
    /// Exactly the sessions of the members; kept beside them so that a message costs no look-up per member.
    pub(super) audience: Audience,
}

/// A user who is here: his sessions and the groups he is in.
#[derive(Default)]
pub(super) struct User {
    pub(super) sessions: Audience,
    pub(super) groups: BTreeSet<Name>,
    /// When the first of his sessions began; set with it.
    pub(super) since: Option<SystemTime>,
    /// Why he is away, if he is.
    pub(super) away: Option<Arc<str>>,
    /// Whom he answers with `/reply`.
    pub(super) touch: Touch,
    /// Where he was said to be typing.
    pub(super) typed: Typed,
}

/// What ended with a session.
#[derive(Default)]
pub(super) struct Removed {
    /// Its user is not here any more.
    pub(super) user: bool,
    /// And he was in groups, which he has left.
    pub(super) memberships: bool,
}

impl State {
    /// Tells every session of one user.
    pub(super) fn tell_user(&self, name: &Name, event: &Arc<Event>, touched: &mut Touched) {
        let sessions = self.queues.get(name).map(|user| &user.sessions);
        self.counts.delivered(touched.push_all(sessions.into_iter().flatten(), event, None));
    }

    /// Tells every session of one user something of another one.
    pub(super) fn tell_user_of(&self, from: &Name, name: &Name, event: &Arc<Event>, touched: &mut Touched) {
        let sessions = self.queues.get(name).map(|user| &user.sessions);
        self.tell_of_user(from, sessions.into_iter().flatten(), event, None, touched);
    }

    /// Tells the members of one group, all but the sessions of `except`.
    pub(super) fn tell_group(&self, group: &Name, event: &Arc<Event>, except: Option<&Name>, touched: &mut Touched) {
        self.counts.delivered(touched.push_all(self.audience(group), event, except));
    }

    /// The sessions of the members of one group.
    pub(super) fn audience(&self, group: &Name) -> impl Iterator<Item = (&ClientId, &Arc<Client>)> {
        self.groups.get(group).map(|group| &group.audience).into_iter().flatten()
    }

    /// Tells everybody logged in, all but the sessions of `except`.
    pub(super) fn tell_all(&self, event: &Arc<Event>, except: Option<&Name>, touched: &mut Touched) {
        self.counts.delivered(touched.push_all(&self.clients, event, except));
    }

    /// Puts a session in. With others of its user there already it hears his groups from now on.
    pub(super) fn insert(&mut self, client: &Arc<Client>) {
        self.clients.insert(client.id, Arc::clone(client));
        let user = self.queues.entry(client.name).or_default();
        user.since.get_or_insert(client.since);
        user.sessions.insert(client.id, Arc::clone(client));
        for name in &user.groups {
            if let Some(group) = self.groups.get_mut(name) {
                group.audience.insert(client.id, Arc::clone(client));
            }
        }
    }

    /// Takes a session out; with the last one of a user he leaves all his groups. Says what that ended.
    pub(super) fn remove(&mut self, client: &Client) -> Removed {
        if self.clients.remove(&client.id).is_none() {
            return Removed::default();
        }
        let Some(user) = self.queues.get_mut(&client.name) else { return Removed::default() };
        user.sessions.remove(&client.id);
        let last = user.sessions.is_empty();
        let removed = Removed { user: last, memberships: last && !user.groups.is_empty() };
        for name in &user.groups {
            let Some(group) = self.groups.get_mut(name) else { continue };
            group.audience.remove(&client.id);
            if last {
                group.members.remove(&client.name);
            }
            if group.members.is_empty() {
                self.groups.remove(name);
            }
        }
        if last {
            self.queues.remove(&client.name);
            if client.name.is_guest() {
                // The next one of this name is somebody else.
                self.lose_touch(&client.name);
                self.forget_ignored(&client.name);
            }
        }
        removed
    }

    /// The group of this name, under the name it was made with.
    pub(super) fn group(&self, name: &Name) -> Result<(Name, &Group), UserError> {
        let (shown, group) = self.groups.get_key_value(name).ok_or_else(|| UserError::NoSuchGroup(name.to_string()))?;
        Ok((*shown, group))
    }

    /// The group of this name, which `user` has to be a member of.
    pub(super) fn group_of(&self, user: &Name, name: &Name) -> Result<Name, UserError> {
        match self.group(name)? {
            (shown, group) if group.members.contains(user) => Ok(shown),
            (shown, _) => Err(UserError::NotMember(shown)),
        }
    }

    /// Makes `user` a member of a group, which comes into being with its first one.
    pub(super) fn add_member(&mut self, group: Name, user: &Name) {
        let Some(entry) = self.queues.get_mut(user) else { return };
        entry.groups.insert(group);
        let group = self.groups.entry(group).or_default();
        group.members.insert(*user);
        group.audience.extend(entry.sessions.iter().map(|(id, client)| (*id, Arc::clone(client))));
    }

    /// Takes `user` out of a group, which vanishes with its last one. Says whether it did.
    pub(super) fn remove_member(&mut self, name: &Name, user: &Name) -> bool {
        let Some(entry) = self.queues.get_mut(user) else { return false };
        entry.groups.remove(name);
        let Some(group) = self.groups.get_mut(name) else { return false };
        group.members.remove(user);
        for id in entry.sessions.keys() {
            group.audience.remove(id);
        }
        let gone = group.members.is_empty();
        if gone {
            self.groups.remove(name);
        }
        gone
    }

    /// Whether all that should always hold does; the text says what does not.
    #[cfg(test)]
    pub(super) fn check(&self) -> Result<(), String> {
        let fail = |what: &str, who: &dyn std::fmt::Debug| Err(format!("{what}: {who:?}"));
        for (name, group) in &self.groups {
            if group.members.is_empty() {
                return fail("a group is empty", name);
            }
            let heard = group.members.iter().filter_map(|m| self.queues.get(m)).flat_map(|u| u.sessions.keys());
            if !heard.collect::<BTreeSet<_>>().into_iter().eq(group.audience.keys()) {
                return fail("a group's audience is not its members' sessions", name);
            }
            if !group.members.iter().all(|m| self.queues.get(m).is_some_and(|u| u.groups.contains(name))) {
                return fail("a membership is not mutual", name);
            }
        }
        for (name, user) in &self.queues {
            if user.since.is_none() {
                return fail("a user is here since never", name);
            }
            if user.sessions.is_empty() || !user.sessions.keys().all(|id| self.clients.contains_key(id)) {
                return fail("a user without live sessions", name);
            }
            if !user.groups.iter().all(|g| self.groups.get(g).is_some_and(|g| g.members.contains(name))) {
                return fail("a user is in a group that does not know him", name);
            }
        }
        for client in self.clients.values() {
            if !self.queues.get(&client.name).is_some_and(|user| user.sessions.contains_key(&client.id)) {
                return fail("a session nobody can reach by name", &client.name);
            }
        }
        Ok(())
    }
}
