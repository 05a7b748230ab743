//! Logging in and leaving: prompts, refusals, deadlines, and guarantees for scripts.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::support::{PATIENCE, TestServer, WELCOME, eventually};

pub(crate) const NO: &str = "Authentication failed.\n";

/// Everything that a client with this name and password receives on its connection.
pub(crate) fn refusal(server: &TestServer, name: &str, password: &str) -> String {
    let mut client = server.connect();
    client.give_name_and_password(name, password);
    String::from_utf8(client.read_to_end()).unwrap()
}

#[test]
fn each_prompt_is_one_write_with_nothing_before_or_after_it() {
    let server = TestServer::start();
    let client = server.memory_connect();
    let hear = || String::from_utf8(client.peer.receive(Instant::now() + PATIENCE).unwrap()).unwrap();
    assert_eq!(hear(), "Enter username: ");
    client.send("alice\n");
    assert_eq!(hear(), "Enter password: ");
    client.send("password123\n");
    assert!(hear().starts_with("Welcome to the chat server!\n"));
    client.send("/quit\n");
    assert_eq!(hear(), "");
}

#[test]
fn unknown_names_and_wrong_passwords_look_alike() {
    let server = TestServer::start();
    let wrong =
        [("alice", "wrong"), ("alice", ""), ("alice", "password123 "), ("zoe", "pw"), ("", ""), ("no name", "pw")];
    let clients = wrong.map(|(name, password)| {
        let mut client = server.connect();
        client.give_name_and_password(name, password);
        client
    });
    for (mut client, (name, password)) in clients.into_iter().zip(wrong) {
        assert_eq!(client.read_to_end(), NO.as_bytes(), "{name:?} {password:?}");
    }
    let _alice = server.login("alice");
    assert_eq!(refusal(&server, "alice", "wrong"), NO, "who is online is nobody's business");
}

#[test]
fn one_try_per_connection() {
    let server = TestServer::start();
    let mut client = server.connect();
    client.send_raw("alice\nwrong\nalice\npassword123\n/users\n");
    client.expect_bytes("Enter username: Enter password: Authentication failed.\n");
    client.expect_end();
}

#[test]
fn last_words_end_in_a_clean_close_whatever_is_still_unread() {
    let server = TestServer::start();
    let mut stream = TcpStream::connect(server.addr).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(format!("alice\nwrong\n{}", "/users\n".repeat(2000)).as_bytes()).unwrap();
    let mut said = String::new();
    stream.read_to_string(&mut said).expect("a reset ate the last words");
    assert_eq!(said, "Enter username: Enter password: Authentication failed.\n");
}

#[test]
fn others_are_told_who_joined_and_left() {
    let server = TestServer::start();
    let mut bob = server.login("bob");
    let mut alice = server.login("alice");
    bob.expect("*** alice has joined the chat.");
    alice.quiet();
    alice.send("/exit");
    alice.expect_end();
    bob.expect("*** alice has left the chat.");
    bob.quiet();
}

#[test]
fn the_users_file_may_hold_comments_colons_and_crlf() {
    let server = TestServer::with(|config| {
        fs::write(&config.users, "# staff\r\n\r\ngrace:p@ss:word:2\r\n\n#zoe:pw\nbob:#x").unwrap();
    });
    let mut grace = server.connect();
    grace.give_name_and_password("grace", "p@ss:word:2");
    grace.expect(WELCOME);
    let mut bob = server.connect();
    bob.give_name_and_password("BOB", "#x");
    bob.expect(WELCOME);
    assert_eq!(refusal(&server, "zoe", "pw"), NO);
}

#[test]
fn ninety_nine_thousand_users_load_quickly() {
    let lines: String = (0..99_999).map(|n| format!("u{n}:pw{n}\n")).collect();
    let server = TestServer::with(|config| fs::write(&config.users, lines).unwrap());
    let mut last = server.connect();
    last.give_name_and_password("u99998", "pw99998");
    last.expect(WELCOME);
}

#[test]
fn the_login_as_a_whole_has_one_deadline() {
    let server = TestServer::with(|config| config.limits.login_timeout = Duration::from_secs(1));
    let (mut silent, mut half) = (server.connect(), server.connect());
    half.expect_bytes("Enter username: ");
    half.send("alice");
    half.expect_bytes("Enter password: *** The login took too long. Goodbye.\n");
    half.expect_end();
    silent.expect_bytes("Enter username: *** The login took too long. Goodbye.\n");
    silent.expect_end();
    eventually("both are forgotten", || server.handle.logging_in() == 0);
}

#[test]
fn bytes_do_not_extend_the_login_deadline() {
    let server = TestServer::with(|config| config.limits.login_timeout = Duration::from_secs(1));
    let mut drip = server.connect();
    let mut writer = drip.stream().try_clone().unwrap();
    // Telnet commands never complete a name; a closed connection ends the writing.
    let writing = std::thread::spawn(move || {
        let start = Instant::now();
        while start.elapsed() < PATIENCE && writer.write_all(b"\xFF\xF1").is_ok() {
            std::thread::park_timeout(Duration::from_millis(20));
        }
        start.elapsed() < PATIENCE
    });
    drip.expect_bytes("Enter username: *** The login took too long. Goodbye.\n");
    drip.read_to_end();
    assert!(writing.join().unwrap(), "the server listened for ever");
}

#[test]
fn an_idle_client_is_told_and_closed() {
    let server = TestServer::with(|config| config.limits.idle_timeout = Some(Duration::from_secs(1)));
    let mut alice = server.login("alice");
    alice.quiet();
    alice.send_raw("half a line");
    alice.expect("*** You were idle for too long. Goodbye.");
    alice.expect_end();
}

#[test]
fn the_message_of_the_day_comes_after_the_welcome() {
    let server = TestServer::with(|config| {
        let path = config.users.with_file_name("motd.txt");
        fs::write(&path, "Be kind.\nLunch is at noon.\n").unwrap();
        config.motd = Some(path);
    });
    let mut alice = server.login("alice");
    alice.expect("Be kind.");
    alice.expect("Lunch is at noon.");
    alice.quiet();
}

#[test]
fn other_protocols_get_one_line_and_are_closed() {
    let server = TestServer::start();
    let mut bob = server.login("bob");
    let line = "This is a chat server for plain text: connect with `nc HOST PORT` or `telnet HOST PORT`, without TLS or HTTP.\n";
    let hello: &[u8] = b"\x16\x03\x01\x02\x00\x01\x00\nalice\npassword123\n/broadcast hi\n";
    let requests: [&[u8]; 4] = [
        b"GET / HTTP/1.1\r\nHost: alice\r\n\r\nalice\npassword123\n/broadcast hi\n",
        b"POST / HTTP/1.1\r\n\r\n",
        b"HEAD / HTTP/1.0\r\n\r\n",
        hello,
    ];
    for request in requests {
        let mut client = server.connect();
        client.expect_bytes("Enter username: ");
        client.send_raw(request);
        client.expect_bytes(line);
        client.expect_end();
    }
    bob.quiet();
}

#[test]
fn a_script_may_send_everything_in_one_write() {
    let server = TestServer::start();
    let mut script = server.connect();
    script.send_raw("alice\npassword123\n/create_group g\n/users\n/group_msg g done");
    script.finish();
    let said = String::from_utf8(script.read_to_end()).unwrap();
    let expected = format!(
        "Enter username: Enter password: {WELCOME}\nType /help for the commands; Ctrl-R shows a half-typed line again.\n\
        Group g created.\nOnline users:\nalice\n[Group g][alice]: done\n"
    );
    assert_eq!(said, expected);
}

#[test]
fn a_script_may_end_anywhere_in_the_login() {
    let server = TestServer::start();
    let say = |text: &str| {
        let mut script = server.connect();
        script.send_raw(text);
        script.finish();
        String::from_utf8(script.read_to_end()).unwrap()
    };
    assert_eq!(say(""), "Enter username: ");
    assert_eq!(say("alice"), "Enter username: Enter password: ");
    assert_eq!(say("alice\n"), "Enter username: Enter password: ");
    assert_eq!(say("alice\nwrong"), format!("Enter username: Enter password: {NO}"));
    assert!(say("alice\npassword123").contains(WELCOME));
}

#[test]
fn an_unfinished_line_runs_at_eof_but_not_after_a_reset() {
    let server = TestServer::start();
    let mut bob = server.login("bob");
    let clean = server.memory_login("alice");
    clean.send("/broadcast to the end");
    clean.peer.finish();
    bob.expect("*** alice has joined the chat.");
    bob.expect("[Broadcast][alice]: to the end");
    bob.expect("*** alice has left the chat.");
    let broken = server.memory_login("eve");
    broken.send("/broadcast never heard");
    broken.peer.reset();
    bob.expect("*** eve has joined the chat.");
    bob.expect("*** eve has left the chat.");
    let mut late = server.connect();
    late.login("alice");
    bob.expect("*** alice has joined the chat.");
    late.send_raw("/broadcast never heard either");
    late.reset();
    bob.expect("*** alice has left the chat.");
}

#[test]
fn lines_after_quit_in_the_same_write_do_not_run() {
    let server = TestServer::start();
    let [mut bob, mut alice] = server.login_all(["bob", "alice"]);
    alice.send_raw("/users\n/quit\n/broadcast hi\n");
    alice.expect_bytes("Online users:\nalice\nbob\n");
    alice.expect_end();
    bob.expect("*** alice has left the chat.");
    bob.quiet();
}
