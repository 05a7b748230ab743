//! The end of every connection: last words, and a close that does not eat them.

use std::time::Instant;

use super::connection::Connection;
use crate::model::limits::{BRIEF_FLUSH, LINGER, LINGER_BYTES};
use crate::model::{EventKind, LastWords, QuitReason};

/// How long to wait before looking again for bytes of a client whose reading was stopped.
const LINGER_STEP: std::time::Duration = std::time::Duration::from_millis(10);

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
                    self.linger();
                }
            }
            Err(_) => self.link().abort(),
        }
    }

    /// Reads away what the client still sends: closing with unread bytes resets the connection, and a reset eats the
    /// last words on their way.
    fn linger(&self) {
        let deadline = Instant::now() + LINGER;
        let mut buffer = [0; 1024];
        let mut left = LINGER_BYTES;
        while left > 0 && Instant::now() < deadline {
            match self.link().read(&mut buffer, Some(deadline)) {
                // Once reading was stopped the end is always said, so it says nothing.
                Ok(0) if self.closing().is_some() => std::thread::sleep(LINGER_STEP),
                Ok(0) | Err(_) => return,
                Ok(n) => left = left.saturating_sub(n),
            }
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
