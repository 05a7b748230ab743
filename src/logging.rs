//! The log: one file per day, with `parlord.log` pointing at today's, and the console.
//!
//! A log call formats its line and puts it into a bounded queue; it never waits. One thread writes the file and one the
//! console, so neither a dead disk nor a stuck terminal reaches a chat, and lines that do not fit are counted. Lines of
//! other crates are dropped: a library at debug level may quote what a user typed.
//!
//! Lines for the target `audit` go to files of their own, with `audit.log` pointing at today's, and nowhere else. There
//! they are written whatever the level is.
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
mod file;
mod queue;
#[cfg(test)]
mod tests;

use console::ConsoleSink;
use file::{AUDIT, FileSink, MAIN};
use queue::{Control, LogLine, Queue};

/// Tells the time; a test brings its own.
pub type Clock = Arc<dyn Fn() -> SystemTime + Send + Sync>;

/// The front of the log: formats a line in the calling thread, queues it, and never waits.
pub struct Logger {
    clock: Clock,
    file: Queue,
    audit: Queue,
    console: Queue,
}

impl Log for Logger {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        if metadata.target() == AUDIT {
            return true;
        }
        let level = metadata.level();
        (self.file.accepts(level) || self.console.accepts(level)) && is_ours(metadata.target())
    }

    fn log(&self, record: &Record<'_>) {
        if !self.enabled(record.metadata()) {
            return;
        }
        let line = LogLine::new((self.clock)(), record.level(), *record.args());
        if record.target() == AUDIT {
            return self.audit.push(line);
        }
        if self.console.accepts(line.level) {
            self.console.push(line.clone());
        }
        if self.file.accepts(line.level) {
            self.file.push(line);
        }
    }

    /// Does nothing: no caller may wait for the disk.
    fn flush(&self) {}
}

fn is_ours(target: &str) -> bool {
    matches!(target.split("::").next(), Some("parlor" | "parlord"))
}

/// The handle of a running log. Dropping the last clone ends the log like [`stop`](Logging::stop).
#[derive(Clone)]
pub struct Logging {
    writers: Vec<Sender<Control>>,
    lost: Arc<AtomicU64>,
}

impl Logging {
    /// Reopens the files, for use after they have been moved away (SIGHUP).
    pub fn reopen(&self) {
        for writer in &self.writers {
            // A full channel belongs to a thread that is stuck; it reopens its file anyway when it comes back.
            let _ = writer.try_send(Control::Reopen);
        }
    }

    /// Writes what is queued, for at most [`LOG_DRAIN`], and ends the log.
    pub fn stop(self) {
        let deadline = Instant::now() + LOG_DRAIN;
        let (done, all_done) = bounded(self.writers.len());
        for writer in &self.writers {
            let _ = writer.try_send(Control::Stop { deadline, done: done.clone() });
        }
        drop(done);
        for _ in &self.writers {
            let _ = all_done.recv_deadline(deadline);
        }
    }

    /// Lines lost since the start that should have been in the main file.
    pub fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }
}

/// Starts the log and installs it for the whole process.
///
/// A folder that cannot be created or written is no error: the console is told, and the log tries again every second.
///
/// # Errors
/// [`StartError::System`] when a thread is refused, or the process has a log already.
pub fn start(settings: &LogSettings) -> Result<Logging, StartError> {
    let (logger, logging) = build(settings, Arc::new(SystemTime::now))?;
    log::set_boxed_logger(Box::new(logger))
        .map_err(|e| StartError::System("cannot install the log".to_owned(), io::Error::other(e)))?;
    // The audit log gets its lines whatever the level of the main one is.
    log::set_max_level(settings.log_level.max(LevelFilter::Info));
    Ok(logging)
}

/// Starts a log without installing it: for tests, and for callers that install the [`Logger`] themselves.
///
/// # Errors
/// [`StartError::System`] when a thread is refused.
pub fn build(settings: &LogSettings, clock: Clock) -> Result<(Logger, Logging), StartError> {
    let console_level = settings.log_level.min(LevelFilter::Info);
    build_with(settings, console_level, clock, console::stderr(), LOG_PACE)
}

fn build_with(
    settings: &LogSettings,
    console_level: LevelFilter,
    clock: Clock,
    terminal: Box<dyn Write + Send>,
    interval: Duration,
) -> Result<(Logger, Logging), StartError> {
    let refused = |e| StartError::System("cannot start a thread for the log".to_owned(), e);
    let (console, console_lines) = Queue::new(console_level);
    let (file, file_lines) = Queue::new(settings.log_level);
    let (audit, audit_lines) = Queue::new(LevelFilter::Info);
    let file_sink = |prefix, lost: &Arc<AtomicU64>| {
        FileSink::new(settings, prefix, clock.clone(), interval, console.clone(), lost.clone())
    };
    let (main_sink, audit_sink) = (file_sink(MAIN, &file.lost), file_sink(AUDIT, &audit.lost));
    let console_sink = ConsoleSink::new(terminal, console.lost.clone());
    let writers = vec![
        queue::start_writer("log-file", main_sink, file_lines, interval).map_err(refused)?,
        queue::start_writer("log-audit", audit_sink, audit_lines, interval).map_err(refused)?,
        queue::start_writer("log-console", console_sink, console_lines, interval).map_err(refused)?,
    ];
    let logging = Logging { writers, lost: file.lost.clone() };
    Ok((Logger { clock, file, audit, console }, logging))
}

/// The last whole lines of today's file, oldest first: at most `lines`, and from its last [`LOG_TAIL`] bytes.
///
/// # Errors
/// Why there are none, as the end of a sentence.
pub fn tail(settings: &LogSettings, lines: usize) -> Result<Vec<String>, String> {
    let path = file::link_path(&settings.log_dir, MAIN);
    match file::read_tail(&path, lines) {
        Err(e) => Err(format!("{}: {e}", path.display())),
        Ok(none) if none.is_empty() => {
            Err(format!("{} has no lines yet, with --log-level {}", path.display(), settings.log_level))
        }
        Ok(tail) => Ok(tail),
    }
}
