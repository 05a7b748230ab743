//! One event as one line: its time with the zone, its level, its thread, and what happened, in printable ASCII.
//!
//! Everything else is escaped here, at the last door, so that no event can look like two or colour a terminal.

use std::fmt::{self, Write};
use std::time::SystemTime;

use chrono::{DateTime, Local};
use log::Level;

use crate::model::limits::LOG_LINE;
use crate::thread;

/// What is queued: formatted by the thread that logged, dated by the one that writes.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    at: SystemTime,
    pub(super) level: Level,
    text: String,
}

impl Entry {
    /// An event of the calling thread.
    pub(super) fn here(at: SystemTime, level: Level, what: fmt::Arguments<'_>) -> Entry {
        let mut text = OneLine(String::with_capacity(128));
        // A Display that fails leaves what it has written so far, which is better than no line.
        let _ = write!(text, "{} {what}", thread::name());
        Entry { at, level, text: text.0 }
    }

    /// The finished line with its line end.
    ///
    /// Dated here, because each thread that asks for the local time keeps its own copy of the zone's rules.
    pub(super) fn render(&self) -> String {
        let at = DateTime::<Local>::from(self.at);
        format!("{} {:<5} {}\n", at.format("%Y-%m-%d %H:%M:%S%.3f %:z"), self.level, self.text)
    }
}

/// Takes any text and keeps printable ASCII, at most [`LOG_LINE`] bytes of it.
struct OneLine(String);

impl Write for OneLine {
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
