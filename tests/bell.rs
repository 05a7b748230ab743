//! The bell of a terminal before messages that mention its user.

use crate::support::TestServer;

#[test]
fn the_bell_rings_before_mentions() {
    let server = TestServer::start();
    let [mut alice, mut bob, mut charlie] = server.login_all(["alice", "bob", "charlie"]);
    alice.ask("/mode bell mentions", &["Mode: plain, bell for mentions."]);
    bob.ask("/create_group g", &["Group g created."]);
    alice.ask("/join_group g", &["You joined the group g."]);
    bob.expect("*** alice has joined the group g.");
    for (line, heard) in [
        ("/g g hi Alice!", "\x07[Group g][bob]: hi Alice!"),
        ("/g g hi malice", "[Group g][bob]: hi malice"),
        ("/msg alice hello", "[bob]: hello"),
        ("/msg alice @ALICE?", "\x07[bob]: @ALICE?"),
        ("/broadcast alice.", "\x07[Broadcast][bob]: alice."),
        ("/msg alice ring \x07 that", "[bob]: ring \u{FFFD} that"),
    ] {
        bob.send(line);
        bob.line();
        alice.expect(heard);
    }
    // Other recipients get no bell.
    charlie.expect("[Broadcast][bob]: alice.");
    bob.ask(
        "/talk #g\n/me greets alice",
        &["Plain text now goes to #g; /talk alone ends that.", "[Group g] * bob greets alice"],
    );
    alice.expect("\x07[Group g] * bob greets alice");
    alice.ask("/g g I, alice", &["[Group g][alice]: I, alice"]);
    alice.ask("/msg alice alice", &["[alice]: alice", "[to alice]: alice"]);
    alice.send("/history bob 1");
    alice.expect("History with bob:");
    alice.expect_past(&["#6 {time} [bob]: ring \u{FFFD} that", "There is more: /history bob 1 before #6"]);
}

#[test]
fn the_bell_rings_before_every_message_until_turned_off() {
    let server = TestServer::start();
    let [mut alice, mut bob] = server.login_all(["alice", "bob"]);
    alice.ask("/mode ids on", &["Mode: plain, with ids."]);
    alice.ask("/mode bell ALL", &["Mode: plain, with ids, bell for all messages."]);
    bob.ask("/msg alice hi", &["[to alice]: hi"]);
    alice.expect("\x07#1 [bob]: hi");
    alice.ask("/msg bob hi", &["#2 [to bob]: hi"]);
    alice.ask("/mode machine", &["mode name=machine ids=true bell=all"]);
    bob.send("/msg alice hi alice");
    assert!(alice.line().starts_with("private id=3 "));
    alice.ask("/mode plain", &["Mode: plain, with ids, bell for all messages."]);
    alice.ask("/mode ids off", &["Mode: plain, bell for all messages."]);
    bob.send("/msg alice back");
    alice.expect("\x07[bob]: back");
    alice.ask("/mode bell off", &["Mode: plain."]);
    bob.send("/msg alice alice");
    alice.expect("[bob]: alice");
    alice.ask("/mode bell loud", &["Usage: /mode [plain|machine|ids <on|off>|bell <off|mentions|all>]"]);
}

#[test]
fn the_bell_at_an_open_question_is_on_a_new_line() {
    let server = TestServer::start();
    let [mut alice, mut bob] = server.login_all(["alice", "bob"]);
    alice.ask("/mode bell mentions", &["Mode: plain, bell for mentions."]);
    alice.send("/passwd");
    alice.expect_bytes("Old password: ");
    bob.send("/msg alice alice");
    alice.expect_bytes("\n\x07[bob]: alice\n");
}
