//! Answers to readers. Each is given within one transaction, so that it is of one moment.

use std::time::SystemTime;

use rusqlite::{Connection, OptionalExtension, Params};

use super::apply::device_name;
use super::row::{self, COLUMNS};
use super::view::{self, Span};
use crate::model::{Message, MessageId, Name, Scope};
use crate::store::{Backlog, Device, Digest, StoreError, Token};

/// The last messages of a conversation, or of all, before one.
pub(super) fn history(
    conn: &Connection,
    reader: &Name,
    scope: Option<Scope>,
    before: Option<MessageId>,
    limit: usize,
) -> Result<Vec<Message>, StoreError> {
    let mut spans = view::spans(conn, reader, scope)?;
    if let Some(before) = before {
        let upto = row::number(before).saturating_sub(1);
        spans.iter_mut().for_each(|span| span.upto = span.upto.min(upto));
    }
    let mut ids = newest(conn, &spans, limit, view::ignorer(conn, reader)?)?;
    ids.reverse();
    by_id(conn, &ids)
}

/// The ids of the newest messages in all these spans, newest first. Conversations whose last message is older than what
/// was found already are not looked into.
fn newest(conn: &Connection, spans: &[Span], limit: usize, ignorer: Option<&str>) -> Result<Vec<i64>, StoreError> {
    let within = "conversation = ?1 AND id > ?2 AND id <= ?3";
    let sql = format!("SELECT id FROM kept WHERE {within} AND {} ORDER BY id DESC LIMIT ?4", view::heard(5));
    let mut find = conn.prepare_cached(&sql)?;
    let mut ends = Vec::new();
    for span in spans.iter().filter(|_| limit > 0) {
        let last = row::numbers(&mut find, (span.conversation, span.after, span.upto, 1, ignorer))?;
        ends.extend(last.first().map(|last| (*last, span)));
    }
    ends.sort_unstable_by_key(|(last, _)| -last);
    let mut ids = Vec::new();
    for (last, span) in ends {
        let floor = if ids.len() < limit { span.after } else { span.after.max(ids[limit - 1]) };
        if last <= floor {
            break;
        }
        ids.extend(row::numbers(&mut find, (span.conversation, floor, span.upto, row::rows(limit), ignorer))?);
        ids.sort_unstable_by_key(|id| -id);
        ids.truncate(limit);
    }
    Ok(ids)
}

fn by_id(conn: &Connection, ids: &[i64]) -> Result<Vec<Message>, StoreError> {
    let mut find = conn.prepare_cached(&format!("SELECT {COLUMNS} FROM message WHERE id = ?1"))?;
    let mut all = Vec::with_capacity(ids.len());
    for id in ids {
        all.extend(row::messages(&mut find, [id])?);
    }
    Ok(all)
}

/// What came for a device after its position.
pub(super) fn backlog(
    conn: &Connection,
    reader: &Name,
    device: Device,
    upto: MessageId,
    limit: usize,
) -> Result<Backlog, StoreError> {
    let sql = "SELECT upto FROM reader WHERE user = ?1 AND device = ?2";
    let place = conn.prepare_cached(sql)?.query_row((reader.as_str(), device_name(&device)), |row| row.get(0));
    let Some(got) = place.optional()?.unwrap_or(Some(0)) else { return Ok(Backlog::default()) };
    let owed = "FROM kept WHERE conversation = ?1 AND id > ?2 AND id <= ?3 AND NOT deleted AND sender != ?4";
    let (ignorer, heard) = (view::ignorer(conn, reader)?, view::heard(5));
    let mut count = conn.prepare_cached(&format!("SELECT count(*) {owed} AND {heard}"))?;
    let mut find = conn.prepare_cached(&format!("SELECT id {owed} AND {heard} ORDER BY id LIMIT ?6"))?;
    let unheard = format!("SELECT id {owed} AND NOT {heard} AND peer = ?4 ORDER BY id LIMIT ?6");
    let (mut ids, mut withheld, mut total) = (Vec::new(), Vec::new(), 0);
    for span in view::spans(conn, reader, None)?.iter().filter(|span| span.conversation != super::schema::EVERYBODY) {
        let (after, upto) = (span.after.max(got), span.upto.min(row::number(upto)));
        let (conversation, name) = (span.conversation, reader.as_str());
        let found = row::numbers(&mut find, (conversation, after, upto, name, ignorer, row::rows(limit)))?;
        // As long as there are fewer than were asked for, these are all.
        total += if found.len() < limit {
            found.len() as u64
        } else {
            count.query_row((conversation, after, upto, name, ignorer), |row| row.get::<_, i64>(0))?.unsigned_abs()
        };
        ids.extend(found);
        if ignorer.is_some() {
            let within = (conversation, after, upto, name, ignorer, row::rows(limit));
            withheld.extend(row::numbers(&mut *conn.prepare_cached(&unheard)?, within)?);
        }
    }
    for ids in [&mut ids, &mut withheld] {
        ids.sort_unstable();
        ids.truncate(limit);
    }
    let messages = by_id(conn, &ids)?;
    Ok(Backlog { more: total - messages.len() as u64, messages, withheld: by_id(conn, &withheld)? })
}

/// The message of this id, if the reader may see it.
pub(super) fn message(conn: &Connection, reader: &Name, id: MessageId) -> Result<Option<Message>, StoreError> {
    let id = row::number(id);
    let sql = format!("SELECT conversation FROM kept WHERE id = ?1 AND {}", view::heard(2));
    let mut find = conn.prepare_cached(&sql)?;
    let ignorer = view::ignorer(conn, reader)?;
    let Some(conversation) = find.query_row((id, ignorer), |row| row.get(0)).optional()? else { return Ok(None) };
    let spans = view::spans_of(conn, reader, conversation)?;
    if spans.iter().any(|span| span.after < id && id <= span.upto) { Ok(by_id(conn, &[id])?.pop()) } else { Ok(None) }
}

/// Every user with each of those he ignores.
pub(super) fn ignored(conn: &Connection) -> Result<Vec<(Name, Name)>, StoreError> {
    let mut find = conn.prepare_cached("SELECT user, whom FROM ignored ORDER BY user, whom")?;
    let mut rows = find.query([])?;
    let mut all = Vec::new();
    while let Some(row) = rows.next()? {
        all.push((row::name(&row.get::<_, String>(0)?)?, row::name(&row.get::<_, String>(1)?)?));
    }
    Ok(all)
}

/// The first messages after one, whoever may see them.
pub(super) fn tail(conn: &Connection, after: MessageId, limit: usize) -> Result<Vec<Message>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM kept WHERE id > ?1 ORDER BY id LIMIT ?2");
    row::messages(&mut *conn.prepare_cached(&sql)?, (row::number(after), row::rows(limit)))
}

/// One number of the whole store.
pub(super) fn last_id(conn: &Connection) -> Result<MessageId, StoreError> {
    let last: i64 = conn.prepare_cached("SELECT last FROM server")?.query_row([], |row| row.get(0))?;
    Ok(MessageId(last.unsigned_abs()))
}

/// When the last session of a user ended.
pub(super) fn last_seen(conn: &Connection, user: &Name) -> Result<Option<SystemTime>, StoreError> {
    let sql = "SELECT max(at) FROM reader WHERE user = ?1 HAVING count(*) = count(upto)";
    let at: Option<Option<i64>> = one(conn, sql, [user.as_str()])?;
    Ok(at.flatten().map(row::time))
}

/// The login tokens of a user.
pub(super) fn tokens(conn: &Connection, user: &Name) -> Result<Vec<Token>, StoreError> {
    let sql = "SELECT user, name, secret, made, expires FROM token WHERE user = ?1 ORDER BY name";
    let mut find = conn.prepare_cached(sql)?;
    let mut rows = find.query([user.as_str()])?;
    let mut all = Vec::new();
    while let Some(row) = rows.next()? {
        all.push(Token {
            user: row::name(&row.get::<_, String>(0)?)?,
            name: row::name(&row.get::<_, String>(1)?)?,
            secret: row.get(2)?,
            made: row::time(row.get(3)?),
            expires: row.get::<_, Option<i64>>(4)?.map(row::time),
        });
    }
    Ok(all)
}

/// Whether an invitation is good.
pub(super) fn is_invited(conn: &Connection, invite: &Digest, now: i64) -> Result<bool, StoreError> {
    let sql = "SELECT EXISTS (SELECT 1 FROM invite WHERE secret = ?1 AND expires > ?2)";
    Ok(conn.prepare_cached(sql)?.query_row((invite.as_slice(), now), |row| row.get(0))?)
}

fn one<T: rusqlite::types::FromSql>(
    conn: &Connection,
    sql: &str,
    values: impl Params,
) -> Result<Option<T>, StoreError> {
    Ok(conn.prepare_cached(sql)?.query_row(values, |row| row.get(0)).optional()?)
}
