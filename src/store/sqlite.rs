//! The store in an SQLite database: one connection writes, others read beside it without waiting for a batch.
//!
//! What a failed write leaves in a connection is unknown, after a failed fsync in the system's memory too; so the
//! connection is thrown away then, and a new one is opened when the next batch comes.

mod apply;
mod conversation;
mod copy;
mod file;
mod forget;
mod kept;
mod moderation;
mod read;
mod readers;
mod rename;
mod retain;
mod row;
mod schema;
mod search;
#[cfg(test)]
mod tests;
mod tools;
mod view;
mod write;

pub(super) use tools::SqliteTools;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use parking_lot::Mutex;
use rusqlite::Connection;

use self::readers::Readers;
use self::row::micros;
use self::write::Writer;
use super::{Backlog, Device, Digest, Entry, KeptGroup, Store, StoreError, Token};
use crate::model::limits::{INDEX_PIECE, READERS};
use crate::model::{Message, MessageId, Name, Report, Retention, Role, Sanction, Scope, StartError};

/// Keeps everything in the database of a data folder.
pub(super) struct SqliteStore {
    path: PathBuf,
    retention: Retention,
    /// `None` when the last write failed, until the next one.
    writer: Mutex<Option<Writer>>,
    /// Brings into the database what the other one has written, so that batches need not wait for that.
    checkpointer: Mutex<Option<Connection>>,
    readers: Readers,
    /// Unlocked when this is dropped.
    _folder: File,
}

/// The most file descriptors of an open store: two for each connection (readers, the writer, the checkpointer and one that
/// replaces the writer), its lock and its shared memory.
pub(super) const DESCRIPTORS: u64 = 2 * (READERS as u64 + 3) + 2;

impl SqliteStore {
    /// Opens the database of a data folder, for this process alone; makes both where they are missing.
    ///
    /// # Errors
    /// Why that cannot be done, and what to do. A database that cannot be used stays as it is.
    pub(super) fn open(dir: &Path, retention: &Retention) -> Result<SqliteStore, StartError> {
        let folder = file::take(dir)?;
        let path = file::database(dir);
        file::create_if_missing(&path)?;
        file::inspect(&path)?;
        let failed = |why: String| file::refusal(&path, format!("cannot be opened: {why}"));
        let mut conn = file::open_for_writing(&path, retention.durability).map_err(|e| failed(e.to_string()))?;
        schema::upgrade(&mut conn, &path, schema::STEPS)?;
        let mut writer = Writer::new(conn, retention).map_err(|e| failed(e.to_string()))?;
        writer.end_all_sessions().map_err(|e| failed(e.to_string()))?;
        // One that is always open keeps what connections share in memory, also while the writer is replaced.
        let reader = file::open_for_reading(&path).map_err(|e| failed(e.to_string()))?;
        let (readers, writer, checkpointer) = (Readers::default(), Mutex::new(Some(writer)), Mutex::default());
        readers.take().conn = Some(reader);
        Ok(SqliteStore { path, retention: *retention, writer, checkpointer, readers, _folder: folder })
    }

    /// Works with the one connection that writes.
    fn write<T>(&self, work: impl FnOnce(&mut Writer) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let mut place = self.writer.lock();
        let mut writer = match place.take() {
            Some(writer) => writer,
            None => Writer::new(file::open_for_writing(&self.path, self.retention.durability)?, &self.retention)?,
        };
        let done = work(&mut writer);
        // That somebody else was writing has harmed nothing.
        if matches!(done, Ok(_) | Err(StoreError::Locked)) {
            *place = Some(writer);
        }
        done
    }

    /// Brings the write-ahead log into the database when it has grown, beside the connection that writes.
    fn checkpoint(&self) -> Result<(), StoreError> {
        let mut place = self.checkpointer.lock();
        let conn = match place.take() {
            Some(conn) => conn,
            None => file::open_for_writing(&self.path, self.retention.durability)?,
        };
        file::checkpoint(&conn)?;
        *place = Some(conn);
        Ok(())
    }

    /// Works with a connection that reads, within one transaction.
    fn read<T>(&self, work: impl FnOnce(&Connection) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let mut reader = self.readers.take();
        let conn = reader.conn.take().map_or_else(|| file::open_for_reading(&self.path), Ok)?;
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
        self.read(|conn| read::history(conn, reader, scope, before, limit))
    }

    fn search(
        &self,
        reader: &Name,
        words: &str,
        scope: Option<Scope>,
        limit: usize,
    ) -> Result<Vec<Message>, StoreError> {
        if self.read(search::is_behind)? {
            while self.write(|writer| writer.catch_up(INDEX_PIECE))? {}
        }
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
        self.read(kept::all)
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
        if user.is_guest() { Ok(Role::User) } else { self.read(|conn| moderation::role(conn, user)) }
    }

    fn operators(&self) -> Result<Vec<(Name, Role)>, StoreError> {
        self.read(moderation::operators)
    }

    fn sanctions(&self) -> Result<Vec<Sanction>, StoreError> {
        self.read(moderation::sanctions)
    }

    fn reports(&self) -> Result<Vec<Report>, StoreError> {
        self.read(moderation::reports)
    }

    fn knows(&self, name: &Name) -> Result<bool, StoreError> {
        self.read(|conn| rename::knows(conn, name))
    }

    fn renamings(&self) -> Result<Vec<(Name, Name)>, StoreError> {
        self.read(rename::pending)
    }

    fn is_durable(&self) -> bool {
        true
    }

    fn tend(&self) -> Result<bool, StoreError> {
        let now = micros(SystemTime::now());
        let expiring = self.write(|writer| writer.expire(&self.retention, now))?;
        let indexing = self.write(|writer| writer.index(INDEX_PIECE))?;
        self.checkpoint()?;
        Ok(expiring || indexing)
    }
}
