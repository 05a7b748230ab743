//! Making, joining, leaving, changing and looking at groups. Each verb checks and changes in one section of the central
//! lock; the time is a parameter, so what has ended has ended without anybody sweeping.

use std::ops::Bound;
use std::time::SystemTime;

use super::client::Client;
use super::outbox::FlushList;
use super::state::{GroupState, Hub, HubState};
use crate::failpoint;
use crate::model::limits::{INVITATION_TIME, INVITATIONS_PER_GROUP, KEPT_GROUPS_PER_OWNER, ROSTER_PAGE};
use crate::model::{
    Event, EventKind, GroupError, GroupInfo, GroupNews, GroupPassword, GroupRole, GroupSanction, GroupSetting,
    GroupSettings, Name, NameAndNote, Penalty, Roster, UserError,
};
use crate::store::Entry;

/// On what grounds somebody joins a group.
#[derive(Debug, Clone, Copy)]
pub enum JoinVia<'a> {
    /// It is open to all, or he was invited.
    Open,
    /// He was invited.
    Invitation,
    /// He gave the password that this was made of.
    Password(&'a GroupPassword),
    /// He knows the code of the room.
    Code,
}

impl Hub {
    /// Makes a group with the asker as its owner.
    ///
    /// # Errors
    /// [`UserError::GroupExists`], [`UserError::TooManyGroups`], [`UserError::TooManyMemberships`], and what the settings
    /// do not go together with.
    pub fn create(
        &self,
        me: &Client,
        group: Name,
        settings: GroupSettings,
        flush_list: &mut FlushList,
    ) -> Result<(), UserError> {
        self.change(|state, entries| {
            if let Ok((shown, _)) = state.group(&group) {
                return Err(UserError::GroupExists(shown));
            }
            self.create_group(state, entries, me, group, settings)?;
            failpoint::reach("under the lock", &me.name);
            state.tell_user(&me.name, &Event::new(EventKind::GroupCreated { group }), flush_list);
            Ok(())
        })
    }

    /// Puts a group of a free name in, with its founder as the owner.
    pub(super) fn create_group(
        &self,
        state: &mut HubState,
        entries: &mut Vec<Entry>,
        me: &Client,
        group: Name,
        settings: GroupSettings,
    ) -> Result<(), UserError> {
        if settings.keep && settings.ephemeral {
            return Err(GroupError::Ephemeral(group).into());
        }
        if settings.keep {
            state.check_keeping(me, group)?;
        }
        if state.groups.len() >= self.limits().max_groups {
            return Err(UserError::TooManyGroups(self.limits().max_groups));
        }
        self.check_memberships(state, me)?;
        // Also should a group of this name have ended with the last process.
        if settings.keep {
            entries.extend([Entry::GroupGone { group }, Entry::GroupKept { group, settings: settings.clone() }]);
        }
        state.groups.entry(group).or_default().settings = settings;
        state.add_member(group, &me.name, GroupRole::Owner, entries);
        Ok(())
    }

    /// Joins a group; its members are told.
    ///
    /// # Errors
    /// [`UserError::NoSuchGroup`], also for a private one that is not open to him; [`UserError::AlreadyMember`],
    /// [`UserError::TooManyMemberships`], and [`GroupError`] where he is banned, it is full, or the way is closed.
    pub fn join(
        &self,
        me: &Client,
        group: &Name,
        way: JoinVia<'_>,
        now: SystemTime,
        flush_list: &mut FlushList,
    ) -> Result<(), UserError> {
        self.change(|state, entries| {
            let group = state.check_join(&me.name, group, way, now)?;
            self.check_memberships(state, me)?;
            state.add_member(group, &me.name, GroupRole::Member, entries);
            if matches!(way, JoinVia::Code) {
                let (count, limit) = state.count(&group);
                let entered = GroupNews::RoomEntered { user: me.name, count, limit };
                state.tell_news(group, entered, Some(&me.name), flush_list);
                let topic = state.group(&group)?.1.settings.topic.clone();
                state.tell_news_to(&me.name, group, GroupNews::RoomJoined { count, limit, topic }, flush_list);
            } else {
                let joined = Event::new(EventKind::MemberJoined { group, user: me.name });
                state.tell_group(&group, &joined, Some(&me.name), flush_list);
                state.tell_user(&me.name, &Event::new(EventKind::YouJoined { group }), flush_list);
            }
            Ok(())
        })
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
        self.change(|state, entries| {
            let (group, _) = state.group_of(&me.name, group, now)?;
            let room = state.groups.get(&group).is_some_and(|entry| entry.settings.room);
            let parting = state.remove_member(&group, &me.name, entries);
            if room {
                state.tell_room_left(group, me.name, flush_list);
            } else {
                let left = Event::new(EventKind::MemberLeft { group, user: me.name });
                state.tell_group(&group, &left, None, flush_list);
            }
            state.tell_heir(group, parting.heir, flush_list);
            let gone = parting.gone;
            match room {
                true => state.tell_news_to(&me.name, group, GroupNews::YouLeftRoom { gone }, flush_list),
                false => state.tell_user(&me.name, &Event::new(EventKind::YouLeft { group, gone }), flush_list),
            }
            Ok(())
        })
    }

    fn check_memberships(&self, state: &HubState, me: &Client) -> Result<(), UserError> {
        let max = self.limits().max_memberships;
        match state.memberships.get(&me.name) {
            Some(groups) if groups.len() >= max => Err(UserError::TooManyMemberships(max)),
            _ => Ok(()),
        }
    }

    /// Changes what an owner may choose; admins may change the topic. All of it, or nothing.
    ///
    /// # Errors
    /// [`UserError::NoSuchGroup`], [`UserError::NotMember`], and [`GroupError`] for who may not, and for what cannot be.
    pub fn change_settings(
        &self,
        me: &Client,
        group: &Name,
        changes: &[GroupSetting],
        now: SystemTime,
        flush_list: &mut FlushList,
    ) -> Result<(), UserError> {
        let topic = changes.iter().all(|change| matches!(change, GroupSetting::Topic(_)));
        let needed = if topic { GroupRole::Admin } else { GroupRole::Owner };
        self.change(|state, entries| {
            let (group, _) = state.group_with_role(&me.name, group, needed, now)?;
            state.change_settings(me, group, changes, entries)?;
            let settings = state.group(&group)?.1.settings.clone();
            state.tell_news(group, GroupNews::Changed { by: me.name, settings }, None, flush_list);
            Ok(())
        })
    }
}

impl HubState {
    /// The group that somebody joins, if he may.
    fn check_join(&self, user: &Name, name: &Name, way: JoinVia<'_>, now: SystemTime) -> Result<Name, UserError> {
        let unknown = || UserError::NoSuchGroup(name.to_string());
        let (shown, group) = match (way, self.group(name)) {
            (JoinVia::Code, Ok((shown, group))) if group.settings.room => (shown, group),
            (JoinVia::Code, _) => return Err(GroupError::NoSuchRoom(name.to_string()).into()),
            (JoinVia::Invitation, found) => found.map_err(|_| GroupError::NotInvited(name.to_string()))?,
            (_, found) => found?,
        };
        let (invited, settings) = (group.is_invited(user, now), &group.settings);
        if group.members.contains_key(user) {
            return Err(UserError::AlreadyMember(shown));
        }
        let right = |given: &GroupPassword| settings.password.as_ref() == Some(given);
        match way {
            JoinVia::Code => {}
            _ if invited => {}
            JoinVia::Invitation => return Err(GroupError::NotInvited(name.to_string()).into()),
            JoinVia::Password(given) if right(given) => {}
            _ if settings.private => return Err(unknown()),
            JoinVia::Password(_) if settings.password.is_some() => return Err(GroupError::WrongPassword(shown).into()),
            _ if settings.password.is_some() => return Err(GroupError::NeedsPassword(shown).into()),
            _ => {}
        }
        if let Some(ban) = group.ruling(user, Penalty::Ban, now) {
            return Err(GroupError::Banned(shown, ban.until, ban.reason.clone()).into());
        }
        match settings.limit {
            Some(limit) if group.members.len() >= limit => Err(GroupError::Full(shown, limit).into()),
            _ => Ok(shown),
        }
    }

    /// Whether somebody may own one more group that is kept.
    fn check_keeping(&self, me: &Client, group: Name) -> Result<(), UserError> {
        if me.name.is_guest() {
            return Err(GroupError::NotForGuests(group).into());
        }
        let groups = self.memberships.get(&me.name).into_iter().flatten().filter_map(|name| self.groups.get(name));
        let owned =
            groups.filter(|group| group.settings.keep && group.role(&me.name) == Some(GroupRole::Owner)).count();
        if owned < KEPT_GROUPS_PER_OWNER { Ok(()) } else { Err(GroupError::TooManyKept(KEPT_GROUPS_PER_OWNER).into()) }
    }

    fn change_settings(
        &mut self,
        me: &Client,
        name: Name,
        changes: &[GroupSetting],
        entries: &mut Vec<Entry>,
    ) -> Result<(), UserError> {
        let (_, group) = self.group(&name)?;
        let (before, mut settings) = (group.settings.clone(), group.settings.clone());
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
            self.check_keeping(me, name)?;
        }
        let (was, is) = (before.keep, settings.keep);
        if let Some(group) = self.groups.get_mut(&name) {
            group.settings = settings.clone();
        }
        match (was, is) {
            (false, true) => self.keep(name, entries),
            (true, false) => self.unkeep(name, entries),
            (true, true) => entries.push(Entry::GroupKept { group: name, settings }),
            (false, false) => {}
        }
        Ok(())
    }
}

impl Hub {
    /// Invites a user who is here; he may join without a password from now on, for some days.
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
        self.change(|state, _| {
            let (group, _) = state.group_with_role(&me.name, group, GroupRole::Admin, now)?;
            if !state.queues.contains_key(&user) {
                return Err(UserError::NotOnline(user));
            }
            let Some(entry) = state.groups.get_mut(&group) else { return Err(UserError::NotMember(group)) };
            entry.invite(group, user, now)?;
            state.tell_news_to(&user, group, GroupNews::Invited { by: me.name }, flush_list);
            state.tell_news_to(&me.name, group, GroupNews::YouInvited { user }, flush_list);
            Ok(())
        })
    }

    /// Makes a room of these settings under the first of these codes that is free, with the asker as its first member.
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
        self.change(|state, entries| {
            let free = codes.iter().find(|code| !state.groups.contains_key(code));
            let room = *free.ok_or(UserError::Busy)?;
            let topic = settings.topic.clone();
            self.create_group(state, entries, me, room, settings)?;
            let (_, limit) = state.count(&room);
            state.tell_news_to(&me.name, room, GroupNews::RoomCreated { limit, topic }, flush_list);
            Ok(())
        })
    }

    /// The rooms that a user is in.
    pub fn rooms(&self, user: &Name) -> Vec<Name> {
        self.locked(|state| state.rooms_of(user))
    }
}

impl GroupState {
    fn invite(&mut self, name: Name, user: Name, now: SystemTime) -> Result<(), UserError> {
        if self.members.contains_key(&user) {
            return Err(GroupError::UserAlreadyMember(user, name).into());
        }
        if self.ruling(&user, Penalty::Ban, now).is_some() {
            return Err(GroupError::UserBanned(user, name).into());
        }
        if self.invited.len() >= INVITATIONS_PER_GROUP {
            self.invited.retain(|_, until| now < *until);
        }
        if self.invited.len() >= INVITATIONS_PER_GROUP && !self.invited.contains_key(&user) {
            return Err(GroupError::TooManyInvitations(name, INVITATIONS_PER_GROUP).into());
        }
        self.invited.insert(user, now.checked_add(INVITATION_TIME).unwrap_or(now));
        Ok(())
    }
}

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
    pub fn group_password(&self, me: &Client, group: &Name, now: SystemTime) -> (bool, Option<GroupPassword>) {
        self.locked(|state| match state.groups.get(group) {
            Some(group) => (group.is_shown_to(&me.name, now), group.settings.password.clone()),
            None => (false, None),
        })
    }

    /// What a group shows of itself.
    ///
    /// # Errors
    /// [`UserError::NoSuchGroup`].
    pub fn group_info(&self, me: &Client, group: &Name, now: SystemTime) -> Result<(Name, GroupInfo), UserError> {
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
    pub fn group_overview(&self, after: Option<&Name>) -> Vec<(Name, usize, GroupSettings)> {
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
            let (group, _) = state.group_with_role(&me.name, group, GroupRole::Admin, now)?;
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
