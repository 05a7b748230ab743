//! Looking at groups: what each shows, and to whom.

use std::ops::Bound;
use std::time::SystemTime;

use super::Hub;
use super::client::Client;
use crate::model::limits::ROSTER_PAGE;
use crate::model::{
    GroupInfo, GroupPassword, GroupRole, GroupSanction, GroupSettings, Name, NameAndNote, Roster, UserError,
};

impl Hub {
    /// The group of this name as it was made, if the asker is a member.
    ///
    /// # Errors
    /// [`UserError::NoSuchGroup`] and [`UserError::NotMember`].
    pub fn membership(&self, me: &Client, group: &Name) -> Result<Name, UserError> {
        let now = SystemTime::now();
        self.locked(|state| state.group_of(&me.name, group, now)).map(|(name, _)| name)
    }

    /// Whether nothing that is said in a group is kept.
    pub fn is_ephemeral(&self, group: &Name) -> bool {
        self.locked(|state| state.groups.get(group).is_some_and(|group| group.settings.ephemeral))
    }

    /// Whether somebody may learn that a group is there, and what its password was made of, if it has one.
    pub fn password_of(&self, me: &Client, group: &Name, now: SystemTime) -> (bool, Option<GroupPassword>) {
        self.locked(|state| match state.groups.get(group) {
            Some(group) => (group.is_shown_to(&me.name, now), group.settings.password.clone()),
            None => (false, None),
        })
    }

    /// What a group shows of itself.
    ///
    /// # Errors
    /// [`UserError::NoSuchGroup`].
    pub fn portrait(&self, me: &Client, group: &Name, now: SystemTime) -> Result<(Name, GroupInfo), UserError> {
        self.locked(|state| {
            let (name, group) = state.group_for(&me.name, group, now)?;
            let of = |role| group.members.iter().filter(move |(_, member)| member.role == role).map(|(name, _)| *name);
            let portrait = GroupInfo {
                settings: group.settings.clone(),
                members: group.members.len(),
                owners: of(GroupRole::Owner).collect(),
                admins: of(GroupRole::Admin).collect(),
                role: group.role(&me.name),
            };
            Ok((name, portrait))
        })
    }

    /// All groups that somebody may learn of, in alphabetical order, each room with what it is about.
    pub fn groups(&self, me: &Name, now: SystemTime) -> Vec<NameAndNote> {
        self.locked(|state| {
            let shown = state.groups.iter().filter(|(_, group)| group.is_shown_to(me, now));
            shown.map(|(name, group)| (*name, group.settings.topic.clone().filter(|_| group.settings.room))).collect()
        })
    }

    /// The groups that follow `after` in the alphabet, whoever may learn of them: how many members each has, and how it is
    /// set; as many as one page has. An empty page ends the list.
    pub fn overview(&self, after: Option<&Name>) -> Vec<(Name, usize, GroupSettings)> {
        let from = after.map_or(Bound::Unbounded, |name| Bound::Excluded(*name));
        self.locked(|state| {
            let groups = state.groups.range((from, Bound::Unbounded)).take(ROSTER_PAGE);
            groups.map(|(name, group)| (*name, group.members.len(), group.settings.clone())).collect()
        })
    }

    /// How many groups there are.
    pub fn group_count(&self) -> usize {
        self.locked(|state| state.groups.len())
    }

    /// The groups that follow `after` in the alphabet with their members, as many as make one page: a long list costs
    /// many short sections of the lock, not one long one. An empty page ends the list.
    pub fn rosters(&self, me: &Name, after: Option<&Name>, now: SystemTime) -> Vec<Roster> {
        let from = after.map_or(Bound::Unbounded, |name| Bound::Excluded(*name));
        self.locked(|state| {
            let (mut page, mut names) = (Vec::new(), 0);
            let groups = state.groups.range((from, Bound::Unbounded));
            for (name, group) in groups.filter(|(_, group)| group.is_shown_to(me, now)) {
                names += 1 + group.members.len();
                page.push((*name, group.members.keys().copied().collect()));
                if names >= ROSTER_PAGE {
                    break;
                }
            }
            page
        })
    }

    /// The bans and mutes of a group that hold, in the order of their users, for its owners and admins.
    ///
    /// # Errors
    /// As [`Hub::move_role`].
    pub fn group_sanctions(
        &self,
        me: &Client,
        group: &Name,
        now: SystemTime,
    ) -> Result<(Name, Vec<GroupSanction>), UserError> {
        self.locked(|state| {
            let (group, _) = state.group_run_by(&me.name, group, GroupRole::Admin, now)?;
            let holding = state.group(&group)?.1.sanctions.iter().filter(|(_, ruling)| ruling.holds(now));
            let all = holding.map(|((user, penalty), ruling)| GroupSanction {
                user: *user,
                penalty: *penalty,
                ruling: ruling.clone(),
            });
            Ok((group, all.collect()))
        })
    }
}
