//! Renames a user: every row with the old name gets the new one, in one transaction.

use rusqlite::{Connection, params};

use super::visibility;
use super::write::WriteBatch;
use super::{accounts, schema};
use crate::model::Name;
use crate::store::StoreError;

/// The columns of what is kept for a user, or imposed on them.
const OWN: [(&str, &str); 9] = [
    ("stay", "user"),
    ("cleared", "user"),
    ("reader", "user"),
    ("ignored", "user"),
    ("ignored", "whom"),
    ("token", "user"),
    ("server_role", "user"),
    ("member", "user"),
    ("group_sanction", "user"),
];

/// The columns of what a user did to others. An earlier user of the same name may be in them, too.
const AUTHOR: [(&str, &str); 3] = [("group_sanction", "author"), ("sanction", "author"), ("report", "author")];

/// Whether anything is kept under this name.
pub(super) fn knows(conn: &Connection, name: &Name) -> Result<bool, StoreError> {
    let (upon, folded) = (format!("@{name}"), name.as_str().to_ascii_lowercase());
    if !visibility::private(conn, name)?.is_empty() || exists(conn, "sanction WHERE subject = ?1", &upon)? {
        return Ok(true);
    }
    for (table, column) in OWN {
        if exists(conn, &format!("{table} WHERE {column} = ?1"), &folded)? {
            return Ok(true);
        }
    }
    // Last, because messages have no index on names.
    exists(conn, "kept WHERE sender = ?1 OR peer = ?1", &folded)
}

fn exists(conn: &Connection, what: &str, name: &str) -> Result<bool, StoreError> {
    let sql = format!("SELECT EXISTS (SELECT 1 FROM {what})");
    Ok(conn.prepare_cached(&sql)?.query_row([name], |row| row.get(0))?)
}

/// The renamings that the users file may not have yet, oldest first.
pub(super) fn pending(conn: &Connection) -> Result<Vec<(Name, Name)>, StoreError> {
    schema::pairs("renaming", &mut conn.prepare("SELECT was, now FROM renaming ORDER BY id")?)
}

/// Gives a user a name under which nothing is kept. If a row is in the way nevertheless, it is replaced, because an error
/// here would keep everything else from being stored.
pub(super) fn rename(batch: &mut WriteBatch<'_>, from: &Name, to: &Name) -> Result<(), StoreError> {
    let names = [from.as_str(), to.as_str()];
    rename_conversations(batch, from, to)?;
    // One pass through the table, which has no index on names. The words in the index stay right, because it knows a
    // conversation by its number.
    let sql = "UPDATE message SET sender = iif(sender = ?1, ?2, sender), peer = iif(peer = ?1, ?2, peer) \
               WHERE (sender = ?1 OR peer = ?1) AND id > ?3";
    batch.run(sql, params![from.as_str(), to.as_str(), accounts::began(&batch.conn, from)?])?;
    accounts::rename(batch, from, to)?;
    for (table, column) in OWN.into_iter().chain(AUTHOR) {
        let sql = format!("UPDATE OR REPLACE {table} SET {column} = ?2 WHERE {column} = ?1 COLLATE NOCASE");
        batch.run(&sql, names)?;
    }
    let sql = "UPDATE OR REPLACE sanction SET subject = ?2 WHERE subject = ?1";
    batch.run(sql, [format!("@{from}"), format!("@{to}")])?;
    let sql = "UPDATE report SET about = ?2 || substr(about, length(?1) + 1) \
               WHERE lower(about) = lower(?1) OR lower(substr(about, 1, length(?1) + 1)) = lower(?1) || ':'";
    batch.run(sql, names)?;
    settle(batch, from, to)?;
    batch.run("INSERT INTO renaming (was, now) VALUES (?1, ?2)", names)
}

/// Puts the new name in the keys of the user's private conversations, which keep their numbers.
fn rename_conversations(batch: &mut WriteBatch<'_>, from: &Name, to: &Name) -> Result<(), StoreError> {
    let [from_folded, to_folded] = [from, to].map(|name| name.as_str().to_ascii_lowercase());
    for number in visibility::private(&batch.conn, from)? {
        let sql = "SELECT iif(a = ?2, ?3, a), iif(b = ?2, ?3, b) FROM conversation WHERE id = ?1";
        let mut find = batch.conn.prepare_cached(sql)?;
        let pair: (String, String) =
            find.query_row(params![number, from_folded, to_folded], |row| Ok((row.get(0)?, row.get(1)?)))?;
        drop(find);
        let (a, b) = if pair.0 <= pair.1 { pair } else { (pair.1, pair.0) };
        batch.run("UPDATE OR IGNORE conversation SET a = ?2, b = ?3 WHERE id = ?1", params![number, a, b])?;
    }
    batch.forget_numbers();
    Ok(())
}

/// Deletes the note of a renaming, because the users file has it.
pub(super) fn settle(batch: &WriteBatch<'_>, from: &Name, to: &Name) -> Result<(), StoreError> {
    batch.run("DELETE FROM renaming WHERE was = ?1 AND now = ?2", [from.as_str(), to.as_str()])
}
