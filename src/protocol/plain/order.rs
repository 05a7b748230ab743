//! The wording of what operators do, and of what those are told whom it concerns.

use std::fmt::{self, Write};
use std::time::SystemTime;

use super::time;
use crate::model::sanction::HumanDuration;
use crate::model::{AdminAnswer, Cell, EventKind, Outcome, Penalty, Report, Table};

/// Writes what operators do. All other events are written before it comes to this.
pub(super) fn write(out: &mut String, kind: &EventKind) -> fmt::Result {
    match kind {
        EventKind::YouAreBanned { until, why } => {
            write!(out, "Authentication failed: you are banned {}{}.", Until(*until), Because(why))
        }
        EventKind::AddressBanned { until, why } => {
            write!(out, "Error: Your address is banned {}{}.", Until(*until), Because(why))
        }
        EventKind::SessionEnded { why } => write!(out, "*** An operator ends your session: {why}"),
        EventKind::Announced { text } => write!(out, "*** Announcement: {text}"),
        EventKind::GroupDropped { group, why } => {
            write!(out, "*** The group {group} was taken away by an operator{}.", Because(why))
        }
        EventKind::Renamed { from, to } => write!(out, "*** {from} is called {to} from now on."),
        EventKind::YouAreMuted { muted: true, until, why } => {
            write!(out, "*** An operator has muted you {}{}.", Until(*until), Because(why))
        }
        EventKind::YouAreMuted { muted: false, why, .. } => {
            write!(out, "*** You may speak again{}.", Because(why))
        }
        EventKind::ReportFiled(report) => write_report(out, report),
        EventKind::ShutdownScheduled { after, why } => {
            write!(out, "*** The server shuts down in {}{}.", HumanDuration(*after), Because(why))
        }
        EventKind::ShutdownCancelled => out.write_str("*** The server goes on; the shutdown is cancelled."),
        EventKind::AdminReply(AdminAnswer::Done(deed)) => write_deed(out, deed),
        EventKind::AdminReply(AdminAnswer::Table(table)) => write_table(out, table),
        _ => Ok(()),
    }
}

fn write_deed(out: &mut String, deed: &Outcome) -> fmt::Result {
    match deed {
        Outcome::Disconnected { whom, sessions } => write!(out, "Disconnected {whom}, sessions: {sessions}."),
        Outcome::Sanctioned { penalty: Penalty::Ban, whom, until, sessions } => {
            write!(out, "{whom} is banned {}; sessions that end: {sessions}.", Until(*until))
        }
        Outcome::Sanctioned { penalty: Penalty::Mute, whom, until, .. } => {
            write!(out, "{whom} is muted {}.", Until(*until))
        }
        Outcome::Lifted { penalty, whom } => write!(out, "The {} of {whom} is lifted.", penalty.as_str()),
        Outcome::Announced { sessions } => write!(out, "Announced, sessions: {sessions}."),
        Outcome::Deleted { id, from } => write!(out, "Message {id} of {from} is deleted."),
        Outcome::Dropped { group, members } => write!(out, "The group {group} is gone; members it had: {members}."),
        Outcome::Renamed { from, to, sessions } => {
            write!(out, "{from} is called {to} from now on; sessions that ended: {sessions}.")
        }
        Outcome::Reloaded { users, words } => {
            write!(out, "Read again: {users} users, {words} patterns of the word filter.")
        }
        Outcome::ShutdownScheduled { after: None } => out.write_str("The server stops now."),
        Outcome::ShutdownScheduled { after: Some(after) } => {
            write!(out, "The server stops in {}.", HumanDuration(*after))
        }
        Outcome::ShutdownCancelled => out.write_str("The shutdown is cancelled."),
        Outcome::Reported { number, operators } => {
            write!(out, "Report {number} is kept for the operators; of them are here: {operators}.")
        }
        Outcome::ReportDone { number } => write!(out, "Report {number} is done."),
    }
}

fn write_report(out: &mut String, report: &Report) -> fmt::Result {
    let Report { number, by, about, why, .. } = report;
    match by {
        Some(by) => write!(out, "*** Report {number}: {by} reports {about}{}", Because(why)),
        None => write!(out, "*** Report {number}: the word filter met {about}{}", Because(why)),
    }
}

/// Columns under their names, each as wide as its widest value; the last one ends where it ends.
fn write_table(out: &mut String, table: &Table) -> fmt::Result {
    let Table { of, columns, rows } = table;
    if rows.is_empty() {
        return write!(out, "There are no {of}.");
    }
    let head = columns.iter().map(ToString::to_string).collect();
    let cells = rows.iter().map(|row| row.iter().map(shown).collect());
    let lines: Vec<Vec<String>> = std::iter::once(head).chain(cells).collect();
    let width = |column: usize| lines.iter().filter_map(|line| line.get(column)).map(|cell| cell.chars().count()).max();
    let widths: Vec<usize> = (0..columns.len()).map(|column| width(column).unwrap_or(0)).collect();
    for (n, line) in lines.iter().enumerate() {
        let mut text = String::new();
        for (cell, width) in line.iter().zip(&widths) {
            write!(text, "{cell:width$}  ")?;
        }
        write!(out, "{}{}", if n == 0 { "" } else { "\n" }, text.trim_end())?;
    }
    Ok(())
}

fn shown(cell: &Cell) -> String {
    match cell {
        Cell::Text(text) if text.is_empty() => "-".to_owned(),
        Cell::Text(text) => text.clone(),
        Cell::Number(number) => number.to_string(),
        Cell::Time(Some(at)) => time(*at).to_string(),
        Cell::Time(None) => "-".to_owned(),
    }
}

/// Until when something holds.
struct Until(Option<SystemTime>);

impl fmt::Display for Until {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            None => f.write_str("for good"),
            Some(until) => write!(f, "until {}", time(until)),
        }
    }
}

/// A reason, if there is one.
struct Because<'a>(&'a str);

impl fmt::Display for Because<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() { Ok(()) } else { write!(f, ": {}", self.0) }
    }
}
