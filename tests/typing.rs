//! Notices of who is typing.

use parlor::model::DuplicateLogin;

use crate::support::TestServer;

#[test]
fn subscribers_see_who_is_typing_to_them() {
    let server = TestServer::with(|config| config.duplicate_login = DuplicateLogin::Allow);
    let [mut alice, mut bob, mut charlie] = server.login_all(["alice", "bob", "charlie"]);
    let mut phone = server.login("bob");
    bob.ask("/typing", &["Typing: off."]);
    bob.ask("/typing ON", &["Typing: on."]);
    charlie.ask("/typing on", &["Typing: on."]);
    alice.ask("/typing on", &["Typing: on."]);
    // The second one is too early to be shown, and neither is answered.
    alice.send("/typing BOB\n/typing bob");
    alice.quiet();
    bob.expect("*** alice is typing.");
    alice.ask("/msg bob hi", &["[to bob]: hi"]);
    bob.expect("[alice]: hi");
    phone.expect("[alice]: hi");
    charlie.quiet();
    bob.ask("/typing off", &["Typing: off."]);
    charlie.send("/typing bob\n/typing charlie");
    charlie.quiet();
    bob.quiet();
}

#[test]
fn typing_in_a_group_names_the_group() {
    let server = TestServer::start();
    let [mut alice, mut bob, mut charlie] = server.login_all(["alice", "bob", "charlie"]);
    alice.ask("/create_group g", &["Group g created."]);
    for other in [&mut bob, &mut charlie] {
        other.send("/mode machine\n/typing on\n/join_group g");
        other.expect("mode name=machine");
        other.expect("typings wanted=true");
        other.line_with("group_joined");
    }
    bob.line_with("member_joined");
    alice.line_with("bob has joined the group");
    alice.line_with("charlie has joined the group");
    alice.send("/typing #G");
    alice.quiet();
    bob.expect("typing from=alice to=#g");
    alice.send("/typing bob");
    alice.quiet();
    bob.expect("typing from=alice to=bob");
    charlie.expect("typing from=alice to=#g");
    for client in [&mut bob, &mut charlie] {
        client.ask("/ping", &["pong text="]);
    }
    charlie.ask("/typing off\n/mode plain\n/typing on", &["typings wanted=false", "Mode: plain.", "Typing: on."]);
    bob.ask("/typing #g\n/ping", &["pong text="]);
    charlie.expect("*** bob is typing in the group g.");
}

#[test]
fn typing_takes_the_right_to_send_messages_there() {
    let server = TestServer::start();
    let [mut alice, mut bob] = server.login_all(["alice", "bob"]);
    bob.ask("/create_group g", &["Group g created."]);
    bob.ask("/typing on", &["Typing: on."]);
    alice.ask("/typing #g", &["Error: You are not a member of group 'g'."]);
    alice.ask("/typing #h", &["Error: Group 'h' does not exist."]);
    alice.ask("/typing nobody", &["Error: User 'nobody' does not exist."]);
    alice.ask("/typing a b", &["Usage: /typing [on|off|<username>|#<group>]"]);
    // An offline user and one who ignores alice are told nothing, and alice cannot tell.
    bob.ask("/ignore alice", &["You now ignore alice; /unignore alice ends that."]);
    alice.send("/typing bob\n/typing charlie");
    alice.quiet();
    bob.quiet();
}
