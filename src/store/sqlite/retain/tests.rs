//! Retention: what goes, what stays, and that no piece is larger than its limit.

use std::time::{Duration, SystemTime};

use tempfile::TempDir;

use super::super::tests::{old, tend};
use super::super::*;
use crate::model::limits::EXPIRE_PIECE;
use crate::model::{Draft, Durability, Scope};
use crate::store::tests::{entered, group, left, name, sees, user};
use crate::store::{Erased, Tools};

fn open(retention: Retention) -> (TempDir, SqliteStore) {
    let dir = tempfile::tempdir().unwrap();
    let retention = Retention { durability: Durability::Commit, ..retention };
    let store = SqliteStore::open(dir.path(), &retention).unwrap();
    // As after a deletion just now.
    store
        .write(|writer| Ok(writer.conn().execute("UPDATE server SET expired = ?1", [micros(SystemTime::now())])?))
        .unwrap();
    (dir, store)
}

fn many(count: usize, days: u64, scope: Scope) -> Vec<Entry> {
    (0..count).map(|n| old(days, scope, &format!("{n}"))).collect()
}

fn count(store: &SqliteStore, sql: &str) -> i64 {
    store.read(|conn| Ok(conn.query_row(sql, [], |row| row.get(0))?)).unwrap()
}

#[test]
fn without_limits_everything_stays() {
    let (_dir, store) = open(Retention::default());
    store.append(&many(2000, 5000, user("bob"))).unwrap();
    tend(&store);
    assert_eq!(store.tail(MessageId(0), usize::MAX).unwrap().len(), 2000);
}

#[test]
fn messages_that_are_too_old_go_from_everywhere() {
    let (_dir, store) = open(Retention { keep_days: 10, ..Retention::default() });
    store.append(&[entered("bob", "g", 0), old(11, group("g"), "ancient word"), old(9, user("bob"), "young")]).unwrap();
    store.append(&[old(11, Scope::Everybody, "behind a younger one"), old(0, group("g"), "new")]).unwrap();
    assert_eq!(store.search(&name("bob"), "ancient", None, 9).unwrap().messages.len(), 1);
    tend(&store);
    assert_eq!(sees(&store, "bob", None), ["young", "new"]);
    assert!(store.search(&name("bob"), "ancient", None, 9).unwrap().messages.is_empty());
    assert_eq!(count(&store, "SELECT messages FROM server"), 2);
    assert_eq!(count(&store, "SELECT purge FROM server"), 0);
    // Stays that ended before the oldest message are deleted.
    store.append(&[Entry::Left { user: name("bob"), group: None, upto: MessageId(1) }]).unwrap();
    store.append(&[old(11, user("bob"), "one more to go")]).unwrap();
    tend(&store);
    assert_eq!(count(&store, "SELECT count(*) FROM stay"), 0);
}

/// Messages from when the clock was a year ahead.
fn ahead(count: usize) -> Vec<Entry> {
    let at = SystemTime::now() + Duration::from_secs(365 * 86_400);
    let said = |n: usize| Draft {
        at,
        from: name("alice"),
        scope: user("bob"),
        text: format!("{n}").into(),
        action: false,
        tag: None,
    };
    (0..count).map(|n| Entry::Said(said(n))).collect()
}

#[test]
fn messages_from_the_future_do_not_stop_retention() {
    let (_dir, store) = open(Retention { keep_days: 10, ..Retention::default() });
    store.append(&ahead(2 * EXPIRE_PIECE + 1)).unwrap();
    store.append(&[old(9, user("bob"), "young")]).unwrap();
    tend(&store);
    assert_eq!(store.tail(MessageId(0), usize::MAX).unwrap().len(), 2 * EXPIRE_PIECE + 2, "nothing is too old yet");
    store.append(&many(EXPIRE_PIECE, 9, user("bob"))).unwrap();
    tend(&store);
    assert!(!store.tend().unwrap(), "it does not look at the same rows for ever");
    store.write(|writer| Ok(writer.conn().execute("UPDATE message SET at = 0 WHERE id = 1002", [])?)).unwrap();
    store.append(&ahead(1)).unwrap();
    tend(&store);
    let ids: Vec<u64> = store.tail(MessageId(0), usize::MAX).unwrap().iter().map(|message| message.id.0).collect();
    assert_eq!(ids, (1003..=1503).collect::<Vec<_>>(), "messages before an old one are as old");
}

#[test]
fn the_oldest_messages_go_when_the_server_has_too_many() {
    let (_dir, store) = open(Retention { keep_messages: 3, ..Retention::default() });
    store.append(&many(EXPIRE_PIECE + 100, 0, user("bob"))).unwrap();
    assert!(store.tend().unwrap(), "there is more to do");
    assert_eq!(count(&store, "SELECT count(*) FROM message"), 100, "a piece has its limit");
    tend(&store);
    let ids: Vec<u64> = store.tail(MessageId(0), 9).unwrap().iter().map(|message| message.id.0).collect();
    assert_eq!(ids, [598, 599, 600]);
    store.append(&[old(0, group("g"), "one more")]).unwrap();
    tend(&store);
    assert_eq!(store.tail(MessageId(0), 9).unwrap().first().map(|message| message.id), Some(MessageId(599)));
    assert!(!store.tend().unwrap());
}

#[test]
fn each_group_keeps_its_newest_messages() {
    let dir = tempfile::tempdir().unwrap();
    let with = |keep_messages_per_group| {
        let retention = Retention { keep_messages_per_group, durability: Durability::Commit, ..Retention::default() };
        SqliteStore::open(dir.path(), &retention).unwrap()
    };
    let of =
        |store: &SqliteStore, scope: &str| count(store, &format!("SELECT count(*) FROM message WHERE peer IS {scope}"));
    let store = with(10);
    for (scope, size) in [(group("a"), 25), (group("b"), 10), (user("bob"), 20), (Scope::Everybody, 20)] {
        store.append(&many(size, 0, scope)).unwrap();
    }
    tend(&store);
    assert_eq!((of(&store, "'#a'"), of(&store, "'#b'"), of(&store, "'bob'"), of(&store, "NULL")), (10, 10, 20, 20));
    store.append(&many(1, 0, group("b"))).unwrap();
    store.append(&many(EXPIRE_PIECE + 5, 0, group("c"))).unwrap();
    tend(&store);
    assert_eq!((of(&store, "'#a'"), of(&store, "'#b'"), of(&store, "'#c'")), (10, 10, 10));
    assert_eq!(count(&store, "SELECT min(id) FROM message WHERE peer = '#a'"), 16, "the oldest go");
    drop(store);
    // A lower limit applies to the messages that are there already.
    let store = with(4);
    tend(&store);
    assert_eq!((of(&store, "'#a'"), of(&store, "'#b'"), of(&store, "'#c'")), (4, 4, 4));
    assert_eq!(count(&store, "SELECT messages FROM server"), count(&store, "SELECT count(*) FROM message"));
}

#[test]
fn coming_and_going_in_a_loop_leaves_nothing_behind() {
    let (dir, store) = open(Retention::default());
    let rows = |store: &SqliteStore| count(store, "SELECT count(*) FROM stay");
    for _ in 0..3 {
        store.append(&[entered("bob", "g", 0), left("bob", Some("g"), 0)]).unwrap();
        store.append(&[entered("bob", "g", 0), entered("bob", "h", 0), left("bob", None, 0)]).unwrap();
    }
    assert_eq!(rows(&store), 0);
    store.append(&[entered("bob", "g", 0), old(0, group("g"), "1"), left("bob", None, 1)]).unwrap();
    for _ in 0..3 {
        store.append(&[entered("bob", "g", 1), left("bob", None, 1)]).unwrap();
    }
    assert_eq!(rows(&store), 1, "stays that touch are one");
    store.append(&[entered("bob", "g", 1), old(0, group("g"), "2"), entered("bob", "h", 2)]).unwrap();
    assert_eq!((rows(&store), sees(&store, "bob", Some(group("g")))), (2, vec!["1".to_owned(), "2".to_owned()]));
    drop(store);
    // The server ended while bob was in both groups.
    let store = SqliteStore::open(dir.path(), &Retention::default()).unwrap();
    assert_eq!((rows(&store), sees(&store, "bob", None).len()), (1, 2));
}

#[test]
fn erasing_stops_no_writer_while_somebody_reads() {
    let (dir, store) = open(Retention::default());
    store.append(&many(10, 0, user("bob"))).unwrap();
    let reader = rusqlite::Connection::open(dir.path().join("parlor.db")).unwrap();
    reader.execute_batch("BEGIN; SELECT count(*) FROM message").unwrap();
    let erase = || SqliteTools::new(dir.path()).erase(&name("alice"), &mut |_, _| (), &mut |_, _| ());
    std::thread::scope(|scope| {
        let erasing = scope.spawn(erase);
        while !erasing.is_finished() {
            store.append(&many(1, 0, user("eve"))).unwrap();
        }
        assert!(
            matches!(erasing.join().unwrap(), Ok(Erased { messages: 10.., overwritten: false })),
            "a reader kept the log from being emptied"
        );
    });
    reader.execute_batch("COMMIT").unwrap();
    assert!(matches!(erase(), Ok(Erased { overwritten: true, .. })));
}

#[test]
fn a_deleted_account_is_hidden_at_once_and_cleaned_up_in_pieces() {
    let (dir, store) = open(Retention::default());
    store.append(&many(2 * EXPIRE_PIECE, 0, user("bob"))).unwrap();
    store.append(&[old(0, user("eve"), "word for eve"), old(0, Scope::Everybody, "for all")]).unwrap();
    assert_eq!(store.search(&name("alice"), "word", None, 9).unwrap().messages.len(), 1);
    store.append(&[Entry::Forgotten { user: name("bob") }, Entry::Forgotten { user: name("eve") }]).unwrap();
    let rows = |store: &SqliteStore| count(store, "SELECT count(*) FROM message");
    assert_eq!(rows(&store), 2 * EXPIRE_PIECE as i64 + 2, "deleting an account does not wait for the clean-up");
    store.append(&[old(0, user("bob"), "to the next bob")]).unwrap();
    for step in 0.. {
        assert_eq!(sees(&store, "alice", None), ["for all", "to the next bob"]);
        assert!(store.search(&name("alice"), "word", None, 9).unwrap().messages.is_empty());
        let mut exported = Vec::new();
        let mut take = |message: &Message| {
            exported.push(message.id.0);
            Ok(true)
        };
        SqliteTools::new(dir.path()).export(None, None, &mut take, &mut |_, _| ()).unwrap();
        assert_eq!(exported, [1002, 1003]);
        let before = rows(&store);
        if !store.tend().unwrap() {
            assert!(step > 2);
            break;
        }
        assert!(before - rows(&store) <= EXPIRE_PIECE as i64, "a piece has its limit");
    }
    assert_eq!((rows(&store), count(&store, "SELECT messages FROM server")), (2, 2));
    assert_eq!(count(&store, "SELECT (SELECT count(*) FROM forgotten) + (SELECT purge FROM server)"), 0);
    assert_eq!(count(&store, "SELECT count(*) FROM conversation"), 2, "everybody's, and that with the next bob");
}

#[test]
fn a_search_does_not_wait_for_the_index_to_forget() {
    let (_dir, store) = open(Retention::default());
    store.append(&many(200, 0, user("bob"))).unwrap();
    while store.write(|writer| writer.index(0)).unwrap() {}
    let gone: Vec<Entry> = (1..=200).map(|id| Entry::Deleted { id: MessageId(id) }).collect();
    store.append(&gone).unwrap();
    store.append(&[old(0, user("bob"), "new")]).unwrap();
    assert_eq!(store.search(&name("bob"), "new", None, 9).unwrap().messages.len(), 1);
    assert_eq!(count(&store, "SELECT purge FROM server"), 1);
    tend(&store);
    assert_eq!(count(&store, "SELECT purge FROM server"), 0);
}

#[test]
fn tending_checkpoints_the_write_ahead_log() {
    let (dir, store) = open(Retention::default());
    let size = || std::fs::metadata(dir.path().join("parlor.db")).unwrap().len();
    let batch: Vec<Entry> = (0..256).map(|_| old(0, user("bob"), &"x".repeat(600))).collect();
    for _ in 0..30 {
        store.append(&batch).unwrap();
    }
    let before = size();
    store.tend().unwrap();
    assert!(size() > before, "{before}");
}

#[test]
fn a_clock_that_is_ahead_deletes_one_day_at_the_most() {
    const DAY: i64 = 86_400_000_000;
    let (_dir, store) = open(Retention { keep_days: 10, ..Retention::default() });
    let days: Vec<Entry> = (0..10).rev().map(|days| old(days, user("bob"), &days.to_string())).collect();
    store.append(&days).unwrap();
    tend(&store);
    let now = micros(SystemTime::now());
    let expire = |ahead: i64| store.write(|writer| writer.expire(&store.retention, Some(now + ahead * DAY))).unwrap();
    let left = || count(&store, "SELECT count(*) FROM message");
    let expired = expire(31);
    assert!(expired.held_back && !expired.more && left() == 9);
    assert!(!expire(0).held_back && expire(400).held_back && left() == 9, "the right clock took it back");
}
