//! Why connections end: one closed list, which decides the word in the log and how much is still written.

use std::fmt;

use super::name::Name;

/// Why a connection ends. Its `Display` is the fixed wording in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum QuitReason {
    /// The user typed `/quit`.
    Quit,
    /// The client closed its side, and all its input has been handled.
    Eof,
    /// The connection broke: reset, timed out or unreachable.
    Lost,
    /// The client sent nothing for longer than the idle limit.
    Idle,
    /// The login did not complete before its deadline.
    LoginTimeout,
    /// Wrong name or password, or the name is in use.
    LoginFailed,
    /// The client read too slowly and its outbox overflowed.
    SlowReader,
    /// The client sent far more than a line without a line end.
    Flood,
    /// The client speaks another protocol, such as TLS or HTTP.
    WrongProtocol,
    /// The server has as many clients as it may have.
    ServerFull,
    /// The connection waited to log in, and its place was given to an address that holds fewer.
    Crowded,
    /// An operator closed the session.
    Kicked,
    /// An operator banned the user or the address.
    Banned,
    /// The user logged in again under the policy `replace`.
    Replaced,
    /// The login token that the session used was revoked.
    Revoked,
    /// The user's account was deleted.
    Deleted,
    /// An operator renamed the user to this name.
    Renamed(Name),
    /// The server is stopping.
    Shutdown,
    /// A fault in the server ended this one session.
    Panic,
}

/// How much is still written to a client that leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LastWords {
    /// Everything queued, at the client's own pace; the deadline of the oldest item still applies.
    AllInTime,
    /// As much as can be written almost at once, then the reason.
    Brief,
    /// Nothing: the connection is gone or full.
    None,
}

impl QuitReason {
    /// How much of the outbox is written before the connection is closed.
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

    /// The fixed wording in the log and the metrics.
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
