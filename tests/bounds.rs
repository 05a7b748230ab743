//! Limits that take many users to reach and the errors at them; and a store that cannot be read.

use std::time::SystemTime;

use parlor::model::Report;
use parlor::store::Entry;

use crate::support::TestServer;
use crate::support::failing_database::FailingDatabase;

#[test]
fn a_user_owns_at_most_so_many_kept_groups() {
    let server = TestServer::start();
    let [mut alice, mut bob] = server.login_all(["alice", "bob"]);
    for n in 0..50 {
        alice.ask(&format!("/create_group g{n} keep"), &[&format!("Group g{n} created.")]);
    }
    alice.ask_all(&[
        ("/create_group one.more keep", "Error: You already own 50 kept groups, which is the limit."),
        ("/create_group one.more", "Group one.more created."),
        ("/group one.more keep", "Error: You already own 50 kept groups, which is the limit."),
    ]);
    // Transferring one frees its slot.
    bob.ask("/join_group g0", &["You joined the group g0."]);
    alice.send("/transfer bob g0");
    alice.line_with("made alice an admin");
    alice.ask("/group one.more keep", &["*** alice changed the group one.more: public, kept."]);
}

#[test]
fn open_reports_are_bounded() {
    let server = TestServer::start();
    let report =
        |number| Report { number, at: SystemTime::now(), by: None, about: format!("u{number}"), why: "x".into() };
    server.handle.hub().record((1..=1_000).map(|number| Entry::Reported(report(number))).collect()).unwrap();
    let mut alice = server.login("alice");
    alice.ask("/report bob rude", &["Error: There are already 1000 open reports, which is the limit."]);
    server.handle.hub().record(vec![Entry::ReportDone { number: 7 }]).unwrap();
    alice.ask("/report bob rude", &["Report 1001 filed. 0 operators are online."]);
}

#[test]
fn history_is_unavailable_while_the_store_fails() {
    let (server, database) = FailingDatabase::under_server(|_| ());
    let mut alice = server.login("alice");
    alice.ask("/msg alice note", &["[alice]: note", "[to alice]: note"]);
    database.hide("message");
    for line in ["/history", "/search note", "/delete 1", "/history bob"] {
        alice.send(line);
        let answer = alice.line();
        assert!(answer.starts_with("Error: Earlier messages cannot be read now: "), "{line}: {answer}");
        assert!(answer.ends_with(". Try /history later."), "{line}: {answer}");
    }
    database.show("message");
    alice.ask_past("/history", &["History:", "#1 {time} [to alice]: note"]);
}
