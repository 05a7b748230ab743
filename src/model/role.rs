//! What somebody may do on the whole server, beside what everybody may.

use std::fmt;

use clap::ValueEnum;

/// A server role; each may do all that those before it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, ValueEnum)]
pub enum Role {
    /// Everybody.
    #[default]
    User,
    /// Keeps order among users.
    Moderator,
    /// Runs the server.
    Admin,
}

impl Role {
    /// Its word, as it is typed and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Role::User => "user",
            Role::Moderator => "moderator",
            Role::Admin => "admin",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
