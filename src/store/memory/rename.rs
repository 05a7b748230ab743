//! A user under another name, as [`MemoryStore`](crate::store::MemoryStore) keeps it.
//!
//! Names that differ in their letters' case alone are equal, so what is kept under a name is taken out before it is put
//! in under the other one.

use std::collections::{BTreeMap, BTreeSet};

use super::Inner;
use crate::model::{Message, Name, Scope};

impl Inner {
    /// Whether anything is kept under this name.
    pub(super) fn knows(&self, name: &Name) -> bool {
        let Inner { messages, stays, cleared, readers, ignored, tokens, orders, kept, .. } = self;
        let about = Some(Scope::User(*name));
        messages.iter().any(|Message { said, .. }| said.from == *name || Some(said.scope) == about)
            || cleared.keys().any(|(user, scope)| user == name || (*scope == about && !user.is_guest()))
            || readers.keys().any(|(user, _)| user == name)
            || ignored.iter().any(|(user, whom)| user == name || whom == name)
            || tokens.keys().any(|(user, _)| user == name)
            || stays.knows(name)
            || orders.knows(name)
            || kept.knows(name)
    }

    pub(super) fn rename(&mut self, from: Name, to: Name) {
        let now = |name: Name| if name == from { to } else { name };
        let scope_now = |scope| if let Scope::User(user) = scope { Scope::User(now(user)) } else { scope };
        for Message { said, .. } in &mut self.messages {
            (said.from, said.scope) = (now(said.from), scope_now(said.scope));
        }
        rekey(&mut self.cleared, |(user, scope)| (now(user), scope.map(scope_now)));
        rekey(&mut self.readers, |(user, device)| (now(user), device));
        rekey(&mut self.tokens, |(user, name)| (now(user), name));
        self.tokens.values_mut().for_each(|token| token.user = now(token.user));
        let pairs: Vec<_> = std::mem::take(&mut self.ignored).into_iter().collect();
        self.ignored = pairs.into_iter().map(|(user, whom)| (now(user), now(whom))).collect::<BTreeSet<_>>();
        self.stays.rename(now);
        self.orders.rename(&from, to);
        self.kept.rename(now);
        self.settle(from, to);
        self.renamings.push((from, to));
    }

    pub(super) fn settle(&mut self, from: Name, to: Name) {
        let same = |one: Name, other: Name| one.as_str() == other.as_str();
        self.renamings.retain(|(was, now)| !(same(*was, from) && same(*now, to)));
    }
}

/// Puts everything under its new key.
pub(super) fn rekey<K: Ord, V>(map: &mut BTreeMap<K, V>, mut key: impl FnMut(K) -> K) {
    let all: Vec<(K, V)> = std::mem::take(map).into_iter().collect();
    map.extend(all.into_iter().map(|(old, value)| (key(old), value)));
}
