//! Ephemeral groups: nothing is stored, and everything else works as in other groups.

use parlor::model::StoreAddress;

use crate::support::TestServer;

#[test]
fn actions_and_ignoring_work_in_ephemeral_groups() {
    let dir = tempfile::tempdir().unwrap();
    for data in [StoreAddress::Memory, StoreAddress::Folder(dir.path().join("data"))] {
        speak_in_the_mist(&TestServer::with(|config| config.data = data));
    }
}

fn speak_in_the_mist(server: &TestServer) {
    let [mut alice, mut bob, mut charlie] = server.login_all(["alice", "bob", "charlie"]);
    alice.ask("/create_group mist ephemeral", &["Group mist created."]);
    bob.send("/join_group mist");
    bob.expect("You joined the group mist.");
    charlie.send("/join_group mist");
    charlie.expect("You joined the group mist.");
    bob.expect("*** charlie has joined the group mist.");
    alice.expect("*** bob has joined the group mist.");
    alice.expect("*** charlie has joined the group mist.");
    charlie.ask("/ignore alice", &["You now ignore alice; /unignore alice ends that."]);
    alice.ask("/talk #mist", &["Plain text now goes to #mist; /talk alone ends that."]);
    // Stored and ephemeral messages keep their order, even within one batch.
    alice.send("/me waves\n/msg bob one\nhello\n/msg bob two");
    for line in ["[Group mist] * alice waves", "[to bob]: one", "[Group mist][alice]: hello", "[to bob]: two"] {
        alice.expect(line);
    }
    for line in ["[Group mist] * alice waves", "[alice]: one", "[Group mist][alice]: hello", "[alice]: two"] {
        bob.expect(line);
    }
    charlie.quiet();
    bob.ask("/search hello", &["No message contains all of these words."]);
}

#[test]
fn typing_does_not_reveal_a_private_group() {
    let server = TestServer::start();
    let [mut alice, mut bob] = server.login_all(["alice", "bob"]);
    alice.ask("/create_group den private", &["Group den created."]);
    alice.ask("/typing on", &["Typing: on."]);
    bob.ask("/typing #den", &["Error: Group 'den' does not exist."]);
    alice.quiet();
}
