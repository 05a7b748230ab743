//! A user under another name: every row that has the old one gets the new one, in the batch that says so.

use rusqlite::{Connection, params};

use super::apply::run;
use super::conversation;
use super::row;
use super::write::Batch;
use crate::model::Name;
use crate::store::StoreError;

/// Where something is kept for a user, or was laid upon him.
const HIS: [(&str, &str); 10] = [
    ("stay", "user"),
    ("cleared", "user"),
    ("reader", "user"),
    ("ignored", "user"),
    ("ignored", "whom"),
    ("token", "user"),
    ("server_role", "user"),
    ("member", "user"),
    ("group_sanction", "user"),
    ("forgotten", "user"),
];

/// Where he stands as who did something; another one of his name may have before him.
const BY: [(&str, &str); 3] = [("group_sanction", "author"), ("sanction", "author"), ("report", "author")];

/// Whether anything is kept under this name.
pub(super) fn knows(conn: &Connection, name: &Name) -> Result<bool, StoreError> {
    let (upon, folded) = (format!("@{name}"), name.as_str().to_ascii_lowercase());
    if !conversation::private(conn, name)?.is_empty() || exists(conn, "sanction WHERE subject = ?1", &upon)? {
        return Ok(true);
    }
    for (table, column) in HIS {
        if exists(conn, &format!("{table} WHERE {column} = ?1"), &folded)? {
            return Ok(true);
        }
    }
    // What was said in groups and to everybody has no index for this; it is looked at last.
    exists(conn, "kept WHERE sender = ?1", &folded)
}

fn exists(conn: &Connection, what: &str, name: &str) -> Result<bool, StoreError> {
    let sql = format!("SELECT EXISTS (SELECT 1 FROM {what})");
    Ok(conn.prepare_cached(&sql)?.query_row([name], |row| row.get(0))?)
}

/// The names that are not known to be in the users file.
pub(super) fn pending(conn: &Connection) -> Result<Vec<(Name, Name)>, StoreError> {
    let mut find = conn.prepare("SELECT was, now FROM renaming ORDER BY id")?;
    let mut rows = find.query([])?;
    let mut all = Vec::new();
    while let Some(row) = rows.next()? {
        all.push((row::name(&row.get::<_, String>(0)?)?, row::name(&row.get::<_, String>(1)?)?));
    }
    Ok(all)
}

/// Gives a user another name, which nothing is kept under. No row can stand in the way of that: or one that should not be
/// there would keep everything else from being stored.
pub(super) fn rename(batch: &mut Batch<'_>, from: &Name, to: &Name) -> Result<(), StoreError> {
    let names = [from.as_str(), to.as_str()];
    readdress(batch, from, to)?;
    // One way through the table, for it has no index over names. The words in the index stay right: a conversation is
    // known to it by its number.
    let sql = "UPDATE message SET sender = iif(sender = ?1, ?2, sender), peer = iif(peer = ?1, ?2, peer) \
               WHERE sender = ?1 OR peer = ?1";
    run(batch, sql, names)?;
    for (table, column) in HIS.into_iter().chain(BY) {
        let sql = format!("UPDATE OR REPLACE {table} SET {column} = ?2 WHERE {column} = ?1 COLLATE NOCASE");
        run(batch, &sql, names)?;
    }
    let sql = "UPDATE OR REPLACE sanction SET subject = ?2 WHERE subject = ?1";
    run(batch, sql, [format!("@{from}"), format!("@{to}")])?;
    let sql = "UPDATE report SET about = ?2 || substr(about, length(?1) + 1) \
               WHERE lower(about) = lower(?1) OR lower(substr(about, 1, length(?1) + 1)) = lower(?1) || ':'";
    run(batch, sql, names)?;
    settle(batch, from, to)?;
    run(batch, "INSERT INTO renaming (was, now) VALUES (?1, ?2)", names)
}

/// His private conversations are found by the other name from now on; each keeps its number.
fn readdress(batch: &mut Batch<'_>, from: &Name, to: &Name) -> Result<(), StoreError> {
    let [from_folded, to_folded] = [from, to].map(|name| name.as_str().to_ascii_lowercase());
    for number in conversation::private(&batch.conn, from)? {
        let sql = "SELECT iif(a = ?2, ?3, a), iif(b = ?2, ?3, b) FROM conversation WHERE id = ?1";
        let mut find = batch.conn.prepare_cached(sql)?;
        let pair: (String, String) =
            find.query_row(params![number, from_folded, to_folded], |row| Ok((row.get(0)?, row.get(1)?)))?;
        drop(find);
        let (a, b) = if pair.0 <= pair.1 { pair } else { (pair.1, pair.0) };
        run(batch, "UPDATE OR IGNORE conversation SET a = ?2, b = ?3 WHERE id = ?1", params![number, a, b])?;
    }
    batch.forget_numbers();
    Ok(())
}

/// The users file says so, too.
pub(super) fn settle(batch: &Batch<'_>, from: &Name, to: &Name) -> Result<(), StoreError> {
    run(batch, "DELETE FROM renaming WHERE was = ?1 AND now = ?2", [from.as_str(), to.as_str()])
}
