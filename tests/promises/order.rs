//! Row 22, and its foundation: nothing is lost, duplicated or reordered, whoever writes when.

use std::collections::BTreeMap;
use std::io::Read;
use std::time::{Duration, Instant};

use super::{Dice, connect_small, figure, login_over, paced, scale, torture};
use crate::support::{MemoryClient, PATIENCE, TestServer, eventually};

/// A server on which nobody is slowed or cut.
pub fn unhurried() -> TestServer {
    TestServer::with(|config| {
        config.limits.rate = 0;
        config.limits.max_unauthenticated = 10_000;
        config.limits.outbox_items = 100_000;
        config.limits.outbox_bytes = 64 << 20;
    })
}

/// Receives lines until there are `count` that contain `mark`.
pub fn receive(client: &MemoryClient, unread: &mut Vec<u8>, mark: &str, count: usize) -> Vec<String> {
    let mut found = Vec::new();
    while found.len() < count {
        let came = client.peer.receive(Instant::now() + PATIENCE);
        let came = came.unwrap_or_else(|_| panic!("only {} of {count} lines with {mark:?} came", found.len()));
        assert!(!came.is_empty(), "the connection ended");
        unread.extend(came);
        let Some(end) = unread.iter().rposition(|b| *b == b'\n') else { continue };
        let lines: Vec<u8> = unread.drain(..=end).collect();
        let lines = String::from_utf8(lines).unwrap();
        found.extend(lines.lines().filter(|line| line.contains(mark)).map(str::to_owned));
    }
    found
}

/// Senders write to one client while its socket fills and drains. Each time everything has to arrive, without a later
/// message that would flush a forgotten rest.
#[test]
fn a_client_that_falls_behind_gets_everything() {
    let server = unhurried();
    let victim = server.memory_login("alice");
    let senders: Vec<MemoryClient> = (0..3).map(|n| server.memory_login(&format!("user{n}"))).collect();
    let (mut unread, mut echoes) = (Vec::new(), vec![Vec::new(); senders.len()]);
    let rounds = scale(3_000, 200_000);
    let mut dice = Dice(7);
    for round in 0..rounds {
        victim.peer.shut_gate(true);
        senders[0].send(&format!("/msg alice round {round} first\n"));
        (0..dice.below(200)).for_each(|_| std::hint::spin_loop());
        victim.peer.shut_gate(false);
        for sender in &senders[1..] {
            (0..dice.below(2000)).for_each(|_| std::hint::spin_loop());
            sender.send(&format!("/msg alice round {round} second\n"));
        }
        receive(&victim, &mut unread, &format!("round {round} "), senders.len());
        // A sender that does not read its echoes is not read from.
        for (sender, echoes) in senders.iter().zip(&mut echoes) {
            receive(sender, echoes, &format!("round {round} "), 1);
        }
    }
}

/// The gate of one client opens and shuts while others write to it as fast as they can.
#[test]
fn a_stuttering_socket_gets_everything_in_order() {
    let server = unhurried();
    let victim = server.memory_login("alice");
    let (senders, each) = (4, scale(500, 50_000));
    let senders: Vec<MemoryClient> = (0..senders).map(|n| server.memory_login(&format!("user{n}"))).collect();
    let lines = std::thread::scope(|scope| {
        for sender in &senders {
            scope.spawn(move || {
                let mut unread = Vec::new();
                for first in (0..each).step_by(50) {
                    let batch: String = (first..first + 50).map(|n| format!("/msg alice numbered {n}\n")).collect();
                    sender.send(&batch);
                    receive(sender, &mut unread, "[to alice]: numbered", 50);
                }
            });
        }
        let (done, over) = crossbeam_channel::bounded::<()>(0);
        let gate = &victim.peer;
        scope.spawn(move || {
            while over.recv_deadline(Instant::now() + Duration::from_micros(300))
                == Err(crossbeam_channel::RecvTimeoutError::Timeout)
            {
                gate.shut_gate(true);
                (0..500).for_each(|_| std::hint::spin_loop());
                gate.shut_gate(false);
            }
        });
        let lines = receive(&victim, &mut Vec::new(), "numbered", senders.len() * each);
        drop(done);
        lines
    });
    let mut next: BTreeMap<String, usize> = BTreeMap::new();
    for line in lines {
        let (from, number) = line.split_once("]: numbered ").unwrap();
        let expected = next.entry(from.to_owned()).or_default();
        assert_eq!(number.parse::<usize>().unwrap(), *expected, "from {from}");
        *expected += 1;
    }
}

/// A client that is always a little behind, but never long enough to be cut.
#[test]
fn a_client_never_far_behind_is_never_cut() {
    // Its quick version is the test of the wire, which needs no time and so no idle machine.
    if !torture() {
        return figure("13b (never far behind)", "only shown by make torture");
    }
    let server = TestServer::with(|config| {
        config.limits.rate = 0;
        config.limits.outbox_age = Duration::from_secs(20);
    });
    let (mut reader, mut unread) = login_over(connect_small(server.addr), "alice").into_parts();
    let sender = server.memory_login("bob");
    let (mut echoes, text) = (Vec::new(), "x".repeat(1000));
    let mut send = |n: usize| {
        sender.send(&format!("/msg alice {n} {text}\n"));
        receive(&sender, &mut echoes, "[to alice]", 1);
    };
    // More than the kernel and one write hold, so that something is always waiting, but less than the outbox's bound.
    let under_way = 220;
    (0..under_way).for_each(&mut send);
    let (mut read, mut buffer) = (0, [0; 2000]);
    let end = Instant::now() + Duration::from_secs(60);
    while Instant::now() < end {
        let n = reader.read(&mut buffer).unwrap();
        assert!(n > 0, "cut after {read} messages");
        unread.extend_from_slice(&buffer[..n]);
        while let Some(length) = unread.iter().position(|b| *b == b'\n') {
            let line: Vec<u8> = unread.drain(..=length).collect();
            if line.starts_with(b"[bob]") {
                assert!(line.starts_with(format!("[bob]: {read} ").as_bytes()), "not number {read}");
                send(read + under_way);
                read += 1;
            }
        }
    }
}

/// A telnet command answered long after the last fall behind, on a socket that is full at that moment.
#[test]
fn a_telnet_reply_on_a_full_socket_does_not_cut_the_client() {
    let server = TestServer::with(|config| config.limits.outbox_age = Duration::from_secs(1));
    let mut client = server.memory_login("alice");
    paced(Instant::now() + Duration::from_millis(1200));
    client.peer.shut_gate(true);
    // IAC DO TIMING-MARK, as after Ctrl-C.
    client.peer.send(b"\xFF\xFD\x06/ping still here\n");
    paced(Instant::now() + Duration::from_millis(150));
    client.peer.shut_gate(false);
    let expected = b"\xFF\xFC\x06Pong: still here\n";
    let mut came = Vec::new();
    while came.len() < expected.len() {
        let more = client.peer.receive(Instant::now() + PATIENCE).unwrap();
        assert!(!more.is_empty(), "cut after {came:?}");
        came.extend(more);
    }
    assert_eq!(came, expected);
    client.send("/quit\n");
    client.read_to_end();
}

/// Row 22, one session per name: of a hundred simultaneous logins of one user, one succeeds.
#[test]
fn of_simultaneous_logins_of_one_user_one_succeeds() {
    let server = unhurried();
    let (ways, names) = (scale(20, 100), 10);
    for _ in 0..scale(2, 50) {
        let rivals: Vec<Vec<MemoryClient>> =
            (0..names).map(|_| (0..ways).map(|_| server.memory_connect()).collect()).collect();
        for way in 0..ways {
            for (n, group) in rivals.iter().enumerate() {
                group[way].send(&format!("user{n}\npw\n"));
            }
        }
        let inside: Vec<MemoryClient> = rivals.into_iter().flat_map(the_one_inside).collect();
        inside.iter().for_each(|winner| winner.send("/quit\n"));
        inside.into_iter().for_each(|mut winner| drop(winner.read_to_end()));
        assert_eq!(server.handle.hub().session_count(), 0);
    }
    figure("22 (names)", &format!("{ways} logins at once, {} times: each time 1 inside", names * scale(2, 50)));
}

fn the_one_inside(rivals: Vec<MemoryClient>) -> Vec<MemoryClient> {
    let mut inside = Vec::new();
    for rival in rivals {
        let mut heard = Vec::new();
        loop {
            let came = rival.peer.receive(Instant::now() + PATIENCE).unwrap();
            assert!(!came.is_empty(), "closed after {:?}", String::from_utf8_lossy(&heard));
            heard.extend(came);
            let text = String::from_utf8_lossy(&heard);
            if text.contains("Welcome") {
                break inside.push(rival);
            } else if text.contains("Authentication failed: user already logged in.\n") {
                break;
            }
        }
    }
    assert_eq!(inside.len(), 1);
    inside
}

/// Row 22, atomic groups: after any mix of creating, joining, leaving, talking and quitting, all views agree.
#[test]
fn groups_stay_whole_while_eight_clients_come_and_go() {
    let server = unhurried();
    let operations = scale(400, 10_000);
    std::thread::scope(|scope| {
        for n in 0..8 {
            let server = &server;
            scope.spawn(move || {
                let (name, mut dice) = (format!("user{n}"), Dice(n + 1));
                let (mut client, mut unread) = (server.memory_login(&name), Vec::new());
                for operation in 0..operations {
                    let group = format!("g{}", dice.below(3));
                    let line = match dice.below(10) {
                        0..3 => format!("/create_group {group}"),
                        3..6 => format!("/join_group {group}"),
                        6..8 => format!("/leave_group {group}"),
                        8 => format!("/group_msg {group} hi"),
                        _ if operation % 50 == 0 => {
                            client.send("/quit\n");
                            client.read_to_end();
                            unread.clear();
                            client = server.memory_login(&name);
                            continue;
                        }
                        _ => "/groups_users".to_owned(),
                    };
                    client.send(&format!("{line}\n/ping done {operation}\n"));
                    receive(&client, &mut unread, &format!("Pong: done {operation}"), 1);
                }
                // The client's own view and the server's list must agree.
                client.send("/ping before\n");
                receive(&client, &mut unread, "Pong: before", 1);
                let (_, mine) = server.handle.hub().sessions_and_groups(&name.parse().unwrap());
                for group in mine {
                    client.send(&format!("/leave_group {group}\n"));
                    receive(&client, &mut unread, &format!("You left the group {group}"), 1);
                }
                client.send("/quit\n");
                client.read_to_end();
            });
        }
    });
    assert_eq!(server.handle.hub().group_count(), 0, "a group without members is left");
    eventually("everybody left", || server.handle.hub().session_count() == 0);
    figure("22 (groups)", &format!("8 x {operations} operations, groups left over: 0"));
}

/// Row 22, one order: all members of a group see its messages in the same order.
#[test]
fn all_members_see_one_order_of_simultaneous_messages() {
    let server = unhurried();
    let (senders, each) = (8, scale(250, 10_000));
    let mut members: Vec<MemoryClient> = (0..senders).map(|n| server.memory_login(&format!("user{n}"))).collect();
    members[0].send("/create_group g\n");
    receive(&members[0], &mut Vec::new(), "Group g created.", 1);
    for member in &mut members[1..] {
        member.send("/join_group g\n");
        receive(member, &mut Vec::new(), "You joined the group g.", 1);
    }
    let orders: Vec<Vec<String>> = std::thread::scope(|scope| {
        let listening: Vec<_> = members
            .iter()
            .map(|member| {
                scope.spawn(move || {
                    let (mut seen, mut unread) = (Vec::new(), Vec::new());
                    for n in 0..each {
                        member.send(&format!("/group_msg g number {n}\n"));
                        if n % 20 == 19 {
                            seen.extend(receive(member, &mut unread, "[Group g]", 1));
                        }
                    }
                    let left = senders * each - seen.len();
                    seen.extend(receive(member, &mut unread, "[Group g]", left));
                    seen
                })
            })
            .collect();
        listening.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(orders.iter().all(|order| *order == orders[0]), "two members saw different orders");
    figure("22 (order)", &format!("{} messages of {senders} at once, in one order for all", senders * each));
    for n in 0..senders {
        let from = format!("[Group g][user{n}]: number ");
        let numbers: Vec<usize> = orders[0].iter().filter_map(|line| line.strip_prefix(&from)?.parse().ok()).collect();
        assert!(numbers.into_iter().eq(0..each), "user{n} was lost, doubled or reordered");
    }
}
