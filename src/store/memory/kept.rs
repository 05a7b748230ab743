//! Kept groups of the store in memory.

use std::collections::BTreeMap;

use super::rename::rekey;
use crate::model::{GroupRole, GroupSanction, GroupSettings, Name, Penalty, SanctionTerms};
use crate::store::{Entry, KeptGroup};

/// The kept groups by their names.
#[derive(Default)]
pub(super) struct Kept(BTreeMap<Name, Group>);

#[derive(Default)]
struct Group {
    settings: GroupSettings,
    members: BTreeMap<Name, (GroupRole, u64)>,
    sanctions: BTreeMap<(Name, Penalty), SanctionTerms>,
}

impl Kept {
    pub(super) fn has(&self, group: &Name) -> bool {
        self.0.contains_key(group)
    }

    pub(super) fn all(&self) -> Vec<KeptGroup> {
        let one = |(name, group): (&Name, &Group)| KeptGroup {
            name: *name,
            settings: group.settings.clone(),
            members: group.members.iter().map(|(user, (role, rank))| (*user, *role, *rank)).collect(),
            sanctions: group
                .sanctions
                .iter()
                .map(|((user, penalty), ruling)| GroupSanction {
                    user: *user,
                    penalty: *penalty,
                    ruling: ruling.clone(),
                })
                .collect(),
        };
        self.0.iter().map(one).collect()
    }

    /// Makes the change that an entry about groups is; of a group that is not kept, there is nothing to change.
    pub(super) fn apply(&mut self, entry: &Entry) {
        match entry {
            Entry::GroupKept { group, settings } => {
                self.0.entry(*group).or_default().settings = settings.clone();
            }
            Entry::GroupGone { group } => {
                self.0.remove(group);
            }
            Entry::Member { group, user, role, rank } => self.of(group, |group| {
                group.members.insert(*user, (*role, *rank));
            }),
            Entry::MemberSanctioned { group, user, penalty, ruling } => self.of(group, |group| {
                group.sanctions.insert((*user, *penalty), ruling.clone());
            }),
            Entry::MemberLifted { group, user, penalty } => self.of(group, |group| {
                group.sanctions.remove(&(*user, *penalty));
            }),
            _ => {}
        }
    }

    /// Takes a member out of a group.
    pub(super) fn leave(&mut self, group: &Name, user: &Name) {
        self.of(group, |group| {
            group.members.remove(user);
        });
    }

    /// Takes a user out of all of them, and what is withheld from him.
    pub(super) fn forget(&mut self, user: &Name) {
        for group in self.0.values_mut() {
            group.members.remove(user);
            group.sanctions.retain(|(of, _), _| of != user);
        }
    }

    /// Whether he is in one, or something is withheld from him there.
    pub(super) fn knows(&self, user: &Name) -> bool {
        let within = |group: &Group| group.sanctions.keys().any(|(of, _)| of == user);
        self.0.values().any(|group| group.members.contains_key(user) || within(group))
    }

    /// Gives users the names that they have now.
    pub(super) fn rename(&mut self, now: impl Fn(Name) -> Name) {
        for group in self.0.values_mut() {
            rekey(&mut group.members, &now);
            rekey(&mut group.sanctions, |(user, penalty)| (now(user), penalty));
            group.sanctions.values_mut().for_each(|ruling| ruling.by = now(ruling.by));
        }
    }

    fn of(&mut self, group: &Name, work: impl FnOnce(&mut Group)) {
        if let Some(group) = self.0.get_mut(group) {
            work(group);
        }
    }
}
