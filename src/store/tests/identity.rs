//! Groups and accounts that end, and others that get their names: nothing passes on.

use super::*;
use crate::model::{GroupRole, GroupSettings, Penalty, SanctionTerms};

over_every_store!(
    a_group_made_again_shares_nothing_with_the_old_one,
    an_old_group_in_flight_is_not_shown_to_a_new_one,
    an_account_made_again_inherits_nothing,
    renaming_moves_only_what_belongs_to_the_present_account,
);

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

/// Everything that can be stored for a user or about them.
fn everything_of(user: &str) -> Vec<Entry> {
    let who = name(user);
    let terms = || SanctionTerms { by: name("ann"), reason: None, until: None };
    vec![
        made("g"),
        kept("g", None),
        entered("ann", "g", 0),
        member("ann", "g"),
        entered(user, "g", 0),
        member(user, "g"),
        Entry::MemberSanctioned { group: name("g"), user: who, penalty: Penalty::Mute, terms: terms() },
        said("ann", super::user(user), "to the first"),
        said(user, super::user("ann"), "from the first"),
        said(user, super::user(user), "to myself"),
        said(user, group("g"), "in the group"),
        said(user, Scope::Everybody, "to all"),
        token(user, "phone"),
        reading(user, Some("phone"), Position::Upto(MessageId(1)), 3),
        reading(user, None, Position::Upto(MessageId(1)), 3),
        ignores(user, "eve", true),
        ignores("eve", user, true),
        Entry::Role { user: who, role: Role::Admin },
        Entry::Sanctioned(super::moderation::sanction(user, 1)),
    ]
}

/// Checks that nothing is left for whoever has the name now, and that others still see what was said.
fn assert_inherits_nothing(store: &dyn Store, user: &str) {
    let who = name(user);
    assert!(sees(store, user, None).is_empty(), "messages: {:?}", sees(store, user, None));
    assert!(sees(store, user, Some(super::user("ann"))).is_empty() && sees(store, user, Some(group("g"))).is_empty());
    assert!(owed(store, user, None).is_empty() && owed(store, user, Some("phone")).is_empty());
    assert!((1..=5).all(|id| store.message(&who, MessageId(id)).unwrap().is_none()));
    assert!(store.search(&who, "first", None, 9).unwrap().messages.is_empty());
    assert!(store.tokens(&who).unwrap().is_empty() && store.last_seen(&who).unwrap().is_none());
    assert_eq!(store.role(&who).unwrap(), Role::User);
    assert!(store.ignored().unwrap().is_empty() && store.sanctions().unwrap().is_empty());
    let [group] = &store.groups().unwrap()[..] else { panic!("one group") };
    assert!(group.members.len() == 1 && group.sanctions.is_empty());
    assert_eq!(sees(store, "ann", Some(super::user(user))), ["to the first", "from the first"]);
    assert_eq!(sees(store, "ann", None).len(), 4);
    assert_eq!(store.search(&name("ann"), "first", Some(super::user(user)), 9).unwrap().messages.len(), 2);
    assert_eq!(store.former_upto(&who).unwrap(), MessageId(5));
}

fn an_account_made_again_inherits_nothing(store: &dyn Store) {
    let new = |user: &str| Entry::AccountMade { user: name(user) };
    let gone = |user: &str| Entry::AccountEnded { user: name(user) };
    store.append(&["ann", "bob", "eve"].map(new)).unwrap();
    assert_eq!(store.accounts().unwrap().len(), 3);
    let numbers = || store.accounts().unwrap().into_iter().map(|(_, number)| number).collect::<Vec<_>>();
    let before = numbers();
    store.append(&everything_of("bob")).unwrap();
    store.append(&[gone("BOB")]).unwrap();
    assert_inherits_nothing(store, "bob");
    assert_eq!(store.accounts().unwrap().len(), 2);
    // Also if nobody noticed the end, and if it is appended once more.
    for entries in [vec![new("Bob")], vec![new("bob"), new("bob")], vec![gone("bob"), gone("bob"), new("bob")]] {
        store.append(&entries).unwrap();
        assert_inherits_nothing(store, "bob");
    }
    assert!(numbers().iter().filter(|number| !before.contains(number)).count() == 1, "no number comes back");
    // The two share a name, and nothing else.
    store.append(&[said("ann", user("bob"), "to the second"), said("bob", user("ann"), "from the second")]).unwrap();
    assert_eq!(sees(store, "bob", None), ["to the second", "from the second"]);
    assert_eq!(sees(store, "ann", Some(user("bob"))).len(), 4);
    store.append(&[cleared("ann", Some(user("bob")), 7)]).unwrap();
    assert!(sees(store, "ann", Some(user("bob"))).is_empty());
}

fn renaming_moves_only_what_belongs_to_the_present_account(store: &dyn Store) {
    let new = |user: &str| Entry::AccountMade { user: name(user) };
    store.append(&[new("ann"), new("bob"), said("bob", user("ann"), "1"), said("bob", Scope::Everybody, "2")]).unwrap();
    store.append(&[new("bob"), said("bob", user("ann"), "3"), said("bob", Scope::Everybody, "4")]).unwrap();
    store.append(&[Entry::Renamed { from: name("bob"), to: name("rob") }]).unwrap();
    assert_eq!(sees(store, "ann", Some(user("rob"))), ["3"]);
    assert_eq!(sees(store, "ann", Some(user("bob"))), ["1"]);
    let authors = store.tail(MessageId(0), 9).unwrap().into_iter().map(|message| message.said.from.to_string());
    assert_eq!(authors.collect::<Vec<_>>(), ["bob", "bob", "rob", "rob"]);
    assert!(store.knows(&name("bob")).unwrap(), "the name of a former account is free of traces only without them");
    let now: Vec<Name> = store.accounts().unwrap().into_iter().map(|(name, _)| name).collect();
    assert_eq!(now, [name("ann"), name("rob")]);
    store.append(&[new("bob"), said("bob", user("ann"), "5")]).unwrap();
    assert_eq!(sees(store, "rob", None), ["3", "4"]);
    assert_eq!(sees(store, "bob", None), ["5"]);
}
