//! Replies: queries, help, names in any case, and wording that scripts can rely on.

use parlor::command::COMMANDS;
use parlor::model::Role;
use parlor::store::Entry;

use crate::support::{TestClient, TestServer, WELCOME};

/// Words that scripts look for: in no success, and in every failure of a group command.
const ALARMS: [&str; 4] = ["fail", "error", "exist", "not"];

#[test]
fn names_and_commands_ignore_case() {
    let server = TestServer::start();
    let mut alice = server.connect();
    alice.give_name_and_password("ALICE", "password123");
    alice.expect(WELCOME);
    alice.line();
    alice.ask(
        "/WHOAMI",
        &[&format!("You are alice, connected from {}, sessions: 1, groups: none.", alice_address(&alice))],
    );
    alice.ask("/W Alice hi", &["[alice]: hi", "[to alice]: hi"]);
    alice.ask("/Create Rust", &["Group Rust created."]);
    alice.ask("/G rUST hi", &["[Group Rust][alice]: hi"]);
    alice.ask("/LIST_USERS", &["Online users:", "alice"]);
    alice.ask("/List_Groups", &["Groups:", "Rust"]);
    alice.ask("/LEAVE RUST", &["You left the group Rust. It is empty now and was deleted."]);
    alice.ask("  /ping  a  b  ", &["Pong: a  b"]);
    alice.send("");
    alice.send("   ");
    alice.quiet();
    alice.send("/LOGOUT");
    alice.expect_end();
}

fn alice_address(client: &TestClient) -> String {
    client.stream().local_addr().unwrap().to_string()
}

#[test]
fn queries_show_users_and_groups() {
    let server = TestServer::start();
    let [mut bob, mut alice] = server.login_all(["bob", "alice"]);
    let none = "There are no groups yet; /create_group creates one.";
    alice.ask("/users", &["Online users:", "alice", "bob"]);
    alice.ask_all(&[("/groups", none), ("/groups_users", none)]);
    alice.ask_all(&[("/create_group zeta", "Group zeta created."), ("/create_group beta", "Group beta created.")]);
    bob.ask("/join_group zeta", &["You joined the group zeta."]);
    alice.expect("*** bob has joined the group zeta.");
    alice.ask("/groups", &["Groups:", "beta", "zeta"]);
    alice.ask("/groups_users", &["Groups and their members:", "beta: alice", "zeta: alice, bob"]);
    alice.ask("/talk #ZETA", &["Plain text now goes to #zeta; /talk alone ends that."]);
    let address = alice_address(&alice);
    let expected =
        format!("You are alice, connected from {address}, sessions: 1, groups: beta, zeta. Plain text goes to #zeta.");
    alice.ask("/whoami", &[&expected]);
    alice.ask_all(&[("/ping", "Pong."), ("/ping 42", "Pong: 42")]);
}

#[test]
fn help_comes_from_the_command_table() {
    let server = TestServer::start();
    let mut alice = server.login("alice");
    alice.ask("/help", &["Commands:"]);
    for spec in COMMANDS.iter().filter(|spec| spec.role == Role::User) {
        // A long usage has a line of its own.
        let mut line = alice.line();
        if line == format!("  {}", spec.usage) {
            line = alice.line();
            assert!(line.starts_with("   "), "{line}");
        } else {
            assert!(line.starts_with(&format!("  {} ", spec.usage)), "{line}");
        }
        assert!(line.ends_with(spec.help), "{line}");
    }
    alice.expect("/help <command> describes one of them.");
    for form in ["/help msg", "/help /msg", "/HELP W"] {
        alice.ask(form, &["/msg <username> <message>: send a private message to a user"]);
        alice.line();
        alice.expect("Also: /w");
        alice.expect("Example: /msg bob are you there?");
    }
    alice.quiet();
}

#[test]
fn scripts_can_tell_success_from_failure() {
    let server = TestServer::start();
    // So that alice sees all of the help.
    let role = Entry::Role { user: "alice".parse().unwrap(), role: Role::Admin };
    server.handle.hub().record(vec![role]).unwrap();
    let alarming = |text: &str| ALARMS.iter().any(|word| text.to_lowercase().contains(word));
    let mut alice = server.connect();
    alice.give_name_and_password("alice", "password123");
    let welcome = [alice.line(), alice.line()].join("\n");
    let mut bob = server.login("bob");
    let script = "/msg bob hi\n/broadcast hi\n/create g\n/join h\n/users\n/groups\n/groups_users\n/g g hi\n/talk #g\nhi\n\
        /talk\n/whoami\n/ping\n/help\n/leave g\n/groups\n";
    bob.ask("/create h", &["Group h created."]);
    alice.send_raw(script);
    for spec in COMMANDS {
        alice.send(&format!("/help {}", spec.name));
    }
    alice.send("/quit");
    let said = welcome + &String::from_utf8(alice.read_to_end()).unwrap();
    assert!(said.lines().count() > 70 && !said.lines().any(alarming), "{said}");
    let heard = bob.line_with("left the chat");
    assert!(!alarming(&heard), "{heard}");
    for line in ["/create h", "/create ?", "/join x", "/join h", "/leave x", "/group_msg x hi"] {
        bob.send(line);
        let answer = bob.line();
        assert!(answer.starts_with("Error: ") && alarming(&answer), "{answer}");
    }
}
