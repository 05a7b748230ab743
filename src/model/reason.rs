//! Every way a client leaves, in one closed list: it decides the log word and how much is still written to him.

use std::fmt;

use super::name::Name;

/// Why a connection ends. Its `Display` is the fixed word in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum QuitReason {
    /// He said `/quit`.
    Quit,
    /// He closed his side, with everything he had sent handled.
    Eof,
    /// The connection broke: reset, timed out, unreachable.
    Lost,
    /// Nothing came from him for longer than the idle limit.
    Idle,
    /// The login was not finished before its deadline.
    LoginTimeout,
    /// Wrong name or password, or the name is in use.
    LoginFailed,
    /// He reads more slowly than is said to him, beyond what his outbox holds.
    SlowReader,
    /// He sent far more than a line without a line end.
    Flood,
    /// What he speaks is another protocol (TLS, HTTP).
    WrongProtocol,
    /// All places for logged-in clients are taken.
    ServerFull,
    /// His place among the not-yet-logged-in was needed for someone from an address that holds fewer.
    Crowded,
    /// An operator closed the session.
    Kicked,
    /// An operator has banned the user, or his address.
    Banned,
    /// The same user logged in again, under the policy `replace`.
    Replaced,
    /// The login token that the session used was revoked.
    Revoked,
    /// The user's account was deleted.
    Deleted,
    /// An operator gave the user this name in place of the one that he had.
    Renamed(Name),
    /// The server stops.
    Shutdown,
    /// A fault of ours ended this one session.
    Panic,
}

/// How much is still written to a client who leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LastWords {
    /// Everything queued, at the reader's own pace (the deadline on the oldest item holds).
    AllInTime,
    /// What can be written at once or nearly so, then the reason.
    Brief,
    /// Nothing: the connection is gone or full.
    None,
}

impl QuitReason {
    /// How much of what is queued is still written before the connection is closed.
    pub fn last_words(self) -> LastWords {
        match self {
            QuitReason::Quit | QuitReason::Eof => LastWords::AllInTime,
            QuitReason::Lost | QuitReason::SlowReader => LastWords::None,
            QuitReason::Idle
            | QuitReason::LoginTimeout
            | QuitReason::LoginFailed
            | QuitReason::Flood
            | QuitReason::WrongProtocol
            | QuitReason::ServerFull
            | QuitReason::Crowded
            | QuitReason::Kicked
            | QuitReason::Banned
            | QuitReason::Replaced
            | QuitReason::Revoked
            | QuitReason::Deleted
            | QuitReason::Renamed(_)
            | QuitReason::Shutdown
            | QuitReason::Panic => LastWords::Brief,
        }
    }

    /// The fixed words for it in the log.
    pub fn as_str(self) -> &'static str {
        match self {
            QuitReason::Quit => "quit",
            QuitReason::Eof => "closed by client",
            QuitReason::Lost => "connection lost",
            QuitReason::Idle => "idle",
            QuitReason::LoginTimeout => "login timeout",
            QuitReason::LoginFailed => "login failed",
            QuitReason::SlowReader => "slow reader",
            QuitReason::Flood => "flood",
            QuitReason::WrongProtocol => "wrong protocol",
            QuitReason::ServerFull => "server full",
            QuitReason::Crowded => "crowded out",
            QuitReason::Kicked => "kicked",
            QuitReason::Banned => "banned",
            QuitReason::Replaced => "replaced",
            QuitReason::Revoked => "token revoked",
            QuitReason::Deleted => "account deleted",
            QuitReason::Renamed(_) => "renamed",
            QuitReason::Shutdown => "shutdown",
            QuitReason::Panic => "panic",
        }
    }
}

impl fmt::Display for QuitReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
