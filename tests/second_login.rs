//! A second login of a user: the three policies, and a name that is free as soon as its connection is dead.

use std::net::{Shutdown, TcpStream};

use parlor::model::DuplicateLogin;

use crate::login::{NO, refusal};
use crate::support::{TestClient, TestServer};

const TOLD: &str = "*** You logged in from elsewhere; this session ends.";

fn with_policy(policy: DuplicateLogin) -> TestServer {
    TestServer::with(|config| config.duplicate_login = policy)
}

#[test]
fn refuse_says_why_only_after_the_right_password() {
    let server = with_policy(DuplicateLogin::Refuse);
    let mut alice = server.login("alice");
    assert_eq!(refusal(&server, "ALICE", "password123"), "Authentication failed: user already logged in.\n");
    assert_eq!(refusal(&server, "ALICE", "password"), NO);
    alice.quiet();
}

#[test]
fn allow_gives_every_device_a_copy_of_everything() {
    let server = with_policy(DuplicateLogin::Allow);
    let [mut bob, mut desk] = server.login_all(["bob", "alice"]);
    desk.ask("/create_group g", &["Group g created."]);
    let mut phone = server.login("alice");
    phone.ask("/msg bob hi", &["[to bob]: hi"]);
    desk.expect("[to bob]: hi");
    bob.ask("/msg alice hello", &["[alice]: hi", "[to alice]: hello"]);
    desk.ask("/group_msg g note", &["[bob]: hello", "[Group g][alice]: note"]);
    phone.expect("[bob]: hello");
    phone.expect("[Group g][alice]: note");
    phone.ask("/users", &["Online users:", "alice", "bob"]);
    phone.send("/whoami");
    phone.line_with("sessions: 2, groups: g.");
    desk.send("/quit");
    desk.expect_end();
    phone.ask("/groups_users", &["Groups and their members:", "g: alice"]);
    bob.quiet();
    phone.send("/quit");
    bob.expect("*** alice has left the chat.");
}

#[test]
fn replace_closes_the_first_session_and_keeps_groups() {
    let server = with_policy(DuplicateLogin::Replace);
    let [mut bob, mut old] = server.login_all(["bob", "alice"]);
    old.ask("/create_group g", &["Group g created."]);
    let mut new = server.login("alice");
    old.expect(TOLD);
    old.expect_end();
    bob.ask("/join_group g", &["You joined the group g."]);
    new.expect("*** bob has joined the group g.");
    new.ask("/group_msg g moved", &["[Group g][alice]: moved"]);
    bob.expect("[Group g][alice]: moved");
    bob.quiet();
    assert_eq!(refusal(&server, "alice", "wrong"), NO);
    new.quiet();
}

#[test]
fn a_client_that_closes_and_reconnects_at_once_gets_in() {
    let server = TestServer::start();
    for turn in 0..60 {
        let mut client = server.login("alice");
        match turn % 3 {
            0 => drop(client),
            1 => client.reset(),
            // Unread data at the close: the kernel sends a reset by itself.
            _ => client.send("/users\n/help"),
        }
    }
}

#[test]
fn a_name_is_free_as_soon_as_its_connection_is_seen_dead() {
    let server = TestServer::start();
    let mut bob = server.login("bob");
    for _ in 0..20 {
        let alice = server.login("alice");
        bob.expect("*** alice has joined the chat.");
        alice.reset();
        bob.expect("*** alice has left the chat.");
        bob.ask("/users", &["Online users:", "bob"]);
    }
}

#[test]
fn a_client_that_shuts_down_both_ways_leaves_at_once() {
    let server = TestServer::start();
    let mut bob = server.login("bob");
    let alice = server.login("alice");
    let stream: &TcpStream = alice.stream();
    stream.shutdown(Shutdown::Both).unwrap();
    bob.expect("*** alice has joined the chat.");
    bob.expect("*** alice has left the chat.");
    let mut again: TestClient = server.login("alice");
    again.quiet();
}
