//! What operators do, for programs.

use std::fmt::{self, Write};

use super::{Text, Until};
use crate::model::{AdminAnswer, Cell, EventKind, Outcome, Report, Table};

/// Writes what operators do. All other events are written before it comes to this.
pub(super) fn write(out: &mut String, kind: &EventKind) -> fmt::Result {
    match kind {
        EventKind::YouAreBanned { until, why } => {
            write!(out, "login_failed code=banned until={} text={}", Until(*until), Text(why))
        }
        EventKind::AddressBanned { until, why } => {
            write!(out, "address_banned until={} text={}", Until(*until), Text(why))
        }
        EventKind::SessionEnded { why } => write!(out, "dismissed text={}", Text(why)),
        EventKind::YouAreMuted { muted, until, why } => {
            write!(out, "you_muted muted={muted} until={} text={}", Until(*until), Text(why))
        }
        EventKind::ReportFiled(report) => {
            let Report { number, by, about, why, .. } = &**report;
            let by = by.map(|by| by.to_string()).unwrap_or_default();
            write!(out, "report number={number} by={by} about={about} text={}", Text(why))
        }
        EventKind::ShutdownScheduled { after, why } => {
            write!(out, "stopping seconds={} text={}", after.as_secs(), Text(why))
        }
        EventKind::ShutdownCancelled => out.write_str("goes_on"),
        EventKind::AdminReply(AdminAnswer::Done(deed)) => {
            let (what, fields) = fields(deed);
            write!(out, "done what={what}")?;
            fields.iter().try_for_each(|(name, cell)| write!(out, " {name}={}", Value(cell)))
        }
        EventKind::AdminReply(AdminAnswer::Table(table)) => write_table(out, table),
        _ => Ok(()),
    }
}

fn write_table(out: &mut String, Table { of, columns, rows }: &Table) -> fmt::Result {
    write!(out, "table of={of} count={}", rows.len())?;
    for row in rows {
        write!(out, "\nrow of={of}")?;
        columns.iter().zip(row).try_for_each(|(name, cell)| write!(out, " {name}={}", Value(cell)))?;
    }
    Ok(())
}

/// What a deed is called, and what belongs to it.
pub(in crate::protocol) fn fields(deed: &Outcome) -> (&'static str, Vec<(&'static str, Cell)>) {
    let text = |text: &dyn fmt::Display| Cell::Text(text.to_string());
    match deed {
        Outcome::Disconnected { whom, sessions } => {
            ("disconnected", vec![("whom", text(whom)), ("sessions", Cell::count(*sessions))])
        }
        Outcome::Sanctioned { penalty, whom, until, sessions } => {
            let (until, sessions) = (Cell::Time(*until), Cell::count(*sessions));
            (penalty.as_str(), vec![("whom", text(whom)), ("until", until), ("sessions", sessions)])
        }
        Outcome::Lifted { penalty, whom } => {
            ("lifted", vec![("penalty", text(&penalty.as_str())), ("whom", text(whom))])
        }
        Outcome::Renamed { from, to, sessions } => {
            ("renamed", vec![("user", text(from)), ("name", text(to)), ("sessions", Cell::count(*sessions))])
        }
        Outcome::Announced { sessions } => ("announced", vec![("sessions", Cell::count(*sessions))]),
        Outcome::Deleted { id, from } => ("deleted", vec![("id", Cell::Number(id.0)), ("from", text(from))]),
        Outcome::Dropped { group, members } => {
            ("dropped", vec![("group", text(group)), ("members", Cell::count(*members))])
        }
        Outcome::Reloaded { users, words } => {
            ("reloaded", vec![("users", Cell::count(*users)), ("patterns", Cell::count(*words))])
        }
        Outcome::ShutdownScheduled { after } => {
            ("stopping", vec![("seconds", Cell::Number(after.map_or(0, |after| after.as_secs())))])
        }
        Outcome::ShutdownCancelled => ("goes_on", Vec::new()),
        Outcome::Reported { number, operators } => {
            ("reported", vec![("number", Cell::Number(*number)), ("operators", Cell::count(*operators))])
        }
        Outcome::ReportDone { number } => ("report_done", vec![("number", Cell::Number(*number))]),
    }
}

/// A value as it stands behind its name.
struct Value<'a>(&'a Cell);

impl fmt::Display for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Cell::Text(text) => write!(f, "{}", Text(text)),
            Cell::Number(number) => write!(f, "{number}"),
            Cell::Time(at) => write!(f, "{}", Until(*at)),
        }
    }
}
