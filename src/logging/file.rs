//! The daily log files: replaced at midnight, watched, reopened for as long as they fail, and read for operators.
//!
//! The sink looks at the clock itself, so a new day begins without a line, and it counts what the file has missed.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{FileExt, MetadataExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use chrono::{DateTime, Local, NaiveDate};
use flexi_logger::writers::{ArcFileLogWriter, FileLogWriter};
use flexi_logger::{FileSpec, FlexiLoggerError};
use log::Level;

use super::Clock;
use super::archive::Archiver;
use super::queue::{LogLine, Queue, Sink};
use crate::files::{create_folder, create_new, exchange, rename_new};
use crate::model::limits::{LOG_RESERVE, LOG_TAIL};
use crate::model::{LogSettings, text};

/// Prefix of the names of the main log's files.
pub(super) const MAIN: &str = "parlord";

/// Prefix of the names of the audit log's files, and the target of its lines.
pub(super) const AUDIT: &str = "audit";

/// The modes of a new log file and a new folder of logs: names and addresses of users are nobody else's to read.
const FILE_MODE: u32 = 0o640;
const FOLDER_MODE: u32 = 0o750;

/// Where the file that is being written is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum FileState {
    /// At its path.
    InPlace,
    /// Under another name: its lines are safe, but nobody finds new ones there.
    Moved,
    /// Without a name: its lines vanish when it is closed.
    Removed,
}

/// The open file of one day.
struct DayFile {
    day: NaiveDate,
    path: PathBuf,
    writer: ArcFileLogWriter,
    /// A second handle of the same file, which tells whether it still has a name when its path does not lead to it.
    handle: File,
    /// Lines written since the file was last seen in its place.
    unverified: u64,
    /// The file ends with part of a line.
    ends_mid_line: bool,
    /// How many bytes it has.
    length: u64,
}

impl DayFile {
    /// Opens the file of `day` for appending, and creates it and its folder if they are missing.
    ///
    /// Without flexi_logger's own rotation, on purpose (0.31.10): with only the date in the name it begins a second file
    /// when the first line of a day comes within milliseconds of midnight, and it panics if the folder is gone by then.
    fn open(dir: &Path, prefix: &str, day: NaiveDate) -> io::Result<DayFile> {
        create_folder(dir, FOLDER_MODE)?;
        let spec =
            FileSpec::default().directory(dir).basename(prefix).discriminant(day.to_string()).suppress_timestamp();
        let path = spec.as_pathbuf(None);
        match create_new(&path, FILE_MODE) {
            Err(e) if e.kind() != io::ErrorKind::AlreadyExists => return Err(e),
            _ => {}
        }
        let built = FileLogWriter::builder(spec).append().try_build_with_handle();
        let (mut writer, _) = built.map_err(|e| match e {
            FlexiLoggerError::OutputIo(e) => e,
            other => io::Error::other(other),
        })?;
        // The first write opens the file, and an empty one will do; an empty `write_all` would not write at all.
        let _nothing = writer.write(b"")?;
        let handle = File::open(&path)?;
        let length = handle.metadata()?.len();
        let mut last = [b'\n'];
        if length > 0 {
            handle.read_exact_at(&mut last, length - 1)?;
        }
        Ok(DayFile { day, path, writer, handle, unverified: 0, ends_mid_line: last != *b"\n", length })
    }

    /// Appends one line. A partial line that a full disk or a crash has left is ended first, so that two lines never
    /// look like one.
    fn append(&mut self, line: &[u8]) -> io::Result<()> {
        if self.ends_mid_line {
            self.writer.write_all(b"\n")?;
            self.ends_mid_line = false;
        }
        self.writer.write_all(line)?;
        self.length += line.len() as u64;
        self.unverified += 1;
        Ok(())
    }

    fn state(&self) -> FileState {
        let Ok(held) = self.handle.metadata() else { return FileState::Moved };
        match fs::metadata(&self.path) {
            Ok(found) if (found.dev(), found.ino()) == (held.dev(), held.ino()) => FileState::InPlace,
            // A folder that we may no longer search does not keep us from writing.
            Err(e) if e.kind() == io::ErrorKind::PermissionDenied => FileState::InPlace,
            _ if held.nlink() == 0 => FileState::Removed,
            _ => FileState::Moved,
        }
    }
}

/// Owns a log's files; its thread is the only one that waits for their disk.
pub(super) struct FileSink {
    settings: LogSettings,
    /// Prefix of the names of its files, and of the link to today's.
    prefix: &'static str,
    clock: Clock,
    /// How often the file is checked, and opened again while it fails.
    interval: Duration,
    console: Queue,
    lost: Arc<AtomicU64>,
    /// How many of `lost` are reported in the file.
    reported: u64,
    current: Option<DayFile>,
    /// The log has a file from now on: the audit log has none before its first line.
    active: bool,
    /// The file has failed, and has not taken a line since.
    failing: bool,
    /// The console has been told so.
    failure_shown: bool,
    next_check: Instant,
    next_open: Instant,
    link_failing: bool,
    /// Today's file has as many bytes as a day's may have, and says so.
    full: bool,
    archiver: Archiver,
}

impl FileSink {
    pub(super) fn new(
        settings: &LogSettings,
        prefix: &'static str,
        clock: Clock,
        interval: Duration,
        console: Queue,
        lost: Arc<AtomicU64>,
    ) -> FileSink {
        let now = Instant::now();
        FileSink {
            settings: settings.clone(),
            prefix,
            clock,
            interval,
            console,
            lost,
            reported: 0,
            current: None,
            active: prefix == MAIN,
            failing: false,
            failure_shown: false,
            next_check: now,
            next_open: now,
            link_failing: false,
            full: false,
            archiver: Archiver::new(settings, prefix),
        }
    }

    fn today(&self) -> NaiveDate {
        DateTime::<Local>::from((self.clock)()).date_naive()
    }

    /// Opens today's file if it is not open, and reports lost lines in it; false when that is not possible now.
    fn ensure_open(&mut self) -> bool {
        let today = self.today();
        let is_open = self.current.as_ref().is_some_and(|file| file.day == today);
        if !is_open {
            let now = Instant::now();
            if self.failing && now < self.next_open {
                return false;
            }
            self.check_path();
            self.next_open = now + self.interval;
            match DayFile::open(&self.settings.log_dir, self.prefix, today) {
                Ok(file) => (self.current, self.full) = (Some(file), false),
                Err(e) => return self.fail(&e),
            }
            self.update_link();
        }
        !self.failing || self.report_lost()
    }

    /// Waits until old files are archived.
    #[cfg(test)]
    pub(super) fn wait_for_archiver(&mut self) {
        self.archiver.wait();
    }

    /// Writes into the file how many lines it has missed.
    fn report_lost(&mut self) -> bool {
        let lost = self.lost.load(Ordering::Relaxed);
        // A full file says so once, and the next day's says how many lines it has missed.
        if !self.failing && (lost == self.reported || self.full) {
            return true;
        }
        let since = lost - self.reported;
        let resumed = self.append(&self.line(Level::Warn, format_args!("log resumed lost={since}")));
        if resumed {
            self.reported = lost;
            self.failing = false;
            self.failure_shown = false;
        }
        resumed
    }

    fn append(&mut self, line: &LogLine) -> bool {
        let Some(file) = &mut self.current else { return false };
        match file.append(line.render().as_bytes()) {
            Ok(()) => true,
            Err(e) => self.fail(&e),
        }
    }

    /// Closes the file until the next attempt, and tells the console once. Always false.
    fn fail(&mut self, error: &io::Error) -> bool {
        self.current = None;
        self.failing = true;
        if !self.failure_shown {
            self.failure_shown = true;
            self.show_error(format_args!("log file failing dir={} error={error}", self.settings.log_dir.display()));
        }
        false
    }

    /// Closes a file that is no longer in its place; the lines of a removed one count as lost.
    fn check_path(&mut self) {
        let Some(file) = &mut self.current else { return };
        let state = file.state();
        let unverified = std::mem::take(&mut file.unverified);
        match state {
            FileState::InPlace => return,
            FileState::Moved => {}
            FileState::Removed => {
                self.lost.fetch_add(unverified, Ordering::Relaxed);
            }
        }
        self.current = None;
        self.failing = true;
        self.next_open = Instant::now();
    }

    /// Points the link at today's file. It is relative, so the folder can be moved.
    fn update_link(&mut self) {
        let Some(file) = &self.current else { return };
        let name = file.path.file_name();
        let updated = name.map_or(Ok(()), |name| set_link(&self.settings.log_dir, self.prefix, Path::new(name)));
        if let Err(e) = &updated
            && !self.link_failing
        {
            self.show_error(format_args!("log link failing dir={} error={e}", self.settings.log_dir.display()));
        }
        self.link_failing = updated.is_err();
    }

    /// Whether a line of this level may be written into today's file. The end of what a day may have is left to warnings
    /// and errors, which no stranger can cause. The audit log has no such limit: whoever filled it could then do as they
    /// like.
    fn has_room(&mut self, line: &LogLine) -> bool {
        let limit = self.settings.log_day_bytes;
        let Some(file) = self.current.as_ref().filter(|_| limit > 0 && self.prefix == MAIN) else { return true };
        let room = if line.level <= Level::Warn { limit } else { limit - limit / LOG_RESERVE };
        if file.length < room {
            return true;
        }
        if !std::mem::replace(&mut self.full, true) {
            let event = format_args!("log full bytes={limit}: only warnings and errors are written until midnight");
            self.append(&self.line(Level::Warn, event));
            self.show_warning(event);
        }
        false
    }

    fn line(&self, level: Level, event: fmt::Arguments<'_>) -> LogLine {
        LogLine::new((self.clock)(), level, event)
    }

    fn show_error(&self, event: fmt::Arguments<'_>) {
        self.show(Level::Error, event);
    }

    fn show_warning(&self, event: fmt::Arguments<'_>) {
        self.show(Level::Warn, event);
    }

    fn show(&self, level: Level, event: fmt::Arguments<'_>) {
        if self.console.accepts(level) {
            self.console.push(self.line(level, event));
        }
    }
}

impl Sink for FileSink {
    fn write(&mut self, line: &LogLine) -> bool {
        self.active = true;
        self.ensure_open() && self.has_room(line) && self.append(line)
    }

    fn check(&mut self) {
        let now = Instant::now();
        if now < self.next_check {
            return;
        }
        self.next_check = now + self.interval;
        self.check_path();
        if self.active && self.ensure_open() {
            self.report_lost();
            self.update_link();
        }
        self.archiver.check((self.clock)());
    }

    fn reopen(&mut self) {
        self.check_path();
        self.current = None;
        self.next_open = Instant::now();
        if self.active {
            self.ensure_open();
        }
    }

    fn close(&mut self) {
        self.check_path();
        if self.active && self.ensure_open() {
            self.report_lost();
        }
    }
}

/// The path of the link to today's file.
pub(super) fn link_path(dir: &Path, prefix: &str) -> PathBuf {
    dir.join(format!("{prefix}.log"))
}

fn set_link(dir: &Path, prefix: &str, name: &Path) -> io::Result<()> {
    let link = link_path(dir, prefix);
    match fs::read_link(&link) {
        Ok(target) if target == name => return Ok(()),
        // Not a link, so not ours to replace.
        Err(e) if e.kind() == io::ErrorKind::InvalidInput => return Err(e),
        _ => {}
    }
    // Renamed into place, so that the name exists at every moment.
    let new = dir.join(format!(".{prefix}.log.new"));
    let _ = fs::remove_file(&new);
    symlink(name, &new)?;
    if link.symlink_metadata().is_err() {
        return rename_new(&new, &link);
    }
    match exchange(&new, &link) {
        // Somebody else's file has come into the place of the link just now.
        Ok(()) if !new.is_symlink() => exchange(&new, &link).and(Err(io::ErrorKind::InvalidInput.into())),
        Ok(()) => fs::remove_file(new),
        Err(e) if e.kind() == io::ErrorKind::Unsupported => fs::rename(new, link),
        Err(e) => Err(e),
    }
}

/// The last whole lines of a file, oldest first: at most `lines`, and from its last [`LOG_TAIL`] bytes.
pub(super) fn read_tail(path: &Path, lines: usize) -> io::Result<Vec<String>> {
    let mut file = File::open(path)?;
    let from = file.metadata()?.len().saturating_sub(LOG_TAIL);
    file.seek(SeekFrom::Start(from))?;
    let mut end = Vec::new();
    // The file may have grown since.
    file.take(LOG_TAIL).read_to_end(&mut end)?;
    // The first line may be cut off, and the last one incomplete.
    let skip = if from > 0 { end.iter().position(|byte| *byte == b'\n').map_or(end.len(), |at| at + 1) } else { 0 };
    let whole = end.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    let all: Vec<&[u8]> = end.get(skip..whole).unwrap_or_default().split_inclusive(|byte| *byte == b'\n').collect();
    let last = &all[all.len().saturating_sub(lines)..];
    // Our own lines are plain ASCII, but another program may have written into the file.
    Ok(last.iter().map(|line| text::clean(String::from_utf8_lossy(line).trim_end_matches('\n'))).collect())
}
