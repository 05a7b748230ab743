//! The watch: whether the files that the store writes to are still those under their names.
//!
//! A file that is removed, replaced or overwritten stays writable for those who have it open, but nobody finds again what
//! they write. So nothing is acknowledged unless the name still leads to the file that was opened, and a store that failed
//! is not used again before its database has passed a check.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::folder::{self, FolderLock};
use crate::lock::Mutex;
use crate::model::StartError;
use crate::store::StoreError;

/// Bytes of a database that are checked at once when the store is used again after a failure: some tens of milliseconds.
/// A larger one is checked by the thread that tends the store.
const CHECKED_AT_ONCE: u64 = 16 << 20;

/// After a check that failed, the next one begins after this many times its duration.
const CHECK_PAUSE: u32 = 10;

/// The watch over the files of one store.
pub(super) struct Watch {
    path: PathBuf,
    /// The database as it was opened.
    file: FileId,
    // lock tier 10: a leaf, taken while a connection of the store is held.
    seen: Mutex<Seen, 10>,
    // lock tier 10: a leaf, taken while a connection of the store is held.
    failure: Mutex<Option<Failure>, 10>,
    /// Released last, when no connection is open any more: closing a file of the database takes SQLite's own locks away.
    folder: FolderLock,
}

/// What tells a file from any other while it is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct FileId {
    device: u64,
    inode: u64,
}

/// The database file when it was last looked at.
struct Seen {
    size: u64,
    /// Seconds and nanoseconds.
    modified: (i64, i64),
    /// The last id of a message in the file itself, without the write-ahead log. It only grows.
    last: Option<i64>,
    /// Another program has written into the file. What is in memory no longer fits what is on disk, for good.
    overwritten: bool,
}

/// The store failed, and its database has not passed a check since.
struct Failure {
    error: StoreError,
    next_check: Instant,
}

impl FileId {
    fn of(file: &fs::Metadata) -> FileId {
        FileId { device: file.dev(), inode: file.ino() }
    }
}

impl Watch {
    /// Begins to watch a database that was opened just now.
    ///
    /// # Errors
    /// When it cannot be looked at.
    pub(super) fn begin(path: &Path, folder: FolderLock) -> Result<Watch, StartError> {
        let failed = |e: io::Error| folder::refusal(path, format!("cannot be accessed: {e}"));
        let state = fs::metadata(path).map_err(failed)?;
        let modified = (state.mtime(), state.mtime_nsec());
        let seen = Seen { size: state.size(), modified, last: None, overwritten: false };
        let (seen, failure) = (Mutex::new(seen), Mutex::new(None));
        Ok(Watch { path: path.to_owned(), file: FileId::of(&state), seen, failure, folder })
    }

    /// Whether the name still leads to the file that was opened. Two microseconds.
    ///
    /// # Errors
    /// [`StoreError::Replaced`].
    pub(super) fn look(&self) -> Result<(), StoreError> {
        let state = match fs::metadata(&self.path) {
            Ok(state) => state,
            Err(e) if matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                return Err(StoreError::Replaced("was removed"));
            }
            Err(e) => return Err(StoreError::Disk(e.to_string())),
        };
        if FileId::of(&state) != self.file {
            return Err(StoreError::Replaced("was replaced by another file"));
        }
        let mut seen = self.seen.lock();
        // A database never shrinks by itself.
        seen.overwritten |= state.size() < seen.size;
        if seen.overwritten {
            return Err(StoreError::Replaced("was overwritten by another program"));
        }
        Ok(())
    }

    /// As [`Watch::look`], but also finds out whether another program has written into the file, whether the lock is in its
    /// place, and whether a store that failed can be used again.
    ///
    /// # Errors
    /// [`StoreError::Replaced`], or why the store failed.
    pub(super) fn inspect(&self) -> Result<(), StoreError> {
        self.look().inspect_err(|error| self.note(error))?;
        self.folder.restore().map_err(|e| StoreError::Disk(format!("its lock file: {e}")))?;
        self.look_inside()?;
        self.check(u64::MAX)
    }

    /// Only a checkpoint writes into the file, and each leaves the last id as it was or makes it larger.
    fn look_inside(&self) -> Result<(), StoreError> {
        let state = fs::metadata(&self.path).map_err(|e| StoreError::Disk(e.to_string()))?;
        let modified = (state.mtime(), state.mtime_nsec());
        let mut seen = self.seen.lock();
        if modified == seen.modified && seen.last.is_some() {
            return Ok(());
        }
        // A checkpoint may be at work.
        let last = (0..3).find_map(|_| folder::last_in_file(&self.path).ok());
        match last {
            last @ Some(_) if last >= seen.last => {
                (seen.size, seen.modified, seen.last) = (seen.size.max(state.size()), modified, last);
                Ok(())
            }
            Some(_) | None => {
                seen.overwritten = true;
                Err(StoreError::Replaced("was overwritten by another program"))
            }
        }
    }

    /// Notes that the store failed.
    pub(super) fn note(&self, error: &StoreError) {
        let mut failure = self.failure.lock();
        let is_news = failure.as_ref().is_none_or(|failure| failure.error != *error);
        if is_news && let StoreError::Replaced(what) = error {
            let path = self.path.display();
            log::error!("database file {what} path={path}: nothing is stored until it is back or parlord is restarted");
        }
        let next_check = failure.as_ref().map_or_else(Instant::now, |failure| failure.next_check);
        *failure = Some(Failure { error: error.clone(), next_check });
    }

    /// Whether the store failed and has not passed a check since.
    pub(super) fn has_failed(&self) -> bool {
        self.failure.lock().is_some()
    }

    /// Whether the store may be used, after a check if it failed before. A database of more than `most` bytes is left to
    /// [`Watch::inspect`].
    ///
    /// # Errors
    /// Why not.
    pub(super) fn check(&self, most: u64) -> Result<(), StoreError> {
        let began = Instant::now();
        let error = match &*self.failure.lock() {
            None => return Ok(()),
            Some(failure) if began < failure.next_check => return Err(failure.error.clone()),
            Some(failure) => failure.error.clone(),
        };
        let size = fs::metadata(&self.path).map_err(|e| StoreError::Disk(e.to_string()))?.size();
        if size > most {
            return Err(error);
        }
        let checked = folder::check(&self.path);
        let mut failure = self.failure.lock();
        *failure = checked.clone().err().map(|error| {
            let pause: Duration = began.elapsed() * CHECK_PAUSE;
            Failure { error, next_check: Instant::now() + pause }
        });
        checked
    }

    /// As [`Watch::check`], as far as a client can wait for it.
    ///
    /// # Errors
    /// Why the store cannot be used.
    pub(super) fn check_at_once(&self) -> Result<(), StoreError> {
        self.check(CHECKED_AT_ONCE)
    }
}

/// Whether a file that is open is the one under its name.
pub(super) fn is_in_place(open: &File, path: &Path) -> io::Result<bool> {
    match fs::metadata(path) {
        Ok(named) => Ok(FileId::of(&open.metadata()?) == FileId::of(&named)),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(e) => Err(e),
    }
}
