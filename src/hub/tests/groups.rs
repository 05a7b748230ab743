//! Groups: roles while others act, inheritance, capacity, rooms, ephemeral messages, and what outlives the server.

use std::sync::atomic::AtomicBool;

use super::*;
use crate::model::limits::INVITATION_TIME;
use crate::model::{GroupError, GroupNews, GroupRole, Message, MessageId};
use crate::store::Entry;

fn here(hub: &Hub, id: u64, user: &str) -> Presence {
    let presence = come(hub, id, user, DuplicateLogin::Allow).ok().unwrap();
    catch_up(hub, presence.client());
    presence
}

fn settings(changes: &[GroupSetting]) -> GroupSettings {
    GroupSettings::with(changes)
}

fn create(hub: &Hub, me: &Presence, group: &str, changes: &[GroupSetting]) {
    hub.create(me.client(), name(group), settings(changes), &mut FlushList::default()).unwrap();
}

fn promote(hub: &Hub, me: &Presence, group: &str, user: &str, up: bool) -> Result<(), UserError> {
    hub.move_role(me.client(), &name(group), name(user), up, SystemTime::now(), &mut FlushList::default())
}

fn kick(hub: &Hub, me: &Presence, group: &str, user: &str) -> Result<(), UserError> {
    hub.kick(me.client(), &name(group), name(user), None, SystemTime::now(), &mut FlushList::default())
}

fn role(hub: &Hub, group: &str, user: &str) -> Option<GroupRole> {
    hub.locked(|state| state.groups.get(&name(group)).and_then(|group| group.role(&name(user))))
}

/// The texts in the store, whoever may see them.
fn texts(store: &MemoryStore) -> Vec<String> {
    let all = store.tail(MessageId(0), usize::MAX).unwrap();
    all.into_iter().map(|Message { said, .. }| said.text.to_string()).collect()
}

#[test]
fn a_racing_demotion_stops_the_admins_next_kick() {
    for round in 0..50 {
        let hub = hub_with(Limits::default());
        let (ann, ben, cid) = (here(&hub, 1, "Ann"), here(&hub, 2, "Ben"), here(&hub, 3, "Cid"));
        create(&hub, &ann, "red", &[]);
        join(&hub, ben.client(), "red").unwrap();
        promote(&hub, &ann, "red", "Ben", true).unwrap();
        let demoted = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                (0..round).for_each(|_| thread::yield_now());
                promote(&hub, &ann, "red", "Ben", false).unwrap();
                demoted.store(true, Ordering::SeqCst);
            });
            loop {
                let _ = join(&hub, cid.client(), "red");
                let late = demoted.load(Ordering::SeqCst);
                let done = kick(&hub, &ben, "red", "Cid");
                if late {
                    assert_eq!(done, Err(GroupError::NeedsRole(name("red"), GroupRole::Admin).into()));
                    break;
                }
            }
        });
        assert!(role(&hub, "red", "Cid").is_some(), "the member stays");
    }
}

#[test]
fn equal_roles_have_no_power_over_each_other() {
    let hub = hub_with(Limits::default());
    let users: Vec<Presence> = (0..4).map(|n| here(&hub, n as u64, NAMES[n])).collect();
    create(&hub, &users[0], "red", &[]);
    users[1..].iter().for_each(|user| join(&hub, user.client(), "red").unwrap());
    ["Ben", "Cid", "Dee", "Dee"].iter().for_each(|user| promote(&hub, &users[0], "red", user, true).unwrap());
    let refused = |user, role| Err(GroupError::Outranked(name(user), name("red"), role).into());
    assert_eq!(kick(&hub, &users[1], "red", "Cid"), refused("Cid", GroupRole::Admin));
    assert_eq!(kick(&hub, &users[0], "red", "Dee"), refused("Dee", GroupRole::Owner));
    assert_eq!(kick(&hub, &users[1], "red", "Ann"), refused("Ann", GroupRole::Owner));
    assert_eq!(kick(&hub, &users[3], "red", "Ben"), Ok(()));
}

#[test]
fn an_invitation_expires_and_works_once() {
    let hub = hub_with(Limits::default());
    let (ann, ben) = (here(&hub, 1, "Ann"), here(&hub, 2, "Ben"));
    create(&hub, &ann, "red", &[GroupSetting::Private(true)]);
    let start = SystemTime::UNIX_EPOCH;
    let invite = || hub.invite(ann.client(), &name("red"), name("Ben"), start, &mut FlushList::default()).unwrap();
    let enter = |now| hub.join(ben.client(), &name("red"), JoinVia::Open, now, &mut FlushList::default());
    let unknown = || Err(UserError::NoSuchGroup("red".into()));
    invite();
    assert_eq!(
        (enter(start + INVITATION_TIME), hub.groups(&name("Ben"), start + INVITATION_TIME)),
        (unknown(), vec![])
    );
    assert_eq!(enter(start + INVITATION_TIME - Duration::from_secs(1)), Ok(()));
    assert_eq!(kick(&hub, &ann, "red", "Ben"), Ok(()));
    assert_eq!(enter(start), unknown());
}

#[test]
fn a_ban_runs_out_and_leaves_nothing_behind() {
    let store = Arc::new(MemoryStore::default());
    let hub = Hub::new(Limits::default(), Arc::clone(&store) as Arc<dyn Store>).unwrap();
    let (ann, ben) = (here(&hub, 1, "Ann"), here(&hub, 2, "Ben"));
    create(&hub, &ann, "red", &[GroupSetting::Keep(true)]);
    let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
    let sanction = |penalty| {
        let one = GroupSanction {
            user: name("Ben"),
            penalty,
            terms: SanctionTerms { by: name("Ann"), reason: None, until: Some(at(10)) },
        };
        hub.sanction_member(ann.client(), &name("red"), one, at(0), &mut FlushList::default()).unwrap();
    };
    let enter = |now| hub.join(ben.client(), &name("red"), JoinVia::Open, now, &mut FlushList::default());
    sanction(Penalty::Ban);
    assert_eq!(enter(at(9)), Err(GroupError::Banned(name("red"), Some(at(10)), None).into()));
    assert_eq!(enter(at(10)), Ok(()));
    hub.locked(|state| state.check()).unwrap();
    assert!(store.groups().unwrap()[0].sanctions.is_empty());
    sanction(Penalty::Mute);
    let talk = |now| say_at(&hub, ben.client(), Scope::Group(name("red")), "x", now);
    assert_eq!(talk(at(9)), Err(GroupError::Muted(name("red"), Some(at(10)), None).into()));
    assert_eq!(talk(at(10)), Ok(()));
    hub.transfer(ann.client(), &name("red"), name("Ben"), at(0), &mut FlushList::default()).unwrap();
    assert_eq!(talk(at(9)), Ok(()), "nobody could lift the mute of an owner");
}

#[test]
fn the_longest_standing_admin_or_member_inherits_the_group() {
    let hub = hub_with(Limits::default());
    let users: Vec<Presence> = (0..4).map(|n| here(&hub, n as u64, NAMES[n])).collect();
    create(&hub, &users[0], "red", &[GroupSetting::Keep(true)]);
    users[1..].iter().for_each(|user| join(&hub, user.client(), "red").unwrap());
    promote(&hub, &users[0], "red", "Cid", true).unwrap();
    let leave = |at: usize| {
        hub.leave(users[at].client(), &name("red"), SystemTime::now(), &mut FlushList::default()).unwrap();
    };
    users.iter().for_each(|user| drop(told(user.client())));
    leave(0);
    let heir = |user| GroupNews::Role { user: name(user), role: GroupRole::Owner, by: None };
    let news = EventKind::Group { group: name("red"), news: heir("Cid") };
    assert!(told(users[3].client()).contains(&news));
    leave(2);
    assert_eq!(role(&hub, "red", "Ben"), Some(GroupRole::Owner), "Ben joined before Dee");
    leave(1);
    leave(3);
    assert_eq!(hub.group_count(), 0);
}

#[test]
fn concurrent_joins_never_exceed_the_limit() {
    let hub = hub_with(Limits::default());
    for round in 0..20 {
        let owner = here(&hub, 1_000 + round, "owner");
        create(&hub, &owner, "red", &[GroupSetting::Limit(Some(5))]);
        let crowd: Vec<Presence> = (0..16).map(|n| here(&hub, n, &format!("user{n}"))).collect();
        let joined = AtomicU64::new(1);
        thread::scope(|scope| {
            for user in &crowd {
                let (hub, joined) = (&hub, &joined);
                scope.spawn(move || match join(hub, user.client(), "red") {
                    Ok(()) => drop(joined.fetch_add(1, Ordering::SeqCst)),
                    Err(why) => assert_eq!(why, GroupError::Full(name("red"), 5).into()),
                });
            }
        });
        assert_eq!(joined.into_inner(), 5);
        hub.locked(|state| state.check()).unwrap();
    }
}

#[test]
fn a_password_changed_while_joining_is_refused() {
    let hub = hub_with(Limits::default());
    let (ann, ben) = (here(&hub, 1, "Ann"), here(&hub, 2, "Ben"));
    let lock = |text| crate::model::GroupPassword::hashed(text);
    create(&hub, &ann, "red", &[GroupSetting::Password(Some(lock("old")))]);
    let (shown, looked_at) = hub.group_password(ben.client(), &name("red"), SystemTime::now());
    assert!(shown);
    let change = [GroupSetting::Password(Some(lock("new")))];
    hub.change_settings(ann.client(), &name("red"), &change, SystemTime::now(), &mut FlushList::default()).unwrap();
    let way = JoinVia::Password(looked_at.as_ref().unwrap());
    let late = hub.join(ben.client(), &name("red"), way, SystemTime::now(), &mut FlushList::default());
    assert_eq!(late, Err(GroupError::WrongPassword(name("red")).into()));
}

#[test]
fn ephemeral_messages_keep_their_order_and_are_not_stored() {
    let store = Arc::new(MemoryStore::default());
    let hub = Hub::new(Limits::default(), Arc::clone(&store) as Arc<dyn Store>).unwrap();
    let (ann, ben) = (here(&hub, 1, "Ann"), here(&hub, 2, "Ben"));
    create(&hub, &ann, "red", &[GroupSetting::Ephemeral(true)]);
    join(&hub, ben.client(), "red").unwrap();
    [&ann, &ben].into_iter().for_each(|user| drop(told(user.client())));
    let scopes = [Scope::Group(name("red")), Scope::User(name("Ben")), Scope::Group(name("red")), Scope::Everybody];
    let mut messages = Vec::new();
    for (n, scope) in scopes.into_iter().enumerate() {
        let place = hub.check(ann.client(), scope, SystemTime::now()).unwrap();
        messages.push(ann.client().compose(place, n.to_string()));
    }
    hub.publish(ann.client(), &mut messages);
    let mut seen = Vec::new();
    ben.client().outbox.take(usize::MAX, |event| seen.push((event.id.0, event.kind.clone())));
    let group = |text: &str| EventKind::GroupMessage { group: name("red"), from: name("Ann"), text: text.into() };
    let (from, text) = (name("Ann"), "1".into());
    let others = [EventKind::PrivateMessage { from, text }, EventKind::Broadcast { from, text: "3".into() }];
    let [whisper, broadcast] = others;
    assert_eq!(seen, [(0, group("0")), (1, whisper), (0, group("2")), (2, broadcast)]);
    assert_eq!(texts(&store), ["1", "3"]);
    say(&hub, ben.client(), Scope::Group(name("red")), "alone").unwrap();
    assert_eq!(
        told(ann.client()).last(),
        Some(&EventKind::GroupMessage { group: name("red"), from: name("Ben"), text: "alone".into() })
    );
    assert_eq!(texts(&store), ["1", "3"]);
    assert!(store.history(&name("Ben"), Some(Scope::Group(name("red"))), None, 9).unwrap().is_empty());
}

#[test]
fn a_room_takes_a_free_code_and_counts_its_members() {
    let hub = hub_with(Limits::default());
    let (ann, ben) = (here(&hub, 1, "Ann"), here(&hub, 2, "Ben"));
    create(&hub, &ann, "AAAA", &[]);
    let codes = [name("aaaa"), name("BBBB")];
    let room = || GroupSettings::of_room(2, Some("tea".into()));
    hub.create_room(ann.client(), &codes, room(), &mut FlushList::default()).unwrap();
    let shown = |user| hub.groups(&name(user), SystemTime::now());
    assert_eq!(shown("Ann"), [(name("AAAA"), None), (name("BBBB"), Some("tea".into()))]);
    assert_eq!(shown("Ben"), [(name("AAAA"), None)], "outsiders see no room");
    assert_eq!(hub.rooms(&name("Ann")), [name("BBBB")]);
    assert_eq!(hub.create_room(ann.client(), &codes, room(), &mut FlushList::default()), Err(UserError::Busy));
    let enter =
        |who: &Presence, way| hub.join(who.client(), &name("bbbb"), way, SystemTime::now(), &mut FlushList::default());
    assert_eq!(enter(&ben, JoinVia::Open), Err(UserError::NoSuchGroup("bbbb".into())));
    let wrong = hub.join(ben.client(), &name("AAAA"), JoinVia::Code, SystemTime::now(), &mut FlushList::default());
    assert_eq!(wrong, Err(GroupError::NoSuchRoom("AAAA".into()).into()));
    enter(&ben, JoinVia::Code).unwrap();
    let cid = here(&hub, 3, "Cid");
    assert_eq!(enter(&cid, JoinVia::Code), Err(GroupError::Full(name("BBBB"), 2).into()));
    told(ann.client());
    drop(ben);
    let left = GroupNews::RoomLeft { user: name("Ben"), count: 1, limit: 2 };
    let left = [EventKind::UserLeft { user: name("Ben") }, EventKind::Group { group: name("BBBB"), news: left }];
    assert_eq!(told(ann.client()), left);
    hub.locked(|state| state.check()).unwrap();
    drop(ann);
    assert_eq!(hub.group_count(), 0);
}

#[test]
fn a_deleted_account_leaves_its_persistent_groups() {
    let store = Arc::new(MemoryStore::default());
    let hub = Hub::new(Limits::default(), Arc::clone(&store) as Arc<dyn Store>).unwrap();
    let (ann, ben) = (here(&hub, 1, "Ann"), here(&hub, 2, "Ben"));
    create(&hub, &ann, "red", &[GroupSetting::Keep(true)]);
    join(&hub, ben.client(), "red").unwrap();
    drop(ann);
    assert_eq!(role(&hub, "red", "Ann"), Some(GroupRole::Owner), "offline, and still the owner");
    hub.forget_user(name("Ann")).unwrap();
    assert_eq!((role(&hub, "red", "Ann"), role(&hub, "red", "Ben")), (None, Some(GroupRole::Owner)));
    assert_eq!(store.groups().unwrap()[0].members, [(name("Ben"), GroupRole::Owner, 1)]);
    hub.locked(|state| state.check()).unwrap();
}

#[test]
fn a_guest_who_leaves_stays_in_no_group() {
    let hub = hub_with(Limits::default());
    let (ann, guest) = (here(&hub, 1, "Ann"), here(&hub, 2, "guest-1"));
    create(&hub, &ann, "red", &[GroupSetting::Keep(true)]);
    join(&hub, guest.client(), "red").unwrap();
    assert_eq!(promote(&hub, &ann, "red", "guest-1", true), Err(GroupError::NotForGuests(name("red")).into()));
    drop(guest);
    assert_eq!(role(&hub, "red", "guest-1"), None);
    hub.locked(|state| state.check()).unwrap();
}

#[test]
fn a_stored_group_without_an_owner_gets_one() {
    let store = Arc::new(MemoryStore::default());
    let member = |user, role, rank| Entry::Member { group: name("red"), user: name(user), role, rank };
    let entries = [
        Entry::GroupKept { group: name("red"), settings: settings(&[GroupSetting::Keep(true)]) },
        member("Ann", GroupRole::Member, 0),
        member("Ben", GroupRole::Admin, 1),
    ];
    store.append(&entries).unwrap();
    let hub = Hub::new(Limits::default(), store).unwrap();
    assert_eq!((role(&hub, "red", "Ann"), role(&hub, "red", "Ben")), (Some(GroupRole::Member), Some(GroupRole::Owner)));
    hub.locked(|state| state.check()).unwrap();
}
