//! The wording of what a user chooses to hear.

use std::fmt::{self, Write};

use crate::model::{Bell, EventKind, OutputFormat, Scope};

pub(super) fn write(out: &mut String, kind: &EventKind) -> fmt::Result {
    match kind {
        EventKind::Mode { format } => write_mode(out, *format),
        EventKind::Ignored { whom, ignored: true } => write!(out, "You ignore {whom} now; /unignore {whom} ends that."),
        EventKind::Ignored { whom, ignored: false } => write!(out, "You hear {whom} again."),
        EventKind::IgnoredUsers { names } if names.is_empty() => out.write_str("You ignore nobody."),
        EventKind::IgnoredUsers { names } => super::write_list(out, "You ignore:", names),
        EventKind::Typing { from, scope: Scope::Group(group) } => {
            write!(out, "*** {from} is typing in the group {group}.")
        }
        EventKind::Typing { from, .. } => write!(out, "*** {from} is typing."),
        EventKind::TypingWanted { wanted: true } => out.write_str("Typing: on."),
        EventKind::TypingWanted { wanted: false } => out.write_str("Typing: off."),
        // Silence is never written, and several things are written one by one.
        EventKind::Nothing | EventKind::Batch { .. } => Ok(()),
        other => super::order::write(out, other),
    }
}

fn write_mode(out: &mut String, OutputFormat { mode, ids, bell }: OutputFormat) -> fmt::Result {
    write!(out, "Mode: {mode}{}", if ids { ", with ids" } else { "" })?;
    out.write_str(match bell {
        Bell::Off => ".",
        Bell::Mentions => ", bell for mentions.",
        Bell::All => ", bell for all messages.",
    })
}
