//! The ways into a group that is not open: invitations, and rooms whose code lets everybody in.

use std::time::SystemTime;

use super::Hub;
use super::client::Client;
use super::group::Group;
use super::touched::Touched;
use crate::model::limits::{INVITATION_TIME, INVITATIONS_PER_GROUP};
use crate::model::{GroupError, GroupNews, GroupRole, GroupSettings, Name, Penalty, UserError};

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
        touched: &mut Touched,
    ) -> Result<(), UserError> {
        self.change(|state, _| {
            let (group, _) = state.group_run_by(&me.name, group, GroupRole::Admin, now)?;
            if !state.queues.contains_key(&user) {
                return Err(UserError::NotOnline(user));
            }
            let Some(entry) = state.groups.get_mut(&group) else { return Err(UserError::NotMember(group)) };
            entry.invite(group, user, now)?;
            state.tell_news_to(&user, group, GroupNews::Invited { by: me.name }, touched);
            state.tell_news_to(&me.name, group, GroupNews::YouInvited { user }, touched);
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
        touched: &mut Touched,
    ) -> Result<(), UserError> {
        self.change(|state, entries| {
            let free = codes.iter().find(|code| !state.groups.contains_key(code));
            let room = *free.ok_or(UserError::Busy)?;
            let topic = settings.topic.clone();
            self.found(state, entries, me, room, settings)?;
            let (_, limit) = state.count(&room);
            state.tell_news_to(&me.name, room, GroupNews::RoomCreated { limit, topic }, touched);
            Ok(())
        })
    }

    /// The rooms that a user is in.
    pub fn rooms(&self, user: &Name) -> Vec<Name> {
        self.locked(|state| state.rooms_of(user))
    }
}

impl Group {
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
