//! The wording of what comes from the message log, and of what becomes of it.

use std::fmt::{self, Write};

use chrono::{DateTime, Utc};

use crate::model::{EventKind, Message, MessageId, Name, Scope};

pub(super) fn write(out: &mut String, kind: &EventKind) -> fmt::Result {
    match kind {
        EventKind::Missed { count: 1 } => out.write_str("*** 1 message came while you were away:"),
        EventKind::Missed { count } => write!(out, "*** {count} messages came while you were away:"),
        EventKind::MissedMore { count } => write!(out, "*** {count} more came; /history shows them."),
        EventKind::PastMessages { reader, messages, gone } => write_past(out, reader, messages, gone),
        EventKind::HistoryHeader { scope, before, count } => write_title(out, *scope, *before, *count),
        EventKind::HistoryMore { scope, count, before } => {
            write!(out, "There is more: /history {} {count} before {before}", Typed(*scope))
        }
        EventKind::SearchHeader { count: 0, .. } => out.write_str("No message has all of these words."),
        EventKind::SearchHeader { scope: None, .. } => out.write_str("Found:"),
        EventKind::SearchHeader { scope: Some(scope), .. } => write!(out, "Found {}:", In(*scope)),
        EventKind::Cleared { scope: None } => out.write_str("Cleared: your view of all that was said so far."),
        EventKind::Cleared { scope: Some(scope) } => {
            write!(out, "Cleared: your view of what was said {} so far.", In(*scope))
        }
        EventKind::Deleted { by, id } => write!(out, "*** {by} deleted {id}."),
        EventKind::Received { by, id } => write!(out, "*** {by} has received {id}."),
        EventKind::Read { by, id } => write!(out, "*** {by} has read {id}."),
        EventKind::YouRead { id } => write!(out, "You have read {id}."),
        EventKind::Receipts { wanted: true } => out.write_str("Receipts: on."),
        EventKind::Receipts { wanted: false } => out.write_str("Receipts: off."),
        other => super::choices::write(out, other),
    }
}

/// Messages, one a line: number, time, and the line as it was when it was new.
fn write_past(out: &mut String, reader: &Name, messages: &[Message], gone: &[Name]) -> fmt::Result {
    let who = |name| Who(name, gone.contains(&name));
    let mut end = "";
    for Message { id, said, deleted } in messages {
        let (at, from) = (DateTime::<Utc>::from(said.at).format("%Y-%m-%d %H:%M"), said.from);
        write!(out, "{}{id} {at} ", std::mem::replace(&mut end, "\n"))?;
        let (own, action) = (from == *reader, said.action && !deleted);
        write_place(out, &who, &from, said.scope, own, action)?;
        match (deleted, action) {
            (true, _) => out.write_str(" (deleted)")?,
            (_, true) => write!(out, " * {} {}", who(from), said.text)?,
            (..) => write!(out, ": {}", said.text)?,
        }
    }
    Ok(())
}

/// What somebody did instead of saying it.
pub(super) fn write_action(out: &mut String, from: &Name, scope: Scope, own: bool, text: &str) -> fmt::Result {
    write_place(out, &|name| Who(name, false), from, scope, own, true)?;
    write!(out, " * {from} {text}")
}

/// Where something was said and, unless the name follows anyway, by whom.
fn write_place(
    out: &mut String,
    who: &dyn Fn(Name) -> Who,
    from: &Name,
    scope: Scope,
    own: bool,
    action: bool,
) -> fmt::Result {
    match scope {
        Scope::User(to) if own => write!(out, "[to {}]", who(to)),
        Scope::User(_) => write!(out, "[{}]", who(*from)),
        Scope::Group(group) if action => write!(out, "[Group {group}]"),
        Scope::Group(group) => write!(out, "[Group {group}][{}]", who(*from)),
        Scope::Everybody if action => out.write_str("[Broadcast]"),
        Scope::Everybody => write!(out, "[Broadcast][{}]", who(*from)),
    }
}

fn write_title(out: &mut String, scope: Option<Scope>, before: Option<MessageId>, count: usize) -> fmt::Result {
    out.write_str("History")?;
    match scope {
        None => {}
        Some(Scope::Group(group)) => write!(out, " of #{group}")?,
        Some(scope) => write!(out, " {}", In(scope))?,
    }
    before.map_or(Ok(()), |id| write!(out, " before {id}"))?;
    out.write_str(if count == 0 { " is empty." } else { ":" })
}

/// Somebody who may have no account any more.
struct Who(Name, bool);

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.0, if self.1 { " (deleted)" } else { "" })
    }
}

/// A conversation as `/history` takes it.
struct Typed(Option<Scope>);

impl fmt::Display for Typed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            None => f.write_str("all"),
            Some(Scope::User(name)) => write!(f, "{name}"),
            Some(Scope::Group(name)) => write!(f, "#{name}"),
            Some(Scope::Everybody) => f.write_str("broadcasts"),
        }
    }
}

/// A conversation as the place where something was said.
struct In(Scope);

impl fmt::Display for In {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Scope::User(name) => write!(f, "with {name}"),
            scope => write!(f, "in {}", Typed(Some(scope))),
        }
    }
}
