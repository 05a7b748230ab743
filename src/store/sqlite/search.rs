//! Search: an index of the pieces of words, which is filled later and in short steps, so that nothing waits for it.
//!
//! A search never writes. What is not indexed yet is read, the newest first and as much as a user can wait for; the answer
//! says if something was left out.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use rusqlite::types::{Value, ValueRef};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::schema::{self, COLUMNS};
use super::visibility::{self, Span};
use crate::model::limits::{INDEX_TIME, PURGE_AT_ONCE, PURGE_PAGES, SEARCH_EXAMINED, SEARCH_TIME, SEARCH_UNINDEXED};
use crate::model::{Name, Scope, SearchEnd};
use crate::store::words::{Wanted, pieces};
use crate::store::{Found, StoreError};

/// How long pieces of deleted messages may stay in a large index, in microseconds: a day.
const PURGE_INTERVAL: i64 = 86_400_000_000;

/// Messages that a search looks at between two looks at the clock.
const CLOCK_STEP: usize = 256;

/// Messages that are indexed between two looks at the clock.
const INDEX_STEP: usize = 16;

/// The last messages with all these words, among those that the reader may see.
pub(super) fn search(
    conn: &Connection,
    reader: &Name,
    words: &str,
    scope: Option<Scope>,
    limit: usize,
) -> Result<Found, StoreError> {
    let spans = visibility::spans(conn, reader, scope)?;
    let (Some(wanted), Some(first)) = (Wanted::parse(words), spans.first().copied()) else {
        return Ok(Found::default());
    };
    let mut visible: HashMap<i64, Vec<Span>> = HashMap::new();
    spans.iter().for_each(|span| visible.entry(span.conversation).or_default().push(*span));
    let mut examination = Examination { wanted: &wanted, visible, limit, ids: Vec::new(), end: SearchEnd::Complete };
    let ignorer = visibility::ignorer(conn, reader)?;
    // A conversation with a user may be several, if earlier accounts had the name.
    let is_lone = scope.is_some() && spans.iter().all(|span| span.conversation == first.conversation);
    let lone = is_lone.then_some(first.conversation);
    let after = spans.iter().map(|span| span.after).min().unwrap_or(0);
    let (indexed, last): (i64, i64) =
        conn.prepare_cached("SELECT indexed, last FROM server")?.query_row([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let began = Instant::now();
    if indexed < last {
        let sql = format!(
            "SELECT id, conversation, text FROM kept WHERE id > ?1 AND NOT deleted AND {} \
             AND (?3 IS NULL OR conversation = ?3) ORDER BY id DESC LIMIT ?4",
            visibility::heard(2)
        );
        let mut newest = conn.prepare_cached(&sql)?;
        let from = indexed.max(after);
        let mut newest = newest.query(params![from, ignorer, lone, schema::rows(SEARCH_UNINDEXED + 1)])?;
        let mut examined = 0;
        while let Some(row) = newest.next()? {
            examined += 1;
            if examined > SEARCH_UNINDEXED || examined % CLOCK_STEP == 0 && began.elapsed() > SEARCH_TIME / 2 {
                examination.end = SearchEnd::Indexing;
                break;
            }
            if examination.examine(row)? {
                break;
            }
        }
    }
    let mut query = format!("grams : ({})", wanted.query());
    if let Some(conversation) = lone {
        // All spans are of one conversation, so the index can leave out all others.
        query.push_str(&format!(" AND conversation : \"{conversation}\""));
    }
    let sql = "SELECT rowid FROM message_grams WHERE message_grams MATCH ?1 AND rowid > ?2 ORDER BY rowid DESC";
    let mut candidates = conn.prepare_cached(sql)?;
    let mut candidates = candidates.query((query, after))?;
    let sql =
        format!("SELECT id, conversation, text FROM kept WHERE id = ?1 AND NOT deleted AND {}", visibility::heard(2));
    let mut find = conn.prepare_cached(&sql)?;
    let mut examined = 0;
    while examination.ids.len() < limit {
        let Some(candidate) = candidates.next()? else { break };
        examined += 1;
        if examined > SEARCH_EXAMINED || examined % CLOCK_STEP == 0 && began.elapsed() > SEARCH_TIME {
            examination.end = SearchEnd::Limit;
            break;
        }
        let id: i64 = candidate.get(0)?;
        // The index may still have the words of a message that is gone.
        find.query_row((id, ignorer), |row| examination.examine(row)).optional()?;
    }
    let Examination { mut ids, end, .. } = examination;
    ids.reverse();
    let mut read = conn.prepare_cached(&format!("SELECT {COLUMNS} FROM message WHERE id = ?1"))?;
    let mut messages = Vec::with_capacity(ids.len());
    for id in ids {
        messages.extend(schema::messages(&mut read, [id])?);
    }
    Ok(Found { messages, end })
}

/// A search while it looks at messages, the newest first.
struct Examination<'a> {
    wanted: &'a Wanted,
    /// The spans that the reader may see, by their conversations.
    visible: HashMap<i64, Vec<Span>>,
    limit: usize,
    ids: Vec<i64>,
    end: SearchEnd,
}

impl Examination<'_> {
    /// Looks at a message, given as its id, conversation and text, and returns whether enough were found.
    fn examine(&mut self, row: &Row<'_>) -> rusqlite::Result<bool> {
        let (id, conversation): (i64, Value) = (row.get(0)?, row.get(1)?);
        let spans = match conversation {
            Value::Integer(number) => self.visible.get(&number).map_or(&[][..], Vec::as_slice),
            Value::Null | Value::Real(_) | Value::Text(_) | Value::Blob(_) => &[],
        };
        let is_visible = spans.iter().any(|span| span.after < id && id <= span.upto);
        if is_visible && self.wanted.is_in(&text(row.get_ref(2)?)) {
            self.ids.push(id);
        }
        Ok(self.ids.len() >= self.limit)
    }
}

/// The text of a message, as much of it as can be read.
fn text(value: ValueRef<'_>) -> String {
    value.as_bytes().map(|bytes| String::from_utf8_lossy(bytes).into_owned()).unwrap_or_default()
}

/// Indexes messages up to `last`, the last one, for [`INDEX_TIME`], and returns whether there are more.
pub(super) fn index(conn: &Connection, last: i64) -> Result<bool, StoreError> {
    let indexed: i64 = conn.prepare_cached("SELECT indexed FROM server")?.query_row([], |row| row.get(0))?;
    if indexed == last {
        return Ok(false);
    }
    let began = Instant::now();
    let sql = "SELECT id, text, conversation FROM message WHERE id > ?1 AND NOT deleted ORDER BY id";
    let mut find = conn.prepare_cached(sql)?;
    let mut rows = find.query([indexed])?;
    let sql = "INSERT INTO message_grams (rowid, grams, conversation) VALUES (?1, ?2, ?3)";
    let mut insert = conn.prepare_cached(sql)?;
    let (mut upto, mut count) = (indexed, 0);
    while let Some(row) = rows.next()? {
        let id: i64 = row.get(0)?;
        insert.execute(params![id, pieces(&text(row.get_ref(1)?)), row.get::<_, Value>(2)?])?;
        upto = id;
        count += 1;
        if count % INDEX_STEP == 0 && began.elapsed() > INDEX_TIME {
            break;
        }
    }
    let is_behind = rows.next()?.is_some();
    let upto = if is_behind { upto } else { last };
    conn.prepare_cached("UPDATE server SET indexed = ?1")?.execute([upto])?;
    Ok(is_behind)
}

/// Takes messages out of the index, given the condition on the table; call it before their texts are deleted.
pub(super) fn unindex(conn: &Connection, which: &str, values: impl rusqlite::Params) -> Result<(), StoreError> {
    let sql = format!(
        "DELETE FROM message_grams WHERE rowid IN (SELECT id FROM message WHERE {which} \
         AND NOT deleted AND id <= (SELECT indexed FROM server))"
    );
    if conn.prepare_cached(&sql)?.execute(values)? > 0 {
        conn.prepare_cached("UPDATE server SET purge = purge | 1 WHERE purge & 1 = 0")?.execute([])?;
    }
    Ok(())
}

/// Removes some of what the index still has of deleted messages, and returns whether there is more to do now. In a large
/// index that is due once a day, unless it is forced, because all of it is written anew.
pub(super) fn purge(conn: &Connection, now: i64, is_forced: bool) -> Result<bool, StoreError> {
    let sql = "SELECT purge, purged, messages FROM server";
    let read = |row: &Row<'_>| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?, row.get::<_, i64>(2)?));
    let (state, purged, messages) = conn.prepare_cached(sql)?.query_row([], read)?;
    let is_due = is_forced || messages <= PURGE_AT_ONCE || !(0..PURGE_INTERVAL).contains(&(now - purged));
    let is_running = state & 2 != 0;
    if !(is_running || state & 1 != 0 && is_due) {
        return Ok(false);
    }
    // A negative number begins a merge of everything; the others go on with it.
    let pages = if is_running { PURGE_PAGES } else { -PURGE_PAGES };
    let changes = || conn.prepare_cached("SELECT total_changes()")?.query_row([], |row| row.get::<_, i64>(0));
    let before = changes()?;
    conn.prepare_cached("INSERT INTO message_grams (message_grams, rank) VALUES ('merge', ?1)")?.execute([pages])?;
    let is_done = changes()? - before < 2;
    let next = match (is_running, is_done) {
        (_, true) => state & !3 | if is_running { state & 1 } else { 0 },
        (false, false) => 2,
        (true, false) => return Ok(true),
    };
    let sql = "UPDATE server SET purge = ?1, purged = iif(?2, ?3, purged)";
    conn.prepare_cached(sql)?.execute(params![next, is_done, now])?;
    Ok(next & 2 != 0 || is_forced && next != 0)
}

/// The time that the pieces of work above take, so that others can write in between.
pub(super) const SLICE: Duration = INDEX_TIME;
