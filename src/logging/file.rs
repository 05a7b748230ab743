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
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use chrono::{DateTime, Local, NaiveDate};
use flexi_logger::writers::{ArcFileLogWriter, FileLogWriter};
use flexi_logger::{FileSpec, FlexiLoggerError};
use log::Level;

use super::Clock;
use super::archive::archive;
use super::queue::{LogLine, Queue, Sink};
use crate::model::limits::LOG_TAIL;
use crate::model::{LogSettings, text};
use crate::thread;

/// Prefix of the names of the main log's files.
pub(super) const MAIN: &str = "parlord";

/// Prefix of the names of the audit log's files, and the target of its lines.
pub(super) const AUDIT: &str = "audit";

/// The stack of the thread that compresses, in bytes: the compressor builds its tables there.
const ARCHIVE_STACK: usize = 2 * 1024 * 1024;

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
}

impl DayFile {
    /// Opens the file of `day` for appending, and creates it and its folder if they are missing.
    ///
    /// Without flexi_logger's own rotation, on purpose (0.31.10): with only the date in the name it begins a second file
    /// when the first line of a day comes within milliseconds of midnight, and it panics if the folder is gone by then.
    fn open(dir: &Path, prefix: &str, day: NaiveDate) -> io::Result<DayFile> {
        let spec =
            FileSpec::default().directory(dir).basename(prefix).discriminant(day.to_string()).suppress_timestamp();
        let path = spec.as_pathbuf(None);
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
        Ok(DayFile { day, path, writer, handle, unverified: 0, ends_mid_line: last != *b"\n" })
    }

    /// Appends one line. A partial line that a full disk or a crash has left is ended first, so that two lines never
    /// look like one.
    fn append(&mut self, line: &[u8]) -> io::Result<()> {
        if self.ends_mid_line {
            self.writer.write_all(b"\n")?;
            self.ends_mid_line = false;
        }
        self.writer.write_all(line)?;
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
    /// The day on which old files were last archived.
    archived: Option<NaiveDate>,
    archiver: Option<JoinHandle<()>>,
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
            archived: None,
            archiver: None,
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
                Ok(file) => self.current = Some(file),
                Err(e) => return self.fail(&e),
            }
            self.update_link();
        }
        !self.failing || self.report_lost()
    }

    /// Writes into the file how many lines it has missed.
    fn report_lost(&mut self) -> bool {
        let lost = self.lost.load(Ordering::Relaxed);
        if !self.failing && lost == self.reported {
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

    /// Archives old files once a day, in another thread: compressing a busy day takes longer than the queue can wait.
    fn start_archiving(&mut self) {
        let today = self.today();
        let idle = self.archiver.as_ref().is_none_or(JoinHandle::is_finished);
        if self.archived == Some(today) || !idle {
            return;
        }
        let (settings, prefix) = (self.settings.clone(), self.prefix);
        if let Ok(archiver) = thread::start("log-archive", ARCHIVE_STACK, move || archive(&settings, prefix, today)) {
            self.archiver = Some(archiver);
            self.archived = Some(today);
        }
    }

    fn line(&self, level: Level, event: fmt::Arguments<'_>) -> LogLine {
        LogLine::new((self.clock)(), level, event)
    }

    fn show_error(&self, event: fmt::Arguments<'_>) {
        if self.console.accepts(Level::Error) {
            self.console.push(self.line(Level::Error, event));
        }
    }
}

impl Sink for FileSink {
    fn write(&mut self, line: &LogLine) -> bool {
        self.active = true;
        self.ensure_open() && self.append(line)
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
        self.start_archiving();
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
    fs::rename(new, link)
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
