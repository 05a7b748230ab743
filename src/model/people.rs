//! What is shown of users and groups to who asks.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::name::Name;

/// One group with its members, both in alphabetical order.
pub type Roster = (Name, Vec<Name>);

/// One in a list: a user, and why he is away if he is; or a group, and of a room what it is about.
pub type NameAndNote = (Name, Option<Arc<str>>);

/// What is known of a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// His name as registered.
    pub name: Name,
    /// What is known while he is here.
    pub online: Option<Online>,
    /// When his last session ended; `None` if that was before the server started.
    pub last_seen: Option<SystemTime>,
}

/// What is known of a user who is here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Online {
    /// When his first session of those he has began.
    pub since: SystemTime,
    /// How long ago he last said something.
    pub idle: Duration,
    /// Why he is away, if he is.
    pub away: Option<Arc<str>>,
    /// The groups that he and who asks are both in.
    pub shared: Vec<Name>,
}
