//! The naive model of running a group: roles, bans, mutes, invitations, settings.

use super::model::{Answer, Model};
use crate::model::limits::INVITATION_TIME;
use crate::model::{Change, EventKind, GroupError, GroupNews, Name, Role, Sanction, Sanctioned, UserError, Withheld};

impl Model {
    pub(super) fn move_role(&mut self, me: Name, user: Name, group: Name, up: bool) -> Answer {
        let (entry, _) = self.run_by(me, group, Role::Owner)?;
        let role = entry.role(user).ok_or(GroupError::UserNotMember(user, group))?;
        let next = match (role, up) {
            (Role::Member, true) | (Role::Owner, false) => Role::Admin,
            (Role::Admin, true) => Role::Owner,
            (Role::Admin, false) => Role::Member,
            _ => return Err(GroupError::RoleAlready(user, group, role).into()),
        };
        if role == Role::Owner && entry.members.iter().filter(|(_, role)| *role == Role::Owner).count() == 1 {
            return Err(GroupError::LastOwner(group).into());
        }
        self.groups.entry(group).or_default().set_role(user, next);
        self.tell_news(group, GroupNews::Role { user, role: next, by: Some(me) }, None);
        Ok(())
    }

    pub(super) fn transfer(&mut self, me: Name, user: Name, group: Name) -> Answer {
        let (entry, _) = self.run_by(me, group, Role::Owner)?;
        let role = entry.role(user).ok_or(GroupError::UserNotMember(user, group))?;
        if user == me {
            return Err(GroupError::RoleAlready(user, group, role).into());
        }
        for (user, role) in [(user, Role::Owner), (me, Role::Admin)] {
            self.groups.entry(group).or_default().set_role(user, role);
            self.tell_news(group, GroupNews::Role { user, role, by: Some(me) }, None);
        }
        Ok(())
    }

    pub(super) fn kick(&mut self, me: Name, user: Name, group: Name) -> Answer {
        let entry = self.ruled_by(me, group, user)?;
        entry.role(user).ok_or(GroupError::UserNotMember(user, group))?;
        let news = |you| GroupNews::Kicked { user, by: me, reason: None, you };
        self.tell_news(group, news(false), Some(user));
        self.tell(&EventKind::Group { group, news: news(true) }, |name| name == user);
        self.take_out(group, user);
        Ok(())
    }

    pub(super) fn withhold(&mut self, me: Name, group: Name, one: Sanctioned) -> Answer {
        let Sanctioned { user, what, sanction } = one;
        let inside = self.ruled_by(me, group, user)?.role(user).is_some();
        let entry = self.groups.entry(group).or_default();
        entry.sanctions.retain(|(of, kind, _)| *of != user || *kind != what);
        entry.sanctions.push((user, what, sanction.clone()));
        if what == Withheld::Entry {
            entry.invited.retain(|(name, _)| *name != user);
        }
        let news = |you| GroupNews::Withheld { user, what, sanction: sanction.clone(), you };
        self.tell_news(group, news(false), Some(user));
        self.tell(&EventKind::Group { group, news: news(true) }, |name| inside && name == user);
        if what == Withheld::Entry {
            self.take_out(group, user);
        }
        Ok(())
    }

    pub(super) fn give_back(&mut self, me: Name, user: Name, group: Name, what: Withheld) -> Answer {
        let entry = self.ruled_by(me, group, user)?;
        if entry.sanction(user, what, self.now).is_none() {
            return Err(match what {
                Withheld::Entry => GroupError::NotBanned(user, group),
                Withheld::Voice => GroupError::NotMuted(user, group),
            }
            .into());
        }
        let kept = |(of, kind, _): &(Name, Withheld, Sanction)| *of != user || *kind != what;
        self.groups.entry(group).or_default().sanctions.retain(kept);
        let news = |you| GroupNews::GivenBack { user, what, by: me, you };
        self.tell_news(group, news(false), Some(user));
        self.tell(&EventKind::Group { group, news: news(true) }, |name| name == user && entry.role(name).is_some());
        Ok(())
    }

    pub(super) fn invite(&mut self, me: Name, user: Name, group: Name) -> Answer {
        let (entry, _) = self.run_by(me, group, Role::Admin)?;
        if !self.is_here(user) {
            return Err(UserError::NotOnline(user));
        }
        if entry.role(user).is_some() {
            return Err(GroupError::UserAlreadyMember(user, group).into());
        }
        if entry.sanction(user, Withheld::Entry, self.now).is_some() {
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

    pub(super) fn set(&mut self, me: Name, group: Name, change: &Change) -> Answer {
        let needed = if matches!(change, Change::Topic(_)) { Role::Admin } else { Role::Owner };
        let (entry, _) = self.run_by(me, group, needed)?;
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
    pub(super) fn sanctions(&self, me: Name, group: Name) -> Result<Vec<(Name, Withheld)>, UserError> {
        let (entry, _) = self.run_by(me, group, Role::Admin)?;
        let holding =
            entry.sanctions.iter().filter(|(.., sanction)| sanction.until.is_none_or(|until| self.now < until));
        let mut all: Vec<(Name, Withheld)> = holding.map(|(user, what, _)| (*user, *what)).collect();
        all.sort_unstable();
        Ok(all)
    }
}
