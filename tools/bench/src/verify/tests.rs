//! Faults injected on purpose, each of which has to be found and named.

use proptest::prelude::*;

use super::*;

const MEMBERS: usize = 4;

/// A group of four in which two send.
fn group(echo: bool) -> Verifier {
    let stream = |sender| Stream { sender, audience: 0..MEMBERS, echo, total_order: Some(0) };
    Verifier::new(vec![stream(0), stream(1)])
}

fn stamp(stream: u32, sequence: u32) -> Stamp {
    Stamp { run: 1, stream, sequence }
}

/// The faults of a run in which every member gets five messages of each stream, the last member with this change.
fn faults(change: impl FnOnce(&mut Vec<Stamp>)) -> Faults {
    let mut verifier = group(true);
    let mut sent = Vec::new();
    for _ in 0..5 {
        for stream in 0..2 {
            sent.push(stamp(stream, verifier.record_sent(stream as usize)));
        }
    }
    for client in 0..MEMBERS - 1 {
        sent.iter().for_each(|stamp| assert!(verifier.record_received(client, *stamp)));
    }
    change(&mut sent);
    sent.iter().for_each(|stamp| {
        verifier.record_received(MEMBERS - 1, *stamp);
    });
    verifier.finish()
}

fn first(faults: &Faults) -> &str {
    faults.first.first().map_or("", |words| words.split(':').next().unwrap())
}

#[test]
fn a_faultless_run_has_no_faults() {
    assert!(faults(|_| ()).is_empty());
}

#[test]
fn a_duplicate_is_found() {
    let faults = faults(|sent| sent.insert(3, sent[2]));
    assert_eq!((faults.count, first(&faults)), (1, "duplicate"));
}

#[test]
fn a_lost_message_is_found_anywhere() {
    // From there on the order does not match either, which counts once.
    let middle = faults(|sent| sent.retain(|sent| *sent != stamp(0, 1)));
    assert_eq!(middle.count, 2, "{middle:?}");
    assert!(middle.first.iter().any(|words| words == "lost: client 3 did not get message 1 of stream 0"), "{middle:?}");
    let end = faults(|sent| sent.truncate(9));
    assert_eq!((end.count, first(&end)), (1, "lost"));
}

#[test]
fn reordered_messages_of_one_sender_are_found() {
    let faults = faults(|sent| sent.swap(2, 4));
    assert!(faults.first.iter().any(|words| words.starts_with("out of order")), "{faults:?}");
    assert!(!faults.first.iter().any(|words| words.starts_with("lost")), "{faults:?}");
}

#[test]
fn an_order_that_only_one_member_sees_is_found() {
    let faults = faults(|sent| sent.swap(2, 3));
    assert_eq!((faults.count, first(&faults)), (1, "order mismatch"));
}

#[test]
fn unsent_and_misdelivered_messages_are_found() {
    let mut verifier = Verifier::new(vec![Stream { sender: 0, audience: 0..2, echo: true, total_order: None }]);
    verifier.record_sent(0);
    assert!(
        !verifier.record_received(0, stamp(0, 1))
            && !verifier.record_received(0, stamp(7, 0))
            && !verifier.record_received(2, stamp(0, 0))
    );
    assert!(verifier.record_received(0, stamp(0, 0)) && verifier.record_received(1, stamp(0, 0)));
    assert_eq!(verifier.progress(), (2, 2));
    let faults = verifier.finish();
    assert_eq!(faults.count, 3);
    assert!(faults.first[2].starts_with("misdelivered"), "{faults:?}");
}

#[test]
fn without_echo_the_sender_gets_nothing() {
    let mut verifier = group(false);
    verifier.record_sent(0);
    assert_eq!(verifier.progress().1, 3);
    assert!((1..MEMBERS).all(|client| verifier.record_received(client, stamp(0, 0))));
    assert!(!verifier.record_received(0, stamp(0, 0)));
    assert_eq!(verifier.finish().count, 1);
}

proptest! {
    /// Members that read at different paces see one order, however far one falls behind.
    #[test]
    fn members_at_any_pace_see_one_order(streams in prop::collection::vec(0..2u32, 1..200), paces in prop::collection::vec(0..4usize, 1..400)) {
        let mut verifier = group(true);
        let sent: Vec<Stamp> = streams.iter().map(|stream| stamp(*stream, verifier.record_sent(*stream as usize))).collect();
        let mut seen = [0; MEMBERS];
        for client in paces.into_iter().chain((0..MEMBERS).flat_map(|client| vec![client; 200])) {
            if let Some(stamp) = sent.get(seen[client]) {
                prop_assert!(verifier.record_received(client, *stamp));
                seen[client] += 1;
            }
        }
        prop_assert!(verifier.finish().is_empty());
    }

    /// A run in which one member gets anything else never passes.
    #[test]
    fn no_difference_passes(at in 0..10usize, with in 0..10usize) {
        prop_assume!(at != with);
        prop_assert!(!faults(|sent| sent[at] = sent[with]).is_empty());
        prop_assert!(!faults(|sent| sent.swap(at, with)).is_empty());
        prop_assert!(!faults(|sent| sent.truncate(at)).is_empty());
    }
}

#[test]
fn an_order_drops_what_all_members_have_seen() {
    let mut order = TotalOrder::new(0..2);
    for n in 0..100_000u32 {
        assert!(order.record(0, n) && order.record(1, n));
    }
    assert!(!order.record(0, 1) || !order.record(1, 2));
}
