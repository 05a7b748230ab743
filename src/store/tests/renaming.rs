//! Renaming a user, in every store.

use super::moderation::{report, sanction};
use super::*;
use crate::model::{GroupRole, GroupSettings, Penalty, SanctionTarget, SanctionTerms};

over_every_store!(
    renaming_covers_messages_from_a_user_and_to_them,
    renaming_covers_what_is_kept_for_a_user,
    renaming_covers_sanctions_on_a_user_and_by_them,
    a_name_can_change_in_case_alone,
    a_name_is_known_while_anything_is_kept_under_it,
    a_renaming_is_noted_until_it_is_settled,
    renaming_does_not_revive_a_deleted_account,
);

fn renamed(from: &str, to: &str) -> Entry {
    Entry::Renamed { from: name(from), to: name(to) }
}

/// The messages that a reader sees, with sender and recipient as they are shown.
fn shown(store: &dyn Store, reader: &str, scope: Option<Scope>) -> Vec<String> {
    let messages = store.history(&name(reader), scope, None, 100).unwrap();
    let whom = |scope| match scope {
        Scope::User(user) => user.to_string(),
        Scope::Group(group) => format!("#{group}"),
        Scope::Everybody => "*".to_owned(),
    };
    messages.iter().map(|Message { said, .. }| format!("{} {} {}", said.from, whom(said.scope), said.text)).collect()
}

fn renaming_covers_messages_from_a_user_and_to_them(store: &dyn Store) {
    store.append(&[entered("bob", "g", 0), entered("ann", "g", 0)]).unwrap();
    let lines =
        [("bob", user("ann"), "1"), ("Ann", user("Bob"), "2"), ("bob", user("bob"), "3"), ("bob", user("zoe"), "4")];
    store.append(&lines.map(|(from, scope, text)| said(from, scope, text))).unwrap();
    store
        .append(&[said("bob", group("g"), "5"), said("bob", Scope::Everybody, "6"), said("ann", group("g"), "7")])
        .unwrap();
    store.append(&[renamed("bob", "Robert")]).unwrap();
    let both = ["Robert ann 1", "Ann Robert 2"];
    assert_eq!(shown(store, "ann", Some(user("robert"))), both);
    assert_eq!(shown(store, "robert", Some(user("ann"))), both);
    assert_eq!(shown(store, "robert", Some(user("robert"))), ["Robert Robert 3"]);
    assert_eq!(
        shown(store, "zoe", Some(user("robert"))),
        ["Robert zoe 4"],
        "the conversation is found though the order of the names changed"
    );
    assert_eq!(shown(store, "robert", Some(group("g"))), ["Robert #g 5", "ann #g 7"]);
    assert_eq!(shown(store, "ann", None).len(), 5);
    assert_eq!(shown(store, "bob", None), ["Robert * 6"], "nobody is called bob any more");
    assert_eq!(store.search(&name("robert"), "5", None, 9).unwrap().messages.len(), 1);
    assert_eq!(store.search(&name("zoe"), "4", Some(user("robert")), 9).unwrap().messages.len(), 1);
    // The same where the other name used to come first.
    store.append(&[said("carl", user("adam"), "to adam"), renamed("adam", "dan")]).unwrap();
    for (reader, other) in [("carl", "dan"), ("dan", "carl")] {
        assert_eq!(shown(store, reader, Some(user(other))), ["carl dan to adam"]);
    }
    // New messages belong to the same conversation.
    store.append(&[said("ann", user("robert"), "8")]).unwrap();
    assert_eq!(shown(store, "robert", Some(user("ann"))), [both[0], both[1], "ann robert 8"]);
}

fn renaming_covers_what_is_kept_for_a_user(store: &dyn Store) {
    store.append(&[entered("bob", "g", 0), said("ann", group("g"), "1"), said("ann", user("bob"), "2")]).unwrap();
    store.append(&[token("bob", "phone"), reading("bob", Some("phone"), Position::Upto(MessageId(1)), 3)]).unwrap();
    store
        .append(&[reading("bob", None, Position::Upto(MessageId(2)), 5), cleared("ann", Some(user("bob")), 2)])
        .unwrap();
    let ignored = |user: &str, whom: &str| Entry::Ignored { user: name(user), whom: name(whom), ignored: true };
    store.append(&[cleared("bob", Some(group("g")), 1), ignored("bob", "eve"), ignored("dan", "Bob")]).unwrap();
    store.append(&[renamed("Bob", "robert"), said("ann", user("robert"), "3"), said("ann", group("g"), "4")]).unwrap();
    assert_eq!(owed(store, "robert", None), ["3", "4"]);
    assert_eq!(owed(store, "robert", Some("phone")), ["2", "3", "4"]);
    assert_eq!(sees(store, "ann", Some(user("robert"))), ["3"]);
    assert_eq!(sees(store, "robert", Some(group("g"))), ["4"]);
    assert_eq!(store.ignored().unwrap(), [(name("dan"), name("robert")), (name("robert"), name("eve"))]);
    let tokens = store.tokens(&name("robert")).unwrap();
    assert_eq!((tokens.len(), tokens[0].user.as_str()), (1, "robert"));
    assert_eq!(store.last_seen(&name("robert")).unwrap(), Some(at(5)));
    assert!(store.tokens(&name("bob")).unwrap().is_empty() && store.last_seen(&name("bob")).unwrap().is_none());
    assert!(!store.knows(&name("bob")).unwrap());
}

fn renaming_covers_sanctions_on_a_user_and_by_them(store: &dyn Store) {
    let terms = |by: &str| SanctionTerms { by: name(by), reason: None, until: None };
    let withheld = |user: &str, by: &str| Entry::MemberSanctioned {
        group: name("g"),
        user: name(user),
        penalty: Penalty::Mute,
        terms: terms(by),
    };
    let member = Entry::Member { group: name("g"), user: name("bob"), role: GroupRole::Owner, rank: 3 };
    store.append(&[Entry::GroupKept { group: name("g"), settings: GroupSettings::default() }, member]).unwrap();
    store.append(&[withheld("bob", "ann"), withheld("eve", "BOB")]).unwrap();
    let by_bob = Sanction { by: "bob".to_owned(), ..sanction("eve", 1) };
    store.append(&[sanction("bob", 2), by_bob].map(Entry::Sanctioned)).unwrap();
    let about = |number, by: &str, about: &str| {
        Entry::Reported(Report { by: Some(name(by)), about: about.to_owned(), ..report(number, 1) })
    };
    store
        .append(&[about(1, "bob", "eve"), about(2, "eve", "Bob"), about(3, "eve", "bob:#12"), about(4, "eve", "bobby")])
        .unwrap();
    store.append(&[Entry::Role { user: name("bob"), role: Role::Moderator }, renamed("bob", "rob")]).unwrap();
    let [kept] = &store.groups().unwrap()[..] else { panic!("one group") };
    assert_eq!(kept.members, [(name("rob"), GroupRole::Owner, 3)]);
    let withheld: Vec<_> = kept.sanctions.iter().map(|one| (one.user.as_str(), one.terms.by.as_str())).collect();
    assert_eq!(withheld, [("eve", "rob"), ("rob", "ann")]);
    let laid: Vec<_> = store.sanctions().unwrap().into_iter().map(|one| (one.subject.shown(), one.by)).collect();
    let text = |text: &str| text.to_owned();
    assert_eq!(laid, [(text("eve"), text("rob")), (text("rob"), text("(console)"))]);
    let reports = store.reports().unwrap();
    let said: Vec<_> = reports.iter().map(|one| (one.by.unwrap().to_string(), one.about.as_str())).collect();
    let eve = || text("eve");
    assert_eq!(said, [(text("rob"), "eve"), (eve(), "rob"), (eve(), "rob:#12"), (eve(), "bobby")]);
    assert_eq!(store.operators().unwrap(), [(name("rob"), Role::Moderator)]);
}

fn a_name_can_change_in_case_alone(store: &dyn Store) {
    store.append(&[said("bob", user("ann"), "1"), token("bob", "t"), Entry::Sanctioned(sanction("bob", 2))]).unwrap();
    store.append(&[renamed("bob", "BoB"), said("ann", user("BoB"), "2")]).unwrap();
    assert_eq!(shown(store, "bob", Some(user("ann"))), ["BoB ann 1", "ann BoB 2"]);
    assert_eq!(store.tokens(&name("bob")).unwrap()[0].user.as_str(), "BoB");
    assert_eq!(store.sanctions().unwrap()[0].subject.shown(), "BoB");
}

fn a_name_is_known_while_anything_is_kept_under_it(store: &dyn Store) {
    let knows = |who: &str| store.knows(&name(who)).unwrap();
    let ignored = |user: &str, whom: &str| Entry::Ignored { user: name(user), whom: name(whom), ignored: true };
    let kept = Entry::GroupKept { group: name("kept"), settings: GroupSettings::default() };
    let terms = SanctionTerms { by: name("j"), reason: None, until: None };
    let withheld = Entry::MemberSanctioned { group: name("kept"), user: name("i"), penalty: Penalty::Ban, terms };
    let member = Entry::Member { group: name("kept"), user: name("h"), role: GroupRole::Member, rank: 1 };
    store.append(&[said("a", user("b"), "1"), said("c", group("g"), "2"), said("d", Scope::Everybody, "3")]).unwrap();
    store.append(&[entered("e", "g", 1), reading("f", None, Position::Here, 1), ignored("g1", "g2"), kept]).unwrap();
    store.append(&[member, withheld, cleared("k", Some(user("l")), 1), token("m", "t")]).unwrap();
    store.append(&[Entry::Role { user: name("n"), role: Role::Admin }, Entry::Sanctioned(sanction("o", 2))]).unwrap();
    for who in ["a", "B", "c", "d", "e", "f", "g1", "g2", "h", "i", "k", "l", "m", "n", "o"] {
        assert!(knows(who), "{who}");
    }
    for who in ["zoe", "g", "kept", "j", "console", "t"] {
        assert!(!knows(who), "{who}");
    }
    // Neither a lifted sanction nor a role that was taken away counts.
    let subject = SanctionTarget::User(name("o"));
    store
        .append(&[Entry::Lifted { penalty: Penalty::Ban, subject }, Entry::Role { user: name("n"), role: Role::User }])
        .unwrap();
    assert!(!knows("n") && !knows("o"));
}

fn a_renaming_is_noted_until_it_is_settled(store: &dyn Store) {
    let settled = |from: &str, to: &str| Entry::RenameSettled { from: name(from), to: name(to) };
    let noted = || store.renamings().unwrap().into_iter().map(|(was, now)| format!("{was} {now}")).collect::<Vec<_>>();
    store.append(&[renamed("bob", "rob"), renamed("bob", "rob"), renamed("eve", "Eve")]).unwrap();
    assert_eq!(noted(), ["bob rob", "eve Eve"], "each once, though one was appended twice");
    store.append(&[settled("Eve", "eve"), settled("rob", "bob")]).unwrap();
    assert_eq!(noted().len(), 2, "these are other renamings");
    store
        .append(&[settled("bob", "rob"), renamed("Eve", "eve"), settled("Eve", "eve"), settled("eve", "Eve")])
        .unwrap();
    assert_eq!(noted(), [""; 0]);
}

fn renaming_does_not_revive_a_deleted_account(store: &dyn Store) {
    store.append(&[said("ann", user("bob"), "to the first bob"), Entry::Forgotten { user: name("bob") }]).unwrap();
    store.append(&[said("ann", user("bob"), "to the second"), renamed("bob", "rob")]).unwrap();
    assert_eq!(sees(store, "rob", None), ["to the second"]);
    assert_eq!(sees(store, "ann", None), ["to the second"]);
    while store.tend().unwrap() {}
    assert_eq!(sees(store, "ann", None), ["to the second"]);
    assert_eq!(store.tail(MessageId(0), 9).unwrap().len(), 1);
}
