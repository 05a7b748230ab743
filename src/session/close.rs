//! The end of every connection: last words, and a close that does not eat them.

use std::time::Instant;

use super::connection::Connection;
use crate::model::limits::BRIEF_FLUSH;
use crate::model::{EventKind, LastWords, QuitReason};
use crate::transport::linger;

impl Connection {
    /// Writes what this reason still allows and closes: flush, no more from us, read away, gone. `by` is until when that
    /// may take, where it was decided already.
    pub(super) fn farewell(&self, reason: QuitReason, by: Option<Instant>) {
        let limit = match reason.last_words() {
            LastWords::None => return self.link().abort(),
            LastWords::Brief => Some(by.unwrap_or_else(|| Instant::now() + BRIEF_FLUSH)),
            LastWords::AllInTime => None,
        };
        self.queue(EventKind::Closed { reason });
        match self.write_all(None, limit, false) {
            Ok(()) => {
                self.link().finish();
                // Who has closed his side sends nothing any more.
                if reason != QuitReason::Eof {
                    linger(self.link(), || self.closing().is_some());
                }
            }
            Err(_) => self.link().abort(),
        }
    }
}

impl Connection {
    /// Tells a client why he is not served and closes, without waiting for anything: for the thread that accepts.
    pub fn refuse(&self, answer: EventKind) {
        self.queue(answer);
        // What does not go out at once is lost on him; the thread that accepts waits for nobody.
        let _ = self.write_all(None, Some(Instant::now()), false);
        self.link().finish();
    }

    /// Closes after a fault of ours, with a word about it.
    pub fn give_up(&self) {
        self.close(QuitReason::Panic);
        self.farewell(QuitReason::Panic, None);
    }
}
