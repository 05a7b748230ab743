//! The data folder: its lock, the files of the database in it, how they are opened and checked, and copies of them.
//!
//! Nothing here ever replaces a database that exists: a new one is created whole under another name, and a copy is complete
//! before it gets its name.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions, Permissions, TryLockError};
use std::io::{self, ErrorKind};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags};

use super::{schema, watch};
use crate::files::{rename_new, rename_to_free};
use crate::lock::Mutex;
use crate::model::{Durability, StartError};
use crate::store::StoreError;

/// The database, in the data folder.
const FILE: &str = "parlor.db";

/// The file that the daemon locks while the folder is its own. SQLite has locks of its own on the database itself.
const LOCK: &str = "parlor.lock";

const IN_USE: &str = "another parlord is using this folder; give this one its own with --data";

/// How long a connection waits for another program that is writing.
const BUSY_TIMEOUT: Duration = Duration::from_secs(1);

/// How often a connection that waits for another program tries again.
pub(super) const BUSY_POLL: Duration = Duration::from_micros(200);

/// How long one attempt to empty the write-ahead log keeps others from writing.
const EMPTYING: Duration = Duration::from_millis(100);

/// How long others may write between two such attempts.
const EMPTYING_PAUSE: Duration = Duration::from_millis(300);

/// After this many attempts, emptying the log is left to the daemon.
const EMPTYING_TRIES: u32 = 5;

/// A check of the database that takes longer than this is logged.
const SLOW_CHECK: Duration = Duration::from_secs(2);

/// Pages of the write-ahead log after which it is checkpointed: 4 MiB.
const CHECKPOINT_PAGES: i64 = 1000;

/// Pages of the write-ahead log after which an append checkpoints it, because nothing else has had the time.
const URGENT_PAGES: i64 = 8 * CHECKPOINT_PAGES;

/// Bytes of disk that the write-ahead log keeps after a checkpoint.
const LOG_KEPT: u32 = 64 << 20;

/// Pages copied at a time.
const COPY_PAGES: i32 = 1024;

/// The pause before a page that another connection holds is copied.
const COPY_PAUSE: Duration = Duration::from_millis(20);

/// The database of this folder.
pub(super) fn database(dir: &Path) -> PathBuf {
    dir.join(FILE)
}

/// An error about a file of the store.
pub(super) fn refusal(path: &Path, why: String) -> StartError {
    StartError::Store(path.to_owned(), why)
}

/// The lock of a data folder, held until this is dropped.
pub(super) struct FolderLock {
    path: PathBuf,
    /// The file under its name; another one if the first was removed.
    // lock tier 10: a leaf, taken while a connection of the store is held.
    file: Mutex<File, 10>,
    /// The database, locked as well: the lock file may be removed while nobody looks.
    database: Option<File>,
}

impl FolderLock {
    /// Locks the database, which exists by now.
    pub(super) fn lock_database(&mut self, path: &Path) -> Result<(), StartError> {
        let database = File::open(path).map_err(|e| refusal(path, format!("cannot be opened: {e}")))?;
        match database.try_lock() {
            Err(TryLockError::WouldBlock) => return Err(refusal(path, IN_USE.to_owned())),
            // Some file systems have no such lock; the lock file has to do there.
            Ok(()) | Err(TryLockError::Error(_)) => {}
        }
        self.database = Some(database);
        Ok(())
    }

    /// Puts a lock file in its place if the one that is held was removed.
    pub(super) fn restore(&self) -> io::Result<()> {
        let mut file = self.file.lock();
        if watch::is_in_place(&file, &self.path)? {
            return Ok(());
        }
        let (new, path) = (open_lock(&self.path)?, self.path.display());
        new.try_lock().map_err(|_| io::Error::other("another program holds it"))?;
        log::error!("lock file was removed or replaced path={path}: it is in its place again");
        *file = new;
        Ok(())
    }
}

impl Drop for FolderLock {
    fn drop(&mut self) {
        // Closing the files would leave the locks to a child process that is between fork and exec.
        let _ = self.file.get_mut().unlock();
        let _ = self.database.as_ref().map(File::unlock);
    }
}

fn open_lock(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(path)
}

/// Creates the folder if it is missing, and locks it.
pub(super) fn lock(dir: &Path) -> Result<FolderLock, StartError> {
    let failed = |e: io::Error| refusal(dir, format!("cannot be used as the data folder: {e}"));
    if !dir.is_dir() {
        let private = Permissions::from_mode(0o700);
        fs::create_dir_all(dir).and_then(|()| fs::set_permissions(dir, private)).map_err(failed)?;
    }
    let path = dir.join(LOCK);
    let lock = open_lock(&path).map_err(failed)?;
    match lock.try_lock() {
        Ok(()) => Ok(FolderLock { path, file: Mutex::new(lock), database: None }),
        Err(TryLockError::Error(e)) => Err(failed(e)),
        Err(TryLockError::WouldBlock) => Err(refusal(dir, IN_USE.to_owned())),
    }
}

/// Whether there is a database at this path.
pub(super) fn exists(path: &Path) -> Result<bool, StartError> {
    match path.symlink_metadata() {
        Ok(_) => Ok(true),
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(false),
        Err(e) => Err(refusal(path, format!("cannot be accessed: {e}"))),
    }
}

/// Creates an empty database if there is none. It gets its name once it is complete, so an empty file of that name is damage.
pub(super) fn create_if_missing(path: &Path) -> Result<(), StartError> {
    if path.symlink_metadata().is_ok() {
        return Ok(());
    }
    if beside(path, "-wal").exists() {
        // SQLite would write its content into the new database.
        let why = "is missing, but its write-ahead log is still there: put it back, or move parlor.db-wal away";
        return Err(refusal(path, why.to_owned()));
    }
    let failed = |e: String| refusal(path, format!("cannot be created: {e}"));
    let draft = beside(path, ".new");
    make_empty(&draft).map_err(|e| failed(e.to_string()))?;
    let mut conn = Connection::open(&draft).map_err(|e| failed(e.to_string()))?;
    conn.pragma_update(None, "application_id", schema::APPLICATION).map_err(|e| failed(e.to_string()))?;
    schema::upgrade(&mut conn, &draft, schema::STEPS)?;
    conn.close().map_err(|(_, e)| failed(e.to_string()))?;
    rename_new(&draft, path).and_then(|()| sync_folder(path)).map_err(|e| failed(e.to_string()))
}

/// Checks whether a database can be used, without changing anything, and returns how many messages it holds.
pub(super) fn inspect(path: &Path) -> Result<u64, StartError> {
    let damaged = |why: &str| {
        let advice = "nothing was changed: put a backup in its place, or move it away to start with an empty one";
        refusal(path, format!("is damaged or not a database of Parlor ({why}); {advice}"))
    };
    let began = Instant::now();
    let check = || -> rusqlite::Result<_> {
        let conn = open_untouched(path)?;
        let (application, version) = mark(&conn)?;
        if application != schema::APPLICATION || version == 0 || version > schema::STEPS.len() {
            return Ok((application, version, String::new(), 0));
        }
        let verdict: String = conn.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
        let messages: i64 = conn.query_row("SELECT messages FROM server", [], |row| row.get(0))?;
        Ok((application, version, verdict, messages))
    };
    let (application, version, verdict, messages) = check().map_err(|e| match StoreError::from(e) {
        StoreError::Damaged(why) | StoreError::Other(why) => damaged(&why),
        e @ (StoreError::Full
        | StoreError::Disk(_)
        | StoreError::Locked
        | StoreError::Abandoned
        | StoreError::Replaced(_)) => refusal(path, format!("cannot be read: {e}")),
    })?;
    if application != schema::APPLICATION || version == 0 {
        return Err(damaged("it does not have Parlor's application id"));
    }
    if version > schema::STEPS.len() {
        return Err(newer(path, version));
    }
    if verdict != "ok" {
        return Err(damaged(&verdict));
    }
    if began.elapsed() > SLOW_CHECK {
        log::info!("database checked seconds={}", began.elapsed().as_secs());
    }
    Ok(messages.unsigned_abs())
}

/// Checks the database of a store that failed, as a start would.
pub(super) fn check(path: &Path) -> Result<(), StoreError> {
    let conn = open_for_reading(path)?;
    let verdict: String = conn.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if verdict == "ok" { Ok(()) } else { Err(StoreError::Damaged(verdict)) }
}

/// The last id that was assigned, as the file itself has it, without the write-ahead log.
pub(super) fn last_in_file(path: &Path) -> rusqlite::Result<i64> {
    open_file_alone(path)?.query_row("SELECT last FROM server", [], |row| row.get(0))
}

/// Reads something from a database that was inspected, without changing anything.
pub(super) fn read_untouched<T>(path: &Path, read: fn(&Connection) -> Result<T, StoreError>) -> Result<T, StartError> {
    let read = open_untouched(path).map_err(StoreError::from).and_then(|conn| read(&conn));
    read.map_err(|e| refusal(path, format!("cannot be read: {e}")))
}

/// The program and the version that a database says it is of.
pub(super) fn mark(conn: &Connection) -> rusqlite::Result<(i64, usize)> {
    let application = conn.pragma_query_value(None, "application_id", |row| row.get(0))?;
    Ok((application, schema::version(conn)?))
}

/// The error about a database that is newer than this program.
pub(super) fn newer(path: &Path, version: usize) -> StartError {
    let known = schema::STEPS.len();
    refusal(path, format!("was written by a newer Parlor (version {version}; this one knows {known}): use that one"))
}

/// Opens a database for reading. If nobody uses it, this leaves no file beside it.
fn open_untouched(path: &Path) -> rusqlite::Result<Connection> {
    if beside(path, "-wal").exists() {
        return open_for_reading(path);
    }
    open_file_alone(path)
}

/// Opens the file of a database for reading, without its write-ahead log and without locks.
fn open_file_alone(path: &Path) -> rusqlite::Result<Connection> {
    let mut uri = String::from("file:");
    for byte in path.as_os_str().as_bytes() {
        match byte {
            b'/' | b'.' | b'-' | b'_' => uri.push(char::from(*byte)),
            byte if byte.is_ascii_alphanumeric() => uri.push(char::from(*byte)),
            byte => uri.push_str(&format!("%{byte:02X}")),
        }
    }
    uri.push_str("?immutable=1");
    Connection::open_with_flags(uri, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI)
}

/// Opens a connection that reads.
pub(super) fn open_for_reading(path: &Path) -> rusqlite::Result<Connection> {
    let conn = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    conn.busy_timeout(BUSY_TIMEOUT)?;
    conn.set_prepared_statement_cache_capacity(64);
    Ok(conn)
}

/// Opens a connection that writes. Deleted content is overwritten in the file.
pub(super) fn open_for_writing(path: &Path, durability: Durability) -> rusqlite::Result<Connection> {
    let mut conn =
        Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    conn.busy_handler(Some(wait_for_others))?;
    conn.set_prepared_statement_cache_capacity(64);
    conn.pragma_update(None, "journal_mode", "WAL")?;
    let synchronous = match durability {
        Durability::Fsync => "FULL",
        Durability::Commit => "NORMAL",
    };
    conn.pragma_update(None, "synchronous", synchronous)?;
    conn.pragma_update(None, "secure_delete", true)?;
    conn.pragma_update(None, "wal_autocheckpoint", URGENT_PAGES)?;
    conn.pragma_update(None, "journal_size_limit", LOG_KEPT)?;
    Ok(conn)
}

/// Waits a moment for another program that is writing. SQLite's own handler waits ever longer, and a tool that works in short
/// pieces would come first each time.
fn wait_for_others(tries: i32) -> bool {
    std::thread::sleep(BUSY_POLL);
    u128::from(tries.unsigned_abs()) * BUSY_POLL.as_micros() < BUSY_TIMEOUT.as_micros()
}

/// Checkpoints the write-ahead log if it has grown, without making any other connection wait.
pub(super) fn checkpoint(conn: &Connection) -> rusqlite::Result<()> {
    let numbers = |row: &rusqlite::Row<'_>| Ok((row.get::<_, i64>(1)?, row.get::<_, i64>(2)?));
    let (pages, done) = conn.prepare_cached("PRAGMA wal_checkpoint(NOOP)")?.query_row([], numbers)?;
    if pages - done >= CHECKPOINT_PAGES {
        conn.prepare_cached("PRAGMA wal_checkpoint(PASSIVE)")?.query_row([], numbers)?;
    }
    Ok(())
}

/// Checkpoints and empties the write-ahead log, and returns whether readers let it. Nobody else can write while this waits
/// for readers, so it waits briefly, several times.
pub(super) fn empty_log(conn: &Connection) -> rusqlite::Result<bool> {
    conn.busy_timeout(EMPTYING)?;
    for attempt in 0..EMPTYING_TRIES {
        if attempt > 0 {
            std::thread::sleep(EMPTYING_PAUSE);
        }
        if conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, i64>(0))? == 0 {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Copies the database to `to`, which must not exist. `progress` is told how many pages of how many are copied.
pub(super) fn copy_new(from: &Connection, to: &Path, progress: &mut dyn FnMut(u64, u64)) -> Result<(), StartError> {
    if to.symlink_metadata().is_ok() {
        return Err(refusal(to, "already exists; nothing was copied".to_owned()));
    }
    let draft = copy_draft(from, to, progress)?;
    rename_new(&draft, to).and_then(|()| sync_folder(to)).map_err(|e| {
        // If this fails, the next copy removes it.
        let _ = fs::remove_file(&draft);
        refusal(to, format!("cannot be written: {e}"))
    })
}

/// Copies the database to the first of `name(1)`, `name(2)` and so on that is free, and returns that.
pub(super) fn copy_to_free(from: &Connection, name: impl Fn(u32) -> PathBuf) -> Result<PathBuf, StartError> {
    let first = name(1);
    let draft = copy_draft(from, &first, &mut |_, _| ())?;
    let renamed = rename_to_free(&draft, name).and_then(|to| sync_folder(&to).map(|()| to));
    renamed.map_err(|e| refusal(&first, format!("cannot be written: {e}")))
}

/// Makes a complete copy beside `to`, and returns its path.
fn copy_draft(from: &Connection, to: &Path, progress: &mut dyn FnMut(u64, u64)) -> Result<PathBuf, StartError> {
    let mut name = OsString::from(".");
    name.push(to.file_name().unwrap_or_default());
    name.push(".part");
    let draft = to.with_file_name(name);
    let made = make_empty(&draft).map_err(|e| refusal(&draft, format!("cannot be written: {e}")));
    made.and_then(|()| {
        copy_pages(from, &draft, progress).map_err(|e| {
            // Half a copy is of no use.
            let _ = fs::remove_file(&draft);
            refusal(to, format!("the copy failed: {e}"))
        })
    })?;
    Ok(draft)
}

fn copy_pages(from: &Connection, draft: &Path, progress: &mut dyn FnMut(u64, u64)) -> rusqlite::Result<()> {
    // This transaction keeps the copy at one moment; without it, each transaction of others would start the copy again.
    let moment = from.unchecked_transaction()?;
    moment.query_row("SELECT last FROM server", [], |_| Ok(()))?;
    let mut to = Connection::open(draft)?;
    {
        let backup = Backup::new(&moment, &mut to)?;
        loop {
            match backup.step(COPY_PAGES)? {
                StepResult::Done => break,
                StepResult::More => {
                    let rusqlite::backup::Progress { remaining, pagecount } = backup.progress();
                    let (all, left) = (u64::from(pagecount.unsigned_abs()), u64::from(remaining.unsigned_abs()));
                    progress(all.saturating_sub(left), all);
                }
                _ => std::thread::sleep(COPY_PAUSE),
            }
        }
    }
    to.close().map_err(|(_, e)| e)
}

/// Creates an empty file that only its owner can read, in place of one that an interrupted attempt left.
fn make_empty(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(e) if e.kind() != ErrorKind::NotFound => return Err(e),
        _ => {}
    }
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map(drop)
}

/// Makes a new name in the folder of `path` survive a power loss.
fn sync_folder(path: &Path) -> io::Result<()> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    File::open(parent.unwrap_or(Path::new("."))).and_then(|folder| folder.sync_all())
}

/// The path with a suffix added to its name.
fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}
