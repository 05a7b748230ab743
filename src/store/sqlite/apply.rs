//! What each entry changes in the tables.

use rusqlite::{CachedStatement, params};

use super::conversation::Conversation;
use super::row::{micros, number};
use super::write::Batch;
use super::{forget, kept, moderation, rename};
use crate::model::{MessageId, Name, Scope};
use crate::store::{Device, Entry, Position, StoreError, Token};

/// The number that stands for all conversations of a user.
pub(super) const ALL: i64 = 0;

/// Makes one change, as part of a batch.
pub(super) fn apply(batch: &mut Batch<'_>, entry: &Entry) -> Result<(), StoreError> {
    match entry {
        Entry::Said(draft) => batch.say(draft),
        Entry::Entered { user, group, after } => enter(batch, user, group, *after),
        Entry::Left { user, group, upto } => leave(batch, user, group.as_ref(), *upto),
        Entry::GroupKept { .. }
        | Entry::GroupGone { .. }
        | Entry::Member { .. }
        | Entry::MemberSanctioned { .. }
        | Entry::MemberLifted { .. } => kept::apply(batch, entry),
        Entry::Reading { user, device, position, at } => {
            let upto = match position {
                Position::Here => None,
                Position::Upto(upto) => Some(number(*upto)),
            };
            let sql = "INSERT OR REPLACE INTO reader (user, device, upto, at) SELECT ?1, ?2, ?3, ?4 \
                       WHERE ?2 = '' OR EXISTS (SELECT 1 FROM token WHERE user = ?1 AND name = ?2)";
            run(batch, sql, params![user.as_str(), device_name(device), upto, micros(*at)])
        }
        Entry::Cleared { user, scope, upto } => clear(batch, user, *scope, *upto),
        Entry::Ignored { user, whom, ignored } => {
            let sql = match ignored {
                true => "INSERT OR IGNORE INTO ignored (user, whom) VALUES (?1, ?2)",
                false => "DELETE FROM ignored WHERE user = ?1 AND whom = ?2",
            };
            run(batch, sql, [user.as_str(), whom.as_str()])
        }
        Entry::Deleted { id } => delete(batch, *id),
        Entry::TokenMade(token) => make_token(batch, token),
        Entry::TokenRevoked { user, name } => {
            run(batch, "DELETE FROM token WHERE user = ?1 AND name = ?2", [user.as_str(), name.as_str()])?;
            run(batch, "DELETE FROM reader WHERE user = ?1 AND device = ?2", [user.as_str(), name.as_str()])
        }
        Entry::Invited { invite, expires } => {
            let sql = "INSERT OR REPLACE INTO invite (secret, expires) VALUES (?1, ?2)";
            run(batch, sql, params![invite.as_slice(), micros(*expires)])
        }
        Entry::Forgotten { user } => forget::forget(batch, user),
        Entry::Renamed { from, to } => rename::rename(batch, from, to),
        Entry::RenameSettled { from, to } => rename::settle(batch, from, to),
        Entry::Role { .. }
        | Entry::Sanctioned(_)
        | Entry::Lifted { .. }
        | Entry::Reported(_)
        | Entry::ReportDone { .. } => moderation::apply(batch, entry),
    }
}

/// How a device's name stands in the database.
pub(super) fn device_name(device: &Device) -> &str {
    device.as_ref().map_or("", Name::as_str)
}

/// Runs one statement.
pub(super) fn run(batch: &Batch<'_>, sql: &str, values: impl rusqlite::Params) -> Result<(), StoreError> {
    let mut statement: CachedStatement<'_> = batch.conn.prepare_cached(sql)?;
    statement.execute(values)?;
    Ok(())
}

fn enter(batch: &mut Batch<'_>, user: &Name, group: &Name, after: MessageId) -> Result<(), StoreError> {
    if user.is_guest() {
        return Ok(());
    }
    let conversation = batch.number(Conversation::Group(*group))?;
    let values = params![user.as_str(), conversation, number(after)];
    // Nothing was said since he left: it is one stay, or who comes and goes in a loop would leave a row each time.
    let sql = "UPDATE stay SET upto = NULL WHERE upto = ?3 AND \
               id = (SELECT max(id) FROM stay WHERE user = ?1 AND conversation = ?2)";
    run(batch, sql, values)?;
    let sql = "INSERT INTO stay (user, conversation, after) SELECT ?1, ?2, ?3 WHERE NOT EXISTS \
               (SELECT 1 FROM stay INDEXED BY stay_open WHERE user = ?1 AND conversation = ?2 AND upto IS NULL)";
    run(batch, sql, values)
}

fn leave(batch: &mut Batch<'_>, user: &Name, group: Option<&Name>, upto: MessageId) -> Result<(), StoreError> {
    let conversation = group.map(|group| batch.number(Conversation::Group(*group))).transpose()?;
    let of_group = match conversation {
        Some(_) => "conversation = ?3",
        None => "?3 IS NULL AND conversation NOT IN (SELECT conversation FROM kept_group)",
    };
    let values = params![user.as_str(), number(upto), conversation];
    // Of a stay in which nothing was said there is nothing to see.
    let sql = format!(
        "DELETE FROM stay INDEXED BY stay_open WHERE user = ?1 AND {of_group} AND upto IS NULL AND after >= ?2"
    );
    run(batch, &sql, values)?;
    let sql = format!("UPDATE stay INDEXED BY stay_open SET upto = ?2 WHERE user = ?1 AND {of_group} AND upto IS NULL");
    run(batch, &sql, values)?;
    match conversation {
        Some(_) => {
            let sql = "DELETE FROM member WHERE user = ?1 AND conversation = ?2";
            run(batch, sql, params![user.as_str(), conversation])
        }
        None => Ok(()),
    }
}

/// Takes what there is up to a message out of a user's view of a conversation, or of all.
pub(super) fn clear(
    batch: &mut Batch<'_>,
    user: &Name,
    scope: Option<Scope>,
    upto: MessageId,
) -> Result<(), StoreError> {
    if user.is_guest() {
        return Ok(());
    }
    let conversation = match scope {
        None => ALL,
        Some(scope) => batch.number(Conversation::seen_by(user, scope))?,
    };
    let sql = "INSERT INTO cleared (user, conversation, upto) VALUES (?1, ?2, ?3) \
               ON CONFLICT DO UPDATE SET upto = max(upto, excluded.upto)";
    run(batch, sql, params![user.as_str(), conversation, number(upto)])
}

fn delete(batch: &Batch<'_>, id: MessageId) -> Result<(), StoreError> {
    unindex(batch, "id = ?1", [number(id)])?;
    run(batch, "UPDATE message SET text = '', deleted = 1 WHERE id = ?1", [number(id)])
}

fn make_token(batch: &Batch<'_>, token: &Token) -> Result<(), StoreError> {
    let Token { user, name, secret, made, expires } = token;
    let sql = "INSERT OR REPLACE INTO token (user, name, secret, made, expires) VALUES (?1, ?2, ?3, ?4, ?5)";
    let (user, name, secret) = (user.as_str(), name.as_str(), secret.as_slice());
    run(batch, sql, params![user, name, secret, micros(*made), expires.map(micros)])
}

/// Notes that the words of these messages, as far as they are indexed, have to leave the index. Their text must still be
/// there, and goes after this.
pub(super) fn unindex(batch: &Batch<'_>, which: &str, values: impl rusqlite::Params) -> Result<(), StoreError> {
    let sql = format!(
        "INSERT INTO unindex SELECT id, conversation, text FROM message WHERE {which} \
         AND NOT deleted AND id <= (SELECT indexed FROM server)"
    );
    run(batch, &sql, values)
}

/// Takes these messages away, also from the index, and says how many there were.
pub(super) fn remove<P: rusqlite::Params + Copy>(
    batch: &mut Batch<'_>,
    which: &str,
    values: P,
) -> Result<usize, StoreError> {
    unindex(batch, which, values)?;
    let gone = batch.conn.prepare_cached(&format!("DELETE FROM message WHERE {which}"))?.execute(values)?;
    batch.grown -= i64::try_from(gone).unwrap_or(i64::MAX);
    Ok(gone)
}

/// Takes away all that was kept for a user beside messages, and that others ignored him.
pub(super) fn forget_choices(batch: &Batch<'_>, user: &Name) -> Result<(), StoreError> {
    for table in ["stay", "cleared", "reader", "token", "ignored", "member", "group_sanction", "server_role"] {
        run(batch, &format!("DELETE FROM {table} WHERE user = ?1"), [user.as_str()])?;
    }
    run(batch, "DELETE FROM ignored WHERE whom = ?1", [user.as_str()])
}
