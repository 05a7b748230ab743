//! The naive model of running a group: roles, bans, mutes, invitations, settings.

use super::model::{Answer, Model};
use crate::model::limits::INVITATION_TIME;
use crate::model::{
    EventKind, GroupError, GroupNews, GroupRole, GroupSanction, GroupSetting, Name, Penalty, SanctionTerms, UserError,
};

impl Model {
    pub(super) fn move_role(&mut self, me: Name, user: Name, group: Name, up: bool) -> Answer {
        let (entry, _) = self.with_role(me, group, GroupRole::Owner)?;
        let role = entry.role(user).ok_or(GroupError::UserNotMember(user, group))?;
        let next = match (role, up) {
            (GroupRole::Member, true) | (GroupRole::Owner, false) => GroupRole::Admin,
            (GroupRole::Admin, true) => GroupRole::Owner,
            (GroupRole::Admin, false) => GroupRole::Member,
            _ => return Err(GroupError::RoleAlready(user, group, role).into()),
        };
        if role == GroupRole::Owner && entry.members.iter().filter(|(_, role)| *role == GroupRole::Owner).count() == 1 {
            return Err(GroupError::LastOwner(group).into());
        }
        self.groups.entry(group).or_default().set_role(user, next);
        self.tell_news(group, GroupNews::Role { user, role: next, by: Some(me) }, None);
        Ok(())
    }

    pub(super) fn transfer(&mut self, me: Name, user: Name, group: Name) -> Answer {
        let (entry, _) = self.with_role(me, group, GroupRole::Owner)?;
        let role = entry.role(user).ok_or(GroupError::UserNotMember(user, group))?;
        if user == me {
            return Err(GroupError::RoleAlready(user, group, role).into());
        }
        for (user, role) in [(user, GroupRole::Owner), (me, GroupRole::Admin)] {
            self.groups.entry(group).or_default().set_role(user, role);
            self.tell_news(group, GroupNews::Role { user, role, by: Some(me) }, None);
        }
        Ok(())
    }

    pub(super) fn kick(&mut self, me: Name, user: Name, group: Name) -> Answer {
        let entry = self.with_power_over(me, group, user)?;
        entry.role(user).ok_or(GroupError::UserNotMember(user, group))?;
        let news = |you| GroupNews::Kicked { user, by: me, reason: None, you };
        self.tell_news(group, news(false), Some(user));
        self.tell(&EventKind::Group { group, news: news(true) }, |name| name == user);
        self.take_out(group, user);
        Ok(())
    }

    pub(super) fn sanction_member(&mut self, me: Name, group: Name, one: GroupSanction) -> Answer {
        let GroupSanction { user, penalty, terms } = one;
        let inside = self.with_power_over(me, group, user)?.role(user).is_some();
        let entry = self.groups.entry(group).or_default();
        entry.sanctions.retain(|(of, kind, _)| *of != user || *kind != penalty);
        entry.sanctions.push((user, penalty, terms.clone()));
        if penalty == Penalty::Ban {
            entry.invited.retain(|(name, _)| *name != user);
        }
        let news = |you| GroupNews::Sanctioned { user, penalty, terms: terms.clone(), you };
        self.tell_news(group, news(false), Some(user));
        self.tell(&EventKind::Group { group, news: news(true) }, |name| inside && name == user);
        if penalty == Penalty::Ban {
            self.take_out(group, user);
        }
        Ok(())
    }

    pub(super) fn lift_from_member(&mut self, me: Name, user: Name, group: Name, penalty: Penalty) -> Answer {
        let entry = self.with_power_over(me, group, user)?;
        if entry.terms(user, penalty, self.now).is_none() {
            return Err(match penalty {
                Penalty::Ban => GroupError::NotBanned(user, group),
                Penalty::Mute => GroupError::NotMuted(user, group),
            }
            .into());
        }
        let kept = |(of, kind, _): &(Name, Penalty, SanctionTerms)| *of != user || *kind != penalty;
        self.groups.entry(group).or_default().sanctions.retain(kept);
        let news = |you| GroupNews::Lifted { user, penalty, by: me, you };
        self.tell_news(group, news(false), Some(user));
        self.tell(&EventKind::Group { group, news: news(true) }, |name| name == user && entry.role(name).is_some());
        Ok(())
    }

    pub(super) fn invite(&mut self, me: Name, user: Name, group: Name) -> Answer {
        let (entry, _) = self.with_role(me, group, GroupRole::Admin)?;
        if !self.is_here(user) {
            return Err(UserError::NotOnline(user));
        }
        if entry.role(user).is_some() {
            return Err(GroupError::UserAlreadyMember(user, group).into());
        }
        if entry.terms(user, Penalty::Ban, self.now).is_some() {
            return Err(GroupError::UserBanned(user, group).into());
        }
        let until = self.now + INVITATION_TIME;
        let invited = &mut self.groups.entry(group).or_default().invited;
        invited.retain(|(name, _)| *name != user);
        invited.push((user, until));
        self.tell(&EventKind::Group { group, news: GroupNews::Invited { by: me } }, |name| name == user);
        self.tell(&EventKind::Group { group, news: GroupNews::YouInvited { user } }, |name| name == me);
        Ok(())
    }

    pub(super) fn set(&mut self, me: Name, group: Name, change: &GroupSetting) -> Answer {
        let needed = if matches!(change, GroupSetting::Topic(_)) { GroupRole::Admin } else { GroupRole::Owner };
        let (entry, _) = self.with_role(me, group, needed)?;
        let mut settings = entry.settings.clone();
        settings.apply(change);
        if settings.limit.is_some_and(|limit| entry.members.len() > limit) {
            return Err(GroupError::LimitTooLow(group, entry.members.len()).into());
        }
        if !settings.keep {
            let away: Vec<Name> =
                entry.members.iter().map(|(user, _)| *user).filter(|user| !self.is_here(*user)).collect();
            for user in away {
                self.take_out(group, user);
            }
        }
        self.groups.entry(group).or_default().settings = settings.clone();
        self.tell_news(group, GroupNews::Changed { by: me, settings }, None);
        Ok(())
    }

    /// The bans and mutes of a group, for who may see them.
    pub(super) fn sanctions(&self, me: Name, group: Name) -> Result<Vec<(Name, Penalty)>, UserError> {
        let (entry, _) = self.with_role(me, group, GroupRole::Admin)?;
        let holding = entry.sanctions.iter().filter(|(.., terms)| terms.until.is_none_or(|until| self.now < until));
        let mut all: Vec<(Name, Penalty)> = holding.map(|(user, penalty, _)| (*user, *penalty)).collect();
        all.sort_unstable();
        Ok(all)
    }
}
