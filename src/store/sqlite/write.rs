//! The connection that writes: what it remembers, how a batch becomes one transaction, and what each entry changes.

use std::collections::HashMap;

use rusqlite::{Connection, Transaction, TransactionBehavior, params};

use super::retain::{self, GroupCounts};
use super::schema::{self, ALL, device_name, micros, number, peer};
use super::visibility::{self, Conversation};
use super::{accounts, rename, search};
use crate::model::limits::CONVERSATIONS_KEPT;
use crate::model::{
    Draft, GroupPassword, GroupRole, GroupSettings, MessageId, Name, Penalty, Report, Retention, Role, Sanction,
    SanctionTerms, Scope, Tag,
};
use crate::store::{Digest, Entry, Position, StoreError, Token};

/// The connection that writes, and what it knows without a query.
pub(super) struct WriteConnection {
    conn: Connection,
    /// The numbers of conversations that were used lately.
    known: HashMap<Conversation, i64>,
    /// Which groups may hold too many messages; `None` where that is not limited.
    counts: Option<GroupCounts>,
    /// All messages up to this id are dated in the future.
    skipped: i64,
    /// Changes when another program has written to the database, so that what is known may be wrong.
    version: i64,
}

/// One transaction. Dropping it without [`WriteBatch::commit`] undoes it.
pub(super) struct WriteBatch<'a> {
    pub(super) conn: Transaction<'a>,
    known: &'a mut HashMap<Conversation, i64>,
    /// The groups of its messages, in order; `None` where nobody counts them.
    spoken: Option<Vec<i64>>,
    /// The last id that was assigned.
    pub(super) last: i64,
    /// The last id before this transaction.
    before: i64,
    /// How many more messages there are now, or fewer.
    pub(super) grown: i64,
}

impl WriteConnection {
    pub(super) fn new(conn: Connection, retention: &Retention) -> rusqlite::Result<WriteConnection> {
        let counts = GroupCounts::new(&conn, retention)?;
        Ok(WriteConnection { conn, known: HashMap::new(), counts, skipped: 0, version: 0 })
    }

    /// The connection itself, outside of any transaction.
    pub(super) fn conn(&self) -> &Connection {
        &self.conn
    }

    /// Begins a transaction; nobody else writes until it ends.
    pub(super) fn begin(&mut self) -> Result<WriteBatch<'_>, StoreError> {
        self.begin_counting().map(|(batch, ..)| batch)
    }

    /// Begins a transaction, and returns beside it what retention needs.
    fn begin_counting(&mut self) -> Result<(WriteBatch<'_>, Option<&mut GroupCounts>, &mut i64), StoreError> {
        let WriteConnection { conn, known, counts, skipped, version } = self;
        let conn = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let current = conn.prepare_cached("PRAGMA data_version")?.query_row([], |row| row.get(0))?;
        if std::mem::replace(version, current) != current || known.len() > CONVERSATIONS_KEPT {
            known.clear();
        }
        let last = conn.prepare_cached("SELECT last FROM server")?.query_row([], |row| row.get(0))?;
        let spoken = counts.is_some().then(Vec::new);
        Ok((WriteBatch { conn, known, spoken, last, before: last, grown: 0 }, counts.as_mut(), skipped))
    }

    /// Stores all of these entries, or none.
    pub(super) fn append(&mut self, entries: &[Entry], now: i64) -> Result<MessageId, StoreError> {
        let (mut batch, counts, _) = self.begin_counting()?;
        let first = batch.last.unsigned_abs() + 1;
        for entry in entries {
            batch.apply(entry)?;
        }
        if entries.is_empty() {
            batch.conn.prepare_cached("UPDATE server SET alive = ?1")?.execute([now])?;
        }
        let spoken = batch.spoken.take();
        batch.commit()?;
        if let Some(counts) = counts {
            spoken.into_iter().flatten().for_each(|group| counts.note(group));
        }
        Ok(MessageId(first))
    }

    /// Ends what the last process left open: every device has got everything, and groups that are not kept are left.
    pub(super) fn end_all_sessions(&mut self) -> Result<(), StoreError> {
        let batch = self.begin()?;
        // Users who were still here were last seen when the last message was sent.
        let at = "max(at, coalesce((SELECT max(at) FROM message WHERE id = (SELECT max(id) FROM message)), at))";
        let sql = format!("UPDATE reader SET upto = ?1, at = {at} WHERE upto IS NULL");
        batch.conn.execute(&sql, [batch.last])?;
        // A group without members had only guests.
        batch.conn.execute("DELETE FROM kept_group WHERE conversation NOT IN (SELECT conversation FROM member)", [])?;
        for table in ["member", "group_sanction"] {
            let orphaned = "conversation NOT IN (SELECT conversation FROM kept_group)";
            batch.conn.execute(&format!("DELETE FROM {table} WHERE {orphaned}"), [])?;
        }
        // Only members of kept groups are still there. Another open stay was left behind by an earlier group of
        // the same name; what this one said is not for that user.
        let is_member = |stay: &str| {
            format!("EXISTS (SELECT 1 FROM member WHERE user = {stay}.user AND conversation = {stay}.conversation)")
        };
        let began = "SELECT min(after) FROM stay AS other WHERE conversation = stay.conversation AND upto IS NULL";
        let sql = format!(
            "UPDATE stay SET upto = max(after, coalesce(({began} AND {}), ?1)) WHERE upto IS NULL AND NOT {}",
            is_member("other"),
            is_member("stay"),
        );
        batch.conn.execute(&sql, [batch.last])?;
        // Nothing is visible through a stay during which nothing was said.
        batch.conn.execute("DELETE FROM stay WHERE upto <= after", [])?;
        batch.commit()
    }

    /// Uses up an invitation, and deletes those that have expired.
    pub(super) fn redeem(&mut self, invite: &Digest, now: i64) -> Result<bool, StoreError> {
        let batch = self.begin()?;
        batch.conn.execute("DELETE FROM invite WHERE expires <= ?1", [now])?;
        let used = batch.conn.execute("DELETE FROM invite WHERE secret = ?1", [invite.as_slice()])?;
        batch.commit()?;
        Ok(used > 0)
    }

    /// Deletes a piece of what need not be kept any longer, and returns whether there is more.
    pub(super) fn expire(&mut self, retention: &Retention, now: i64) -> Result<bool, StoreError> {
        let (mut batch, counts, skipped) = self.begin_counting()?;
        let more = retain::expire(&mut batch, retention, counts, skipped, now)?;
        let more = retain::clean_up_accounts(&mut batch)? || more;
        batch.commit()?;
        Ok(more)
    }

    /// Indexes some messages, or removes deleted ones from the index, and returns whether there is more to do.
    pub(super) fn index(&mut self, now: i64) -> Result<bool, StoreError> {
        let batch = self.begin()?;
        let more = search::index(&batch.conn, batch.last)? || search::purge(&batch.conn, now, false)?;
        batch.commit()?;
        Ok(more)
    }

    /// Removes some of what the index has of deleted messages, and returns whether there is more.
    pub(super) fn purge(&mut self, now: i64) -> Result<bool, StoreError> {
        let batch = self.begin()?;
        let more = search::purge(&batch.conn, now, true)?;
        batch.commit()?;
        Ok(more)
    }
}

impl WriteBatch<'_> {
    /// Makes it durable, as far as the durability goes.
    pub(super) fn commit(self) -> Result<(), StoreError> {
        let WriteBatch { conn, known, last, before, grown, .. } = self;
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

    /// Runs one statement.
    pub(super) fn run(&self, sql: &str, values: impl rusqlite::Params) -> Result<(), StoreError> {
        self.conn.prepare_cached(sql)?.execute(values)?;
        Ok(())
    }

    /// The number of a conversation; it gets one if it has none yet.
    fn number(&mut self, conversation: Conversation) -> Result<i64, StoreError> {
        if let Some(number) = self.known.get(&conversation) {
            return Ok(*number);
        }
        let number = conversation.number_or_new(&self.conn)?;
        self.known.insert(conversation, number);
        Ok(number)
    }

    /// Forgets the numbers of conversations, because some have changed.
    pub(super) fn forget_numbers(&mut self) {
        self.known.clear();
    }

    /// Makes one change.
    fn apply(&mut self, entry: &Entry) -> Result<(), StoreError> {
        match entry {
            Entry::Said(draft) => self.say(draft),
            Entry::Entered { user, group, after } => self.enter(user, group, *after),
            Entry::Left { user, group, upto } => self.leave(user, group.as_ref(), *upto),
            Entry::GroupMade { group } => self.make_group(group),
            Entry::GroupKept { group, settings } => self.keep_group(group, settings),
            Entry::GroupGone { group } => self.remove_group(group),
            Entry::Member { group, user, role, rank } => self.set_member(group, user, *role, *rank),
            Entry::MemberSanctioned { group, user, penalty, terms } => {
                self.impose_in_group(group, user, *penalty, terms)
            }
            Entry::MemberLifted { group, user, penalty } => {
                let conversation = self.number(Conversation::Group(*group))?;
                let sql = "DELETE FROM group_sanction WHERE conversation = ?1 AND user = ?2 AND penalty = ?3";
                self.run(sql, params![conversation, user.as_str(), *penalty as i64])
            }
            Entry::Delivered { user, device, position, at } => {
                let upto = match position {
                    Position::Here => None,
                    Position::Upto(upto) => Some(number(*upto)),
                };
                let sql = "INSERT OR REPLACE INTO reader (user, device, upto, at) SELECT ?1, ?2, ?3, ?4 \
                           WHERE ?2 = '' OR EXISTS (SELECT 1 FROM token WHERE user = ?1 AND name = ?2)";
                self.run(sql, params![user.as_str(), device_name(device), upto, micros(*at)])
            }
            Entry::Cleared { user, scope, upto } => self.clear(user, *scope, *upto),
            Entry::Ignored { user, whom, ignored } => {
                let sql = match ignored {
                    true => "INSERT OR IGNORE INTO ignored (user, whom) VALUES (?1, ?2)",
                    false => "DELETE FROM ignored WHERE user = ?1 AND whom = ?2",
                };
                self.run(sql, [user.as_str(), whom.as_str()])
            }
            Entry::Deleted { id } => {
                search::unindex(&self.conn, "id = ?1", [number(*id)])?;
                self.run("UPDATE message SET text = '', deleted = 1 WHERE id = ?1", [number(*id)])
            }
            Entry::TokenMade(token) => {
                let Token { user, name, secret, made, expires } = token;
                let sql =
                    "INSERT OR REPLACE INTO token (user, name, secret, made, expires) VALUES (?1, ?2, ?3, ?4, ?5)";
                let (user, name, secret) = (user.as_str(), name.as_str(), secret.as_slice());
                self.run(sql, params![user, name, secret, micros(*made), expires.map(micros)])
            }
            Entry::TokenRevoked { user, name } => {
                self.run("DELETE FROM token WHERE user = ?1 AND name = ?2", [user.as_str(), name.as_str()])?;
                self.run("DELETE FROM reader WHERE user = ?1 AND device = ?2", [user.as_str(), name.as_str()])
            }
            Entry::Invited { invite, expires } => {
                let sql = "INSERT OR REPLACE INTO invite (secret, expires) VALUES (?1, ?2)";
                self.run(sql, params![invite.as_slice(), micros(*expires)])
            }
            Entry::Role { user, role: Role::User } => {
                self.run("DELETE FROM server_role WHERE user = ?1", [user.as_str()])
            }
            Entry::Role { user, role: role @ (Role::Moderator | Role::Admin) } => {
                accounts::see(self, user)?;
                let sql = "INSERT OR REPLACE INTO server_role (user, role) VALUES (?1, ?2)";
                self.run(sql, params![user.as_str(), *role as i64])
            }
            Entry::Sanctioned(sanction) => {
                let Sanction { penalty, subject, by, reason, made, until } = sanction;
                let sql = "INSERT OR REPLACE INTO sanction (penalty, subject, author, reason, made, expires) \
                           VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
                let (subject, until) = (subject.to_string(), until.map(micros));
                self.run(sql, params![penalty.as_str(), subject, by, reason, micros(*made), until])
            }
            Entry::Lifted { penalty, subject } => {
                let sql = "DELETE FROM sanction WHERE penalty = ?1 AND subject = ?2";
                self.run(sql, params![penalty.as_str(), subject.to_string()])
            }
            Entry::Reported(Report { number, at, by, about, why }) => {
                let sql = "INSERT OR REPLACE INTO report (number, at, author, about, why) VALUES (?1, ?2, ?3, ?4, ?5)";
                let by = by.as_ref().map(Name::as_str);
                self.run(sql, params![number.cast_signed(), micros(*at), by, about, why])
            }
            Entry::ReportDone { number } => self.run("DELETE FROM report WHERE number = ?1", [number.cast_signed()]),
            Entry::Renamed { from, to } => rename::rename(self, from, to),
            Entry::RenameSettled { from, to } => rename::settle(self, from, to),
            Entry::AccountMade { user } => accounts::make(self, user),
            Entry::AccountSeen { user } => accounts::see(self, user),
            Entry::AccountEnded { user } => accounts::end(self, user),
            Entry::Forgotten { user } => retain::forget_account(self, user),
        }
    }

    fn say(&mut self, draft: &Draft) -> Result<(), StoreError> {
        self.last += 1;
        if draft.is_for_guests_alone() {
            return Ok(());
        }
        let conversation = self.number(Conversation::of(draft))?;
        self.grown += 1;
        if let (Some(spoken), Scope::Group(_)) = (&mut self.spoken, draft.scope) {
            spoken.push(conversation);
        }
        let sql = "INSERT INTO message (id, at, conversation, sender, peer, text, action, tag) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
        let (sender, peer) = (draft.from.as_str(), peer(draft.scope));
        let tag = draft.tag.as_ref().map(Tag::as_str);
        let values = params![self.last, micros(draft.at), conversation, sender, peer, draft.text, draft.action, tag];
        self.conn.prepare_cached(sql)?.execute(values)?;
        Ok(())
    }

    fn enter(&mut self, user: &Name, group: &Name, after: MessageId) -> Result<(), StoreError> {
        if user.is_guest() {
            return Ok(());
        }
        let conversation = self.number(Conversation::Group(*group))?;
        // What earlier groups of this name said may not have been delivered yet when the user entered.
        let began: i64 = self
            .conn
            .prepare_cached("SELECT began FROM conversation WHERE id = ?1")?
            .query_row([conversation], |row| row.get(0))?;
        let values = params![user.as_str(), conversation, number(after).max(began)];
        // If nothing was said since the user left, it is the same stay: coming and going in a loop adds no rows.
        let sql = "UPDATE stay SET upto = NULL WHERE upto = ?3 AND \
                   id = (SELECT max(id) FROM stay WHERE user = ?1 AND conversation = ?2)";
        self.run(sql, values)?;
        let sql = "INSERT INTO stay (user, conversation, after) SELECT ?1, ?2, ?3 WHERE NOT EXISTS \
                   (SELECT 1 FROM stay INDEXED BY stay_open WHERE user = ?1 AND conversation = ?2 AND upto IS NULL)";
        self.run(sql, values)
    }

    fn leave(&mut self, user: &Name, group: Option<&Name>, upto: MessageId) -> Result<(), StoreError> {
        let conversation = group.map(|group| self.number(Conversation::Group(*group))).transpose()?;
        let of_group = match conversation {
            Some(_) => "conversation = ?3",
            None => "?3 IS NULL AND conversation NOT IN (SELECT conversation FROM kept_group)",
        };
        let values = params![user.as_str(), number(upto), conversation];
        // Nothing is visible through a stay during which nothing was said.
        let sql = format!(
            "DELETE FROM stay INDEXED BY stay_open WHERE user = ?1 AND {of_group} AND upto IS NULL AND after >= ?2"
        );
        self.run(&sql, values)?;
        let sql =
            format!("UPDATE stay INDEXED BY stay_open SET upto = ?2 WHERE user = ?1 AND {of_group} AND upto IS NULL");
        self.run(&sql, values)?;
        match conversation {
            Some(_) => {
                let sql = "DELETE FROM member WHERE user = ?1 AND conversation = ?2";
                self.run(sql, params![user.as_str(), conversation])
            }
            None => Ok(()),
        }
    }

    /// Ends whatever is left of an earlier group of this name. The new one begins after the last message.
    fn make_group(&mut self, group: &Name) -> Result<(), StoreError> {
        self.remove_group(group)?;
        let conversation = self.number(Conversation::Group(*group))?;
        let values = [conversation, self.last];
        self.run("DELETE FROM stay WHERE conversation = ?1 AND upto IS NULL AND after >= ?2", values)?;
        self.run("UPDATE stay SET upto = ?2 WHERE conversation = ?1 AND upto IS NULL", values)?;
        self.run("UPDATE conversation SET began = ?2 WHERE id = ?1", values)
    }

    fn keep_group(&mut self, group: &Name, settings: &GroupSettings) -> Result<(), StoreError> {
        let conversation = self.number(Conversation::Group(*group))?;
        let GroupSettings { limit, private, announce, topic, password, .. } = settings;
        let sql = "INSERT INTO kept_group (conversation, name, capacity, private, announce, topic, password) \
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT DO UPDATE SET capacity = ?3, private = ?4, \
                   announce = ?5, topic = ?6, password = ?7";
        let (limit, password) = (limit.map(schema::rows), password.as_ref().map(GroupPassword::hash));
        self.run(sql, params![conversation, group.as_str(), limit, private, announce, topic.as_deref(), password])
    }

    fn remove_group(&mut self, group: &Name) -> Result<(), StoreError> {
        let conversation = self.number(Conversation::Group(*group))?;
        for table in ["kept_group", "member", "group_sanction"] {
            self.run(&format!("DELETE FROM {table} WHERE conversation = ?1"), [conversation])?;
        }
        Ok(())
    }

    fn set_member(&mut self, group: &Name, user: &Name, role: GroupRole, rank: u64) -> Result<(), StoreError> {
        let conversation = self.number(Conversation::Group(*group))?;
        let sql = "INSERT OR REPLACE INTO member (conversation, user, role, rank) SELECT ?1, ?2, ?3, ?4 \
                   WHERE EXISTS (SELECT 1 FROM kept_group WHERE conversation = ?1)";
        let rank = i64::try_from(rank).unwrap_or(i64::MAX);
        self.run(sql, params![conversation, user.as_str(), role as i64, rank])
    }

    fn impose_in_group(
        &mut self,
        group: &Name,
        user: &Name,
        penalty: Penalty,
        terms: &SanctionTerms,
    ) -> Result<(), StoreError> {
        let conversation = self.number(Conversation::Group(*group))?;
        let sql = "INSERT OR REPLACE INTO group_sanction (conversation, user, penalty, author, reason, until) \
                   SELECT ?1, ?2, ?3, ?4, ?5, ?6 WHERE EXISTS (SELECT 1 FROM kept_group WHERE conversation = ?1)";
        let SanctionTerms { by, reason, until } = terms;
        let (user, by, until) = (user.as_str(), by.as_str(), until.map(micros));
        self.run(sql, params![conversation, user, penalty as i64, by, reason.as_deref(), until])
    }

    /// Clears a user's view of a conversation, or of all, up to a message.
    pub(super) fn clear(&mut self, user: &Name, scope: Option<Scope>, upto: MessageId) -> Result<(), StoreError> {
        if user.is_guest() {
            return Ok(());
        }
        let mut conversations = vec![match scope {
            None => ALL,
            Some(scope) => self.number(Conversation::seen_by(user, scope))?,
        }];
        if let Some(Scope::User(other)) = scope {
            conversations.extend(visibility::former(&self.conn, user, &other)?);
        }
        let sql = "INSERT INTO cleared (user, conversation, upto) VALUES (?1, ?2, ?3) \
                   ON CONFLICT DO UPDATE SET upto = max(upto, excluded.upto)";
        conversations
            .into_iter()
            .try_for_each(|conversation| self.run(sql, params![user.as_str(), conversation, number(upto)]))
    }

    /// Deletes these messages, also from the index, and returns how many there were.
    pub(super) fn remove<P: rusqlite::Params + Copy>(&mut self, which: &str, values: P) -> Result<usize, StoreError> {
        search::unindex(&self.conn, which, values)?;
        let gone = self.conn.prepare_cached(&format!("DELETE FROM message WHERE {which}"))?.execute(values)?;
        self.grown -= i64::try_from(gone).unwrap_or(i64::MAX);
        Ok(gone)
    }

    /// Deletes everything that is kept for a user except messages, and that others ignore them.
    pub(super) fn forget_choices(&self, user: &Name) -> Result<(), StoreError> {
        for table in ["stay", "cleared", "reader", "token", "ignored", "member", "group_sanction", "server_role"] {
            self.run(&format!("DELETE FROM {table} WHERE user = ?1"), [user.as_str()])?;
        }
        self.run("DELETE FROM ignored WHERE whom = ?1", [user.as_str()])
    }
}
