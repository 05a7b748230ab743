//! What goes with an account: at once for every reader, and in pieces from the tables.

use rusqlite::{OptionalExtension, params};

use super::apply::{self, run};
use super::conversation::PRIVATE;
use super::row::{numbers, rows};
use super::search;
use super::write::Batch;
use crate::model::limits::EXPIRE_PIECE;
use crate::model::{MessageId, Name};
use crate::store::StoreError;

/// Of one conversation, what is gone with one account and has still to be taken away.
struct Gone {
    conversation: i64,
    user: String,
    upto: i64,
    /// What it said up to here, the other one has got.
    got: i64,
    /// Up to here it is taken away.
    done: i64,
}

/// Everything private to him goes; of what he said privately, that which no device of the other one has got. The view
/// `kept` leaves it out from now on.
pub(super) fn forget(batch: &mut Batch<'_>, user: &Name) -> Result<(), StoreError> {
    // A device that is here has got everything.
    let sql = format!(
        "INSERT INTO forgotten (conversation, user, upto, got, done) SELECT id, ?1, ?2, coalesce( \
         (SELECT max(coalesce(upto, 9223372036854775807)) FROM reader WHERE user = iif(a = ?3, b, a)), 0), 0 \
         FROM conversation WHERE id IN ({}) ON CONFLICT DO UPDATE SET got = min(got, excluded.got), done = 0",
        PRIVATE.replace("?1", "?3")
    );
    run(batch, &sql, params![user.as_str(), batch.last, user.as_str().to_ascii_lowercase()])?;
    apply::forget_choices(batch, user)?;
    // The next one of this name is somebody else.
    apply::clear(batch, user, None, MessageId(batch.last.unsigned_abs()))
}

/// Takes away a piece of what is gone, and says whether there may be more.
pub(super) fn clean_up(batch: &mut Batch<'_>) -> Result<bool, StoreError> {
    if search::is_forgetting(&batch.conn)? {
        // What went before first leaves the index too.
        return Ok(false);
    }
    let mut left = EXPIRE_PIECE;
    while left > 0 {
        let Some(gone) = next(batch)? else { return Ok(false) };
        left = left.saturating_sub(1 + take_away(batch, &gone, left)?);
    }
    Ok(true)
}

fn next(batch: &Batch<'_>) -> Result<Option<Gone>, StoreError> {
    let sql = "SELECT conversation, user, upto, got, done FROM forgotten LIMIT 1";
    let gone = batch.conn.prepare_cached(sql)?.query_row([], |row| {
        let (conversation, user, upto) = (row.get(0)?, row.get(1)?, row.get(2)?);
        Ok(Gone { conversation, user, upto, got: row.get(3)?, done: row.get(4)? })
    });
    Ok(gone.optional()?)
}

/// Looks at some messages of a conversation, takes those away that are gone, and says how many it looked at.
fn take_away(batch: &mut Batch<'_>, gone: &Gone, limit: usize) -> Result<usize, StoreError> {
    let Gone { conversation, user, upto, got, done } = gone;
    let sql = "SELECT id FROM message WHERE conversation = ?1 AND id > ?2 AND id <= ?3 ORDER BY id LIMIT ?4";
    let looked_at = numbers(&mut *batch.conn.prepare_cached(sql)?, (conversation, done, upto, rows(limit)))?;
    if let Some(last) = looked_at.last() {
        let which = "conversation = ?1 AND id > ?2 AND id <= ?3 AND (peer = ?4 OR (sender = ?4 AND id > ?5))";
        apply::remove(batch, which, params![conversation, done, last, user, got])?;
        let sql = "UPDATE forgotten SET done = ?4 WHERE conversation = ?1 AND user = ?2 AND upto = ?3";
        run(batch, sql, params![conversation, user, upto, last])?;
    }
    if looked_at.len() < limit {
        let sql = "DELETE FROM forgotten WHERE conversation = ?1 AND user = ?2 AND upto = ?3";
        run(batch, sql, params![conversation, user, upto])?;
        let sql = "DELETE FROM conversation WHERE id = ?1 AND NOT EXISTS \
                   (SELECT 1 FROM message WHERE conversation = ?1)";
        run(batch, sql, [conversation])?;
        batch.forget_numbers();
    }
    Ok(looked_at.len())
}
