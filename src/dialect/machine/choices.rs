//! What a user chooses to hear, for programs.

use std::fmt::{self, Write};

use super::Names;
use crate::model::EventKind;

pub(super) fn write(out: &mut String, kind: &EventKind) -> fmt::Result {
    match kind {
        EventKind::Ignored { whom, ignored: true } => write!(out, "ignored user={whom}"),
        EventKind::Ignored { whom, ignored: false } => write!(out, "unignored user={whom}"),
        EventKind::IgnoredUsers { names } => write!(out, "ignores names={}", Names(names)),
        // Silence is never written, and all others are before it comes to this.
        _ => Ok(()),
    }
}
