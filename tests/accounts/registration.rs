//! `/register` at the login: who may use it, its questions, and its errors.

use std::fs;
use std::time::{Duration, SystemTime};

use parlor::accounts::tokens;
use parlor::config::Config;
use parlor::model::Registration;
use parlor::store::{Entry, Token};

use super::{HIDE, HINT, SHOW, answer, line_of, login_as};
use crate::login::{NO, refusal};
use crate::support::{Daemon, TestClient, TestServer, WELCOME, eventually};

fn open_server() -> TestServer {
    TestServer::with(|config| config.registration = Registration::Open)
}

/// Everything received after asking for this with this password.
pub(super) fn outcome(mut client: TestClient, request: &str, password: &str) -> String {
    client.expect_bytes("Enter username: ");
    client.send_raw(format!("/register {request}\n{password}\n{password}\n"));
    client.finish();
    let said = String::from_utf8(client.read_to_end()).unwrap();
    said.replace("Enter password: ", "").replace("Repeat password: ", "")
}

/// Registers, and reads the welcome.
fn register(server: &TestServer, request: &str, password: &str) -> TestClient {
    let mut client = server.connect();
    answer(
        &mut client,
        &[
            ("Enter username: ", &format!("/register {request}")),
            ("Enter password: ", password),
            ("Repeat password: ", password),
        ],
    );
    client.expect(WELCOME);
    client.expect(HINT);
    client
}

/// Creates an invitation and returns its secret.
pub(super) fn invitation(server: &TestServer) -> String {
    let invite = tokens::new_invite().unwrap();
    let expires = SystemTime::now() + Duration::from_secs(7 * 86_400);
    server.handle.hub().store().append(&[Entry::Invited { invite: invite.digest, expires }]).unwrap();
    invite.text
}

#[test]
fn registering_creates_an_account_and_logs_in() {
    let server = open_server();
    let mut bob = server.login("bob");
    let mut zoe = register(&server, "Zoe", "pass: word");
    bob.expect("*** Zoe has joined the chat.");
    bob.ask("/msg zoe hi", &["[to Zoe]: hi"]);
    zoe.expect("[bob]: hi");
    zoe.send("/quit");
    zoe.expect_end();
    bob.expect("*** Zoe has left the chat.");
    for _ in 0..2 {
        let mut zoe = login_as(&server, "ZOE", "pass: word");
        bob.expect("*** Zoe has joined the chat.");
        zoe.send("/quit");
        bob.expect("*** Zoe has left the chat.");
        server.handle.reload().unwrap();
    }
    assert!(line_of(&server, "Zoe").starts_with("Zoe:$argon2id$v=19$m=19456,t=2,p=1$"));
}

#[test]
fn closed_registration_asks_nothing() {
    let server = TestServer::start();
    let before = fs::read_to_string(server.dir.path().join("users.txt")).unwrap();
    let closed = "Registration failed: this server does not register users; ask its operator for an account.\n";
    for request in ["zoe", "", "zoe abc", "alice", "_x"] {
        assert_eq!(outcome(server.connect(), request, "pw"), closed);
    }
    assert_eq!(fs::read_to_string(server.dir.path().join("users.txt")).unwrap(), before);
}

#[test]
fn every_refused_registration_says_why() {
    let server = open_server();
    let long = "x".repeat(33);
    let usage = "use /register <name>, or /register <name> <invitation>.";
    let alphabet =
        "the name may contain only letters, digits, '_', '.' and '-', and must start with a letter or digit.";
    let cases = [
        ("", "pw", usage),
        ("zoe abc", "pw", alphabet),
        ("Mary Ann Smith", "pw", alphabet),
        ("alice", "pw", "the name is taken."),
        ("ALICE", "pw", "the name is taken."),
        ("_x", "pw", alphabet),
        ("zo\u{EB}", "pw", alphabet),
        (&long, "pw", "the name is longer than 32 characters."),
        ("server", "pw", "the name is reserved for the server."),
        ("guest", "pw", "the name is reserved for guests."),
        ("Guest-7", "pw", "the name is reserved for guests."),
        ("zoe", "", "the password is empty."),
        ("zoe", " x", "the password begins or ends with a space."),
    ];
    std::thread::scope(|scope| {
        for (request, password, why) in cases {
            let client = server.connect();
            scope.spawn(move || {
                assert_eq!(outcome(client, request, password), format!("Registration failed: {why}\n"), "{request}");
            });
        }
    });
    let mut client = server.connect();
    answer(
        &mut client,
        &[("Enter username: ", "/REGISTER zoe"), ("Enter password: ", "pw"), ("Repeat password: ", "wp")],
    );
    client.expect("Registration failed: the passwords do not match.");
    client.expect_end();
    assert_eq!(refusal(&server, "zoe", "pw"), NO);
    assert_eq!(line_of(&server, "zoe"), "");
}

#[test]
fn an_invitation_is_used_up_only_by_a_new_account() {
    let server = TestServer::with(|config| config.registration = Registration::Invite);
    let good = invitation(&server);
    let said = |request: &str, password| outcome(server.connect(), request, password);
    let unknown = "Registration failed: the invitation is unknown, used up or expired.\n";
    assert_eq!(said("zoe", "pw"), "Registration failed: you need an invitation: /register <name> <invitation>.\n");
    assert_eq!(said("zoe 0000-0000", "pw"), unknown);
    assert_eq!(said(&format!("alice {good}"), "pw"), "Registration failed: the name is taken.\n");
    assert_eq!(said(&format!("zoe {good}"), ""), "Registration failed: the password is empty.\n");
    let alphabet =
        "the name may contain only letters, digits, '_', '.' and '-', and must start with a letter or digit.";
    assert_eq!(said(&format!("Mary Ann {good}"), "pw"), format!("Registration failed: {alphabet}\n"));
    assert_eq!(line_of(&server, "Mary"), "");
    register(&server, &format!("zoe {}", good.to_uppercase().replace('-', "")), "pw").quiet();
    assert_eq!(said(&format!("yann {good}"), "pw"), unknown);
    assert_eq!(line_of(&server, "yann"), "");
    let old =
        Entry::Invited { invite: tokens::invite_digest("old"), expires: SystemTime::now() - Duration::from_secs(1) };
    server.handle.hub().record(vec![old]).unwrap();
    assert_eq!(said("yann old", "pw"), unknown);
}

#[test]
fn an_open_server_accepts_an_unneeded_invitation() {
    let server = open_server();
    register(&server, &format!("zoe {}", invitation(&server)), "pw").quiet();
    assert!(outcome(server.connect(), "Mary Ann", "pw").starts_with("Registration failed: the name may contain only"));
    assert_eq!(line_of(&server, "Mary"), "");
}

#[test]
fn a_race_for_a_name_has_one_winner() {
    let server = TestServer::with(|config| config.registration = Registration::Invite);
    let invitations: Vec<String> = (0..6).map(|_| invitation(&server)).collect();
    let said: Vec<String> = std::thread::scope(|scope| {
        let all: Vec<_> = (0..6)
            .map(|n| {
                let (server, invitation) = (&server, &invitations[n]);
                scope.spawn(move || outcome(server.connect(), &format!("zoe {invitation}"), &format!("pw{n}")))
            })
            .collect();
        all.into_iter().map(|one| one.join().unwrap()).collect()
    });
    let winners: Vec<usize> = (0..6).filter(|n| said[*n].starts_with(WELCOME)).collect();
    assert_eq!(winners.len(), 1, "{said:?}");
    assert_eq!(said.iter().filter(|said| *said == "Registration failed: the name is taken.\n").count(), 5, "{said:?}");
    login_as(&server, "zoe", &format!("pw{}", winners[0])).quiet();
    let loser = (0..6).find(|n| *n != winners[0]).unwrap();
    register(&server, &format!("yann {}", invitations[loser]), "pw").quiet();
}

#[test]
fn an_address_can_register_three_accounts_at_once() {
    let server = open_server();
    let from = |host, request: &str| outcome(server.connect_from([127, 0, 0, host]), request, "pw");
    // Failed registrations do not count.
    assert!(from(6, "zoe0 x y").starts_with("Registration failed: the name may"));
    assert!(from(6, "alice").starts_with("Registration failed: the name is taken"));
    for n in 0..3 {
        assert!(from(6, &format!("zoe{n}")).starts_with(WELCOME), "{n}");
    }
    let refused =
        "Registration failed: too many accounts were registered from your address; try again in ten minutes.\n";
    assert_eq!(from(6, "zoe3"), refused);
    assert!(from(7, "zoe3").starts_with(WELCOME), "another address has its own");
}

#[test]
fn asking_for_taken_names_counts_as_guessing() {
    let server = open_server();
    let said: Vec<String> = std::thread::scope(|scope| {
        let ask = || outcome(server.connect_from([127, 0, 0, 8]), "alice", "pw");
        let all: Vec<_> = (0..8).map(|_| scope.spawn(ask)).collect();
        all.into_iter().map(|one| one.join().unwrap()).collect()
    });
    assert!(said.iter().all(|said| said == "Registration failed: the name is taken.\n"), "{said:?}");
    let refused = "Registration failed: too many attempts from your address; try again in a minute.\n";
    assert_eq!(outcome(server.connect_from([127, 0, 0, 8]), "bob", "pw"), refused);
}

#[test]
fn telnet_hides_both_passwords() {
    let server = open_server();
    let mut zoe = server.memory_connect();
    zoe.expect_bytes("Enter username: ");
    zoe.send("/register zoe\r\n");
    zoe.expect_exact(&[HIDE, b"Enter password: "].concat());
    zoe.send("pw\r\n");
    zoe.expect_exact(&[SHOW, HIDE, b"Repeat password: "].concat());
    zoe.send("pw\r\n");
    zoe.expect_exact(&[SHOW, format!("{WELCOME}\r\n{HINT}\r\n").as_bytes()].concat());
}

#[test]
fn a_client_without_line_ends_registers_too() {
    let server = open_server();
    let mut zoe = server.memory_connect();
    for (question, answer) in
        [("Enter username: ", "/register zoe"), ("Enter password: ", "pw"), ("Repeat password: ", "pw")]
    {
        zoe.expect_bytes(question);
        zoe.send(answer);
    }
    zoe.expect_bytes(&format!("{WELCOME}\n{HINT}\n"));
    zoe.quiet();
}

#[test]
fn a_new_owner_of_a_name_inherits_nothing() {
    let server = open_server();
    let (user, made) = ("zoe".parse().unwrap(), SystemTime::now());
    let secret = tokens::token_digest(b"parlor_left").unwrap();
    let token = Token { user, name: "left".parse().unwrap(), secret, made, expires: None };
    server.handle.hub().record(vec![Entry::TokenMade(token)]).unwrap();
    let mut zoe = register(&server, "zoe", "pw");
    zoe.ask("/token list", &["You have no tokens; /token new <name> creates one."]);
    assert_eq!(refusal(&server, "zoe", "parlor_left"), NO);
}

#[test]
fn a_name_is_taken_while_its_user_is_online() {
    let server = open_server();
    let mut alice = server.login("alice");
    fs::write(server.dir.path().join("users.txt"), "bob:qwerty456\n").unwrap();
    server.handle.reload().unwrap();
    assert_eq!(outcome(server.connect(), "alice", "new"), "Registration failed: the name is taken.\n");
    alice.ask("/passwd", &[]);
    answer(&mut alice, &[("Old password: ", "password123"), ("New password: ", "x"), ("Repeat password: ", "x")]);
    alice.expect("Error: That is not your password; nothing was changed.");
    alice.send("/quit");
    alice.expect_end();
    register(&server, "alice", "new").quiet();
}

#[test]
fn an_operators_edits_survive_registrations() {
    let mut daemon = Daemon::start(&["--registration", "open"]);
    let users = daemon.dir.path().join("users.txt");
    let before = fs::read_to_string(&users).unwrap();
    fs::write(&users, format!("# by hand\ndora:d\n{before}")).unwrap();
    assert_eq!(outcome(daemon.connect(), "dora", "x"), "Registration failed: the name is taken.\n");
    assert!(outcome(daemon.connect(), "zoe", "z: z").starts_with(WELCOME));
    assert!(fs::read_to_string(&users).unwrap().starts_with(&format!("# by hand\ndora:d\n{before}zoe:$argon2id$")));
    let login = |daemon: &Daemon, name, password| {
        let mut client = daemon.connect();
        client.give_name_and_password(name, password);
        client.line()
    };
    assert_eq!(login(&daemon, "dora", "d"), NO.trim(), "not before SIGHUP");
    daemon.signal("HUP");
    daemon.await_log("users reloaded count=1009");
    assert_eq!((login(&daemon, "dora", "d"), login(&daemon, "zoe", "z: z")), (WELCOME.into(), WELCOME.into()));
    fs::write(&users, "a line without a colon\n").unwrap();
    let unavailable = "Registration failed: the account cannot be stored now; try again later.\n";
    assert_eq!(outcome(daemon.connect(), "yann", "y"), unavailable);
    daemon.await_log("users unchanged: ");
    fs::write(&users, format!("{before}zoe:z: z\n")).unwrap();
    daemon.signal("TERM");
    daemon.wait();
    let dir = std::mem::replace(&mut daemon.dir, tempfile::tempdir().unwrap());
    let again = Daemon::start_in(dir, &["--registration", "open"]);
    assert_eq!(login(&again, "zoe", "z: z"), WELCOME);
    assert!(again.log().contains("registered user=zoe addr=127.0.0.1 port="));
}

#[test]
fn registering_restarts_the_login_deadline() {
    let change = |config: &mut Config| {
        config.registration = Registration::Open;
        config.limits.login_timeout = Duration::from_secs(1);
    };
    let server = TestServer::with(change);
    let mut slow = server.connect();
    answer(&mut slow, &[("Enter username: ", "/register zoe"), ("Enter password: ", "pw")]);
    slow.expect_bytes("Repeat password: *** The login took too long. Goodbye.\n");
    slow.expect_end();
    eventually("the connection is forgotten", || server.handle.logging_in() == 0);
}
