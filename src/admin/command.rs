//! What an operator can want, and who wants it.

use std::fmt;
use std::time::Duration;

use crate::model::{MessageId, Name, Penalty, Role};

/// Who acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Actor {
    /// A user who is logged in.
    User(Name),
    /// Whoever has the server's own rights on its machine.
    Console,
}

/// Upon whom, as it was typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BanTarget {
    /// A user.
    User(String),
    /// An address or a network.
    Net(String),
}

/// What an operator wants. A reason that was not given is empty.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "the fields of an act are named by what they are")]
pub enum AdminCommand {
    /// To see all sessions.
    Sessions,
    /// To see which groups there are.
    Groups,
    /// To end the sessions of a user, or one session.
    Disconnect { whom: String, why: String },
    /// To lay a penalty on somebody, for a time or for good.
    Lay { penalty: Penalty, on: BanTarget, time: Option<Duration>, why: String },
    /// To lift one.
    Lift { penalty: Penalty, on: BanTarget, why: String },
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

impl AdminCommand {
    /// The least role that may do it.
    pub fn needs(&self) -> Role {
        match self {
            AdminCommand::DropGroup { .. }
            | AdminCommand::Rename { .. }
            | AdminCommand::Stats
            | AdminCommand::Log { .. }
            | AdminCommand::Top { .. }
            | AdminCommand::Reload { .. }
            | AdminCommand::Shutdown { .. }
            | AdminCommand::GoOn { .. } => Role::Admin,
            AdminCommand::Sessions
            | AdminCommand::Groups
            | AdminCommand::Disconnect { .. }
            | AdminCommand::Lay { .. }
            | AdminCommand::Lift { .. }
            | AdminCommand::Sanctions
            | AdminCommand::Announce(_)
            | AdminCommand::Delete { .. }
            | AdminCommand::Reports
            | AdminCommand::ReportDone { .. } => Role::Moderator,
        }
    }

    /// How it stands in the audit log; `None` for what is asked every second.
    pub(super) fn entry(&self) -> Option<Entry> {
        let plain = |act| (act, String::new(), "");
        let (act, on, why) = match self {
            AdminCommand::Top { .. } => return None,
            AdminCommand::Sessions => plain("sessions"),
            AdminCommand::Groups => plain("groups"),
            AdminCommand::Sanctions => plain("bans"),
            AdminCommand::Stats => plain("stats"),
            AdminCommand::Log { lines } => ("log", lines.to_string(), ""),
            AdminCommand::Reload { why } => ("reload", String::new(), why.as_str()),
            AdminCommand::GoOn { why } => ("shutdown_cancel", String::new(), why.as_str()),
            AdminCommand::Reports => plain("reports"),
            AdminCommand::Disconnect { whom, why } => ("disconnect", whom.clone(), why.as_str()),
            AdminCommand::Lay { penalty, on, time, why } => {
                let time = time.map(|time| format!(" for {}s", time.as_secs())).unwrap_or_default();
                (penalty.as_str(), format!("{on}{time}"), why.as_str())
            }
            AdminCommand::Lift { penalty: Penalty::Ban, on, why } => ("unban", on.to_string(), why.as_str()),
            AdminCommand::Lift { penalty: Penalty::Mute, on, why } => ("unmute", on.to_string(), why.as_str()),
            AdminCommand::Announce(text) => ("announce", String::new(), text.as_str()),
            AdminCommand::Delete { id, why } => ("delete", id.to_string(), why.as_str()),
            AdminCommand::DropGroup { group, why } => ("drop_group", group.clone(), why.as_str()),
            AdminCommand::Rename { whom, name, why } => ("rename", format!("{whom} to {name}"), why.as_str()),
            AdminCommand::Shutdown { after, why } => {
                ("shutdown", after.map(|after| format!("in {}s", after.as_secs())).unwrap_or_default(), why.as_str())
            }
            AdminCommand::ReportDone { number, why } => ("report_done", number.to_string(), why.as_str()),
        };
        let look = matches!(
            self,
            AdminCommand::Sessions
                | AdminCommand::Groups
                | AdminCommand::Sanctions
                | AdminCommand::Stats
                | AdminCommand::Log { .. }
                | AdminCommand::Reports
        );
        Some(Entry { act, on, why: why.to_owned(), look })
    }
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Actor::User(name) => write!(f, "{name}"),
            // No user can be called this.
            Actor::Console => f.write_str("(console)"),
        }
    }
}

impl fmt::Display for BanTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (BanTarget::User(typed) | BanTarget::Net(typed)) = self;
        f.write_str(typed)
    }
}
