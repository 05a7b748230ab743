//! Being told who is typing.

use parlor::model::DuplicateLogin;

use crate::support::TestServer;

#[test]
fn who_asks_for_it_is_told_who_is_typing_to_him() {
    let server = TestServer::with(|config| config.duplicate_login = DuplicateLogin::Allow);
    let [mut alice, mut bob, mut charlie] = server.login_all(["alice", "bob", "charlie"]);
    let mut phone = server.login("bob");
    bob.ask("/typing", &["Typing: off."]);
    bob.ask("/typing ON", &["Typing: on."]);
    charlie.ask("/typing on", &["Typing: on."]);
    alice.ask("/typing on", &["Typing: on."]);
    // The second one comes too early to be told, and neither is answered.
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
fn a_group_is_told_apart_from_a_user() {
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
fn who_may_say_nothing_there_may_not_tell_that_he_is_typing() {
    let server = TestServer::start();
    let [mut alice, mut bob] = server.login_all(["alice", "bob"]);
    bob.ask("/create_group g", &["Group g created."]);
    bob.ask("/typing on", &["Typing: on."]);
    alice.ask("/typing #g", &["Error: You are not a member of group 'g'."]);
    alice.ask("/typing #h", &["Error: Group 'h' does not exist."]);
    alice.ask("/typing nobody", &["Error: User 'nobody' does not exist."]);
    alice.ask("/typing a b", &["Usage: /typing [on|off|<username>|#<group>]"]);
    // One who is away, and one who ignores her, are told nothing, and she cannot tell.
    bob.ask("/ignore alice", &["You now ignore alice; /unignore alice ends that."]);
    alice.send("/typing bob\n/typing charlie");
    alice.quiet();
    bob.quiet();
}
