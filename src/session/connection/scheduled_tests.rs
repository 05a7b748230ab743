//! Who writes, under a scheduler that tries one order of events after the other: needs the feature `shuttle`.
//!
//! A scene ends only when the client has got everything, so something that stays behind in a queue is a deadlock, which
//! the scheduler finds. It knows no weaker order of memory than the strictest, so it does not try the fences.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::time::{Duration, Instant};

use shuttle::scheduler::{PctScheduler, RandomScheduler, Scheduler};
use shuttle::sync::atomic::AtomicBool;
use shuttle::sync::{Condvar, Mutex};
use shuttle::{Config, Runner, thread};

use super::{Connection, WirePort};
use crate::hub::{Client, ClientId, ConnectionHandle, Hub, NewSession, PushOutcome};
use crate::model::{DuplicateLogin, Event, EventKind, Limits, QuitReason};
use crate::store::MemoryStore;
use crate::transport::Link;

/// How many orders of events each scheduler tries in each scene.
const SCHEDULES: usize = 3_000;

/// How many changes of plan are enough to find a fault, as the PCT scheduler counts them.
const DEPTH: usize = 4;

/// How somebody who has left something in an outbox sees to it that it is written.
#[derive(Clone, Copy, PartialEq)]
enum Writes {
    /// As the client's own thread does, which waits for him.
    All,
    /// As the leader of a batch does, who does not leave an outbox to another thread.
    Thoroughly,
    /// As everybody else does: only if the outbox was empty.
    IfFirst,
}

/// Who speaks, and how much each says: all kinds together, and few of those who rely on others, which is where something
/// is soonest forgotten.
const SCENES: [(&[Writes], usize); 2] = [
    (&[Writes::All, Writes::Thoroughly, Writes::IfFirst, Writes::IfFirst], 3),
    (&[Writes::IfFirst, Writes::IfFirst], 2),
];

/// A connection that takes so many bytes before its client has to read.
struct Pipe {
    room: usize,
    /// What was written and not yet read.
    bytes: Mutex<Vec<u8>>,
    changed: Condvar,
    /// Somebody is writing.
    taken: AtomicBool,
}

impl Pipe {
    /// What was written, as soon as there is something.
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

/// Several push at once, each under the central lock, and write afterwards as those do who leave something in an outbox.
fn scene(speakers: &[Writes], each: usize, room: usize) {
    let pipe = Arc::new(Pipe { room, bytes: Mutex::default(), changed: Condvar::new(), taken: AtomicBool::new(false) });
    let connection = Arc::new(Connection::new(Box::new(Arc::clone(&pipe)), Duration::from_secs(600)));
    let handle = Arc::new(WirePort(Arc::clone(&connection)));
    let who = Registration {
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
    assert!(client.outbox.is_empty(), "something is counted that was written");
    presence.leave(QuitReason::Quit);
}

fn push(central: &Mutex<usize>, client: &Client) -> Push {
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
fn in_no_order_of_events_anything_stays_behind_and_never_do_two_write() {
    // A client who takes everything, and one who is behind after the first event, within a line.
    for (scene, room) in SCENES.into_iter().flat_map(|scene| [(scene, 1 << 20), (scene, 10)]) {
        try_all(RandomScheduler::new(SCHEDULES), scene, room);
        try_all(PctScheduler::new(DEPTH, SCHEDULES), scene, room);
    }
}
