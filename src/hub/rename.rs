//! Renaming a user: everything the hub knows about them changes in the one section of the lock that tells the store.
//!
//! Their sessions end before that, and until it is done nobody comes in under the old name ([`NameLock`]). Messages to
//! the old name that are still on their way then go to the new one.

use std::sync::Arc;
use std::time::Instant;

use super::apply::StateChange;
use super::moderation;
use super::outbox::FlushList;
use super::state::{Audience, Hub, HubState};
use crate::model::{Event, EventKind, Name, QuitReason};
use crate::store::{Entry, StoreError};

/// Nobody comes in under a name until this is dropped. There is one at a time.
pub struct NameLock {
    hub: Hub,
    /// How many sessions ended for it.
    pub sessions: usize,
}

impl Drop for NameLock {
    fn drop(&mut self) {
        self.hub.locked(|state| state.locked_name = None);
    }
}

impl Hub {
    /// Ends all sessions of a user, who is told their new name and why, and keeps the user out until the answer is
    /// dropped. Returns when all sessions have left, or `None` at the deadline.
    pub fn lock_name(&self, user: Name, to: Name, why: &str, deadline: Instant) -> Option<NameLock> {
        let sessions = self.locked(|state| {
            state.locked_name = Some(user);
            state.sessions_of(&user)
        });
        let lock = NameLock { hub: self.clone(), sessions: sessions.len() };
        moderation::end(&sessions, QuitReason::Renamed(to), why);
        sessions.iter().all(|session| session.is_detached_by(deadline)).then_some(lock)
    }

    /// Whether a user is kept out because they are about to be renamed.
    pub fn is_name_locked(&self, user: &Name) -> bool {
        self.locked(|state| state.locked_name == Some(*user))
    }

    /// Gives a user, who is offline and kept out, another name, about which nothing is known.
    ///
    /// # Errors
    /// Why that could not be stored; [`Hub::undo_rename`] has to follow then.
    pub fn rename(&self, from: Name, to: Name) -> Result<(), StoreError> {
        let batch = self.locked(|state| {
            let entries = state.rename_user(from, to);
            // Held until the entry is submitted: a message to the old name must not come after it.
            let mut renamed = self.inner.renamed.write();
            renamed.insert(from, to);
            self.inner.log.submit(entries)
        });
        self.rename_elsewhere(&from, to);
        self.commit(&batch)
    }

    /// Makes a rename as if it had never been. If that cannot be stored now, it is stored behind the rename itself.
    pub fn undo_rename(&self, from: Name, to: Name) {
        let batch = self.locked(|state| {
            let mut entries = state.rename_user(to, from);
            entries.push(Entry::RenameSettled { from: to, to: from });
            entries.push(Entry::RenameSettled { from, to });
            let mut renamed = self.inner.renamed.write();
            renamed.take_back(from, to);
            self.inner.log.submit(entries)
        });
        self.rename_elsewhere(&to, from);
        // It is kept until it can be stored, and the failure is logged there.
        let _ = self.commit(&batch);
    }

    /// Notes that the users file has the new name. If that cannot be stored now, it will be as soon as possible.
    pub fn confirm_rename(&self, from: Name, to: Name) {
        let _ = self.record(vec![Entry::RenameSettled { from, to }]);
    }

    /// Renames the user in data that is not under the central lock. Nobody sees that while the user is kept out.
    fn rename_elsewhere(&self, from: &Name, to: Name) {
        self.inner.sanctions.write().rename(from, to);
        self.inner.receipts.lock().iter_mut().for_each(|receipt| receipt.rename(from, to));
    }

    /// Tells everybody who shares a persistent group with a user, once, that they have another name.
    pub fn tell_renamed(&self, from: Name, to: Name) {
        let (event, mut flush_list) = (Event::new(EventKind::Renamed { from, to }), FlushList::default());
        self.locked(|state| {
            let groups = state.memberships.get(&to).into_iter().flatten().filter_map(|name| state.groups.get(name));
            let audiences = groups.flat_map(|group| &group.audience);
            let all: Audience = audiences.map(|(id, client)| (*id, Arc::clone(client))).collect();
            state.counts.delivered(flush_list.push_all(&all, &event, Some(&to)));
        });
        flush_list.flush_except(None);
    }

    /// Whether a user had this name before and has another one now.
    pub fn is_renamed(&self, name: &Name) -> bool {
        self.inner.renamed.read().contains(name)
    }

    /// Forgets old names for which this does not hold: somebody else may have them by now.
    pub fn retain_renamed(&self, is_unused: impl Fn(&Name) -> bool) {
        self.inner.renamed.write().retain(is_unused);
    }

    /// The present name of a user.
    pub(super) fn current_name(&self, name: Name) -> Name {
        self.inner.renamed.read().current(name)
    }

    /// Whether anything is known under this name that a user who got the name would take over.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn knows(&self, name: &Name) -> Result<bool, StoreError> {
        Ok(self.locked(|state| state.knows(name)) || self.store().knows(name)?)
    }
}

impl HubState {
    fn rename_user(&mut self, from: Name, to: Name) -> Vec<Entry> {
        self.apply_all(vec![StateChange::UserRenamed { from, to }], &mut FlushList::default())
    }

    fn knows(&self, name: &Name) -> bool {
        self.queues.contains_key(name) || self.memberships.contains_key(name) || self.ignored.knows(name)
    }
}
