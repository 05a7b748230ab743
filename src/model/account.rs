//! What is asked of, and told to, who makes or changes an account.

use std::time::SystemTime;

use super::name::{BadName, Name};

/// A question whose answer is a secret: it is never shown, logged or kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Question {
    /// His password, to be sure that it is he.
    Password,
    /// The password that he has.
    OldPassword,
    /// The password that he wants.
    NewPassword,
    /// The new password once more.
    SameAgain,
}

/// Why nobody was registered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotRegistered {
    /// The server registers nobody by itself.
    Closed,
    /// What came after `/register` is no name, or too much.
    Usage,
    /// Only who was invited may register, and he gave no invitation.
    NeedsInvite,
    /// The invitation is none, or was used, or is too old.
    BadInvite,
    /// The name is none.
    BadName(BadName),
    /// The name is one of those that guests get.
    GuestName,
    /// Somebody has the name, or had it.
    Taken,
    /// The two passwords are not the same.
    Differ,
    /// The password is none; what is wrong with it follows on "the password".
    BadPassword(String),
    /// There are as many accounts as people may make.
    Full,
    /// Too many were registered from his address.
    TooMany,
    /// Too many tries came from his address that might be guesses.
    TooManyAttempts,
    /// Until the end of his time it was not his turn.
    Busy,
    /// The account cannot be stored.
    Unavailable,
}

impl NotRegistered {
    /// The fixed words for it in the log.
    pub fn as_str(&self) -> &'static str {
        match self {
            NotRegistered::Closed => "closed",
            NotRegistered::Usage => "usage",
            NotRegistered::NeedsInvite => "no invitation",
            NotRegistered::BadInvite => "bad invitation",
            NotRegistered::BadName(_) | NotRegistered::GuestName => "bad name",
            NotRegistered::Taken => "name taken",
            NotRegistered::Differ => "passwords differ",
            NotRegistered::BadPassword(_) => "bad password",
            NotRegistered::Full => "too many accounts",
            NotRegistered::TooMany => "too many registrations",
            NotRegistered::TooManyAttempts => "too many attempts",
            NotRegistered::Busy => "busy",
            NotRegistered::Unavailable => "unavailable",
        }
    }
}

/// A login token as its owner sees it again: all but the secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenShown {
    /// What he calls it.
    pub name: Name,
    /// When he made it.
    pub made: SystemTime,
    /// When it ceases to be good; `None` for never.
    pub expires: Option<SystemTime>,
}
