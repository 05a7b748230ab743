//! From rows to values and back: messages, names, times, ids, and what goes wrong. What cannot be a value is damage.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rusqlite::types::ValueRef;
use rusqlite::{ErrorCode, Params, Row, Statement};

use crate::model::{Draft, Message, MessageId, Name, Scope};
use crate::store::StoreError;

/// The columns that [`message`] reads, in its order.
pub(super) const COLUMNS: &str = "id, at, sender, peer, text, action, deleted";

/// The message in a row of [`COLUMNS`].
pub(super) fn message(row: &Row<'_>) -> Result<Message, StoreError> {
    let id = MessageId(row.get::<_, i64>(0)?.unsigned_abs());
    let scope = match row.get_ref(3)? {
        ValueRef::Null => Scope::Everybody,
        value => {
            let peer = text(id, value)?;
            peer.strip_prefix('#').map_or_else(|| name(peer).map(Scope::User), |group| name(group).map(Scope::Group))?
        }
    };
    let from = name(text(id, row.get_ref(2)?)?)?;
    let said = Draft { at: time(row.get(1)?), from, scope, text: row.get(4)?, action: row.get(5)? };
    Ok(Message { id, said, deleted: row.get(6)? })
}

/// All messages of a query for [`COLUMNS`].
pub(super) fn messages(statement: &mut Statement<'_>, parameters: impl Params) -> Result<Vec<Message>, StoreError> {
    let mut rows = statement.query(parameters)?;
    let mut all = Vec::new();
    while let Some(row) = rows.next()? {
        all.push(message(row)?);
    }
    Ok(all)
}

/// All numbers of a query for one.
pub(super) fn numbers(statement: &mut Statement<'_>, parameters: impl Params) -> Result<Vec<i64>, StoreError> {
    Ok(statement.query_map(parameters, |row| row.get(0))?.collect::<rusqlite::Result<_>>()?)
}

fn text(id: MessageId, value: ValueRef<'_>) -> Result<&str, StoreError> {
    value.as_str().map_err(|_| StoreError::Damaged(format!("message {id} has a name that is no text")))
}

/// A name as the database has it.
pub(super) fn name(text: &str) -> Result<Name, StoreError> {
    text.parse().map_err(|why| StoreError::Damaged(format!("a name {why}")))
}

/// How a scope's peer stands in a message.
pub(super) fn peer(scope: Scope) -> Option<String> {
    match scope {
        Scope::User(user) => Some(user.as_str().to_owned()),
        Scope::Group(group) => Some(format!("#{group}")),
        Scope::Everybody => None,
    }
}

/// An id as the database has it. One that is too large for it is beyond all that can be.
pub(super) fn number(id: MessageId) -> i64 {
    i64::try_from(id.0).unwrap_or(i64::MAX)
}

/// How many rows are wanted, as the database has it.
pub(super) fn rows(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

/// A time in microseconds since 1970.
pub(super) fn micros(at: SystemTime) -> i64 {
    let whole = |span: Duration| i64::try_from(span.as_micros()).unwrap_or(i64::MAX);
    at.duration_since(UNIX_EPOCH).map_or_else(|before| -whole(before.duration()), whole)
}

/// The time that is so many microseconds after 1970.
pub(super) fn time(micros: i64) -> SystemTime {
    let span = Duration::from_micros(micros.unsigned_abs());
    let at = if micros < 0 { UNIX_EPOCH.checked_sub(span) } else { UNIX_EPOCH.checked_add(span) };
    at.unwrap_or(UNIX_EPOCH)
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
