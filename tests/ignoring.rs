//! Ignoring a user, who cannot tell.

use parlor::model::{DuplicateLogin, StoreAddress};

use crate::support::{Daemon, TestServer};

const IGNORED: &str = "You now ignore bob; /unignore bob ends that.";

#[test]
fn an_ignored_user_is_answered_but_hidden() {
    let server = TestServer::start();
    let [mut alice, mut bob, mut charlie] = server.login_all(["alice", "bob", "charlie"]);
    bob.ask("/create_group g", &["Group g created."]);
    alice.ask("/join_group g", &["You joined the group g."]);
    bob.expect("*** alice has joined the group g.");
    alice.ask("/ignore BOB", &[IGNORED]);
    bob.ask("/msg alice psst", &["[to alice]: psst"]);
    bob.ask("/group_msg g hello", &["[Group g][bob]: hello"]);
    bob.ask("/broadcast soup", &["[Broadcast][bob]: soup"]);
    bob.ask(
        "/talk alice\n/me waves",
        &["Plain text now goes to alice; /talk alone ends that.", "[to alice] * bob waves"],
    );
    bob.ask("/delete 1", &["*** bob deleted #1."]);
    charlie.expect("[Broadcast][bob]: soup");
    alice.quiet();
    // The ignored user is online and still sees alice's messages.
    alice.ask("/msg bob hi", &["[to bob]: hi"]);
    bob.expect("[alice]: hi");
    bob.ask("/leave_group g", &["You left the group g."]);
    alice.expect("*** bob has left the group g.");
    charlie.ask("/msg alice hi", &["[to alice]: hi"]);
    alice.expect("[charlie]: hi");
    alice.ask_past("/history bob", &["History with bob:", "#5 {time} [to bob]: hi"]);
    alice.ask_past("/search soup", &["No message contains all of these words."]);
    // /reply never goes to an ignored user by mistake.
    alice.ask("/reply you?", &["[to charlie]: you?"]);
    alice.ask("/unignore bob", &["You no longer ignore bob."]);
    alice.ask_past("/search soup", &["Found:", "#3 {time} [Broadcast][bob]: soup"]);
    bob.ask("/msg alice again", &["[to alice]: again"]);
    alice.expect("[bob]: again");
}

#[test]
fn errors_are_reported_and_the_list_is_sorted() {
    let server = TestServer::start();
    let mut alice = server.login("alice");
    alice.ask("/ignore", &["You ignore nobody."]);
    alice.ask("/ignore nobody", &["Error: User 'nobody' does not exist."]);
    alice.ask("/ignore alice", &["Error: You cannot ignore yourself."]);
    alice.ask("/ignore a b", &["Usage: /ignore [<username>]"]);
    alice.ask("/unignore", &["Usage: /unignore <username>"]);
    alice.ask("/unignore bob", &["Error: You are not ignoring 'bob'."]);
    alice.ask("/unignore _", &["Error: User '_' does not exist."]);
    alice.ask("/ignore charlie", &["You now ignore charlie; /unignore charlie ends that."]);
    (0..2).for_each(|_| alice.ask("/ignore bob", &[IGNORED]));
    alice.ask("/ignore", &["You ignore:", "bob", "charlie"]);
    alice.send("/mode machine");
    alice.ask("", &["mode name=machine"]);
    alice.ask("/ignore", &["ignores names=bob,charlie"]);
    alice.ask("/ignore david", &["ignored user=david"]);
    alice.ask("/unignore DAVID", &["unignored user=david"]);
    alice.ask("/unignore david", &["error code=not_ignored text=Error: You are not ignoring 'david'."]);
}

#[test]
fn the_number_of_ignored_users_is_limited() {
    let server = TestServer::start();
    let mut alice = server.login("alice");
    for n in 0..200 {
        alice.ask(&format!("/ignore user{n}"), &[&format!("You now ignore user{n}; /unignore user{n} ends that.")]);
    }
    alice.ask("/ignore bob", &["Error: You already ignore 200 users, which is the limit."]);
    alice.ask("/ignore user7", &["You now ignore user7; /unignore user7 ends that."]);
    alice.ask("/unignore user7", &["You no longer ignore user7."]);
    alice.ask("/ignore bob", &[IGNORED]);
}

#[test]
fn ignoring_covers_all_sessions_and_survives_a_restart() {
    let mut daemon = Daemon::start(&["--data", "data", "--duplicate-login", "allow"]);
    let [mut desk, mut phone] = [daemon.login("alice"), daemon.login("alice")];
    desk.ask("/ignore bob", &[IGNORED]);
    let mut bob = daemon.login("bob");
    bob.ask("/msg alice one", &["[to alice]: one"]);
    for alice in [&mut desk, &mut phone] {
        alice.expect("*** bob has joined the chat.");
        alice.quiet();
    }
    daemon.kill();
    daemon.restart(&["--data", "data", "--duplicate-login", "allow"]);
    let mut bob = daemon.login("bob");
    bob.ask(
        "/msg alice two",
        &["[to alice]: two", "*** alice is not online; your message is kept until the next login."],
    );
    let mut alice = daemon.login("alice");
    alice.ask("/ignore", &["You ignore:", "bob"]);
    bob.expect("*** alice has joined the chat.");
    bob.ask("/msg alice three", &["[to alice]: three"]);
    alice.quiet();
    alice.ask("/unignore bob", &["You no longer ignore bob."]);
    let past = ["#1 {time} [bob]: one", "#2 {time} [bob]: two", "#3 {time} [bob]: three"];
    alice.ask_past("/history bob", &[&["History with bob:"], &past[..]].concat());
}

#[test]
fn receipts_do_not_reveal_who_is_ignored() {
    let server = TestServer::with(|config| config.data = StoreAddress::Folder(config.users.with_file_name("data")));
    let mut alice = server.login("alice");
    alice.ask("/ignore bob", &[IGNORED]);
    let mut bob = server.login("bob");
    alice.expect("*** bob has joined the chat.");
    bob.ask("/receipts on", &["Receipts: on."]);
    bob.ask("/msg alice one", &["[to alice]: one", "*** alice has received #1."]);
    alice.send("/quit");
    alice.expect_end();
    bob.expect("*** alice has left the chat.");
    bob.ask(
        "/msg alice two",
        &["[to alice]: two", "*** alice is not online; your message is kept until the next login."],
    );
    let mut alice = server.login("alice");
    bob.expect("*** alice has joined the chat.");
    bob.expect("*** alice has received #2.");
    alice.quiet();
    // A later login shows nothing either.
    alice.send("/quit");
    alice.expect_end();
    bob.expect("*** alice has left the chat.");
    let mut alice = server.login("alice");
    bob.expect("*** alice has joined the chat.");
    alice.quiet();
    bob.quiet();
}

#[test]
fn an_ignored_user_does_not_disturb_an_open_question() {
    let server = TestServer::start();
    let [mut alice, mut bob] = server.login_all(["alice", "bob"]);
    alice.ask("/ignore bob", &[IGNORED]);
    alice.send("/passwd");
    alice.expect_bytes("Old password: ");
    bob.ask("/msg alice psst", &["[to alice]: psst"]);
    alice.send("");
    alice.expect("Cancelled. No changes were made.");
}

#[test]
fn ignoring_a_guest_ends_when_the_guest_leaves() {
    let server = TestServer::with(|config| {
        config.guests = true;
        config.duplicate_login = DuplicateLogin::Allow;
    });
    let mut alice = server.login("alice");
    let come = || {
        let mut guest = server.connect();
        guest.give_name_and_password("guest", "");
        guest.line_with("You are guest-1.");
        guest
    };
    let mut guest = come();
    alice.expect("*** guest-1 has joined the chat.");
    guest.ask("/ignore alice", &["You now ignore alice; /unignore alice ends that."]);
    alice.ask("/ignore Guest-1", &["You now ignore guest-1; /unignore guest-1 ends that."]);
    guest.ask("/msg alice one", &["[to alice]: one"]);
    alice.ask("/msg guest-1 one", &["[to guest-1]: one"]);
    guest.quiet();
    guest.send("/quit");
    guest.expect_end();
    alice.expect("*** guest-1 has left the chat.");
    let mut next = come();
    alice.expect("*** guest-1 has joined the chat.");
    next.ask("/ignore", &["You ignore nobody."]);
    next.ask("/msg alice two", &["[to alice]: two"]);
    alice.expect("[guest-1]: two");
    alice.ask("/ignore", &["You ignore nobody."]);
}
