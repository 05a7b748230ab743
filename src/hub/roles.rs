//! Running a group: roles, and kicking, banning and muting members.
//!
//! Whether somebody may do it is checked in the section of the lock that does it, so a user who is demoted finishes
//! nothing that they began before.

use std::sync::Arc;
use std::time::SystemTime;

use super::apply::{Decision, LeaveCause, StateChange};
use super::client::Client;
use super::outbox::FlushList;
use super::state::{Hub, HubState};
use crate::model::limits::SANCTIONS_PER_GROUP;
use crate::model::{GroupError, GroupRole, GroupSanction, Name, Penalty, UserError};

impl Hub {
    /// Moves a member one role up or down; only owners do that, and one owner stays.
    ///
    /// # Errors
    /// [`UserError::NoSuchGroup`], [`UserError::NotMember`] and [`GroupError`].
    pub fn move_role(
        &self,
        me: &Client,
        group: &Name,
        user: Name,
        up: bool,
        now: SystemTime,
        flush_list: &mut FlushList,
    ) -> Result<(), UserError> {
        self.change(flush_list, |state| state.move_role(me.name, group, user, up, now))
    }

    /// Makes a member an owner, and the asker an admin.
    ///
    /// # Errors
    /// As [`Hub::move_role`].
    pub fn transfer(
        &self,
        me: &Client,
        group: &Name,
        user: Name,
        now: SystemTime,
        flush_list: &mut FlushList,
    ) -> Result<(), UserError> {
        self.change(flush_list, |state| state.transfer(me.name, group, user, now))
    }

    /// Takes a member out of a group.
    ///
    /// # Errors
    /// As [`Hub::move_role`].
    pub fn kick(
        &self,
        me: &Client,
        group: &Name,
        user: Name,
        reason: Option<Arc<str>>,
        now: SystemTime,
        flush_list: &mut FlushList,
    ) -> Result<(), UserError> {
        self.change(flush_list, |state| {
            let group = state.group_with_power_over(&me.name, group, &user, now)?;
            state.role_of(group, &user)?;
            Ok(state.leave(group, user, LeaveCause::Kicked { by: me.name, reason }))
        })
    }

    /// Bans or mutes a user, who need not be a member. A member who is banned leaves at once.
    ///
    /// # Errors
    /// As [`Hub::move_role`].
    pub fn sanction_member(
        &self,
        me: &Client,
        group: &Name,
        sanction: GroupSanction,
        now: SystemTime,
        flush_list: &mut FlushList,
    ) -> Result<(), UserError> {
        self.change(flush_list, |state| {
            let user = self.current_name(sanction.user);
            state.sanction_member(me.name, group, GroupSanction { user, ..sanction }, now)
        })
    }

    /// Ends a ban or a mute before its time.
    ///
    /// # Errors
    /// As [`Hub::move_role`].
    pub fn lift_from_member(
        &self,
        me: &Client,
        group: &Name,
        user: Name,
        penalty: Penalty,
        now: SystemTime,
        flush_list: &mut FlushList,
    ) -> Result<(), UserError> {
        self.change(flush_list, |state| {
            let name = state.group_with_power_over(&me.name, group, &user, now)?;
            match (state.group(&name)?.1.sanction(&user, penalty, now), penalty) {
                (Some(_), _) => Ok(vec![StateChange::MemberLifted { group: name, user, penalty, by: Some(me.name) }]),
                (None, Penalty::Ban) => Err(GroupError::NotBanned(user, name).into()),
                (None, Penalty::Mute) => Err(GroupError::NotMuted(user, name).into()),
            }
        })
    }
}

impl HubState {
    fn move_role(&self, me: Name, group: &Name, user: Name, up: bool, now: SystemTime) -> Decision {
        let (group, _) = self.group_with_role(&me, group, GroupRole::Owner, now)?;
        let role = self.role_of(group, &user)?;
        let next = if up { role.above() } else { role.below() };
        let next = next.ok_or(GroupError::RoleAlready(user, group, role))?;
        if role == GroupRole::Owner && self.group(&group)?.1.owners().count() == 1 {
            return Err(GroupError::LastOwner(group).into());
        }
        self.check_eligible(group, user, next)?;
        Ok(vec![StateChange::RoleChanged { group, user, role: next, by: Some(me) }])
    }

    fn transfer(&self, me: Name, group: &Name, user: Name, now: SystemTime) -> Decision {
        let (group, _) = self.group_with_role(&me, group, GroupRole::Owner, now)?;
        let role = self.role_of(group, &user)?;
        if user == me {
            return Err(GroupError::RoleAlready(user, group, role).into());
        }
        self.check_eligible(group, user, GroupRole::Owner)?;
        let changed = |(user, role)| StateChange::RoleChanged { group, user, role, by: Some(me) };
        Ok([(user, GroupRole::Owner), (me, GroupRole::Admin)].map(changed).into())
    }

    fn sanction_member(&self, me: Name, group: &Name, sanction: GroupSanction, now: SystemTime) -> Decision {
        let GroupSanction { user, penalty, terms } = sanction;
        let name = self.group_with_power_over(&me, group, &user, now)?;
        if user.is_guest() && !self.queues.contains_key(&user) {
            return Err(UserError::NotOnline(user));
        }
        let (_, group) = self.group(&name)?;
        let mut changes = Vec::new();
        if group.sanctions.len() >= SANCTIONS_PER_GROUP {
            let over = group.sanctions.iter().filter(|(_, terms)| !terms.holds(now)).map(|(key, _)| *key);
            changes.extend(over.map(|(user, penalty)| StateChange::MemberLifted {
                group: name,
                user,
                penalty,
                by: None,
            }));
            if changes.is_empty() && !group.sanctions.contains_key(&(user, penalty)) {
                return Err(GroupError::TooManyBans(name, SANCTIONS_PER_GROUP).into());
            }
        }
        changes.push(StateChange::MemberSanctioned { group: name, user, penalty, terms });
        if penalty == Penalty::Ban && group.members.contains_key(&user) {
            changes.extend(self.leave(name, user, LeaveCause::Banned));
        }
        Ok(changes)
    }

    /// The role of a user who has to be a member.
    fn role_of(&self, group: Name, user: &Name) -> Result<GroupRole, UserError> {
        let role = self.group(&group)?.1.role(user);
        Ok(role.ok_or(GroupError::UserNotMember(*user, group))?)
    }

    /// The group under its own name, if `me` is an owner or admin of it and above `user`.
    fn group_with_power_over(&self, me: &Name, name: &Name, user: &Name, now: SystemTime) -> Result<Name, UserError> {
        let (group, mine) = self.group_with_role(me, name, GroupRole::Admin, now)?;
        if me == user {
            return Err(GroupError::Yourself.into());
        }
        match self.group(&group)?.1.role(user) {
            Some(theirs) if theirs >= mine => Err(GroupError::Outranked(*user, group, theirs).into()),
            _ => Ok(group),
        }
    }

    /// The owners and admins of a persistent group must still be the same users after a restart, so guests are neither.
    fn check_eligible(&self, group: Name, user: Name, role: GroupRole) -> Result<(), UserError> {
        let unfit = role > GroupRole::Member && user.is_guest() && self.group(&group)?.1.settings.keep;
        if unfit { Err(GroupError::NotForGuests(group).into()) } else { Ok(()) }
    }
}
