//! The hub over a store that waits, fails and panics when a test says so.

use std::time::{Duration, Instant};

use super::disk::Disk;
use super::*;
use crate::model::{Draft, Message, MessageId};
use crate::store::StoreError;

pub(super) fn with_disk() -> (Arc<Disk>, Hub) {
    let disk = Arc::new(Disk::default());
    let hub = Hub::new(Limits::default(), Arc::clone(&disk) as Arc<dyn Store>).unwrap();
    (disk, hub)
}

pub(super) fn here(hub: &Hub, id: u64, user: &str) -> Presence {
    let presence = come(hub, id, user, DuplicateLogin::Allow).ok().unwrap();
    catch_up(hub, presence.client());
    presence
}

/// How many changes are in the open batch.
pub(super) fn gathering(hub: &Hub) -> usize {
    hub.inner.log.waiting()
}

pub(super) fn await_that(mut done: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !done() {
        assert!(Instant::now() < deadline, "it never happened");
        thread::yield_now();
    }
}

#[test]
fn nothing_is_shown_before_it_is_stored_in_one_batch() {
    let (disk, hub) = with_disk();
    let users: Vec<Presence> = (0..4).map(|n| here(&hub, n as u64, NAMES[n])).collect();
    users.iter().for_each(|user| drop(told(user.client())));
    disk.batches.lock().clear();
    let (arrives, open) = disk.with_gate();
    thread::scope(|scope| {
        let speak = |n: usize, text: &'static str| {
            let (hub, me) = (&hub, users[n].client());
            scope.spawn(move || say(hub, me, Scope::Everybody, text).unwrap());
        };
        speak(0, "first");
        arrives.recv().unwrap();
        speak(1, "second");
        speak(2, "third");
        await_that(|| gathering(&hub) == 2);
        assert!(users.iter().all(|user| user.client().outbox.is_empty()), "shown before it is stored");
        open.send(()).unwrap();
        arrives.recv().unwrap();
        // A batch may be followed by positions of clients that were not written to, which wait at the gate as well.
        (0..4).for_each(|_| open.send(()).unwrap());
    });
    let batches: Vec<usize> = disk.batches.lock().iter().copied().filter(|messages| *messages > 0).collect();
    assert_eq!(batches, [1, 2]);
    let seen: Vec<_> = users.iter().map(|user| told(user.client())).collect();
    assert_eq!(seen[3].len(), 3);
    assert!(seen.windows(2).all(|pair| pair[0] == pair[1]), "the log's order is everybody's");
    *disk.gate.lock() = None;
}

#[test]
fn every_client_sees_the_order_of_the_log() {
    let (disk, hub) = with_disk();
    let users: Vec<Presence> = (0..4).map(|n| here(&hub, n as u64, NAMES[n])).collect();
    users.iter().for_each(|user| drop(told(user.client())));
    thread::scope(|scope| {
        for user in &users {
            let hub = &hub;
            scope.spawn(move || {
                for n in 0..100 {
                    say(hub, user.client(), Scope::Everybody, &format!("{} {n}", user.client().name)).unwrap();
                }
            });
        }
    });
    let stored = disk.texts();
    assert_eq!(stored.len(), 400);
    for user in &users {
        let texts = told(user.client()).into_iter().map(|kind| match kind {
            EventKind::Broadcast { text, .. } => text.to_string(),
            other => panic!("{other:?}"),
        });
        assert_eq!(texts.collect::<Vec<_>>(), stored);
    }
}

#[test]
fn a_full_disk_is_reported_and_loses_only_messages() {
    let (disk, hub) = with_disk();
    let (ann, ben, cid) = (here(&hub, 1, "Ann"), here(&hub, 2, "Ben"), here(&hub, 3, "Cid"));
    disk.full.store(true, Ordering::SeqCst);
    ben.leave(QuitReason::Quit);
    [&ann, &cid].into_iter().for_each(|presence| drop(told(presence.client())));
    say(&hub, ann.client(), Scope::User(name("Cid")), "live").unwrap();
    say(&hub, ann.client(), Scope::User(name("Ben")), "lost").unwrap();
    let why = StoreError::Full.to_string();
    let refused = [UserError::NotSaved(why.clone()), UserError::NotKept(name("Ben"), why)].map(EventKind::Refused);
    assert_eq!(told(ann.client()), refused);
    assert_eq!(told(cid.client()), [EventKind::PrivateMessage { from: name("Ann"), text: "live".into() }]);
    assert!(disk.texts().is_empty());
    disk.full.store(false, Ordering::SeqCst);
    await_that(|| {
        hub.tend().is_ok()
            && say(&hub, ann.client(), Scope::User(name("Ann")), "again").is_ok()
            && !disk.texts().is_empty()
    });
    say(&hub, ann.client(), Scope::User(name("Ben")), "kept").unwrap();
    assert_eq!(disk.texts(), ["again", "kept"]);
    let ben = come(&hub, 4, "Ben", DuplicateLogin::Refuse).ok().unwrap();
    assert_eq!(catch_up(&hub, ben.client()), ["kept"], "the departure was kept until it could be stored");
}

#[test]
fn a_panic_in_the_store_costs_one_session_and_others_are_told() {
    let (disk, hub) = with_disk();
    let (ann, ben) = (here(&hub, 1, "Ann"), here(&hub, 2, "Ben"));
    [&ann, &ben].into_iter().for_each(|presence| drop(told(presence.client())));
    let (arrives, open) = disk.with_gate();
    thread::scope(|scope| {
        let hub = &hub;
        let (ann, ben) = (ann.client(), ben.client());
        let speak = move |me: &Client| say(hub, me, Scope::User(me.name), "x").unwrap();
        let first = scope.spawn(move || speak(ann));
        arrives.recv().unwrap();
        let leader = scope.spawn(move || speak(ann));
        await_that(|| gathering(hub) == 1);
        let other = scope.spawn(move || speak(ben));
        await_that(|| gathering(hub) == 2);
        open.send(()).unwrap();
        first.join().unwrap();
        arrives.recv().unwrap();
        disk.broken.store(true, Ordering::SeqCst);
        (0..2).for_each(|_| open.send(()).unwrap());
        assert!([leader.join().is_err(), other.join().is_err()].iter().filter(|failed| **failed).count() == 1);
    });
    *disk.gate.lock() = None;
    disk.broken.store(false, Ordering::SeqCst);
    let lost = [&ann, &ben].map(|presence| told(presence.client()).contains(&EventKind::Refused(UserError::Lost)));
    assert_eq!(lost.iter().filter(|told| **told).count(), 1);
    say(&hub, ann.client(), Scope::User(name("Ben")), "again").unwrap();
    assert!(told(ben.client()).contains(&EventKind::PrivateMessage { from: name("Ann"), text: "again".into() }));
}

#[test]
fn unwritten_messages_are_owed_even_if_the_process_dies() {
    let (disk, hub) = with_disk();
    let (ann, ben) = (here(&hub, 1, "Ann"), here(&hub, 2, "Ben"));
    let owed = || -> Vec<String> {
        let backlog = disk.memory.backlog(&name("Ben"), None, MessageId(u64::MAX), 10).unwrap();
        backlog.messages.into_iter().map(|Message { said: Draft { text, .. }, .. }| text.to_string()).collect()
    };
    let to_ben = |text| say(&hub, ann.client(), Scope::User(name("Ben")), text).unwrap();
    told(ben.client());
    to_ben("one");
    assert_eq!(owed(), ["one"], "known to the store before the echo");
    to_ben("two");
    assert_eq!(owed(), ["one", "two"]);
    told(ben.client());
    hub.tend().unwrap();
    assert!(owed().is_empty(), "everything has been written by now");
    to_ben("three");
    ben.leave(QuitReason::Lost);
    assert_eq!(owed(), ["three"]);
    let ben = come(&hub, 3, "Ben", DuplicateLogin::Refuse).ok().unwrap();
    to_ben("four");
    assert_eq!(catch_up(&hub, ben.client()), ["three"]);
    assert_eq!(owed(), ["four"], "it came during the catch-up");
    told(ben.client());
    hub.note_drained(ben.client());
    assert!(owed().is_empty());
}
