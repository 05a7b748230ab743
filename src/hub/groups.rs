//! Groups: making, joining, leaving, configuring and listing them.
//!
//! Each verb decides on the state in one section of the central lock; what follows from it is applied in the same
//! section (see `apply`). Time is a parameter, so what has run out has run out without anybody sweeping it up.

use std::ops::Bound;
use std::time::SystemTime;

use super::apply::{Decision, LeaveCause, StateChange};
use super::client::Client;
use super::outbox::FlushList;
use super::state::{Hub, HubState};
use crate::model::limits::{INVITATION_TIME, INVITATIONS_PER_GROUP, KEPT_GROUPS_PER_OWNER, ROSTER_PAGE};
use crate::model::{
    GroupError, GroupInfo, GroupPassword, GroupRole, GroupSanction, GroupSetting, GroupSettings, Limits, Name,
    NameAndNote, Penalty, Roster, UserError,
};

/// On what grounds a user joins a group.
#[derive(Debug, Clone, Copy)]
pub enum JoinVia<'a> {
    /// It is open to all, or the user was invited.
    Open,
    /// The user was invited.
    Invitation,
    /// The user gave the password that this was made of.
    Password(&'a GroupPassword),
    /// The user knows the code of the room.
    Code,
}

/// Verbs that change groups.
impl Hub {
    /// Makes a group with the asker as its owner.
    ///
    /// # Errors
    /// [`UserError::GroupExists`], [`UserError::TooManyGroups`], [`UserError::TooManyMemberships`], and [`GroupError`]
    /// for settings that contradict each other.
    pub fn create(
        &self,
        me: &Client,
        group: Name,
        settings: GroupSettings,
        flush_list: &mut FlushList,
    ) -> Result<(), UserError> {
        self.change(flush_list, |state| match state.group(&group) {
            Ok((shown, _)) => Err(UserError::GroupExists(shown)),
            Err(_) => state.create(me.name, group, settings, self.limits()),
        })
    }

    /// Makes a room with these settings under the first of these codes that is free, with the asker as its first member.
    ///
    /// # Errors
    /// As [`Hub::create`]; [`UserError::Busy`] when no code is free.
    pub fn create_room(
        &self,
        me: &Client,
        codes: &[Name],
        settings: GroupSettings,
        flush_list: &mut FlushList,
    ) -> Result<(), UserError> {
        self.change(flush_list, |state| {
            let free = codes.iter().find(|code| !state.groups.contains_key(code));
            state.create(me.name, *free.ok_or(UserError::Busy)?, settings, self.limits())
        })
    }

    /// Joins a group; its members are told.
    ///
    /// # Errors
    /// [`UserError::NoSuchGroup`], also for a private group that is closed to the user; [`UserError::AlreadyMember`],
    /// [`UserError::TooManyMemberships`], and [`GroupError`] if the user is banned, the group is full, or `via` does not
    /// open it.
    pub fn join(
        &self,
        me: &Client,
        group: &Name,
        via: JoinVia<'_>,
        now: SystemTime,
        flush_list: &mut FlushList,
    ) -> Result<(), UserError> {
        self.change(flush_list, |state| state.join(me.name, group, via, self.limits(), now))
    }

    /// Leaves a group; the members who stay are told, and an empty group is gone.
    ///
    /// # Errors
    /// [`UserError::NoSuchGroup`] and [`UserError::NotMember`].
    pub fn leave(
        &self,
        me: &Client,
        group: &Name,
        now: SystemTime,
        flush_list: &mut FlushList,
    ) -> Result<(), UserError> {
        self.change(flush_list, |state| {
            let (group, _) = state.group_of(&me.name, group, now)?;
            Ok(state.leave(group, me.name, LeaveCause::Left))
        })
    }

    /// Changes what an owner may choose; admins may change the topic. All of it, or nothing.
    ///
    /// # Errors
    /// [`UserError::NoSuchGroup`], [`UserError::NotMember`], and [`GroupError`] for a role that is too low and for
    /// settings that are impossible.
    pub fn change_settings(
        &self,
        me: &Client,
        group: &Name,
        changes: &[GroupSetting],
        now: SystemTime,
        flush_list: &mut FlushList,
    ) -> Result<(), UserError> {
        self.change(flush_list, |state| state.change_settings(me.name, group, changes, now))
    }

    /// Invites a user who is online; they may join without a password for [`INVITATION_TIME`].
    ///
    /// # Errors
    /// As [`Hub::move_role`], and [`UserError::NotOnline`].
    pub fn invite(
        &self,
        me: &Client,
        group: &Name,
        user: Name,
        now: SystemTime,
        flush_list: &mut FlushList,
    ) -> Result<(), UserError> {
        self.change(flush_list, |state| state.invite(me.name, group, user, now))
    }
}

/// The decisions of these verbs.
impl HubState {
    /// A group under a name that is free.
    fn create(&self, owner: Name, group: Name, settings: GroupSettings, limits: &Limits) -> Decision {
        if settings.keep && settings.ephemeral {
            return Err(GroupError::Ephemeral(group).into());
        }
        if settings.keep {
            self.check_persistent(owner, group)?;
        }
        if self.groups.len() >= limits.max_groups {
            return Err(UserError::TooManyGroups(limits.max_groups));
        }
        self.check_memberships(&owner, limits)?;
        Ok(vec![StateChange::GroupCreated { group, owner, settings }])
    }

    fn join(&self, user: Name, group: &Name, via: JoinVia<'_>, limits: &Limits, now: SystemTime) -> Decision {
        let name = self.check_join(&user, group, via, now)?;
        self.check_memberships(&user, limits)?;
        let (_, group) = self.group(&name)?;
        // If its last user with an account left only guests behind, the next one owns a persistent group.
        let is_orphaned = group.keeps(&user) && group.owners().next().is_none();
        let role = if is_orphaned { GroupRole::Owner } else { GroupRole::Member };
        let by_code = matches!(via, JoinVia::Code);
        let mut changes = vec![StateChange::MemberJoined { group: name, user, role, by_code }];
        if group.sanctions.contains_key(&(user, Penalty::Ban)) {
            // It has run out, or the user could not join; members are not banned.
            changes.push(StateChange::MemberLifted { group: name, user, penalty: Penalty::Ban, by: None });
        }
        Ok(changes)
    }

    /// The group under its own name, if the user may join it.
    fn check_join(&self, user: &Name, name: &Name, via: JoinVia<'_>, now: SystemTime) -> Result<Name, UserError> {
        let (shown, group) = match (via, self.group(name)) {
            (JoinVia::Code, Ok((shown, group))) if group.settings.room => (shown, group),
            (JoinVia::Code, _) => return Err(GroupError::NoSuchRoom(name.to_string()).into()),
            (JoinVia::Invitation, found) => found.map_err(|_| GroupError::NotInvited(name.to_string()))?,
            (JoinVia::Open | JoinVia::Password(_), found) => found?,
        };
        let settings = &group.settings;
        if group.members.contains_key(user) {
            return Err(UserError::AlreadyMember(shown));
        }
        let is_right = |given: &GroupPassword| settings.password.as_ref() == Some(given);
        match via {
            JoinVia::Code => {}
            _ if group.is_invited(user, now) => {}
            JoinVia::Invitation => return Err(GroupError::NotInvited(name.to_string()).into()),
            JoinVia::Password(given) if is_right(given) => {}
            _ if settings.private => return Err(UserError::NoSuchGroup(name.to_string())),
            JoinVia::Password(_) if settings.password.is_some() => return Err(GroupError::WrongPassword(shown).into()),
            JoinVia::Open if settings.password.is_some() => return Err(GroupError::NeedsPassword(shown).into()),
            JoinVia::Password(_) | JoinVia::Open => {}
        }
        if let Some(ban) = group.sanction(user, Penalty::Ban, now) {
            return Err(GroupError::Banned(shown, ban.until, ban.reason.clone()).into());
        }
        match settings.limit {
            Some(limit) if group.members.len() >= limit => Err(GroupError::Full(shown, limit).into()),
            _ => Ok(shown),
        }
    }

    /// A member is gone, and where that was the last owner, another one inherits the group.
    pub(super) fn leave(&self, group: Name, user: Name, cause: LeaveCause) -> Vec<StateChange> {
        self.leave_together(group, vec![(user, cause)])
    }

    /// Several members of one group are gone at once.
    fn leave_together(&self, name: Name, leaving: Vec<(Name, LeaveCause)>) -> Vec<StateChange> {
        let heir = self.groups.get(&name).and_then(|group| {
            let is_leaving = |member: &Name| leaving.iter().any(|(user, _)| user == member);
            let loses_owner = leaving.iter().any(|(user, _)| group.role(user) == Some(GroupRole::Owner));
            let keeps_owner = group.owners().any(|owner| !is_leaving(owner));
            if loses_owner && !keeps_owner { group.heir(|member| !is_leaving(member)) } else { None }
        });
        let left = leaving.into_iter().map(|(user, cause)| StateChange::MemberLeft { group: name, user, cause });
        let inherited =
            heir.map(|user| StateChange::RoleChanged { group: name, user, role: GroupRole::Owner, by: None });
        left.chain(inherited).collect()
    }

    fn change_settings(&self, me: Name, group: &Name, changes: &[GroupSetting], now: SystemTime) -> Decision {
        let is_topic = changes.iter().all(|change| matches!(change, GroupSetting::Topic(_)));
        let needed = if is_topic { GroupRole::Admin } else { GroupRole::Owner };
        let (name, _) = self.group_with_role(&me, group, needed, now)?;
        let (_, group) = self.group(&name)?;
        let (before, mut settings) = (&group.settings, group.settings.clone());
        changes.iter().for_each(|change| settings.apply(change));
        if before.room {
            return Err(GroupError::RoomFixed(name).into());
        }
        if settings.ephemeral != before.ephemeral || (settings.ephemeral && settings.keep) {
            return Err(GroupError::Ephemeral(name).into());
        }
        if settings.limit.is_some_and(|limit| group.members.len() > limit) {
            return Err(GroupError::LimitTooLow(name, group.members.len()).into());
        }
        if settings.keep && !before.keep {
            self.check_persistent(me, name)?;
        }
        let ends_persistence = before.keep && !settings.keep;
        let mut all = vec![StateChange::SettingsChanged { group: name, settings, by: me }];
        if ends_persistence {
            let offline = group.members.keys().filter(|user| !self.queues.contains_key(user));
            let leaving = offline.map(|user| (*user, LeaveCause::NotPersistent)).collect();
            all.extend(self.leave_together(name, leaving));
        }
        Ok(all)
    }

    fn invite(&self, me: Name, group: &Name, user: Name, now: SystemTime) -> Decision {
        let (name, _) = self.group_with_role(&me, group, GroupRole::Admin, now)?;
        if !self.queues.contains_key(&user) {
            return Err(UserError::NotOnline(user));
        }
        let (_, group) = self.group(&name)?;
        if group.members.contains_key(&user) {
            return Err(GroupError::UserAlreadyMember(user, name).into());
        }
        if group.sanction(&user, Penalty::Ban, now).is_some() {
            return Err(GroupError::UserBanned(user, name).into());
        }
        let mut changes = Vec::new();
        if group.invited.len() >= INVITATIONS_PER_GROUP {
            let expired = group.invited.iter().filter(|(_, until)| now >= **until).map(|(user, _)| *user);
            changes.extend(expired.map(|user| StateChange::InvitationExpired { group: name, user }));
            if changes.is_empty() && !group.invited.contains_key(&user) {
                return Err(GroupError::TooManyInvitations(name, INVITATIONS_PER_GROUP).into());
            }
        }
        let until = now.checked_add(INVITATION_TIME).unwrap_or(now);
        changes.push(StateChange::Invited { group: name, user, by: me, until });
        Ok(changes)
    }

    fn check_memberships(&self, user: &Name, limits: &Limits) -> Result<(), UserError> {
        let max = limits.max_memberships;
        match self.memberships.get(user) {
            Some(groups) if groups.len() >= max => Err(UserError::TooManyMemberships(max)),
            _ => Ok(()),
        }
    }

    /// Whether a user may own one more persistent group.
    fn check_persistent(&self, user: Name, group: Name) -> Result<(), UserError> {
        if user.is_guest() {
            return Err(GroupError::NotForGuests(group).into());
        }
        let groups = self.memberships.get(&user).into_iter().flatten().filter_map(|name| self.groups.get(name));
        let owned = groups.filter(|group| group.settings.keep && group.role(&user) == Some(GroupRole::Owner)).count();
        if owned < KEPT_GROUPS_PER_OWNER { Ok(()) } else { Err(GroupError::TooManyKept(KEPT_GROUPS_PER_OWNER).into()) }
    }
}

/// Questions about groups.
impl Hub {
    /// The group under its own name, if the asker is a member.
    ///
    /// # Errors
    /// [`UserError::NoSuchGroup`] and [`UserError::NotMember`].
    pub fn membership(&self, me: &Client, group: &Name) -> Result<Name, UserError> {
        let now = SystemTime::now();
        self.locked(|state| state.group_of(&me.name, group, now)).map(|(name, _)| name)
    }

    /// Whether nothing that is said in a group is stored.
    pub fn is_ephemeral(&self, group: &Name) -> bool {
        self.locked(|state| state.groups.get(group).is_some_and(|group| group.settings.ephemeral))
    }

    /// Whether the asker may know that a group exists, and the hash of its password if it has one.
    pub fn group_password(&self, me: &Client, group: &Name, now: SystemTime) -> (bool, Option<GroupPassword>) {
        self.locked(|state| match state.groups.get(group) {
            Some(group) => (group.is_shown_to(&me.name, now), group.settings.password.clone()),
            None => (false, None),
        })
    }

    /// Settings and roles of a group, for `/group`.
    ///
    /// # Errors
    /// [`UserError::NoSuchGroup`].
    pub fn group_info(&self, me: &Client, group: &Name, now: SystemTime) -> Result<(Name, GroupInfo), UserError> {
        self.locked(|state| {
            let (name, group) = state.group_for(&me.name, group, now)?;
            let of = |role| group.members.iter().filter(move |(_, member)| member.role == role).map(|(name, _)| *name);
            let info = GroupInfo {
                settings: group.settings.clone(),
                members: group.members.len(),
                owners: of(GroupRole::Owner).collect(),
                admins: of(GroupRole::Admin).collect(),
                role: group.role(&me.name),
            };
            Ok((name, info))
        })
    }

    /// All groups that a user may know of, in alphabetical order; rooms with their topic.
    pub fn groups(&self, me: &Name, now: SystemTime) -> Vec<NameAndNote> {
        self.locked(|state| {
            let shown = state.groups.iter().filter(|(_, group)| group.is_shown_to(me, now));
            shown.map(|(name, group)| (*name, group.settings.topic.clone().filter(|_| group.settings.room))).collect()
        })
    }

    /// The rooms that a user is in.
    pub fn rooms(&self, user: &Name) -> Vec<Name> {
        self.locked(|state| {
            let groups = state.memberships.get(user).into_iter().flatten();
            groups.filter(|name| state.groups.get(name).is_some_and(|group| group.settings.room)).copied().collect()
        })
    }

    /// How many groups there are.
    pub fn group_count(&self) -> usize {
        self.locked(|state| state.groups.len())
    }

    /// One page of all groups, hidden ones too, after `after` in the alphabet: name, number of members, settings. An empty
    /// page ends the list.
    pub fn group_overview(&self, after: Option<&Name>) -> Vec<(Name, usize, GroupSettings)> {
        let from = after.map_or(Bound::Unbounded, |name| Bound::Excluded(*name));
        self.locked(|state| {
            let groups = state.groups.range((from, Bound::Unbounded)).take(ROSTER_PAGE);
            groups.map(|(name, group)| (*name, group.members.len(), group.settings.clone())).collect()
        })
    }

    /// One page of the groups that a user may know of, after `after` in the alphabet, with their members. A long list
    /// costs many short sections of the lock instead of one long one. An empty page ends the list.
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

    /// The members of one group that a user may know of.
    ///
    /// # Errors
    /// [`UserError::NoSuchGroup`].
    pub fn roster(&self, me: &Name, group: &Name, now: SystemTime) -> Result<Roster, UserError> {
        self.locked(|state| {
            let (name, group) = state.group_for(me, group, now)?;
            Ok((name, group.members.keys().copied().collect()))
        })
    }

    /// The bans and mutes of a group that are in force, in the order of their users, for its owners and admins.
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
            let (group, _) = state.group_with_role(&me.name, group, GroupRole::Admin, now)?;
            let in_force = state.group(&group)?.1.sanctions.iter().filter(|(_, terms)| terms.holds(now));
            let all = in_force.map(|((user, penalty), terms)| GroupSanction {
                user: *user,
                penalty: *penalty,
                terms: terms.clone(),
            });
            Ok((group, all.collect()))
        })
    }
}
