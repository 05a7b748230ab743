//! The console: lines to standard error, whatever state that is in.
//!
//! A stuck terminal holds up this sink's thread and nothing else; a closed one loses its lines.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use log::Level;

use super::queue::{LogLine, Sink};

/// Standard error under a descriptor of our own.
///
/// `io::stderr()` has a lock, and a thread stuck in a write holds it; then even the message of a panic would wait.
pub(super) fn stderr() -> Box<dyn Write + Send> {
    match io::stderr().as_fd().try_clone_to_owned() {
        Ok(fd) => Box::new(File::from(fd)),
        Err(_) => Box::new(io::sink()),
    }
}

/// Writes to a terminal, and reports lost lines as soon as it can.
pub(super) struct ConsoleSink {
    terminal: Box<dyn Write + Send>,
    lost: Arc<AtomicU64>,
    /// How many of `lost` the terminal has been told.
    reported: u64,
}

impl ConsoleSink {
    pub(super) fn new(terminal: Box<dyn Write + Send>, lost: Arc<AtomicU64>) -> ConsoleSink {
        ConsoleSink { terminal, lost, reported: 0 }
    }

    fn report_lost(&mut self) -> bool {
        let lost = self.lost.load(Ordering::Relaxed);
        if lost != self.reported {
            let since = lost - self.reported;
            let line = LogLine::new(SystemTime::now(), Level::Warn, format_args!("console resumed lost={since}"));
            if self.terminal.write_all(line.render().as_bytes()).is_err() {
                return false;
            }
            self.reported = lost;
        }
        true
    }
}

impl Sink for ConsoleSink {
    fn write(&mut self, line: &LogLine) -> bool {
        self.report_lost() && self.terminal.write_all(line.render().as_bytes()).is_ok()
    }

    fn check(&mut self) {}

    fn reopen(&mut self) {}

    fn close(&mut self) {
        self.report_lost();
    }
}
