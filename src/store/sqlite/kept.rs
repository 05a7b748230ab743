//! Kept groups in the tables: what each entry about them changes, and how they are read at the start.

use std::sync::Arc;

use rusqlite::{Connection, Row, params};

use super::apply::run;
use super::conversation::Conversation;
use super::row::{self, micros};
use super::write::Batch;
use crate::model::{GroupPassword, GroupRole, GroupSanction, GroupSettings, Name, Penalty, SanctionTerms};
use crate::store::{Entry, KeptGroup, StoreError};

/// Makes the change that an entry about groups is; of a group that is not kept, there is nothing to change.
pub(super) fn apply(batch: &mut Batch<'_>, entry: &Entry) -> Result<(), StoreError> {
    match entry {
        Entry::GroupKept { group, settings } => keep(batch, group, settings),
        Entry::GroupGone { group } => {
            let conversation = batch.number(Conversation::Group(*group))?;
            ["kept_group", "member", "group_sanction"].iter().try_for_each(|table| {
                run(batch, &format!("DELETE FROM {table} WHERE conversation = ?1"), [conversation])
            })
        }
        Entry::Member { group, user, role, rank } => {
            let conversation = batch.number(Conversation::Group(*group))?;
            let sql = "INSERT OR REPLACE INTO member (conversation, user, role, rank) SELECT ?1, ?2, ?3, ?4 \
                       WHERE EXISTS (SELECT 1 FROM kept_group WHERE conversation = ?1)";
            let rank = i64::try_from(*rank).unwrap_or(i64::MAX);
            run(batch, sql, params![conversation, user.as_str(), *role as i64, rank])
        }
        Entry::MemberSanctioned { group, user, penalty, ruling } => {
            let conversation = batch.number(Conversation::Group(*group))?;
            let sql = "INSERT OR REPLACE INTO group_sanction (conversation, user, penalty, author, reason, until) \
                       SELECT ?1, ?2, ?3, ?4, ?5, ?6 WHERE EXISTS (SELECT 1 FROM kept_group WHERE conversation = ?1)";
            let SanctionTerms { by, reason, until } = ruling;
            let (user, by, until) = (user.as_str(), by.as_str(), until.map(micros));
            run(batch, sql, params![conversation, user, *penalty as i64, by, reason.as_deref(), until])
        }
        Entry::MemberLifted { group, user, penalty } => {
            let conversation = batch.number(Conversation::Group(*group))?;
            let sql = "DELETE FROM group_sanction WHERE conversation = ?1 AND user = ?2 AND penalty = ?3";
            run(batch, sql, params![conversation, user.as_str(), *penalty as i64])
        }
        _ => Ok(()),
    }
}

fn keep(batch: &mut Batch<'_>, group: &Name, settings: &GroupSettings) -> Result<(), StoreError> {
    let conversation = batch.number(Conversation::Group(*group))?;
    let GroupSettings { limit, private, announce, topic, password, .. } = settings;
    let sql = "INSERT INTO kept_group (conversation, name, capacity, private, announce, topic, password) \
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT DO UPDATE SET capacity = ?3, private = ?4, \
               announce = ?5, topic = ?6, password = ?7";
    let (limit, password) = (limit.map(row::rows), password.as_ref().map(GroupPassword::hash));
    run(batch, sql, params![conversation, group.as_str(), limit, private, announce, topic.as_deref(), password])
}

/// All kept groups, in the order of their names.
pub(super) fn all(conn: &Connection) -> Result<Vec<KeptGroup>, StoreError> {
    let sql =
        "SELECT conversation, name, capacity, private, announce, topic, password FROM kept_group ORDER BY lower(name)";
    let mut find = conn.prepare(sql)?;
    let mut rows = find.query([])?;
    let mut all = Vec::new();
    while let Some(row) = rows.next()? {
        let conversation = row.get(0)?;
        all.push(KeptGroup {
            name: row::name(&row.get::<_, String>(1)?)?,
            settings: settings(row)?,
            members: members(conn, conversation)?,
            sanctions: sanctions(conn, conversation)?,
        });
    }
    Ok(all)
}

fn settings(row: &Row<'_>) -> Result<GroupSettings, StoreError> {
    let limit = row.get::<_, Option<i64>>(2)?.map(|limit| usize::try_from(limit).unwrap_or(0));
    let (private, announce) = (row.get(3)?, row.get(4)?);
    let topic = row.get::<_, Option<String>>(5)?.map(Arc::from);
    let password = row.get::<_, Option<String>>(6)?.map(|text| GroupPassword::hashed(&text));
    Ok(GroupSettings { limit, private, announce, keep: true, topic, password, ..GroupSettings::default() })
}

fn members(conn: &Connection, conversation: i64) -> Result<Vec<(Name, GroupRole, u64)>, StoreError> {
    let mut find = conn.prepare_cached("SELECT user, role, rank FROM member WHERE conversation = ?1 ORDER BY user")?;
    let mut rows = find.query([conversation])?;
    let mut all = Vec::new();
    while let Some(row) = rows.next()? {
        let role = match row.get::<_, i64>(1)? {
            0 => GroupRole::Member,
            1 => GroupRole::Admin,
            2 => GroupRole::Owner,
            other => return Err(StoreError::Damaged(format!("there is no role {other}"))),
        };
        all.push((row::name(&row.get::<_, String>(0)?)?, role, row.get::<_, i64>(2)?.unsigned_abs()));
    }
    Ok(all)
}

fn sanctions(conn: &Connection, conversation: i64) -> Result<Vec<GroupSanction>, StoreError> {
    let sql = "SELECT user, penalty, author, reason, until FROM group_sanction WHERE conversation = ?1 ORDER BY user, penalty";
    let mut find = conn.prepare_cached(sql)?;
    let mut rows = find.query([conversation])?;
    let mut all = Vec::new();
    while let Some(row) = rows.next()? {
        let penalty = match row.get::<_, i64>(1)? {
            0 => Penalty::Ban,
            1 => Penalty::Mute,
            other => return Err(StoreError::Damaged(format!("there is no penalty {other}"))),
        };
        let by = row::name(&row.get::<_, String>(2)?)?;
        let reason = row.get::<_, Option<String>>(3)?.map(Arc::from);
        let until = row.get::<_, Option<i64>>(4)?.map(row::time);
        let user = row::name(&row.get::<_, String>(0)?)?;
        all.push(GroupSanction { user, penalty, ruling: SanctionTerms { by, reason, until } });
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{GroupSetting, MessageId, Retention};
    use crate::store::Store;
    use crate::store::sqlite::SqliteStore;
    use crate::store::tests::{at, entered, group, left, name, said, sees};

    #[test]
    fn a_kept_group_is_as_it_was_after_a_restart_and_its_members_are_still_in_it() {
        let dir = tempfile::tempdir().unwrap();
        let open = || SqliteStore::open(dir.path(), &Retention::default()).unwrap();
        let changes = [
            GroupSetting::Limit(Some(9)),
            GroupSetting::Private(true),
            GroupSetting::Keep(true),
            GroupSetting::Topic(Some("x".into())),
        ];
        let settings = GroupSettings::with(&changes);
        let member = |user, role, rank| Entry::Member { group: name("Red"), user: name(user), role, rank };
        let ruling = SanctionTerms { by: name("Ann"), reason: Some("why".into()), until: Some(at(9)) };
        let banned = Entry::MemberSanctioned { group: name("red"), user: name("eve"), penalty: Penalty::Ban, ruling };
        let store = open();
        store.append(&[Entry::GroupKept { group: name("Red"), settings: settings.clone() }, banned]).unwrap();
        store
            .append(&[
                member("Ann", GroupRole::Owner, 0),
                member("bob", GroupRole::Member, 1),
                member("cid", GroupRole::Admin, 2),
            ])
            .unwrap();
        store.append(&["Ann", "bob", "cid"].map(|user| entered(user, "red", 0))).unwrap();
        store.append(&[entered("bob", "loose", 0), left("bob", None, 0), left("cid", Some("red"), 0)]).unwrap();
        let before = store.groups().unwrap();
        drop(store);
        let store = open();
        assert_eq!(store.groups().unwrap(), before);
        let [kept] = &before[..] else { panic!("{before:?}") };
        assert_eq!((kept.name.as_str(), &kept.settings, kept.sanctions.len()), ("Red", &settings, 1));
        assert_eq!(kept.members, [(name("Ann"), GroupRole::Owner, 0), (name("bob"), GroupRole::Member, 1)]);
        store.append(&[said("Ann", group("red"), "1"), said("Ann", group("loose"), "2")]).unwrap();
        assert_eq!(sees(&store, "bob", None), ["1"], "he is in the one that is kept");
        assert_eq!(store.backlog(&name("bob"), None, MessageId(9), 9).unwrap().messages.len(), 1);
        store.append(&[Entry::GroupGone { group: name("RED") }]).unwrap();
        assert!(store.groups().unwrap().is_empty());
    }
}
