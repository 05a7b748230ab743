//! `/passwd`, and the rules for every question that a command asks.

use std::fs;
use std::time::{Duration, Instant};

use parlor::model::DuplicateLogin;

use super::{HIDE, SHOW, answer, line_of, login_as, passwd, raw, telnet};
use crate::login::{NO, refusal};
use crate::support::{TestServer, USERS};

const CHANGED: &str = "Your password was changed.";
const WRONG: &str = "Error: That is not your password; nothing was changed.";

#[test]
fn a_new_password_works_at_once_and_after_a_reload() {
    let server = TestServer::with(|config| config.duplicate_login = DuplicateLogin::Allow);
    let (mut desk, mut phone) = (server.login("alice"), server.login("alice"));
    passwd(&mut desk, "password123", "new: word", "new: word");
    desk.expect(CHANGED);
    phone.quiet();
    for _ in 0..2 {
        assert_eq!(refusal(&server, "alice", "password123"), NO);
        login_as(&server, "ALICE", "new: word").quiet();
        server.handle.reload().unwrap();
    }
    assert!(line_of(&server, "alice").starts_with("alice:$argon2id$v=19$m=19456,t=2,p=1$"));
    let file = fs::read_to_string(server.dir.path().join("users.txt")).unwrap();
    let rest = |text: &str| text.split_once('\n').unwrap().1.to_owned();
    assert!(rest(&file).starts_with(&rest(USERS)) && file.lines().count() == 1007);
    // The old password is compared with a hash now.
    passwd(&mut phone, "new: word", "third", "third");
    phone.expect(CHANGED);
    login_as(&server, "alice", "third").quiet();
}

#[test]
fn errors_come_after_the_last_answer_and_change_nothing() {
    let server = TestServer::start();
    let before = fs::read_to_string(server.dir.path().join("users.txt")).unwrap();
    let mut alice = server.login("alice");
    let long = "x".repeat(1025);
    for (old, new, again, said) in [
        ("wrong", "new", "new", WRONG),
        ("password123", "new", "other", "Error: The new passwords do not match; nothing was changed."),
        ("password123", &long, &long, "Error: The new password is longer than 1024 bytes; nothing was changed."),
        ("password123", " x", " x", "Error: The new password begins or ends with a space; nothing was changed."),
    ] {
        passwd(&mut alice, old, new, again);
        alice.expect(said);
    }
    let too_long = "x".repeat(5000);
    passwd(&mut alice, "password123", &too_long, "x");
    alice.expect("Error: That line was dropped: it has 5001 bytes, and the limit is 4096.");
    alice.quiet();
    assert_eq!(fs::read_to_string(server.dir.path().join("users.txt")).unwrap(), before);
    drop(alice);
    let mut script = server.login("bob");
    script.send_raw(b"/passwd\nqwerty456\n\xC3\x28\n\xC3\x28\n");
    script.expect_bytes("Old password: New password: Repeat password: ");
    script.expect("Error: The new password is not valid UTF-8; nothing was changed.");
    script.ask("/passwd now", &["Usage: /passwd"]);
}

#[test]
fn wrong_old_passwords_count_like_wrong_logins() {
    let server = TestServer::with(|config| {
        config.duplicate_login = DuplicateLogin::Allow;
        config.limits.max_unauthenticated_per_address = 100;
    });
    let host = [127, 0, 0, 2];
    let mut sessions: Vec<_> = (0..9).map(|_| server.connect_from(host)).collect();
    sessions.iter_mut().for_each(|session| session.login("alice"));
    for session in &mut sessions {
        session.send_raw("/passwd\nwrong\nx\nx\n");
    }
    let said: Vec<String> = sessions.iter_mut().map(|session| session.line_with("rror: ")).collect();
    assert_eq!(said.iter().filter(|line| line.ends_with(WRONG)).count(), 8, "{said:?}");
    assert_eq!(said.iter().filter(|line| line.contains("Too many wrong passwords from your address")).count(), 1);
    let mut login = server.connect_from(host);
    login.give_name_and_password("bob", "qwerty456");
    login.expect("Authentication failed: too many wrong passwords from your address; try again in a minute.");
    sessions[0].quiet();
}

#[test]
fn a_wrong_old_password_is_answered_as_late_as_a_login() {
    let server = TestServer::start();
    let [mut bob, mut alice] = server.login_all(["bob", "alice"]);
    let start = Instant::now();
    passwd(&mut alice, "wrong", "new", "new");
    // Messages of others still arrive during the wait.
    bob.ask("/msg alice hi", &["[to alice]: hi"]);
    alice.line_with("[bob]: hi");
    alice.expect(WRONG);
    assert!(start.elapsed() >= Duration::from_millis(500), "{:?}", start.elapsed());
}

#[test]
fn answers_are_neither_executed_nor_sent() {
    let server = TestServer::start();
    let [mut bob, mut alice] = server.login_all(["bob", "alice"]);
    alice.ask("/talk bob", &["Plain text now goes to bob; /talk alone ends that."]);
    passwd(&mut alice, "/broadcast secret", "/quit", "secret");
    alice.expect("Error: The new passwords do not match; nothing was changed.");
    // Sent without waiting for the questions, after one that is refused.
    alice.send_raw("/passwd\nwrong\nsecret\nsecret\n/users\n");
    alice.expect_bytes(format!("Old password: New password: Repeat password: {WRONG}\nOnline users:\nalice\nbob\n"));
    passwd(&mut alice, "password123", "/quit", "/quit");
    alice.expect(CHANGED);
    bob.quiet();
    alice.ask("secret", &["[to bob]: secret"]);
    bob.expect("[alice]: secret");
    drop(alice);
    bob.expect("*** alice has left the chat.");
    login_as(&server, "alice", "/quit").quiet();
}

#[test]
fn messages_at_an_open_question_start_on_a_new_line() {
    let server = TestServer::start();
    let [mut bob, mut alice] = server.login_all(["bob", "alice"]);
    alice.send("/passwd");
    alice.expect_bytes("Old password: ");
    bob.ask("/msg alice hi", &["[to alice]: hi"]);
    bob.ask("/broadcast all", &["[Broadcast][bob]: all"]);
    alice.expect_bytes("\n[bob]: hi\n[Broadcast][bob]: all\n");
    alice.send("password123");
    answer(&mut alice, &[("New password: ", "new"), ("Repeat password: ", "new")]);
    alice.expect(CHANGED);
    bob.quiet();
}

#[test]
fn an_empty_answer_cancels_at_every_question() {
    let server = TestServer::start();
    let mut alice = server.login("alice");
    let answers = [("Old password: ", "password123"), ("New password: ", "new"), ("Repeat password: ", "new")];
    for given in 0..answers.len() {
        alice.send("/passwd");
        answer(&mut alice, &answers[..given]);
        answer(&mut alice, &[(answers[given].0, "")]);
        alice.expect("Cancelled. No changes were made.");
        alice.quiet();
    }
    assert_eq!(line_of(&server, "alice"), "alice:password123");
}

#[test]
fn telnet_hides_every_answer_and_shows_typing_again() {
    let server = TestServer::start();
    let mut alice = telnet(&server, "alice", "password123");
    alice.send("/passwd\r\n");
    for (question, answer) in [("Old", "password123"), ("New", "new")] {
        alice.expect_exact(&[HIDE, question.as_bytes(), b" password: "].concat());
        alice.send(&format!("{answer}\r\n"));
        alice.expect_exact(SHOW);
    }
    alice.expect_exact(&[HIDE, b"Repeat password: "].concat());
    alice.send("new\r\n");
    alice.expect_exact(&[SHOW, CHANGED.as_bytes(), b"\r\n"].concat());
    alice.send("/ping on\r\n");
    alice.expect_exact(b"Pong: on\r\n");
}

#[test]
fn telnet_can_interrupt_a_question_or_ask_for_life() {
    let server = TestServer::start();
    let mut alice = telnet(&server, "alice", "password123");
    let question = [HIDE, b"Old password: "].concat();
    alice.send("/passwd\r\n");
    alice.expect_exact(&question);
    alice.peer.send(b"\xFF\xF6");
    alice.expect_exact(b"\r\n*** Yes, the chat server is here.\r\n");
    alice.peer.send(b"half\xFF\xF4\xFF\xF2\xFF\xFD\x06");
    alice.expect_exact(&[SHOW, b"\xFF\xFC\x06Cancelled. No changes were made.\r\n"].concat());
    alice.send("/ping on\r\n");
    alice.expect_exact(b"Pong: on\r\n");
}

#[test]
fn typing_is_shown_again_however_the_session_ends() {
    let server = TestServer::with(|config| config.limits.idle_timeout = Some(Duration::from_secs(1)));
    let mut alice = telnet(&server, "alice", "password123");
    alice.send("/passwd\r\n");
    alice.expect_exact(&[HIDE, b"Old password: "].concat());
    alice.expect_exact(&[SHOW, b"*** You were idle for too long. Goodbye.\r\n"].concat());
}

#[test]
fn raw_clients_can_answer_questions() {
    let server = TestServer::start();
    let mut alice = raw(&server, "alice", "password123");
    for (said, heard) in [
        ("/passwd", "Old password: "),
        ("password123", "New password: "),
        // As a command, this would be split in two, and the second part would end the session.
        ("new/quit", "Repeat password: "),
        ("new/quit", "Your password was changed.\n"),
        ("/ping on", "Pong: on\n"),
        ("/passwd", "Old password: "),
        ("\n", "Cancelled. No changes were made.\n"),
        ("/ping 1/users", "Pong: 1\nOnline users:\nalice\n"),
    ] {
        alice.send(said);
        alice.expect_bytes(heard);
    }
    alice.send("/quit");
    raw(&server, "alice", "new/quit").quiet();
}

#[test]
fn a_bot_gets_each_question_as_a_line() {
    let server = TestServer::start();
    let mut bot = server.login("alice");
    bot.ask_all(&[
        ("/mode machine", "mode name=machine"),
        ("/passwd", "ask what=old_password"),
        ("password123", "ask what=new_password"),
        ("new", "ask what=same_again"),
        ("new", "password_changed"),
        ("/passwd", "ask what=old_password"),
        ("", "cancelled"),
        ("/ping", "pong text="),
    ]);
}
