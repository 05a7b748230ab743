//! Answers from the tables. Each is given in one transaction, so that it is of one moment.

use std::sync::Arc;
use std::time::SystemTime;

use rusqlite::types::{FromSql, Value};
use rusqlite::{Connection, OptionalExtension, Params, Row};

use super::schema::{self, COLUMNS, EVERYBODY, device_name};
use super::visibility::{self, Span};
use crate::model::{
    GroupPassword, GroupRole, GroupSanction, GroupSettings, Message, MessageId, Name, Penalty, Report, Role, Sanction,
    SanctionTarget, SanctionTerms, Scope,
};
use crate::store::{Backlog, Device, Digest, KeptGroup, StoreError, Token};

/// The last messages of a conversation, or of all, before one.
pub(super) fn history(
    conn: &Connection,
    reader: &Name,
    scope: Option<Scope>,
    before: Option<MessageId>,
    limit: usize,
) -> Result<Vec<Message>, StoreError> {
    let mut spans = visibility::spans(conn, reader, scope)?;
    if let Some(before) = before {
        let upto = schema::number(before).saturating_sub(1);
        spans.iter_mut().for_each(|span| span.upto = span.upto.min(upto));
    }
    let mut ids = newest(conn, &spans, limit, visibility::ignorer(conn, reader)?)?;
    ids.reverse();
    by_id(conn, &ids)
}

/// The ids of the newest messages in all these spans, newest first. A conversation whose last message is older than all that
/// was found so far is skipped.
fn newest(conn: &Connection, spans: &[Span], limit: usize, ignorer: Option<&str>) -> Result<Vec<i64>, StoreError> {
    let within = "conversation = ?1 AND id > ?2 AND id <= ?3";
    let sql = format!("SELECT id FROM kept WHERE {within} AND {} ORDER BY id DESC LIMIT ?4", visibility::heard(5));
    let mut find = conn.prepare_cached(&sql)?;
    let mut ends = Vec::new();
    for span in spans.iter().filter(|_| limit > 0) {
        let last = schema::numbers(&mut find, (span.conversation, span.after, span.upto, 1, ignorer))?;
        ends.extend(last.first().map(|last| (*last, span)));
    }
    ends.sort_unstable_by_key(|(last, _)| -last);
    let mut ids = Vec::new();
    for (last, span) in ends {
        let floor = if ids.len() < limit { span.after } else { span.after.max(ids[limit - 1]) };
        if last <= floor {
            break;
        }
        ids.extend(schema::numbers(&mut find, (span.conversation, floor, span.upto, schema::rows(limit), ignorer))?);
        ids.sort_unstable_by_key(|id| -id);
        ids.truncate(limit);
    }
    Ok(ids)
}

fn by_id(conn: &Connection, ids: &[i64]) -> Result<Vec<Message>, StoreError> {
    let mut find = conn.prepare_cached(&format!("SELECT {COLUMNS} FROM message WHERE id = ?1"))?;
    let mut all = Vec::with_capacity(ids.len());
    for id in ids {
        all.extend(schema::messages(&mut find, [id])?);
    }
    Ok(all)
}

/// The messages for a device after its position.
pub(super) fn backlog(
    conn: &Connection,
    reader: &Name,
    device: Device,
    upto: MessageId,
    limit: usize,
) -> Result<Backlog, StoreError> {
    let position = "SELECT upto FROM reader WHERE user = ?1 AND device = ?2";
    let got = match one(conn, position, (reader.as_str(), device_name(&device)))? {
        Some(Value::Integer(got)) => got,
        Some(Value::Null) => return Ok(Backlog::default()),
        // Rather twice than never.
        Some(Value::Real(_) | Value::Text(_) | Value::Blob(_)) | None => 0,
    };
    let owed = "FROM kept WHERE conversation = ?1 AND id > ?2 AND id <= ?3 AND NOT deleted AND sender != ?4";
    let (ignorer, heard) = (visibility::ignorer(conn, reader)?, visibility::heard(5));
    let mut count = conn.prepare_cached(&format!("SELECT count(*) {owed} AND {heard}"))?;
    let mut find = conn.prepare_cached(&format!("SELECT id {owed} AND {heard} ORDER BY id LIMIT ?6"))?;
    let unheard = format!("SELECT id {owed} AND NOT {heard} AND peer = ?4 ORDER BY id LIMIT ?6");
    let (mut ids, mut withheld, mut total) = (Vec::new(), Vec::new(), 0);
    for span in visibility::spans(conn, reader, None)?.iter().filter(|span| span.conversation != EVERYBODY) {
        let (after, upto) = (span.after.max(got), span.upto.min(schema::number(upto)));
        let (conversation, name) = (span.conversation, reader.as_str());
        let found = schema::numbers(&mut find, (conversation, after, upto, name, ignorer, schema::rows(limit)))?;
        // If fewer were found than the limit, these are all.
        total += if found.len() < limit {
            found.len() as u64
        } else {
            count.query_row((conversation, after, upto, name, ignorer), |row| row.get::<_, i64>(0))?.unsigned_abs()
        };
        ids.extend(found);
        if ignorer.is_some() {
            let within = (conversation, after, upto, name, ignorer, schema::rows(limit));
            withheld.extend(schema::numbers(&mut *conn.prepare_cached(&unheard)?, within)?);
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
    let id = schema::number(id);
    let sql = format!("SELECT conversation FROM kept WHERE id = ?1 AND {}", visibility::heard(2));
    let ignorer = visibility::ignorer(conn, reader)?;
    let found: Option<Value> = one(conn, &sql, (id, ignorer))?;
    // If its conversation cannot be read, nobody may see it.
    let Some(Value::Integer(conversation)) = found else { return Ok(None) };
    let spans = visibility::spans_of(conn, reader, conversation)?;
    if spans.iter().any(|span| span.after < id && id <= span.upto) { Ok(by_id(conn, &[id])?.pop()) } else { Ok(None) }
}

/// Every user with each user they ignore.
pub(super) fn ignored(conn: &Connection) -> Result<Vec<(Name, Name)>, StoreError> {
    schema::pairs("ignored", &mut *conn.prepare_cached("SELECT user, whom FROM ignored ORDER BY user, whom")?)
}

/// The first messages after one, whoever may see them.
pub(super) fn tail(conn: &Connection, after: MessageId, limit: usize) -> Result<Vec<Message>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM kept WHERE id > ?1 ORDER BY id LIMIT ?2");
    schema::messages(&mut *conn.prepare_cached(&sql)?, (schema::number(after), schema::rows(limit)))
}

/// The last id that was assigned.
pub(super) fn last_id(conn: &Connection) -> Result<MessageId, StoreError> {
    let last: i64 = conn.prepare_cached("SELECT last FROM server")?.query_row([], |row| row.get(0))?;
    Ok(MessageId(last.unsigned_abs()))
}

/// When the last session of a user ended.
pub(super) fn last_seen(conn: &Connection, user: &Name) -> Result<Option<SystemTime>, StoreError> {
    let sql = "SELECT max(at) FROM reader WHERE user = ?1 HAVING count(*) = count(upto)";
    let at: Option<Option<i64>> = one(conn, sql, [user.as_str()])?;
    Ok(at.flatten().map(schema::time))
}

/// The login tokens of a user.
pub(super) fn tokens(conn: &Connection, user: &Name) -> Result<Vec<Token>, StoreError> {
    let sql = "SELECT user, name, secret, made, expires FROM token WHERE user = ?1 ORDER BY name";
    let mut find = conn.prepare_cached(sql)?;
    schema::readable("token", &mut find, [user.as_str()], |row| {
        Ok(Token {
            user: schema::name(&row.get::<_, String>(0)?)?,
            name: schema::name(&row.get::<_, String>(1)?)?,
            secret: row.get(2)?,
            made: schema::time(row.get(3)?),
            expires: row.get::<_, Option<i64>>(4)?.map(schema::time),
        })
    })
}

/// Whether an invitation is good.
pub(super) fn is_invited(conn: &Connection, invite: &Digest, now: i64) -> Result<bool, StoreError> {
    let sql = "SELECT EXISTS (SELECT 1 FROM invite WHERE secret = ?1 AND expires > ?2)";
    Ok(conn.prepare_cached(sql)?.query_row((invite.as_slice(), now), |row| row.get(0))?)
}

/// All kept groups, in the order of their names.
pub(super) fn groups(conn: &Connection) -> Result<Vec<KeptGroup>, StoreError> {
    let sql =
        "SELECT conversation, name, capacity, private, announce, topic, password FROM kept_group ORDER BY lower(name)";
    let mut find = conn.prepare(sql)?;
    schema::readable("kept_group", &mut find, [], |row| {
        let conversation = row.get(0)?;
        Ok(KeptGroup {
            name: schema::name(&row.get::<_, String>(1)?)?,
            settings: group_settings(row)?,
            members: members(conn, conversation)?,
            sanctions: group_sanctions(conn, conversation)?,
        })
    })
}

fn group_settings(row: &Row<'_>) -> Result<GroupSettings, StoreError> {
    let limit = row.get::<_, Option<i64>>(2)?.map(|limit| usize::try_from(limit).unwrap_or(0));
    let (private, announce) = (row.get(3)?, row.get(4)?);
    let topic = row.get::<_, Option<String>>(5)?.map(Arc::from);
    let password = row.get::<_, Option<String>>(6)?.map(|text| GroupPassword::hashed(&text));
    Ok(GroupSettings { limit, private, announce, keep: true, topic, password, ..GroupSettings::default() })
}

fn members(conn: &Connection, conversation: i64) -> Result<Vec<(Name, GroupRole, u64)>, StoreError> {
    let mut find = conn.prepare_cached("SELECT user, role, rank FROM member WHERE conversation = ?1 ORDER BY user")?;
    schema::readable("member", &mut find, [conversation], |row| {
        let role = match row.get::<_, i64>(1)? {
            0 => GroupRole::Member,
            1 => GroupRole::Admin,
            2 => GroupRole::Owner,
            other => return Err(StoreError::Damaged(format!("unknown role {other}"))),
        };
        Ok((schema::name(&row.get::<_, String>(0)?)?, role, row.get::<_, i64>(2)?.unsigned_abs()))
    })
}

fn group_sanctions(conn: &Connection, conversation: i64) -> Result<Vec<GroupSanction>, StoreError> {
    let sql = "SELECT user, penalty, author, reason, until FROM group_sanction WHERE conversation = ?1 ORDER BY user, penalty";
    let mut find = conn.prepare_cached(sql)?;
    schema::readable("group_sanction", &mut find, [conversation], |row| {
        let penalty = match row.get::<_, i64>(1)? {
            0 => Penalty::Ban,
            1 => Penalty::Mute,
            other => return Err(StoreError::Damaged(format!("unknown penalty {other}"))),
        };
        let by = schema::name(&row.get::<_, String>(2)?)?;
        let reason = row.get::<_, Option<String>>(3)?.map(Arc::from);
        let until = row.get::<_, Option<i64>>(4)?.map(schema::time);
        let user = schema::name(&row.get::<_, String>(0)?)?;
        Ok(GroupSanction { user, penalty, terms: SanctionTerms { by, reason, until } })
    })
}

/// The server role of a user.
pub(super) fn role(conn: &Connection, user: &Name) -> Result<Role, StoreError> {
    let mut find = conn.prepare_cached("SELECT user, role FROM server_role WHERE user = ?1")?;
    let found = schema::readable("server_role", &mut find, [user.as_str()], |row| role_numbered(row.get(1)?))?;
    Ok(found.first().copied().unwrap_or(Role::User))
}

/// All users with a role.
pub(super) fn operators(conn: &Connection) -> Result<Vec<(Name, Role)>, StoreError> {
    let mut find = conn.prepare_cached("SELECT user, role FROM server_role ORDER BY user")?;
    schema::readable("server_role", &mut find, [], |row| {
        Ok((schema::name(&row.get::<_, String>(0)?)?, role_numbered(row.get(1)?)?))
    })
}

fn role_numbered(number: i64) -> Result<Role, StoreError> {
    let all = [Role::User, Role::Moderator, Role::Admin];
    let found = all.into_iter().find(|role| *role as i64 == number);
    found.ok_or_else(|| StoreError::Damaged("an unknown role".to_owned()))
}

/// All sanctions on the server, in the order in which memory has them.
pub(super) fn sanctions(conn: &Connection) -> Result<Vec<Sanction>, StoreError> {
    let sql = "SELECT penalty, subject, author, reason, made, expires FROM sanction";
    let mut find = conn.prepare_cached(sql)?;
    let mut all = schema::readable("sanction", &mut find, [], |row| {
        let (penalty, subject): (String, String) = (row.get(0)?, row.get(1)?);
        let penalty = [Penalty::Ban, Penalty::Mute].into_iter().find(|known| known.as_str() == penalty);
        let damaged = || StoreError::Damaged("an unknown penalty".to_owned());
        Ok(Sanction {
            penalty: penalty.ok_or_else(damaged)?,
            subject: SanctionTarget::parse(&subject).ok_or_else(damaged)?,
            by: row.get(2)?,
            reason: row.get(3)?,
            made: schema::time(row.get(4)?),
            until: row.get::<_, Option<i64>>(5)?.map(schema::time),
        })
    })?;
    all.sort_by_key(|sanction| (sanction.penalty, sanction.subject));
    Ok(all)
}

/// All reports that are open.
pub(super) fn reports(conn: &Connection) -> Result<Vec<Report>, StoreError> {
    let mut find = conn.prepare_cached("SELECT number, at, author, about, why FROM report ORDER BY number")?;
    schema::readable("report", &mut find, [], |row| {
        Ok(Report {
            number: row.get::<_, i64>(0)?.cast_unsigned(),
            at: schema::time(row.get(1)?),
            by: row.get::<_, Option<String>>(2)?.map(|name| schema::name(&name)).transpose()?,
            about: row.get(3)?,
            why: row.get(4)?,
        })
    })
}

/// The one value of a query that has at most one row.
fn one<T: FromSql>(conn: &Connection, sql: &str, values: impl Params) -> Result<Option<T>, StoreError> {
    Ok(conn.prepare_cached(sql)?.query_row(values, |row| row.get(0)).optional()?)
}
