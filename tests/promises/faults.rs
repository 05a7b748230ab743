//! Row 20: a panic costs one session, wherever it happens.
//!
//! An in-memory client can make its server-side reads and writes panic. Panics elsewhere are injected, which needs the
//! feature `failpoints`.

use std::time::{Duration, Instant};

use super::order::{receive, unhurried};
use super::{Canary, figure, scale, torture};
use crate::support::{MemoryClient, TestServer, password};

const WORDS: &str = "*** A fault in the server ended this session; please connect again.\n";

/// A server whose sessions panic, and a witness.
struct Haunted {
    server: TestServer,
    witness: MemoryClient,
    unread: Vec<u8>,
    slowest: Duration,
}

impl Haunted {
    fn new() -> Haunted {
        let server = unhurried();
        let witness = server.memory_login("alice");
        Haunted { server, witness, unread: Vec::new(), slowest: Duration::ZERO }
    }

    /// A client that owns a group.
    fn victim(&self, name: &str) -> MemoryClient {
        let mut victim = self.server.memory_login(name);
        victim.send("/create_group haunted\n");
        victim.expect_bytes("Group haunted created.\n");
        victim
    }

    /// Waits until the witness sees the user leave, and checks that nothing of the session remains.
    fn await_gone(&mut self, name: &str, since: Instant) {
        receive(&self.witness, &mut self.unread, &format!("*** {name} has left the chat."), 1);
        self.slowest = self.slowest.max(since.elapsed());
        assert_eq!(self.server.handle.hub().group_count(), 0, "the group is still there");
        #[cfg(feature = "failpoints")]
        assert_eq!(self.server.handle.hub().check_invariants(), Ok(()));
    }
}

/// Makes many sessions panic, one after the other, beside a canary pair that must not notice.
fn haunt(part: &str, mut fault: impl FnMut(&mut Haunted, &str)) {
    let mut haunted = Haunted::new();
    // With RUST_BACKTRACE set the first panic of a process reads its symbols, which takes longer than all else.
    let _ = std::panic::catch_unwind(|| panic!("the first of many"));
    let before = Canary::undisturbed(haunted.server.addr);
    let canary = Canary::start(haunted.server.addr);
    let count = scale(20, 500);
    for n in 0..count {
        fault(&mut haunted, &format!("user{n}"));
    }
    let slowest = haunted.slowest;
    assert!(!torture() || slowest < Duration::from_millis(100), "a ghost stayed for {slowest:?}");
    let row = format!("20 ({part})");
    figure(&row, &format!("{count} panics, slowest ghost {slowest:.1?}"));
    canary.finish().assert_clean(&row, &before);
    assert_eq!(password("user1"), "pw");
}

#[test]
fn a_panic_costs_one_session_and_leaves_no_ghost() {
    haunt("reading", |haunted, name| {
        let mut victim = haunted.victim(name);
        let start = Instant::now();
        victim.peer.make_reader_panic();
        haunted.await_gone(name, start);
        assert_eq!(String::from_utf8(victim.read_to_end()).unwrap(), WORDS);
    });
}

/// The writing session continues, and its message reaches everybody else.
#[test]
fn a_panic_while_writing_costs_the_recipients_session_only() {
    haunt("writing", |haunted, name| {
        let mut victim = haunted.victim(name);
        victim.peer.make_writer_panic();
        let start = Instant::now();
        haunted.witness.send(&format!("/broadcast hello {name}\n"));
        haunted.await_gone(name, start);
        haunted.witness.send(&format!("/ping {name}\n"));
        receive(&haunted.witness, &mut haunted.unread, &format!("Pong: {name}"), 1);
        assert_eq!(String::from_utf8(victim.read_to_end()).unwrap(), WORDS);
    });
}

#[cfg(feature = "failpoints")]
mod ordered_faults {
    use parlor::failpoint::order;

    use super::*;
    use crate::support::{TestClient, eventually};

    #[test]
    fn in_a_command() {
        haunt("in a command", |haunted, name| {
            let mut victim = haunted.victim(name);
            let start = Instant::now();
            order("in a command", name);
            victim.send("/msg alice one\n/msg alice two\n");
            haunted.await_gone(name, start);
            assert_eq!(String::from_utf8(victim.read_to_end()).unwrap(), WORDS);
        });
    }

    /// In the middle of a change: the group is there, and nobody was told.
    #[test]
    fn under_the_lock() {
        haunt("under the lock", |haunted, name| {
            let mut victim = haunted.server.memory_login(name);
            let start = Instant::now();
            order("under the lock", name);
            victim.send("/create_group haunted\n");
            haunted.await_gone(name, start);
            assert_eq!(String::from_utf8(victim.read_to_end()).unwrap(), WORDS);
        });
    }

    /// The accepting thread continues, and the slot is free again.
    #[test]
    fn at_the_door() {
        haunt("accepting", |haunted, name| {
            let number: u8 = name["user".len()..].parse::<usize>().map(|n| u8::try_from(2 + n % 200).unwrap()).unwrap();
            let host = [127, 0, 1, number];
            order("at the door", &format!("127.0.1.{number}"));
            let start = Instant::now();
            haunted.server.connect_from(host).expect_end();
            let mut next: TestClient = haunted.server.connect_from(host);
            next.expect_bytes("Enter username: ");
            haunted.slowest = haunted.slowest.max(start.elapsed());
            drop(next);
            let handle = &haunted.server.handle;
            eventually("no place is taken", || handle.logging_in() == 0);
            assert_eq!(handle.hub().check_invariants(), Ok(()));
        });
    }
}
