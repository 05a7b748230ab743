//! The operators' tools for a database, beside a running daemon or without one.
//!
//! Everything is done in short pieces, so that the daemon hardly waits.

use std::cmp::Ordering;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use rusqlite::{Connection, params};

use super::schema::{self, COLUMNS};
use super::visibility::{self, Conversation};
use super::write::WriteConnection;
use super::{SqliteStore, folder, rename, search};
use crate::model::{Durability, Message, MessageId, Name, Retention, StartError};
use crate::store::tools::Progress;
use crate::store::{Entry, Erased, StoreError, Tools};

/// Ids looked at in one transaction.
const PIECE: i64 = 2_000;

/// Messages in the first transaction of a tool that deletes; then as many as the time allows.
const FIRST_SLICE: usize = 16;

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
        durability: Durability,
        failed: fn(&Path, StoreError) -> StartError,
    ) -> Result<(PathBuf, WriteConnection), StartError> {
        let (path, conn) = self.open(|path| folder::open_for_writing(path, durability))?;
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
        let (path, mut writer) = self.open_for_writing(Durability::Fsync, failed)?;
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
        // Nobody else can write while a transaction syncs; emptying the log at the end syncs all of them.
        let (path, mut writer) = self.open_for_writing(Durability::Commit, failed)?;
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

/// Deletes the messages in short transactions, between which the daemon can write.
fn erase_messages(writer: &mut WriteConnection, user: &Name, progress: Progress<'_>) -> Result<u64, StoreError> {
    let (first, last) = ends(writer.conn())?;
    let (mut after, mut gone, mut size) = (first - 1, 0, FIRST_SLICE);
    while after < last {
        let upto = (after + PIECE).min(last);
        let own = "SELECT id FROM message WHERE id > ?1 AND id <= ?2 AND (sender = ?3 OR peer = ?3)";
        let values = params![after, upto, user.as_str()];
        let own = schema::numbers(&mut *writer.conn().prepare_cached(own)?, values)?;
        let mut left = own.as_slice();
        while !left.is_empty() {
            let (now, later) = left.split_at(size.min(left.len()));
            let took = slice(|| {
                let mut batch = writer.begin()?;
                for id in now {
                    gone += batch.remove("id = ?1 AND (sender = ?2 OR peer = ?2)", params![id, user.as_str()])? as u64;
                }
                batch.commit()
            })?;
            // As many as fit into the time.
            let fitting = now.len() as u128 * search::SLICE.as_nanos() / took.as_nanos().max(1);
            size = usize::try_from(fitting).unwrap_or(usize::MAX).clamp(1, 2 * size);
            left = later;
        }
        after = upto;
        progress((after - first + 1).unsigned_abs(), (last - first + 1).unsigned_abs());
    }
    Ok(gone)
}

/// Does a piece of work that keeps the daemon from writing, then gives it the time to do so, and returns how long the work
/// took.
fn slice(work: impl FnOnce() -> Result<(), StoreError>) -> Result<Duration, StoreError> {
    let began = Instant::now();
    work()?;
    let took = began.elapsed();
    std::thread::sleep(folder::BUSY_POLL * 2);
    Ok(took)
}

/// Removes the words of all deleted messages from the index, also of those that others deleted.
fn erase_words(writer: &mut WriteConnection, progress: Progress<'_>) -> Result<(), StoreError> {
    let (now, mut done, mut more) = (schema::micros(SystemTime::now()), 0, true);
    while more {
        slice(|| {
            more = writer.purge(now)?;
            Ok(())
        })?;
        done += 1;
        progress(done, done);
    }
    Ok(())
}

fn erase_rest(writer: &mut WriteConnection, user: &Name) -> Result<(), StoreError> {
    let batch = writer.begin()?;
    for conversation in visibility::private(&batch.conn, user)? {
        // Something may have been said in it meanwhile.
        let silent = "NOT EXISTS (SELECT 1 FROM message WHERE conversation = ?1)";
        batch.run(&format!("DELETE FROM cleared WHERE conversation = ?1 AND {silent}"), [conversation])?;
        batch.run(&format!("DELETE FROM conversation WHERE id = ?1 AND {silent}"), [conversation])?;
    }
    // The user's words in what others were told: topics that they may have set, reasons that they gave, reports.
    let sql = "UPDATE kept_group SET topic = NULL WHERE conversation IN (SELECT conversation FROM member WHERE user = ?1 AND role > 0)";
    batch.run(sql, [user.as_str()])?;
    batch.run("UPDATE group_sanction SET reason = NULL WHERE author = ?1 COLLATE NOCASE", [user.as_str()])?;
    batch.run("UPDATE sanction SET reason = '' WHERE author = ?1 COLLATE NOCASE", [user.as_str()])?;
    let about = "lower(about) = lower(?1) OR lower(substr(about, 1, length(?1) + 1)) = lower(?1) || ':'";
    batch.run(&format!("DELETE FROM report WHERE author = ?1 OR {about}"), [user.as_str()])?;
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
