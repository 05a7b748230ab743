//! The tables: their versions, how an older database is upgraded, and how our values are written in columns.
//!
//! A step that was released is never changed: a new version is a new step at the end.

use std::collections::BTreeSet;
use std::fmt;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rusqlite::types::ValueRef;
use rusqlite::{Connection, Params, Row, Statement, TransactionBehavior};

use super::folder;
use crate::lock::Mutex;
use crate::model::limits::DAMAGE_LOGGED;
use crate::model::{Draft, Message, MessageId, Name, Scope, StartError};
use crate::store::{Device, StoreError};

/// The steps that make version 1 out of nothing, version 2 out of version 1, and so on.
pub(super) const STEPS: &[&str] = &[
    include_str!("v1.sql"),
    include_str!("v2.sql"),
    include_str!("v3.sql"),
    include_str!("v4.sql"),
    include_str!("v5.sql"),
];

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

/// What stands for a text that can no longer be read.
pub(super) const DAMAGED: &str = "(this message is damaged)";

/// All messages of a query for [`COLUMNS`]. A value that cannot be read damages no other message.
pub(super) fn messages(statement: &mut Statement<'_>, parameters: impl Params) -> Result<Vec<Message>, StoreError> {
    let mut rows = statement.query(parameters)?;
    let mut all = Vec::new();
    while let Some(row) = rows.next()? {
        let (message, is_damaged) = message(row)?;
        if is_damaged {
            log_damage("message", &message.id);
        }
        all.push(message);
    }
    Ok(all)
}

/// The ids of the messages with values that cannot be read, among those of a query for [`COLUMNS`].
pub(super) fn damaged(statement: &mut Statement<'_>, parameters: impl Params) -> Result<Vec<MessageId>, StoreError> {
    let mut rows = statement.query(parameters)?;
    let mut all = Vec::new();
    while let Some(row) = rows.next()? {
        let (message, is_damaged) = message(row)?;
        all.extend(is_damaged.then_some(message.id));
    }
    Ok(all)
}

/// A message, and whether a value of it cannot be read. Such a message is shown, so that whoever is told of it knows that
/// there was one.
fn message(row: &Row<'_>) -> Result<(Message, bool), StoreError> {
    let id = MessageId(row.get::<_, i64>(0)?.unsigned_abs());
    let value = |column| row.get_ref(column).ok();
    let number = |column| value(column).and_then(|value| value.as_i64().ok());
    let text = |column| value(column).and_then(|value| value.as_str().ok());
    let scope = match value(3) {
        Some(ValueRef::Null) => Some(Scope::Everybody),
        _ => text(3).and_then(|peer| match peer.strip_prefix('#') {
            Some(group) => group.parse().ok().map(Scope::Group),
            None => peer.parse().ok().map(Scope::User),
        }),
    };
    let from = text(2).and_then(|from| from.parse().ok());
    // A tag that cannot be read is of no use to anybody, and no reason to withhold its message.
    let tag = text(7).and_then(|tag| tag.parse().ok());
    let (at, action, deleted, said) = (number(1), number(5), number(6), text(4));
    let parts = [at.is_some(), from.is_some(), scope.is_some(), said.is_some(), action.is_some(), deleted.is_some()];
    let is_damaged = parts.contains(&false);
    let said = Draft {
        at: time(at.unwrap_or(0)),
        from: from.unwrap_or(Name::UNREADABLE),
        scope: scope.unwrap_or(Scope::User(Name::UNREADABLE)),
        text: said.unwrap_or(DAMAGED).into(),
        action: action.is_some_and(|action| action != 0) && !is_damaged,
        tag,
    };
    Ok((Message { id, said, deleted: deleted.is_some_and(|deleted| deleted != 0) }, is_damaged))
}

/// What was logged about rows that cannot be read, so that each is named once; at most [`DAMAGE_LOGGED`] of them.
// lock tier 10: a leaf, taken while a connection of the store is held.
static LOGGED: Mutex<BTreeSet<(&'static str, String)>, 10> = Mutex::new(BTreeSet::new());

fn log_damage(table: &'static str, row: &dyn fmt::Display) {
    let is_new = {
        let mut logged = LOGGED.lock();
        logged.len() < DAMAGE_LOGGED && logged.insert((table, row.to_string()))
    };
    if is_new {
        log::error!("database row damaged table={table} row={row}: it is left out, or shown as damaged");
    }
}

/// Reads the rows of a query, and leaves out those whose values cannot be read.
pub(super) fn readable<T>(
    table: &'static str,
    statement: &mut Statement<'_>,
    parameters: impl Params,
    mut read: impl FnMut(&Row<'_>) -> Result<T, StoreError>,
) -> Result<Vec<T>, StoreError> {
    let mut rows = statement.query(parameters)?;
    let mut all = Vec::new();
    while let Some(row) = rows.next()? {
        match read(row) {
            Ok(value) => all.push(value),
            Err(StoreError::Damaged(why)) => log_damage(table, &format_args!("\"{}: {why}\"", shown(row))),
            Err(e) => return Err(e),
        }
    }
    Ok(all)
}

/// The first value of a row, for the log.
fn shown(row: &Row<'_>) -> String {
    match row.get_ref(0) {
        Ok(ValueRef::Integer(number)) => number.to_string(),
        Ok(ValueRef::Text(text)) => text.escape_ascii().to_string(),
        Ok(ValueRef::Null | ValueRef::Real(_) | ValueRef::Blob(_)) | Err(_) => "?".to_owned(),
    }
}

/// All numbers of a query for one column of them.
pub(super) fn numbers(statement: &mut Statement<'_>, parameters: impl Params) -> Result<Vec<i64>, StoreError> {
    Ok(statement.query_map(parameters, |row| row.get(0))?.collect::<rusqlite::Result<_>>()?)
}

/// All pairs of names of a query for two columns of them.
pub(super) fn pairs(table: &'static str, statement: &mut Statement<'_>) -> Result<Vec<(Name, Name)>, StoreError> {
    readable(table, statement, [], |row| Ok((name(&row.get::<_, String>(0)?)?, name(&row.get::<_, String>(1)?)?)))
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
