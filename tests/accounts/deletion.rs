//! `/delete_account`: what ends, what stays, and that nobody can take over the name.

use std::process::Stdio;

use parlor::model::{DuplicateLogin, Registration};

use super::{HIDE, SHOW, answer, line_of, login_as, telnet};
use crate::login::{NO, refusal};
use crate::support::{Daemon, TestClient, TestServer, WELCOME, parlord};

const GONE: &str = "*** Your account is deleted. Goodbye.";

fn delete(client: &mut TestClient, password: &str) {
    client.send("/delete_account");
    answer(client, &[("Your password: ", password)]);
}

#[test]
fn deleting_an_account_ends_sessions_and_reserves_its_name() {
    let server = TestServer::with(|config| {
        config.duplicate_login = DuplicateLogin::Allow;
        config.registration = Registration::Open;
    });
    let [mut bob, mut desk] = server.login_all(["bob", "alice"]);
    bob.ask("/talk alice", &["Plain text now goes to alice; /talk alone ends that."]);
    let mut phone = server.login("alice");
    desk.send("/token new ci");
    desk.expect("Token ci created. It is shown only once:");
    let token = desk.line();
    desk.expect("Use it as your password when you log in. It is valid until you revoke it.");
    delete(&mut desk, "password123");
    for session in [&mut desk, &mut phone] {
        session.expect(GONE);
        session.expect_end();
    }
    bob.expect("*** alice has left the chat.");
    let store = server.handle.hub().store();
    assert_eq!(store.last_seen(&"alice".parse().unwrap()), Ok(None), "what leaving wrote down is forgotten too");
    assert_eq!(line_of(&server, "alice"), "alice:$deleted$");
    for reread in [false, true] {
        std::thread::scope(|scope| {
            for secret in ["password123", "$deleted$", "", &token] {
                let server = &server;
                scope.spawn(move || assert_eq!(refusal(server, "alice", secret), NO, "{secret} {reread}"));
            }
        });
        bob.ask("/msg alice hi", &["Error: User 'alice' does not exist."]);
        bob.ask("hi", &["Error: User 'alice' does not exist."]);
        bob.ask("/whois alice", &["Error: User 'alice' does not exist."]);
        server.handle.reload().unwrap();
    }
    let mut again = server.connect();
    again.send_raw("/register Alice\nx\nx\n");
    again.expect_bytes("Enter username: Enter password: Repeat password: Registration failed: the name is taken.\n");
    assert!(server.handle.hub().store().tokens(&"alice".parse().unwrap()).unwrap().is_empty());
    bob.quiet();
}

#[test]
fn a_wrong_password_or_none_keeps_the_account() {
    let server = TestServer::start();
    let mut alice = server.login("alice");
    delete(&mut alice, "qwerty456");
    alice.expect("Error: That is not your password; nothing was changed.");
    delete(&mut alice, "");
    alice.expect("Cancelled. No changes were made.");
    alice.send("/token new ci");
    alice.expect("Token ci created. It is shown only once:");
    let token = alice.line();
    alice.line();
    delete(&mut alice, &token);
    alice.expect("Error: That is not your password; nothing was changed.");
    alice.ask("/delete_account bob", &["Usage: /delete_account"]);
    assert_eq!(line_of(&server, "alice"), "alice:password123");
}

#[test]
fn telnet_shows_typing_again_before_the_last_words() {
    let server = TestServer::start();
    let mut alice = telnet(&server, "alice", "password123");
    alice.send("/delete_account\r\n");
    alice.expect_exact(&[HIDE, b"Your password: "].concat());
    alice.send("password123\r\n");
    alice.expect_exact(&[SHOW, GONE.as_bytes(), b"\r\n"].concat());
}

#[test]
fn the_operator_sees_the_name_and_may_free_it() {
    let daemon = Daemon::start(&["--registration", "open"]);
    let mut zoe = daemon.login("alice");
    delete(&mut zoe, "password123");
    zoe.expect(GONE);
    let user = |words: &[&str]| {
        let output = parlord(daemon.dir.path()).arg("user").args(words).stderr(Stdio::piped()).output().unwrap();
        String::from_utf8([output.stdout, output.stderr].concat()).unwrap()
    };
    assert!(user(&["list"]).lines().any(|line| line.starts_with("alice ") && line.ends_with(" deleted")));
    let kept = "parlord: users.txt: user 'alice' was deleted; `parlord user remove alice` frees the name\n";
    assert_eq!((user(&["add", "Alice"]).as_str(), user(&["passwd", "alice"]).as_str()), (kept, kept));
    assert!(user(&["remove", "alice"]).starts_with("Removed alice."));
    daemon.signal("HUP");
    daemon.await_log("users reloaded count=1006");
    let mut new = daemon.connect();
    new.send_raw("/register alice\nx\nx\n");
    new.expect_bytes("Enter username: Enter password: Repeat password: ");
    new.expect(WELCOME);
    assert!(daemon.log().contains("account deleted user=alice addr=127.0.0.1 port="));
}

#[test]
fn names_may_be_deleted_by_hand() {
    let server = TestServer::with(|config| std::fs::write(&config.users, "alice:$deleted$\nbob:qwerty456\n").unwrap());
    assert_eq!(refusal(&server, "alice", "$deleted$"), NO);
    login_as(&server, "bob", "qwerty456").quiet();
}
