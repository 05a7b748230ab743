//! The commands of operators: who gives them, the role each needs, and how each is written to the audit log.

use std::fmt;
use std::time::Duration;

use super::audit::AuditEntry;
use crate::model::{MessageId, Name, Penalty, Role};

/// The operator behind a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Actor {
    /// A user who is logged in.
    User(Name),
    /// Someone at `parlord ctl`, who has the rights of the server's own process.
    Console,
}

/// The target of a ban or mute, as typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BanTarget {
    /// The name of a user.
    User(String),
    /// An address or a network in CIDR notation.
    Net(String),
}

/// A command of an operator. `why` is empty when no reason was given.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "the fields are named by what they are")]
pub enum AdminCommand {
    /// List all sessions.
    Sessions,
    /// List all groups.
    Groups,
    /// End one session, or all sessions of a user.
    Disconnect { whom: String, why: String },
    /// Ban or mute, for a time or until it is lifted.
    Impose { penalty: Penalty, on: BanTarget, time: Option<Duration>, why: String },
    /// Lift a ban or mute.
    Lift { penalty: Penalty, on: BanTarget, why: String },
    /// List the bans and mutes in force.
    Sanctions,
    /// Send a notice to everybody.
    Announce(String),
    /// Delete anybody's message.
    Delete { id: MessageId, why: String },
    /// Dissolve a group.
    DropGroup { group: String, why: String },
    /// Show every counter.
    Stats,
    /// Show the last lines of the log.
    Log { lines: usize },
    /// Show the vital numbers, or the sessions; sent every second by `parlord ctl top`.
    Top { sessions: bool },
    /// Rename a user.
    Rename { whom: String, name: String, why: String },
    /// Reload the users file and the word filter.
    Reload { why: String },
    /// Stop the server, now or after a delay.
    Shutdown { after: Option<Duration>, why: String },
    /// Cancel a scheduled stop.
    CancelShutdown { why: String },
    /// List the open reports.
    Reports,
    /// Close a report.
    CloseReport { number: u64, why: String },
}

impl AdminCommand {
    /// The least role that may run it.
    pub fn needs(&self) -> Role {
        match self {
            AdminCommand::Sessions
            | AdminCommand::Groups
            | AdminCommand::Disconnect { .. }
            | AdminCommand::Impose { .. }
            | AdminCommand::Lift { .. }
            | AdminCommand::Sanctions
            | AdminCommand::Announce(_)
            | AdminCommand::Delete { .. }
            | AdminCommand::Reports
            | AdminCommand::CloseReport { .. } => Role::Moderator,
            AdminCommand::DropGroup { .. }
            | AdminCommand::Rename { .. }
            | AdminCommand::Stats
            | AdminCommand::Log { .. }
            | AdminCommand::Top { .. }
            | AdminCommand::Reload { .. }
            | AdminCommand::Shutdown { .. }
            | AdminCommand::CancelShutdown { .. } => Role::Admin,
        }
    }

    /// Its line in the audit log; `None` for the view that is polled every second.
    pub(super) fn audit_entry(&self) -> Option<AuditEntry> {
        let view = |command| (command, String::new(), "", true);
        let change = |command, on, why| (command, on, why, false);
        let (command, on, why, is_view) = match self {
            AdminCommand::Top { .. } => return None,
            AdminCommand::Sessions => view("sessions"),
            AdminCommand::Groups => view("groups"),
            AdminCommand::Sanctions => view("bans"),
            AdminCommand::Stats => view("stats"),
            AdminCommand::Log { lines } => ("log", lines.to_string(), "", true),
            AdminCommand::Reload { why } => change("reload", String::new(), why.as_str()),
            AdminCommand::CancelShutdown { why } => change("shutdown_cancel", String::new(), why.as_str()),
            AdminCommand::Reports => view("reports"),
            AdminCommand::Disconnect { whom, why } => change("disconnect", whom.clone(), why.as_str()),
            AdminCommand::Impose { penalty, on, time, why } => {
                let time = time.map(|time| format!(" for {}s", time.as_secs())).unwrap_or_default();
                change(penalty.as_str(), format!("{on}{time}"), why.as_str())
            }
            AdminCommand::Lift { penalty: Penalty::Ban, on, why } => change("unban", on.to_string(), why.as_str()),
            AdminCommand::Lift { penalty: Penalty::Mute, on, why } => change("unmute", on.to_string(), why.as_str()),
            AdminCommand::Announce(text) => change("announce", String::new(), text.as_str()),
            AdminCommand::Delete { id, why } => change("delete", id.to_string(), why.as_str()),
            AdminCommand::DropGroup { group, why } => change("drop_group", group.clone(), why.as_str()),
            AdminCommand::Rename { whom, name, why } => change("rename", format!("{whom} to {name}"), why.as_str()),
            AdminCommand::Shutdown { after, why } => change(
                "shutdown",
                after.map(|after| format!("in {}s", after.as_secs())).unwrap_or_default(),
                why.as_str(),
            ),
            AdminCommand::CloseReport { number, why } => change("report_done", number.to_string(), why.as_str()),
        };
        Some(AuditEntry { command, on, why: why.to_owned(), is_view })
    }
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Actor::User(name) => write!(f, "{name}"),
            // Parentheses cannot occur in a user's name.
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
