//! What an operator's act has done or found out, as values: worded in a dialect, or put into a table or JSON.

use std::time::{Duration, SystemTime};

use super::message::MessageId;
use super::name::Name;
use super::sanction::Penalty;

/// The answer to an operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AdminAnswer {
    /// Something was done.
    Done(Outcome),
    /// Something was found out.
    Table(Table),
}

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "the fields of a deed are named by what they are")]
pub enum Outcome {
    /// So many sessions of somebody, or one of them, are asked to end.
    Disconnected { whom: String, sessions: usize },
    /// A penalty holds from now on; so many sessions end for it.
    Sanctioned { penalty: Penalty, whom: String, until: Option<SystemTime>, sessions: usize },
    /// A penalty holds no more.
    Lifted { penalty: Penalty, whom: String },
    /// So many sessions are told.
    Announced { sessions: usize },
    /// A message has lost its text.
    Deleted { id: MessageId, from: Name },
    /// A group is gone.
    Dropped { group: Name, members: usize },
    /// A user has another name; so many sessions of his ended for it.
    Renamed { from: Name, to: Name, sessions: usize },
    /// What can be read again while the server runs was read again.
    Reloaded { users: usize, words: usize },
    /// The server is to stop: in so long, or now.
    ShutdownScheduled { after: Option<Duration> },
    /// It goes on after all.
    ShutdownCancelled,
    /// The operators know of it, so many of them at once.
    Reported { number: u64, operators: usize },
    /// A report needs nobody any more.
    ReportDone { number: u64 },
}

/// Rows of values, all of one kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// Of what, in one word.
    pub of: &'static str,
    /// What the values of a row are, in one word each; a free text is `text` and stands last.
    pub columns: &'static [&'static str],
    /// As many values a row as columns.
    pub rows: Vec<Vec<Cell>>,
}

/// One value of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cell {
    /// A word or a text.
    Text(String),
    /// A number.
    Number(u64),
    /// A moment; `None` for never.
    Time(Option<SystemTime>),
}

impl Cell {
    /// A text.
    pub fn text(value: impl ToString) -> Cell {
        Cell::Text(value.to_string())
    }

    /// A number; what does not fit is as large as can be.
    pub fn count(value: usize) -> Cell {
        Cell::Number(u64::try_from(value).unwrap_or(u64::MAX))
    }
}
