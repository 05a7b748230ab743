//! Writing to a client that reads only when the test says so: how late it is, and what counts as written.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::*;
use crate::hub::{Hub, NewSession, Presence};
use crate::model::{DuplicateLogin, Limits};
use crate::session::PlainDoor;
use crate::store::MemoryStore;
use crate::transport::memory::{self, MemoryPeer};

const AGE: Duration = Duration::from_secs(600);

/// A client that reads only when the test does, and the connection to it.
fn client() -> (Presence, Arc<Connection>, MemoryPeer) {
    let (link, peer) = memory::pair();
    let connection = Arc::new(Connection::new(Box::new(link), &PlainDoor, AGE));
    let who = NewSession {
        id: crate::hub::ClientId(1),
        name: "alice".parse().unwrap(),
        device: None,
        peer: connection.link().peer(),
        handle: Arc::new(HubHandle(Arc::clone(&connection))),
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

/// When the client has to have taken the rest; none when nothing is left.
fn due(connection: &Connection, outbox: &Outbox) -> Option<Instant> {
    let progress = connection.write_some(&mut connection.writer.lock(), Some(outbox));
    match progress {
        Progress::Full(until) => Some(until),
        Progress::Done | Progress::Gone => None,
    }
}

#[test]
fn a_client_is_as_late_as_its_oldest_unwritten_event() {
    let (presence, connection, peer) = client();
    let outbox = &presence.client().outbox;
    assert_eq!(due(&connection, outbox), None, "the welcome fits");
    peer.receive(Instant::now()).unwrap();
    let events: Vec<_> = ["a", "b", "c", "d", "e", "f"].map(long).into();
    outbox.push(&events[0]);
    let mut dues = Vec::new();
    for event in &events[1..] {
        // Never empty: the next event is queued before the client takes the previous one.
        outbox.push(event);
        dues.push(due(&connection, outbox).expect("the client takes less than there is"));
        peer.receive(Instant::now()).unwrap();
    }
    assert_eq!(dues[0], events[0].queued_at + AGE);
    assert!(dues[4] >= events[2].queued_at + AGE, "the client has taken the event it was first late with");
}

#[test]
fn bytes_a_broken_connection_did_not_take_are_unwritten() {
    let (presence, connection, peer) = client();
    let outbox = &presence.client().outbox;
    assert_eq!(due(&connection, outbox), None, "the welcome fits");
    peer.shut_gate(true);
    let said = EventKind::PrivateMessage { from: presence.client().name, text: "hi".into() };
    outbox.push(&Event::said(MessageId(7), std::time::SystemTime::now(), said));
    assert!(due(&connection, outbox).is_some(), "the client takes nothing");
    peer.reset();
    (0..2).for_each(|_| assert_eq!(due(&connection, outbox), None, "nobody takes it"));
    assert_eq!(outbox.written(), MessageId(0));
}

#[test]
fn a_telnet_reply_and_what_follows_it_are_one_write() {
    let (presence, connection, peer) = client();
    connection.prepend(b"\xFF\xFC\x01\r\n");
    assert_eq!(due(&connection, &presence.client().outbox), None);
    let came = peer.receive(Instant::now()).unwrap();
    assert_eq!(came, b"\xFF\xFC\x01\r\n*** Yes, the chat server is here.\n");
}
