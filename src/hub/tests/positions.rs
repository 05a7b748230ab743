//! Delivery positions, when sessions come and go at unlucky moments: nothing may be lost.

use super::*;
use crate::model::MessageId;

fn ann_and(hub: &Hub, id: u64) -> Presence {
    come(hub, id, "Ann", DuplicateLogin::Allow).ok().unwrap()
}

/// A session that gets everything as it comes.
fn settled(hub: &Hub, id: u64, user: &str) -> Presence {
    let presence = come(hub, id, user, DuplicateLogin::Allow).ok().unwrap();
    catch_up(hub, presence.client());
    presence
}

fn send(hub: &Hub, from: &Presence, to: &str, text: &str) {
    say(hub, from.client(), Scope::User(name(to)), text).unwrap();
}

#[test]
fn missed_messages_are_shown_after_an_early_leave() {
    let hub = hub_with(Limits::default());
    let ben = settled(&hub, 1, "Ben");
    send(&hub, &ben, "Ann", "missed");
    let first = ann_and(&hub, 2);
    send(&hub, &ben, "Ann", "live");
    // The missed message is not shown yet, but what came since is written.
    assert!(told(first.client()).len() == 1);
    drop(first);
    assert_eq!(catch_up(&hub, ann_and(&hub, 3).client()), ["missed", "live"]);
}

#[test]
fn a_partial_catch_up_continues_at_the_next_login() {
    let hub = hub_with(Limits::default());
    let ben = settled(&hub, 1, "Ben");
    (1..=3).for_each(|n| send(&hub, &ben, "Ann", &n.to_string()));
    let first = ann_and(&hub, 2);
    first.client().note_shown(MessageId(2));
    drop(first);
    assert_eq!(catch_up(&hub, ann_and(&hub, 3).client()), ["3"]);
}

#[test]
fn a_session_still_catching_up_does_not_count_for_another() {
    let hub = hub_with(Limits::default());
    let ben = settled(&hub, 1, "Ben");
    let laptop = settled(&hub, 2, "Ann");
    let phone = ann_and(&hub, 3);
    drop(laptop);
    send(&hub, &ben, "Ann", "between");
    drop(phone);
    assert_eq!(catch_up(&hub, ann_and(&hub, 4).client()), ["between"]);
}

#[test]
fn the_next_session_gets_what_a_stuck_one_was_not_written() {
    let hub = hub_with(Limits::default());
    let ben = settled(&hub, 1, "Ben");
    let stuck = settled(&hub, 2, "Ann");
    send(&hub, &ben, "Ann", "unread");
    let phone = ann_and(&hub, 3);
    assert_eq!(catch_up(&hub, phone.client()), ["unread"]);
    drop(stuck);
    assert_eq!(catch_up(&hub, ann_and(&hub, 4).client()), Vec::<String>::new());
    drop(phone);
    assert_eq!(catch_up(&hub, ann_and(&hub, 5).client()), Vec::<String>::new());
}

#[test]
fn a_receipt_is_given_once_per_message() {
    let hub = hub_with(Limits::default());
    let ben = settled(&hub, 1, "Ben");
    ben.client().want_receipts(true);
    let receipts = |n: u64| {
        hub.tend().unwrap();
        let received = EventKind::Received { by: name("Ann"), id: MessageId(n) };
        told(ben.client()).into_iter().filter(|kind| *kind == received).count()
    };
    let laptop = settled(&hub, 2, "Ann");
    send(&hub, &ben, "Ann", "one");
    assert_eq!(receipts(1), 0, "nothing was written yet");
    told(laptop.client());
    drop(laptop);
    assert_eq!(receipts(1), 1, "it was written before the session left");
    let stuck = settled(&hub, 3, "Ann");
    send(&hub, &ben, "Ann", "two");
    let phone = settled(&hub, 4, "Ann");
    assert_eq!(receipts(2), 1, "the other session was shown it");
    told(stuck.client());
    assert_eq!(receipts(2), 0, "one receipt is enough");
    drop((stuck, phone));
    send(&hub, &ben, "Ann", "three");
    let late = settled(&hub, 5, "Ann");
    assert_eq!(receipts(3), 1, "the recipient is shown what they missed");
    drop(late);
}
