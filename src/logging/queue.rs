//! From a log call to a sink: the line, the bounded queue, and the loop of a writer thread.
//!
//! Queueing a line never waits. The loop hands lines and control messages to its sink and lets it look after itself at
//! regular intervals; it knows nothing of files or terminals.

use std::fmt::{self, Write};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use chrono::{DateTime, Local};
use crossbeam_channel::{Receiver, Sender, bounded, never, select};
use log::{Level, LevelFilter};

use crate::model::limits::{LOG_DRAIN, LOG_LINE, LOG_QUEUE};
use crate::thread;

/// The stack of a writer thread, in bytes.
const STACK: usize = 256 * 1024;

/// One event as one line of printable ASCII, formatted by the thread that logs.
#[derive(Debug, Clone)]
pub(super) struct LogLine {
    at: SystemTime,
    pub(super) level: Level,
    text: String,
}

impl LogLine {
    /// Formats an event of the calling thread.
    pub(super) fn new(at: SystemTime, level: Level, event: fmt::Arguments<'_>) -> LogLine {
        let mut text = AsciiText(String::with_capacity(128));
        // A `Display` that fails leaves what it has written so far, which is better than no line.
        let _ = write!(text, "{} {event}", thread::name());
        LogLine { at, level, text: text.0 }
    }

    /// The line with time, zone, level and line end.
    ///
    /// The writer thread calls this, because each thread that asks for the local time keeps its own copy of the zone's
    /// rules.
    pub(super) fn render(&self) -> String {
        let at = DateTime::<Local>::from(self.at);
        format!("{} {:<5} {}\n", at.format("%Y-%m-%d %H:%M:%S%.3f %:z"), self.level, self.text)
    }
}

/// Keeps printable ASCII, at most [`LOG_LINE`] bytes of it, and escapes everything else, so that no event can look like
/// two or colour a terminal.
struct AsciiText(String);

impl Write for AsciiText {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = LOG_LINE.saturating_sub(self.0.len());
        if text.len() <= room && text.bytes().all(|b| matches!(b, b' '..=b'~')) {
            self.0.push_str(text);
            return Ok(());
        }
        for c in text.chars() {
            if self.0.len() >= LOG_LINE {
                break;
            }
            match c {
                ' '..='~' => self.0.push(c),
                other => self.0.extend(other.escape_default()),
            }
        }
        Ok(())
    }
}

/// The sending end of a sink's queue, with the least important level that the sink takes.
#[derive(Clone)]
pub(super) struct Queue {
    level: LevelFilter,
    lines: Sender<LogLine>,
    /// Lines that did not fit or could not be written.
    pub(super) lost: Arc<AtomicU64>,
}

impl Queue {
    pub(super) fn new(level: LevelFilter) -> (Queue, QueuedLines) {
        let (sender, receiver) = bounded(LOG_QUEUE);
        let lost = Arc::new(AtomicU64::new(0));
        (Queue { level, lines: sender, lost: lost.clone() }, QueuedLines { lines: receiver, lost })
    }

    pub(super) fn accepts(&self, level: Level) -> bool {
        level <= self.level
    }

    /// Queues the line, or counts it as lost; never waits.
    pub(super) fn push(&self, line: LogLine) {
        if self.lines.try_send(line).is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// The receiving end of a [`Queue`].
pub(super) struct QueuedLines {
    lines: Receiver<LogLine>,
    lost: Arc<AtomicU64>,
}

/// A message to a writer thread.
pub(super) enum Control {
    /// Close the file and open it again under its name.
    Reopen,
    /// Write what is queued until the deadline, report that, and end.
    Stop { deadline: Instant, done: Sender<()> },
}

/// Where lines end up.
pub(super) trait Sink: Send + 'static {
    /// Writes one line; false when it is lost.
    fn write(&mut self, line: &LogLine) -> bool;
    /// Checks that all is well; called after every line, and at least once per interval.
    fn check(&mut self);
    /// Closes the file and opens it again under its name.
    fn reopen(&mut self);
    /// Called last.
    fn close(&mut self);
}

/// Starts the thread that writes queued lines to `sink`, and returns the way to control it.
pub(super) fn start_writer(
    name: &str,
    sink: impl Sink,
    queued: QueuedLines,
    interval: Duration,
) -> io::Result<Sender<Control>> {
    // Room for a few reopens and a stop; a message to a stuck thread is dropped.
    let (sender, control) = bounded(4);
    thread::start(name, STACK, move || run(sink, queued, &control, interval))?;
    Ok(sender)
}

fn run(mut sink: impl Sink, mut queued: QueuedLines, control: &Receiver<Control>, interval: Duration) {
    sink.check();
    loop {
        select! {
            recv(control) -> message => match message {
                Ok(Control::Reopen) => sink.reopen(),
                Ok(Control::Stop { deadline, done }) => {
                    drain(&mut sink, &queued, deadline);
                    let _ = done.try_send(());
                    return;
                }
                Err(_) => return drain(&mut sink, &queued, Instant::now() + LOG_DRAIN),
            },
            recv(queued.lines) -> line => match line {
                Ok(line) => write(&mut sink, &queued, &line),
                // No logger is left, but the handle may still want to stop the thread.
                Err(_) => queued.lines = never(),
            },
            default(interval) => {}
        }
        sink.check();
    }
}

fn write(sink: &mut impl Sink, queued: &QueuedLines, line: &LogLine) {
    if !sink.write(line) {
        queued.lost.fetch_add(1, Ordering::Relaxed);
    }
}

fn drain(sink: &mut impl Sink, queued: &QueuedLines, deadline: Instant) {
    while Instant::now() < deadline
        && let Ok(line) = queued.lines.try_recv()
    {
        write(sink, queued, &line);
    }
    queued.lost.fetch_add(queued.lines.len() as u64, Ordering::Relaxed);
    sink.close();
}
