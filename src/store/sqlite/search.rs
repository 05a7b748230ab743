//! Full-text search. Words are indexed later, in small pieces, so that storing a message does not wait for that.

use std::collections::{BTreeSet, HashMap};

use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension};

use super::schema::{self, COLUMNS};
use super::visibility::{self, Span};
use crate::model::limits::UNINDEX_PIECE;
use crate::model::{Message, Name, Scope};
use crate::store::StoreError;

/// The FTS5 query for all words of a text; `None` if it has no word. Nothing that a user types is an operator.
fn all_words(typed: &str) -> Option<String> {
    let separates = |c: char| c.is_whitespace() || c.is_control() || c.is_ascii_punctuation();
    let words = typed.split(separates).filter(|word| word.chars().any(char::is_alphanumeric));
    let quoted: Vec<String> = words.map(|word| format!("\"{word}\"")).collect();
    (!quoted.is_empty()).then(|| format!("text : ({})", quoted.join(" AND ")))
}

/// The last messages with all these words, among those that the reader may see.
pub(super) fn search(
    conn: &Connection,
    reader: &Name,
    words: &str,
    scope: Option<Scope>,
    limit: usize,
) -> Result<Vec<Message>, StoreError> {
    let spans = visibility::spans(conn, reader, scope)?;
    let Some(mut wanted) = all_words(words).filter(|_| !spans.is_empty()) else { return Ok(Vec::new()) };
    if scope.is_some() {
        // The spans are of few conversations, so the index can leave out all others.
        let numbers: BTreeSet<i64> = spans.iter().map(|span| span.conversation).collect();
        let numbers: Vec<String> = numbers.iter().map(|number| format!("\"{number}\"")).collect();
        wanted.push_str(&format!(" AND conversation : ({})", numbers.join(" OR ")));
    }
    let mut visible: HashMap<i64, Vec<Span>> = HashMap::new();
    spans.iter().for_each(|span| visible.entry(span.conversation).or_default().push(*span));
    let after = spans.iter().map(|span| span.after).min().unwrap_or(0);
    let sql = "SELECT rowid FROM message_words WHERE message_words MATCH ?1 AND rowid > ?2 ORDER BY rowid DESC";
    let mut candidates = conn.prepare_cached(sql)?;
    let mut candidates = candidates.query((wanted, after))?;
    let ignorer = visibility::ignorer(conn, reader)?;
    let sql = format!("SELECT conversation FROM kept WHERE id = ?1 AND NOT deleted AND {}", visibility::heard(2));
    let mut find = conn.prepare_cached(&sql)?;
    let mut read = conn.prepare_cached(&format!("SELECT {COLUMNS} FROM message WHERE id = ?1"))?;
    let mut found = Vec::new();
    while found.len() < limit {
        let Some(candidate) = candidates.next()? else { break };
        let id: i64 = candidate.get(0)?;
        // The index may still have the words of a message that is gone.
        let kept = find.query_row((id, ignorer), |row| row.get(0)).optional()?;
        let Some(Value::Integer(conversation)) = kept else { continue };
        let spans = visible.get(&conversation).into_iter().flatten();
        if spans.into_iter().any(|span| span.after < id && id <= span.upto) {
            found.extend(schema::messages(&mut read, [id])?);
        }
    }
    found.reverse();
    Ok(found)
}

/// Whether there are messages that are not indexed yet.
pub(super) fn is_behind(conn: &Connection) -> Result<bool, StoreError> {
    Ok(conn.prepare_cached("SELECT indexed < last FROM server")?.query_row([], |row| row.get(0))?)
}

/// Whether words of deleted messages are still in the index.
pub(super) fn is_forgetting(conn: &Connection) -> Result<bool, StoreError> {
    Ok(conn.prepare_cached("SELECT EXISTS (SELECT 1 FROM unindex)")?.query_row([], |row| row.get(0))?)
}

/// Indexes the words of at most `limit` messages up to `last`, the last one, or removes some from the index, and returns whether
/// there may be more.
pub(super) fn index(conn: &Connection, last: i64, limit: usize) -> Result<bool, StoreError> {
    if unindex(conn, limit.min(UNINDEX_PIECE))? > 0 {
        return Ok(true);
    }
    catch_up(conn, last, limit)
}

/// Indexes the words of at most `limit` messages up to `last`, and returns whether there are more.
pub(super) fn catch_up(conn: &Connection, last: i64, limit: usize) -> Result<bool, StoreError> {
    let indexed: i64 = conn.prepare_cached("SELECT indexed FROM server")?.query_row([], |row| row.get(0))?;
    if indexed == last {
        return Ok(false);
    }
    // The end of this piece: the last message if fewer are left.
    let sql = "SELECT id FROM message WHERE id > ?1 ORDER BY id LIMIT 1 OFFSET ?2";
    let end: Option<i64> =
        conn.prepare_cached(sql)?.query_row([indexed, schema::rows(limit) - 1], |row| row.get(0)).optional()?;
    let upto = end.unwrap_or(last);
    let sql = "INSERT INTO message_words (rowid, text, conversation) \
               SELECT id, text, conversation FROM message WHERE id > ?1 AND id <= ?2 AND NOT deleted";
    conn.prepare_cached(sql)?.execute([indexed, upto])?;
    conn.prepare_cached("UPDATE server SET indexed = ?1")?.execute([upto])?;
    Ok(upto < last)
}

/// Removes the words of deleted messages from the index, and returns of how many.
pub(super) fn unindex(conn: &Connection, limit: usize) -> Result<usize, StoreError> {
    let piece = "SELECT id FROM unindex ORDER BY id LIMIT ?1";
    let sql = format!(
        "INSERT INTO message_words (message_words, rowid, text, conversation) \
         SELECT 'delete', id, text, conversation FROM unindex WHERE id IN ({piece})"
    );
    let taken = conn.prepare_cached(&sql)?.execute([schema::rows(limit)])?;
    if taken > 0 {
        let sql = format!("DELETE FROM unindex WHERE id IN ({piece})");
        conn.prepare_cached(&sql)?.execute([schema::rows(limit)])?;
    }
    Ok(taken)
}
