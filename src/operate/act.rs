//! What an operator can want, and who wants it.

use std::fmt;
use std::time::Duration;

use crate::model::{MessageId, Name, Penalty, Role};

/// Who acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// A user who is logged in.
    User(Name),
    /// Whoever has the server's own rights on its machine.
    Console,
}

/// Upon whom, as it was typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum On {
    /// A user.
    User(String),
    /// An address or a network.
    Net(String),
}

/// What an operator wants. A reason that was not given is empty.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "the fields of an act are named by what they are")]
pub enum Act {
    /// To see all sessions.
    Sessions,
    /// To see which groups there are.
    Groups,
    /// To end the sessions of a user, or one session.
    Disconnect { whom: String, why: String },
    /// To lay a penalty on somebody, for a time or for good.
    Lay { penalty: Penalty, on: On, time: Option<Duration>, why: String },
    /// To lift one.
    Lift { penalty: Penalty, on: On, why: String },
    /// To see all that hold.
    Sanctions,
    /// To tell everybody.
    Announce(String),
    /// To delete what somebody else said.
    Delete { id: MessageId, why: String },
    /// To take a group away.
    DropGroup { group: String, why: String },
    /// To see how the server is, in full.
    Stats,
    /// To see the last lines of the log.
    Log { lines: usize },
    /// To see how the server is, again and again: a few numbers, or the sessions.
    Top { sessions: bool },
    /// To give a user another name.
    Rename { whom: String, name: String, why: String },
    /// To have read again what can be.
    Reload { why: String },
    /// To stop the server, at once or in a while.
    Shutdown { after: Option<Duration>, why: String },
    /// To let it go on after all.
    GoOn { why: String },
    /// To see what users reported.
    Reports,
    /// To close a report.
    ReportDone { number: u64, why: String },
}

/// An act in the audit log.
pub(super) struct Entry {
    pub(super) act: &'static str,
    pub(super) on: String,
    pub(super) why: String,
    /// It changes nothing.
    pub(super) look: bool,
}

impl Act {
    /// The least role that may do it.
    pub fn needs(&self) -> Role {
        match self {
            Act::DropGroup { .. }
            | Act::Rename { .. }
            | Act::Stats
            | Act::Log { .. }
            | Act::Top { .. }
            | Act::Reload { .. }
            | Act::Shutdown { .. }
            | Act::GoOn { .. } => Role::Admin,
            Act::Sessions
            | Act::Groups
            | Act::Disconnect { .. }
            | Act::Lay { .. }
            | Act::Lift { .. }
            | Act::Sanctions
            | Act::Announce(_)
            | Act::Delete { .. }
            | Act::Reports
            | Act::ReportDone { .. } => Role::Moderator,
        }
    }

    /// How it stands in the audit log; `None` for what is asked every second.
    pub(super) fn entry(&self) -> Option<Entry> {
        let plain = |act| (act, String::new(), "");
        let (act, on, why) = match self {
            Act::Top { .. } => return None,
            Act::Sessions => plain("sessions"),
            Act::Groups => plain("groups"),
            Act::Sanctions => plain("bans"),
            Act::Stats => plain("stats"),
            Act::Log { lines } => ("log", lines.to_string(), ""),
            Act::Reload { why } => ("reload", String::new(), why.as_str()),
            Act::GoOn { why } => ("shutdown_cancel", String::new(), why.as_str()),
            Act::Reports => plain("reports"),
            Act::Disconnect { whom, why } => ("disconnect", whom.clone(), why.as_str()),
            Act::Lay { penalty, on, time, why } => {
                let time = time.map(|time| format!(" for {}s", time.as_secs())).unwrap_or_default();
                (penalty.word(), format!("{on}{time}"), why.as_str())
            }
            Act::Lift { penalty: Penalty::Ban, on, why } => ("unban", on.to_string(), why.as_str()),
            Act::Lift { penalty: Penalty::Mute, on, why } => ("unmute", on.to_string(), why.as_str()),
            Act::Announce(text) => ("announce", String::new(), text.as_str()),
            Act::Delete { id, why } => ("delete", id.to_string(), why.as_str()),
            Act::DropGroup { group, why } => ("drop_group", group.clone(), why.as_str()),
            Act::Rename { whom, name, why } => ("rename", format!("{whom} to {name}"), why.as_str()),
            Act::Shutdown { after, why } => {
                ("shutdown", after.map(|after| format!("in {}s", after.as_secs())).unwrap_or_default(), why.as_str())
            }
            Act::ReportDone { number, why } => ("report_done", number.to_string(), why.as_str()),
        };
        let look =
            matches!(self, Act::Sessions | Act::Groups | Act::Sanctions | Act::Stats | Act::Log { .. } | Act::Reports);
        Some(Entry { act, on, why: why.to_owned(), look })
    }
}

impl fmt::Display for By {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            By::User(name) => write!(f, "{name}"),
            // No user can be called this.
            By::Console => f.write_str("(console)"),
        }
    }
}

impl fmt::Display for On {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (On::User(typed) | On::Net(typed)) = self;
        f.write_str(typed)
    }
}
