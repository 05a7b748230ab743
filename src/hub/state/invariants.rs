//! Invariants of the maps, for the tests.

use std::collections::BTreeSet;
use std::fmt::Debug;

use super::{GroupState, Hub, HubState};
use crate::model::{Name, Penalty};

fn fail(what: &str, who: &dyn Debug) -> Result<(), String> {
    Err(format!("{what}: {who:?}"))
}

impl Hub {
    /// Whether everything holds that always should, in the maps and among the sanctions; the text says what does not.
    pub fn check_invariants(&self) -> Result<(), String> {
        self.locked(|state| state.check())?;
        self.inner.sanctions.read().check()
    }
}

impl HubState {
    /// The same for the maps.
    pub(in crate::hub) fn check(&self) -> Result<(), String> {
        self.groups.iter().try_for_each(|(name, group)| {
            self.check_members(name, group)?;
            check_rules(name, group)
        })?;
        for (name, groups) in &self.memberships {
            if groups.is_empty() {
                return fail("an empty set of memberships", name);
            }
            if !groups.iter().all(|g| self.groups.get(g).is_some_and(|g| g.members.contains_key(name))) {
                return fail("a user is in a group that does not list them", name);
            }
        }
        for (name, user) in &self.queues {
            if user.since.is_none() {
                return fail("a user is online since never", name);
            }
            if user.sessions.is_empty() || !user.sessions.keys().all(|id| self.clients.contains_key(id)) {
                return fail("a user without live sessions", name);
            }
        }
        for client in self.clients.values() {
            if !self.queues.get(&client.name).is_some_and(|user| user.sessions.contains_key(&client.id)) {
                return fail("a session nobody can reach by name", &client.name);
            }
        }
        for (name, group) in &self.groups {
            let marked = group.invited.keys().chain(group.sanctions.keys().map(|(user, _)| user));
            for guest in marked.filter(|user| user.is_guest()) {
                if !self.queues.contains_key(guest) {
                    return fail("a group has something about a guest who left", guest);
                }
                if !self.guest_marks.get(guest).is_some_and(|groups| groups.contains(name)) {
                    return fail("what a group has about a guest is not noted", guest);
                }
            }
        }
        Ok(())
    }

    fn check_members(&self, name: &Name, group: &GroupState) -> Result<(), String> {
        if group.members.is_empty() {
            return fail("a group is empty", name);
        }
        let listening = group.members.keys().filter_map(|m| self.queues.get(m)).flat_map(|u| u.sessions.keys());
        if !listening.collect::<BTreeSet<_>>().into_iter().eq(group.audience.keys()) {
            return fail("a group's audience is not its members' sessions", name);
        }
        if !group.members.keys().all(|m| self.memberships.get(m).is_some_and(|groups| groups.contains(name))) {
            return fail("a membership is not mutual", name);
        }
        if !group.members.keys().all(|m| self.queues.contains_key(m) || group.keeps(m)) {
            return fail("a member of a group that is not persistent is offline", name);
        }
        Ok(())
    }
}

fn check_rules(name: &Name, group: &GroupState) -> Result<(), String> {
    let settings = &group.settings;
    if group.owners().next().is_none() && !(settings.keep && group.members.keys().all(Name::is_guest)) {
        return fail("a group has no owner", name);
    }
    if settings.limit.is_some_and(|limit| group.members.len() > limit) {
        return fail("a group has more members than its limit", name);
    }
    if settings.ephemeral && settings.keep {
        return fail("an ephemeral group is persistent", name);
    }
    if settings.room && !(settings.private && settings.ephemeral && settings.limit.is_some()) {
        return fail("a room is not private, ephemeral and limited", name);
    }
    if group.members.keys().any(|m| group.sanctions.contains_key(&(*m, Penalty::Ban))) {
        return fail("a member is banned", name);
    }
    if group.members.keys().any(|m| group.invited.contains_key(m)) {
        return fail("a member is still invited", name);
    }
    let ranks: BTreeSet<u64> = group.members.values().map(|member| member.rank).collect();
    if ranks.len() != group.members.len() {
        return fail("two members have the same rank", name);
    }
    Ok(())
}
