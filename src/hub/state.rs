//! The client, group and queue maps and what always holds between them. Pure: no lock, no thread, no clock.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::SystemTime;

use super::client::{Client, ClientId};
use super::group::Group;
use super::ignore::Ignored;
use super::log::Batch;
use super::reply::Touch;
use super::stats::Counts;
use super::touched::Touched;
use super::typing::Typed;
use crate::model::{Event, MessageId, Name};
use crate::store::Entry;

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
    /// The groups of each user; of kept ones also while he is not here.
    pub(super) memberships: BTreeMap<Name, BTreeSet<Name>>,
    /// The last message of the log that was delivered.
    pub(super) last: MessageId,
    /// The last batch that tells the store of somebody who left or fell behind.
    pub(super) places: Option<Arc<Batch>>,
    /// Set once, when the server stops: nobody comes in, and leaving is not announced.
    pub(super) closing: bool,
    /// Under this name nobody comes in just now.
    pub(super) shut: Option<Name>,
    pub(super) counts: Counts,
}

/// A user who is here.
#[derive(Default)]
pub(super) struct User {
    pub(super) sessions: Audience,
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
    /// The groups that he has left by that, with who owns them now where that is somebody else.
    pub(super) left: Vec<(Name, Option<Name>)>,
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
        for name in self.memberships.get(&client.name).into_iter().flatten() {
            if let Some(group) = self.groups.get_mut(name) {
                group.audience.insert(client.id, Arc::clone(client));
            }
        }
    }

    /// Takes a session out; with the last one of a user he leaves all his groups that are not kept. Says what that ended,
    /// and what is to be stored of it.
    pub(super) fn remove(&mut self, client: &Client, entries: &mut Vec<Entry>) -> Removed {
        if self.clients.remove(&client.id).is_none() {
            return Removed::default();
        }
        let Some(user) = self.queues.get_mut(&client.name) else { return Removed::default() };
        user.sessions.remove(&client.id);
        let last = user.sessions.is_empty();
        let mut leaves = Vec::new();
        for name in self.memberships.get(&client.name).into_iter().flatten() {
            let Some(group) = self.groups.get_mut(name) else { continue };
            group.audience.remove(&client.id);
            if last && !group.keeps(&client.name) {
                leaves.push(*name);
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
        Removed { user: last, left: self.leave_all(&client.name, leaves, entries) }
    }

    /// Takes a user out of these groups at once.
    fn leave_all(&mut self, user: &Name, groups: Vec<Name>, entries: &mut Vec<Entry>) -> Vec<(Name, Option<Name>)> {
        let recorded = |name| self.groups.get(name).is_some_and(|group: &Group| group.is_recorded(user));
        if groups.iter().any(recorded) {
            // One word for all of them, which says nothing of those that are kept.
            entries.push(Entry::Left { user: *user, group: None, upto: self.last });
        }
        let mut ended = Vec::new();
        let each = groups.into_iter().map(|name| (name, self.remove_member(&name, user, &mut ended).heir));
        let left = each.collect();
        entries.extend(ended.into_iter().filter(|entry| !matches!(entry, Entry::Left { .. })));
        left
    }
}
