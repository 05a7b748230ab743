//! Visibility: every answer to a reader is made of spans of conversations, and of nothing else.
//!
//! The database knows each conversation by a number, so that the one index over all messages holds two small integers for
//! each of them.

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension};

use super::schema::{self, ALL, EVERYBODY};
use crate::model::{Draft, Name, Scope};
use crate::store::StoreError;

/// A conversation, whoever looks at it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Conversation {
    /// Between these two users, the smaller name first.
    Pair(Name, Name),
    /// In this group.
    Group(Name),
    /// Of all users.
    Everybody,
}

impl Conversation {
    /// The conversation that a message belongs to.
    pub(super) fn of(said: &Draft) -> Conversation {
        Conversation::seen_by(&said.from, said.scope)
    }

    /// The conversation that `reader` calls `scope`.
    pub(super) fn seen_by(reader: &Name, scope: Scope) -> Conversation {
        match scope {
            Scope::User(other) => Conversation::Pair(*reader.min(&other), *reader.max(&other)),
            Scope::Group(group) => Conversation::Group(group),
            Scope::Everybody => Conversation::Everybody,
        }
    }

    /// The two columns that identify it.
    fn key(&self) -> (String, String) {
        let folded = |name: &Name| name.as_str().to_ascii_lowercase();
        match self {
            Conversation::Pair(a, b) => (folded(a), folded(b)),
            Conversation::Group(group) => (format!("#{}", folded(group)), String::new()),
            Conversation::Everybody => ("*".to_owned(), String::new()),
        }
    }

    /// Its number, if it has one.
    pub(super) fn number(&self, conn: &Connection) -> rusqlite::Result<Option<i64>> {
        if *self == Conversation::Everybody {
            return Ok(Some(EVERYBODY));
        }
        let mut find = conn.prepare_cached("SELECT id FROM conversation WHERE a = ?1 AND b = ?2")?;
        find.query_row(self.key(), |row| row.get(0)).optional()
    }

    /// Its number; it gets one if it has none yet.
    pub(super) fn number_or_new(&self, conn: &Connection) -> rusqlite::Result<i64> {
        if let Some(number) = self.number(conn)? {
            return Ok(number);
        }
        conn.prepare_cached("INSERT INTO conversation (a, b) VALUES (?1, ?2)")?.insert(self.key())
    }
}

/// The private conversations of a user, whose name is given in lower case, including the one with themselves.
pub(super) const PRIVATE: &str = "SELECT id FROM conversation WHERE a = ?1 AND b != '' UNION \
                                  SELECT id FROM conversation WHERE b = ?1 AND b != ''";

/// The numbers of the private conversations of `user`.
pub(super) fn private(conn: &Connection, user: &Name) -> rusqlite::Result<Vec<i64>> {
    conn.prepare_cached(PRIVATE)?.query_map([user.as_str().to_ascii_lowercase()], |row| row.get(0))?.collect()
}

/// The numbers of the conversations of `user` with earlier accounts that were called `other`.
pub(super) fn former(conn: &Connection, user: &Name, other: &Name) -> rusqlite::Result<Vec<i64>> {
    let sql = "SELECT id FROM conversation WHERE a = ?1 AND b > ?2 AND b < ?3 UNION \
               SELECT id FROM conversation WHERE b = ?1 AND b != '' AND a > ?2 AND a < ?3";
    let [user, other] = [user, other].map(|name| name.as_str().to_ascii_lowercase());
    // In ASCII, '$' follows '#'.
    let bounds = (user, format!("{other}#"), format!("{other}$"));
    conn.prepare_cached(sql)?.query_map(bounds, |row| row.get(0))?.collect()
}

/// The messages of one conversation after `after`, up to `upto`.
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

/// The spans of one conversation, or of all, that a reader may see. None is empty, and no two touch.
pub(super) fn spans(conn: &Connection, reader: &Name, scope: Option<Scope>) -> Result<Vec<Span>, StoreError> {
    if reader.is_guest() {
        return Ok(Vec::new());
    }
    let mut spans = match scope {
        Some(Scope::Everybody) => vec![Span::whole(EVERYBODY)],
        Some(Scope::Group(group)) => present_group(conn, reader, group)?,
        Some(scope @ Scope::User(other)) => {
            let mut numbers = former(conn, reader, &other)?;
            numbers.extend(Conversation::seen_by(reader, scope).number(conn)?);
            numbers.into_iter().map(Span::whole).collect()
        }
        None => {
            let mut all = stays(conn, reader, None)?;
            all.extend(private(conn, reader)?.into_iter().map(Span::whole));
            all.push(Span::whole(EVERYBODY));
            all
        }
    };
    subtract_cleared(conn, reader, &mut spans)?;
    Ok(spans)
}

/// The spans in which the reader was in the group that has this name now, or had it last.
fn present_group(conn: &Connection, reader: &Name, group: Name) -> Result<Vec<Span>, StoreError> {
    let mut find = conn.prepare_cached("SELECT id, began FROM conversation WHERE a = ?1 AND b = ?2")?;
    let found = find.query_row(Conversation::Group(group).key(), |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
    let Some((number, began)) = found else { return Ok(Vec::new()) };
    let mut spans = stays(conn, reader, Some(number))?;
    spans.iter_mut().for_each(|span| span.after = span.after.max(began));
    Ok(spans)
}

/// The spans of the conversation of this number that a reader may see.
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
        None => return Err(StoreError::Damaged(format!("conversation {number} is missing"))),
    };
    subtract_cleared(conn, reader, &mut spans)?;
    Ok(spans)
}

/// A condition on a row of `message`: its sender is not ignored. Parameter `at` of the query must be what [`ignorer`]
/// returns; if the reader ignores nobody, the row itself need not be looked at.
pub(super) fn heard(at: usize) -> String {
    format!("(?{at} IS NULL OR sender NOT IN (SELECT whom FROM ignored WHERE user = ?{at}))")
}

/// The reader, if they ignore anybody.
pub(super) fn ignorer<'a>(conn: &Connection, reader: &'a Name) -> Result<Option<&'a str>, StoreError> {
    let sql = "SELECT EXISTS (SELECT 1 FROM ignored WHERE user = ?1)";
    let ignores: bool = conn.prepare_cached(sql)?.query_row([reader.as_str()], |row| row.get(0))?;
    Ok(ignores.then_some(reader.as_str()))
}

/// The spans in which the reader was in a group, or in any. Stays that touch are one span.
fn stays(conn: &Connection, reader: &Name, conversation: Option<i64>) -> Result<Vec<Span>, StoreError> {
    // A limit that cannot be read allows nothing.
    let sql = "SELECT conversation, after, coalesce(upto, 9223372036854775807) FROM stay \
               WHERE typeof(after) = 'integer' AND typeof(upto) IN ('integer', 'null') AND user = ?1 AND (?2 IS NULL OR conversation = ?2) ORDER BY conversation, after";
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

/// Takes away what the reader has cleared from their view.
fn subtract_cleared(conn: &Connection, reader: &Name, spans: &mut Vec<Span>) -> Result<(), StoreError> {
    let mut find = conn.prepare_cached("SELECT conversation, upto FROM cleared WHERE user = ?1")?;
    let read = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?));
    let cleared = schema::readable("cleared", &mut find, [reader.as_str()], read)?;
    let cleared: HashMap<i64, i64> = cleared.into_iter().collect();
    for span in &mut *spans {
        for number in [ALL, span.conversation] {
            span.after = span.after.max(cleared.get(&number).copied().unwrap_or(0));
        }
    }
    spans.retain(|span| !span.is_empty());
    Ok(())
}
