//! The operators' tools for a database, beside a running daemon or without one.
//!
//! Everything is done in short pieces, so that the daemon hardly waits.

use std::cmp::Ordering;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rusqlite::{Connection, params};

use super::schema::{self, COLUMNS};
use super::visibility::{self, Conversation};
use super::write::WriteConnection;
use super::{SqliteStore, folder, rename, search};
use crate::model::limits::UNINDEX_PIECE;
use crate::model::{Durability, Message, MessageId, Name, Retention, StartError};
use crate::store::tools::Progress;
use crate::store::{Entry, Erased, StoreError, Tools};

/// Ids looked at in one transaction.
const PIECE: i64 = 2_000;

/// How long a tool waits for a daemon that is writing.
const BUSY_TIMEOUT: Duration = Duration::from_secs(30);

/// The tools of the database in a folder.
pub(in crate::store) struct SqliteTools {
    dir: PathBuf,
}

impl SqliteTools {
    pub(in crate::store) fn new(dir: &Path) -> SqliteTools {
        SqliteTools { dir: dir.to_owned() }
    }

    fn path(&self) -> PathBuf {
        folder::database(&self.dir)
    }

    /// Opens the database, if it is one of this version of Parlor.
    fn open(
        &self,
        how: impl FnOnce(&Path) -> rusqlite::Result<Connection>,
    ) -> Result<(PathBuf, Connection), StartError> {
        let path = self.path();
        if !folder::exists(&path)? {
            return Err(folder::refusal(&path, "there is no database; name its folder with --data".to_owned()));
        }
        let read = folder::open_for_reading(&path).and_then(|conn| folder::mark(&conn));
        let (application, version) = read.map_err(|e| folder::refusal(&path, format!("cannot be read: {e}")))?;
        if application != schema::APPLICATION || version == 0 {
            return Err(folder::refusal(&path, "is not a database of Parlor".to_owned()));
        }
        match version.cmp(&schema::STEPS.len()) {
            Ordering::Less => {
                Err(folder::refusal(&path, "was written by an older Parlor: start parlord to upgrade it".to_owned()))
            }
            Ordering::Greater => Err(folder::newer(&path, version)),
            Ordering::Equal => {
                let conn = how(&path).map_err(|e| folder::refusal(&path, format!("cannot be opened: {e}")))?;
                Ok((path, conn))
            }
        }
    }

    /// Opens the database for writing; `failed` makes the error of a failure after that.
    fn open_for_writing(
        &self,
        failed: fn(&Path, StoreError) -> StartError,
    ) -> Result<(PathBuf, WriteConnection), StartError> {
        let (path, conn) = self.open(|path| folder::open_for_writing(path, Durability::Fsync))?;
        conn.busy_timeout(BUSY_TIMEOUT).map_err(|e| failed(&path, e.into()))?;
        let writer = WriteConnection::new(conn, &Retention::default()).map_err(|e| failed(&path, e.into()))?;
        Ok((path, writer))
    }
}

impl Tools for SqliteTools {
    fn inspect(&self) -> Result<Option<u64>, StartError> {
        let path = self.path();
        if folder::exists(&path)? { folder::inspect(&path).map(Some) } else { Ok(None) }
    }

    fn damaged(&self) -> Result<Vec<MessageId>, StartError> {
        let path = self.path();
        let find = |conn: &Connection| {
            schema::damaged(&mut conn.prepare(&format!("SELECT {COLUMNS} FROM message ORDER BY id"))?, [])
        };
        if folder::exists(&path)? { folder::read_untouched(&path, find) } else { Ok(Vec::new()) }
    }

    fn exists(&self) -> Result<bool, StartError> {
        folder::exists(&self.path())
    }

    fn renamings(&self) -> Result<Vec<(Name, Name)>, StartError> {
        let path = self.path();
        if folder::exists(&path)? { folder::read_untouched(&path, rename::pending) } else { Ok(Vec::new()) }
    }

    fn create(&self) -> Result<(), StartError> {
        if !folder::exists(&self.path())? {
            drop(SqliteStore::open(&self.dir, &Retention::default())?);
        }
        Ok(())
    }

    fn append(&self, entries: &[Entry]) -> Result<(), StartError> {
        let failed = |path: &Path, e| folder::refusal(path, format!("cannot be written: {e}"));
        let (path, mut writer) = self.open_for_writing(failed)?;
        writer.append(entries, schema::micros(SystemTime::now())).map(drop).map_err(|e| failed(&path, e))
    }

    fn backup(&self, to: &Path, progress: Progress<'_>) -> Result<(), StartError> {
        let (_, conn) = self.open(folder::open_for_reading)?;
        folder::copy_new(&conn, to, progress)
    }

    fn export(
        &self,
        user: Option<&Name>,
        group: Option<&Name>,
        take: &mut dyn FnMut(&Message) -> Result<bool, StartError>,
        progress: Progress<'_>,
    ) -> Result<(), StartError> {
        let (path, conn) = self.open(folder::open_for_reading)?;
        let failed = |e: StoreError| folder::refusal(&path, format!("cannot be read: {e}"));
        let group = group.map(|group| Conversation::Group(*group).number(&conn)).transpose();
        let group: Option<Option<i64>> = group.map_err(|e| failed(e.into()))?;
        let (first, last) = ends(&conn).map_err(failed)?;
        let mut after = first - 1;
        while after < last {
            let upto = (after + PIECE).min(last);
            for message in piece(&conn, after, upto, user, group).map_err(failed)? {
                if !take(&message)? {
                    return Ok(());
                }
            }
            after = upto;
            progress((after - first + 1).unsigned_abs(), (last - first + 1).unsigned_abs());
        }
        Ok(())
    }

    fn erase(&self, user: &Name, progress: Progress<'_>, cleaning: Progress<'_>) -> Result<Erased, StartError> {
        let failed =
            |path: &Path, e| folder::refusal(path, format!("not everything was erased: {e}; run the command again"));
        let (path, mut writer) = self.open_for_writing(failed)?;
        let failed = |e| failed(&path, e);
        let messages = erase_messages(&mut writer, user, progress).map_err(failed)?;
        erase_words(&mut writer, cleaning).map_err(failed)?;
        erase_rest(&mut writer, user).map_err(failed)?;
        let overwritten = folder::empty_log(writer.conn()).map_err(|e| failed(e.into()))?;
        Ok(Erased { messages, overwritten })
    }
}

/// The messages in a range of ids, of a user and of a group if these are given. A group without a number has none.
fn piece(
    conn: &Connection,
    after: i64,
    upto: i64,
    user: Option<&Name>,
    group: Option<Option<i64>>,
) -> Result<Vec<Message>, StoreError> {
    let mut sql = format!("SELECT {COLUMNS} FROM kept WHERE id > ?1 AND id <= ?2");
    let of_user = user.map_or("1 OR ?3", |_| "sender = ?3 OR peer = ?3");
    let of_group = group.map_or("1 OR ?4", |_| "conversation = ?4");
    sql.push_str(&format!(" AND ({of_user}) AND ({of_group}) ORDER BY id"));
    let values = params![after, upto, user.map(Name::as_str), group.flatten()];
    schema::messages(&mut *conn.prepare_cached(&sql)?, values)
}

fn erase_messages(writer: &mut WriteConnection, user: &Name, progress: Progress<'_>) -> Result<u64, StoreError> {
    let (first, last) = ends(writer.conn())?;
    let (mut after, mut gone) = (first - 1, 0);
    while after < last {
        let upto = (after + PIECE).min(last);
        let mut batch = writer.begin()?;
        let own = "id > ?1 AND id <= ?2 AND (sender = ?3 OR peer = ?3)";
        gone += batch.remove(own, params![after, upto, user.as_str()])? as u64;
        batch.commit()?;
        after = upto;
        progress((after - first + 1).unsigned_abs(), (last - first + 1).unsigned_abs());
    }
    Ok(gone)
}

/// Removes the words of all deleted messages from the index, also of those that others deleted.
fn erase_words(writer: &mut WriteConnection, progress: Progress<'_>) -> Result<(), StoreError> {
    let waiting: i64 = writer.conn().query_row("SELECT count(*) FROM unindex", [], |row| row.get(0))?;
    let mut done = 0;
    loop {
        let batch = writer.begin()?;
        let taken = search::unindex(&batch.conn, UNINDEX_PIECE)?;
        batch.commit()?;
        if taken == 0 {
            return Ok(());
        }
        done += taken as u64;
        progress(done, waiting.unsigned_abs().max(done));
    }
}

fn erase_rest(writer: &mut WriteConnection, user: &Name) -> Result<(), StoreError> {
    let batch = writer.begin()?;
    for conversation in visibility::private(&batch.conn, user)? {
        // Something may have been said in it meanwhile.
        let silent = "NOT EXISTS (SELECT 1 FROM message WHERE conversation = ?1)";
        batch.run(&format!("DELETE FROM cleared WHERE conversation = ?1 AND {silent}"), [conversation])?;
        batch.run(&format!("DELETE FROM conversation WHERE id = ?1 AND {silent}"), [conversation])?;
    }
    batch.forget_choices(user)?;
    batch.run("DELETE FROM account WHERE name = ?1 AND NOT live", [user.as_str()])?;
    batch.run("DELETE FROM forgotten WHERE user = ?1", [user.as_str()])?;
    batch.commit()
}

/// The first and the last id of the messages; the last is less than the first if there are none.
fn ends(conn: &Connection) -> Result<(i64, i64), StoreError> {
    let sql = "SELECT coalesce(min(id), 1), coalesce(max(id), 0) FROM message";
    Ok(conn.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?)))?)
}
