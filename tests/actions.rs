//! Actions (`/me`): live, in the history, and for programs.

use crate::support::TestServer;

/// A line for programs without its id and time.
fn stable(line: &str) -> String {
    let fields = line.split(' ').filter(|field| !field.starts_with("id=") && !field.starts_with("at="));
    fields.collect::<Vec<_>>().join(" ")
}

#[test]
fn an_action_goes_to_the_talk_target() {
    let server = TestServer::start();
    let [mut alice, mut bob] = server.login_all(["alice", "bob"]);
    let nobody = "Error: Not sent: use /msg <username> <message>, or choose a conversation with /talk.";
    alice.ask("/me waves", &[nobody]);
    alice.ask("/talk bob", &["Plain text now goes to bob; /talk alone ends that."]);
    alice.ask("/me", &["Usage: /me <action>"]);
    alice.ask("/me  waves  twice", &["[to bob] * alice waves  twice"]);
    bob.expect("[alice] * alice waves  twice");
    alice.ask("/me waves", &["[to bob] * alice waves"]);
    bob.expect("[alice] * alice waves");
}

#[test]
fn an_action_is_stored_as_an_action() {
    let server = TestServer::start();
    let [mut alice, mut bob] = server.login_all(["alice", "bob"]);
    bob.ask("/mode ids on", &["Mode: plain, with ids."]);
    alice.send("/create_group lunch\n/talk #lunch\n/me cooks tomato soup\nready");
    alice.line_with("Plain text");
    alice.expect("[Group lunch] * alice cooks tomato soup");
    alice.expect("[Group lunch][alice]: ready");
    alice.ask_past("/search soup", &["Found:", "#1 {time} [Group lunch] * alice cooks tomato soup"]);
    alice.send("/delete 1");
    alice.expect("*** alice deleted #1.");
    let past =
        ["History of #lunch:", "#1 {time} [Group lunch][alice] (deleted)", "#2 {time} [Group lunch][alice]: ready"];
    alice.ask_past("/history", &past);
    alice.send("/talk bob\n/me leaves");
    alice.line_with("[to bob] * alice leaves");
    bob.expect("#3 [alice] * alice leaves");
    bob.ask_past("/history alice", &["History with alice:", "#3 {time} [alice] * alice leaves"]);
    alice.ask_past("/history bob", &["History with bob:", "#3 {time} [to bob] * alice leaves"]);
}

#[test]
fn a_missed_action_is_shown_as_an_action() {
    let server = TestServer::start();
    let mut alice = server.login("alice");
    alice.send("/talk bob\n/me waves");
    alice.line_with("is kept until");
    let mut bob = server.login("bob");
    bob.expect("*** 1 message came while you were away:");
    bob.expect_past(&["#1 {time} [alice] * alice waves"]);
}

#[test]
fn an_action_is_a_message_with_one_more_field() {
    let server = TestServer::start();
    let [mut alice, mut bob] = server.login_all(["alice", "bob"]);
    alice.ask("/mode machine", &["mode name=machine"]);
    bob.ask("/mode machine", &["mode name=machine"]);
    alice.ask("/talk bob", &["talking to=bob"]);
    alice.send("/me waves");
    assert_eq!(stable(&alice.line()), "sent to=bob action=true text=waves");
    assert_eq!(stable(&bob.line()), "private from=alice action=true text=waves");
    alice.send("/history bob");
    alice.expect("history of=bob count=1");
    assert_eq!(stable(&alice.line()), "past from=alice to=bob action=true text=waves");
    alice.send("/create_group g\n/talk #g\n/me nods");
    alice.line_with("talking");
    assert_eq!(stable(&alice.line()), "group group=g from=alice action=true text=nods");
}
