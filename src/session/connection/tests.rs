//! Who writes, for how long, and how late a client is; over a link whose client takes what the test says.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::*;
use crate::hub::{Hub, NewSession, Presence};
use crate::model::{DuplicateLogin, Limits};
use crate::store::MemoryStore;
use crate::transport::memory::{self, MemoryPeer};

const AGE: Duration = Duration::from_secs(600);

/// A client who reads only when the test does, with the connection to him.
fn client() -> (Presence, Arc<Connection>, MemoryPeer) {
    let (link, peer) = memory::pair();
    let connection = Arc::new(Connection::new(Box::new(link), AGE));
    let who = NewSession {
        id: crate::hub::ClientId(1),
        name: "alice".parse().unwrap(),
        device: None,
        peer: connection.link().peer(),
        handle: Arc::new(WirePort(Arc::clone(&connection))),
    };
    let hub =
        Hub::new(Limits { outbox_bytes: 64 << 20, ..Limits::default() }, Arc::new(MemoryStore::default())).unwrap();
    let presence = hub.attach(&who, DuplicateLogin::Refuse).ok().unwrap();
    presence.client().outbox.push(&Event::new(EventKind::StillHere));
    presence.client().outbox.release();
    (presence, connection, peer)
}

fn long(text: &str) -> Arc<Event> {
    Event::new(EventKind::Pong { text: text.repeat(60_000) })
}

/// When the client has to have taken what is left for him; none when nothing is.
fn due(connection: &Connection, outbox: &Outbox) -> Option<Instant> {
    let progress = connection.write_some(&mut connection.writing.lock(), Some(outbox));
    match progress {
        Progress::Full(until) => Some(until),
        Progress::Done | Progress::Gone => None,
    }
}

#[test]
fn who_is_always_a_little_behind_is_as_late_as_what_he_still_waits_for() {
    let (presence, connection, peer) = client();
    let outbox = &presence.client().outbox;
    assert_eq!(due(&connection, outbox), None, "the welcome fits");
    peer.receive(Instant::now()).unwrap();
    let events: Vec<_> = ["a", "b", "c", "d", "e", "f"].map(long).into();
    outbox.push(&events[0]);
    let mut dues = Vec::new();
    for event in &events[1..] {
        // Never empty: the next one is queued before he takes the one before.
        outbox.push(event);
        dues.push(due(&connection, outbox).expect("he takes less than there is"));
        peer.receive(Instant::now()).unwrap();
    }
    assert_eq!(dues[0], events[0].queued_at + AGE);
    assert!(dues[4] >= events[2].queued_at + AGE, "he has taken what he was first late with");
}

#[test]
fn what_a_broken_connection_did_not_take_never_counts_as_written() {
    let (presence, connection, peer) = client();
    let outbox = &presence.client().outbox;
    assert_eq!(due(&connection, outbox), None, "the welcome fits");
    peer.shut_gate(true);
    let said = EventKind::PrivateMessage { from: presence.client().name, text: "hi".into() };
    outbox.push(&Event::said(MessageId(7), std::time::SystemTime::now(), said));
    assert!(due(&connection, outbox).is_some(), "he takes nothing");
    peer.reset();
    (0..2).for_each(|_| assert_eq!(due(&connection, outbox), None, "there is nobody to take it"));
    assert_eq!(outbox.written(), MessageId(0));
}

#[test]
fn a_telnet_answer_goes_out_in_one_write_with_what_follows_it() {
    let (presence, connection, peer) = client();
    connection.prepend(b"\xFF\xFC\x01\r\n");
    assert_eq!(due(&connection, &presence.client().outbox), None);
    let came = peer.receive(Instant::now()).unwrap();
    assert_eq!(came, b"\xFF\xFC\x01\r\n*** Yes, the chat server is here.\n");
}
