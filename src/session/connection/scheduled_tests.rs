//! The election of the writer under a scheduler that tries many interleavings: needs the feature `shuttle`.
//!
//! A scene ends only when the client has received everything, so an event that stays behind in a queue is a deadlock, which
//! the scheduler finds. Its memory order is the strictest, so it does not test the fences.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::time::{Duration, Instant};

use shuttle::scheduler::{PctScheduler, RandomScheduler, Scheduler};
use shuttle::sync::atomic::AtomicBool;
use shuttle::sync::{Condvar, Mutex};
use shuttle::{Config, Runner, thread};

use super::{Connection, HubHandle};
use crate::hub::{Client, ClientId, ConnectionHandle, Hub, NewSession, PushOutcome};
use crate::model::{DuplicateLogin, Event, EventKind, Limits, QuitReason};
use crate::session::PlainDoor;
use crate::store::MemoryStore;
use crate::transport::Link;

/// How many interleavings each scheduler tries in each scene.
const SCHEDULES: usize = 3_000;

/// How many preemptions are enough to find a fault, as the PCT scheduler counts them.
const DEPTH: usize = 4;

/// How a thread that has queued something makes sure that it is written.
#[derive(Clone, Copy, PartialEq)]
enum Writes {
    /// As the client's own thread does, which waits for the client.
    All,
    /// As the leader of a batch does, which does not leave an outbox to another thread.
    Thoroughly,
    /// As every other thread does: only if the outbox was empty.
    IfFirst,
}

/// The threads that speak, and how much each says: all kinds together, and a few that rely on others, where something is
/// forgotten most easily.
const SCENES: [(&[Writes], usize); 2] = [
    (&[Writes::All, Writes::Thoroughly, Writes::IfFirst, Writes::IfFirst], 3),
    (&[Writes::IfFirst, Writes::IfFirst], 2),
];

/// A connection that takes this many bytes before its client has to read.
struct Pipe {
    room: usize,
    /// Bytes that were written and not yet read.
    bytes: Mutex<Vec<u8>>,
    changed: Condvar,
    /// A thread is writing.
    taken: AtomicBool,
}

impl Pipe {
    /// The bytes written so far, as soon as there are any.
    fn drain(&self) -> Vec<u8> {
        let mut bytes = self.bytes.lock().unwrap();
        while bytes.is_empty() {
            bytes = self.changed.wait(bytes).unwrap();
        }
        self.changed.notify_all();
        std::mem::take(&mut bytes)
    }
}

impl Link for Arc<Pipe> {
    fn read(&self, _: &mut [u8], _: Option<Instant>) -> io::Result<usize> {
        Ok(0)
    }

    fn try_write(&self, new: &[u8]) -> io::Result<usize> {
        assert!(!self.taken.swap(true, SeqCst), "two write at once");
        let mut bytes = self.bytes.lock().unwrap();
        let n = new.len().min(self.room - bytes.len());
        bytes.extend_from_slice(&new[..n]);
        drop(bytes);
        self.changed.notify_all();
        self.taken.store(false, SeqCst);
        if n == 0 { Err(io::ErrorKind::WouldBlock.into()) } else { Ok(n) }
    }

    fn wait_writable(&self, _: Instant) -> io::Result<()> {
        let mut bytes = self.bytes.lock().unwrap();
        while bytes.len() >= self.room {
            bytes = self.changed.wait(bytes).unwrap();
        }
        Ok(())
    }

    fn stop_reading(&self) {}

    fn finish(&self) {}

    fn abort(&self) {}

    fn peer(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], 1))
    }
}

/// Several threads queue events at once, each under the central lock, and then write as their kind does.
fn scene(speakers: &[Writes], each: usize, room: usize) {
    let pipe = Arc::new(Pipe { room, bytes: Mutex::default(), changed: Condvar::new(), taken: AtomicBool::new(false) });
    let connection = Arc::new(Connection::new(Box::new(Arc::clone(&pipe)), &PlainDoor, Duration::from_secs(600)));
    let handle = Arc::new(HubHandle(Arc::clone(&connection)));
    let who = NewSession {
        id: ClientId(1),
        name: "alice".parse().unwrap(),
        device: None,
        peer: pipe.peer(),
        handle: Arc::clone(&handle) as _,
    };
    let hub = Hub::new(Limits::default(), Arc::new(MemoryStore::default())).unwrap();
    let presence = hub.attach(&who, DuplicateLogin::Refuse).ok().unwrap();
    let client = Arc::clone(presence.client());
    client.outbox.release();
    let central = Arc::new(Mutex::new(0));
    let speaking: Vec<_> = speakers
        .iter()
        .map(|writes| {
            let (central, client) = (Arc::clone(&central), Arc::clone(&client));
            let (writes, connection, handle) = (*writes, Arc::clone(&connection), Arc::clone(&handle));
            thread::spawn(move || {
                for _ in 0..each {
                    let pushed = push(&central, &client);
                    match writes {
                        Writes::All => connection.write_all(Some(&client.outbox), None, true).ok().unwrap(),
                        Writes::Thoroughly => handle.flush(&client, true),
                        Writes::IfFirst if pushed == PushOutcome::First => handle.flush(&client, false),
                        Writes::IfFirst => {}
                    }
                }
            })
        })
        .collect();
    let all: String = (0..speakers.len() * each).map(|n| format!("Pong: {n}\n")).collect();
    let mut came = Vec::new();
    while came.len() < all.len() {
        came.extend(pipe.drain());
    }
    assert_eq!(String::from_utf8_lossy(&came), all, "something came twice or out of order");
    speaking.into_iter().for_each(|speaker| speaker.join().unwrap());
    assert!(client.outbox.is_empty(), "a written event is still counted");
    presence.leave(QuitReason::Quit);
}

fn push(central: &Mutex<usize>, client: &Client) -> PushOutcome {
    let mut next = central.lock().unwrap();
    let pushed = client.outbox.push(&Event::new(EventKind::Pong { text: next.to_string() }));
    *next += 1;
    pushed
}

fn try_all(scheduler: impl Scheduler + 'static, (speakers, each): (&'static [Writes], usize), room: usize) {
    let mut config = Config::new();
    config.stack_size = 1 << 18;
    Runner::new(scheduler, config).run(move || scene(speakers, each, room));
}

#[test]
fn nothing_stays_behind_and_no_two_threads_write_at_once() {
    // A client that takes everything, and one that is behind after the first event, in the middle of a line.
    for (scene, room) in SCENES.into_iter().flat_map(|scene| [(scene, 1 << 20), (scene, 10)]) {
        try_all(RandomScheduler::new(SCHEDULES), scene, room);
        try_all(PctScheduler::new(DEPTH, SCHEDULES), scene, room);
    }
}
