//! Accounts over a store that does not work: nothing is taken for done, and nobody is told something else.

use std::time::Duration;

use parlor::config::Config;
use parlor::model::{DuplicateLogin, Registration};
use rusqlite::Connection;

use super::registration::{invitation, outcome};
use super::tokens::make;
use super::{line_of, login_as};
use crate::login::{NO, refusal};
use crate::support::{TestServer, eventually};

const UNAVAILABLE: &str = "Registration failed: the account cannot be stored now; try again later.\n";

/// A server over a database, and a connection of ours to that.
fn over_database(change: impl FnOnce(&mut Config)) -> (TestServer, Connection) {
    let server = TestServer::with(|config| {
        config.data = Some(config.users.with_file_name("data"));
        change(config);
    });
    let other = Connection::open(server.dir.path().join("data/parlor.db")).unwrap();
    other.busy_timeout(Duration::from_secs(20)).unwrap();
    (server, other)
}

/// From now on the store cannot do this, such as `INSERT ON token`.
fn fail(database: &Connection, what: &str) {
    let sql = format!("CREATE TRIGGER failing BEFORE {what} BEGIN SELECT RAISE(ABORT, 'a test'); END");
    database.execute_batch(&sql).unwrap();
}

/// Lets the store work again, and waits until the server has noticed.
fn repair(server: &TestServer, database: &Connection) {
    database.execute_batch("DROP TRIGGER failing").unwrap();
    eventually("the store works again", || server.handle.hub().record(Vec::new()).is_ok());
}

#[test]
fn nobody_gets_a_name_whose_earlier_owner_cannot_be_forgotten() {
    let (server, database) = over_database(|config| config.registration = Registration::Invite);
    let [mut bob] = server.login_all(["bob"]);
    bob.send("/msg alice for alice alone");
    bob.line_with("*** alice is not online;");
    let users = server.dir.path().join("users.txt");
    std::fs::write(&users, "bob:qwerty456\n").unwrap();
    server.handle.reload().unwrap();
    let good = invitation(&server);
    let history = || server.handle.hub().store().history(&"alice".parse().unwrap(), None, None, 9).unwrap().len();
    assert!(
        outcome(server.connect(), "alice none", "pw").starts_with("Registration failed: the invitation is unknown")
    );
    assert_eq!(history(), 1, "who has no invitation makes nobody forgotten");
    fail(&database, "INSERT ON cleared");
    assert_eq!(outcome(server.connect(), &format!("alice {good}"), "pw"), UNAVAILABLE);
    assert_eq!(line_of(&server, "alice"), "");
    repair(&server, &database);
    let said = outcome(server.connect(), &format!("alice {good}"), "pw");
    assert!(said.starts_with("Welcome") && !said.contains("for alice alone"), "{said}");
    assert_eq!(history(), 0);
}

#[test]
fn a_token_whose_end_cannot_be_stored_opens_nothing() {
    let (server, database) = over_database(|config| config.duplicate_login = DuplicateLogin::Allow);
    let mut alice = server.login("alice");
    let (first, second) = (make(&mut alice, "first"), make(&mut alice, "second"));
    let mut script = login_as(&server, "alice", &first);
    fail(&database, "DELETE ON token");
    alice.send("/token revoke first");
    alice.line_with("Error: This could not be stored yet: ");
    script.expect("*** The token of this session was revoked. Goodbye.");
    assert_eq!(refusal(&server, "alice", &first), NO);
    login_as(&server, "alice", &second).quiet();
    alice.ask("/token revoke first", &["Error: Token 'first' does not exist."]);
    repair(&server, &database);
    assert_eq!(refusal(&server, "alice", &first), NO);
    login_as(&server, "alice", &second).quiet();
}

#[test]
fn a_store_that_fails_is_not_taken_for_a_wrong_token_or_invitation() {
    let (server, database) = over_database(|config| config.registration = Registration::Invite);
    let token = make(&mut server.login("alice"), "ci");
    let good = invitation(&server);
    let host = [127, 0, 0, 9];
    let say_each = |what: &str, say: &(dyn Fn() -> String + Sync), expected: &str| {
        // More often than an address may guess, and never more at once than it may register.
        (0..3).for_each(|_| {
            std::thread::scope(|scope| {
                let all: Vec<_> = (0..3).map(|_| scope.spawn(say)).collect();
                all.into_iter().for_each(|one| assert_eq!(one.join().unwrap(), expected, "{what}"));
            });
        });
    };
    fail(&database, "DELETE ON invite");
    let register = || outcome(server.connect_from(host), &format!("zoe {good}"), "pw");
    say_each("a good invitation", &register, UNAVAILABLE);
    assert_eq!(line_of(&server, "zoe"), "");
    repair(&server, &database);
    database.execute_batch("ALTER TABLE token RENAME TO away").unwrap();
    let try_later = "Authentication failed: tokens cannot be checked now; try again later, or use your password.";
    for name in ["alice", "nobody"] {
        let login = || {
            let mut client = server.connect_from(host);
            client.give_name_and_password(name, &token);
            client.line()
        };
        say_each(name, &login, try_later);
    }
    database.execute_batch("ALTER TABLE away RENAME TO token").unwrap();
    assert!(register().starts_with("Welcome"), "no guess was counted");
    login_as(&server, "alice", &token).quiet();
}

#[test]
fn a_token_that_could_not_be_stored_does_not_come_later() {
    let (server, database) = over_database(|_| ());
    let mut alice = server.login("alice");
    fail(&database, "INSERT ON token");
    alice.ask("/token new ci", &["Error: The server cannot store that now; try again later, or ask its operator."]);
    repair(&server, &database);
    alice.ask("/token list", &["You have no tokens; /token new <name> makes one."]);
    make(&mut alice, "ci");
}
