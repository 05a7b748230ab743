//! The console: lines to standard error, whatever state that is in.
//!
//! A terminal that is stuck holds up this thread and nothing else; one that is closed costs its lines.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use log::Level;

use super::line::Entry;
use super::queue::Sink;

/// Standard error under a descriptor of our own.
///
/// `io::stderr()` has a lock, and a thread stuck in a write holds it: then even the message of a panic would wait.
pub(super) fn stderr() -> Box<dyn Write + Send> {
    match io::stderr().as_fd().try_clone_to_owned() {
        Ok(fd) => Box::new(File::from(fd)),
        Err(_) => Box::new(io::sink()),
    }
}

/// Writes to a terminal, and tells it afterwards what it has missed.
pub(super) struct ConsoleSink {
    terminal: Box<dyn Write + Send>,
    lost: Arc<AtomicU64>,
    reported: u64,
}

impl ConsoleSink {
    pub(super) fn new(terminal: Box<dyn Write + Send>, lost: Arc<AtomicU64>) -> ConsoleSink {
        ConsoleSink { terminal, lost, reported: 0 }
    }

    fn report(&mut self) -> bool {
        let lost = self.lost.load(Ordering::Relaxed);
        if lost != self.reported {
            let missed = lost - self.reported;
            let entry = Entry::here(SystemTime::now(), Level::Warn, format_args!("console resumed lost={missed}"));
            if self.terminal.write_all(entry.render().as_bytes()).is_err() {
                return false;
            }
            self.reported = lost;
        }
        true
    }
}

impl Sink for ConsoleSink {
    fn write(&mut self, entry: &Entry) -> bool {
        self.report() && self.terminal.write_all(entry.render().as_bytes()).is_ok()
    }

    fn look(&mut self) {}

    fn reopen(&mut self) {}

    fn close(&mut self) {
        self.report();
    }
}
