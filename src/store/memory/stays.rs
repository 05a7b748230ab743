//! When each member was in a group, as [`MemoryStore`](crate::store::MemoryStore) keeps it.

use std::collections::BTreeMap;

use super::rename::rekey;
use crate::model::{MessageId, Name};

/// When and what each member may see of a group: the stays of a user, in order.
#[derive(Default)]
pub(super) struct Stays(BTreeMap<(Name, Name), Vec<Stay>>);

/// One stay in a group: what comes after `after` is seen, up to `upto` once the user has left.
struct Stay {
    after: MessageId,
    upto: Option<MessageId>,
}

impl Stays {
    /// Begins a stay, unless one goes on.
    pub(super) fn enter(&mut self, user: Name, group: Name, after: MessageId) {
        let stays = self.0.entry((user, group)).or_default();
        match stays.last_mut() {
            // Nothing was said since he left: it is one stay.
            Some(stay) if stay.upto == Some(after) => stay.upto = None,
            Some(Stay { upto: None, .. }) => {}
            _ => stays.push(Stay { after, upto: None }),
        }
    }

    /// Ends the stays of a user in these groups.
    pub(super) fn leave(&mut self, user: &Name, upto: MessageId, left: impl Fn(&Name) -> bool) {
        self.0.retain(|(of, group), stays| {
            if of == user && left(group) {
                if let Some(stay) = stays.last_mut() {
                    stay.upto.get_or_insert(upto);
                }
                // Of a stay in which nothing was said there is nothing to see.
                stays.pop_if(|stay| stay.upto.is_some_and(|upto| stay.after >= upto));
            }
            !stays.is_empty()
        });
    }

    /// Whether he was in the group when this was said.
    pub(super) fn cover(&self, user: &Name, group: Name, id: MessageId) -> bool {
        self.0
            .get(&(*user, group))
            .is_some_and(|stays| stays.iter().any(|stay| stay.after < id && stay.upto.is_none_or(|upto| id <= upto)))
    }

    /// Takes away all of a user.
    pub(super) fn forget(&mut self, user: &Name) {
        self.0.retain(|(name, _), _| name != user);
    }

    /// Whether he was ever in a group.
    pub(super) fn knows(&self, user: &Name) -> bool {
        self.0.keys().any(|(name, _)| name == user)
    }

    /// Gives users the names that they have now.
    pub(super) fn rename(&mut self, now: impl Fn(Name) -> Name) {
        rekey(&mut self.0, |(user, group)| (now(user), group));
    }

    /// Takes away those that ended before this message.
    pub(super) fn forget_before(&mut self, oldest: MessageId) {
        self.0.retain(|_, stays| {
            stays.retain(|stay| stay.upto.is_none_or(|upto| upto >= oldest));
            !stays.is_empty()
        });
    }

    #[cfg(test)]
    pub(super) fn count(&self) -> usize {
        self.0.values().map(Vec::len).sum()
    }
}
