//! Who runs a group: roles, and what is done with them: kicking, banning, muting. Whether somebody may do it
//! is checked in the section of the lock that does it, so who is demoted finishes nothing that he began before.

use std::sync::Arc;
use std::time::SystemTime;

use super::client::Client;
use super::outbox::FlushList;
use super::state::{Hub, HubState};
use crate::model::limits::SANCTIONS_PER_GROUP;
use crate::model::{GroupError, GroupNews, GroupRole, GroupSanction, Name, Penalty, SanctionTerms, UserError};
use crate::store::Entry;

impl Hub {
    /// Moves a member one role up or down; only owners do, and one owner stays.
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
        self.change(|state, entries| {
            let (group, _) = state.group_with_role(&me.name, group, GroupRole::Owner, now)?;
            let role = state.role_of(group, &user)?;
            let next = if up { role.above() } else { role.below() };
            let next = next.ok_or(GroupError::RoleAlready(user, group, role))?;
            let last = state.group(&group)?.1.owners().count() == 1;
            if role == GroupRole::Owner && last {
                return Err(GroupError::LastOwner(group).into());
            }
            state.check_eligible(group, user, next)?;
            state.set_role(group, &user, next, entries);
            state.tell_news(group, GroupNews::Role { user, role: next, by: Some(me.name) }, None, flush_list);
            Ok(())
        })
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
        self.change(|state, entries| {
            let (group, _) = state.group_with_role(&me.name, group, GroupRole::Owner, now)?;
            let role = state.role_of(group, &user)?;
            if user == me.name {
                return Err(GroupError::RoleAlready(user, group, role).into());
            }
            state.check_eligible(group, user, GroupRole::Owner)?;
            for (user, role) in [(user, GroupRole::Owner), (me.name, GroupRole::Admin)] {
                state.set_role(group, &user, role, entries);
                state.tell_news(group, GroupNews::Role { user, role, by: Some(me.name) }, None, flush_list);
            }
            Ok(())
        })
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
        self.change(|state, entries| {
            let group = state.group_with_power_over(&me.name, group, &user, now)?;
            state.role_of(group, &user)?;
            let news = |you| GroupNews::Kicked { user, by: me.name, reason: reason.clone(), you };
            state.tell_news(group, news(false), Some(&user), flush_list);
            state.tell_news_to(&user, group, news(true), flush_list);
            state.remove_member(&group, &user, entries);
            Ok(())
        })
    }

    /// Bans or mutes a user, who need not be a member; who is banned leaves at once.
    ///
    /// # Errors
    /// As [`Hub::move_role`].
    pub fn sanction_member(
        &self,
        me: &Client,
        group: &Name,
        one: GroupSanction,
        now: SystemTime,
        flush_list: &mut FlushList,
    ) -> Result<(), UserError> {
        let GroupSanction { user, penalty, ruling } = one;
        self.change(|state, entries| {
            let user = self.current_name(user);
            let group = state.group_with_power_over(&me.name, group, &user, now)?;
            state.put_sanction(group, user, penalty, &ruling, now, entries)?;
            let inside = state.group(&group)?.1.members.contains_key(&user);
            let news = |you| GroupNews::Sanctioned { user, penalty, ruling: ruling.clone(), you };
            state.tell_news(group, news(false), Some(&user), flush_list);
            if inside {
                state.tell_news_to(&user, group, news(true), flush_list);
            }
            if inside && penalty == Penalty::Ban {
                state.remove_member(&group, &user, entries);
            }
            Ok(())
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
        self.change(|state, entries| {
            let group = state.group_with_power_over(&me.name, group, &user, now)?;
            let entry = state.group(&group)?.1;
            let (kept, holds) = (entry.settings.keep, entry.ruling(&user, penalty, now).is_some());
            let inside = entry.members.contains_key(&user);
            if !holds {
                return Err(match penalty {
                    Penalty::Ban => GroupError::NotBanned(user, group),
                    Penalty::Mute => GroupError::NotMuted(user, group),
                }
                .into());
            }
            if let Some(entry) = state.groups.get_mut(&group) {
                entry.sanctions.remove(&(user, penalty));
            }
            entries.extend(kept.then_some(Entry::MemberLifted { group, user, penalty }));
            let news = |you| GroupNews::Lifted { user, penalty, by: me.name, you };
            state.tell_news(group, news(false), Some(&user), flush_list);
            if inside {
                state.tell_news_to(&user, group, news(true), flush_list);
            }
            Ok(())
        })
    }
}

impl HubState {
    /// What somebody is in a group, who has to be in it.
    fn role_of(&self, group: Name, user: &Name) -> Result<GroupRole, UserError> {
        let role = self.group(&group)?.1.role(user);
        Ok(role.ok_or(GroupError::UserNotMember(*user, group))?)
    }

    /// The group of this name, if `me` is owner or admin of it and above `user`.
    fn group_with_power_over(&self, me: &Name, name: &Name, user: &Name, now: SystemTime) -> Result<Name, UserError> {
        let (group, mine) = self.group_with_role(me, name, GroupRole::Admin, now)?;
        if me == user {
            return Err(GroupError::Yourself.into());
        }
        match self.group(&group)?.1.role(user) {
            Some(his) if his >= mine => Err(GroupError::Outranked(*user, group, his).into()),
            _ => Ok(group),
        }
    }

    /// A kept group is owned by who is still the same after a restart.
    fn check_eligible(&self, group: Name, user: Name, role: GroupRole) -> Result<(), UserError> {
        let unfit = role > GroupRole::Member && user.is_guest() && self.group(&group)?.1.settings.keep;
        if unfit { Err(GroupError::NotForGuests(group).into()) } else { Ok(()) }
    }

    fn put_sanction(
        &mut self,
        name: Name,
        user: Name,
        penalty: Penalty,
        ruling: &SanctionTerms,
        now: SystemTime,
        entries: &mut Vec<Entry>,
    ) -> Result<(), UserError> {
        let Some(group) = self.groups.get_mut(&name) else { return Err(UserError::NotMember(name)) };
        let kept = group.settings.keep;
        if group.sanctions.len() >= SANCTIONS_PER_GROUP {
            let ended = group.sanctions.extract_if(.., |_, ruling| !ruling.holds(now));
            let gone = ended.map(|((user, penalty), _)| Entry::MemberLifted { group: name, user, penalty });
            entries.extend(gone.filter(|_| kept));
        }
        if group.sanctions.len() >= SANCTIONS_PER_GROUP && !group.sanctions.contains_key(&(user, penalty)) {
            return Err(GroupError::TooManyBans(name, SANCTIONS_PER_GROUP).into());
        }
        if penalty == Penalty::Ban {
            group.invited.remove(&user);
        }
        group.sanctions.insert((user, penalty), ruling.clone());
        entries.extend(kept.then(|| Entry::MemberSanctioned { group: name, user, penalty, ruling: ruling.clone() }));
        Ok(())
    }
}
