//! Groups and accounts that end, and others that get their names: nothing passes on.

use super::*;
use crate::model::{GroupRole, GroupSettings, Penalty, SanctionTerms};

over_every_store!(a_group_made_again_shares_nothing_with_the_old_one, an_old_group_in_flight_is_not_shown_to_a_new_one);

fn made(text: &str) -> Entry {
    Entry::GroupMade { group: name(text) }
}

fn kept(text: &str, topic: Option<&str>) -> Entry {
    let settings = GroupSettings { keep: true, topic: topic.map(Into::into), ..GroupSettings::default() };
    Entry::GroupKept { group: name(text), settings }
}

fn member(user: &str, group: &str) -> Entry {
    Entry::Member { group: name(group), user: name(user), role: GroupRole::Owner, rank: 0 }
}

fn a_group_made_again_shares_nothing_with_the_old_one(store: &dyn Store) {
    let terms = SanctionTerms { by: name("bob"), reason: None, until: None };
    let ban = Entry::MemberSanctioned { group: name("g"), user: name("eve"), penalty: Penalty::Ban, terms };
    store.append(&[made("g"), kept("g", Some("old")), entered("bob", "g", 0), member("bob", "g"), ban]).unwrap();
    store.append(&[said("bob", group("g"), "old words"), said("ann", group("g"), "old")]).unwrap();
    // However little the store was told of the old group's end.
    store.append(&[made("G"), kept("G", None), entered("ann", "g", 2), member("ann", "g")]).unwrap();
    store.append(&[said("ann", group("g"), "new words")]).unwrap();
    assert!(sees(store, "bob", Some(group("g"))).is_empty(), "neither the old conversation nor the new one");
    assert_eq!(sees(store, "bob", None), ["old words", "old"], "it stays readable for those who were there");
    assert_eq!(sees(store, "ann", None), ["new words"]);
    assert_eq!(store.search(&name("bob"), "words", None, 9).unwrap().messages.len(), 1);
    assert!(store.search(&name("bob"), "words", Some(group("g")), 9).unwrap().messages.is_empty());
    assert_eq!(owed(store, "bob", None), ["old"]);
    assert!(store.message(&name("bob"), MessageId(3)).unwrap().is_none());
    let [now] = &store.groups().unwrap()[..] else { panic!("one group") };
    assert_eq!((&now.settings.topic, now.members.len(), now.sanctions.len()), (&None, 1, 0));
    assert_eq!(now.members[0].0, name("ann"));
    // A former member may join again, and sees the new conversation from then on.
    store.append(&[entered("bob", "g", 3), said("ann", group("g"), "hello")]).unwrap();
    assert_eq!(sees(store, "bob", Some(group("g"))), ["hello"]);
    // Appended once more after a failure, the same batch changes nothing.
    store.append(&[made("h"), kept("h", None), entered("ann", "h", 4), member("ann", "h")]).unwrap();
    store.append(&[made("h"), kept("h", None), entered("ann", "h", 4), member("ann", "h")]).unwrap();
    store
        .append(&[said("ann", group("h"), "once"), left("ann", Some("h"), 5), said("ann", group("h"), "twice")])
        .unwrap();
    assert_eq!(sees(store, "ann", Some(group("h"))), ["once"]);
}

fn an_old_group_in_flight_is_not_shown_to_a_new_one(store: &dyn Store) {
    store.append(&[made("g"), entered("bob", "g", 0), said("bob", group("g"), "1")]).unwrap();
    // The hub had not delivered the second message when the new group was made.
    store
        .append(&[said("bob", group("g"), "2"), left("bob", Some("g"), 2), made("g"), entered("ann", "g", 1)])
        .unwrap();
    store.append(&[said("ann", group("g"), "3")]).unwrap();
    assert_eq!(sees(store, "ann", None), ["3"]);
    assert_eq!(sees(store, "bob", None), ["1", "2"]);
}

#[test]
fn a_kept_group_without_members_does_not_survive_a_start() {
    let dir = tempfile::tempdir().unwrap();
    let open = || SqliteStore::open(dir.path(), &Retention::default()).unwrap();
    let store = open();
    store.append(&[made("g"), kept("g", Some("old")), entered("bob", "g", 0), member("bob", "g")]).unwrap();
    store.append(&[left("bob", Some("g"), 0)]).unwrap();
    assert_eq!(store.groups().unwrap().len(), 1, "a guest is still in it");
    drop(store);
    let store = open();
    assert!(store.groups().unwrap().is_empty());
    // What is left of a user who was there is over, and that of members is not.
    store.append(&[made("k"), kept("k", None), entered("ann", "k", 0), member("ann", "k")]).unwrap();
    store.append(&[entered("bob", "g", 0), said("bob", group("g"), "1")]).unwrap();
    drop(store);
    let store = open();
    store.append(&[said("bob", group("g"), "2"), said("ann", group("k"), "3")]).unwrap();
    assert_eq!(sees(&store, "bob", None), ["1"]);
    assert_eq!(sees(&store, "ann", None), ["3"]);
}
