//! Whose a name is: accounts that begin and end, and what is left under the name of one that ended.

use rusqlite::{Connection, OptionalExtension, params};

use super::schema;
use super::visibility;
use super::write::WriteBatch;
use crate::model::{MessageId, Name};
use crate::store::StoreError;

/// The accounts that exist, each with its number.
pub(super) fn live(conn: &Connection) -> Result<Vec<(Name, u64)>, StoreError> {
    let mut find = conn.prepare_cached("SELECT name, number FROM account WHERE live ORDER BY name")?;
    let mut rows = find.query([])?;
    let mut all = Vec::new();
    while let Some(row) = rows.next()? {
        all.push((schema::name(&row.get::<_, String>(0)?)?, row.get::<_, i64>(1)?.unsigned_abs()));
    }
    Ok(all)
}

/// The last message that belongs to earlier holders of a name.
pub(super) fn began(conn: &Connection, name: &Name) -> Result<i64, StoreError> {
    Ok(find_began(conn, name)?.unwrap_or(0))
}

fn find_began(conn: &Connection, name: &Name) -> Result<Option<i64>, StoreError> {
    let mut find = conn.prepare_cached("SELECT began FROM account WHERE name = ?1")?;
    Ok(find.query_row([name.as_str()], |row| row.get(0)).optional()?)
}

/// A name belongs to a new account.
pub(super) fn make(batch: &mut WriteBatch<'_>, user: &Name) -> Result<(), StoreError> {
    end(batch, user)?;
    batch.run("UPDATE account SET live = 1 WHERE name = ?1", [user.as_str()])
}

/// There is an account of this name.
pub(super) fn see(batch: &mut WriteBatch<'_>, user: &Name) -> Result<(), StoreError> {
    if user.is_guest() {
        return Ok(());
    }
    let mut find = batch.conn.prepare_cached("SELECT live FROM account WHERE name = ?1")?;
    let is_live: Option<bool> = find.query_row([user.as_str()], |row| row.get(0)).optional()?;
    drop(find);
    match is_live {
        Some(true) => Ok(()),
        Some(false) => make(batch, user),
        None => batch.run("INSERT INTO account (name, began, live) VALUES (?1, 0, 1)", [user.as_str()]),
    }
}

/// There is no account of this name any more.
pub(super) fn end(batch: &mut WriteBatch<'_>, user: &Name) -> Result<(), StoreError> {
    batch.run("DELETE FROM sanction WHERE subject = ?1", [format!("@{user}")])?;
    retire(batch, user)
}

/// Deletes what is kept for a user except messages, and takes these from the name: everything so far was said by, and to, an
/// earlier holder of it.
pub(super) fn retire(batch: &mut WriteBatch<'_>, user: &Name) -> Result<(), StoreError> {
    batch.forget_choices(user)?;
    batch.run("DELETE FROM account WHERE name = ?1", [user.as_str()])?;
    let sql = "INSERT INTO account (name, began, live) VALUES (?1, ?2, 0)";
    let number = batch.conn.prepare_cached(sql)?.insert(params![user.as_str(), batch.last])?;
    let folded = user.as_str().to_ascii_lowercase();
    let former = format!("{folded}#{number}");
    for conversation in visibility::private(&batch.conn, user)? {
        let sql = "UPDATE conversation SET a = iif(a = ?2, ?3, a), b = iif(b = ?2, ?3, b) WHERE id = ?1";
        batch.run(sql, params![conversation, folded, former])?;
        let silent = "NOT EXISTS (SELECT 1 FROM message WHERE conversation = ?1)";
        batch.run(&format!("DELETE FROM conversation WHERE id = ?1 AND {silent}"), [conversation])?;
    }
    batch.forget_numbers();
    // Nor does the next holder see what was said to everybody.
    batch.clear(user, None, MessageId(batch.last.unsigned_abs()))
}

/// An account has another name; whoever gets the old one begins now.
pub(super) fn rename(batch: &WriteBatch<'_>, from: &Name, to: &Name) -> Result<(), StoreError> {
    let names = [from.as_str(), to.as_str()];
    if from == to {
        return batch.run("UPDATE account SET name = ?2 WHERE name = ?1", names);
    }
    batch.run("DELETE FROM account WHERE name = ?1", [to.as_str()])?;
    let is_known = find_began(&batch.conn, from)?.is_some();
    batch.run("UPDATE account SET name = ?2 WHERE name = ?1", names)?;
    match is_known {
        true => {
            batch.run("INSERT INTO account (name, began, live) VALUES (?1, ?2, 0)", params![from.as_str(), batch.last])
        }
        false => Ok(()),
    }
}
