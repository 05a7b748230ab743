//! Making, changing and entering accounts: the questions, and why a login or a registration fails.

use std::time::SystemTime;

use super::name::{BadName, Name};

/// A question whose answer is a secret, never shown, logged or stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Question {
    /// The password, to confirm who is asking.
    Password,
    /// The current password.
    OldPassword,
    /// The new password.
    NewPassword,
    /// The new password once more.
    SameAgain,
}

/// Why a login failed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "the fields are named after what they hold")]
pub enum LoginError {
    /// Unknown name or wrong password: the same for both.
    WrongNameOrPassword,
    /// Right password, but the user is logged in and the policy is `refuse`.
    AlreadyLoggedIn,
    /// Right password, but the user has as many sessions as allowed.
    TooManySessions { limit: usize },
    /// Not checked: too many wrong passwords came from the address.
    TooManyAttempts,
    /// As many guests as allowed are online.
    TooManyGuests { limit: usize },
    /// Not checked: tokens cannot be read at the moment.
    TokensUnreadable,
    /// Right password, but an operator has banned the user.
    Banned { until: Option<SystemTime>, why: String },
    /// Too many connections from the address are logging in.
    TooManyConnections { limit: usize },
}

/// Why a registration failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RegistrationError {
    /// The server does not register users itself.
    Closed,
    /// The text after `/register` is not a name, or too much.
    Usage,
    /// The server only registers invited users, and no invitation was given.
    NeedsInvite,
    /// The invitation is unknown, used up or expired.
    BadInvite,
    /// The name is not valid.
    BadName(BadName),
    /// The name is reserved for guests.
    GuestName,
    /// An account has the name, or had it.
    Taken,
    /// The two passwords are not the same.
    PasswordsDiffer,
    /// The password cannot be used; the reason follows "the password".
    BadPassword(String),
    /// The server has as many accounts as users may create.
    Full,
    /// Too many accounts were registered from the address.
    TooMany,
    /// Too many attempts came from the address that might be guesses.
    TooManyAttempts,
    /// The server did not get to it before the deadline.
    Busy,
    /// The account cannot be stored.
    Unavailable,
}

impl LoginError {
    /// Its fixed words in the log; with underscores, its code.
    pub fn as_str(&self) -> &'static str {
        match self {
            LoginError::WrongNameOrPassword => "wrong name or password",
            LoginError::AlreadyLoggedIn => "already logged in",
            LoginError::TooManySessions { .. } => "too many sessions",
            LoginError::TooManyAttempts => "too many attempts",
            LoginError::TooManyGuests { .. } => "too many guests",
            LoginError::TokensUnreadable => "unavailable",
            LoginError::Banned { .. } => "banned",
            LoginError::TooManyConnections { .. } => "too many connections",
        }
    }
}

impl RegistrationError {
    /// Its fixed words in the log; with underscores, its code.
    pub fn as_str(&self) -> &'static str {
        match self {
            RegistrationError::Closed => "closed",
            RegistrationError::Usage => "usage",
            RegistrationError::NeedsInvite => "no invitation",
            RegistrationError::BadInvite => "bad invitation",
            RegistrationError::BadName(_) | RegistrationError::GuestName => "bad name",
            RegistrationError::Taken => "name taken",
            RegistrationError::PasswordsDiffer => "passwords differ",
            RegistrationError::BadPassword(_) => "bad password",
            RegistrationError::Full => "too many accounts",
            RegistrationError::TooMany => "too many registrations",
            RegistrationError::TooManyAttempts => "too many attempts",
            RegistrationError::Busy => "busy",
            RegistrationError::Unavailable => "unavailable",
        }
    }
}

/// A login token as its owner sees it later, without the secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenShown {
    /// The name that the owner gave it.
    pub name: Name,
    /// When it was created.
    pub made: SystemTime,
    /// When it expires; `None` for never.
    pub expires: Option<SystemTime>,
}
