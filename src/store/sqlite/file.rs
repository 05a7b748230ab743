//! The data folder: one daemon in it, a database that is made whole or not at all, and never anything in the place of one
//! that is there.

use std::fs::{self, File, OpenOptions, Permissions, TryLockError};
use std::io::{self, ErrorKind};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rusqlite::{Connection, OpenFlags};

use super::{copy, schema};
use crate::model::{Durability, StartError};
use crate::store::StoreError;

/// The database, in the data folder.
const FILE: &str = "parlor.db";

/// Locked by the daemon whose folder it is. Not the database itself, because SQLite has locks of its own on that.
const LOCK: &str = "parlor.lock";

/// How long one waits for another program that is writing.
pub(super) const PATIENCE: Duration = Duration::from_secs(1);

/// How long one try to empty the write-ahead log keeps others from writing.
const EMPTYING: Duration = Duration::from_millis(100);

/// How long others may write between two such tries.
const EMPTYING_PAUSE: Duration = Duration::from_millis(300);

/// After so many tries it is left to the daemon.
const EMPTYING_TRIES: u32 = 5;

/// A look at the database that takes longer than this is worth a word.
const SLOW_CHECK: Duration = Duration::from_secs(2);

/// Pages of the write-ahead log after which it is brought into the database, 4 MiB.
const CHECKPOINT_PAGES: i64 = 1000;

/// Pages of the write-ahead log after which a batch does that itself, because nobody else had the time.
const URGENT_PAGES: i64 = 8 * CHECKPOINT_PAGES;

/// The write-ahead log keeps at most this many bytes of disk once it has been brought into the database.
const LOG_KEPT: u32 = 64 << 20;

/// The database in this folder.
pub(super) fn database(dir: &Path) -> PathBuf {
    dir.join(FILE)
}

/// A sentence about a file of the store.
pub(super) fn refusal(path: &Path, why: String) -> StartError {
    StartError::Store(path.to_owned(), why)
}

/// Makes the folder where it is missing, and takes it until the result is dropped.
pub(super) fn take(dir: &Path) -> Result<File, StartError> {
    let failed = |e: io::Error| refusal(dir, format!("cannot be used as the data folder: {e}"));
    if !dir.is_dir() {
        let private = Permissions::from_mode(0o700);
        fs::create_dir_all(dir).and_then(|()| fs::set_permissions(dir, private)).map_err(failed)?;
    }
    let lock = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(dir.join(LOCK));
    let lock = lock.map_err(failed)?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::Error(e)) => Err(failed(e)),
        Err(TryLockError::WouldBlock) => {
            Err(refusal(dir, "another parlord works in this folder; give this one its own with --data".to_owned()))
        }
    }
}

/// Makes an empty database where there is none. It gets its name when it is complete: an empty file of that name is damage.
pub(super) fn create_if_missing(path: &Path) -> Result<(), StartError> {
    if path.symlink_metadata().is_ok() {
        return Ok(());
    }
    if beside(path, "-wal").exists() {
        // SQLite would write what stands in it into the new database.
        let why = "is missing, but what was last written to it is still there: put it back, or move parlor.db-wal away";
        return Err(refusal(path, why.to_owned()));
    }
    let failed = |e: String| refusal(path, format!("cannot be made: {e}"));
    let draft = beside(path, ".new");
    copy::make_empty(&draft).map_err(|e| failed(e.to_string()))?;
    let mut conn = Connection::open(&draft).map_err(|e| failed(e.to_string()))?;
    conn.pragma_update(None, "application_id", schema::APPLICATION).map_err(|e| failed(e.to_string()))?;
    schema::upgrade(&mut conn, &draft, schema::STEPS)?;
    conn.close().map_err(|(_, e)| failed(e.to_string()))?;
    fs::rename(&draft, path).and_then(|()| copy::sync_folder(path)).map_err(|e| failed(e.to_string()))
}

/// Looks whether a database can be used, without changing anything, and says how many messages it holds.
pub(super) fn inspect(path: &Path) -> Result<u64, StartError> {
    let damaged = |why: &str| {
        let advice = "nothing was changed: put a backup in its place, or move it away to begin with an empty one";
        refusal(path, format!("is damaged or no database of Parlor ({why}); {advice}"))
    };
    let began = Instant::now();
    let look = || -> rusqlite::Result<_> {
        let conn = open_untouched(path)?;
        let (application, version) = mark(&conn)?;
        if application != schema::APPLICATION || version == 0 || version > schema::STEPS.len() {
            return Ok((application, version, String::new(), 0));
        }
        let verdict: String = conn.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
        let messages: i64 = conn.query_row("SELECT messages FROM server", [], |row| row.get(0))?;
        Ok((application, version, verdict, messages))
    };
    let (application, version, verdict, messages) = look().map_err(|e| match StoreError::from(e) {
        StoreError::Damaged(why) | StoreError::Other(why) => damaged(&why),
        other => refusal(path, format!("cannot be read: {other}")),
    })?;
    if application != schema::APPLICATION || version == 0 {
        return Err(damaged("Parlor's mark is not in it"));
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

/// Reads something out of a database that was inspected, without changing anything.
pub(super) fn look<T>(path: &Path, read: fn(&Connection) -> Result<T, StoreError>) -> Result<T, StartError> {
    let read = open_untouched(path).map_err(StoreError::from).and_then(|conn| read(&conn));
    read.map_err(|e| refusal(path, format!("cannot be read: {e}")))
}

/// What a database says it is: of which program, and of which version.
pub(super) fn mark(conn: &Connection) -> rusqlite::Result<(i64, usize)> {
    let application = conn.pragma_query_value(None, "application_id", |row| row.get(0))?;
    Ok((application, schema::version(conn)?))
}

/// What to do with a database that is ahead of this program.
pub(super) fn newer(path: &Path, version: usize) -> StartError {
    let known = schema::STEPS.len();
    refusal(path, format!("is of a newer Parlor (version {version}, this one knows {known}): start that one"))
}

/// Opens a database for reading. One that nobody uses is opened in a way that leaves no file beside it.
fn open_untouched(path: &Path) -> rusqlite::Result<Connection> {
    if beside(path, "-wal").exists() {
        return open_for_reading(path);
    }
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

/// A connection that reads.
pub(super) fn open_for_reading(path: &Path) -> rusqlite::Result<Connection> {
    let conn = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    conn.busy_timeout(PATIENCE)?;
    conn.set_prepared_statement_cache_capacity(64);
    Ok(conn)
}

/// A connection that writes. What was deleted is overwritten in the file.
pub(super) fn open_for_writing(path: &Path, durability: Durability) -> rusqlite::Result<Connection> {
    let conn = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    conn.busy_timeout(PATIENCE)?;
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

/// Brings the write-ahead log into the database if it has grown, without making anybody wait.
pub(super) fn checkpoint(conn: &Connection) -> rusqlite::Result<()> {
    let numbers = |row: &rusqlite::Row<'_>| Ok((row.get::<_, i64>(1)?, row.get::<_, i64>(2)?));
    let (pages, done) = conn.prepare_cached("PRAGMA wal_checkpoint(NOOP)")?.query_row([], numbers)?;
    if pages - done >= CHECKPOINT_PAGES {
        conn.prepare_cached("PRAGMA wal_checkpoint(PASSIVE)")?.query_row([], numbers)?;
    }
    Ok(())
}

/// Brings all of the write-ahead log into the database and empties it; says whether nobody kept it from that. While it
/// waits for who reads, nobody else can write, so it waits shortly and several times.
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

/// The file beside another, with something added to its name.
fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// Whether there is a database in this folder.
pub(super) fn is_there(path: &Path) -> Result<bool, StartError> {
    match path.symlink_metadata() {
        Ok(_) => Ok(true),
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(false),
        Err(e) => Err(refusal(path, format!("cannot be looked at: {e}"))),
    }
}
