//! What a group is beside its name: the roles in it, what its owners chose, and who may not do what.

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use chrono::{DateTime, Utc};

use super::name::Name;
use super::sanction::Penalty;

/// What somebody is in a group; a later one may do more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum GroupRole {
    /// Reads and talks.
    #[default]
    Member,
    /// Also invites, kicks, bans and mutes members, and sets the topic.
    Admin,
    /// Also changes roles and settings.
    Owner,
}

/// What is kept of a group's password: enough to know it again, and too little to learn it.
#[derive(Clone, PartialEq, Eq)]
pub struct GroupPassword(Arc<str>);

/// What the owners of a group chose.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct GroupSettings {
    /// The most members it may have; `None` for any number.
    pub limit: Option<usize>,
    /// Outsiders do not learn of it.
    pub private: bool,
    /// Only owners and admins talk.
    pub announce: bool,
    /// It is there while nobody is, and after a restart.
    pub keep: bool,
    /// What is said in it is kept nowhere.
    pub ephemeral: bool,
    /// It is one of those that anybody makes with `/room`, and its name is the code that lets others in.
    pub room: bool,
    /// What it is about.
    pub topic: Option<Arc<str>>,
    /// What joins it without an invitation.
    pub password: Option<GroupPassword>,
}

/// One thing that an owner changes.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "each is the field of the same name")]
pub enum GroupSetting {
    Limit(Option<usize>),
    Private(bool),
    Announce(bool),
    Keep(bool),
    Ephemeral(bool),
    Topic(Option<Arc<str>>),
    Password(Option<GroupPassword>),
}

/// A ban or a mute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SanctionTerms {
    /// Who decided it.
    pub by: Name,
    /// Why, in his words.
    pub reason: Option<Arc<str>>,
    /// When it ends by itself; `None` for never.
    pub until: Option<SystemTime>,
}

/// One line of the list of bans and mutes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupSanction {
    /// Whom it is about.
    pub user: Name,
    /// What is withheld from him.
    pub penalty: Penalty,
    /// By whom, why and how long.
    pub ruling: SanctionTerms,
}

/// What a group shows of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupInfo {
    /// What its owners chose.
    pub settings: GroupSettings,
    /// How many members it has.
    pub members: usize,
    /// Its owners, in alphabetical order.
    pub owners: Vec<Name>,
    /// Its admins, in alphabetical order.
    pub admins: Vec<Name>,
    /// What who asks is in it, if he is in it.
    pub role: Option<GroupRole>,
}

/// What happens in a group, beside what is said in it and who comes and goes.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "the fields are named by what they are")]
pub enum GroupNews {
    /// Somebody is something else from now on; `by` nobody when he follows the last owner.
    Role { user: Name, role: GroupRole, by: Option<Name> },
    /// Somebody has to leave; `you` to himself.
    Kicked { user: Name, by: Name, reason: Option<Arc<str>>, you: bool },
    /// Something is withheld from somebody; `you` to himself.
    Sanctioned { user: Name, penalty: Penalty, ruling: SanctionTerms, you: bool },
    /// It is given back to him; `you` to himself.
    Lifted { user: Name, penalty: Penalty, by: Name, you: bool },
    /// Answer to `/bans`: one page of it, `first` when it opens the list.
    Bans { all: Vec<GroupSanction>, first: bool },
    /// Answer to `/invite`.
    YouInvited { user: Name },
    /// Told to who is invited.
    Invited { by: Name },
    /// Settings were changed: how they are now.
    Changed { by: Name, settings: GroupSettings },
    /// Answer to `/group`.
    GroupInfo(Box<GroupInfo>),
    /// Answer to `/room create`.
    RoomCreated { limit: usize, topic: Option<Arc<str>> },
    /// Answer to `/room join`: how many are in it now.
    RoomJoined { count: usize, limit: usize, topic: Option<Arc<str>> },
    /// Somebody came into a room: told to the others.
    RoomEntered { user: Name, count: usize, limit: usize },
    /// Answer to `/room leave`; `gone` when he was the last one.
    YouLeftRoom { gone: bool },
    /// Somebody left a room: told to those who stay.
    RoomLeft { user: Name, count: usize, limit: usize },
}

impl GroupRole {
    /// The next one above, if there is one.
    pub fn above(self) -> Option<GroupRole> {
        match self {
            GroupRole::Member => Some(GroupRole::Admin),
            GroupRole::Admin => Some(GroupRole::Owner),
            GroupRole::Owner => None,
        }
    }

    /// The next one below, if there is one.
    pub fn below(self) -> Option<GroupRole> {
        match self {
            GroupRole::Member => None,
            GroupRole::Admin => Some(GroupRole::Member),
            GroupRole::Owner => Some(GroupRole::Admin),
        }
    }

    /// One word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            GroupRole::Member => "member",
            GroupRole::Admin => "admin",
            GroupRole::Owner => "owner",
        }
    }
}

impl GroupPassword {
    /// What was made of a password by hashing it.
    pub fn hashed(text: &str) -> GroupPassword {
        GroupPassword(text.into())
    }

    /// What a guess is compared with.
    pub fn hash(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for GroupPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("GroupPassword")
    }
}

impl GroupSettings {
    /// Those of a room for so many, about something or anything.
    pub fn of_room(limit: usize, topic: Option<Arc<str>>) -> GroupSettings {
        GroupSettings {
            limit: Some(limit),
            private: true,
            ephemeral: true,
            room: true,
            topic,
            ..GroupSettings::default()
        }
    }

    /// Changes one thing.
    pub fn apply(&mut self, change: &GroupSetting) {
        match change {
            GroupSetting::Limit(limit) => self.limit = *limit,
            GroupSetting::Private(on) => self.private = *on,
            GroupSetting::Announce(on) => self.announce = *on,
            GroupSetting::Keep(on) => self.keep = *on,
            GroupSetting::Ephemeral(on) => self.ephemeral = *on,
            GroupSetting::Topic(topic) => self.topic.clone_from(topic),
            GroupSetting::Password(password) => self.password.clone_from(password),
        }
    }

    /// Those of a new group with these changes.
    pub fn with(changes: &[GroupSetting]) -> GroupSettings {
        let mut settings = GroupSettings::default();
        changes.iter().for_each(|change| settings.apply(change));
        settings
    }
}

impl GroupNews {
    /// About how many bytes its texts and lists keep in memory.
    pub fn text_len(&self) -> usize {
        let of = |text: &Option<Arc<str>>| text.as_ref().map_or(0, |text| text.len());
        match self {
            GroupNews::Kicked { reason, .. } => of(reason),
            GroupNews::Sanctioned { ruling, .. } => of(&ruling.reason),
            GroupNews::Changed { settings, .. } => of(&settings.topic),
            GroupNews::RoomCreated { topic, .. } | GroupNews::RoomJoined { topic, .. } => of(topic),
            GroupNews::Bans { all, .. } => {
                all.iter().map(|one| size_of::<GroupSanction>() + of(&one.ruling.reason)).sum()
            }
            GroupNews::GroupInfo(portrait) => {
                of(&portrait.settings.topic) + (portrait.owners.len() + portrait.admins.len()) * size_of::<Name>()
            }
            GroupNews::Role { .. }
            | GroupNews::Lifted { .. }
            | GroupNews::YouInvited { .. }
            | GroupNews::Invited { .. }
            | GroupNews::RoomEntered { .. }
            | GroupNews::YouLeftRoom { .. }
            | GroupNews::RoomLeft { .. } => 0,
        }
    }
}

impl SanctionTerms {
    /// Whether it still holds. Nothing else ends it, so nobody has to sweep.
    pub fn holds(&self, now: SystemTime) -> bool {
        self.until.is_none_or(|until| now < until)
    }
}

/// When something ends and why, as the end of a sentence: ` until 2026-11-20 17:03 UTC: spam`, or just `.`.
pub struct EndAndReason<'a>(pub Option<SystemTime>, pub Option<&'a str>);

impl fmt::Display for EndAndReason<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(until) = self.0 {
            write!(f, " until {}", DateTime::<Utc>::from(until).format("%Y-%m-%d %H:%M UTC"))?;
        }
        match self.1 {
            Some(reason) => write!(f, ": {reason}"),
            None => f.write_str("."),
        }
    }
}

/// A role with its article.
pub struct Article(pub GroupRole);

impl fmt::Display for Article {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let article = match self.0 {
            GroupRole::Member => "a",
            GroupRole::Admin | GroupRole::Owner => "an",
        };
        write!(f, "{article} {}", self.0.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_sanction_ends_at_its_time_and_one_without_never() {
        let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        let by = "ann".parse().unwrap();
        let timed = SanctionTerms { by, reason: None, until: Some(at(10)) };
        assert!(timed.holds(at(9)) && !timed.holds(at(10)) && !timed.holds(at(11)));
        assert!(SanctionTerms { until: None, ..timed }.holds(at(u64::from(u32::MAX))));
    }

    #[test]
    fn roles_go_up_and_down_one_by_one() {
        let all = [GroupRole::Member, GroupRole::Admin, GroupRole::Owner];
        assert!(all.is_sorted() && GroupRole::default() == GroupRole::Member);
        assert!(all.windows(2).all(|two| two[0].above() == Some(two[1]) && two[1].below() == Some(two[0])));
        assert!(GroupRole::Owner.above().is_none() && GroupRole::Member.below().is_none());
    }

    #[test]
    fn a_password_is_shown_nowhere() {
        let settings = GroupSettings::with(&[GroupSetting::Password(Some(GroupPassword::hashed("secret")))]);
        assert!(!format!("{settings:?}").contains("secret"));
    }
}
