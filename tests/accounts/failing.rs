//! Accounts over a failing store: nothing counts as done, and nobody is told otherwise.

use parlor::model::{DuplicateLogin, Registration};

use super::registration::{invitation, outcome};
use super::tokens::make;
use super::{line_of, login_as};
use crate::login::{NO, refusal};
use crate::support::failing_database::FailingDatabase;

const UNAVAILABLE: &str = "Registration failed: the account cannot be stored now; try again later.\n";

#[test]
fn a_name_stays_taken_until_its_old_data_is_deleted() {
    let (server, database) = FailingDatabase::under_server(|config| config.registration = Registration::Invite);
    let [mut bob] = server.login_all(["bob"]);
    bob.send("/msg alice for alice alone");
    bob.line_with("*** alice is not online;");
    let users = server.dir.path().join("users.txt");
    std::fs::write(&users, "bob:qwerty456\n").unwrap();
    server.handle.reload().unwrap();
    let good = invitation(&server);
    let history = || server.handle.hub().store().history(&"bob".parse().unwrap(), None, None, 9).unwrap().len();
    assert!(
        outcome(server.connect(), "alice none", "pw").starts_with("Registration failed: the invitation is unknown")
    );
    assert_eq!(history(), 1);
    database.refuse("INSERT ON cleared");
    assert_eq!(outcome(server.connect(), &format!("alice {good}"), "pw"), UNAVAILABLE);
    assert_eq!(line_of(&server, "alice"), "");
    database.repair(&server);
    let said = outcome(server.connect(), &format!("alice {good}"), "pw");
    assert!(said.starts_with("Welcome") && !said.contains("for alice alone"), "{said}");
    assert_eq!(history(), 1, "it stays with its author");
}

#[test]
fn a_token_revoked_without_a_store_no_longer_works() {
    let (server, database) = FailingDatabase::under_server(|config| config.duplicate_login = DuplicateLogin::Allow);
    let mut alice = server.login("alice");
    let (first, second) = (make(&mut alice, "first"), make(&mut alice, "second"));
    let mut script = login_as(&server, "alice", &first);
    database.refuse("DELETE ON token");
    alice.send("/token revoke first");
    alice.line_with("Error: Not stored yet: ");
    script.expect("*** The token of this session was revoked. Goodbye.");
    assert_eq!(refusal(&server, "alice", &first), NO);
    login_as(&server, "alice", &second).quiet();
    alice.ask("/token revoke first", &["Error: Token 'first' does not exist."]);
    database.repair(&server);
    assert_eq!(refusal(&server, "alice", &first), NO);
    login_as(&server, "alice", &second).quiet();
}

#[test]
fn a_failing_store_does_not_count_as_a_wrong_secret() {
    let (server, database) = FailingDatabase::under_server(|config| config.registration = Registration::Invite);
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
    database.refuse("DELETE ON invite");
    let register = || outcome(server.connect_from(host), &format!("zoe {good}"), "pw");
    say_each("a good invitation", &register, UNAVAILABLE);
    assert_eq!(line_of(&server, "zoe"), "");
    database.repair(&server);
    database.hide("token");
    let try_later = "Authentication failed: tokens cannot be checked now; try again later, or use your password.";
    for name in ["alice", "nobody"] {
        let login = || {
            let mut client = server.connect_from(host);
            client.give_name_and_password(name, &token);
            client.line()
        };
        say_each(name, &login, try_later);
    }
    database.show("token");
    assert!(register().starts_with("Welcome"), "no guess was counted");
    login_as(&server, "alice", &token).quiet();
}

#[test]
fn a_token_that_was_not_stored_never_appears() {
    let (server, database) = FailingDatabase::under_server(|_| ());
    let mut alice = server.login("alice");
    database.refuse("INSERT ON token");
    alice.ask("/token new ci", &["Error: The server cannot store that now; try again later, or ask its operator."]);
    database.repair(&server);
    alice.ask("/token list", &["You have no tokens; /token new <name> creates one."]);
    make(&mut alice, "ci");
}
