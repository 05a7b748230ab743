//! Requirements on every store. Each test runs over all stores.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::sqlite::SqliteStore;
use super::*;
use crate::model::{Draft, Retention, Scope};

/// Runs each of these tests over an empty store of each kind.
macro_rules! over_every_store {
    ($($test:ident),* $(,)?) => {
        mod memory {
            $(#[test] fn $test() { super::$test(&super::MemoryStore::default()); })*
        }
        mod sqlite {
            $(#[test] fn $test() {
                let dir = tempfile::tempdir().unwrap();
                super::$test(&super::SqliteStore::open(dir.path(), &super::Retention::default()).unwrap());
            })*
        }
    };
}

mod accounts;
mod identity;
mod moderation;
mod properties;
mod renaming;

over_every_store!(
    a_batch_gets_ids_without_a_gap,
    a_private_conversation_is_visible_to_its_two_users,
    a_group_is_visible_from_joining_to_leaving,
    joining_twice_is_one_stay,
    a_broadcast_is_visible_to_everybody_but_guests,
    clearing_hides_messages_from_one_reader_for_good,
    a_deleted_message_has_no_text_and_is_owed_to_nobody,
    history_goes_back_page_by_page,
    a_device_is_owed_what_came_after_its_position,
    a_search_finds_all_words_and_knows_no_operators,
    the_log_can_be_copied_piece_by_piece,
    ignoring_hides_messages_from_one_reader_until_undone,
    a_backlog_withholds_private_messages_of_ignored_users,
    a_deleted_account_ignores_nobody_and_nobody_ignores_it,
);

pub(super) fn name(text: &str) -> Name {
    text.parse().unwrap()
}

pub(super) fn user(text: &str) -> Scope {
    Scope::User(name(text))
}

pub(super) fn group(text: &str) -> Scope {
    Scope::Group(name(text))
}

pub(super) fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_800_000_000 + seconds)
}

pub(super) fn said(from: &str, scope: Scope, text: &str) -> Entry {
    Entry::Said(Draft { at: at(7), from: name(from), scope, text: text.into(), action: false, tag: None })
}

pub(super) fn entered(who: &str, group: &str, after: u64) -> Entry {
    Entry::Entered { user: name(who), group: name(group), after: MessageId(after) }
}

pub(super) fn left(who: &str, group: Option<&str>, upto: u64) -> Entry {
    Entry::Left { user: name(who), group: group.map(name), upto: MessageId(upto) }
}

/// Creates a token, and with it a device.
pub(super) fn token(who: &str, device: &str) -> Entry {
    Entry::TokenMade(Token { user: name(who), name: name(device), secret: [1; 32], made: at(1), expires: None })
}

pub(super) fn reading(who: &str, device: Option<&str>, position: Position, seconds: u64) -> Entry {
    Entry::Delivered { user: name(who), device: device.map(name), position, at: at(seconds) }
}

fn cleared(who: &str, scope: Option<Scope>, upto: u64) -> Entry {
    Entry::Cleared { user: name(who), scope, upto: MessageId(upto) }
}

fn ignores(who: &str, whom: &str, ignored: bool) -> Entry {
    Entry::Ignored { user: name(who), whom: name(whom), ignored }
}

fn texts(messages: &[Message]) -> Vec<&str> {
    messages.iter().map(|message| &*message.said.text).collect()
}

/// The texts of the messages that a reader sees, of one conversation or of all.
pub(super) fn sees(store: &dyn Store, reader: &str, scope: Option<Scope>) -> Vec<String> {
    let messages = store.history(&name(reader), scope, None, 100).unwrap();
    texts(&messages).into_iter().map(str::to_owned).collect()
}

/// The texts of the messages that a device is owed.
pub(super) fn owed(store: &dyn Store, reader: &str, device: Option<&str>) -> Vec<String> {
    let upto = store.last_id().unwrap();
    let backlog = store.backlog(&name(reader), device.map(name), upto, 100).unwrap();
    assert_eq!(backlog.more, 0);
    texts(&backlog.messages).into_iter().map(str::to_owned).collect()
}

fn a_batch_gets_ids_without_a_gap(store: &dyn Store) {
    assert_eq!(store.last_id().unwrap(), MessageId(0));
    assert_eq!(store.append(&[]).unwrap(), MessageId(1));
    let batch = [entered("bob", "g", 0), said("Alice", group("g"), "one"), said("bob", user("ALICE"), "two\nü")];
    assert_eq!(store.append(&batch).unwrap(), MessageId(1));
    assert_eq!(store.append(&[left("bob", None, 2)]).unwrap(), MessageId(3));
    assert_eq!(store.last_id().unwrap(), MessageId(2));
    let all = store.tail(MessageId(0), 10).unwrap();
    let drafts: Vec<Entry> = all.iter().map(|message| Entry::Said(message.said.clone())).collect();
    // As text, because names that differ in case are equal.
    assert_eq!(format!("{drafts:?}"), format!("{:?}", &batch[1..]));
    assert!(all.iter().all(|message| !message.deleted) && all[1].id == MessageId(2));
}

fn a_private_conversation_is_visible_to_its_two_users(store: &dyn Store) {
    store.append(&[said("alice", user("Bob"), "a"), said("bob", user("alice"), "b")]).unwrap();
    store.append(&[said("carol", user("bob"), "c"), said("carol", user("carol"), "self")]).unwrap();
    assert_eq!(sees(store, "ALICE", Some(user("bob"))), ["a", "b"]);
    assert_eq!(sees(store, "bob", Some(user("ALICE"))), ["a", "b"]);
    assert_eq!(sees(store, "bob", None), ["a", "b", "c"]);
    assert_eq!(sees(store, "carol", Some(user("carol"))), ["self"]);
    assert!(sees(store, "carol", Some(user("alice"))).is_empty() && sees(store, "dave", None).is_empty());
    assert!(store.message(&name("Alice"), MessageId(2)).unwrap().is_some());
    assert!(store.message(&name("carol"), MessageId(2)).unwrap().is_none());
    assert!(store.message(&name("alice"), MessageId(5)).unwrap().is_none());
}

fn a_group_is_visible_from_joining_to_leaving(store: &dyn Store) {
    store.append(&[entered("alice", "G", 0), said("alice", group("g"), "1"), entered("bob", "g", 1)]).unwrap();
    store.append(&[said("alice", group("g"), "2"), left("bob", Some("g"), 2), said("alice", group("g"), "3")]).unwrap();
    store.append(&[entered("bob", "g", 3), said("alice", group("g"), "4"), left("bob", None, 4)]).unwrap();
    store.append(&[said("alice", group("g"), "5"), said("alice", group("other"), "6")]).unwrap();
    assert_eq!(sees(store, "alice", Some(group("g"))), ["1", "2", "3", "4", "5"]);
    assert_eq!(sees(store, "bob", Some(group("g"))), ["2", "4"]);
    assert_eq!(sees(store, "bob", None), ["2", "4"]);
    assert!(sees(store, "alice", Some(group("other"))).is_empty() && sees(store, "carol", Some(group("g"))).is_empty());
    let open: Vec<bool> = (1..=5).map(|id| store.message(&name("bob"), MessageId(id)).unwrap().is_some()).collect();
    assert_eq!(open, [false, true, false, true, false]);
}

fn joining_twice_is_one_stay(store: &dyn Store) {
    store.append(&[entered("bob", "g", 0), said("alice", group("g"), "1"), entered("bob", "g", 1)]).unwrap();
    store.append(&[said("alice", group("g"), "2"), left("bob", Some("g"), 1), left("bob", Some("g"), 2)]).unwrap();
    assert_eq!(sees(store, "bob", Some(group("g"))), ["1"]);
    store.append(&[entered("bob", "g", 0)]).unwrap();
    assert_eq!(sees(store, "bob", None), ["1", "2"], "overlapping stays show nothing twice");
}

fn a_broadcast_is_visible_to_everybody_but_guests(store: &dyn Store) {
    store.append(&[said("alice", Scope::Everybody, "all"), said("alice", user("guest-1"), "psst")]).unwrap();
    store.append(&[entered("guest-1", "g", 0), said("alice", group("g"), "in g")]).unwrap();
    assert_eq!(sees(store, "nobody", Some(Scope::Everybody)), ["all"]);
    assert_eq!(sees(store, "nobody", None), ["all"]);
    assert!(sees(store, "guest-1", None).is_empty() && owed(store, "guest-1", None).is_empty());
    assert!(store.message(&name("guest-1"), MessageId(2)).unwrap().is_none());
    assert!(store.search(&name("guest-1"), "psst", None, 9).unwrap().messages.is_empty());
    assert_eq!(sees(store, "alice", Some(user("Guest-1"))), ["psst"]);
    assert!(owed(store, "bob", None).is_empty(), "broadcasts are not delivered later");
}

fn clearing_hides_messages_from_one_reader_for_good(store: &dyn Store) {
    store.append(&[entered("bob", "g", 0), said("alice", user("bob"), "a"), said("alice", group("g"), "b")]).unwrap();
    store.append(&[said("alice", Scope::Everybody, "c"), cleared("bob", Some(user("alice")), 1)]).unwrap();
    assert_eq!(sees(store, "bob", None), ["b", "c"]);
    assert_eq!(sees(store, "alice", None), ["a", "c"]);
    store.append(&[cleared("bob", None, 2), said("alice", user("bob"), "d")]).unwrap();
    assert_eq!(sees(store, "bob", None), ["c", "d"]);
    store.append(&[cleared("bob", None, 1), left("bob", None, 4), entered("bob", "g", 0)]).unwrap();
    assert_eq!(sees(store, "bob", None), ["c", "d"]);
    assert!(store.message(&name("bob"), MessageId(2)).unwrap().is_none());
    assert!(store.search(&name("bob"), "b", None, 9).unwrap().messages.is_empty());
    assert_eq!(owed(store, "bob", None), ["d"]);
}

fn a_deleted_message_has_no_text_and_is_owed_to_nobody(store: &dyn Store) {
    store.append(&[said("alice", user("bob"), "secret one"), said("alice", user("bob"), "two")]).unwrap();
    assert_eq!(store.search(&name("bob"), "secret", None, 9).unwrap().messages.len(), 1);
    let gone = Entry::Deleted { id: MessageId(1) };
    store.append(&[gone.clone(), gone, Entry::Deleted { id: MessageId(77) }]).unwrap();
    let message = store.message(&name("bob"), MessageId(1)).unwrap().unwrap();
    assert!(message.deleted && message.said.text.is_empty());
    assert_eq!(sees(store, "bob", None), ["", "two"]);
    assert_eq!(owed(store, "bob", None), ["two"]);
    while store.tend().unwrap() {}
    assert!(store.search(&name("bob"), "secret", None, 9).unwrap().messages.is_empty());
}

fn history_goes_back_page_by_page(store: &dyn Store) {
    let lines: Vec<Entry> =
        (0..30).map(|n| said("alice", if n % 3 == 0 { user("bob") } else { group("g") }, &n.to_string())).collect();
    store.append(&[entered("bob", "g", 0)]).unwrap();
    store.append(&lines).unwrap();
    let (bob, mut before, mut pages) = (name("bob"), None, Vec::new());
    loop {
        let page = store.history(&bob, None, before, 7).unwrap();
        assert!(page.is_sorted_by_key(|message| message.id) && page.len() <= 7);
        let Some(first) = page.first() else { break };
        before = Some(first.id);
        pages.splice(0..0, texts(&page).into_iter().map(str::to_owned));
    }
    assert_eq!(pages, (0..30).map(|n| n.to_string()).collect::<Vec<_>>());
    assert_eq!(texts(&store.history(&bob, Some(user("alice")), Some(MessageId(10)), 2).unwrap()), ["3", "6"]);
    assert!(store.history(&bob, None, None, 0).unwrap().is_empty());
    assert!(store.history(&bob, None, Some(MessageId(0)), 9).unwrap().is_empty());
}

fn a_device_is_owed_what_came_after_its_position(store: &dyn Store) {
    store.append(&[entered("bob", "g", 0), entered("alice", "g", 0)]).unwrap();
    let lines = [said("alice", user("bob"), "1"), said("bob", group("g"), "2"), said("alice", group("g"), "3")];
    store.append(&lines).unwrap();
    store.append(&[said("alice", Scope::Everybody, "4"), said("alice", user("bob"), "5")]).unwrap();
    assert_eq!(owed(store, "bob", None), ["1", "3", "5"]);
    let upto = |id| Position::Upto(MessageId(id));
    store.append(&[token("bob", "phone"), reading("BOB", None, upto(1), 1)]).unwrap();
    store.append(&[reading("bob", Some("Phone"), Position::Here, 1)]).unwrap();
    assert_eq!(owed(store, "bob", None), ["3", "5"]);
    assert!(owed(store, "bob", Some("phone")).is_empty());
    assert_eq!(owed(store, "bob", Some("new")), ["1", "3", "5"]);
    let first = store.backlog(&name("bob"), Some(name("new")), MessageId(4), 1).unwrap();
    assert_eq!((texts(&first.messages), first.more), (vec!["1"], 1));
    assert_eq!(store.backlog(&name("bob"), None, MessageId(9), 0).unwrap().more, 2);
    store.append(&[left("bob", Some("g"), 2)]).unwrap();
    assert_eq!(owed(store, "bob", None), ["5"]);
}

fn a_search_finds_all_words_and_knows_no_operators(store: &dyn Store) {
    let lines = ["The quick brown Fox", "quick, don't!", "NEAR the \"fox\" - and *stars*", "x OR y"];
    store.append(&lines.map(|line| said("alice", user("bob"), line))).unwrap();
    store.append(&[said("alice", user("carol"), "quick fox"), entered("bob", "g", 0)]).unwrap();
    store.append(&[said("alice", group("g"), "fox in g")]).unwrap();
    let found = |words: &str, scope| -> Vec<u64> {
        store.search(&name("bob"), words, scope, 9).unwrap().messages.iter().map(|message| message.id.0).collect()
    };
    assert_eq!(found("QUICK", None), [1, 2]);
    assert_eq!(found("fox the", None), [1, 3]);
    assert_eq!(found("fox", Some(group("g"))), [6]);
    assert_eq!(found("fox", Some(user("alice"))), [1, 3]);
    assert_eq!(found("don't", None), [2]);
    for (typed, ids) in [("near", vec![3]), ("stars*", vec![3]), ("qui*", vec![1, 2]), ("\"fox\" -", vec![1, 3, 6])] {
        assert_eq!(found(typed, None), ids, "{typed}");
    }
    assert!(found("x OR quick", None).is_empty());
    for none in ["", " ", "-", "\"", "*", "NOT (", "text:fox", "fox\0", "^ + {", "\u{1F98A}"] {
        found(none, None);
    }
    assert!(found("", None).is_empty());
    assert_eq!(texts(&store.search(&name("bob"), "fox", None, 1).unwrap().messages), ["fox in g"]);
}

fn the_log_can_be_copied_piece_by_piece(store: &dyn Store) {
    let lines: Vec<Entry> = (0..10).map(|n| said("alice", user("bob"), &n.to_string())).collect();
    store.append(&lines).unwrap();
    assert_eq!(texts(&store.tail(MessageId(3), 2).unwrap()), ["3", "4"]);
    assert_eq!(store.tail(MessageId(0), usize::MAX).unwrap().len(), 10);
    assert!(store.tail(MessageId(10), 9).unwrap().is_empty() && store.tail(MessageId(u64::MAX), 9).unwrap().is_empty());
}

fn ignoring_hides_messages_from_one_reader_until_undone(store: &dyn Store) {
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
    assert!(store.search(&bob, "psst", None, 9).unwrap().messages.is_empty());
    assert_eq!(sees(store, "carol", None), ["in g", "all", "hi"]);
    assert_eq!(sees(store, "mallory", Some(user("bob"))), ["psst", "own"]);
    assert_eq!(store.ignored().unwrap(), [(bob, name("mallory"))]);
    store.append(&[ignores("bob", "Mallory", false), ignores("bob", "carol", false)]).unwrap();
    assert_eq!(sees(store, "bob", None), ["in g", "psst", "all", "own", "hi"]);
    assert!(store.ignored().unwrap().is_empty());
}

fn a_backlog_withholds_private_messages_of_ignored_users(store: &dyn Store) {
    store.append(&[entered("bob", "g", 0), ignores("bob", "mallory", true)]).unwrap();
    let flood: Vec<Entry> = (0..5).map(|n| said("mallory", user("bob"), &n.to_string())).collect();
    store.append(&flood).unwrap();
    store.append(&[said("mallory", group("g"), "in g"), said("alice", user("bob"), "hi")]).unwrap();
    let backlog = store.backlog(&name("bob"), None, MessageId(99), 3).unwrap();
    assert_eq!((texts(&backlog.messages), backlog.more), (vec!["hi"], 0));
    assert_eq!(texts(&backlog.withheld), ["0", "1", "2"]);
}

fn a_deleted_account_ignores_nobody_and_nobody_ignores_it(store: &dyn Store) {
    let all = [("bob", "mallory"), ("mallory", "bob"), ("mallory", "alice"), ("alice", "bob")];
    store.append(&all.map(|(who, whom)| ignores(who, whom, true))).unwrap();
    store.append(&[Entry::Forgotten { user: name("MALLORY") }]).unwrap();
    assert_eq!(store.ignored().unwrap(), [(name("alice"), name("bob"))]);
}
