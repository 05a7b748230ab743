//! The tables: their versions, how an older database is upgraded, and how our values are written in columns.
//!
//! A step that was released is never changed: a new version is a new step at the end.

use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rusqlite::types::ValueRef;
use rusqlite::{Connection, Params, Row, Statement, TransactionBehavior};

use super::folder;
use crate::model::{Draft, Message, MessageId, Name, Scope, StartError};
use crate::store::{Device, StoreError};

/// The steps that make version 1 out of nothing, version 2 out of version 1, and so on.
pub(super) const STEPS: &[&str] = &[include_str!("v1.sql"), include_str!("v2.sql"), include_str!("v3.sql")];

/// The application id in the header of every database of Parlor ("Parl"), so that no other one is taken for it.
pub(super) const APPLICATION: i64 = 0x5061_726C;

/// The number of the conversation that everybody is in.
pub(super) const EVERYBODY: i64 = 1;

/// The number that stands for all conversations of a user.
pub(super) const ALL: i64 = 0;

/// The version of a database; 0 when it has no tables yet.
pub(super) fn version(conn: &Connection) -> rusqlite::Result<usize> {
    conn.pragma_query_value(None, "user_version", |row| row.get::<_, i64>(0)).map(|n| usize::try_from(n).unwrap_or(0))
}

/// Takes the steps that a database lacks, each whole or not at all. A database with content is copied first.
pub(super) fn upgrade(conn: &mut Connection, path: &Path, steps: &[&str]) -> Result<(), StartError> {
    let failed = |e: rusqlite::Error| folder::refusal(path, format!("cannot be upgraded: {e}"));
    let from = version(conn).map_err(failed)?;
    if from > 0 && from < steps.len() {
        // An earlier upgrade from this version may have left its copy, which somebody may still need.
        let copy = folder::copy_to_free(conn, |number| {
            let number = if number == 1 { String::new() } else { format!(".{number}") };
            let mut name = path.as_os_str().to_owned();
            name.push(format!(".v{from}{number}.bak"));
            name.into()
        })?;
        log::info!("database upgraded from={from} to={} copy={}", steps.len(), copy.display());
    }
    for (at, step) in steps.iter().enumerate().skip(from) {
        let transaction = conn.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
        transaction.execute_batch(step).map_err(failed)?;
        transaction.pragma_update(None, "user_version", at as i64 + 1).map_err(failed)?;
        transaction.commit().map_err(failed)?;
    }
    Ok(())
}

/// The columns that [`messages`] reads, in this order.
pub(super) const COLUMNS: &str = "id, at, sender, peer, text, action, deleted, tag";

/// All messages of a query for [`COLUMNS`].
pub(super) fn messages(statement: &mut Statement<'_>, parameters: impl Params) -> Result<Vec<Message>, StoreError> {
    let mut rows = statement.query(parameters)?;
    let mut all = Vec::new();
    while let Some(row) = rows.next()? {
        all.push(message(row)?);
    }
    Ok(all)
}

fn message(row: &Row<'_>) -> Result<Message, StoreError> {
    let id = MessageId(row.get::<_, i64>(0)?.unsigned_abs());
    let scope = match row.get_ref(3)? {
        ValueRef::Null => Scope::Everybody,
        value => {
            let peer = text(id, value)?;
            peer.strip_prefix('#').map_or_else(|| name(peer).map(Scope::User), |group| name(group).map(Scope::Group))?
        }
    };
    let from = name(text(id, row.get_ref(2)?)?)?;
    // A tag that cannot be read is of no use to anybody, and no reason to withhold its message.
    let tag = row.get_ref(7)?.as_str().ok().and_then(|tag| tag.parse().ok());
    let said = Draft { at: time(row.get(1)?), from, scope, text: row.get(4)?, action: row.get(5)?, tag };
    Ok(Message { id, said, deleted: row.get(6)? })
}

fn text(id: MessageId, value: ValueRef<'_>) -> Result<&str, StoreError> {
    value.as_str().map_err(|_| StoreError::Damaged(format!("message {id} has a name that is not text")))
}

/// All numbers of a query for one column of them.
pub(super) fn numbers(statement: &mut Statement<'_>, parameters: impl Params) -> Result<Vec<i64>, StoreError> {
    Ok(statement.query_map(parameters, |row| row.get(0))?.collect::<rusqlite::Result<_>>()?)
}

/// All pairs of names of a query for two columns of them.
pub(super) fn pairs(statement: &mut Statement<'_>) -> Result<Vec<(Name, Name)>, StoreError> {
    let mut rows = statement.query([])?;
    let mut all = Vec::new();
    while let Some(row) = rows.next()? {
        all.push((name(&row.get::<_, String>(0)?)?, name(&row.get::<_, String>(1)?)?));
    }
    Ok(all)
}

/// A name from a column. Text that is no name is damage.
pub(super) fn name(text: &str) -> Result<Name, StoreError> {
    text.parse().map_err(|why| StoreError::Damaged(format!("a name {why}")))
}

/// The column for the other side of a message.
pub(super) fn peer(scope: Scope) -> Option<String> {
    match scope {
        Scope::User(user) => Some(user.as_str().to_owned()),
        Scope::Group(group) => Some(format!("#{group}")),
        Scope::Everybody => None,
    }
}

/// The column for a device.
pub(super) fn device_name(device: &Device) -> &str {
    device.as_ref().map_or("", Name::as_str)
}

/// The column for an id. One that is too large for it is beyond every message.
pub(super) fn number(id: MessageId) -> i64 {
    i64::try_from(id.0).unwrap_or(i64::MAX)
}

/// A limit on rows, as a parameter of a query.
pub(super) fn rows(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

/// The column for a time: microseconds since 1970, UTC.
pub(super) fn micros(at: SystemTime) -> i64 {
    let whole = |span: Duration| i64::try_from(span.as_micros()).unwrap_or(i64::MAX);
    at.duration_since(UNIX_EPOCH).map_or_else(|before| -whole(before.duration()), whole)
}

/// The time of a column.
pub(super) fn time(micros: i64) -> SystemTime {
    let span = Duration::from_micros(micros.unsigned_abs());
    let at = if micros < 0 { UNIX_EPOCH.checked_sub(span) } else { UNIX_EPOCH.checked_add(span) };
    at.unwrap_or(UNIX_EPOCH)
}
