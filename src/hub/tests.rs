//! The hub against a naive model of itself, under threads, and under a panic.

mod bounds;
mod coalescing;
mod demotion;
pub(crate) mod disk;
mod durable;
mod echoes;
mod group_roles;
mod groups;
mod guests;
mod model;
mod moderation;
mod operators;
mod positions;
mod renaming;
mod sequences;
mod typing;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, SystemTime};

use parking_lot::Mutex;
use proptest::prelude::*;

use super::*;
use crate::model::{
    DuplicateLogin, EventKind, GroupSanction, GroupSetting, GroupSettings, Limits, Name, Penalty, QuitReason,
    SanctionTerms, Scope, UserError,
};
use crate::store::{Backlog, MemoryStore, Store};
pub(super) use demotion::before_section;
use model::Model;

fn hub_with(limits: Limits) -> Hub {
    Hub::new(limits, Arc::new(MemoryStore::default())).unwrap()
}

const NAMES: [&str; 4] = ["Ann", "Ben", "Cid", "Dee"];
const GROUPS: [&str; 3] = ["red", "green", "blue"];

/// A handle that writes nothing: what was queued stays in the outbox to be looked at.
struct NoHandle;

impl ConnectionHandle for NoHandle {
    fn flush(&self, _client: &Arc<Client>, _thorough: bool) {}
    fn conclude(&self, _client: &Client, work: &mut dyn FnMut()) {
        work();
    }
    fn close(&self, _reason: QuitReason) {}
}

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

fn come(hub: &Hub, id: u64, user: &str, policy: DuplicateLogin) -> Result<Presence, AttachError> {
    let peer = SocketAddr::from(([127, 0, 0, 1], 1));
    let who = NewSession { id: ClientId(id), name: name(user), device: None, peer, handle: Arc::new(NoHandle) };
    hub.attach(&who, policy)
}

/// Lets a session catch up, and returns the texts that it missed.
fn catch_up(hub: &Hub, client: &Client) -> Vec<String> {
    let Backlog { messages, more, .. } = hub.backlog(client).unwrap();
    hub.note_caught_up(client, &messages);
    assert_eq!(more, 0);
    messages.into_iter().map(|message| message.said.text.to_string()).collect()
}

fn say(hub: &Hub, me: &Client, scope: Scope, text: &str) -> Result<(), UserError> {
    say_at(hub, me, scope, text, SystemTime::now())
}

fn say_at(hub: &Hub, me: &Client, scope: Scope, text: &str, now: SystemTime) -> Result<(), UserError> {
    let place = hub.check(me, scope, now)?;
    hub.publish(me, &mut vec![me.compose(place, text.to_owned())]);
    Ok(())
}

/// Makes an ordinary group.
fn make(hub: &Hub, me: &Client, group: &str) -> Result<(), UserError> {
    hub.create(me, name(group), GroupSettings::default(), &mut FlushList::default())
}

fn join(hub: &Hub, me: &Client, group: &str) -> Result<(), UserError> {
    hub.join(me, &name(group), JoinVia::Open, SystemTime::now(), &mut FlushList::default())
}

/// Waits until a store that did not work is tried again, and works.
pub(crate) fn until_it_works(hub: &Hub) {
    let deadline = std::time::Instant::now() + Duration::from_secs(20);
    while hub.record(Vec::new()).is_err() {
        assert!(std::time::Instant::now() < deadline, "it does not work again");
        thread::yield_now();
    }
}

/// Empties a session's outbox, and returns what it was told.
fn told(client: &Client) -> Vec<EventKind> {
    let mut kinds = Vec::new();
    client.outbox.take(usize::MAX, |event| {
        kinds.push(event.kind.clone());
        client.outbox.note_written(event.id);
    });
    kinds
}

/// One of many threads: comes, goes, and does everything in between, at random.
fn hammer(hub: &Hub, seed: u64, operations: u64, next_id: &AtomicU64) {
    let mut random = seed;
    let mut dice = |sides: u64| {
        // The constants are from Numerical Recipes; all that matters is that threads do different things.
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from((random >> 33) % sides).unwrap()
    };
    let mut presence = None;
    for _ in 0..operations {
        let Some(here) = &presence else {
            let id = next_id.fetch_add(1, Ordering::Relaxed);
            let policy = [DuplicateLogin::Refuse, DuplicateLogin::Allow, DuplicateLogin::Replace][dice(3)];
            presence = come(hub, id, [NAMES[dice(4)], "guest-1"][dice(6) / 5], policy).ok();
            continue;
        };
        let (me, mut flush_list) = (Presence::client(here), FlushList::default());
        let (group, user) = (GROUPS[dice(3)], name([NAMES[dice(4)], "guest-1"][dice(6) / 5]));
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(dice(100) as u64);
        let _ = match dice(14) {
            0 => make(hub, me, group),
            1..4 => join(hub, me, group),
            4 => say_at(hub, me, Scope::Group(name(group)), "x", now),
            5 => say_at(hub, me, Scope::User(user), "x", now),
            6 => hub.rosters(&me.name, None, now).first().map_or(Ok(()), |(red, _)| hub.membership(me, red).map(drop)),
            7..11 => rule(hub, me, name(group), user, now, [dice(11), dice(2), dice(4)], &mut flush_list),
            11..13 => {
                operators::any_command(hub, user, &name(group), now, [dice(8), dice(6)]);
                Ok(())
            }
            _ => {
                presence = None;
                Ok(())
            }
        };
        if let Some(here) = &presence {
            told(here.client());
        }
    }
}

/// One of the verbs for those who run a group.
fn rule(
    hub: &Hub,
    me: &Client,
    group: Name,
    user: Name,
    now: SystemTime,
    [what, coin, number]: [usize; 3],
    flush_list: &mut FlushList,
) -> Result<(), UserError> {
    let penalty = [Penalty::Ban, Penalty::Mute][coin];
    let terms = SanctionTerms { by: me.name, reason: None, until: Some(now + Duration::from_secs(number as u64)) };
    match what {
        0..3 => hub.move_role(me, &group, user, coin == 0, now, flush_list),
        3 => hub.transfer(me, &group, user, now, flush_list),
        4 => hub.kick(me, &group, user, None, now, flush_list),
        5 => hub.sanction_member(me, &group, GroupSanction { user, penalty, terms }, now, flush_list),
        6 => hub.lift_from_member(me, &group, user, penalty, now, flush_list),
        7 => hub.invite(me, &group, user, now, flush_list),
        8 => hub.change_settings(me, &group, &[GroupSetting::Keep(coin == 0)], now, flush_list),
        9 => {
            hub.change_settings(me, &group, &[GroupSetting::Limit((number > 0).then_some(number + 1))], now, flush_list)
        }
        _ => hub.leave(me, &group, now, flush_list),
    }
}

#[test]
fn eight_threads_keep_the_invariants() {
    let (store, next_id) = (Arc::new(MemoryStore::default()), AtomicU64::new(1));
    let hub = Hub::new(Limits::default(), Arc::clone(&store) as Arc<dyn Store>).unwrap();
    thread::scope(|scope| {
        for seed in 0..8 {
            let (hub, next_id) = (&hub, &next_id);
            scope.spawn(move || hammer(hub, seed, 10_000, next_id));
        }
    });
    hub.check_invariants().unwrap();
    assert_eq!(hub.session_count(), 0);
    assert!(hub.locked(|state| state.groups.values().all(|group| group.settings.keep)));
    assert_eq!(store.groups().unwrap().len(), hub.group_count());
    // The store has what the threads left in the hub.
    let again = Hub::new(Limits::default(), store).unwrap();
    again.check_invariants().unwrap();
    assert_eq!(sequences::kept(&again), sequences::kept(&hub));
    let all = |hub: &Hub| hub.sanctions(SystemTime::UNIX_EPOCH);
    assert_eq!(all(&again), all(&hub));
}

#[test]
fn all_members_see_the_same_order() {
    let hub = hub_with(Limits { outbox_items: 100_000, outbox_bytes: usize::MAX / 8, ..Limits::default() });
    let sessions: Vec<Presence> =
        (0..4).map(|n| come(&hub, n as u64, NAMES[n], DuplicateLogin::Refuse).ok().unwrap()).collect();
    let red = name("red");
    make(&hub, sessions[0].client(), "red").unwrap();
    for session in &sessions[1..] {
        join(&hub, session.client(), "red").unwrap();
    }
    sessions.iter().for_each(|session| drop(told(session.client())));
    thread::scope(|scope| {
        for session in &sessions {
            let (hub, red) = (&hub, &red);
            scope.spawn(move || {
                (0..500).for_each(|n| {
                    say(hub, session.client(), Scope::Group(*red), &n.to_string()).unwrap();
                });
            });
        }
    });
    let seen: Vec<_> = sessions.iter().map(|session| told(session.client())).collect();
    assert_eq!(seen[0].len(), 2000);
    assert!(seen.windows(2).all(|pair| pair[0] == pair[1]));
}

#[test]
fn a_panic_under_the_lock_costs_its_session_and_nothing_else() {
    let hub = hub_with(Limits::default());
    let ann = come(&hub, 1, "Ann", DuplicateLogin::Refuse).ok().unwrap();
    let ben = come(&hub, 2, "Ben", DuplicateLogin::Refuse).ok().unwrap();
    make(&hub, ben.client(), "red").unwrap();
    told(ann.client());
    thread::scope(|scope| {
        let failing = scope.spawn(|| {
            let ben = ben;
            hub.locked(|_| panic!("a fault while the lock is held by {}", ben.client().id));
        });
        assert!(failing.join().is_err());
    });
    assert_eq!(told(ann.client()), [EventKind::UserLeft { user: name("Ben") }]);
    assert_eq!((hub.online_users(), hub.group_count()), (vec![(name("Ann"), None)], 0));
    hub.locked(|state| state.check()).unwrap();
    assert!(come(&hub, 3, "Ben", DuplicateLogin::Refuse).is_ok());
}

#[test]
fn caps_on_groups_memberships_and_clients_hold() {
    let hub = hub_with(Limits { max_groups: 2, max_memberships: 1, max_clients: 2, ..Limits::default() });
    let ann = come(&hub, 1, "Ann", DuplicateLogin::Refuse).ok().unwrap();
    let ben = come(&hub, 2, "Ben", DuplicateLogin::Refuse).ok().unwrap();
    assert_eq!(make(&hub, ann.client(), "red"), Ok(()));
    assert_eq!(make(&hub, ann.client(), "blue"), Err(UserError::TooManyMemberships(1)));
    assert_eq!(make(&hub, ben.client(), "blue"), Ok(()));
    assert_eq!(join(&hub, ben.client(), "red"), Err(UserError::TooManyMemberships(1)));
    assert_eq!(make(&hub, ben.client(), "green"), Err(UserError::TooManyGroups(2)));
    assert!(matches!(come(&hub, 3, "Cid", DuplicateLogin::Allow), Err(AttachError::Full)));
    assert!(come(&hub, 4, "Ann", DuplicateLogin::Replace).is_ok(), "a replacement takes no further slot for long");
}
