//! Bans and mutes: at once, at login, after a restart, and until they expire.

use parlor::model::Role;

use super::{line_from, promote, with_admin};
use crate::daemon::{folder, run_with, start};
use crate::support::{TestClient, TestServer, USERS, WELCOME, eventually, password, timeless};

const BYE: &str = "*** You are banned from this server.";

#[test]
fn a_ban_ends_a_users_sessions_and_refuses_logins() {
    let (server, mut alice) = with_admin("alice");
    let mut bob = server.login("bob");
    alice.expect("*** bob has joined the chat.");
    alice.send("/ban user BOB spam, again");
    // The departure may be announced before or after the answer.
    line_from(&mut alice, "bob is banned for good; 1 session closed.");
    bob.expect("*** An operator ended your session: spam, again");
    bob.expect(BYE);
    bob.expect_end();
    let refused = |server: &TestServer, secret: &str| {
        let mut bob = server.connect();
        bob.give_name_and_password("bob", secret);
        let line = bob.line();
        bob.expect_end();
        line
    };
    assert_eq!(refused(&server, password("bob")), "Authentication failed: you are banned for good: spam, again.");
    assert_eq!(refused(&server, "wrong"), "Authentication failed.", "only the banned user learns of it");
    alice.send("/unban user bob");
    line_from(&mut alice, "Lifted the ban of bob.");
    server.login("bob").quiet();
}

#[test]
fn a_ban_during_a_login_leaves_nobody_inside() {
    let (server, mut alice) = with_admin("alice");
    let bob = "bob".parse().unwrap();
    for _ in 0..30 {
        let mut client = server.connect();
        client.expect_bytes("Enter username: ");
        // Name and password are sent together, so that the login is under way when the ban arrives.
        client.send_raw(format!("bob\n{}\n", password("bob")));
        alice.send("/ban user bob");
        line_from(&mut alice, "bob is banned for good");
        client.read_to_end();
        eventually("the banned user to be gone", || !server.handle.hub().is_here(&bob));
        alice.send("/unban user bob");
        line_from(&mut alice, "Lifted the ban of bob.");
    }
}

#[test]
fn a_banned_address_is_refused_with_one_line() {
    let (server, mut alice) = with_admin("alice");
    let mut waiting = server.connect_from([127, 0, 0, 7]);
    waiting.expect_bytes("Enter username: ");
    let mut bob = server.connect_from([127, 0, 0, 7]);
    bob.login("bob");
    alice.expect("*** bob has joined the chat.");
    alice.send("/ban addr 127.0.0.7 2h flood");
    let banned = line_from(&mut alice, "127.0.0.7 ");
    assert_eq!(timeless(&banned), "127.0.0.7 is banned until {time} UTC; 2 sessions closed.");
    bob.expect("*** An operator ended your session: flood");
    bob.expect(BYE);
    waiting.expect(BYE);
    let mut late = server.connect_from([127, 0, 0, 7]);
    assert_eq!(timeless(&late.line()), "Error: Your address is banned until {time} UTC: flood.");
    late.expect_end();
    let mut next = server.connect_from([127, 0, 0, 8]);
    next.login("eve");
    alice.line_with("eve has joined");
    alice.send("/ban net 127.0.0.8/30");
    line_from(&mut alice, "127.0.0.8/30 is banned for good; 1 session closed.");
    server.connect_from([127, 0, 0, 11]).expect("Error: Your address is banned for good.");
    server.connect_from([127, 0, 0, 12]).expect_bytes("Enter username: ");
    alice.send("/unban net 127.0.0.8/30");
    line_from(&mut alice, "Lifted the ban of 127.0.0.8/30.");
    server.connect_from([127, 0, 0, 11]).expect_bytes("Enter username: ");
}

#[test]
fn a_ban_expires() {
    let (server, mut alice) = with_admin("alice");
    alice.send("/ban addr 127.0.0.7 1s");
    line_from(&mut alice, "127.0.0.7 is banned");
    server.connect_from([127, 0, 0, 7]).line_with("Your address is banned");
    eventually("the end of a ban of one second", || {
        let mut bob = server.connect_from([127, 0, 0, 7]);
        String::from_utf8_lossy(&bob.first_bytes()).starts_with("Enter username: ")
    });
    alice.ask("/bans", &["There are no penalties."]);
    alice.ask("/unban addr 127.0.0.7", &["Error: There is no ban of '127.0.0.7'; /bans lists them."]);
}

#[test]
fn a_muted_user_reads_but_cannot_send() {
    let (server, mut alice) = with_admin("alice");
    let mut bob = server.login("bob");
    alice.expect("*** bob has joined the chat.");
    bob.ask("/create_group g", &["Group g created."]);
    alice.send("/mute user bob 10m calm down");
    assert_eq!(timeless(&alice.line()), "bob is muted until {time} UTC.");
    assert_eq!(timeless(&bob.line()), "*** An operator has muted you until {time} UTC: calm down.");
    for line in ["/msg alice hi", "/broadcast hi", "/group_msg g hi"] {
        bob.ask(line, &["Error: You are muted for another 10m, so this was not sent: calm down."]);
    }
    bob.send("/talk alice\nhi");
    bob.line_with("Error: You are muted");
    alice.ask("/msg bob hear me", &["[to bob]: hear me"]);
    bob.expect("[alice]: hear me");
    alice.ask("/unmute user bob", &["Lifted the mute of bob."]);
    bob.expect("*** You are no longer muted.");
    bob.ask("/msg alice sorry", &["[to alice]: sorry"]);
}

#[test]
fn sanctions_and_roles_survive_a_restart() {
    let dir = folder(USERS);
    assert_eq!(run_with(dir.path(), &["user", "role", "alice", "admin"], &[], "").code, 0);
    let listen = |command: &mut std::process::Command| {
        command.args(["--listen", "127.0.0.1:0"]);
    };
    let mut daemon = start(dir, listen);
    let mut alice = daemon.login("alice");
    for line in ["/ban user bob 7d", "/ban addr 127.0.0.9", "/mute user eve", "/ban user frank 1s", "/bans"] {
        alice.send(line);
    }
    line_from(&mut alice, "mute");
    daemon.kill();
    daemon.restart(&["--data", "data"]);
    let mut bob = daemon.connect();
    bob.give_name_and_password("bob", password("bob"));
    assert_eq!(timeless(&bob.line()), "Authentication failed: you are banned until {time} UTC.");
    TestClient::connect_from(daemon.addr, [127, 0, 0, 9].into()).expect("Error: Your address is banned for good.");
    daemon.login("eve").ask("/broadcast x", &["Error: You are muted, so this was not sent."]);
    eventually("the end of a ban that began before the restart", || {
        let mut frank = daemon.connect();
        frank.give_name_and_password("frank", password("frank"));
        frank.line() == WELCOME
    });
    let mut alice = daemon.login("alice");
    alice.send("/bans");
    let head = line_from(&mut alice, "penalty");
    assert_eq!(head.split_whitespace().collect::<Vec<_>>(), ["penalty", "of", "by", "since", "until", "text"]);
    let mut row = || timeless(&alice.line()).split_whitespace().map(str::to_owned).collect::<Vec<_>>().join(" ");
    assert_eq!(row(), "ban bob alice {time} UTC {time} UTC -");
    assert_eq!(row(), "ban 127.0.0.9 alice {time} UTC - -");
    assert_eq!(row(), "mute eve alice {time} UTC - -");
    alice.quiet();
}

#[test]
fn an_unknown_target_of_a_sanction_is_named() {
    let (server, mut alice) = with_admin("alice");
    promote(&server, "bob", Role::Moderator);
    alice.ask_all(&[
        ("/ban user zoe", "Error: User 'zoe' does not exist."),
        ("/ban user guest-1", "Error: Guest names are reused; /ban addr bans the address instead."),
        ("/mute user zoe 10m", "Error: User 'zoe' does not exist."),
        ("/unban user bob", "Error: There is no ban of 'bob'; /bans lists them."),
        ("/unmute user bob", "Error: There is no mute of 'bob'; /bans lists them."),
        ("/ban bob", "Usage: /ban <username> <group> [30s|10m|2h|7d] [<reason>] or /ban user|addr|net <target> [30s|10m|2h|7d] [<reason>]"),
        ("/disconnect zoe", "Error: 'zoe' is neither a user who is online nor a session; /sessions lists them."),
        (
            "/disconnect session:99",
            "Error: 'session:99' is neither a user who is online nor a session; /sessions lists them.",
        ),
        ("/drop_group g", "Error: Group 'g' does not exist."),
        ("/reports done 3", "Error: Report 3 does not exist; /reports lists them."),
        ("/ban user bob 1x spam", "Error: Bad time '1x'; before a reason: 30s, 10min, 2h, 7d, 1w, 1h30m or forever."),
        ("/mute user bob spam 30m", "Error: Bad time '30m'; before a reason: 30s, 10min, 2h, 7d, 1w, 1h30m or forever."),
        ("/shutdown in cancle", "Error: Bad time 'cancle'; before a reason: 30s, 10min, 2h, 7d, 1w, 1h30m or forever."),
        ("/shutdown", "Usage: /shutdown now|in <time>|cancel [<reason>]"),
        ("/shutdown 10m update", "Usage: /shutdown now|in <time>|cancel [<reason>]"),
        ("/shutdown cancle", "Usage: /shutdown now|in <time>|cancel [<reason>]"),
        ("/disconnect 1", "Error: '1' is neither a user who is online nor a session; /sessions lists them."),
        ("/disconnect session-1", "Error: 'session-1' is neither a user who is online nor a session; /sessions lists them."),
        ("/shutdown cancel", "Error: No shutdown is scheduled; there is nothing to cancel."),
    ]);
    for line in ["/ban addr x", "/ban net 10.0.0.0/4"] {
        alice.send(line);
        let answer = alice.line();
        assert!(answer.contains(" is not an address or a network; the widest are"), "{answer}");
    }
    alice.quiet();
}
