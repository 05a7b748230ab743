//! Groups that are there while nobody is: from the store and into it, and what ends with an account.

use super::group::{Group, Member};
use super::state::State;
use super::touched::Touched;
use crate::model::{Event, EventKind, GroupRole, Name, Penalty};
use crate::store::{Entry, KeptGroup};

impl State {
    /// Puts in what outlived the last process.
    pub(super) fn load(&mut self, kept: Vec<KeptGroup>) {
        // One without members was only of guests when the process ended.
        for KeptGroup { name, settings, members, sanctions } in kept.into_iter().filter(|kept| !kept.members.is_empty())
        {
            let next_rank = members.iter().map(|(_, _, rank)| rank + 1).max().unwrap_or(0);
            let mut group = Group { settings, next_rank, ..Group::default() };
            for (user, role, rank) in members {
                group.members.insert(user, Member { role, rank });
                self.memberships.entry(user).or_default().insert(name);
            }
            for one in sanctions {
                group.sanctions.insert((one.user, one.penalty), one.ruling);
            }
            if group.owners().next().is_none()
                && let Some(heir) = group.heir()
            {
                // What the store says may end between a departure and its heir.
                group.members.entry(heir).and_modify(|member| member.role = GroupRole::Owner);
            }
            self.groups.insert(name, group);
        }
    }

    /// The entries that make a group kept, as it is now; whatever was kept of one of this name goes.
    pub(super) fn keep(&self, name: Name, entries: &mut Vec<Entry>) {
        let Some(group) = self.groups.get(&name) else { return };
        entries.push(Entry::GroupGone { group: name });
        entries.push(Entry::GroupKept { group: name, settings: group.settings.clone() });
        entries.extend(group.members.keys().filter_map(|user| group.member_entry(name, user)));
        entries.extend(group.sanctions.iter().map(|((user, penalty), ruling)| Entry::MemberSanctioned {
            group: name,
            user: *user,
            penalty: *penalty,
            ruling: ruling.clone(),
        }));
    }

    /// Ends what keeps a group: who is not here is no member any more.
    pub(super) fn unkeep(&mut self, name: Name, entries: &mut Vec<Entry>) {
        entries.push(Entry::GroupGone { group: name });
        let Some(group) = self.groups.get(&name) else { return };
        let away: Vec<Name> = group.members.keys().filter(|user| !self.queues.contains_key(user)).copied().collect();
        for user in away {
            self.remove_member(&name, &user, entries);
        }
    }

    /// Takes somebody who has no account any more out of the kept groups, where he would stay for ever.
    pub(super) fn forget(&mut self, user: Name, entries: &mut Vec<Entry>, touched: &mut Touched) {
        let groups = self.memberships.get(&user).cloned().unwrap_or_default();
        for name in groups {
            if self.groups.get(&name).is_some_and(|group| group.settings.keep) {
                let heir = self.remove_member(&name, &user, entries).heir;
                let left = Event::new(EventKind::MemberLeft { group: name, user });
                self.tell_group(&name, &left, None, touched);
                self.tell_heir(name, heir, touched);
            }
        }
        // The store forgets these by itself.
        for group in self.groups.values_mut() {
            for penalty in [Penalty::Ban, Penalty::Mute] {
                group.sanctions.remove(&(user, penalty));
            }
        }
    }
}
