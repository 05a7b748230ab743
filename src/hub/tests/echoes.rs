//! The order in which clients are written to, and when authors get their echoes.

use super::durable::{await_that, gathering, here, with_disk};
use super::*;

/// A handle whose client takes everything at once, and that notes which client was written to.
struct Noting(Arc<Mutex<Vec<(Name, bool)>>>);

impl ConnectionHandle for Noting {
    fn flush(&self, client: &Arc<Client>, thorough: bool) {
        told(client);
        self.0.lock().push((client.name, thorough));
    }
    fn conclude(&self, _client: &Client, work: &mut dyn FnMut()) {
        work();
    }
    fn close(&self, _reason: QuitReason) {}
}

/// A handle whose client takes everything that may be written, and that notes what was written to whom.
struct Writing(Arc<Mutex<Vec<(Name, String)>>>);

impl ConnectionHandle for Writing {
    fn flush(&self, client: &Arc<Client>, _thorough: bool) {
        let mut written = self.0.lock();
        for kind in told(client) {
            if let EventKind::Broadcast { text, .. } = kind {
                written.push((client.name, text.to_string()));
            }
        }
    }
    fn conclude(&self, _client: &Client, work: &mut dyn FnMut()) {
        work();
    }
    fn close(&self, _reason: QuitReason) {}
}

#[test]
fn authors_are_written_to_last_and_thoroughly() {
    let (disk, hub) = with_disk();
    let noted = Arc::new(Mutex::new(Vec::new()));
    let enter = |id, user| {
        let (peer, handle) = (SocketAddr::from(([127, 0, 0, 1], 1)), Arc::new(Noting(Arc::clone(&noted))));
        let who = NewSession { id: ClientId(id), name: name(user), device: None, peer, handle };
        let presence = hub.attach(&who, DuplicateLogin::Refuse).ok().unwrap();
        catch_up(&hub, presence.client());
        presence
    };
    let users = [enter(1, "Ann"), enter(2, "Ben"), enter(3, "Cid"), enter(4, "Dee")];
    let (arrives, open) = disk.with_gate();
    thread::scope(|scope| {
        let speak = |n: usize, to: Scope| {
            let (hub, me) = (&hub, users[n].client());
            scope.spawn(move || say(hub, me, to, "x").unwrap());
        };
        speak(3, Scope::User(name("Dee")));
        arrives.recv().unwrap();
        noted.lock().clear();
        speak(0, Scope::Everybody);
        speak(1, Scope::User(name("Ann")));
        await_that(|| gathering(&hub) == 2);
        (0..4).for_each(|_| open.send(()).unwrap());
    });
    let noted = noted.lock().clone();
    let position = |user: &str| noted.iter().position(|(written, _)| *written == name(user)).unwrap();
    assert!(position("Cid").max(position("Dee")) < position("Ann").min(position("Ben")), "{noted:?}");
    assert!(noted.iter().all(|(_, thorough)| *thorough), "{noted:?}");
    *disk.gate.lock() = None;
}

#[test]
fn no_echo_before_the_store_knows_who_is_behind() {
    let (disk, hub) = with_disk();
    let (ann, cid) = (here(&hub, 1, "Ann"), here(&hub, 2, "Cid"));
    [&ann, &cid].into_iter().for_each(|presence| drop(told(presence.client())));
    let (arrives, open) = disk.with_gate();
    thread::scope(|scope| {
        let speaking = scope.spawn(|| say(&hub, ann.client(), Scope::User(name("Cid")), "x").unwrap());
        arrives.recv().unwrap();
        open.send(()).unwrap();
        // This batch has Cid's position, because Cid takes nothing.
        arrives.recv().unwrap();
        assert!(told(ann.client()).is_empty(), "an echo must not be written now, by any thread");
        open.send(()).unwrap();
        speaking.join().unwrap();
    });
    assert_eq!(told(ann.client()), [EventKind::PrivateMessageSent { to: name("Cid"), text: "x".into() }]);
    *disk.gate.lock() = None;
}

#[test]
fn an_echo_follows_the_message_to_everybody_else() {
    let (disk, hub) = with_disk();
    let written = Arc::new(Mutex::new(Vec::new()));
    let enter = |id: usize| {
        let (peer, handle) = (SocketAddr::from(([127, 0, 0, 1], 1)), Arc::new(Writing(Arc::clone(&written))));
        let who = NewSession { id: ClientId(id as u64), name: name(NAMES[id]), device: None, peer, handle };
        let presence = hub.attach(&who, DuplicateLogin::Refuse).ok().unwrap();
        catch_up(&hub, presence.client());
        hub.note_drained(presence.client());
        presence
    };
    let users: Vec<Presence> = (0..NAMES.len()).map(enter).collect();
    let (arrives, open) = disk.with_gate();
    thread::scope(|scope| {
        let speak = |n: usize| {
            let (hub, me) = (&hub, users[n].client());
            let before = gathering(hub);
            scope.spawn(move || say(hub, me, Scope::Everybody, NAMES[n]).unwrap());
            before
        };
        speak(0);
        arrives.recv().unwrap();
        // The others speak in one batch, in this order.
        for n in 1..NAMES.len() {
            let before = speak(n);
            await_that(|| gathering(&hub) == before + 1);
        }
        (0..4).for_each(|_| open.send(()).unwrap());
    });
    *disk.gate.lock() = None;
    let written = written.lock().clone();
    for (at, (reader, text)) in written.iter().enumerate() {
        assert!(!written[..at].contains(&(*reader, text.clone())), "{text} came twice to {reader}");
        let has = |user: &Presence| written[..=at].contains(&(user.client().name, text.clone()));
        assert!(reader.as_str() != text || users.iter().all(has), "{reader} got the echo too early: {written:?}");
    }
    assert_eq!(written.len(), NAMES.len() * NAMES.len());
}
