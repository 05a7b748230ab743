//! Who ignores somebody sees nothing of him, and nobody else is concerned; over all stores.

use super::{entered, group, name, said, sees, user};
use crate::model::Retention;
use crate::store::sqlite::SqliteStore;
use crate::store::*;

fn ignores(who: &str, whom: &str, ignored: bool) -> Entry {
    Entry::Ignored { user: name(who), whom: name(whom), ignored }
}

fn over_every_store(test: impl Fn(&dyn Store)) {
    test(&MemoryStore::default());
    let dir = tempfile::tempdir().unwrap();
    test(&SqliteStore::open(dir.path(), &Retention::default()).unwrap());
}

fn texts(messages: &[Message]) -> Vec<&str> {
    messages.iter().map(|message| &*message.said.text).collect()
}

#[test]
fn what_an_ignored_user_said_is_left_out_for_one_reader_until_he_wants_it_back() {
    over_every_store(|store| {
        store.append(&[entered("bob", "g", 0), entered("carol", "g", 0)]).unwrap();
        store.append(&[said("mallory", group("g"), "in g"), said("Mallory", user("bob"), "psst")]).unwrap();
        store.append(&[said("mallory", Scope::Everybody, "all"), said("bob", user("mallory"), "own")]).unwrap();
        store.append(&[said("carol", group("g"), "hi"), ignores("BOB", "MALLORY", true)]).unwrap();
        let bob = name("bob");
        assert_eq!(sees(store, "bob", None), ["own", "hi"]);
        assert_eq!(sees(store, "bob", Some(group("g"))), ["hi"]);
        assert_eq!(texts(&store.history(&bob, None, None, 1).unwrap()), ["hi"]);
        assert_eq!(texts(&store.history(&bob, None, Some(MessageId(5)), 1).unwrap()), ["own"]);
        assert!(store.message(&bob, MessageId(2)).unwrap().is_none());
        assert!(store.message(&bob, MessageId(5)).unwrap().is_some());
        assert!(store.search(&bob, "psst", None, 9).unwrap().is_empty());
        assert_eq!(sees(store, "carol", None), ["in g", "all", "hi"]);
        assert_eq!(sees(store, "mallory", Some(user("bob"))), ["psst", "own"]);
        assert_eq!(store.ignored().unwrap(), [(bob, name("mallory"))]);
        store.append(&[ignores("bob", "Mallory", false), ignores("bob", "carol", false)]).unwrap();
        assert_eq!(sees(store, "bob", None), ["in g", "psst", "all", "own", "hi"]);
        assert!(store.ignored().unwrap().is_empty());
    });
}

#[test]
fn a_backlog_withholds_what_was_said_privately_by_the_ignored_and_makes_room_for_the_others() {
    over_every_store(|store| {
        store.append(&[entered("bob", "g", 0), ignores("bob", "mallory", true)]).unwrap();
        let flood: Vec<Entry> = (0..5).map(|n| said("mallory", user("bob"), &n.to_string())).collect();
        store.append(&flood).unwrap();
        store.append(&[said("mallory", group("g"), "in g"), said("alice", user("bob"), "hi")]).unwrap();
        let backlog = store.backlog(&name("bob"), None, MessageId(99), 3).unwrap();
        assert_eq!((texts(&backlog.messages), backlog.more), (vec!["hi"], 0));
        assert_eq!(texts(&backlog.withheld), ["0", "1", "2"]);
    });
}

#[test]
fn who_is_forgotten_ignores_nobody_and_is_ignored_by_nobody() {
    over_every_store(|store| {
        let all = [("bob", "mallory"), ("mallory", "bob"), ("mallory", "alice"), ("alice", "bob")];
        store.append(&all.map(|(who, whom)| ignores(who, whom, true))).unwrap();
        store.append(&[Entry::Forgotten { user: name("MALLORY") }]).unwrap();
        assert_eq!(store.ignored().unwrap(), [(name("alice"), name("bob"))]);
    });
}
