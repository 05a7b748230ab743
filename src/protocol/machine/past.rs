//! What comes from the message log, and what becomes of it, for programs.

use std::fmt::{self, Write};

use super::{Names, Stamp, Text, Utc3339};
use crate::model::{EventKind, Message, MessageId, Name, Scope};

pub(super) fn write(out: &mut String, kind: &EventKind) -> fmt::Result {
    match kind {
        EventKind::Received { by, id } => write!(out, "received id={} by={by}", id.0),
        EventKind::Read { by, id } => write!(out, "read id={} by={by}", id.0),
        EventKind::Missed { count } => write!(out, "missed count={count}"),
        EventKind::MissedMore { count } => write!(out, "missed_more count={count}"),
        EventKind::PastMessages { messages, gone, .. } => write_past(out, messages, gone),
        EventKind::HistoryHeader { scope, before, count } => {
            write!(out, "history of={}{} count={count}", Of(*scope), Before(*before))
        }
        EventKind::HistoryMore { scope, count, before } => {
            write!(out, "earlier of={}{} count={count}", Of(*scope), Before(Some(*before)))
        }
        EventKind::SearchHeader { scope, count } => write!(out, "found of={} count={count}", Of(*scope)),
        EventKind::Cleared { scope } => write!(out, "cleared of={}", Of(*scope)),
        EventKind::Deleted { by, id } => write!(out, "deleted id={} by={by}", id.0),
        EventKind::YouRead { id } => write!(out, "you_read id={}", id.0),
        EventKind::Receipts { wanted } => write!(out, "receipts wanted={wanted}"),
        other => super::choices::write(out, other),
    }
}

/// Messages of the log, one a line.
fn write_past(out: &mut String, messages: &[Message], gone: &[Name]) -> fmt::Result {
    let mut end = "";
    for Message { id, said, deleted } in messages {
        let (id, at, from) = (id.0, Utc3339(said.at), said.from);
        write!(out, "{}past id={id} at={at} from={from}", std::mem::replace(&mut end, "\n"))?;
        match said.scope {
            Scope::User(to) => write!(out, " to={to}")?,
            Scope::Group(group) => write!(out, " group={group}")?,
            Scope::Everybody => {}
        }
        let named = |name: &&Name| **name == from || said.scope == Scope::User(**name);
        let gone: Vec<Name> = gone.iter().filter(named).copied().collect();
        if !gone.is_empty() {
            write!(out, " gone={}", Names(&gone))?;
        }
        if said.action && !deleted {
            out.write_str(" action=true")?;
        }
        if *deleted { out.write_str(" deleted=true")? } else { write!(out, " text={}", Text(&said.text))? }
    }
    Ok(())
}

/// An action looks like a message of its kind, with one field more.
pub(super) fn write_action(
    out: &mut String,
    stamp: &Stamp<'_>,
    from: &Name,
    (scope, own): (Scope, bool),
    text: &str,
) -> fmt::Result {
    match scope {
        Scope::User(to) if own => write!(out, "sent{stamp} to={to}"),
        Scope::User(_) => write!(out, "private{stamp} from={from}"),
        Scope::Group(group) => write!(out, "group{stamp} group={group} from={from}"),
        Scope::Everybody => write!(out, "broadcast{stamp} from={from}"),
    }?;
    write!(out, " action=true text={}", Text(text))
}

/// A conversation as `/history` takes it.
pub(super) struct Of(pub(super) Option<Scope>);

impl fmt::Display for Of {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            None => f.write_str("all"),
            Some(Scope::User(name)) => write!(f, "{name}"),
            Some(Scope::Group(name)) => write!(f, "#{name}"),
            Some(Scope::Everybody) => f.write_str("broadcasts"),
        }
    }
}

/// Before which message, if before one.
struct Before(Option<MessageId>);

impl fmt::Display for Before {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.map_or(Ok(()), |id| write!(f, " before={}", id.0))
    }
}
