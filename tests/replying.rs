//! `/reply`: to the last sender, or else to the last recipient.

use parlor::model::DuplicateLogin;

use crate::support::TestServer;

const NOBODY: &str = "Error: There is nobody to reply to yet; start with /msg <username> <message>.";

#[test]
fn a_reply_goes_to_the_last_sender() {
    let server = TestServer::start();
    let [mut alice, mut bob, mut charlie] = server.login_all(["alice", "bob", "charlie"]);
    alice.ask("/reply hi", &[NOBODY]);
    alice.ask("/reply", &["Usage: /reply <message>"]);
    alice.ask("/msg alice memo", &["[alice]: memo", "[to alice]: memo"]);
    alice.ask("/reply hi", &[NOBODY]);
    bob.ask("/msg alice one", &["[to alice]: one"]);
    alice.expect("[bob]: one");
    alice.ask("/msg charlie you", &["[to charlie]: you"]);
    charlie.expect("[alice]: you");
    alice.ask("/r  two  three", &["[to bob]: two  three"]);
    bob.expect("[alice]: two  three");
    charlie.ask("/R four", &["[to alice]: four"]);
    alice.expect("[charlie]: four");
    alice.ask("/reply five", &["[to charlie]: five"]);
    charlie.expect("[alice]: five");
    bob.quiet();
}

#[test]
fn without_a_sender_a_reply_goes_to_the_last_recipient() {
    let server = TestServer::start();
    let [mut alice, mut bob] = server.login_all(["alice", "bob"]);
    // Also when both lines arrive in one read and nothing was delivered in between.
    alice.ask("/msg bob one\n/reply two", &["[to bob]: one", "[to bob]: two"]);
    bob.ask("", &["[alice]: one", "[alice]: two"]);
    alice.ask(
        "/create_group g\n/g g three\n/reply four",
        &["Group g created.", "[Group g][alice]: three", "[to bob]: four"],
    );
    bob.expect("[alice]: four");
}

#[test]
fn a_missed_message_can_be_replied_to() {
    let server = TestServer::start();
    let [mut bob, mut charlie] = server.login_all(["bob", "charlie"]);
    for (sender, name) in [(&mut charlie, "charlie"), (&mut bob, "bob")] {
        sender.send(&format!("/msg alice from {name}"));
        sender.line_with("is kept until");
    }
    let mut alice = server.login("alice");
    alice.expect("*** 2 messages came while you were away:");
    alice.expect_past(&["#1 {time} [charlie]: from charlie", "#2 {time} [bob]: from bob"]);
    alice.ask("/reply here I am", &["[to bob]: here I am"]);
}

#[test]
fn all_sessions_of_a_user_reply_to_the_same_user() {
    let server = TestServer::with(|config| config.duplicate_login = DuplicateLogin::Allow);
    let [mut phone, mut bob] = server.login_all(["alice", "bob"]);
    let mut desk = server.login("alice");
    phone.ask("/msg bob one", &["[to bob]: one"]);
    desk.expect("[to bob]: one");
    desk.ask("/reply two", &["[to bob]: two"]);
    bob.ask("", &["[alice]: one", "[alice]: two"]);
}

#[test]
fn a_reply_never_reaches_a_different_guest() {
    let server = TestServer::with(|config| config.guests = true);
    let mut alice = server.login("alice");
    let come = || {
        let mut guest = server.connect();
        guest.give_name_and_password("guest", "");
        guest.line_with("You are guest-1.");
        guest
    };
    let mut guest = come();
    guest.ask("/msg alice hi", &["[to alice]: hi"]);
    guest.send("/quit");
    guest.expect_end();
    alice.line_with("guest-1 has left the chat.");
    let mut next = come();
    alice.line_with("guest-1 has joined the chat.");
    alice.ask("/reply as I said", &[NOBODY]);
    next.quiet();
}
