//! Login tokens: created, used, listed, revoked, and useless to anybody else.

use std::time::{Duration, Instant, SystemTime};

use parlor::accounts::tokens;
use parlor::model::DuplicateLogin;
use parlor::store::{Entry, Token};

use super::login_as;
use crate::login::{NO, refusal};
use crate::support::{Daemon, TestClient, TestServer, WELCOME, eventually};

/// Creates a token and returns its secret.
pub(super) fn make(client: &mut TestClient, name: &str) -> String {
    client.send(&format!("/token new {name}"));
    client.expect(&format!("Token {name} created. It is shown only once:"));
    let secret = client.line();
    client.expect("Use it as your password when you log in. It is valid until you revoke it.");
    secret
}

#[test]
fn a_token_opens_only_its_users_account() {
    let server = TestServer::with(|config| config.duplicate_login = DuplicateLogin::Allow);
    let mut alice = server.login("alice");
    let secret = make(&mut alice, "Backup");
    assert!(secret.starts_with("parlor_") && secret.len() == 39, "{secret}");
    login_as(&server, "ALICE", &secret).quiet();
    alice.quiet();
    assert_eq!(refusal(&server, "bob", &secret), NO);
    assert_eq!(refusal(&server, "alice", &secret.to_uppercase()), NO);
    assert_eq!(refusal(&server, "alice", &secret[..38]), NO);
    assert_eq!(refusal(&server, "alice", "parlor_"), NO);
    assert_eq!(refusal(&server, "zoe", &secret), NO);
    login_as(&server, "alice", "password123").quiet();
}

#[test]
fn a_wrong_token_is_treated_like_a_wrong_password() {
    let server = TestServer::with(|config| config.limits.max_unauthenticated_per_address = 100);
    let start = Instant::now();
    let mut guessers: Vec<_> = (0..9)
        .map(|_| {
            let mut guesser = server.connect_from([127, 0, 0, 5]);
            guesser.give_name_and_password("alice", "parlor_wrong");
            guesser
        })
        .collect();
    let said: Vec<_> = guessers.iter_mut().map(|guesser| guesser.line()).collect();
    assert!(start.elapsed() >= Duration::from_millis(500));
    assert_eq!(
        said.iter().filter(|line| line.starts_with("Authentication failed: too many wrong")).count(),
        1,
        "{said:?}"
    );
}

#[test]
fn revoking_a_token_ends_only_its_sessions() {
    let server = TestServer::with(|config| config.duplicate_login = DuplicateLogin::Allow);
    let mut alice = server.login("alice");
    let (first, second) = (make(&mut alice, "first"), make(&mut alice, "second"));
    let mut ended = [login_as(&server, "alice", &first), login_as(&server, "alice", &first)];
    let mut stays = login_as(&server, "alice", &second);
    alice.ask("/token revoke FIRST", &["Token first revoked."]);
    for session in &mut ended {
        session.expect("*** The token of this session was revoked. Goodbye.");
        session.expect_end();
    }
    alice.quiet();
    stays.quiet();
    assert_eq!(refusal(&server, "alice", &first), NO);
    // A session that revokes its own token gets the answer before the last words.
    stays.ask("/token revoke second", &["Token second revoked."]);
    stays.expect("*** The token of this session was revoked. Goodbye.");
    stays.expect_end();
    alice.ask_all(&[("/token revoke first", "Error: Token 'first' does not exist.")]);
}

#[test]
fn tokens_are_limited_and_listed_without_secrets() {
    let server = TestServer::with(|config| config.limits.max_tokens_per_user = 5);
    let mut alice = server.login("alice");
    alice.ask("/token list", &["You have no tokens; /token new <name> creates one."]);
    (0..5).for_each(|n| drop(make(&mut alice, &format!("t{n}"))));
    alice.ask_all(&[
        ("/token new one.more", "Error: You already have 5 tokens, which is the limit."),
        ("/token new T3", "Error: Token 't3' already exists; /token revoke removes it."),
        ("/token new _x", "Error: The token name '_x' may contain only letters, digits, '_', '.' and '-', and must start with a letter or digit."),
        ("/token new", "Usage: /token new <name> [<days>] | list | revoke <name>"),
        ("/token new x 0", "Usage: /token new <name> [<days>] | list | revoke <name>"),
        ("/token revoke t0", "Token t0 revoked."),
        ("/token new x 30", "Token x created. It is shown only once:"),
    ]);
    assert!(alice.line().starts_with("parlor_"));
    assert!(alice.line().ends_with(" UTC, or until you revoke it."));
    alice.send("/token list");
    alice.expect("Your tokens:");
    let lines: Vec<String> = (0..5).map(|_| alice.line()).collect();
    assert!(lines.iter().all(|line| line.contains(": created ") && !line.contains("parlor_")), "{lines:?}");
    assert!(lines[4].starts_with("x: created ") && lines[4].contains(", valid until "), "{lines:?}");
    alice.quiet();
}

#[test]
fn an_expired_token_can_be_replaced() {
    let server = TestServer::start();
    let (user, now) = ("alice".parse().unwrap(), SystemTime::now());
    let entry = |name: &str, expires| {
        let secret = tokens::token_digest(format!("parlor_{name}").as_bytes()).unwrap();
        let made = now - Duration::from_secs(90_000);
        Entry::TokenMade(Token { user, name: name.parse().unwrap(), secret, made, expires: Some(expires) })
    };
    let (over, good) = (now - Duration::from_secs(1), now + Duration::from_secs(3600));
    server.handle.hub().record(vec![entry("over", over), entry("good", good)]).unwrap();
    assert_eq!(refusal(&server, "alice", "parlor_over"), NO);
    let mut script = login_as(&server, "alice", "parlor_good");
    script.ask("/token new more", &["Error: You logged in with a token; log in with your password to create one."]);
    drop(script);
    let mut alice = server.login("alice");
    alice.send("/token list");
    alice.expect("Your tokens:");
    assert!(alice.line().contains("valid until ") && alice.line().contains("expired "));
    make(&mut alice, "over");
}

#[test]
fn tokens_survive_a_restart_and_revoked_ones_do_not() {
    let options = ["--data", "data", "--registration", "open"];
    let mut daemon = Daemon::start(&options);
    let [mut alice, mut bob] = ["alice", "bob"].map(|name| daemon.login(name));
    alice.expect("*** bob has joined the chat.");
    let (kept, revoked, lost) = (make(&mut alice, "kept"), make(&mut alice, "revoked"), make(&mut bob, "lost"));
    alice.ask("/token revoke revoked", &["Token revoked revoked."]);
    bob.send("/delete_account\nqwerty456");
    bob.expect("Your password: *** Your account is deleted. Goodbye.");
    bob.expect_end();
    daemon.signal("TERM");
    daemon.wait();
    let dir = std::mem::replace(&mut daemon.dir, tempfile::tempdir().unwrap());
    let again = Daemon::start_in(dir, &options);
    let first_line = |name: &str, secret: &str| {
        let mut client = again.connect();
        client.give_name_and_password(name, secret);
        client.line()
    };
    assert_eq!(first_line("alice", &kept), WELCOME);
    for (name, secret) in [("alice", &revoked), ("bob", &lost), ("bob", &"qwerty456".to_owned())] {
        assert_eq!(first_line(name, secret), NO.trim(), "{name}");
    }
    let mut again_bob = again.connect();
    again_bob.send_raw("/register bob\nx\nx\n");
    again_bob
        .expect_bytes("Enter username: Enter password: Repeat password: Registration failed: the name is taken.\n");
}

#[test]
fn a_password_that_looks_like_a_token_still_works() {
    let server = TestServer::with(|config| std::fs::write(&config.users, "zoe:parlor_own\n").unwrap());
    let mut zoe = server.connect();
    zoe.give_name_and_password("zoe", "parlor_own");
    zoe.expect(WELCOME);
}

#[test]
fn a_bot_reads_tokens_as_fields() {
    let server = TestServer::start();
    let mut bot = server.login("alice");
    bot.ask("/mode machine", &["mode name=machine"]);
    bot.send("/token new ci");
    assert!(bot.line().starts_with("token_made name=ci expires= text=parlor_"));
    bot.ask("/token list", &["tokens tokens=ci;"]);
    bot.ask("/token revoke ci", &["token_revoked name=ci"]);
    bot.ask("/token revoke ci", &["error code=no_such_token text=Error: Token 'ci' does not exist."]);
}

#[test]
fn every_device_gets_each_message_once() {
    let server = TestServer::start();
    let mut bob = server.login("bob");
    let mut tell = |text: &str| {
        bob.send(&format!("/msg alice {text}"));
        bob.line_with("*** alice is not online;");
    };
    tell("before");
    let mut alice = server.login("alice");
    alice.expect("*** 1 message came while you were away:");
    let secret = make_after(&mut alice, "laptop");
    alice.send("/quit");
    alice.read_to_end();
    tell("after");
    for password in ["password123", &secret] {
        let mut device = login_as(&server, "alice", password);
        device.expect("*** 1 message came while you were away:");
        assert!(device.line().ends_with(" [bob]: after"), "{password}");
        device.quiet();
        device.send("/quit");
        device.read_to_end();
        login_as(&server, "alice", password).quiet();
        eventually("alice has left", || server.handle.hub().session_count() == 1);
    }
}

/// Like [`make`], for a client that has unread lines.
fn make_after(client: &mut TestClient, name: &str) -> String {
    client.line_with("[bob]: ");
    make(client, name)
}
