//! The hub against a naive model of itself, under threads, and under a panic.

mod disk;
mod durable;
mod model;
mod order;
mod reading;
mod typing;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use proptest::prelude::*;

use super::*;
use crate::model::{DuplicateLogin, EventKind, Name, QuitReason, Scope, UserError};
use crate::store::{Backlog, MemoryStore};
use model::Model;

fn hub_with(limits: Limits) -> Hub {
    Hub::new(limits, Arc::new(MemoryStore::default())).unwrap()
}

const NAMES: [&str; 4] = ["Ann", "Ben", "Cid", "Dee"];
const GROUPS: [&str; 3] = ["red", "green", "blue"];

/// A port that writes nothing: what was queued stays in the outbox to be looked at.
struct NoPort;

impl Port for NoPort {
    fn flush(&self, _client: &Arc<Client>, _thorough: bool) {}
    fn conclude(&self, _client: &Client, work: &mut dyn FnMut()) {
        work();
    }
    fn close(&self, _reason: QuitReason) {}
}

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

fn come(hub: &Hub, id: u64, user: &str, policy: DuplicateLogin) -> Result<Presence, RegisterError> {
    let peer = SocketAddr::from(([127, 0, 0, 1], 1));
    let who = Registration { id: ClientId(id), name: name(user), device: None, peer, port: Arc::new(NoPort) };
    hub.register(&who, policy)
}

/// Lets a session have what it missed, and answers with the texts of that.
fn catch_up(hub: &Hub, client: &Client) -> Vec<String> {
    let Backlog { messages, more, .. } = hub.backlog(client).unwrap();
    hub.caught_up(client, &messages);
    assert_eq!(more, 0);
    messages.into_iter().map(|message| message.said.text).collect()
}

fn say(hub: &Hub, me: &Client, scope: Scope, text: &str) -> Result<(), UserError> {
    let scope = hub.check(me, scope)?;
    hub.publish(me, &mut vec![me.draft(scope, text.to_owned())]);
    Ok(())
}

/// Takes what a session was told.
fn told(client: &Client) -> Vec<EventKind> {
    let mut kinds = Vec::new();
    client.outbox.take(usize::MAX, |event| {
        kinds.push(event.kind.clone());
        client.outbox.note_written(event.id);
    });
    kinds
}

/// One thing that happens; numbers choose among the sessions, names and groups there are.
#[derive(Debug, Clone)]
enum Step {
    Come(usize),
    Go(usize),
    Whisper(usize, usize),
    Broadcast(usize),
    Create(usize, usize),
    Join(usize, usize),
    Leave(usize, usize),
    Post(usize, usize),
}

fn step() -> impl Strategy<Value = Step> {
    let (who, user, group) = (0..6usize, 0..NAMES.len(), 0..GROUPS.len());
    prop_oneof![
        3 => user.clone().prop_map(Step::Come),
        1 => who.clone().prop_map(Step::Go),
        1 => (who.clone(), user).prop_map(|(a, b)| Step::Whisper(a, b)),
        1 => who.clone().prop_map(Step::Broadcast),
        2 => (who.clone(), group.clone()).prop_map(|(a, b)| Step::Create(a, b)),
        3 => (who.clone(), group.clone()).prop_map(|(a, b)| Step::Join(a, b)),
        1 => (who.clone(), group.clone()).prop_map(|(a, b)| Step::Leave(a, b)),
        2 => (who, group).prop_map(|(a, b)| Step::Post(a, b)),
    ]
}

/// Does one step in both, and requires the same answer.
fn both(hub: &Hub, model: &mut Model, sessions: &mut Vec<Presence>, number: u64, step: &Step) {
    let mut touched = Touched::default();
    let text = format!("text {number}");
    let me = |at: &usize| sessions.get(*at).map(|presence| Arc::clone(presence.client()));
    let group = |at: &usize| name(GROUPS[*at]);
    match step {
        Step::Come(user) => {
            let presence = come(hub, number, NAMES[*user], DuplicateLogin::Allow).ok().unwrap();
            assert_eq!(catch_up(hub, presence.client()), model.come(number, name(NAMES[*user])));
            sessions.push(presence);
        }
        Step::Go(at) if *at < sessions.len() => {
            sessions.remove(*at).leave(QuitReason::Quit);
            model.go(*at);
        }
        Step::Broadcast(at) => {
            if let Some(me) = me(at) {
                say(hub, &me, Scope::Everybody, &text).unwrap();
                model.tell(&EventKind::Broadcast { from: me.name, text }, |_| true);
            }
        }
        Step::Go(_) => {}
        Step::Whisper(at, _) | Step::Create(at, _) | Step::Join(at, _) | Step::Leave(at, _) | Step::Post(at, _) => {
            let Some(me) = me(at) else { return };
            let (real, expected) = match step {
                Step::Whisper(_, to) => {
                    let to = name(NAMES[*to]);
                    (say(hub, &me, Scope::User(to), &text), model.whisper(me.name, to, text))
                }
                Step::Create(_, g) => (hub.create(&me, group(g), &mut touched), model.create(me.name, group(g))),
                Step::Join(_, g) => (hub.join(&me, &group(g), &mut touched), model.join(me.name, group(g))),
                Step::Leave(_, g) => (hub.leave(&me, &group(g), &mut touched), model.leave(me.name, group(g))),
                Step::Post(_, g) => (say(hub, &me, Scope::Group(group(g)), &text), model.post(me.name, group(g), text)),
                _ => return,
            };
            assert_eq!(real, expected, "{step:?}");
        }
    }
}

/// Requires that the hub told every session what the model did.
fn assert_same_told(model: &mut Model, sessions: &[Presence], step: &Step) {
    for presence in sessions {
        let client = presence.client();
        assert_eq!(told(client), model.told.remove(&client.id.0).unwrap_or_default(), "{} after {step:?}", client.id);
    }
}

proptest! {
    #[test]
    fn any_sequence_of_verbs_is_what_the_naive_model_says(steps in proptest::collection::vec(step(), 1..60)) {
        let (hub, mut model, mut sessions) = (hub_with(Limits::default()), Model::default(), Vec::new());
        for (number, step) in (1..).zip(&steps) {
            both(&hub, &mut model, &mut sessions, number, step);
            assert_same_told(&mut model, &sessions, step);
            hub.locked(|state| state.check()).unwrap();
            prop_assert_eq!(hub.groups(), model.groups.keys().copied().collect::<Vec<_>>());
        }
        drop(sessions);
        prop_assert!(hub.sessions() == 0 && hub.groups().is_empty() && hub.who().is_empty());
    }
}

/// What one of many threads does: comes, goes, and everything between, at random.
fn hammer(hub: &Hub, seed: u64, operations: u64, next_id: &AtomicU64) {
    let mut random = seed;
    let mut dice = |sides: u64| {
        // Numerical Recipes' constants; all that matters is that threads do different things.
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from((random >> 33) % sides).unwrap()
    };
    let mut presence = None;
    for _ in 0..operations {
        let Some(here) = &presence else {
            let id = next_id.fetch_add(1, Ordering::Relaxed);
            let policy = [DuplicateLogin::Refuse, DuplicateLogin::Allow, DuplicateLogin::Replace][dice(3)];
            presence = come(hub, id, NAMES[dice(4)], policy).ok();
            continue;
        };
        let (me, group, mut touched) = (Presence::client(here), name(GROUPS[dice(3)]), Touched::default());
        let _ = match dice(7) {
            0 => hub.create(me, group, &mut touched),
            1 => hub.join(me, &group, &mut touched),
            2 => hub.leave(me, &group, &mut touched),
            3 => say(hub, me, Scope::Group(group), "x"),
            4 => say(hub, me, Scope::User(name(NAMES[dice(4)])), "x"),
            5 => hub.rosters(None).first().map_or(Ok(()), |(red, _)| hub.membership(me, red).map(drop)),
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

#[test]
fn eight_threads_leave_a_state_that_holds_together() {
    let (hub, next_id) = (hub_with(Limits::default()), AtomicU64::new(1));
    thread::scope(|scope| {
        for seed in 0..8 {
            let (hub, next_id) = (&hub, &next_id);
            scope.spawn(move || hammer(hub, seed, 10_000, next_id));
        }
    });
    hub.locked(|state| state.check()).unwrap();
    assert_eq!((hub.sessions(), hub.groups()), (0, Vec::new()));
}

#[test]
fn all_members_see_one_order_whoever_speaks() {
    let hub = hub_with(Limits { outbox_items: 100_000, outbox_bytes: usize::MAX / 8, ..Limits::default() });
    let sessions: Vec<Presence> =
        (0..4).map(|n| come(&hub, n as u64, NAMES[n], DuplicateLogin::Refuse).ok().unwrap()).collect();
    let red = name("red");
    hub.create(sessions[0].client(), red, &mut Touched::default()).unwrap();
    for session in &sessions[1..] {
        hub.join(session.client(), &red, &mut Touched::default()).unwrap();
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
    hub.create(ben.client(), name("red"), &mut Touched::default()).unwrap();
    told(ann.client());
    thread::scope(|scope| {
        let failing = scope.spawn(|| {
            let ben = ben;
            hub.locked(|_| panic!("a fault while the lock is held by {}", ben.client().id));
        });
        assert!(failing.join().is_err());
    });
    assert_eq!(told(ann.client()), [EventKind::UserLeft { user: name("Ben") }]);
    assert_eq!((hub.who(), hub.groups()), (vec![(name("Ann"), None)], Vec::new()));
    hub.locked(|state| state.check()).unwrap();
    assert!(come(&hub, 3, "Ben", DuplicateLogin::Refuse).is_ok());
}

#[test]
fn caps_on_groups_memberships_and_clients_hold() {
    let hub = hub_with(Limits { groups: 2, memberships: 1, clients: 2, ..Limits::default() });
    let ann = come(&hub, 1, "Ann", DuplicateLogin::Refuse).ok().unwrap();
    let ben = come(&hub, 2, "Ben", DuplicateLogin::Refuse).ok().unwrap();
    let touched = &mut Touched::default();
    assert_eq!(hub.create(ann.client(), name("red"), touched), Ok(()));
    assert_eq!(hub.create(ann.client(), name("blue"), touched), Err(UserError::TooManyMemberships(1)));
    assert_eq!(hub.create(ben.client(), name("blue"), touched), Ok(()));
    assert_eq!(hub.join(ben.client(), &name("red"), touched), Err(UserError::TooManyMemberships(1)));
    assert_eq!(hub.create(ben.client(), name("green"), touched), Err(UserError::TooManyGroups(2)));
    assert!(matches!(come(&hub, 3, "Cid", DuplicateLogin::Allow), Err(RegisterError::Full)));
    assert!(come(&hub, 4, "Ann", DuplicateLogin::Replace).is_ok(), "a replacement takes no further place for long");
}
