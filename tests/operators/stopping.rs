//! Scheduled stops, and the audit log.

use std::fs;

use super::{line_from, with_admin};
use crate::daemon::{folder, run_with, start};
use crate::support::{Daemon, USERS, eventually};

const BYE: &str = "*** The server is shutting down. Goodbye.";

fn daemon() -> Daemon {
    let dir = folder(USERS);
    assert_eq!(run_with(dir.path(), &["user", "role", "alice", "admin"], &[], "").code, 0);
    start(dir, |command| {
        command.args(["--listen", "127.0.0.1:0"]);
    })
}

#[test]
fn a_countdown_announces_and_ends_in_a_clean_stop() {
    let mut daemon = daemon();
    let mut alice = daemon.login("alice");
    let mut bob = daemon.login("bob");
    alice.expect("*** bob has joined the chat.");
    alice.send("/shutdown in 1s new disk");
    alice.line_with("The server shuts down in 1s.");
    bob.expect("*** The server shuts down in 1s: new disk.");
    bob.expect(BYE);
    bob.expect_end();
    assert_eq!(daemon.wait().code(), Some(0));
    assert!(daemon.log().ends_with("main stopped\n"));
}

#[test]
fn a_countdown_can_be_cancelled_and_restarted() {
    let (server, mut alice) = with_admin("alice");
    let mut bob = server.login("bob");
    alice.expect("*** bob has joined the chat.");
    for _ in 0..2 {
        alice.send("/shutdown in 10m\n/shutdown in 5m\n/shutdown cancel\n/ping end");
        alice.line_with("Error: A shutdown is already scheduled; /shutdown cancel cancels it.");
        alice.line_with("The shutdown is cancelled.");
        alice.line_with("Pong: end");
        bob.expect("*** The server shuts down in 10m.");
        bob.expect("*** The shutdown is cancelled.");
    }
    bob.quiet();
    alice.send("/shutdown now");
    alice.line_with("The server is shutting down.");
    bob.expect(BYE);
}

#[test]
fn every_command_is_one_line_of_the_audit_log() {
    let daemon = daemon();
    let mut alice = daemon.login("alice");
    let audit = daemon.dir.path().join("logs/audit.log");
    alice.send("/users\n/ban user bob 7d \"sp\u{e4}m\" act=x\n/ban user zoe\n/announce hello\n/ping end");
    alice.line_with("Pong: end");
    let read = || fs::read_to_string(&audit).unwrap_or_default();
    eventually("three acts in the audit log", || read().lines().count() >= 3);
    let text = read();
    let lines: Vec<&str> = text.lines().filter_map(|line| line.split_once(" by=").map(|(_, rest)| rest)).collect();
    assert_eq!(
        lines,
        [
            r#"alice act=ban on="bob for 604800s" why="\"sp\u{e4}m\" act=x" result=done"#,
            r#"alice act=ban on="zoe" why="" result=no_such_user"#,
            r#"alice act=announce on="" why="hello" result=done"#,
        ]
    );
    assert!(!daemon.log().contains("act="), "the main log has what it had before");
    let name = fs::read_link(&audit).unwrap().to_string_lossy().into_owned();
    assert!(name.starts_with("audit_2") && name.ends_with(".log"), "{name}");
}

#[test]
fn announcements_and_dissolved_groups_reach_those_concerned() {
    let (server, mut alice) = with_admin("alice");
    let mut bob = server.login("bob");
    alice.expect("*** bob has joined the chat.");
    bob.ask("/create_group g", &["Group g created."]);
    alice.send("/announce lunch");
    line_from(&mut alice, "Announced to 2 sessions.");
    bob.expect("*** Announcement: lunch");
    alice.ask("/drop_group g off topic", &["Deleted the group g with 1 member."]);
    bob.expect("*** The group g was deleted by an operator: off topic.");
    bob.ask("/group_msg g hi", &["Error: Group 'g' does not exist."]);
    alice.send("/disconnect bob enough");
    line_from(&mut alice, "Disconnected bob: 1 session.");
    bob.expect("*** An operator ended your session: enough");
    bob.expect("*** You were disconnected by an operator.");
    bob.expect_end();
}
