//! Old log files: they are compressed, and later deleted, by the date in their names.
//!
//! So days on which the server did not run count too. What the date is, the [`ExpiryClock`] says: a wrong clock must not
//! delete the logs. When it last deleted anything is kept in a file beside them.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;
use std::time::{Instant, SystemTime};

use chrono::{DateTime, Local, NaiveDate, SecondsFormat, Utc};
use flate2::{Compression, write::GzEncoder};

use crate::files::{create_new, rename_to_free};
use crate::model::{ExpiryClock, LogSettings};
use crate::thread;

/// The stack of the thread that compresses, in bytes: the compressor builds its tables there.
const STACK: usize = 2 * 1024 * 1024;

/// Archives the files of one log, once for each day of the clock by which they are deleted.
pub(super) struct Archiver {
    settings: LogSettings,
    prefix: &'static str,
    /// Begun when the folder is first there.
    clock: Option<ExpiryClock>,
    /// The day for which old files were last archived.
    archived: Option<NaiveDate>,
    thread: Option<JoinHandle<()>>,
    /// The log says that the machine's clock is far ahead.
    held_back: bool,
}

impl Archiver {
    pub(super) fn new(settings: &LogSettings, prefix: &'static str) -> Archiver {
        let settings = settings.clone();
        Archiver { settings, prefix, clock: None, archived: None, thread: None, held_back: false }
    }

    /// Starts archiving if a day has passed, in another thread: compressing a busy day takes longer than the log's queue
    /// can wait. `wall` is the time by the machine's clock.
    pub(super) fn check(&mut self, wall: SystemTime) {
        if !self.settings.log_dir.is_dir() || self.thread.as_ref().is_some_and(|thread| !thread.is_finished()) {
            return;
        }
        let now = Instant::now();
        let clock = self.clock.get_or_insert_with(|| {
            let last = last_deletion(&self.settings.log_dir, self.prefix, date(wall)).unwrap_or(wall);
            ExpiryClock::new(last, wall, now)
        });
        let Some(time) = clock.read(wall, now) else { return };
        if self.archived == Some(date(time)) {
            return;
        }
        if let Some(ahead) = clock.held_back(wall)
            && !std::mem::replace(&mut self.held_back, true)
        {
            let days = ahead.as_secs() / 86_400 + 1;
            log::warn!(
                "log deletion held back days={days}: the clock was set, or no server ran; it goes on hour by hour"
            );
        }
        self.held_back &= clock.held_back(wall).is_some();
        let (settings, prefix) = (self.settings.clone(), self.prefix);
        if let Ok(thread) = thread::start("log-archive", STACK, move || archive(&settings, prefix, time)) {
            self.thread = Some(thread);
            self.archived = Some(date(time));
        }
    }

    #[cfg(test)]
    pub(super) fn wait(&mut self) {
        self.thread.take().map(JoinHandle::join);
    }
}

fn date(time: SystemTime) -> NaiveDate {
    DateTime::<Local>::from(time).date_naive()
}

/// Compresses and deletes the files that are due at `time`, and keeps that as the time of the last deletion. A file that
/// resists is logged and left for the next day.
pub(super) fn archive(settings: &LogSettings, prefix: &str, time: SystemTime) {
    let today = date(time);
    let Ok(entries) = fs::read_dir(&settings.log_dir) else { return };
    let mut found = false;
    for entry in entries.flatten() {
        let name = entry.file_name();
        let Some((day, extension)) = name.to_str().and_then(|name| parse(prefix, name)) else { continue };
        if !entry.file_type().is_ok_and(|kind| kind.is_file()) {
            continue;
        }
        found = true;
        // A date in the future counts as today: the clock may have been wrong, but the file is not old.
        let age = u32::try_from((today - day).num_days()).unwrap_or(0);
        let done = if age > settings.log_keep_days {
            let deleted = fs::remove_file(entry.path());
            deleted.inspect(|()| log::info!("log deleted file={}", name.display()))
        } else if age > settings.log_compress_days && extension == Extension::Plain {
            compress(&entry.path(), |number| archive_path(&settings.log_dir, prefix, day, number))
        } else {
            Ok(())
        };
        if let Err(e) = done {
            log::warn!("log archive failed file={} error={e}", name.display());
        }
    }
    if found && let Err(e) = keep_last_deletion(&settings.log_dir, prefix, time) {
        log::warn!("log archive failed file={} error={e}", state_path(&settings.log_dir, prefix).display());
    }
}

/// What a file of a day is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Extension {
    Plain,
    Compressed,
    /// Left behind by a process that ended while it compressed.
    Part,
}

/// The day and the extension of a name such as `parlord_2026-11-20.log` or `parlord_2026-11-20.2.log.gz`; other files are
/// not ours to touch.
fn parse(prefix: &str, name: &str) -> Option<(NaiveDate, Extension)> {
    let (day, rest) = name.strip_prefix(prefix)?.strip_prefix('_')?.split_once('.')?;
    let day = NaiveDate::parse_from_str(day, "%Y-%m-%d").ok()?;
    let numbered = rest.split_once('.').filter(|(number, _)| number.bytes().all(|digit| digit.is_ascii_digit()));
    let extension = match numbered.map_or(rest, |(_, extension)| extension) {
        "log" => Extension::Plain,
        "log.gz" => Extension::Compressed,
        "log.gz.part" => Extension::Part,
        _ => return None,
    };
    Some((day, extension))
}

/// The name of the compressed file of a day. A day that was archived before, because the clock went back, has another.
fn archive_path(dir: &Path, prefix: &str, day: NaiveDate, number: u32) -> PathBuf {
    let number = if number == 1 { String::new() } else { format!(".{number}") };
    dir.join(format!("{prefix}_{day}{number}.log.gz"))
}

/// Replaces a file by its compressed form under the first name that is free; at every moment one of the two is complete.
fn compress(plain: &Path, name: impl Fn(u32) -> PathBuf) -> io::Result<()> {
    let part = plain.with_extension("log.gz.part");
    let renamed = write_gzip(plain, &part).and_then(|()| rename_to_free(&part, name));
    if renamed.is_err() {
        // The disk may be full, and half a file is of no use.
        let _ = fs::remove_file(&part);
    }
    renamed?;
    fs::remove_file(plain)
}

fn write_gzip(plain: &Path, part: &Path) -> io::Result<()> {
    let mut source = File::open(plain)?;
    match fs::remove_file(part) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
        _ => {}
    }
    let mut encoder = GzEncoder::new(create_new(part, 0o600)?, Compression::default());
    let read = io::copy(&mut source, &mut encoder)?;
    let compressed = encoder.finish()?;
    let original = source.metadata()?;
    if original.len() != read {
        return Err(io::Error::other("it is being written to"));
    }
    compressed.set_permissions(original.permissions())?;
    compressed.set_modified(original.modified()?)?;
    compressed.sync_all()
}

/// Where the time of the last deletion is kept.
fn state_path(dir: &Path, prefix: &str) -> PathBuf {
    dir.join(format!(".{prefix}.expiry"))
}

/// The time of the last deletion. Where none is kept, it is the time at which the newest file of an earlier day was last
/// written; `None` where there is no such file either.
fn last_deletion(dir: &Path, prefix: &str, today: NaiveDate) -> Option<SystemTime> {
    let kept = fs::read_to_string(state_path(dir, prefix)).ok();
    if let Some(kept) = kept.and_then(|text| DateTime::parse_from_rfc3339(text.trim()).ok()) {
        return Some(kept.into());
    }
    let earlier = |name: &str| parse(prefix, name).is_some_and(|(day, _)| day != today);
    let entries = fs::read_dir(dir).ok()?.flatten();
    let old = entries.filter(|entry| entry.file_name().to_str().is_some_and(earlier));
    old.filter_map(|entry| entry.metadata().ok()?.modified().ok()).max()
}

fn keep_last_deletion(dir: &Path, prefix: &str, time: SystemTime) -> io::Result<()> {
    let (path, text) =
        (state_path(dir, prefix), DateTime::<Utc>::from(time).to_rfc3339_opts(SecondsFormat::Secs, true));
    let new = path.with_extension("expiry.new");
    let mut file = File::options().write(true).create(true).truncate(true).mode(0o640).open(&new)?;
    writeln!(file, "{text}")?;
    // It replaces what this log itself has kept there, and nothing else has that name.
    fs::rename(new, path)
}
