//! Ledgers without sockets: the tests hand back what is sent.

use std::time::Duration;

use super::ledger::{Ledger, Outgoing};
use super::*;
use crate::payload::Payload;
use crate::protocol::{Destination, Message};
use crate::users::generate;

const ALL: Guarantees = Guarantees { group_echo: true, private_echo: true, total_order: true };

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn group(pace: Pace, senders: usize) -> Workload {
    Workload::groups(&[Group { name: "g".to_owned(), members: 0..3 }], senders, pace, ALL)
}

/// Delivers a message to one member of the group.
fn deliver(ledger: &mut Ledger<'_>, outgoing: &Outgoing, client: usize, now: Duration) {
    let mut text = Vec::new();
    ledger.write(outgoing, &mut text);
    let from = format!("u{}", outgoing.producer);
    let (from, destination) = (Some(from.as_bytes()), Destination::Group(b"g"));
    ledger.record_received(client, &Message { from, destination, text: &text }, now);
}

fn sequences(outgoing: &[Outgoing]) -> Vec<u32> {
    outgoing.iter().map(|message| message.sequence).collect()
}

#[test]
fn the_window_opens_when_all_recipients_have_a_message() {
    let (workload, users, payload) = (group(Pace::Window(2), 1), generate(3), Payload::new(50));
    let mut ledger = Ledger::new(&workload, &users, &payload, 1).unwrap();
    let mut outgoing = Vec::new();
    ledger.take_due(ms(0), &mut outgoing);
    assert_eq!(sequences(&outgoing), [0, 1]);
    let first = outgoing.remove(0);
    deliver(&mut ledger, &first, 0, ms(1));
    deliver(&mut ledger, &first, 1, ms(1));
    ledger.take_due(ms(1), &mut outgoing);
    assert!(outgoing.is_empty());
    deliver(&mut ledger, &first, 2, ms(2));
    ledger.take_due(ms(2), &mut outgoing);
    assert_eq!(sequences(&outgoing), [2]);
    assert_eq!(ledger.progress(), (3, 9));
}

#[test]
fn latency_counts_from_when_a_message_was_due() {
    let (workload, users, payload) = (group(Pace::Rate(100.0), 1), generate(3), Payload::new(50));
    let mut ledger = Ledger::new(&workload, &users, &payload, 1).unwrap();
    let mut outgoing = Vec::new();
    // The clock is read late: four messages are due, the first of them since 40 ms.
    ledger.take_due(ms(40), &mut outgoing);
    assert_eq!((outgoing.len(), ledger.next_due()), (4, Some(ms(40))));
    for message in &outgoing {
        (0..3).for_each(|client| deliver(&mut ledger, message, client, ms(40)));
    }
    let (latencies, _, faults) = ledger.finish();
    assert!(faults.is_empty(), "{faults:?}");
    assert!((latencies.max_ms() - 40.0).abs() < 0.1, "{}", latencies.max_ms());
    assert_eq!(latencies.len(), 12);
}

#[test]
fn a_wrong_sender_or_destination_is_found() {
    let (workload, users, payload) = (group(Pace::Window(1), 2), generate(3), Payload::new(50));
    let mut ledger = Ledger::new(&workload, &users, &payload, 1).unwrap();
    let (mut outgoing, mut text) = (Vec::new(), Vec::new());
    ledger.take_due(ms(0), &mut outgoing);
    ledger.write(&outgoing[0], &mut text);
    let wrong = [("u1", Destination::Group(b"g")), ("u0", Destination::Group(b"h")), ("u0", Destination::Private)];
    for (from, destination) in wrong {
        ledger.record_received(2, &Message { from: Some(from.as_bytes()), destination, text: &text }, ms(1));
    }
    let (_, _, faults) = ledger.finish();
    assert!(faults.first[..3].iter().all(|fault| fault.starts_with("altered")), "{faults:?}");
}

#[test]
fn a_message_of_an_earlier_run_is_found() {
    let (workload, users, payload) = (group(Pace::Window(1), 1), generate(3), Payload::new(50));
    let mut earlier = Ledger::new(&workload, &users, &payload, 1).unwrap();
    let mut ledger = Ledger::new(&workload, &users, &payload, 2).unwrap();
    let (mut outgoing, mut text) = (Vec::new(), Vec::new());
    earlier.take_due(ms(0), &mut outgoing);
    earlier.write(&outgoing[0], &mut text);
    ledger.record_received(0, &Message { from: None, destination: Destination::Group(b"g"), text: &text }, ms(0));
    assert!(ledger.finish().2.first[0].starts_with("duplicate"));
}

#[test]
fn workloads_say_who_receives_what() {
    let none = Guarantees { group_echo: false, private_echo: false, total_order: false };
    let pairs = Workload::pairs(2, Pace::Window(1), none);
    assert_eq!(pairs.name, "2 private pairs, window 1");
    assert_eq!(pairs.producers[1].target, Target::Client(3));
    assert!(pairs.producers.iter().all(|producer| producer.stream.recipient_count() == 1));
    let groups = [0..3, 3..6].map(|members| Group { name: format!("g{}", members.start), members });
    let workload = Workload::groups(&groups, 2, Pace::Rate(5.0), ALL);
    assert_eq!((workload.name.as_str(), workload.producers.len()), ("2 groups of 3, 2 sending, 5/s", 4));
    let stream = &workload.producers[2].stream;
    assert_eq!((stream.sender, stream.total_order), (3, Some(1)));
}
