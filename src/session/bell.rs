//! The bell of a terminal (BEL) before messages that call somebody: chosen by one session, so no part of an event's bytes,
//! which all recipients share.

use crate::model::mention::mentions;
use crate::model::{Bell, EventKind, Mode, Name, OutputFormat};

/// What rings the bell of a terminal.
pub(super) const BEL: u8 = 0x07;

/// When it rings for this client.
#[derive(Default)]
pub(super) struct BellPolicy(Option<(Bell, Name)>);

impl BellPolicy {
    /// For a user who wants to be told things like this; a program needs no bell.
    pub(super) fn new(format: OutputFormat, user: Name) -> BellPolicy {
        let wanted = format.mode == Mode::Plain && format.bell != Bell::Off;
        BellPolicy(wanted.then_some((format.bell, user)))
    }

    /// Whether it never rings.
    pub(super) fn is_silent(&self) -> bool {
        self.0.is_none()
    }

    /// Whether it rings before this: never for what he says himself.
    pub(super) fn rings(&self, kind: &EventKind) -> bool {
        let Some((bell, user)) = &self.0 else { return false };
        let Some((from, text)) = kind.spoken() else { return false };
        from != user && (*bell == Bell::All || mentions(text, user))
    }
}
