//! What a user chooses to hear, for programs.

use std::fmt::{self, Write};

use super::Names;
use super::past::Of;
use crate::model::{Bell, EventKind, OutputFormat};

pub(super) fn write(out: &mut String, kind: &EventKind) -> fmt::Result {
    match kind {
        EventKind::Mode { format } => write_mode(out, *format),
        EventKind::Ignored { whom, ignored: true } => write!(out, "ignored user={whom}"),
        EventKind::Ignored { whom, ignored: false } => write!(out, "unignored user={whom}"),
        EventKind::IgnoredUsers { names } => write!(out, "ignores names={}", Names(names)),
        EventKind::Typing { from, scope } => write!(out, "typing from={from} to={}", Of(Some(*scope))),
        EventKind::TypingWanted { wanted } => write!(out, "typings wanted={wanted}"),
        // Silence is never written, and several things are written one by one.
        EventKind::Nothing | EventKind::Batch { .. } => Ok(()),
        other => super::order::write(out, other),
    }
}

fn write_mode(out: &mut String, OutputFormat { mode, ids, bell }: OutputFormat) -> fmt::Result {
    write!(out, "mode name={mode}")?;
    if ids {
        out.write_str(" ids=true")?;
    }
    if bell == Bell::Off { Ok(()) } else { write!(out, " bell={bell}") }
}
