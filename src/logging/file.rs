//! The log file over the days: replaced at midnight, watched, and opened again for as long as it fails.
//!
//! It looks at the clock itself, so a new day begins without a line, and counts what the file has missed.

use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use chrono::{DateTime, Local, NaiveDate};
use log::Level;

use super::day::{self, DayFile, MAIN, Place};
use super::line::Entry;
use super::queue::{Route, Sink};
use super::{Clock, archive};
use crate::model::LogSettings;
use crate::thread;

/// The stack of the thread that compresses, in bytes: the compressor builds its tables there.
const ARCHIVE_STACK: usize = 2 * 1024 * 1024;

/// Owns the log file; the only one who waits for the disk.
pub(super) struct FileSink {
    settings: LogSettings,
    /// What the names of its files, and of the link to today's, begin with.
    base: &'static str,
    clock: Clock,
    pace: Duration,
    console: Route,
    lost: Arc<AtomicU64>,
    /// How much of `lost` the file has been told.
    reported: u64,
    current: Option<DayFile>,
    /// There is, or was, something to write: the audit log has no file before its first line.
    begun: bool,
    /// The file has failed, and has not taken a line since.
    failing: bool,
    /// The console has been told that it fails.
    told: bool,
    next_look: Instant,
    next_try: Instant,
    link_failing: bool,
    tidied: Option<NaiveDate>,
    archive: Option<JoinHandle<()>>,
}

impl FileSink {
    pub(super) fn new(
        settings: &LogSettings,
        base: &'static str,
        clock: Clock,
        pace: Duration,
        console: Route,
        lost: Arc<AtomicU64>,
    ) -> FileSink {
        let now = Instant::now();
        FileSink {
            settings: settings.clone(),
            base,
            clock,
            pace,
            console,
            lost,
            reported: 0,
            current: None,
            begun: base == MAIN,
            failing: false,
            told: false,
            next_look: now,
            next_try: now,
            link_failing: false,
            tidied: None,
            archive: None,
        }
    }

    fn today(&self) -> NaiveDate {
        DateTime::<Local>::from((self.clock)()).date_naive()
    }

    /// Sees to it that today's file is open and knows what was lost; false when that cannot be had now.
    fn ready(&mut self) -> bool {
        let today = self.today();
        let fits = self.current.as_ref().is_some_and(|file| file.day == today);
        if !fits {
            let now = Instant::now();
            if self.failing && now < self.next_try {
                return false;
            }
            self.check_place();
            self.next_try = now + self.pace;
            match DayFile::open(&self.settings.log_dir, self.base, today) {
                Ok(file) => self.current = Some(file),
                Err(e) => return self.fail(&e),
            }
            self.point();
        }
        !self.failing || self.report()
    }

    /// Tells the file how many lines it has missed.
    fn report(&mut self) -> bool {
        let lost = self.lost.load(Ordering::Relaxed);
        if !self.failing && lost == self.reported {
            return true;
        }
        let missed = lost - self.reported;
        let resumed = self.put(&self.entry(Level::Warn, format_args!("log resumed lost={missed}")));
        if resumed {
            self.reported = lost;
            self.failing = false;
            self.told = false;
        }
        resumed
    }

    fn put(&mut self, entry: &Entry) -> bool {
        let Some(file) = &mut self.current else { return false };
        match file.append(entry.render().as_bytes()) {
            Ok(()) => true,
            Err(e) => self.fail(&e),
        }
    }

    /// Gives the file up until the next try; the console hears of it once. Always false.
    fn fail(&mut self, error: &io::Error) -> bool {
        self.current = None;
        self.failing = true;
        if !self.told {
            self.told = true;
            self.tell(format_args!("log file failing dir={} error={error}", self.settings.log_dir.display()));
        }
        false
    }

    /// A file that is no longer where it belongs is given up; what went into a removed one is lost.
    fn check_place(&mut self) {
        let Some(file) = &mut self.current else { return };
        let place = file.place();
        let unproven = std::mem::take(&mut file.unproven);
        if place == Place::Kept {
            return;
        }
        if place == Place::Removed {
            self.lost.fetch_add(unproven, Ordering::Relaxed);
        }
        self.current = None;
        self.failing = true;
        self.next_try = Instant::now();
    }

    /// Lets the link lead to today's file. The link is relative, so the folder can be moved.
    fn point(&mut self) {
        let Some(file) = &self.current else { return };
        let pointed =
            file.path.file_name().map_or(Ok(()), |name| point(&self.settings.log_dir, self.base, Path::new(name)));
        if let Err(e) = &pointed
            && !self.link_failing
        {
            self.tell(format_args!("log link failing dir={} error={e}", self.settings.log_dir.display()));
        }
        self.link_failing = pointed.is_err();
    }

    /// Once a day, in a thread of its own: compressing a busy day takes longer than the queue can wait.
    fn tidy(&mut self) {
        let today = self.today();
        let idle = self.archive.as_ref().is_none_or(JoinHandle::is_finished);
        if self.tidied == Some(today) || !idle {
            return;
        }
        let (settings, base) = (self.settings.clone(), self.base);
        if let Ok(archive) = thread::start("log-archive", ARCHIVE_STACK, move || archive::tidy(&settings, base, today))
        {
            self.archive = Some(archive);
            self.tidied = Some(today);
        }
    }

    fn entry(&self, level: Level, what: std::fmt::Arguments<'_>) -> Entry {
        Entry::here((self.clock)(), level, what)
    }

    fn tell(&self, what: std::fmt::Arguments<'_>) {
        if self.console.wants(Level::Error) {
            self.console.offer(self.entry(Level::Error, what));
        }
    }
}

impl Sink for FileSink {
    fn write(&mut self, entry: &Entry) -> bool {
        self.begun = true;
        self.ready() && self.put(entry)
    }

    fn look(&mut self) {
        let now = Instant::now();
        if now < self.next_look {
            return;
        }
        self.next_look = now + self.pace;
        self.check_place();
        if self.begun && self.ready() {
            self.report();
            self.point();
        }
        self.tidy();
    }

    fn reopen(&mut self) {
        self.check_place();
        self.current = None;
        self.next_try = Instant::now();
        if self.begun {
            self.ready();
        }
    }

    fn close(&mut self) {
        self.check_place();
        if self.begun && self.ready() {
            self.report();
        }
    }
}

fn point(dir: &Path, base: &str, name: &Path) -> io::Result<()> {
    let link = day::link(dir, base);
    match fs::read_link(&link) {
        Ok(target) if target == name => return Ok(()),
        // What stands there is no link, so it is not ours to replace.
        Err(e) if e.kind() == io::ErrorKind::InvalidInput => return Err(e),
        _ => {}
    }
    // Renamed into place, so that there is no moment without the name.
    let fresh = dir.join(format!(".{base}.log.new"));
    let _ = fs::remove_file(&fresh);
    symlink(name, &fresh)?;
    fs::rename(fresh, link)
}
