//! Tests of databases alone: restarts, crashes, full disks, damage, upgrades, other programs.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::*;
use crate::model::{
    Draft, Durability, GroupRole, GroupSetting, GroupSettings, Penalty, SanctionTerms, Scope, SearchEnd, Tag,
};
use crate::store::tests::{at, entered, group, left, name, reading, said, sees, user};
use crate::store::{Position, Tools};

fn open(dir: &TempDir) -> SqliteStore {
    open_with(dir, Retention::default())
}

fn open_with(dir: &TempDir, retention: Retention) -> SqliteStore {
    SqliteStore::open(dir.path(), &retention).unwrap()
}

fn inspect(dir: &Path) -> Result<Option<u64>, StartError> {
    SqliteTools::new(dir).inspect()
}

fn refused(dir: &Path) -> String {
    SqliteStore::open(dir, &Retention::default()).err().expect("it should have been refused").to_string()
}

/// Runs statements on the connection that writes.
fn tamper(store: &SqliteStore, sql: &str) {
    store.write(|writer| Ok(writer.conn().execute_batch(sql)?)).unwrap();
}

/// Does all the work that can wait.
pub(super) fn tend(store: &SqliteStore) {
    while store.tend().unwrap() {}
}

/// A message from this many days ago.
pub(super) fn old(days: u64, scope: Scope, text: &str) -> Entry {
    let at = SystemTime::now() - Duration::from_secs(days * 86_400);
    Entry::Said(Draft { at, from: name("alice"), scope, text: text.into(), action: false, tag: None })
}

/// Whether the beginning of a word is in the index.
fn is_indexed(store: &SqliteStore, word: &str) -> bool {
    let sql = "CREATE VIRTUAL TABLE IF NOT EXISTS temp.words USING fts5vocab(main, message_grams, row)";
    let count = "SELECT count(*) FROM temp.words WHERE term = ?1";
    let asked = store.write(|writer| {
        writer.conn().execute_batch(sql)?;
        Ok(writer.conn().query_row(count, [&word[..3]], |row| row.get::<_, i64>(0))?)
    });
    asked.unwrap() > 0
}

#[test]
fn what_was_stored_is_there_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir);
    store.append(&[entered("bob", "g", 0), said("alice", group("g"), "1"), said("alice", user("bob"), "2")]).unwrap();
    let place = [reading("bob", None, Position::Here, 1), reading("eve", None, Position::Upto(MessageId(1)), 1)];
    store.append(&place).unwrap();
    assert!(inspect(dir.path()).unwrap() == Some(2), "it works beside a daemon");
    drop(store);
    let store = open(&dir);
    assert_eq!(sees(&store, "bob", None), ["1", "2"]);
    assert_eq!(store.search(&name("bob"), "1", None, 9).unwrap().messages.len(), 1);
    // All sessions ended with the server: whoever was here has got everything, and is in no group.
    assert_eq!(store.append(&[said("alice", group("g"), "3"), said("alice", user("bob"), "4")]).unwrap(), MessageId(3));
    assert_eq!(sees(&store, "bob", Some(group("g"))), ["1"]);
    let owed = store.backlog(&name("bob"), None, MessageId(9), 9).unwrap().messages;
    assert_eq!(owed.iter().map(|message| message.id.0).collect::<Vec<_>>(), [4]);
    assert_eq!(store.last_seen(&name("bob")).unwrap(), Some(at(7)), "bob was last seen when the last message was sent");
    assert_eq!(store.last_seen(&name("eve")).unwrap(), Some(at(1)));
}

#[test]
fn what_was_stored_is_there_after_a_crash() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir);
    store.append(&[said("alice", user("bob"), "kept")]).unwrap();
    let crashed = tempfile::tempdir().unwrap();
    for file in ["parlor.db", "parlor.db-wal"] {
        fs::copy(dir.path().join(file), crashed.path().join(file)).unwrap();
    }
    assert_eq!(inspect(crashed.path()).unwrap(), Some(1));
    assert_eq!(sees(&open(&crashed), "bob", None), ["kept"]);
    // A write-ahead log without its database is not applied to a new one.
    fs::remove_file(crashed.path().join("parlor.db")).unwrap();
    fs::copy(dir.path().join("parlor.db-wal"), crashed.path().join("parlor.db-wal")).unwrap();
    assert!(refused(crashed.path()).contains("parlor.db: is missing, but its write-ahead log is still there"));
}

#[test]
fn a_folder_is_private_and_has_one_daemon() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("new/data");
    let store = SqliteStore::open(&data, &Retention::default()).unwrap();
    let why = refused(&data);
    assert!(why.ends_with("data: another parlord is using this folder; give this one its own with --data"), "{why}");
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&data), 0o700);
    for file in ["parlor.db", "parlor.db-wal", "parlor.db-shm", "parlor.lock"] {
        assert_eq!(mode(&data.join(file)), 0o600, "{file}");
    }
    drop(store);
    SqliteStore::open(&data, &Retention::default()).unwrap();
}

#[test]
fn a_damaged_file_is_refused_and_stays_as_it_is() {
    let good = tempfile::tempdir().unwrap();
    let store = open(&good);
    let lines: Vec<Entry> = (0..500).map(|n| said("alice", user("bob"), &format!("{n} and more"))).collect();
    store.append(&lines).unwrap();
    drop(store);
    let bytes = fs::read(good.path().join("parlor.db")).unwrap();
    let mut scratched = bytes.clone();
    scratched[4096 * 4..].iter_mut().step_by(7).for_each(|byte| *byte ^= 0x5A);
    let foreign = tempfile::tempdir().unwrap();
    let other = foreign.path().join("other.db");
    Connection::open(&other).unwrap().execute_batch("CREATE TABLE t (x)").unwrap();
    let cases = [
        ("empty", Vec::new()),
        ("text", b"alice:secret\n".repeat(1000)),
        ("cut", bytes[..bytes.len() / 2].to_vec()),
        ("scratched", scratched),
        ("of another program", fs::read(other).unwrap()),
    ];
    for (what, bytes) in cases {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("parlor.db");
        fs::write(&path, &bytes).unwrap();
        for why in [refused(dir.path()), inspect(dir.path()).unwrap_err().to_string()] {
            assert!(why.contains("parlor.db: is damaged or not a database of Parlor ("), "{what}: {why}");
            assert!(why.contains("put a backup in its place, or move it away"), "{what}: {why}");
        }
        assert!(fs::read(&path).unwrap() == bytes, "{what}: it was changed");
    }
}

#[test]
fn an_unreadable_file_is_not_called_damaged() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("parlor.db")).unwrap();
    let why = refused(dir.path());
    assert!(why.contains("parlor.db: cannot be read: the disk cannot be used ("), "{why}");
    let why = refused(&dir.path().join("parlor.lock/data"));
    assert!(why.contains("data: cannot be used as the data folder: "), "{why}");
}

#[test]
fn an_upgrade_leaves_a_copy_and_a_newer_database_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir);
    store.append(&[said("alice", user("bob"), "old")]).unwrap();
    drop(store);
    let path = dir.path().join("parlor.db");
    let known = schema::STEPS.len();
    let steps = [schema::STEPS, &["CREATE TABLE later (x); INSERT INTO later VALUES (1)"]].concat();
    let mut conn = folder::open_for_writing(&path, Durability::Fsync).unwrap();
    schema::upgrade(&mut conn, &path, &steps).unwrap();
    assert_eq!(schema::version(&conn).unwrap(), known + 1);
    assert_eq!(conn.query_row("SELECT x FROM later", [], |row| row.get::<_, i64>(0)).unwrap(), 1);
    drop(conn);
    let before = fs::read(&path).unwrap();
    let newer = format!("was written by a newer Parlor (version {}; this one knows {known}): use that one", known + 1);
    assert!(refused(dir.path()).ends_with(&format!("parlor.db: {newer}")));
    assert!(fs::read(&path).unwrap() == before);
    fs::rename(dir.path().join(format!("parlor.db.v{known}.bak")), &path).unwrap();
    assert_eq!(sees(&open(&dir), "bob", None), ["old"]);
}

#[test]
fn the_copy_of_an_earlier_upgrade_is_not_overwritten() {
    let dir = tempfile::tempdir().unwrap();
    drop(open(&dir));
    let known = schema::STEPS.len();
    let (path, copy) = (dir.path().join("parlor.db"), dir.path().join(format!("parlor.db.v{known}.bak")));
    fs::write(&copy, "of the first upgrade").unwrap();
    let mut conn = folder::open_for_writing(&path, Durability::Fsync).unwrap();
    schema::upgrade(&mut conn, &path, &[schema::STEPS, &["CREATE TABLE later (x)"]].concat()).unwrap();
    assert_eq!(fs::read_to_string(&copy).unwrap(), "of the first upgrade");
    assert!(folder::inspect(&dir.path().join(format!("parlor.db.v{known}.2.bak"))).is_ok());
}

#[test]
fn a_database_of_version_1_is_read_and_written_after_its_upgrade() {
    let dir = tempfile::tempdir().unwrap();
    let conn = Connection::open(dir.path().join("parlor.db")).unwrap();
    conn.pragma_update(None, "application_id", schema::APPLICATION).unwrap();
    conn.execute_batch(schema::STEPS[0]).unwrap();
    let old = "INSERT INTO conversation (id, a, b) VALUES (2, 'alice', 'bob');
        INSERT INTO message (id, at, conversation, sender, peer, text, action) VALUES (1, 7, 2, 'alice', 'bob', 'old', 0);
        UPDATE server SET last = 1, messages = 1;
        PRAGMA user_version = 1";
    conn.execute_batch(old).unwrap();
    drop(conn);
    let store = open(&dir);
    let Entry::Said(draft) = said("alice", user("bob"), "new") else { unreachable!("it is a message") };
    let tag: Option<Tag> = Some("k3f9-17".parse().unwrap());
    store.append(&[Entry::Said(Draft { tag: tag.clone(), ..draft })]).unwrap();
    let all = store.history(&name("bob"), None, None, 10).unwrap();
    let all: Vec<_> = all.iter().map(|message| (&*message.said.text, &message.said.tag)).collect();
    assert_eq!(all, [("old", &None), ("new", &tag)]);
}

#[test]
fn an_upgrade_closes_what_earlier_groups_left_open() {
    let dir = tempfile::tempdir().unwrap();
    let conn = Connection::open(dir.path().join("parlor.db")).unwrap();
    conn.pragma_update(None, "application_id", schema::APPLICATION).unwrap();
    conn.execute_batch(schema::STEPS[0]).unwrap();
    // Mallory's stay in the first group of the name was never closed, and alice's group has the name now. The other group
    // had only guests.
    let old = "INSERT INTO conversation (id, a, b) VALUES (2, '#staff', ''), (3, '#empty', '');
        INSERT INTO kept_group (conversation, name, private, announce) VALUES (2, 'staff', 0, 0), (3, 'empty', 0, 0);
        INSERT INTO member (conversation, user, role, rank) VALUES (2, 'alice', 2, 0);
        INSERT INTO group_sanction (conversation, user, penalty, author) VALUES (3, 'bob', 0, 'mallory');
        INSERT INTO stay (user, conversation, after, upto) VALUES
            ('mallory', 2, 0, NULL), ('alice', 2, 1, NULL), ('bob', 3, 0, NULL);
        INSERT INTO message (id, at, conversation, sender, peer, text, action) VALUES
            (1, 7, 2, 'mallory', '#staff', 'own', 0), (2, 7, 2, 'alice', '#staff', 'secret', 0),
            (3, 7, 3, 'bob', '#empty', 'was there', 0);
        UPDATE server SET last = 3, messages = 3;
        PRAGMA user_version = 1";
    conn.execute_batch(old).unwrap();
    drop(conn);
    let store = open(&dir);
    store.append(&[said("alice", group("staff"), "later"), said("bob", group("empty"), "later")]).unwrap();
    assert_eq!(sees(&store, "mallory", None), ["own"]);
    assert_eq!(sees(&store, "alice", None), ["secret", "later"]);
    assert_eq!(sees(&store, "bob", None), ["was there"]);
    assert_eq!(store.groups().unwrap().len(), 1);
}

#[test]
fn a_failed_step_of_an_upgrade_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    drop(open(&dir));
    let path = dir.path().join("parlor.db");
    let mut conn = folder::open_for_writing(&path, Durability::Fsync).unwrap();
    let steps = [schema::STEPS, &["CREATE TABLE later (x); nonsense"]].concat();
    let why = schema::upgrade(&mut conn, &path, &steps).unwrap_err();
    assert!(why.to_string().contains("parlor.db: cannot be upgraded: "), "{why}");
    drop(conn);
    open(&dir);
}

#[test]
fn a_batch_that_does_not_fit_leaves_nothing_behind() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir);
    store.append(&[said("alice", user("bob"), "1")]).unwrap();
    let pages =
        store.write(|writer| Ok(writer.conn().pragma_query_value(None, "page_count", |row| row.get::<_, i64>(0))?));
    store.write(|writer| Ok(writer.conn().pragma_update(None, "max_page_count", pages.clone()?).map(drop)?)).ok();
    let batch: Vec<Entry> =
        (0..500).map(|n| said("alice", user("carol"), &format!("{n} {}", "x".repeat(200)))).collect();
    assert_eq!(store.append(&batch), Err(StoreError::Full));
    assert_eq!(store.last_id().unwrap(), MessageId(1));
    assert!(sees(&store, "carol", None).is_empty());
    // The conversation was new in the batch that failed, so its number must be looked up again.
    assert_eq!(store.append(&[said("alice", user("carol"), "2")]).unwrap(), MessageId(2));
    assert_eq!(sees(&store, "carol", Some(user("alice"))), ["2"]);
}

#[test]
fn readers_do_not_wait_for_another_program_that_writes() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir);
    store.append(&[said("alice", user("bob"), "1")]).unwrap();
    tamper(&store, "PRAGMA busy_timeout = 50");
    let other = Connection::open(dir.path().join("parlor.db")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE; DELETE FROM message").unwrap();
    assert_eq!(store.append(&[said("alice", user("bob"), "2")]), Err(StoreError::Locked));
    assert_eq!(store.append(&[]), Err(StoreError::Locked));
    let began = Instant::now();
    assert_eq!(sees(&store, "bob", None), ["1"]);
    assert!(began.elapsed() < Duration::from_millis(900), "a reader waited");
    other.execute_batch("ROLLBACK").unwrap();
    assert_eq!(store.append(&[said("alice", user("bob"), "2")]).unwrap(), MessageId(2));
}

#[test]
fn writing_reading_searching_and_tending_work_side_by_side() {
    let dir = tempfile::tempdir().unwrap();
    let store =
        open_with(&dir, Retention { keep_messages: 1000, durability: Durability::Commit, ..Retention::default() });
    let (bob, batch) = (name("bob"), [(); 20].map(|()| said("alice", user("bob"), &"some words ".repeat(20))));
    std::thread::scope(|scope| {
        let writing = scope.spawn(|| (0..300).try_for_each(|_| store.append(&batch).map(drop)));
        let tending = scope.spawn(|| (0..200).try_for_each(|_| store.tend().map(drop)));
        for _ in 0..100 {
            let page = store.history(&bob, None, None, 30).unwrap();
            assert!(page.is_sorted_by_key(|message| message.id));
            store.search(&bob, "words", Some(user("alice")), 30).unwrap();
        }
        assert_eq!(writing.join().unwrap(), Ok(()));
        assert_eq!(tending.join().unwrap(), Ok(()));
    });
    tend(&store);
    let left = store.tail(MessageId(0), usize::MAX).unwrap();
    assert_eq!((left.len(), left[0].id), (1000, MessageId(5001)));
}

#[test]
fn what_another_program_deletes_is_not_assumed_to_exist() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir);
    store.append(&[said("alice", user("bob"), "1")]).unwrap();
    let other = Connection::open(dir.path().join("parlor.db")).unwrap();
    other.execute_batch("DELETE FROM message; DELETE FROM conversation WHERE a = 'alice'").unwrap();
    store.append(&[said("alice", user("bob"), "2")]).unwrap();
    assert_eq!(sees(&store, "bob", Some(user("alice"))), ["2"]);
}

#[test]
fn an_id_is_never_assigned_twice() {
    let dir = tempfile::tempdir().unwrap();
    let retention = Retention { keep_days: 1, ..Retention::default() };
    let store = open_with(&dir, retention);
    tamper(&store, "UPDATE server SET expired = unixepoch() * 1000000");
    store.append(&[old(3, user("bob"), "1"), old(2, group("g"), "2")]).unwrap();
    tend(&store);
    assert!(store.tail(MessageId(0), 9).unwrap().is_empty());
    drop(store);
    let store = open_with(&dir, retention);
    assert_eq!(store.append(&[said("bob", user("bob"), "3")]).unwrap(), MessageId(3));
    assert_eq!(store.append(&[Entry::Forgotten { user: name("bob") }]).unwrap(), MessageId(4));
    drop(store);
    assert_eq!(open_with(&dir, retention).append(&[]).unwrap(), MessageId(4));
}

#[test]
fn words_match_without_accents_and_leave_with_their_message() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir);
    store
        .append(&[said("alice", user("bob"), "Crème brûlée"), said("alice", user("bob"), "cafe\u{301}s, tea")])
        .unwrap();
    let found = |words: &str| store.search(&name("bob"), words, None, 9).unwrap().messages.len();
    assert_eq!((found("creme"), found("BRÛLÉE crème"), found("cafés"), found("caf")), (1, 1, 1, 1));
    tend(&store);
    assert!(is_indexed(&store, "brulee") && is_indexed(&store, "tea"));
    store.append(&[Entry::Deleted { id: MessageId(1) }, said("alice", user("bob"), "late")]).unwrap();
    tend(&store);
    assert!(!is_indexed(&store, "brulee") && is_indexed(&store, "tea") && is_indexed(&store, "late"));
    store.append(&[Entry::Forgotten { user: name("bob") }]).unwrap();
    tend(&store);
    assert!(!is_indexed(&store, "tea") && !is_indexed(&store, "late"));
}

#[test]
fn a_search_finds_what_is_not_indexed_yet_and_writes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir);
    store.append(&[old(0, user("bob"), "今天天气很好 🎉 and tomato")]).unwrap();
    let ids = |words: &str| -> Vec<u64> {
        store.search(&name("bob"), words, None, 9).unwrap().messages.iter().map(|message| message.id.0).collect()
    };
    for indexed in [false, true] {
        for words in ["天气", "天", "🎉", "mat", "TOMATO 好", "Ｔｏｍ", "an"] {
            assert_eq!(ids(words), [1], "{words}, indexed: {indexed}");
        }
        assert!(ids("气天").is_empty() && ids("tomat🎉").is_empty() && ids("t").is_empty());
        tend(&store);
    }
    store.append(&[old(0, user("bob"), "newer tomato"), old(0, user("eve"), "secret tomato")]).unwrap();
    assert_eq!(ids("tomato"), [1, 2], "one from the index, one from the table");
}

#[test]
fn a_search_over_many_new_messages_answers_at_once_and_says_so() {
    use crate::model::limits::SEARCH_UNINDEXED;
    let dir = tempfile::tempdir().unwrap();
    let store = open_with(&dir, Retention { durability: Durability::Commit, ..Retention::default() });
    let many: Vec<Entry> = (0..2 * SEARCH_UNINDEXED).map(|n| old(0, user("bob"), &format!("number {n}"))).collect();
    store.append(&many).unwrap();
    let found = store.search(&name("bob"), "number 1", None, 9).unwrap();
    assert_eq!((found.messages.len(), found.end), (0, SearchEnd::Indexing));
    let found = store.search(&name("bob"), "number", None, 3).unwrap();
    assert_eq!((found.messages.len(), found.end), (3, SearchEnd::Complete));
    tend(&store);
    let found = store.search(&name("bob"), "number 17", None, 99).unwrap();
    assert_eq!(found.end, SearchEnd::Complete);
    assert!(found.messages.iter().all(|message| message.said.text.contains("17")) && found.messages.len() == 99);
}

#[test]
fn an_older_database_is_indexed_anew_in_the_background() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("parlor.db");
    let mut conn = Connection::open(&path).unwrap();
    conn.pragma_update(None, "application_id", schema::APPLICATION).unwrap();
    schema::upgrade(&mut conn, &path, &schema::STEPS[..3]).unwrap();
    conn.execute_batch(
        "INSERT INTO conversation (id, a, b) VALUES (2, 'alice', 'bob');
         INSERT INTO message (id, at, conversation, sender, peer, text, action) VALUES (1, 1, 2, 'alice', 'bob', '今天天气', 0);
         INSERT INTO message_words (rowid, text, conversation) VALUES (1, '今天天气', 2);
         UPDATE server SET last = 1, messages = 1, indexed = 1",
    )
    .unwrap();
    drop(conn);
    let store = open(&dir);
    for _ in 0..2 {
        assert_eq!(store.search(&name("bob"), "天气", None, 9).unwrap().messages.len(), 1);
        tend(&store);
    }
    store.append(&[Entry::Deleted { id: MessageId(1) }]).unwrap();
    tend(&store);
    assert!(store.search(&name("bob"), "天气", None, 9).unwrap().messages.is_empty());
}

#[test]
fn a_damaged_value_costs_one_message_and_nothing_else() {
    let damages = [
        "text = CAST(x'61FF62' AS TEXT)",
        "text = x'FF'",
        "sender = 'no name'",
        "sender = x'FF'",
        "sender = CAST(x'FF' AS TEXT)",
        "peer = '#no group'",
        "peer = CAST(x'23FF' AS TEXT)",
        "at = 'never'",
        "deleted = 'so'",
        "action = x'01'",
        "tag = x'01'",
    ];
    for damage in damages {
        let dir = tempfile::tempdir().unwrap();
        let store = open_with(&dir, Retention { keep_days: 9, keep_messages: 100, ..Retention::default() });
        let lines: Vec<Entry> = (1..=5).map(|n| old(0, user("bob"), &format!("soup {n}"))).collect();
        store.append(&lines).unwrap();
        tamper(&store, &format!("UPDATE message SET {damage} WHERE id = 3"));
        tend(&store);
        let texts = |messages: Vec<Message>| -> Vec<(u64, String)> {
            messages.into_iter().map(|message| (message.id.0, message.said.text.to_string())).collect()
        };
        let all = texts(store.history(&name("bob"), None, None, 9).unwrap());
        assert_eq!(all.iter().map(|(id, _)| *id).collect::<Vec<_>>(), [1, 2, 3, 4, 5], "{damage}");
        assert_eq!(all[2].1.starts_with("(this message is damaged)"), damage.starts_with("text"), "{damage}");
        assert_eq!(texts(store.tail(MessageId(0), 9).unwrap()), all, "{damage}");
        assert!(texts(store.search(&name("bob"), "soup", None, 9).unwrap().messages).len() >= 4, "{damage}");
        assert!(store.backlog(&name("bob"), None, MessageId(9), 9).unwrap().messages.len() >= 4, "{damage}");
        assert!(store.message(&name("bob"), MessageId(3)).unwrap().is_some(), "{damage}");
        let tools = SqliteTools::new(dir.path());
        let expected: &[MessageId] = if damage.starts_with("tag") { &[] } else { &[MessageId(3)] };
        assert_eq!(tools.damaged().unwrap(), expected, "{damage}");
        let mut exported = 0;
        tools
            .export(
                None,
                None,
                &mut |_| {
                    Ok({
                        exported += 1;
                        true
                    })
                },
                &mut |_, _| (),
            )
            .unwrap();
        assert_eq!(exported, 5, "{damage}");
        tools.erase(&name("alice"), &mut |_, _| (), &mut |_, _| ()).unwrap();
        store.append(&[old(0, user("bob"), "6")]).unwrap();
        tend(&store);
    }
}

#[test]
fn a_damaged_row_of_any_table_costs_that_row_alone() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir);
    tamper(
        &store,
        "INSERT INTO server_role VALUES (x'FF', 1), ('bob', 9), ('eve', 1);
         INSERT INTO ignored VALUES ('bob', x'FF'), ('bob', 'eve');
         INSERT INTO token VALUES ('bob', 'a b', x'00', 1, NULL), ('bob', 'c', x'00', 1, NULL);
         INSERT INTO sanction VALUES ('gag', '@bob', 'a', '', 1, NULL), ('ban', '@eve', CAST(x'FF' AS TEXT), '', 1, NULL);
         INSERT INTO report VALUES (1, 'x', NULL, 'bob', 'why'), (2, 1, NULL, 'bob', 'why');
         INSERT INTO renaming (was, now) VALUES ('a b', 'c'), ('a', 'b');
         INSERT INTO reader VALUES ('bob', '', 'x', 1);
         INSERT INTO cleared VALUES ('bob', 1, 'x');
         INSERT INTO stay (user, conversation, after, upto) VALUES ('bob', 1, 'x', NULL);
         INSERT INTO kept_group VALUES (7, 'no group', NULL, 0, 0, NULL, NULL), (8, 'g', NULL, 0, 0, NULL, NULL);
         INSERT INTO member VALUES (8, 'bob', 5, 1), (8, 'no name', 0, 1), (8, 'eve', 2, 1);
         INSERT INTO group_sanction VALUES (8, 'bob', 7, 'eve', NULL, NULL);",
    );
    let bob = name("bob");
    assert_eq!(store.operators().unwrap(), [(name("eve"), Role::Moderator)]);
    assert_eq!((store.role(&bob).unwrap(), store.role(&name("eve")).unwrap()), (Role::User, Role::Moderator));
    assert_eq!(store.ignored().unwrap(), [(bob, name("eve"))]);
    assert_eq!((store.sanctions().unwrap().len(), store.reports().unwrap().len()), (0, 1));
    assert_eq!(store.renamings().unwrap(), [(name("a"), name("b"))]);
    let groups = store.groups().unwrap();
    assert_eq!((groups.len(), groups[0].members.len(), groups[0].sanctions.len()), (1, 1, 0));
    store.history(&bob, None, None, 9).unwrap();
    store.backlog(&bob, None, MessageId(9), 9).unwrap();
    store.tokens(&bob).unwrap();
    drop(store);
    open(&dir);
}

#[test]
fn an_open_store_stays_within_its_descriptors() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir);
    let has = || {
        let all = fs::read_dir("/proc/self/fd").unwrap().filter_map(|fd| fs::read_link(fd.ok()?.path()).ok());
        all.filter(|file| file.starts_with(dir.path())).count() as u64
    };
    let most = std::thread::scope(|scope| {
        let read = || (0..20).map(|_| store.tail(MessageId(0), 1).map(|_| has()).unwrap()).max();
        let threads: Vec<_> = (0..40).map(|_| scope.spawn(read)).collect();
        store.tend().unwrap();
        threads.into_iter().filter_map(|thread| thread.join().unwrap()).max().unwrap()
    });
    assert!((3..=DESCRIPTORS).contains(&most), "{most}");
}

#[test]
fn a_kept_group_and_its_members_survive_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let changes = [
        GroupSetting::Limit(Some(9)),
        GroupSetting::Private(true),
        GroupSetting::Keep(true),
        GroupSetting::Topic(Some("x".into())),
    ];
    let settings = GroupSettings::with(&changes);
    let member = |user, role, rank| Entry::Member { group: name("Red"), user: name(user), role, rank };
    let terms = SanctionTerms { by: name("Ann"), reason: Some("why".into()), until: Some(at(9)) };
    let banned = Entry::MemberSanctioned { group: name("red"), user: name("eve"), penalty: Penalty::Ban, terms };
    let store = open(&dir);
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
    let store = open(&dir);
    assert_eq!(store.groups().unwrap(), before);
    let [kept] = &before[..] else { panic!("{before:?}") };
    assert_eq!((kept.name.as_str(), &kept.settings, kept.sanctions.len()), ("Red", &settings, 1));
    assert_eq!(kept.members, [(name("Ann"), GroupRole::Owner, 0), (name("bob"), GroupRole::Member, 1)]);
    store.append(&[said("Ann", group("red"), "1"), said("Ann", group("loose"), "2")]).unwrap();
    assert_eq!(sees(&store, "bob", None), ["1"], "bob is in the group that is kept");
    assert_eq!(store.backlog(&name("bob"), None, MessageId(9), 9).unwrap().messages.len(), 1);
    store.append(&[Entry::GroupGone { group: name("RED") }]).unwrap();
    assert!(store.groups().unwrap().is_empty());
}

#[test]
fn a_returned_connection_is_used_again_and_few_are_kept() {
    let readers = ReadPool::default();
    let mut taken: Vec<PooledConnection<'_>> = (0..READERS).map(|_| readers.take()).collect();
    assert!(taken.iter().all(|reader| reader.conn.is_none()));
    taken.iter_mut().for_each(|reader| reader.conn = Connection::open_in_memory().ok());
    drop(taken);
    assert_eq!(readers.idle.lock().len(), READERS_KEPT);
    assert!(readers.take().conn.take().is_some());
    assert_eq!(readers.idle.lock().len(), READERS_KEPT - 1, "a connection that failed is closed");
}

fn is_replaced<T: std::fmt::Debug>(result: Result<T, StoreError>) -> bool {
    matches!(&result, Err(StoreError::Replaced(_)))
}

/// A store with a message, whose file has it, too.
fn with_one_message(dir: &Path) -> SqliteStore {
    let store = SqliteStore::open(dir, &Retention::default()).unwrap();
    store.append(&[said("alice", user("bob"), "1")]).unwrap();
    tamper(&store, "PRAGMA wal_checkpoint(TRUNCATE)");
    store.inspect().unwrap();
    store
}

#[test]
fn nothing_is_acknowledged_by_a_file_without_its_name() {
    let dir = tempfile::tempdir().unwrap();
    let (data, path) = (dir.path().join("data"), dir.path().join("data/parlor.db"));
    let removed: &dyn Fn() = &|| fs::remove_dir_all(&data).unwrap();
    let lone: &dyn Fn() = &|| fs::remove_file(&path).unwrap();
    let renamed: &dyn Fn() = &|| fs::rename(&path, dir.path().join("elsewhere")).unwrap();
    let replaced: &dyn Fn() = &|| {
        fs::copy(&path, dir.path().join("copy")).unwrap();
        fs::rename(dir.path().join("copy"), &path).unwrap();
    };
    let cut: &dyn Fn() = &|| fs::File::options().write(true).open(&path).unwrap().set_len(8192).unwrap();
    for (what, act) in [("rm -r", removed), ("rm", lone), ("mv away", renamed), ("mv over", replaced), ("cut", cut)] {
        let _ = fs::remove_dir_all(&data);
        let store = with_one_message(&data);
        act();
        assert!(is_replaced(store.append(&[said("alice", user("bob"), "2")])), "{what}");
        assert!(is_replaced(store.append(&[])) && is_replaced(store.inspect()), "{what}");
    }
}

#[test]
fn a_copy_written_over_the_database_is_noticed_for_good() {
    let (dir, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let path = dir.path().join("parlor.db");
    let older = with_one_message(other.path());
    let (all, big) = ((0..200).map(|_| said("alice", user("bob"), "2")).collect::<Vec<_>>(), "x".repeat(1 << 20));
    for bytes in [fs::read(other.path().join("parlor.db")).unwrap(), big.into_bytes()] {
        let store = with_one_message(dir.path());
        store.append(&all).unwrap();
        tamper(&store, "PRAGMA wal_checkpoint(TRUNCATE)");
        store.inspect().unwrap();
        let good = fs::read(&path).unwrap();
        std::thread::sleep(Duration::from_millis(20));
        fs::write(&path, &bytes).unwrap();
        assert!(is_replaced(store.inspect()));
        fs::write(&path, good).unwrap();
        assert!(is_replaced(store.append(&[])), "what is in memory may not fit what is on disk");
    }
    drop(older);
}

#[test]
fn a_folder_that_comes_back_is_used_after_a_check() {
    let dir = tempfile::tempdir().unwrap();
    let (data, away) = (dir.path().join("data"), dir.path().join("away"));
    let store = with_one_message(&data);
    fs::rename(&data, &away).unwrap();
    assert!(is_replaced(store.append(&[])));
    fs::rename(&away, &data).unwrap();
    store.append(&[said("alice", user("bob"), "2")]).unwrap();
    assert_eq!(sees(&store, "bob", None), ["1", "2"]);
    // The same, but something happened to it meanwhile.
    fs::rename(&data, &away).unwrap();
    assert!(is_replaced(store.append(&[])));
    let path = away.join("parlor.db");
    let mut bytes = fs::read(&path).unwrap();
    bytes[4096..].iter_mut().step_by(7).for_each(|byte| *byte ^= 0x5A);
    fs::write(&path, bytes).unwrap();
    fs::rename(&away, &data).unwrap();
    assert!(store.append(&[]).is_err() && store.inspect().is_err() && store.append(&[]).is_err());
}

#[test]
fn a_removed_lock_file_lets_no_second_daemon_in() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir);
    fs::remove_file(dir.path().join("parlor.lock")).unwrap();
    assert!(refused(dir.path()).contains("another parlord is using this folder"));
    fs::remove_file(dir.path().join("parlor.lock")).unwrap();
    store.inspect().unwrap();
    assert!(dir.path().join("parlor.lock").exists());
    assert!(refused(dir.path()).contains("another parlord is using this folder"));
}

#[test]
fn erasing_a_user_takes_their_words_out_of_everything() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir);
    tamper(
        &store,
        "INSERT INTO report VALUES (1, 1, 'Mallory', 'bob', 'marked'), (2, 1, NULL, 'mallory: marked', 'x'),
             (3, 1, 'bob', 'eve: mallory', 'y');
         INSERT INTO sanction VALUES ('ban', '@eve', 'mallory', 'marked', 1, NULL), ('mute', '@eve', 'bob', 'z', 1, NULL);
         INSERT INTO kept_group VALUES (8, 'g', NULL, 0, 0, 'marked', NULL), (9, 'h', NULL, 0, 0, 'theirs', NULL);
         INSERT INTO member VALUES (8, 'mallory', 2, 1), (9, 'mallory', 0, 1);
         INSERT INTO group_sanction VALUES (8, 'eve', 0, 'mallory', 'marked', NULL);",
    );
    store.append(&[said("mallory", Scope::Everybody, "marked"), said("bob", user("mallory"), "marked")]).unwrap();
    tend(&store);
    SqliteTools::new(dir.path()).erase(&name("MALLORY"), &mut |_, _| (), &mut |_, _| ()).unwrap();
    assert_eq!(store.reports().unwrap().iter().map(|report| report.number).collect::<Vec<_>>(), [3]);
    assert_eq!(store.sanctions().unwrap().len(), 2, "what they imposed stays in force");
    drop(store);
    let bytes = fs::read(dir.path().join("parlor.db")).unwrap();
    assert!(!bytes.windows(6).any(|word| word == b"marked") && bytes.windows(6).any(|word| word == b"theirs"));
}

#[test]
fn searches_leave_connections_to_logins() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir);
    let all: Vec<_> = (0..READERS - READERS_FREE).map(|_| store.readers.lengthy.acquire()).collect();
    assert!(store.tokens(&name("bob")).unwrap().is_empty());
    drop(all);
}
