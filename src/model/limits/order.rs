//! Bounds of what operators do and what they are told.

use std::time::Duration;

/// Bans and mutes of the server that hold at the same time.
pub const SANCTIONS: usize = 10_000;

/// Reports of users that wait for an operator; beyond it nobody can report more.
pub const REPORTS: usize = 1_000;

/// What a report costs of its sender's budget, in commands: it is stored, and every operator hears of it.
pub const REPORT_COST: usize = 50;

/// The most characters of the reason an operator gives, or of what a report says; it stands in lists.
pub const REASON_CHARS: usize = 200;

/// Requests to the console at the same time; the others wait.
pub const CTL_CLIENTS: usize = 8;

/// The longest request to the console, in bytes.
pub const CTL_BYTES: usize = 8 * 1024;

/// How long a request to the console may take to come, and its answer to be taken.
pub const CTL_TIME: Duration = Duration::from_secs(2);

/// How long the sessions of a user may take to end before he gets another name, and then his turn to change the users file.
pub const RENAME_TIME: Duration = Duration::from_secs(5);

/// An operator who waits for his turn looks this often whether his own session is to end for somebody else's act.
pub const TURN_CHECK: Duration = Duration::from_millis(50);

/// How long the audit log does not say again that an operator looks at the same thing: a page that is open looks every few
/// seconds.
pub const VIEW_AUDIT_INTERVAL: Duration = Duration::from_secs(600);

/// The most bytes of the word filter's file.
pub const FILTER_BYTES: usize = 64 * 1024;

/// The most patterns of the word filter: each is held against each word that is said.
pub const FILTER_PATTERNS: usize = 500;
