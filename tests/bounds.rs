//! Bounds that take many to reach, and what somebody is told who comes to one; and a store that cannot be read.

use std::time::SystemTime;

use parlor::model::Report;
use parlor::store::Entry;

use crate::support::TestServer;
use crate::support::failing_database::FailingDatabase;

#[test]
fn nobody_owns_more_kept_groups_than_one_may() {
    let server = TestServer::start();
    let [mut alice, mut bob] = server.login_all(["alice", "bob"]);
    for n in 0..50 {
        alice.ask(&format!("/create_group g{n} keep"), &[&format!("Group g{n} created.")]);
    }
    alice.ask_all(&[
        ("/create_group one.more keep", "Error: You own 50 kept groups already, which is the limit."),
        ("/create_group one.more", "Group one.more created."),
        ("/group one.more keep", "Error: You own 50 kept groups already, which is the limit."),
    ]);
    // Who gives one away may keep another.
    bob.ask("/join_group g0", &["You joined the group g0."]);
    alice.send("/transfer bob g0");
    alice.line_with("alice is an admin");
    alice.ask("/group one.more keep", &["*** alice changed the group one.more: public, kept."]);
}

#[test]
fn no_more_reports_wait_than_may() {
    let server = TestServer::start();
    let report =
        |number| Report { number, at: SystemTime::now(), by: None, about: format!("u{number}"), why: "x".into() };
    server.handle.hub().record((1..=1_000).map(|number| Entry::Reported(report(number))).collect()).unwrap();
    let mut alice = server.login("alice");
    alice.ask("/report bob rude", &["Error: 1000 reports wait already, which is the limit."]);
    server.handle.hub().record(vec![Entry::ReportDone { number: 7 }]).unwrap();
    alice.ask("/report bob rude", &["Report 1001 is kept for the operators; of them are here: 0."]);
}

#[test]
fn what_was_said_cannot_be_read_while_the_store_does_not_work() {
    let (server, database) = FailingDatabase::under_server(|_| ());
    let mut alice = server.login("alice");
    alice.ask("/msg alice note", &["[alice]: note", "[to alice]: note"]);
    database.hide("message");
    for line in ["/history", "/search note", "/delete 1", "/history bob"] {
        alice.send(line);
        let answer = alice.line();
        assert!(answer.starts_with("Error: What was said earlier cannot be read now: "), "{line}: {answer}");
        assert!(answer.ends_with(". Try again later with /history."), "{line}: {answer}");
    }
    database.show("message");
    alice.ask_past("/history", &["History:", "#1 {time} [to alice]: note"]);
}
