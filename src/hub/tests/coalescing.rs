//! Messages in a row: queued as one item, and still what each of them is to each recipient.

use super::*;
use crate::model::{Event, MessageId};

fn here(hub: &Hub, id: u64, user: &str) -> Presence {
    let presence = come(hub, id, user, DuplicateLogin::Refuse).ok().unwrap();
    catch_up(hub, presence.client());
    presence
}

/// Says something in each of these conversations, in one read.
fn say_all(hub: &Hub, me: &Presence, scopes: &[Scope]) {
    let message = |(n, scope): (usize, &Scope)| {
        let place = hub.check(me.client(), *scope, SystemTime::now()).unwrap();
        me.client().compose(place, n.to_string())
    };
    hub.publish(me.client(), &mut scopes.iter().enumerate().map(message).collect());
}

/// The sizes of the items in an outbox, and the ids in them.
fn queued(presence: &Presence) -> (Vec<usize>, Vec<u64>) {
    let (mut sizes, mut ids) = (Vec::new(), Vec::new());
    presence.client().outbox.take_coalesced(usize::MAX, |event| {
        sizes.push(event.each().len());
        ids.extend(event.each().iter().map(|event: &Event| event.id.0));
    });
    (sizes, ids)
}

#[test]
fn messages_in_a_row_are_queued_as_one_in_log_order() {
    let limits = Limits { outbox_items: 64, ..Limits::default() };
    let hub = hub_with(limits);
    let [ann, ben] = [(1, "Ann"), (2, "Ben")].map(|(id, user)| here(&hub, id, user));
    make(&hub, ann.client(), "red").unwrap();
    join(&hub, ben.client(), "red").unwrap();
    [&ann, &ben].into_iter().for_each(|user| drop(told(user.client())));
    let [_, before] = hub.traffic();
    let (red, all, private) = (Scope::Group(name("red")), Scope::Everybody, Scope::User(name("Ben")));
    say_all(&hub, &ann, &[red, red, red, all, all, private, red]);
    assert_eq!(queued(&ben), (vec![3, 2, 1, 1], (1..=7).collect()));
    say_all(&hub, &ann, &[red; 9]);
    assert_eq!(queued(&ben).0, [4, 4, 1], "no more at once than a small part of an outbox");
    assert_eq!(ben.client().outbox.pushed(), MessageId(16));
    assert_eq!(hub.traffic(), [16, before + 2 * 16], "each message is counted");
}

#[test]
fn ignoring_one_author_keeps_the_others_messages() {
    let hub = hub_with(Limits::default());
    let [ann, ben] = [(1, "Ann"), (2, "Ben")].map(|(id, user)| here(&hub, id, user));
    make(&hub, ann.client(), "red").unwrap();
    join(&hub, ben.client(), "red").unwrap();
    hub.ignore(ben.client(), name("Ann")).unwrap();
    [&ann, &ben].into_iter().for_each(|user| drop(told(user.client())));
    say_all(&hub, &ann, &[Scope::Group(name("red")); 3]);
    assert_eq!(told(ben.client()), [const { EventKind::Nothing }; 3]);
    assert_eq!(told(ann.client()).len(), 3);
    assert!(ben.client().outbox.is_empty() && ben.client().outbox.written() == MessageId(3));
}

#[test]
fn private_messages_coalesce_unless_echoes_are_separated() {
    let hub = hub_with(Limits::default());
    let [ann, ben] = [(1, "Ann"), (2, "Ben")].map(|(id, user)| here(&hub, id, user));
    let (to_ben, to_ann) = (Scope::User(name("Ben")), Scope::User(name("Ann")));
    [&ann, &ben].into_iter().for_each(|user| drop(told(user.client())));
    ann.client().want_receipts(true);
    say_all(&hub, &ann, &[to_ben; 3]);
    assert_eq!((queued(&ben), queued(&ann)), ((vec![3], vec![1, 2, 3]), (vec![3], vec![1, 2, 3])));
    ben.client().outbox.note_written(MessageId(2));
    hub.tend().unwrap();
    let received = |id| EventKind::Received { by: name("Ben"), id: MessageId(id) };
    assert_eq!(told(ann.client()), [received(1), received(2)], "each message has its receipt");
    say_all(&hub, &ann, &[to_ben, to_ben, to_ann, to_ann, to_ben]);
    assert_eq!(queued(&ben), (vec![2, 1], vec![4, 5, 8]));
    assert_eq!(
        queued(&ann),
        (vec![2, 1, 1, 1, 1, 1], vec![4, 5, 6, 6, 7, 7, 8]),
        "a message to oneself stays on its own"
    );
    hub.set_away(ben.client(), Some("lunch".into()), &mut FlushList::default());
    drop(told(ben.client()));
    say_all(&hub, &ann, &[to_ben; 2]);
    assert_eq!((queued(&ben).0, queued(&ann).1), (vec![1, 1], vec![9, 0, 10, 0]), "each is followed by a notice");
    ben.leave(QuitReason::Quit);
    drop(told(ann.client()));
    say_all(&hub, &ann, &[to_ben; 2]);
    assert_eq!(queued(&ann).1, [11, 0, 12, 0]);
}

#[test]
fn an_author_who_left_the_group_still_gets_their_messages() {
    let hub = hub_with(Limits::default());
    let [ann, ben] = [(1, "Ann"), (2, "Ben")].map(|(id, user)| here(&hub, id, user));
    make(&hub, ann.client(), "red").unwrap();
    join(&hub, ben.client(), "red").unwrap();
    let place = hub.check(ann.client(), Scope::Group(name("red")), SystemTime::now()).unwrap();
    let mut messages: Vec<PendingMessage> = (0..2).map(|n: u32| ann.client().compose(place, n.to_string())).collect();
    hub.leave(ann.client(), &name("red"), SystemTime::now(), &mut FlushList::default()).unwrap();
    [&ann, &ben].into_iter().for_each(|user| drop(told(user.client())));
    hub.publish(ann.client(), &mut messages);
    assert_eq!((told(ann.client()).len(), told(ben.client()).len()), (2, 2));
}
