//! Making, joining, leaving and changing groups. Each verb checks and changes in one section of the central
//! lock; the time is a parameter, so what has ended has ended without anybody sweeping.

use std::time::SystemTime;

use super::Hub;
use super::client::Client;
use super::state::State;
use super::touched::Touched;
use crate::failpoint;
use crate::model::limits::KEPT_GROUPS_PER_OWNER;
use crate::model::{
    Event, EventKind, GroupError, GroupNews, GroupPassword, GroupRole, GroupSetting, GroupSettings, Name, Penalty,
    UserError,
};
use crate::store::Entry;

/// On what grounds somebody joins a group.
#[derive(Debug, Clone, Copy)]
pub enum Way<'a> {
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
    /// Does something in one section of the lock, and waits until what is to be stored of it is; if the store does not
    /// work, it is stored later.
    pub(super) fn change<T>(
        &self,
        work: impl FnOnce(&mut State, &mut Vec<Entry>) -> Result<T, UserError>,
    ) -> Result<T, UserError> {
        let (answer, batch) = self.locked(|state| {
            let mut entries = Vec::new();
            let answer = work(state, &mut entries)?;
            // Submitted where it became true, so that it has its place among the messages.
            let batch = (!entries.is_empty()).then(|| self.inner.log.submit(entries));
            Ok::<_, UserError>((answer, batch))
        })?;
        if let Some(batch) = batch {
            let _ = self.commit_record(&batch);
        }
        Ok(answer)
    }

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
        touched: &mut Touched,
    ) -> Result<(), UserError> {
        self.change(|state, entries| {
            if let Ok((shown, _)) = state.group(&group) {
                return Err(UserError::GroupExists(shown));
            }
            self.found(state, entries, me, group, settings)?;
            failpoint::reach("under the lock", &me.name);
            state.tell_user(&me.name, &Event::new(EventKind::GroupCreated { group }), touched);
            Ok(())
        })
    }

    /// Puts a group of a free name in, with its founder as the owner.
    pub(super) fn found(
        &self,
        state: &mut State,
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
        way: Way<'_>,
        now: SystemTime,
        touched: &mut Touched,
    ) -> Result<(), UserError> {
        self.change(|state, entries| {
            let group = state.door(&me.name, group, way, now)?;
            self.check_memberships(state, me)?;
            state.add_member(group, &me.name, GroupRole::Member, entries);
            if matches!(way, Way::Code) {
                let (count, limit) = state.count(&group);
                let entered = GroupNews::RoomEntered { user: me.name, count, limit };
                state.tell_news(group, entered, Some(&me.name), touched);
                let topic = state.group(&group)?.1.settings.topic.clone();
                state.tell_news_to(&me.name, group, GroupNews::RoomJoined { count, limit, topic }, touched);
            } else {
                let joined = Event::new(EventKind::MemberJoined { group, user: me.name });
                state.tell_group(&group, &joined, Some(&me.name), touched);
                state.tell_user(&me.name, &Event::new(EventKind::YouJoined { group }), touched);
            }
            Ok(())
        })
    }

    /// Leaves a group; the members who stay are told, and an empty group is gone.
    ///
    /// # Errors
    /// [`UserError::NoSuchGroup`] and [`UserError::NotMember`].
    pub fn leave(&self, me: &Client, group: &Name, now: SystemTime, touched: &mut Touched) -> Result<(), UserError> {
        self.change(|state, entries| {
            let (group, _) = state.group_of(&me.name, group, now)?;
            let room = state.groups.get(&group).is_some_and(|entry| entry.settings.room);
            let parting = state.remove_member(&group, &me.name, entries);
            if room {
                state.tell_room_left(group, me.name, touched);
            } else {
                let left = Event::new(EventKind::MemberLeft { group, user: me.name });
                state.tell_group(&group, &left, None, touched);
            }
            state.tell_heir(group, parting.heir, touched);
            let gone = parting.gone;
            match room {
                true => state.tell_news_to(&me.name, group, GroupNews::YouLeftRoom { gone }, touched),
                false => state.tell_user(&me.name, &Event::new(EventKind::YouLeft { group, gone }), touched),
            }
            Ok(())
        })
    }

    fn check_memberships(&self, state: &State, me: &Client) -> Result<(), UserError> {
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
    pub fn set(
        &self,
        me: &Client,
        group: &Name,
        changes: &[GroupSetting],
        now: SystemTime,
        touched: &mut Touched,
    ) -> Result<(), UserError> {
        let topic = changes.iter().all(|change| matches!(change, GroupSetting::Topic(_)));
        let needed = if topic { GroupRole::Admin } else { GroupRole::Owner };
        self.change(|state, entries| {
            let (group, _) = state.group_run_by(&me.name, group, needed, now)?;
            state.change_settings(me, group, changes, entries)?;
            let settings = state.group(&group)?.1.settings.clone();
            state.tell_news(group, GroupNews::Changed { by: me.name, settings }, None, touched);
            Ok(())
        })
    }
}

impl State {
    /// The group that somebody joins, if he may.
    fn door(&self, user: &Name, name: &Name, way: Way<'_>, now: SystemTime) -> Result<Name, UserError> {
        let unknown = || UserError::NoSuchGroup(name.to_string());
        let (shown, group) = match (way, self.group(name)) {
            (Way::Code, Ok((shown, group))) if group.settings.room => (shown, group),
            (Way::Code, _) => return Err(GroupError::NoSuchRoom(name.to_string()).into()),
            (Way::Invitation, found) => found.map_err(|_| GroupError::NotInvited(name.to_string()))?,
            (_, found) => found?,
        };
        let (invited, settings) = (group.is_invited(user, now), &group.settings);
        if group.members.contains_key(user) {
            return Err(UserError::AlreadyMember(shown));
        }
        let right = |given: &GroupPassword| settings.password.as_ref() == Some(given);
        match way {
            Way::Code => {}
            _ if invited => {}
            Way::Invitation => return Err(GroupError::NotInvited(name.to_string()).into()),
            Way::Password(given) if right(given) => {}
            _ if settings.private => return Err(unknown()),
            Way::Password(_) if settings.password.is_some() => return Err(GroupError::WrongPassword(shown).into()),
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

    /// Tells those who stay in a room that somebody left it.
    pub(super) fn tell_room_left(&self, room: Name, user: Name, touched: &mut Touched) {
        let (count, limit) = self.count(&room);
        self.tell_news(room, GroupNews::RoomLeft { user, count, limit }, None, touched);
    }
}
