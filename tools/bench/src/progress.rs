//! The progress line on standard error, shown only on a terminal.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

/// How often the line is redrawn.
const REDRAW: Duration = Duration::from_millis(200);

/// A line that overwrites itself.
pub(crate) struct Progress {
    enabled: bool,
    last: Option<Instant>,
}

impl Progress {
    /// A progress line that is drawn only if standard error is a terminal.
    pub(crate) fn new() -> Progress {
        Progress { enabled: io::stderr().is_terminal(), last: None }
    }

    /// Draws the line, unless it was drawn a moment ago.
    pub(crate) fn show(&mut self, line: impl FnOnce() -> String) {
        if self.enabled && self.last.is_none_or(|last| last.elapsed() >= REDRAW) {
            self.write(&line());
            self.last = Some(Instant::now());
        }
    }

    /// Removes the line.
    pub(crate) fn clear(&mut self) {
        if self.last.take().is_some() {
            self.write("");
        }
    }

    fn write(&self, line: &str) {
        // Progress is optional; a closed standard error is no reason to stop.
        let _ = write!(io::stderr(), "\r\x1b[K{line}");
        let _ = io::stderr().flush();
    }
}
