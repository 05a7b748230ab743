//! The log: one file a day, `parlord.log` always pointing at today's, and a console.
//!
//! Whoever logs formats his line and puts it into a bounded queue; that is all that can happen to him. One thread owns
//! the file and one the console, so neither a dead disk nor a stuck terminal reaches a chat, and what did not fit is
//! counted. Lines of other crates are not written at all: a library at debug level may quote what a user typed.
//!
//! Lines for the target `audit` go to files of their own, `audit.log` pointing at today's, and nowhere else; there they are
//! at any level.
//!
//! Nothing here knows what is logged.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use crossbeam_channel::{Sender, bounded};
use log::{LevelFilter, Log, Metadata, Record};

#[cfg(doc)]
use crate::model::limits::LOG_TAIL;
use crate::model::limits::{LOG_DRAIN, LOG_PACE};
use crate::model::{LogSettings, StartError};

mod archive;
mod console;
mod day;
mod file;
mod line;
mod queue;
mod tail;
#[cfg(test)]
mod tests;

use console::ConsoleSink;
use day::{AUDIT, MAIN};
use file::FileSink;
use line::Entry;
use queue::{Order, Route};

/// What tells the time; a test brings its own.
pub type Clock = Arc<dyn Fn() -> SystemTime + Send + Sync>;

/// The last lines of today's file that are whole, the oldest first: at most so many, and of [`LOG_TAIL`] bytes.
///
/// # Errors
/// Why there are none, as the end of a sentence.
pub fn tail(settings: &LogSettings, lines: usize) -> Result<Vec<String>, String> {
    let path = day::link(&settings.log_dir, MAIN);
    match tail::read(&path, lines) {
        Err(e) => Err(format!("{}: {e}", path.display())),
        Ok(none) if none.is_empty() => {
            Err(format!("{} has no lines yet, with --log-level {}", path.display(), settings.log_level))
        }
        Ok(tail) => Ok(tail),
    }
}

/// The front of the log: formats a line in the calling thread, queues it, and never waits.
pub struct Logger {
    clock: Clock,
    file: Route,
    audit: Route,
    console: Route,
}

impl Log for Logger {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        if metadata.target() == AUDIT {
            return true;
        }
        let level = metadata.level();
        (self.file.wants(level) || self.console.wants(level)) && ours(metadata.target())
    }

    fn log(&self, record: &Record<'_>) {
        if !self.enabled(record.metadata()) {
            return;
        }
        let entry = Entry::here((self.clock)(), record.level(), *record.args());
        if record.target() == AUDIT {
            return self.audit.offer(entry);
        }
        if self.console.wants(entry.level) {
            self.console.offer(entry.clone());
        }
        if self.file.wants(entry.level) {
            self.file.offer(entry);
        }
    }

    /// Does nothing: nobody may wait for the disk.
    fn flush(&self) {}
}

fn ours(target: &str) -> bool {
    matches!(target.split("::").next(), Some("parlor" | "parlord"))
}

/// The handle of a running log. When the last clone is gone, the log ends as if it were stopped.
#[derive(Clone)]
pub struct Logging {
    orders: Vec<Sender<Order>>,
    lost: Arc<AtomicU64>,
}

impl Logging {
    /// Opens the file anew, as one wants after having moved it away (SIGHUP).
    pub fn reopen(&self) {
        for orders in &self.orders {
            // A full queue of orders belongs to a thread that is stuck, and it opens anew when it comes back.
            let _ = orders.try_send(Order::Reopen);
        }
    }

    /// Writes what is queued, for at most [`LOG_DRAIN`], and ends the log.
    pub fn stop(self) {
        let by = Instant::now() + LOG_DRAIN;
        let (done, all_done) = bounded(self.orders.len());
        for orders in &self.orders {
            let _ = orders.try_send(Order::Stop { by, done: done.clone() });
        }
        drop(done);
        for _ in &self.orders {
            let _ = all_done.recv_deadline(by);
        }
    }

    /// Lines that should have been in the file and are not, since the start.
    pub fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }
}

/// Starts the log and makes it the one of the whole process.
///
/// A folder that cannot be made or written is no error: the console is told, and it is tried again every second.
///
/// # Errors
/// [`StartError::System`] when a thread is refused, or the process has a log already.
pub fn start(settings: &LogSettings) -> Result<Logging, StartError> {
    let (logger, logging) = build(settings, Arc::new(SystemTime::now))?;
    log::set_boxed_logger(Box::new(logger))
        .map_err(|e| StartError::System("cannot install the log".to_owned(), io::Error::other(e)))?;
    // What goes to the audit log goes there at any level of the other one.
    log::set_max_level(settings.log_level.max(LevelFilter::Info));
    Ok(logging)
}

/// Starts a log that is nobody's yet: for tests, and for whoever installs the [`Logger`] himself.
///
/// # Errors
/// [`StartError::System`] when a thread is refused.
pub fn build(settings: &LogSettings, clock: Clock) -> Result<(Logger, Logging), StartError> {
    build_with(settings, console_level(settings), clock, console::stderr(), LOG_PACE)
}

/// What the console shows: as much as the files, and nothing below info.
fn console_level(settings: &LogSettings) -> LevelFilter {
    settings.log_level.min(LevelFilter::Info)
}

fn build_with(
    settings: &LogSettings,
    console_level: LevelFilter,
    clock: Clock,
    terminal: Box<dyn Write + Send>,
    pace: Duration,
) -> Result<(Logger, Logging), StartError> {
    let refused = |e| StartError::System("cannot start a thread for the log".to_owned(), e);
    let (console, console_queue) = Route::new(console_level);
    let (file, file_queue) = Route::new(settings.log_level);
    let (audit, audit_queue) = Route::new(LevelFilter::Info);
    let console_sink = ConsoleSink::new(terminal, console.lost.clone());
    let sink =
        |base, lost: &Arc<AtomicU64>| FileSink::new(settings, base, clock.clone(), pace, console.clone(), lost.clone());
    let (file_sink, audit_sink) = (sink(MAIN, &file.lost), sink(AUDIT, &audit.lost));
    let orders = vec![
        queue::serve("log-file", file_sink, file_queue, pace).map_err(refused)?,
        queue::serve("log-audit", audit_sink, audit_queue, pace).map_err(refused)?,
        queue::serve("log-console", console_sink, console_queue, pace).map_err(refused)?,
    ];
    let logging = Logging { orders, lost: file.lost.clone() };
    Ok((Logger { clock, file, audit, console }, logging))
}
