//! Facts about users and groups, as shown to a user who asks.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::name::Name;

/// A group and its members in alphabetical order.
pub type Roster = (Name, Vec<Name>);

/// An item of a list: a user with their away message, or a group with a room's topic.
pub type NameAndNote = (Name, Option<Arc<str>>);

/// The profile of a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// The name as registered.
    pub name: Name,
    /// Present while the user is online.
    pub online: Option<Online>,
    /// When the last session ended; `None` if that was before the server started.
    pub last_seen: Option<SystemTime>,
}

/// The profile of a user who is online.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Online {
    /// When the oldest of the current sessions began.
    pub since: SystemTime,
    /// The time since the user last sent a message.
    pub idle: Duration,
    /// The away message, if the user is away.
    pub away: Option<Arc<str>>,
    /// Groups that this user and the asking user have in common.
    pub shared: Vec<Name>,
}
