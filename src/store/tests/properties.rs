//! Whatever happens, the database gives the same answers as memory.

use std::collections::HashSet;

use proptest::prelude::*;

use super::{at, group, name, user};
use crate::model::{
    Draft, Durability, GroupPassword, GroupRole, GroupSetting, GroupSettings, Penalty, Retention, SanctionTarget,
    SanctionTerms,
};
use crate::store::sqlite::SqliteStore;
use crate::store::*;

const USERS: [&str; 5] = ["alice", "BOB", "carol", "guest-1", "dave"];

/// A name that nobody has at the start, and names that differ from those of users in case alone.
const NEW: [&str; 4] = ["Zoe", "Dave", "bob", "ALICE"];
const DEVICES: [Option<&str>; 2] = [None, Some("Phone")];
const WORDS: [&str; 5] = ["red", "Green", "it's", "x-y", "blue blue"];

/// An entry whose ids are counted back from the last message.
#[derive(Debug, Clone)]
enum Step {
    Said(usize, Scope, Vec<&'static str>, bool),
    Entered(usize, Name, u64),
    Left(usize, Option<Name>, u64),
    Delivered(usize, usize, Option<u64>, u64),
    Cleared(usize, Option<Scope>, u64),
    Ignored(usize, usize, bool),
    Deleted(u64),
    AccountMade(usize),
    AccountSeen(usize),
    AccountEnded(usize),
    Forgotten(usize),
    Revoked(usize),
    Token(usize),
    Role(usize, Role),
    Ban(usize, bool),
    Report(u64, bool),
    Made(Name),
    Kept(Name, Vec<GroupSetting>),
    Gone(Name),
    Member(usize, Name, GroupRole, u64),
    Sanctioned(usize, Name, Penalty, Option<u64>),
    Lifted(usize, Name, Penalty),
}

fn changes() -> impl Strategy<Value = Vec<GroupSetting>> {
    let one = prop_oneof![
        prop::option::of(1..9_usize).prop_map(GroupSetting::Limit),
        any::<bool>().prop_map(GroupSetting::Private),
        any::<bool>().prop_map(GroupSetting::Announce),
        Just(GroupSetting::Topic(Some("crabs".into()))),
        Just(GroupSetting::Password(Some(GroupPassword::hashed("hash")))),
    ];
    prop::collection::vec(one, 0..3)
}

fn scopes() -> Vec<Scope> {
    let mut all: Vec<Scope> = USERS.iter().map(|text| user(text)).collect();
    all.extend([group("g"), group("H"), Scope::Everybody]);
    all
}

fn steps() -> impl Strategy<Value = Step> {
    let who = || 0..USERS.len();
    let scope = || prop::sample::select(scopes());
    let room = || prop::sample::select(vec![name("G"), name("h")]);
    let words = prop::collection::vec(prop::sample::select(&WORDS[..]), 1..4);
    let back = || 0..6_u64;
    let what = || prop::sample::select(vec![Penalty::Ban, Penalty::Mute]);
    prop_oneof![
        8 => (who(), scope(), words, any::<bool>()).prop_map(|(who, scope, words, act)| Step::Said(who, scope, words, act)),
        3 => (who(), room(), back()).prop_map(|(who, room, back)| Step::Entered(who, room, back)),
        2 => (who(), prop::option::of(room()), back()).prop_map(|(who, room, back)| Step::Left(who, room, back)),
        2 => (who(), 0..2_usize, prop::option::of(back()), 0..9_u64)
            .prop_map(|(who, device, back, at)| Step::Delivered(who, device, back, at)),
        1 => (who(), prop::option::of(scope()), back()).prop_map(|(who, scope, back)| Step::Cleared(who, scope, back)),
        2 => (who(), who(), any::<bool>()).prop_map(|(who, whom, ignored)| Step::Ignored(who, whom, ignored)),
        2 => back().prop_map(Step::Deleted),
        2 => who().prop_map(Step::AccountMade),
        2 => who().prop_map(Step::AccountSeen),
        1 => who().prop_map(Step::AccountEnded),
        1 => who().prop_map(Step::Forgotten),
        1 => who().prop_map(Step::Revoked),
        2 => who().prop_map(Step::Token),
        1 => (who(), prop::sample::select(vec![Role::User, Role::Moderator, Role::Admin]))
            .prop_map(|(who, role)| Step::Role(who, role)),
        1 => (who(), any::<bool>()).prop_map(|(who, on)| Step::Ban(who, on)),
        1 => (1..4_u64, any::<bool>()).prop_map(|(number, on)| Step::Report(number, on)),
        3 => (room(), changes()).prop_map(|(room, changes)| Step::Kept(room, changes)),
        2 => room().prop_map(Step::Made),
        1 => room().prop_map(Step::Gone),
        3 => (who(), room(), prop::sample::select(vec![GroupRole::Member, GroupRole::Admin, GroupRole::Owner]), 0..9_u64)
            .prop_map(|(who, room, role, rank)| Step::Member(who, room, role, rank)),
        2 => (who(), room(), what(), prop::option::of(0..9_u64))
            .prop_map(|(who, room, penalty, until)| Step::Sanctioned(who, room, penalty, until)),
        1 => (who(), room(), what()).prop_map(|(who, room, penalty)| Step::Lifted(who, room, penalty)),
    ]
}

/// The entry of a step, when `last` is the last message and `written` has the names in their present case.
fn entry(step: &Step, last: u64, written: &HashSet<Name>) -> Entry {
    let who = |at: usize| written.get(&name(USERS[at])).copied().unwrap_or(name(USERS[at]));
    let id = |back: u64| MessageId(last.saturating_sub(back));
    match step {
        Step::Said(from, scope, words, action) => {
            let (from, text) = (who(*from), words.join(", ").into());
            Entry::Said(Draft { at: at(last), from, scope: *scope, text, action: *action, tag: None })
        }
        Step::Entered(user, group, back) => Entry::Entered { user: who(*user), group: *group, after: id(*back) },
        Step::Left(user, group, back) => Entry::Left { user: who(*user), group: *group, upto: id(*back) },
        Step::Delivered(user, device, back, seconds) => Entry::Delivered {
            user: who(*user),
            device: DEVICES[*device].map(name),
            position: back.map_or(Position::Here, |back| Position::Upto(id(back))),
            at: at(*seconds),
        },
        Step::Cleared(user, scope, back) => Entry::Cleared { user: who(*user), scope: *scope, upto: id(*back) },
        Step::Ignored(user, whom, ignored) => Entry::Ignored { user: who(*user), whom: who(*whom), ignored: *ignored },
        Step::Deleted(back) => Entry::Deleted { id: id(*back) },
        Step::AccountMade(user) => Entry::AccountMade { user: who(*user) },
        Step::AccountSeen(user) => Entry::AccountSeen { user: who(*user) },
        Step::AccountEnded(user) => Entry::AccountEnded { user: who(*user) },
        Step::Forgotten(user) => Entry::Forgotten { user: who(*user) },
        Step::Role(user, role) => Entry::Role { user: who(*user), role: *role },
        Step::Ban(user, true) => Entry::Sanctioned(super::moderation::sanction(who(*user).as_str(), last)),
        Step::Ban(user, false) => Entry::Lifted { penalty: Penalty::Ban, subject: SanctionTarget::User(who(*user)) },
        Step::Report(number, true) => Entry::Reported(super::moderation::report(*number, last)),
        Step::Report(number, false) => Entry::ReportDone { number: *number },
        Step::Revoked(user) => Entry::TokenRevoked { user: who(*user), name: name("phone") },
        Step::Kept(group, changes) => {
            let settings = GroupSettings { keep: true, ..GroupSettings::with(changes) };
            Entry::GroupKept { group: *group, settings }
        }
        Step::Made(group) => Entry::GroupMade { group: *group },
        Step::Gone(group) => Entry::GroupGone { group: *group },
        Step::Member(user, group, role, rank) => {
            Entry::Member { group: *group, user: who(*user), role: *role, rank: *rank }
        }
        Step::Sanctioned(user, group, penalty, until) => {
            let terms = SanctionTerms { by: who(*user), reason: until.map(|_| "why".into()), until: until.map(at) };
            Entry::MemberSanctioned { group: *group, user: who(*user), penalty: *penalty, terms }
        }
        Step::Lifted(user, group, penalty) => {
            Entry::MemberLifted { group: *group, user: who(*user), penalty: *penalty }
        }
        Step::Token(user) => Entry::TokenMade(Token {
            user: who(*user),
            name: name("PHONE"),
            secret: [7; 32],
            made: at(last),
            expires: None,
        }),
    }
}

/// A renaming, and whether the users file has it.
fn renamings() -> impl Strategy<Value = (&'static str, &'static str, bool)> {
    let from = prop::sample::select(USERS.iter().chain(&NEW[..1]).copied().collect::<Vec<_>>());
    (
        from.prop_filter("a guest cannot be renamed", |from| !name(from).is_guest()),
        prop::sample::select(&NEW[..]),
        any::<bool>(),
    )
}

/// The entries of a renaming, if nothing is kept under the new name.
fn rename(store: &dyn Store, (from, to, settled): (&str, &str, bool)) -> Option<Vec<Entry>> {
    let (from, to) = (name(from), name(to));
    let free = from == to || !store.knows(&to).unwrap();
    let settle = settled.then_some(Entry::RenameSettled { from, to });
    free.then(|| std::iter::once(Entry::Renamed { from, to }).chain(settle).collect())
}

/// Every answer to every reader, as text, because names that differ in case are equal.
fn answers(store: &dyn Store) -> Vec<String> {
    let last = store.last_id().unwrap();
    let tail = store.tail(MessageId(0), 1000).unwrap();
    let mut all = vec![format!("{last} {tail:?} {:?}", store.ignored().unwrap())];
    all.push(format!("{:?} {:?} {:?}", store.operators(), store.sanctions(), store.reports()));
    all.push(format!("{:?} {:?}", store.groups().unwrap(), store.renamings()));
    let accounts: Vec<Name> = store.accounts().unwrap().into_iter().map(|(name, _)| name).collect();
    all.push(format!("{accounts:?}"));
    for text in USERS.iter().chain(&NEW[..1]).copied() {
        all.push(format!("{text} former {:?}", store.former_upto(&name(text))));
        all.push(format!("{text} role {:?}", store.role(&name(text))));
        let reader = name(text);
        for scope in scopes().into_iter().map(Some).chain([None]) {
            for (before, limit) in [(None, 1000), (None, 3), (Some(MessageId(last.0 / 2 + 1)), 4)] {
                let messages = store.history(&reader, scope, before, limit).unwrap();
                all.push(format!("{text} history {scope:?} {before:?} {limit}: {messages:?}"));
            }
            for (words, limit) in [("RED", 1000), ("green it's", 2), ("y red", 1000)] {
                let messages = store.search(&reader, words, scope, limit).unwrap().messages;
                all.push(format!("{text} search {scope:?} {words} {limit}: {messages:?}"));
            }
        }
        for (device, limit) in [(DEVICES[0], 1000), (DEVICES[0], 2), (DEVICES[1], 3)] {
            let backlog = store.backlog(&reader, device.map(name), MessageId(last.0.saturating_sub(1)), limit).unwrap();
            all.push(format!("{text} backlog {device:?} {limit}: {backlog:?}"));
        }
        for id in 0..=last.0 + 1 {
            all.push(format!("{text} message {id}: {:?}", store.message(&reader, MessageId(id)).unwrap()));
        }
        all.push(format!("{text}: {:?} {:?}", store.last_seen(&reader).unwrap(), store.tokens(&reader).unwrap()));
    }
    all
}

proptest! {
    // Each case creates a database, so a long run has fewer cases here than elsewhere.
    #![proptest_config(ProptestConfig { cases: (ProptestConfig::default().cases / 4).clamp(1, 5_000), ..ProptestConfig::default() })]

    #[test]
    fn the_database_answers_as_memory_does(
        batches in prop::collection::vec((prop::option::weighted(0.4, renamings()), prop::collection::vec(steps(), 0..8)), 1..8)
    ) {
        let dir = tempfile::tempdir().unwrap();
        let retention = Retention { durability: Durability::Commit, ..Retention::default() };
        let (memory, sqlite) = (MemoryStore::default(), SqliteStore::open(dir.path(), &retention).unwrap());
        let mut written = HashSet::new();
        for (renamed, batch) in batches {
            if let Some(entries) = renamed.and_then(|names| rename(&memory, names)) {
                if let [Entry::Renamed { to, .. }, ..] = &entries[..] {
                    written.replace(*to);
                }
                prop_assert_eq!(memory.append(&entries).unwrap(), sqlite.append(&entries).unwrap());
            }
            let mut last = memory.last_id().unwrap().0;
            let entries: Vec<Entry> = batch.iter().map(|step| {
                let entry = entry(step, last, &written);
                last += u64::from(matches!(entry, Entry::Said(_)));
                entry
            }).collect();
            prop_assert_eq!(memory.append(&entries).unwrap(), sqlite.append(&entries).unwrap());
            for (memory, sqlite) in answers(&memory).iter().zip(&answers(&sqlite)) {
                prop_assert_eq!(memory, sqlite);
            }
            while sqlite.tend().unwrap() {}
            for name in NEW.map(name) {
                prop_assert_eq!(memory.knows(&name), sqlite.knows(&name), "{}", name);
            }
        }
    }
}
