//! Roles on the server.

use std::fmt;

use clap::ValueEnum;

/// A role on the server; each includes the rights of those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, ValueEnum)]
pub enum Role {
    /// Everybody without another role.
    #[default]
    User,
    /// Moderates users and messages.
    Moderator,
    /// Runs the server.
    Admin,
}

impl Role {
    /// The word for it, as typed and shown.
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
