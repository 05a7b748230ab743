//! Guests: their names, their rights, and that nothing is stored for them.

use parlor::config::Config;
use parlor::server::Server;

use super::{HIDE, HINT, SHOW};
use crate::login::{NO, refusal};
use crate::support::{TestClient, TestServer, WELCOME, eventually};

fn server() -> TestServer {
    TestServer::with(|config| config.guests = true)
}

/// Logs in as a guest who gets this name.
fn guest(server: &TestServer, name: &str) -> TestClient {
    let mut client = server.connect();
    client.give_name_and_password("guest", "whatever");
    client.expect(WELCOME);
    client.expect(HINT);
    client.expect(&format!("You are {name}."));
    client
}

#[test]
fn each_guest_gets_the_smallest_free_number() {
    let server = server();
    let mut first = guest(&server, "guest-1");
    let mut second = guest(&server, "guest-2");
    first.expect("*** guest-2 has joined the chat.");
    first.send("/quit");
    second.expect("*** guest-1 has left the chat.");
    let mut third = guest(&server, "guest-1");
    second.expect("*** guest-1 has joined the chat.");
    third.ask("/users", &["Online users:", "guest-1", "guest-2"]);
    second.quiet();
}

#[test]
fn simultaneous_guests_get_different_names() {
    let server = TestServer::with(|config| {
        config.guests = true;
        config.limits.max_guests = 10;
    });
    let mut said: Vec<String> = std::thread::scope(|scope| {
        let come = || {
            let mut client = server.connect();
            client.give_name_and_password("GUEST", "");
            let first = client.line();
            let named = if first == WELCOME { client.line_with("You are ") } else { first };
            (named, client)
        };
        let all: Vec<_> = (0..12).map(|_| scope.spawn(come)).collect();
        // Each stays until all have logged in.
        let all: Vec<_> = all.into_iter().map(|one| one.join().unwrap()).collect();
        all.into_iter().map(|(named, _)| named).collect()
    });
    said.sort();
    said.dedup();
    let full = "Authentication failed: there are already 10 guests, which is the limit.";
    assert_eq!((said.len(), said[0].as_str()), (11, full), "{said:?}");
}

#[test]
fn guests_send_and_receive_while_they_are_online() {
    let server = server();
    let mut bob = server.login("bob");
    let mut guest = guest(&server, "guest-1");
    bob.expect("*** guest-1 has joined the chat.");
    guest.ask("/create_group tea", &["Group tea created."]);
    bob.ask("/join_group tea", &["You joined the group tea."]);
    guest.expect("*** bob has joined the group tea.");
    guest.ask("/g tea hi", &["[Group tea][guest-1]: hi"]);
    bob.expect("[Group tea][guest-1]: hi");
    bob.ask("/msg GUEST-1 hello", &["[to guest-1]: hello"]);
    guest.ask("/msg bob yes", &["[bob]: hello", "[to bob]: yes"]);
    bob.expect("[guest-1]: yes");
    bob.ask("/msg guest-2 hi", &["Error: User 'guest-2' does not exist."]);
    guest.send("/quit");
    bob.expect("*** guest-1 has left the chat.");
    bob.ask_all(&[
        ("/msg guest-1 hi", "Error: User 'guest-1' does not exist."),
        ("/whois guest-1", "Error: User 'guest-1' does not exist."),
        ("/groups_users", "Groups and their members:"),
    ]);
    bob.expect("tea: bob");
}

#[test]
fn plain_text_never_reaches_a_later_guest_of_that_name() {
    let server = server();
    let mut bob = server.login("bob");
    let mut first = guest(&server, "guest-1");
    bob.expect("*** guest-1 has joined the chat.");
    bob.ask("/talk guest-1", &["Plain text now goes to guest-1; /talk alone ends that."]);
    bob.ask("for the first", &["[to guest-1]: for the first"]);
    first.expect("[bob]: for the first");
    first.send("/quit");
    bob.expect("*** guest-1 has left the chat.");
    let gone = "Error: User 'guest-1' is not online.";
    bob.ask("for nobody", &[gone]);
    let mut second = guest(&server, "guest-1");
    bob.expect("*** guest-1 has joined the chat.");
    bob.ask("still for the first", &[gone]);
    bob.ask("/talk guest-1", &["Plain text now goes to guest-1; /talk alone ends that."]);
    bob.ask("for the second", &["[to guest-1]: for the second"]);
    second.expect("[bob]: for the second");
}

#[test]
fn nothing_is_stored_for_a_guest() {
    let server = server();
    let mut bob = server.login("bob");
    drop(guest(&server, "guest-1"));
    bob.expect("*** guest-1 has joined the chat.");
    bob.expect("*** guest-1 has left the chat.");
    drop(server.login("alice"));
    let last_seen = |user: &str| server.handle.hub().store().last_seen(&user.parse().unwrap()).unwrap();
    eventually("alice is remembered", || last_seen("alice").is_some());
    assert_eq!(last_seen("guest-1"), None);
}

#[test]
fn guests_have_no_account_to_change() {
    let server = server();
    let mut guest = guest(&server, "guest-1");
    let refused = "Error: Guests cannot do that; it needs an account.";
    for line in ["/passwd", "/delete_account", "/token list", "/token new x", "/token revoke x"] {
        guest.ask(line, &[refused]);
    }
    guest.quiet();
}

#[test]
fn guests_are_asked_for_a_password_in_every_framing() {
    let server = server();
    let mut raw = server.memory_connect();
    raw.expect_bytes("Enter username: ");
    raw.send("guest");
    raw.expect_bytes("Enter password: ");
    raw.send("x");
    raw.expect_bytes(&format!("{WELCOME}\n{HINT}\nYou are guest-1.\n"));
    let mut telnet = server.memory_connect();
    telnet.expect_bytes("Enter username: ");
    telnet.send("guest\r\n");
    telnet.expect_exact(&[HIDE, b"Enter password: "].concat());
    telnet.send("\r\n");
    telnet.expect_exact(&[SHOW, format!("{WELCOME}\r\n{HINT}\r\nYou are guest-2.\r\n").as_bytes()].concat());
}

#[test]
fn guest_is_an_unknown_name_unless_guests_are_allowed() {
    let server = TestServer::start();
    assert_eq!(refusal(&server, "guest", "guest"), NO);
    let with = self::server();
    assert_eq!(refusal(&with, "guest-1", "guest"), NO, "guests cannot choose their number");
}

#[test]
fn the_users_file_may_not_hold_guest_names() {
    let dir = tempfile::tempdir().unwrap();
    let users = dir.path().join("users.txt");
    std::fs::write(&users, "alice:a\nGuest-3:marked\n").unwrap();
    let config = Config { users, listen: vec!["127.0.0.1:0".parse().unwrap()], ..Config::default() };
    let error = Server::bind(&config).err().unwrap().to_string();
    assert!(error.ends_with("users.txt: line 2: the name is reserved for guests"), "{error}");
}
