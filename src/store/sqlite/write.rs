//! The one connection that writes: a batch is one transaction.

use std::collections::HashMap;

use rusqlite::{Connection, Transaction, TransactionBehavior, params};

use super::conversation::Conversation;
use super::retain::GroupCounts;
use super::row::{micros, peer};
use super::{apply, forget, retain, search};
use crate::model::limits::CONVERSATIONS_KEPT;
use crate::model::{Draft, MessageId, Retention, Scope};
use crate::store::{Digest, Entry, StoreError};

/// The connection, and what it knows without asking.
pub(super) struct Writer {
    conn: Connection,
    /// The numbers of conversations that were met lately.
    known: HashMap<Conversation, i64>,
    /// Which groups may hold too many messages, where that is bounded.
    crowds: Option<GroupCounts>,
    /// All messages up to this one are dated in the future.
    skipped: i64,
    /// Changes when another program has written to the database, and what is known may be wrong.
    version: i64,
}

/// A batch that is being written. Its drop without [`Batch::commit`] undoes it all.
pub(super) struct Batch<'a> {
    pub(super) conn: Transaction<'a>,
    known: &'a mut HashMap<Conversation, i64>,
    /// In which groups it says something, in order; empty where nobody asks.
    spoken: Option<Vec<i64>>,
    /// The last id that was given.
    pub(super) last: i64,
    /// The last id before this batch.
    before: i64,
    /// How many messages there are now more, or fewer.
    pub(super) grown: i64,
}

impl Writer {
    pub(super) fn new(conn: Connection, retention: &Retention) -> rusqlite::Result<Writer> {
        let crowds = GroupCounts::new(&conn, retention)?;
        Ok(Writer { conn, known: HashMap::new(), crowds, skipped: 0, version: 0 })
    }

    /// The connection itself, outside of any batch.
    pub(super) fn conn(&self) -> &Connection {
        &self.conn
    }

    /// Begins a batch: nobody else writes until it ends.
    pub(super) fn begin(&mut self) -> Result<Batch<'_>, StoreError> {
        self.begin_beside().map(|(batch, ..)| batch)
    }

    fn begin_beside(&mut self) -> Result<(Batch<'_>, Option<&mut GroupCounts>, &mut i64), StoreError> {
        let Writer { conn, known, crowds, skipped, version } = self;
        let conn = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let current = conn.prepare_cached("PRAGMA data_version")?.query_row([], |row| row.get(0))?;
        if std::mem::replace(version, current) != current || known.len() > CONVERSATIONS_KEPT {
            known.clear();
        }
        let last = conn.prepare_cached("SELECT last FROM server")?.query_row([], |row| row.get(0))?;
        let spoken = crowds.is_some().then(Vec::new);
        Ok((Batch { conn, known, spoken, last, before: last, grown: 0 }, crowds.as_mut(), skipped))
    }

    /// Stores all of these, or none.
    pub(super) fn append(&mut self, entries: &[Entry], now: i64) -> Result<MessageId, StoreError> {
        let (mut batch, crowds, _) = self.begin_beside()?;
        let first = batch.last.unsigned_abs() + 1;
        for entry in entries {
            apply::apply(&mut batch, entry)?;
        }
        if entries.is_empty() {
            batch.conn.prepare_cached("UPDATE server SET alive = ?1")?.execute([now])?;
        }
        let spoken = batch.spoken.take();
        batch.commit()?;
        if let Some(crowds) = crowds {
            spoken.into_iter().flatten().for_each(|group| crowds.note(group));
        }
        Ok(MessageId(first))
    }

    /// When the server starts, nobody is here any more: all have got what there was, and have left the groups that are not
    /// kept.
    pub(super) fn end_all_sessions(&mut self) -> Result<(), StoreError> {
        let batch = self.begin()?;
        // The last message is the last sign of those who were still here.
        let at = "max(at, coalesce((SELECT max(at) FROM message WHERE id = (SELECT max(id) FROM message)), at))";
        let sql = format!("UPDATE reader SET upto = ?1, at = {at} WHERE upto IS NULL");
        batch.conn.execute(&sql, [batch.last])?;
        let kept = "conversation IN (SELECT conversation FROM kept_group)";
        let ended = format!("upto IS NULL AND NOT {kept}");
        // Of a stay in which nothing was said there is nothing to see.
        batch.conn.execute(&format!("DELETE FROM stay WHERE {ended} AND after >= ?1"), [batch.last])?;
        batch.conn.execute(&format!("UPDATE stay SET upto = ?1 WHERE {ended}"), [batch.last])?;
        batch.commit()
    }

    /// Uses an invitation up, and removes those that are good no more.
    pub(super) fn redeem(&mut self, invite: &Digest, now: i64) -> Result<bool, StoreError> {
        let batch = self.begin()?;
        batch.conn.execute("DELETE FROM invite WHERE expires <= ?1", [now])?;
        let used = batch.conn.execute("DELETE FROM invite WHERE secret = ?1", [invite.as_slice()])?;
        batch.commit()?;
        Ok(used > 0)
    }

    /// Takes away what need not be kept any longer, or a piece of it, and says whether there is more to do.
    pub(super) fn expire(&mut self, retention: &Retention, now: i64) -> Result<bool, StoreError> {
        let (mut batch, crowds, skipped) = self.begin_beside()?;
        let more = retain::expire(&mut batch, retention, crowds, skipped, now)?;
        let more = forget::clean_up(&mut batch)? || more;
        batch.commit()?;
        Ok(more)
    }

    /// Brings the index forward to the last message, or nearer to it, and says whether there is more to do.
    pub(super) fn catch_up(&mut self, limit: usize) -> Result<bool, StoreError> {
        let batch = self.begin()?;
        let more = search::catch_up(&batch, limit)?;
        batch.commit()?;
        Ok(more)
    }

    /// Brings the index up to date, or nearer to it, and says whether there is more to do.
    pub(super) fn index(&mut self, limit: usize) -> Result<bool, StoreError> {
        let batch = self.begin()?;
        let more = search::index(&batch, limit)?;
        batch.commit()?;
        Ok(more)
    }
}

impl Batch<'_> {
    /// The number of a conversation, which it gets if it has none yet.
    pub(super) fn number(&mut self, conversation: Conversation) -> Result<i64, StoreError> {
        if let Some(number) = self.known.get(&conversation) {
            return Ok(*number);
        }
        let number = conversation.numbered(&self.conn)?;
        self.known.insert(conversation, number);
        Ok(number)
    }

    /// Conversations were deleted: their numbers must be asked for anew.
    pub(super) fn forget_numbers(&mut self) {
        self.known.clear();
    }

    /// Gives a message its id.
    pub(super) fn say(&mut self, draft: &Draft) -> Result<(), StoreError> {
        self.last += 1;
        if draft.is_for_guests_alone() {
            return Ok(());
        }
        let conversation = self.number(Conversation::of(draft))?;
        self.grown += 1;
        if let (Some(spoken), Scope::Group(_)) = (&mut self.spoken, draft.scope) {
            spoken.push(conversation);
        }
        let sql = "INSERT INTO message (id, at, conversation, sender, peer, text, action) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
        let (sender, peer) = (draft.from.as_str(), peer(draft.scope));
        let values = params![self.last, micros(draft.at), conversation, sender, peer, draft.text, draft.action];
        self.conn.prepare_cached(sql)?.execute(values)?;
        Ok(())
    }

    /// Makes everything in it last, as far as the durability goes.
    pub(super) fn commit(self) -> Result<(), StoreError> {
        let Batch { conn, known, last, before, grown, .. } = self;
        if last != before || grown != 0 {
            let sql = "UPDATE server SET last = ?1, messages = messages + ?2";
            conn.prepare_cached(sql)?.execute([last, grown])?;
        }
        let done = conn.commit();
        if done.is_err() {
            known.clear();
        }
        Ok(done?)
    }
}
