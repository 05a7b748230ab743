//! The wording of what a user chooses to hear.

use std::fmt::{self, Write};

use crate::model::EventKind;

pub(super) fn write(out: &mut String, kind: &EventKind) -> fmt::Result {
    match kind {
        EventKind::Ignored { whom, ignored: true } => write!(out, "You ignore {whom} now; /unignore {whom} ends that."),
        EventKind::Ignored { whom, ignored: false } => write!(out, "You hear {whom} again."),
        EventKind::IgnoredUsers { names } if names.is_empty() => out.write_str("You ignore nobody."),
        EventKind::IgnoredUsers { names } => super::write_list(out, "You ignore:", names),
        // Silence is never written, and all others are before it comes to this.
        _ => Ok(()),
    }
}
