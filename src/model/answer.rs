//! The results of admin commands, as values for the dialects and the console.

use std::time::{Duration, SystemTime};

use super::message::MessageId;
use super::name::Name;
use super::sanction::Penalty;

/// The answer to an admin command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AdminAnswer {
    /// The command changed something.
    Done(Outcome),
    /// The command listed something.
    Table(Table),
}

/// The result of an admin command that changed something.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "the fields are named after what they hold")]
pub enum Outcome {
    /// Sessions were asked to end.
    Disconnected { whom: String, sessions: usize },
    /// A ban or mute was imposed; `sessions` were asked to end.
    Sanctioned { penalty: Penalty, whom: String, until: Option<SystemTime>, sessions: usize },
    /// A ban or mute was lifted.
    Lifted { penalty: Penalty, whom: String },
    /// An announcement was sent to `sessions`.
    Announced { sessions: usize },
    /// A message was deleted.
    Deleted { id: MessageId, from: Name },
    /// A group was deleted.
    Dropped { group: Name, members: usize },
    /// A user was renamed, after `sessions` of theirs had ended.
    Renamed { from: Name, to: Name, sessions: usize },
    /// The users file and the word filter were reloaded.
    Reloaded { users: usize, words: usize },
    /// The server will shut down after this time, or at once.
    ShutdownScheduled { after: Option<Duration> },
    /// The scheduled shutdown was cancelled.
    ShutdownCancelled,
    /// A report was filed, with `operators` online.
    Reported { number: u64, operators: usize },
    /// A report was closed.
    ReportDone { number: u64 },
}

/// A list with named columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// The subject of the list, in one word.
    pub of: &'static str,
    /// One word per column; a free text is called `text` and comes last.
    pub columns: &'static [&'static str],
    /// One value per column in each row.
    pub rows: Vec<Vec<Cell>>,
}

/// A value in a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cell {
    /// A word or a text.
    Text(String),
    /// A number.
    Number(u64),
    /// A time; `None` for never.
    Time(Option<SystemTime>),
}

impl Cell {
    /// A text.
    pub fn text(value: impl ToString) -> Cell {
        Cell::Text(value.to_string())
    }

    /// A number, saturating at the maximum.
    pub fn count(value: usize) -> Cell {
        Cell::Number(u64::try_from(value).unwrap_or(u64::MAX))
    }
}
