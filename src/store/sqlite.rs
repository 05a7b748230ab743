//! The store in an SQLite database: one connection writes, and a few others read without waiting for it.
//!
//! After a failed write the state of a connection is unknown, and after a failed fsync so is what the system holds in memory.
//! So the connection is thrown away, and the next write opens a new one.

mod accounts;
mod folder;
mod read;
mod rename;
mod retain;
mod schema;
mod search;
#[cfg(test)]
mod tests;
mod tools;
mod visibility;
mod watch;
mod write;

pub(super) use tools::SqliteTools;

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use rusqlite::{Connection, ErrorCode, ffi};
use rustix::process::{Resource, getrlimit};

use self::schema::micros;
use self::watch::Watch;
use self::write::WriteConnection;
use super::{Backlog, Device, Digest, Entry, Found, KeptGroup, Store, StoreError, Token};
use crate::lock::Mutex;
use crate::model::limits::{READERS, READERS_FREE, READERS_KEPT};
use crate::model::{Message, MessageId, Name, Report, Retention, Role, Sanction, Scope, StartError};
use crate::semaphore::{Permit, Semaphore};

/// A store in the database of a data folder.
pub(super) struct SqliteStore {
    path: PathBuf,
    retention: Retention,
    /// `None` after a failed write, until the next one.
    // lock tier 9: a leaf, held while a batch is written and the disk syncs.
    writer: Mutex<Option<WriteConnection>, 9>,
    /// Checkpoints the write-ahead log, so that appends need not wait for that. `None` until the first time, and after a
    /// failure.
    // lock tier 9: a leaf.
    checkpointer: Mutex<Option<Connection>, 9>,
    readers: ReadPool,
    /// Dropped last, when no connection is open any more.
    watch: Watch,
}

/// The most file descriptors of an open store: two for each connection (the readers, the writer, the checkpointer, and one
/// that replaces the writer), its locks, its shared memory, and one to look into the file.
pub(super) const DESCRIPTORS: u64 = 2 * (READERS as u64 + 3) + 4;

impl SqliteStore {
    /// Opens the database of a data folder for this process alone, and creates both where they are missing.
    ///
    /// # Errors
    /// Why it cannot be opened, and what to do. A database that cannot be used stays as it is.
    pub(super) fn open(dir: &Path, retention: &Retention) -> Result<SqliteStore, StartError> {
        let mut folder = folder::lock(dir)?;
        let path = folder::database(dir);
        folder::create_if_missing(&path)?;
        folder.lock_database(&path)?;
        folder::inspect(&path)?;
        let failed = |why: String| folder::refusal(&path, format!("cannot be opened: {why}"));
        let mut conn = folder::open_for_writing(&path, retention.durability).map_err(|e| failed(e.to_string()))?;
        schema::upgrade(&mut conn, &path, schema::STEPS)?;
        let mut writer = WriteConnection::new(conn, retention).map_err(|e| failed(e.to_string()))?;
        writer.end_all_sessions().map_err(|e| failed(e.to_string()))?;
        // A connection that is always open keeps the memory that connections share, also while the writer is replaced.
        let reader = folder::open_for_reading(&path).map_err(|e| failed(e.to_string()))?;
        let (readers, writer, checkpointer) = (ReadPool::default(), Mutex::new(Some(writer)), Mutex::default());
        readers.take().conn = Some(reader);
        let watch = Watch::begin(&path, folder)?;
        Ok(SqliteStore { path, retention: *retention, writer, checkpointer, readers, watch })
    }

    /// Does some work with the connection that writes.
    fn write<T>(&self, work: impl FnOnce(&mut WriteConnection) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let mut place = self.writer.lock();
        self.look()?;
        place.take_if(|_| self.watch.has_failed());
        let mut writer = match place.take() {
            Some(writer) => writer,
            None => {
                self.watch.check_at_once()?;
                WriteConnection::new(self.open_for_writing()?, &self.retention)?
            }
        };
        let done = work(&mut writer);
        match &done {
            // A write that had to give way to another program has done no harm.
            Ok(_) | Err(StoreError::Locked) => *place = Some(writer),
            Err(error) => self.watch.note(error),
        }
        // What is written to a file without its name is lost, whatever SQLite says.
        done.and_then(|done| self.look().map(|()| done))
    }

    /// Whether the database is in its place. If not, it is checked before it is used again.
    fn look(&self) -> Result<(), StoreError> {
        self.watch.look().inspect_err(|error| self.watch.note(error))
    }

    fn open_for_writing(&self) -> Result<Connection, StoreError> {
        Ok(folder::open_for_writing(&self.path, self.retention.durability)?)
    }

    /// Checkpoints the write-ahead log if it has grown, without making the writer wait.
    fn checkpoint(&self) -> Result<(), StoreError> {
        let mut place = self.checkpointer.lock();
        let conn = match place.take() {
            Some(conn) => conn,
            None => self.watch.look().and_then(|()| self.open_for_writing())?,
        };
        folder::checkpoint(&conn)?;
        *place = Some(conn);
        Ok(())
    }

    /// As [`SqliteStore::read`], for work that may take long: some connections stay free for what logins need.
    fn read_at_length<T>(&self, work: impl FnOnce(&Connection) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let _permit = self.readers.lengthy.acquire();
        self.read(work)
    }

    /// Does some work with a connection that reads, in one transaction, so that all of it sees the same moment.
    fn read<T>(&self, work: impl FnOnce(&Connection) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let mut reader = self.readers.take();
        let conn = match reader.conn.take() {
            Some(conn) => conn,
            None => {
                // A file of the same name would get the write-ahead log of this one.
                self.watch.look()?;
                folder::open_for_reading(&self.path)?
            }
        };
        let moment = conn.unchecked_transaction()?;
        let answer = work(&moment)?;
        moment.commit()?;
        reader.conn = Some(conn);
        Ok(answer)
    }
}

impl Store for SqliteStore {
    fn append(&self, batch: &[Entry]) -> Result<MessageId, StoreError> {
        self.write(|writer| writer.append(batch, micros(SystemTime::now())))
    }

    fn history(
        &self,
        reader: &Name,
        scope: Option<Scope>,
        before: Option<MessageId>,
        limit: usize,
    ) -> Result<Vec<Message>, StoreError> {
        self.read_at_length(|conn| read::history(conn, reader, scope, before, limit))
    }

    fn search(&self, reader: &Name, words: &str, scope: Option<Scope>, limit: usize) -> Result<Found, StoreError> {
        self.read(|conn| search::search(conn, reader, words, scope, limit))
    }

    fn backlog(&self, reader: &Name, device: Device, upto: MessageId, limit: usize) -> Result<Backlog, StoreError> {
        self.read(|conn| read::backlog(conn, reader, device, upto, limit))
    }

    fn ignored(&self) -> Result<Vec<(Name, Name)>, StoreError> {
        self.read(read::ignored)
    }

    fn message(&self, reader: &Name, id: MessageId) -> Result<Option<Message>, StoreError> {
        self.read(|conn| read::message(conn, reader, id))
    }

    fn tail(&self, after: MessageId, limit: usize) -> Result<Vec<Message>, StoreError> {
        self.read(|conn| read::tail(conn, after, limit))
    }

    fn groups(&self) -> Result<Vec<KeptGroup>, StoreError> {
        self.read(read::groups)
    }

    fn last_id(&self) -> Result<MessageId, StoreError> {
        self.read(read::last_id)
    }

    fn last_seen(&self, user: &Name) -> Result<Option<SystemTime>, StoreError> {
        self.read(|conn| read::last_seen(conn, user))
    }

    fn tokens(&self, user: &Name) -> Result<Vec<Token>, StoreError> {
        self.read(|conn| read::tokens(conn, user))
    }

    fn is_invited(&self, invite: &Digest, now: SystemTime) -> Result<bool, StoreError> {
        self.read(|conn| read::is_invited(conn, invite, micros(now)))
    }

    fn redeem(&self, invite: &Digest, now: SystemTime) -> Result<bool, StoreError> {
        self.write(|writer| writer.redeem(invite, micros(now)))
    }

    fn role(&self, user: &Name) -> Result<Role, StoreError> {
        if user.is_guest() { Ok(Role::User) } else { self.read(|conn| read::role(conn, user)) }
    }

    fn operators(&self) -> Result<Vec<(Name, Role)>, StoreError> {
        self.read(read::operators)
    }

    fn sanctions(&self) -> Result<Vec<Sanction>, StoreError> {
        self.read(read::sanctions)
    }

    fn reports(&self) -> Result<Vec<Report>, StoreError> {
        self.read(read::reports)
    }

    fn knows(&self, name: &Name) -> Result<bool, StoreError> {
        self.read(|conn| rename::knows(conn, name))
    }

    fn renamings(&self) -> Result<Vec<(Name, Name)>, StoreError> {
        self.read(rename::pending)
    }

    fn accounts(&self) -> Result<Vec<(Name, u64)>, StoreError> {
        self.read(accounts::live)
    }

    fn former_upto(&self, name: &Name) -> Result<MessageId, StoreError> {
        Ok(MessageId(self.read(|conn| accounts::began(conn, name))?.unsigned_abs()))
    }

    fn is_durable(&self) -> bool {
        true
    }

    fn inspect(&self) -> Result<(), StoreError> {
        self.watch.inspect()
    }

    fn tend(&self) -> Result<bool, StoreError> {
        let now = micros(SystemTime::now());
        let expiring = self.write(|writer| writer.expire(&self.retention, now))?;
        let indexing = self.write(|writer| writer.index(now))?;
        self.checkpoint()?;
        Ok(expiring || indexing)
    }
}

/// The connections that read: at most [`READERS`] at once, and a few kept open while idle. Whoever needs one more waits.
struct ReadPool {
    slots: Semaphore,
    /// For those of them that may take long.
    lengthy: Semaphore,
    // lock tier 9: a leaf.
    idle: Mutex<Vec<Connection>, 9>,
}

/// The right to use one connection; given back when dropped.
struct PooledConnection<'a> {
    idle: &'a Mutex<Vec<Connection>, 9>,
    /// Always there, because the pool is never closed. Released before a connection is closed, which takes its time.
    _permit: Option<Permit<'a>>,
    /// Put back here when it can be used again; after an error its state is unknown, so it is closed instead.
    conn: Option<Connection>,
}

impl Default for ReadPool {
    fn default() -> ReadPool {
        ReadPool {
            slots: Semaphore::new(READERS),
            lengthy: Semaphore::new(READERS - READERS_FREE),
            idle: Mutex::default(),
        }
    }
}

impl ReadPool {
    /// Waits until fewer than [`READERS`] are in use. Comes with a connection that was used before, if there is one.
    fn take(&self) -> PooledConnection<'_> {
        let permit = self.slots.acquire();
        let conn = self.idle.lock().pop();
        PooledConnection { idle: &self.idle, _permit: permit, conn }
    }
}

impl Drop for PooledConnection<'_> {
    fn drop(&mut self) {
        let mut idle = self.idle.lock();
        let kept = self.conn.take_if(|_| idle.len() < READERS_KEPT);
        idle.extend(kept);
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> StoreError {
        use rusqlite::Error::{FromSqlConversionFailure, IntegralValueOutOfRange, InvalidColumnType, Utf8Error};
        match &error {
            FromSqlConversionFailure(..) | IntegralValueOutOfRange(..) | InvalidColumnType(..) | Utf8Error(..) => {
                StoreError::Damaged(error.to_string())
            }
            _ => match error.sqlite_error_code() {
                Some(ErrorCode::DiskFull) => StoreError::Full,
                Some(ErrorCode::SystemIoFailure) if is_growth(&error) && is_file_size_limited() => StoreError::Full,
                Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => StoreError::Locked,
                Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => StoreError::Damaged(error.to_string()),
                Some(
                    ErrorCode::SystemIoFailure
                    | ErrorCode::CannotOpen
                    | ErrorCode::ReadOnly
                    | ErrorCode::PermissionDenied,
                ) => StoreError::Disk(error.to_string()),
                _ => StoreError::Other(error.to_string()),
            },
        }
    }
}

/// Whether a write failed that may have made a file longer.
fn is_growth(error: &rusqlite::Error) -> bool {
    let growing = [ffi::SQLITE_IOERR_WRITE, ffi::SQLITE_IOERR_TRUNCATE, ffi::SQLITE_IOERR_SHMSIZE];
    error.sqlite_extended_error_code().is_some_and(|code| growing.contains(&code))
}

/// Whether this process may write only so much into one file. SQLite does not tell this from a broken disk, but it is a
/// full one: it ends when there is room.
fn is_file_size_limited() -> bool {
    getrlimit(Resource::Fsize).current.is_some()
}
