//! What a reader may see: spans of conversations. Every answer to a reader is made of these, and of nothing else.

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension};

use super::apply::ALL;
use super::conversation::{self, Conversation};
use super::schema::EVERYBODY;
use crate::model::{Name, Scope};
use crate::store::StoreError;

/// What comes after `after`, up to `upto`, in one conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) conversation: i64,
    pub(super) after: i64,
    pub(super) upto: i64,
}

impl Span {
    /// All of a conversation.
    fn whole(conversation: i64) -> Span {
        Span { conversation, after: 0, upto: i64::MAX }
    }

    fn is_empty(&self) -> bool {
        self.after >= self.upto
    }
}

/// The spans of one conversation, or of all, that a reader may see: none of them empty, none touching another.
pub(super) fn spans(conn: &Connection, reader: &Name, scope: Option<Scope>) -> Result<Vec<Span>, StoreError> {
    if reader.is_guest() {
        return Ok(Vec::new());
    }
    let mut spans = match scope {
        Some(Scope::Everybody) => vec![Span::whole(EVERYBODY)],
        Some(scope) => match (Conversation::seen_by(reader, scope).number(conn)?, scope) {
            (None, _) => Vec::new(),
            (Some(number), Scope::Group(_)) => stays(conn, reader, Some(number))?,
            (Some(number), _) => vec![Span::whole(number)],
        },
        None => {
            let mut all = stays(conn, reader, None)?;
            all.extend(conversation::private(conn, reader)?.into_iter().map(Span::whole));
            all.push(Span::whole(EVERYBODY));
            all
        }
    };
    clear(conn, reader, &mut spans)?;
    Ok(spans)
}

/// The spans in which a message of this conversation may lie for the reader.
pub(super) fn spans_of(conn: &Connection, reader: &Name, number: i64) -> Result<Vec<Span>, StoreError> {
    if reader.is_guest() {
        return Ok(Vec::new());
    }
    let sql = "SELECT b = '' AND a != '*', a = ?2 OR b = ?2 OR a = '*' FROM conversation WHERE id = ?1";
    let folded = reader.as_str().to_ascii_lowercase();
    let kind = |row: &rusqlite::Row<'_>| Ok((row.get::<_, bool>(0)?, row.get::<_, bool>(1)?));
    let mut spans = match conn.prepare_cached(sql)?.query_row((number, folded), kind).optional()? {
        Some((true, _)) => stays(conn, reader, Some(number))?,
        Some((false, true)) => vec![Span::whole(number)],
        Some((false, false)) => Vec::new(),
        None => return Err(StoreError::Damaged(format!("there is no conversation {number}"))),
    };
    clear(conn, reader, &mut spans)?;
    Ok(spans)
}

/// What holds of a row of `message` that is not of somebody whom `reader` ignores; the parameter `at` of the query is to be
/// what [`ignorer`] says. Where that is nobody, the row itself need not be looked at.
pub(super) fn heard(at: usize) -> String {
    format!("(?{at} IS NULL OR sender NOT IN (SELECT whom FROM ignored WHERE user = ?{at}))")
}

/// The reader, if there is somebody whom he ignores.
pub(super) fn ignorer<'a>(conn: &Connection, reader: &'a Name) -> Result<Option<&'a str>, StoreError> {
    let sql = "SELECT EXISTS (SELECT 1 FROM ignored WHERE user = ?1)";
    let ignores: bool = conn.prepare_cached(sql)?.query_row([reader.as_str()], |row| row.get(0))?;
    Ok(ignores.then_some(reader.as_str()))
}

/// When the reader was in a group, or in any; stays that touch are one.
fn stays(conn: &Connection, reader: &Name, conversation: Option<i64>) -> Result<Vec<Span>, StoreError> {
    let sql = "SELECT conversation, after, coalesce(upto, 9223372036854775807) FROM stay \
               WHERE user = ?1 AND (?2 IS NULL OR conversation = ?2) ORDER BY conversation, after";
    let mut find = conn.prepare_cached(sql)?;
    let mut rows = find.query((reader.as_str(), conversation))?;
    let mut all: Vec<Span> = Vec::new();
    while let Some(row) = rows.next()? {
        let next = Span { conversation: row.get(0)?, after: row.get(1)?, upto: row.get(2)? };
        match all.last_mut() {
            Some(last) if last.conversation == next.conversation && next.after <= last.upto => {
                last.upto = last.upto.max(next.upto);
            }
            _ if next.is_empty() => {}
            _ => all.push(next),
        }
    }
    Ok(all)
}

/// Takes away what the reader wants to see no more.
fn clear(conn: &Connection, reader: &Name, spans: &mut Vec<Span>) -> Result<(), StoreError> {
    let mut find = conn.prepare_cached("SELECT conversation, upto FROM cleared WHERE user = ?1")?;
    let cleared = find.query_map([reader.as_str()], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let cleared: HashMap<i64, i64> = cleared.collect::<rusqlite::Result<_>>()?;
    for span in &mut *spans {
        for number in [ALL, span.conversation] {
            span.after = span.after.max(cleared.get(&number).copied().unwrap_or(0));
        }
    }
    spans.retain(|span| !span.is_empty());
    Ok(())
}
