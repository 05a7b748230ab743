//! Who has got what, when sessions come and go in unlucky moments: nothing may be lost.

use super::*;
use crate::model::MessageId;

fn ann_and(hub: &Hub, id: u64) -> Presence {
    come(hub, id, "Ann", DuplicateLogin::Allow).ok().unwrap()
}

/// Somebody who is here and gets everything as it comes.
fn settled(hub: &Hub, id: u64, user: &str) -> Presence {
    let presence = come(hub, id, user, DuplicateLogin::Allow).ok().unwrap();
    catch_up(hub, presence.client());
    presence
}

fn whisper(hub: &Hub, from: &Presence, to: &str, text: &str) {
    say(hub, from.client(), Scope::User(name(to)), text).unwrap();
}

#[test]
fn who_leaves_before_he_was_shown_what_he_missed_is_shown_it_next_time() {
    let hub = hub_with(Limits::default());
    let ben = settled(&hub, 1, "Ben");
    whisper(&hub, &ben, "Ann", "missed");
    let first = ann_and(&hub, 2);
    whisper(&hub, &ben, "Ann", "live");
    // What he missed could not be read, but what came since is written to him.
    assert!(told(first.client()).len() == 1);
    drop(first);
    assert_eq!(catch_up(&hub, ann_and(&hub, 3).client()), ["missed", "live"]);
}

#[test]
fn who_was_shown_a_part_of_what_he_missed_is_shown_the_rest_next_time() {
    let hub = hub_with(Limits::default());
    let ben = settled(&hub, 1, "Ben");
    (1..=3).for_each(|n| whisper(&hub, &ben, "Ann", &n.to_string()));
    let first = ann_and(&hub, 2);
    first.client().note_shown(MessageId(2));
    drop(first);
    assert_eq!(catch_up(&hub, ann_and(&hub, 3).client()), ["3"]);
}

#[test]
fn a_session_that_is_not_caught_up_does_not_answer_for_one_that_leaves() {
    let hub = hub_with(Limits::default());
    let ben = settled(&hub, 1, "Ben");
    let desk = settled(&hub, 2, "Ann");
    let phone = ann_and(&hub, 3);
    drop(desk);
    whisper(&hub, &ben, "Ann", "between");
    drop(phone);
    assert_eq!(catch_up(&hub, ann_and(&hub, 4).client()), ["between"]);
}

#[test]
fn what_one_session_was_not_written_the_next_one_gets() {
    let hub = hub_with(Limits::default());
    let ben = settled(&hub, 1, "Ben");
    let stuck = settled(&hub, 2, "Ann");
    whisper(&hub, &ben, "Ann", "unread");
    let phone = ann_and(&hub, 3);
    assert_eq!(catch_up(&hub, phone.client()), ["unread"]);
    drop(stuck);
    assert_eq!(catch_up(&hub, ann_and(&hub, 4).client()), Vec::<String>::new());
    drop(phone);
    assert_eq!(catch_up(&hub, ann_and(&hub, 5).client()), Vec::<String>::new());
}

#[test]
fn a_receipt_is_given_once_also_when_the_reader_has_left_or_has_two_sessions() {
    let hub = hub_with(Limits::default());
    let ben = settled(&hub, 1, "Ben");
    ben.client().want_receipts(true);
    let receipts = |n: u64| {
        hub.tend().unwrap();
        let received = EventKind::Received { by: name("Ann"), id: MessageId(n) };
        told(ben.client()).into_iter().filter(|kind| *kind == received).count()
    };
    let desk = settled(&hub, 2, "Ann");
    whisper(&hub, &ben, "Ann", "one");
    assert_eq!(receipts(1), 0, "nothing was written yet");
    told(desk.client());
    drop(desk);
    assert_eq!(receipts(1), 1, "it was written before she left");
    let stuck = settled(&hub, 3, "Ann");
    whisper(&hub, &ben, "Ann", "two");
    let phone = settled(&hub, 4, "Ann");
    assert_eq!(receipts(2), 1, "the other session was shown it");
    told(stuck.client());
    assert_eq!(receipts(2), 0, "and that was enough");
    drop((stuck, phone));
    whisper(&hub, &ben, "Ann", "three");
    let late = settled(&hub, 5, "Ann");
    assert_eq!(receipts(3), 1, "she is shown what she missed");
    drop(late);
}
