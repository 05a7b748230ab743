//! Runs without sockets: what is sent is handed back by hand.

use std::time::Duration;

use super::books::{Books, Due};
use super::*;
use crate::payload::Payload;
use crate::protocol::{Message, Place};
use crate::users::made;

const ECHO: Promises = Promises { group_echo: true, private_echo: true, one_order: true };

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn group(pace: Pace, senders: usize) -> Shape {
    Shape::groups(&[Group { name: "g".to_owned(), members: 0..3 }], senders, pace, ECHO)
}

/// The text of a message, given to one member of the group.
fn give(books: &mut Books<'_>, due: &Due, client: usize, now: Duration) {
    let mut text = Vec::new();
    books.write(due, &mut text);
    let from = format!("u{}", due.lane);
    books.take(client, &Message { from: Some(from.as_bytes()), place: Place::Group(b"g"), text: &text }, now);
}

#[test]
fn a_message_makes_room_for_the_next_when_all_have_it() {
    let (shape, users, payload) = (group(Pace::Window(2), 1), made(3), Payload::new(50));
    let mut books = Books::new(&shape, &users, &payload, 1).unwrap();
    let mut due = Vec::new();
    books.due(ms(0), &mut due);
    assert_eq!(due.iter().map(|due| due.number).collect::<Vec<_>>(), [0, 1]);
    let first = due.remove(0);
    give(&mut books, &first, 0, ms(1));
    give(&mut books, &first, 1, ms(1));
    books.due(ms(1), &mut due);
    assert!(due.is_empty());
    give(&mut books, &first, 2, ms(2));
    books.due(ms(2), &mut due);
    assert_eq!(due.iter().map(|due| due.number).collect::<Vec<_>>(), [2]);
    assert_eq!(books.progress(), (3, 9));
}

#[test]
fn latency_counts_from_when_a_message_was_to_be_sent() {
    let (shape, users, payload) = (group(Pace::Rate(100.0), 1), made(3), Payload::new(50));
    let mut books = Books::new(&shape, &users, &payload, 1).unwrap();
    let mut due = Vec::new();
    // The clock was looked at late: four messages are due, the first of them since 40 ms.
    books.due(ms(40), &mut due);
    assert_eq!((due.len(), books.next_due()), (4, Some(ms(40))));
    for due in &due {
        (0..3).for_each(|client| give(&mut books, due, client, ms(40)));
    }
    let (latencies, _, faults) = books.finish();
    assert!(faults.none(), "{faults:?}");
    assert!((latencies.max_ms() - 40.0).abs() < 0.1, "{}", latencies.max_ms());
    assert_eq!(latencies.len(), 12);
}

#[test]
fn a_message_under_a_wrong_name_or_in_a_wrong_place_is_found() {
    let (shape, users, payload) = (group(Pace::Window(1), 2), made(3), Payload::new(50));
    let mut books = Books::new(&shape, &users, &payload, 1).unwrap();
    let mut due = Vec::new();
    books.due(ms(0), &mut due);
    let mut text = Vec::new();
    books.write(&due[0], &mut text);
    for (from, place) in [("u1", Place::Group(b"g")), ("u0", Place::Group(b"h")), ("u0", Place::Private)] {
        books.take(2, &Message { from: Some(from.as_bytes()), place, text: &text }, ms(1));
    }
    let (_, _, faults) = books.finish();
    assert!(faults.first[..3].iter().all(|words| words.starts_with("altered")), "{faults:?}");
}

#[test]
fn a_message_of_an_earlier_run_is_found() {
    let (shape, users, payload) = (group(Pace::Window(1), 1), made(3), Payload::new(50));
    let mut earlier = Books::new(&shape, &users, &payload, 1).unwrap();
    let mut books = Books::new(&shape, &users, &payload, 2).unwrap();
    let (mut due, mut text) = (Vec::new(), Vec::new());
    earlier.due(ms(0), &mut due);
    earlier.write(&due[0], &mut text);
    books.take(0, &Message { from: None, place: Place::Group(b"g"), text: &text }, ms(0));
    assert!(books.finish().2.first[0].starts_with("twice"));
}

#[test]
fn shapes_say_who_hears_whom() {
    let silent = Promises { group_echo: false, private_echo: false, one_order: false };
    let pairs = Shape::pairs(2, Pace::Window(1), silent);
    assert_eq!(pairs.name, "2 private pairs, window 1");
    assert_eq!(pairs.lanes[1].target, Target::Client(3));
    assert!(pairs.lanes.iter().all(|lane| lane.rules.recipients() == 1));
    let groups = [0..3, 3..6].map(|members| Group { name: format!("g{}", members.start), members });
    let shape = Shape::groups(&groups, 2, Pace::Rate(5.0), ECHO);
    assert_eq!((shape.name.as_str(), shape.lanes.len()), ("2 groups of 3, 2 sending, 5/s", 4));
    assert_eq!((shape.lanes[2].rules.sender, shape.lanes[2].rules.ordered), (3, Some(1)));
}
