//! Groups: roles, settings, bans and mutes, and their news.

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use chrono::{DateTime, Utc};

use super::name::Name;
use super::sanction::Penalty;

/// The role of a member; a later one may do more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum GroupRole {
    /// Reads and writes.
    #[default]
    Member,
    /// Also invites, kicks, bans and mutes members, and sets the topic.
    Admin,
    /// Also changes roles and settings.
    Owner,
}

/// The hash of a group's password.
#[derive(Clone, PartialEq, Eq)]
pub struct GroupPassword(Arc<str>);

/// The settings of a group, chosen by its owners.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct GroupSettings {
    /// The maximum number of members; `None` for no limit.
    pub limit: Option<usize>,
    /// Hidden from users who are not in it.
    pub private: bool,
    /// Only owners and admins may write.
    pub announce: bool,
    /// Kept while it is empty, and across restarts.
    pub keep: bool,
    /// Its messages are never stored.
    pub ephemeral: bool,
    /// A room made with `/room`; its name is the code for joining.
    pub room: bool,
    /// Its topic.
    pub topic: Option<Arc<str>>,
    /// The password for joining without an invitation.
    pub password: Option<GroupPassword>,
}

/// A change of one setting.
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

/// The terms of a ban or mute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SanctionTerms {
    /// The owner or admin who imposed it.
    pub by: Name,
    /// The reason they gave.
    pub reason: Option<Arc<str>>,
    /// When it expires; `None` for never.
    pub until: Option<SystemTime>,
}

/// An entry in the list of bans and mutes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupSanction {
    /// The banned or muted user.
    pub user: Name,
    /// Ban or mute.
    pub penalty: Penalty,
    /// Its terms.
    pub terms: SanctionTerms,
}

/// The answer to `/group`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupInfo {
    /// Its settings.
    pub settings: GroupSettings,
    /// The number of members.
    pub members: usize,
    /// Its owners, in alphabetical order.
    pub owners: Vec<Name>,
    /// Its admins, in alphabetical order.
    pub admins: Vec<Name>,
    /// The role of the user who asks, if they are a member.
    pub role: Option<GroupRole>,
}

/// News of a group, apart from messages, joining and leaving.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "the fields are named after what they hold")]
pub enum GroupNews {
    /// A member has a new role; `by` is `None` for a member who follows the last owner.
    Role { user: Name, role: GroupRole, by: Option<Name> },
    /// A member was kicked; `you` in the copy for them.
    Kicked { user: Name, by: Name, reason: Option<Arc<str>>, you: bool },
    /// A user was banned or muted; `you` in the copy for them.
    Sanctioned { user: Name, penalty: Penalty, terms: SanctionTerms, you: bool },
    /// A ban or mute was lifted; `you` in the copy for the user.
    Lifted { user: Name, penalty: Penalty, by: Name, you: bool },
    /// One page of the answer to `/bans`; `first` for the first page.
    Bans { all: Vec<GroupSanction>, first: bool },
    /// Answer to `/invite`.
    YouInvited { user: Name },
    /// An invitation, for the invited user.
    Invited { by: Name },
    /// The settings were changed to these.
    Changed { by: Name, settings: GroupSettings },
    /// Answer to `/group`.
    GroupInfo(Box<GroupInfo>),
    /// Answer to `/room create`.
    RoomCreated { limit: usize, topic: Option<Arc<str>> },
    /// Answer to `/room join`, with the number of users in the room.
    RoomJoined { count: usize, limit: usize, topic: Option<Arc<str>> },
    /// A user joined a room; sent to the others.
    RoomEntered { user: Name, count: usize, limit: usize },
    /// Answer to `/room leave`; `gone` if the room was deleted with its last user.
    YouLeftRoom { gone: bool },
    /// A user left a room; sent to the others.
    RoomLeft { user: Name, count: usize, limit: usize },
}

impl GroupRole {
    /// The next higher role.
    pub fn above(self) -> Option<GroupRole> {
        match self {
            GroupRole::Member => Some(GroupRole::Admin),
            GroupRole::Admin => Some(GroupRole::Owner),
            GroupRole::Owner => None,
        }
    }

    /// The next lower role.
    pub fn below(self) -> Option<GroupRole> {
        match self {
            GroupRole::Member => None,
            GroupRole::Admin => Some(GroupRole::Member),
            GroupRole::Owner => Some(GroupRole::Admin),
        }
    }

    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            GroupRole::Member => "member",
            GroupRole::Admin => "admin",
            GroupRole::Owner => "owner",
        }
    }
}

impl GroupPassword {
    /// Wraps a hash.
    pub fn hashed(text: &str) -> GroupPassword {
        GroupPassword(text.into())
    }

    /// The hash.
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
    /// The settings of a room.
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

    /// Applies one change.
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

    /// The settings of a new group with these changes.
    pub fn with(changes: &[GroupSetting]) -> GroupSettings {
        let mut settings = GroupSettings::default();
        changes.iter().for_each(|change| settings.apply(change));
        settings
    }
}

impl GroupNews {
    /// Roughly how many bytes its texts and lists take in memory.
    pub fn text_len(&self) -> usize {
        let of = |text: &Option<Arc<str>>| text.as_ref().map_or(0, |text| text.len());
        match self {
            GroupNews::Kicked { reason, .. } => of(reason),
            GroupNews::Sanctioned { terms, .. } => of(&terms.reason),
            GroupNews::Changed { settings, .. } => of(&settings.topic),
            GroupNews::RoomCreated { topic, .. } | GroupNews::RoomJoined { topic, .. } => of(topic),
            GroupNews::Bans { all, .. } => {
                all.iter().map(|one| size_of::<GroupSanction>() + of(&one.terms.reason)).sum()
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
    /// Whether it is still in force. It expires by comparison, without a sweep.
    pub fn holds(&self, now: SystemTime) -> bool {
        self.until.is_none_or(|until| now < until)
    }
}

/// The end of a sentence about a ban or mute: ` until 2026-11-20 17:03 UTC: spam`, or just `.`.
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
    fn a_sanction_expires_at_its_time_or_never() {
        let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        let by = "ann".parse().unwrap();
        let timed = SanctionTerms { by, reason: None, until: Some(at(10)) };
        assert!(timed.holds(at(9)) && !timed.holds(at(10)) && !timed.holds(at(11)));
        assert!(SanctionTerms { until: None, ..timed }.holds(at(u64::from(u32::MAX))));
    }

    #[test]
    fn roles_are_ordered() {
        let all = [GroupRole::Member, GroupRole::Admin, GroupRole::Owner];
        assert!(all.is_sorted() && GroupRole::default() == GroupRole::Member);
        assert!(all.windows(2).all(|two| two[0].above() == Some(two[1]) && two[1].below() == Some(two[0])));
        assert!(GroupRole::Owner.above().is_none() && GroupRole::Member.below().is_none());
    }

    #[test]
    fn debug_output_hides_the_password() {
        let settings = GroupSettings::with(&[GroupSetting::Password(Some(GroupPassword::hashed("secret")))]);
        assert!(!format!("{settings:?}").contains("secret"));
    }
}
