//! Budgets of a user: commands, bytes, sessions and threads, however often they reconnect.

use parlor::model::DuplicateLogin;

use crate::support::{Daemon, TestServer, eventually, password};

#[test]
fn reconnecting_gives_no_new_budget() {
    let daemon = Daemon::start(&["--burst", "9", "--rate", "1"]);
    for slowed in [false, true] {
        let mut alice = daemon.login("alice");
        (0..4).for_each(|_| alice.quiet());
        alice.send("/quit");
        alice.expect_end();
        daemon.await_log("logout user=alice");
        assert_eq!(daemon.log().contains("slowed user=alice"), slowed);
    }
}

#[test]
fn a_long_line_costs_more_than_a_short_one() {
    let daemon = Daemon::start(&["--burst", "40", "--rate", "10"]);
    let mut alice = daemon.login("alice");
    (0..20).for_each(|_| alice.quiet());
    assert!(!daemon.log().contains("slowed"));
    let text = "x".repeat(4000);
    alice.send(&format!("/ping {text}"));
    alice.expect(&format!("Pong: {text}"));
    daemon.await_log("slowed user=alice");
}

#[test]
fn quitting_without_reading_keeps_the_session_until_read() {
    let server = TestServer::start();
    let mut alice = server.memory_login("alice");
    alice.peer.shut_gate(true);
    alice.send("/ping last\n/quit\n");
    let mut again = server.connect();
    again.give_name_and_password("alice", password("alice"));
    again.expect("Authentication failed: user already logged in.");
    alice.peer.shut_gate(false);
    assert_eq!(alice.read_to_end(), b"Pong: last\n");
    eventually("alice has left", || server.handle.hub().session_count() == 0);
    server.login("alice");
}

#[test]
fn one_user_cannot_take_every_session() {
    let server = TestServer::with(|config| {
        config.duplicate_login = DuplicateLogin::Allow;
        config.limits.max_sessions_per_user = 2;
    });
    let _sessions = [server.login("alice"), server.login("alice")];
    let mut third = server.connect();
    third.give_name_and_password("alice", password("alice"));
    third.expect("Authentication failed: you already have 2 sessions, which is the limit.");
    third.expect_end();
    server.login("bob");
}

#[test]
fn only_raw_clients_get_an_answer_to_a_blank_message() {
    let server = TestServer::start();
    let mut raw = server.connect();
    raw.expect_bytes("Enter username: ");
    raw.send_raw("bob");
    raw.expect_bytes("Enter password: ");
    raw.send_raw(password("bob"));
    raw.line_with("/help");
    for blank in ["   ", "\u{200B}"] {
        raw.send_raw(blank);
        raw.line_with("Error: Not sent");
    }
    let mut lines = server.login("alice");
    lines.send("   ");
    lines.quiet();
}
