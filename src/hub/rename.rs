//! A user under another name: all that the hub knows of him changes in the one section of the lock in which the store is
//! told of it.
//!
//! Before that his sessions have ended, and until it is done nobody comes in under his name ([`NameLock`]). What others had on
//! its way to his old name by then goes to the new one.

use std::sync::Arc;
use std::time::Instant;

use super::client::Client;
use super::moderation;
use super::outbox::FlushList;
use super::state::{Audience, Hub, HubState};
use crate::model::{Event, EventKind, Name, QuitReason};
use crate::store::{Entry, StoreError};

/// Nobody comes in under a name until this is dropped; one at a time.
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
    /// Ends all sessions of a user, who is told what he will be called and why, and keeps him from coming in again until
    /// the answer is dropped. Returns when all of them have left, or at the deadline with `None`.
    pub fn lock_name(&self, user: Name, to: Name, why: &str, deadline: Instant) -> Option<NameLock> {
        let sessions: Vec<Arc<Client>> = self.locked(|state| {
            state.locked_name = Some(user);
            state.queues.get(&user).map(|user| user.sessions.values().cloned().collect()).unwrap_or_default()
        });
        let shut = NameLock { hub: self.clone(), sessions: sessions.len() };
        moderation::end(&sessions, QuitReason::Renamed(to), why);
        sessions.iter().all(|session| session.departed_by(deadline)).then_some(shut)
    }

    /// Whether a user is being kept out because he is about to get another name.
    pub fn is_name_locked(&self, user: &Name) -> bool {
        self.locked(|state| state.locked_name == Some(*user))
    }

    /// Gives a user another name, which nothing is known of; he is not here, and is kept out.
    ///
    /// # Errors
    /// Why that could not be stored; [`Hub::undo_rename`] has to follow then.
    pub fn rename(&self, from: Name, to: Name) -> Result<(), StoreError> {
        let batch = self.locked(|state| {
            state.rename(from, to);
            let mut renamed = self.inner.renamed.write();
            renamed.insert(from, to);
            self.inner.log.submit([Entry::Renamed { from, to }])
        });
        self.rename_elsewhere(&from, to);
        self.commit(&batch)
    }

    /// Makes a rename as if it had never been. What cannot be stored of that now is stored behind the rename itself.
    pub fn undo_rename(&self, from: Name, to: Name) {
        let back = [
            Entry::Renamed { from: to, to: from },
            Entry::RenameSettled { from: to, to: from },
            Entry::RenameSettled { from, to },
        ];
        let batch = self.locked(|state| {
            state.rename(to, from);
            let mut renamed = self.inner.renamed.write();
            renamed.take_back(from, to);
            self.inner.log.submit(back)
        });
        self.rename_elsewhere(&to, from);
        // It is kept until it can be stored, and the failure is in the log.
        let _ = self.commit(&batch);
    }

    /// Says that the users file has the new name. If that cannot be stored now, it will be as soon as it can.
    pub fn confirm_rename(&self, from: Name, to: Name) {
        let _ = self.record(vec![Entry::RenameSettled { from, to }]);
    }

    /// What is not under the central lock, and concerns nobody while the user is kept out.
    fn rename_elsewhere(&self, from: &Name, to: Name) {
        self.inner.sanctions.write().rename(from, to);
        self.inner.receipts.lock().iter_mut().for_each(|receipt| receipt.rename(from, to));
    }

    /// Tells everybody who shares a kept group with a user that he is called otherwise, once.
    pub fn tell_renamed(&self, from: Name, to: Name) {
        let (event, mut flush_list) = (Event::new(EventKind::Renamed { from, to }), FlushList::default());
        self.locked(|state| {
            let groups = state.memberships.get(&to).into_iter().flatten().filter_map(|name| state.groups.get(name));
            let all: Audience =
                groups.flat_map(|group| &group.audience).map(|(id, one)| (*id, Arc::clone(one))).collect();
            state.counts.delivered(flush_list.push_all(&all, &event, Some(&to)));
        });
        flush_list.flush_except(None);
    }

    /// Whether somebody had this name who is called otherwise by now.
    pub fn is_renamed(&self, name: &Name) -> bool {
        self.inner.renamed.read().0.contains_key(name)
    }

    /// Somebody else may have a name for which this does not hold.
    pub fn retain_renamed(&self, nobodys: impl Fn(&Name) -> bool) {
        self.inner.renamed.write().0.retain(|name, _| nobodys(name));
    }

    /// What a user is called now.
    pub(super) fn current_name(&self, name: Name) -> Name {
        self.inner.renamed.read().now(name)
    }

    /// Whether anything is known of this name that would become somebody else's if he was called so.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn knows(&self, name: &Name) -> Result<bool, StoreError> {
        Ok(self.locked(|state| state.knows(name)) || self.store().knows(name)?)
    }
}

impl HubState {
    fn knows(&self, name: &Name) -> bool {
        self.queues.contains_key(name) || self.memberships.contains_key(name) || self.ignored.knows(name)
    }
}
