//! The line that says how far a run is: on standard error, and only where a person looks at it.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

/// How often it is written anew.
const PACE: Duration = Duration::from_millis(200);

/// A line that is written over itself.
pub(crate) struct Progress {
    wanted: bool,
    last: Option<Instant>,
}

impl Progress {
    /// Shows something only if standard error is a terminal.
    pub(crate) fn new() -> Progress {
        Progress { wanted: io::stderr().is_terminal(), last: None }
    }

    /// Shows this, unless something was shown just now.
    pub(crate) fn show(&mut self, line: impl FnOnce() -> String) {
        if self.wanted && self.last.is_none_or(|last| last.elapsed() >= PACE) {
            self.write(&line());
            self.last = Some(Instant::now());
        }
    }

    /// Takes the line away.
    pub(crate) fn clear(&mut self) {
        if self.last.take().is_some() {
            self.write("");
        }
    }

    fn write(&self, line: &str) {
        // Nobody has to see it.
        let _ = write!(io::stderr(), "\r\x1b[K{line}");
        let _ = io::stderr().flush();
    }
}
