//! How long messages are kept: by age, by their number on the server, and by their number in each group.
//!
//! It is asked about once a second, mostly in vain, so the numbers of groups are remembered rather than counted.

use std::collections::{BTreeSet, HashMap};

use rusqlite::{Connection, OptionalExtension, params};

use super::row::rows;
use super::schema::EVERYBODY;
use super::write::Batch;
use super::{apply, search};
use crate::model::Retention;
use crate::model::limits::{EXPIRE_GROUPS, EXPIRE_PIECE};
use crate::store::StoreError;

/// Microseconds of a day.
const DAY: i64 = 86_400_000_000;

/// How many messages groups hold, as far as that is known, and which of them may hold too many.
pub(super) struct GroupCounts {
    /// The most a group may hold.
    keep: i64,
    /// At least so many are in a group, unless another program took some away; so it is counted before any goes.
    counts: HashMap<i64, i64>,
    due: BTreeSet<i64>,
}

impl GroupCounts {
    /// To begin with, any group may hold too many. `None` when there is no bound.
    pub(super) fn new(conn: &Connection, retention: &Retention) -> rusqlite::Result<Option<GroupCounts>> {
        if retention.keep_messages_per_group == 0 {
            return Ok(None);
        }
        let mut groups = conn.prepare("SELECT id FROM conversation WHERE b = '' AND id != ?1")?;
        let due = groups.query_map([EVERYBODY], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
        Ok(Some(GroupCounts { keep: i64::from(retention.keep_messages_per_group), counts: HashMap::new(), due }))
    }

    /// One more message is in this group.
    pub(super) fn note(&mut self, group: i64) {
        match self.counts.get_mut(&group) {
            Some(count) if *count < self.keep => *count += 1,
            _ => {
                self.due.insert(group);
            }
        }
    }
}

/// Takes away a piece of what need not be kept any longer, the oldest first, and says whether there may be more.
pub(super) fn expire(
    batch: &mut Batch<'_>,
    retention: &Retention,
    crowds: Option<&mut GroupCounts>,
    skipped: &mut i64,
    now: i64,
) -> Result<bool, StoreError> {
    if search::is_forgetting(&batch.conn)? {
        // What went before first leaves the index too, or more and more would wait for that.
        return Ok(false);
    }
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
            gone += apply::remove(batch, first, [over.min(piece)])?;
        }
    }
    if gone > 0 {
        end_stays(batch)?;
    }
    let crowded = match crowds {
        Some(crowds) if gone < EXPIRE_PIECE => thin_out(batch, crowds)?,
        _ => false,
    };
    Ok(crowded || gone >= EXPIRE_PIECE || *skipped > before)
}

/// Takes away messages of before `cutoff`. It looks at the first rows only, so that this takes no longer when there is
/// nothing to do; and at those that follow `skipped` when all of these are dated in the future, because the clock was
/// ahead: they were said before whatever comes after them, and go with that.
fn remove_old(batch: &mut Batch<'_>, skipped: &mut i64, cutoff: i64, now: i64) -> Result<usize, StoreError> {
    let sql = "SELECT id, at FROM message WHERE id > ?1 ORDER BY id LIMIT ?2";
    let mut find = batch.conn.prepare_cached(sql)?;
    let first = find.query_map([*skipped, rows(EXPIRE_PIECE)], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let first: Vec<(i64, i64)> = first.collect::<rusqlite::Result<_>>()?;
    drop(find);
    if let Some((last, _)) = first.iter().rfind(|(_, at)| *at < cutoff) {
        *skipped = 0;
        let old = "id IN (SELECT id FROM message WHERE id <= ?1 AND (at < ?2 OR at > ?3) ORDER BY id LIMIT ?4)";
        return apply::remove(batch, old, [*last, cutoff, now, rows(EXPIRE_PIECE)]);
    }
    if let Some((last, _)) = first.last().filter(|_| first.iter().all(|(_, at)| *at > now)) {
        *skipped = *last;
    }
    Ok(0)
}

/// Takes the oldest out of groups that hold too many, and says whether there may be more of them.
fn thin_out(batch: &mut Batch<'_>, crowds: &mut GroupCounts) -> Result<bool, StoreError> {
    for _ in 0..EXPIRE_GROUPS {
        let Some(group) = crowds.due.pop_first() else { return Ok(false) };
        let sql = "SELECT count(*) FROM message WHERE conversation = ?1";
        let count: i64 = batch.conn.prepare_cached(sql)?.query_row([group], |row| row.get(0))?;
        let over = (count - crowds.keep).clamp(0, rows(EXPIRE_PIECE));
        crowds.counts.insert(group, count - over);
        if over > 0 {
            let first = "id IN (SELECT id FROM message WHERE conversation = ?1 ORDER BY id LIMIT ?2)";
            apply::remove(batch, first, params![group, over])?;
            if count - over > crowds.keep {
                crowds.due.insert(group);
            }
            break;
        }
    }
    Ok(!crowds.due.is_empty())
}

/// Who was in a group before the oldest message that is left has nothing to see of that time.
fn end_stays(batch: &Batch<'_>) -> Result<(), StoreError> {
    let sql = "SELECT id FROM message ORDER BY id LIMIT 1";
    let oldest: Option<i64> = batch.conn.prepare_cached(sql)?.query_row([], |row| row.get(0)).optional()?;
    let sql = "DELETE FROM stay WHERE id IN (SELECT id FROM stay WHERE upto < ?1 LIMIT ?2)";
    let values = [oldest.unwrap_or(batch.last), rows(EXPIRE_PIECE)];
    batch.conn.prepare_cached(sql)?.execute(values)?;
    Ok(())
}

#[cfg(test)]
mod tests;
