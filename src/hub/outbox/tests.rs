//! Taking, refusing and giving events.

use super::*;
use crate::model::EventKind;

fn text(bytes: usize) -> Arc<Event> {
    Event::new(EventKind::Pong { text: "x".repeat(bytes) })
}

fn small() -> Outbox {
    Outbox::new(&Limits { outbox_items: 8, outbox_bytes: 4096, ..Limits::default() }, &Arc::default())
}

#[test]
fn a_push_into_an_empty_outbox_is_the_first() {
    let outbox = small();
    assert_eq!(outbox.push(&text(1)), PushOutcome::First);
    assert_eq!(outbox.push(&text(1)), PushOutcome::Queued);
    assert_eq!(outbox.take(usize::MAX, |_| ()), 2);
    assert!(outbox.is_empty());
    assert_eq!(outbox.push(&text(1)), PushOutcome::First);
}

#[test]
fn a_client_behind_is_cut_at_its_bound_of_items_or_bytes() {
    for (bytes, fit) in [(1, 8), (1000, 3)] {
        let outbox = small();
        outbox.set_behind(true);
        let pushes: Vec<PushOutcome> = (0..=fit).map(|_| outbox.push(&text(bytes))).collect();
        assert_eq!(pushes.iter().position(|p| *p == PushOutcome::Full), Some(fit), "{pushes:?}");
        assert_eq!(outbox.push(&text(1)), PushOutcome::Sealed);
        assert!(outbox.is_empty(), "the queue of a client that is cut is forgotten at once");
    }
}

#[test]
fn a_late_writer_does_not_cut_a_client_who_reads() {
    let outbox = small();
    assert!((0..31).all(|_| outbox.push(&text(1)) != PushOutcome::Full));
    assert_eq!(outbox.push(&text(1)), PushOutcome::Crowded);
    assert_eq!(outbox.push(&text(1)), PushOutcome::Full);
}

#[test]
fn one_answer_longer_than_the_bound_fits_an_empty_outbox() {
    let outbox = small();
    outbox.set_behind(true);
    assert_eq!(outbox.push(&text(100_000)), PushOutcome::First);
    assert_eq!(outbox.push(&text(1)), PushOutcome::Full);
}

#[test]
fn take_stops_at_the_batch_size_and_keeps_the_order() {
    let outbox = small();
    for n in 1..=4 {
        outbox.push(&text(n));
    }
    let mut seen = Vec::new();
    outbox.take(250, |event| seen.push(event.weight()));
    outbox.take(usize::MAX, |event| seen.push(event.weight()));
    assert_eq!(seen, (1..=4).map(|n| text(n).weight()).collect::<Vec<_>>());
}

#[test]
fn coalesced_events_count_one_by_one() {
    let several = |n: usize| Arc::new(Event::several(vec![Event::clone(&text(1)); n]).unwrap());
    let outbox = small();
    outbox.set_behind(true);
    assert_eq!(outbox.push(&several(3)), PushOutcome::First);
    assert_eq!(outbox.queued(), (3, 3 * text(1).weight()));
    assert_eq!(outbox.push(&several(5)), PushOutcome::Crowded);
    assert_eq!(outbox.take(usize::MAX, |event| assert_eq!(event.weight(), text(1).weight())), 8);
    assert!(outbox.is_empty());
    assert_eq!(outbox.push(&several(9)), PushOutcome::Full, "together they do not fit, although each of them would");
}
