//! Deletion: of messages that are too old or too many, and of everything that goes with an account.
//!
//! All of it happens in small pieces. There is usually nothing to do, about once a second, so the messages of groups are
//! counted once and the numbers remembered.

use std::collections::{BTreeSet, HashMap};

use rusqlite::{Connection, OptionalExtension, params};

use super::accounts;
use super::schema::{self, EVERYBODY, rows};
use super::visibility::PRIVATE;
use super::write::WriteBatch;
use crate::model::limits::{EXPIRE_GROUPS, EXPIRE_PIECE};
use crate::model::{Name, Retention};
use crate::store::StoreError;

/// Microseconds of a day.
const DAY: i64 = 86_400_000_000;

/// How many messages groups hold, as far as that is known, and which of them may hold too many.
pub(super) struct GroupCounts {
    /// The most messages that a group may hold.
    keep: i64,
    /// At least as many messages as each group holds. Another program may have deleted some, so they are counted before any
    /// is deleted.
    counts: HashMap<i64, i64>,
    due: BTreeSet<i64>,
}

impl GroupCounts {
    /// The counts at the start, when any group may hold too many; `None` if there is no limit.
    pub(super) fn new(conn: &Connection, retention: &Retention) -> rusqlite::Result<Option<GroupCounts>> {
        if retention.keep_messages_per_group == 0 {
            return Ok(None);
        }
        let mut groups = conn.prepare("SELECT id FROM conversation WHERE b = '' AND id != ?1")?;
        let due = groups.query_map([EVERYBODY], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
        Ok(Some(GroupCounts { keep: i64::from(retention.keep_messages_per_group), counts: HashMap::new(), due }))
    }

    /// Counts one more message in this group.
    pub(super) fn note(&mut self, group: i64) {
        match self.counts.get_mut(&group) {
            Some(count) if *count < self.keep => *count += 1,
            _ => {
                self.due.insert(group);
            }
        }
    }
}

/// Deletes a piece of what need not be kept any longer, oldest first, and returns whether there may be more.
pub(super) fn expire(
    batch: &mut WriteBatch<'_>,
    retention: &Retention,
    counts: Option<&mut GroupCounts>,
    skipped: &mut i64,
    now: i64,
) -> Result<bool, StoreError> {
    let piece = rows(EXPIRE_PIECE);
    let mut gone = 0;
    let before = *skipped;
    if retention.keep_days > 0 {
        gone = remove_old(batch, skipped, now - i64::from(retention.keep_days) * DAY, now)?;
    }
    if retention.keep_messages > 0 && gone < EXPIRE_PIECE {
        let sql = "SELECT messages FROM server";
        let stored: i64 = batch.conn.prepare_cached(sql)?.query_row([], |row| row.get(0))?;
        let over = stored + batch.grown - i64::from(retention.keep_messages);
        if over > 0 {
            let first = "id IN (SELECT id FROM message ORDER BY id LIMIT ?1)";
            gone += batch.remove(first, [over.min(piece)])?;
        }
    }
    if gone > 0 {
        end_stays(batch)?;
    }
    let crowded = match counts {
        Some(counts) if gone < EXPIRE_PIECE => thin_out(batch, counts)?,
        _ => false,
    };
    Ok(crowded || gone >= EXPIRE_PIECE || *skipped > before)
}

/// Deletes messages from before `cutoff`.
///
/// Only the first rows are looked at, so that this is fast when there is nothing to do. If all of these are dated in the
/// future, because the clock was wrong, `skipped` moves on to the rows after them: they are older than whatever follows, and
/// go with that.
fn remove_old(batch: &mut WriteBatch<'_>, skipped: &mut i64, cutoff: i64, now: i64) -> Result<usize, StoreError> {
    // A time that cannot be read is as good as one in the future.
    let sql = "SELECT id, iif(typeof(at) = 'integer', at, 9223372036854775807) FROM message WHERE id > ?1 ORDER BY id LIMIT ?2";
    let mut find = batch.conn.prepare_cached(sql)?;
    let first = find.query_map([*skipped, rows(EXPIRE_PIECE)], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let first: Vec<(i64, i64)> = first.collect::<rusqlite::Result<_>>()?;
    drop(find);
    if let Some((last, _)) = first.iter().rfind(|(_, at)| *at < cutoff) {
        *skipped = 0;
        let old = "id IN (SELECT id FROM message WHERE id <= ?1 AND (at < ?2 OR at > ?3) ORDER BY id LIMIT ?4)";
        return batch.remove(old, [*last, cutoff, now, rows(EXPIRE_PIECE)]);
    }
    if let Some((last, _)) = first.last().filter(|_| first.iter().all(|(_, at)| *at > now)) {
        *skipped = *last;
    }
    Ok(0)
}

/// Deletes the oldest messages of groups that hold too many, and returns whether there may be more such groups.
fn thin_out(batch: &mut WriteBatch<'_>, counts: &mut GroupCounts) -> Result<bool, StoreError> {
    for _ in 0..EXPIRE_GROUPS {
        let Some(group) = counts.due.pop_first() else { return Ok(false) };
        let sql = "SELECT count(*) FROM message WHERE conversation = ?1";
        let count: i64 = batch.conn.prepare_cached(sql)?.query_row([group], |row| row.get(0))?;
        let over = (count - counts.keep).clamp(0, rows(EXPIRE_PIECE));
        counts.counts.insert(group, count - over);
        if over > 0 {
            let first = "id IN (SELECT id FROM message WHERE conversation = ?1 ORDER BY id LIMIT ?2)";
            batch.remove(first, params![group, over])?;
            if count - over > counts.keep {
                counts.due.insert(group);
            }
            break;
        }
    }
    Ok(!counts.due.is_empty())
}

/// Deletes stays that ended before the oldest message that is left.
fn end_stays(batch: &WriteBatch<'_>) -> Result<(), StoreError> {
    let sql = "SELECT id FROM message ORDER BY id LIMIT 1";
    let oldest: Option<i64> = batch.conn.prepare_cached(sql)?.query_row([], |row| row.get(0)).optional()?;
    let sql = "DELETE FROM stay WHERE id IN (SELECT id FROM stay WHERE upto < ?1 LIMIT ?2)";
    batch.run(sql, [oldest.unwrap_or(batch.last), rows(EXPIRE_PIECE)])
}

/// Hides what goes with an account, for every reader and at once: all that the user was told privately, and what they said
/// privately and no device of the other user has got. The view `kept` leaves these messages out from now on; their rows are
/// deleted by [`clean_up_accounts`].
pub(super) fn forget_account(batch: &mut WriteBatch<'_>, user: &Name) -> Result<(), StoreError> {
    // A device that is here has got everything.
    let sql = format!(
        "INSERT INTO forgotten (conversation, user, upto, got, done) SELECT id, ?1, ?2, coalesce( \
         (SELECT max(coalesce(upto, 9223372036854775807)) FROM reader WHERE user = substr(iif(a = ?3, b, a), 1, iif(instr(iif(a = ?3, b, a), '#'), \
         instr(iif(a = ?3, b, a), '#') - 1, 99))), 0), 0 \
         FROM conversation WHERE id IN ({}) ON CONFLICT DO UPDATE SET got = min(got, excluded.got), done = 0",
        PRIVATE.replace("?1", "?3")
    );
    batch.run(&sql, params![user.as_str(), batch.last, user.as_str().to_ascii_lowercase()])?;
    accounts::retire(batch, user)
}

/// The messages of one conversation that went with one account and have yet to be deleted.
struct Forgotten {
    conversation: i64,
    user: String,
    upto: i64,
    /// The other user has got what the user said up to here.
    got: i64,
    /// Everything up to here is deleted.
    done: i64,
}

/// Deletes a piece of what is gone with accounts, and returns whether there may be more.
pub(super) fn clean_up_accounts(batch: &mut WriteBatch<'_>) -> Result<bool, StoreError> {
    let mut left = EXPIRE_PIECE;
    while left > 0 {
        let Some(forgotten) = next_forgotten(batch)? else { return Ok(false) };
        left = left.saturating_sub(1 + remove_forgotten(batch, &forgotten, left)?);
    }
    Ok(true)
}

fn next_forgotten(batch: &WriteBatch<'_>) -> Result<Option<Forgotten>, StoreError> {
    let sql = "SELECT conversation, user, upto, got, done FROM forgotten LIMIT 1";
    let forgotten = batch.conn.prepare_cached(sql)?.query_row([], |row| {
        let (conversation, user, upto) = (row.get(0)?, row.get(1)?, row.get(2)?);
        Ok(Forgotten { conversation, user, upto, got: row.get(3)?, done: row.get(4)? })
    });
    Ok(forgotten.optional()?)
}

/// Looks at the next messages of a conversation, deletes those that are gone, and returns how many it looked at.
fn remove_forgotten(batch: &mut WriteBatch<'_>, forgotten: &Forgotten, limit: usize) -> Result<usize, StoreError> {
    let Forgotten { conversation, user, upto, got, done } = forgotten;
    let sql = "SELECT id FROM message WHERE conversation = ?1 AND id > ?2 AND id <= ?3 ORDER BY id LIMIT ?4";
    let looked_at = schema::numbers(&mut *batch.conn.prepare_cached(sql)?, (conversation, done, upto, rows(limit)))?;
    if let Some(last) = looked_at.last() {
        let which = "conversation = ?1 AND id > ?2 AND id <= ?3 AND (peer = ?4 OR (sender = ?4 AND id > ?5))";
        batch.remove(which, params![conversation, done, last, user, got])?;
        let sql = "UPDATE forgotten SET done = ?4 WHERE conversation = ?1 AND user = ?2 AND upto = ?3";
        batch.run(sql, params![conversation, user, upto, last])?;
    }
    if looked_at.len() < limit {
        let sql = "DELETE FROM forgotten WHERE conversation = ?1 AND user = ?2 AND upto = ?3";
        batch.run(sql, params![conversation, user, upto])?;
        let sql = "DELETE FROM conversation WHERE id = ?1 AND NOT EXISTS \
                   (SELECT 1 FROM message WHERE conversation = ?1)";
        batch.run(sql, [conversation])?;
        batch.forget_numbers();
    }
    Ok(looked_at.len())
}

#[cfg(test)]
mod tests;
