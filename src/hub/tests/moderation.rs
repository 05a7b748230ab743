//! Operators' verbs, over a store that fails, and while others come, go and talk.

use std::time::{Duration, Instant, SystemTime};

use super::disk::Disk;
use super::*;
use crate::model::{Penalty, Role, Sanction, SanctionTarget};
use crate::store::Entry;

fn sanction(user: &str, penalty: Penalty, time: Option<Duration>) -> Sanction {
    let made = SystemTime::now();
    let (subject, by, reason) = (SanctionTarget::User(name(user)), "ann".to_owned(), String::new());
    Sanction { penalty, subject, by, reason, made, until: time.map(|time| made + time) }
}

#[test]
fn a_sanction_is_in_force_before_it_can_be_stored() {
    let disk = Arc::new(Disk::default());
    let hub = Hub::new(Limits::default(), Arc::clone(&disk) as Arc<dyn Store>).unwrap();
    disk.full.store(true, Ordering::SeqCst);
    let refused = hub.impose(sanction("Ben", Penalty::Ban, None));
    assert!(matches!(refused, Err(UserError::NotStoredYet(_))), "{refused:?}");
    assert!(hub.ban_of(&name("BEN"), SystemTime::now()).is_some() && disk.memory.sanctions().unwrap().is_empty());
    assert!(!hub.stats().store_works);
    disk.full.store(false, Ordering::SeqCst);
    let deadline = Instant::now() + Duration::from_secs(20);
    while disk.memory.sanctions().unwrap().is_empty() {
        assert!(Instant::now() < deadline, "it was never stored");
        hub.tend().unwrap();
    }
    assert!(hub.stats().store_works);
    assert_eq!(hub.lift(Penalty::Ban, SanctionTarget::User(name("ben")), SystemTime::now()), Ok(true));
    assert!(disk.memory.sanctions().unwrap().is_empty());
    assert_eq!(hub.lift(Penalty::Ban, SanctionTarget::User(name("ben")), SystemTime::now()), Ok(false));
}

#[test]
fn expired_sanctions_leave_the_store_with_the_next_one() {
    let store = Arc::new(MemoryStore::default());
    let over = Sanction { until: Some(SystemTime::UNIX_EPOCH), ..sanction("Ben", Penalty::Mute, None) };
    store.append(&[Entry::Sanctioned(over)]).unwrap();
    let hub = Hub::new(Limits::default(), Arc::clone(&store) as Arc<dyn Store>).unwrap();
    assert!(hub.sanctions(SystemTime::now()).is_empty(), "it has run out");
    assert_eq!(hub.lift(Penalty::Mute, SanctionTarget::User(name("Ben")), SystemTime::now()), Ok(false));
    hub.impose(sanction("Cid", Penalty::Mute, Some(Duration::from_secs(3_600)))).unwrap();
    assert_eq!(store.sanctions().unwrap(), hub.sanctions(SystemTime::now()));
    assert_eq!(store.sanctions().unwrap().len(), 1);
}

#[test]
fn concurrent_sanctions_are_stored_as_they_are_in_force() {
    let store = Arc::new(MemoryStore::default());
    let hub = Hub::new(Limits::default(), Arc::clone(&store) as Arc<dyn Store>).unwrap();
    thread::scope(|scope| {
        for n in 0..8_usize {
            let hub = &hub;
            scope.spawn(move || {
                for round in 0..2_000 {
                    let user = NAMES[(n + round) % 2];
                    match (n + round / 3) % 2 {
                        0 => drop(hub.impose(sanction(user, Penalty::Mute, None))),
                        _ => drop(hub.lift(Penalty::Mute, SanctionTarget::User(name(user)), SystemTime::now())),
                    }
                }
            });
        }
    });
    hub.check_invariants().unwrap();
    assert_eq!(store.sanctions().unwrap(), hub.sanctions(SystemTime::now()));
}

#[test]
fn a_server_role_is_stored_and_ends_with_the_account() {
    let hub = hub_with(Limits::default());
    hub.record(vec![Entry::Role { user: name("Ann"), role: Role::Admin }]).unwrap();
    assert_eq!((hub.role(&name("ann")), hub.role(&name("ben"))), (Role::Admin, Role::User));
    hub.forget_user(name("ann")).unwrap();
    assert_eq!(hub.role(&name("ann")), Role::User);
}

#[test]
fn dropping_groups_while_others_join_keeps_the_invariants() {
    let hub = hub_with(Limits::default());
    let presences: Vec<Presence> =
        (0..4).map(|n| come(&hub, n as u64, NAMES[n], DuplicateLogin::Allow).ok().unwrap()).collect();
    thread::scope(|scope| {
        for (n, presence) in presences.iter().enumerate() {
            let hub = &hub;
            scope.spawn(move || {
                let (me, flush_list) = (presence.client(), &mut FlushList::default());
                for round in 0..2_000 {
                    let group = name(GROUPS[(round + n) % 3]);
                    let (now, settings) =
                        (SystemTime::now(), GroupSettings { keep: round % 2 == 0, ..GroupSettings::default() });
                    let _ = hub.create(me, group, settings, flush_list);
                    let _ = hub.join(me, &group, JoinVia::Open, now, flush_list);
                    if round % 3 == n % 3 {
                        let _ = hub.drop_group(&group, "");
                    } else if round % 7 == 0 {
                        let _ = hub.leave(me, &group, now, flush_list);
                    }
                    me.outbox.take(usize::MAX, |_| ());
                }
            });
        }
    });
    hub.locked(|state| state.check()).unwrap();
    for group in GROUPS {
        let _ = hub.drop_group(&name(group), "");
    }
    assert!(hub.locked(|state| state.groups.is_empty()));
    assert!(hub.store().groups().unwrap().is_empty());
    assert_eq!(hub.drop_group(&name("red"), ""), Err(UserError::NoSuchGroup("red".to_owned())));
    hub.locked(|state| state.check()).unwrap();
    let stats = hub.stats();
    assert!(
        stats.sections > 10_000 && stats.hold.longest() >= stats.hold.mean() && stats.hold.count() > 100,
        "{stats:?}"
    );
}
