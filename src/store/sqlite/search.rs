//! Full text search: the words of messages are brought into the index later, in small pieces, so that storing does not
//! wait for it.

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension};

use super::row::{self, COLUMNS};
use super::view::{self, Span};
use super::write::Batch;
use crate::model::limits::UNINDEX_PIECE;
use crate::model::{Message, Name, Scope};
use crate::store::StoreError;

/// What FTS5 understands as all these words, or nothing if there is no word. Nothing a user types is an operator.
pub(super) fn all_words(typed: &str) -> Option<String> {
    let separates = |c: char| c.is_whitespace() || c.is_control() || c.is_ascii_punctuation();
    let words = typed.split(separates).filter(|word| word.chars().any(char::is_alphanumeric));
    let quoted: Vec<String> = words.map(|word| format!("\"{word}\"")).collect();
    (!quoted.is_empty()).then(|| format!("text : ({})", quoted.join(" AND ")))
}

/// The last messages that hold all these words, among those the reader may see.
pub(super) fn search(
    conn: &Connection,
    reader: &Name,
    words: &str,
    scope: Option<Scope>,
    limit: usize,
) -> Result<Vec<Message>, StoreError> {
    let spans = view::spans(conn, reader, scope)?;
    let (Some(mut wanted), Some(first)) = (all_words(words), spans.first().copied()) else { return Ok(Vec::new()) };
    if scope.is_some() {
        // One conversation: the index leaves all others out.
        wanted.push_str(&format!(" AND conversation : \"{}\"", first.conversation));
    }
    let mut seen: HashMap<i64, Vec<Span>> = HashMap::new();
    spans.iter().for_each(|span| seen.entry(span.conversation).or_default().push(*span));
    let after = spans.iter().map(|span| span.after).min().unwrap_or(0);
    let sql = "SELECT rowid FROM message_words WHERE message_words MATCH ?1 AND rowid > ?2 ORDER BY rowid DESC";
    let mut candidates = conn.prepare_cached(sql)?;
    let mut candidates = candidates.query((wanted, after))?;
    let ignorer = view::ignorer(conn, reader)?;
    let sql = format!("SELECT conversation FROM kept WHERE id = ?1 AND NOT deleted AND {}", view::heard(2));
    let mut find = conn.prepare_cached(&sql)?;
    let mut read = conn.prepare_cached(&format!("SELECT {COLUMNS} FROM message WHERE id = ?1"))?;
    let mut found = Vec::new();
    while found.len() < limit {
        let Some(candidate) = candidates.next()? else { break };
        let id: i64 = candidate.get(0)?;
        // It may be gone, and its words not yet.
        let Some(conversation) = find.query_row((id, ignorer), |row| row.get(0)).optional()? else { continue };
        let spans = seen.get(&conversation).into_iter().flatten();
        if spans.into_iter().any(|span| span.after < id && id <= span.upto) {
            found.extend(row::messages(&mut read, [id])?);
        }
    }
    found.reverse();
    Ok(found)
}

/// Whether there are messages that a search would not find.
pub(super) fn is_behind(conn: &Connection) -> Result<bool, StoreError> {
    Ok(conn.prepare_cached("SELECT indexed < last FROM server")?.query_row([], |row| row.get(0))?)
}

/// Whether words of messages that are gone are still in the index.
pub(super) fn is_forgetting(conn: &Connection) -> Result<bool, StoreError> {
    Ok(conn.prepare_cached("SELECT EXISTS (SELECT 1 FROM unindex)")?.query_row([], |row| row.get(0))?)
}

/// Brings the words of at most `limit` messages into the index, or of some out of it, and says whether there may be more.
pub(super) fn index(batch: &Batch<'_>, limit: usize) -> Result<bool, StoreError> {
    if take_out(&batch.conn, limit.min(UNINDEX_PIECE))? > 0 {
        return Ok(true);
    }
    catch_up(batch, limit)
}

/// Brings the words of at most `limit` messages into the index, and says whether there are more.
pub(super) fn catch_up(batch: &Batch<'_>, limit: usize) -> Result<bool, StoreError> {
    let conn = &batch.conn;
    let indexed: i64 = conn.prepare_cached("SELECT indexed FROM server")?.query_row([], |row| row.get(0))?;
    if indexed == batch.last {
        return Ok(false);
    }
    // Where this piece ends; at the last message if fewer are left.
    let sql = "SELECT id FROM message WHERE id > ?1 ORDER BY id LIMIT 1 OFFSET ?2";
    let end: Option<i64> =
        conn.prepare_cached(sql)?.query_row([indexed, row::rows(limit) - 1], |row| row.get(0)).optional()?;
    let upto = end.unwrap_or(batch.last);
    let sql = "INSERT INTO message_words (rowid, text, conversation) \
               SELECT id, text, conversation FROM message WHERE id > ?1 AND id <= ?2 AND NOT deleted";
    conn.prepare_cached(sql)?.execute([indexed, upto])?;
    conn.prepare_cached("UPDATE server SET indexed = ?1")?.execute([upto])?;
    Ok(upto < batch.last)
}

/// Takes the words of messages that are gone out of the index, and says of how many.
pub(super) fn take_out(conn: &Connection, limit: usize) -> Result<usize, StoreError> {
    let piece = "SELECT id FROM unindex ORDER BY id LIMIT ?1";
    let sql = format!(
        "INSERT INTO message_words (message_words, rowid, text, conversation) \
         SELECT 'delete', id, text, conversation FROM unindex WHERE id IN ({piece})"
    );
    let taken = conn.prepare_cached(&sql)?.execute([row::rows(limit)])?;
    if taken > 0 {
        let sql = format!("DELETE FROM unindex WHERE id IN ({piece})");
        conn.prepare_cached(&sql)?.execute([row::rows(limit)])?;
    }
    Ok(taken)
}
