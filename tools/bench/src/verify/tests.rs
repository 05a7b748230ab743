//! Faults made on purpose, each of which has to be found and called by its name.

use proptest::prelude::*;

use super::*;

const MEMBERS: usize = 4;

/// A group of four in which two speak.
fn group(echo: bool) -> Audit {
    let lane = |sender| Lane { sender, hearers: 0..MEMBERS, echo, ordered: Some(0) };
    Audit::new(vec![lane(0), lane(1)])
}

fn stamp(lane: u32, number: u32) -> Stamp {
    Stamp { run: 1, lane, number }
}

/// A run in which every member gets `heard` of both lanes in the order `(lane, number)`, after a change for the last one.
fn faults(change: impl FnOnce(&mut Vec<Stamp>)) -> Faults {
    let mut audit = group(true);
    let mut said = Vec::new();
    for _ in 0..5 {
        for lane in 0..2 {
            said.push(stamp(lane, audit.send(lane as usize)));
        }
    }
    for client in 0..MEMBERS - 1 {
        said.iter().for_each(|stamp| assert!(audit.take(client, *stamp)));
    }
    change(&mut said);
    said.iter().for_each(|stamp| {
        audit.take(MEMBERS - 1, *stamp);
    });
    audit.finish()
}

fn first(faults: &Faults) -> &str {
    faults.first.first().map_or("", |words| words.split(':').next().unwrap())
}

#[test]
fn a_faultless_run_has_no_faults() {
    assert!(faults(|_| ()).none());
}

#[test]
fn a_message_that_comes_twice_is_found() {
    let faults = faults(|said| said.insert(3, said[2]));
    assert_eq!((faults.count, first(&faults)), (1, "twice"));
}

#[test]
fn a_lost_message_is_found_in_the_middle_and_at_the_end() {
    // The order of the others does not fit from there on, and is noted once.
    let middle = faults(|said| said.retain(|said| *said != stamp(0, 1)));
    assert_eq!(middle.count, 2, "{middle:?}");
    assert!(middle.first.iter().any(|words| words == "lost: client 3 did not get message 1 of lane 0"), "{middle:?}");
    let end = faults(|said| said.truncate(9));
    assert_eq!((end.count, first(&end)), (1, "lost"));
}

#[test]
fn messages_of_one_sender_that_change_places_are_found() {
    let faults = faults(|said| said.swap(2, 4));
    assert!(faults.first.iter().any(|words| words.starts_with("out of order")), "{faults:?}");
    assert!(!faults.first.iter().any(|words| words.starts_with("lost")), "{faults:?}");
}

#[test]
fn messages_of_two_senders_that_change_places_for_one_member_are_two_orders() {
    let faults = faults(|said| said.swap(2, 3));
    assert_eq!((faults.count, first(&faults)), (1, "two orders"));
}

#[test]
fn what_was_not_sent_or_not_to_him_is_found() {
    let mut audit = Audit::new(vec![Lane { sender: 0, hearers: 0..2, echo: true, ordered: None }]);
    audit.send(0);
    assert!(!audit.take(0, stamp(0, 1)) && !audit.take(0, stamp(7, 0)) && !audit.take(2, stamp(0, 0)));
    assert!(audit.take(0, stamp(0, 0)) && audit.take(1, stamp(0, 0)));
    assert_eq!(audit.progress(), (2, 2));
    let faults = audit.finish();
    assert_eq!(faults.count, 3);
    assert!(faults.first[2].starts_with("misdelivered"), "{faults:?}");
}

#[test]
fn without_an_echo_the_sender_gets_nothing() {
    let mut audit = group(false);
    audit.send(0);
    assert_eq!(audit.progress().1, 3);
    assert!((1..MEMBERS).all(|client| audit.take(client, stamp(0, 0))));
    assert!(!audit.take(0, stamp(0, 0)));
    assert_eq!(audit.finish().count, 1);
}

proptest! {
    /// Members who read at different paces see one order, however long the run and however far behind one is.
    #[test]
    fn one_order_is_one_order_at_any_pace(lanes in prop::collection::vec(0..2u32, 1..200), paces in prop::collection::vec(0..4usize, 1..400)) {
        let mut audit = group(true);
        let said: Vec<Stamp> = lanes.iter().map(|lane| stamp(*lane, audit.send(*lane as usize))).collect();
        let mut seen = [0; MEMBERS];
        for client in paces.into_iter().chain((0..MEMBERS).flat_map(|client| vec![client; 200])) {
            if let Some(stamp) = said.get(seen[client]) {
                prop_assert!(audit.take(client, *stamp));
                seen[client] += 1;
            }
        }
        prop_assert!(audit.finish().none());
    }

    /// Whatever one member is shown instead, a run with a difference never passes.
    #[test]
    fn no_difference_passes(at in 0..10usize, with in 0..10usize) {
        prop_assume!(at != with);
        prop_assert!(!faults(|said| said[at] = said[with]).none());
        prop_assert!(!faults(|said| said.swap(at, with)).none());
        prop_assert!(!faults(|said| said.truncate(at)).none());
    }
}

#[test]
fn an_order_forgets_what_everybody_has_seen() {
    let mut order = Order::new(0..2);
    for n in 0..100_000u32 {
        assert!(order.take(0, n) && order.take(1, n));
    }
    assert!(!order.take(0, 1) || !order.take(1, 2));
}
