//! Telnet clients: negotiation, Ctrl-C, signs of life, hidden passwords; and that other clients never see any of it.

use std::time::Duration;

use parlor::model::TelnetMode;

use crate::support::{MemoryClient, TestServer, WELCOME};

const IAC: u8 = 255;
const DONT: u8 = 254;
const DO: u8 = 253;
const WONT: u8 = 252;
const WILL: u8 = 251;
const SB: u8 = 250;
const EL: u8 = 248;
const EC: u8 = 247;
const AYT: u8 = 246;
const IP: u8 = 244;
const BREAK: u8 = 243;
const DM: u8 = 242;
const NOP: u8 = 241;
const SE: u8 = 240;

const ECHO: u8 = 1;
const SGA: u8 = 3;
const TIMING_MARK: u8 = 6;
const NAWS: u8 = 31;

const HIDE: &[u8] = &[IAC, WILL, ECHO];
const SHOW: &[u8] = &[IAC, WONT, ECHO, b'\r', b'\n'];
const TO_LEAVE: &str = "*** To leave, type /quit.";

/// A client that has been asked for its name.
fn asked(server: &TestServer) -> MemoryClient {
    let mut client = server.memory_connect();
    client.expect_exact(b"Enter username: ");
    client
}

/// A client that ends its lines as telnet does, logged in, with the welcome read.
fn logged_in(server: &TestServer, name: &str, password: &str) -> MemoryClient {
    let mut client = asked(server);
    client.send(&format!("{name}\r\n"));
    client.expect_exact(&[HIDE, b"Enter password: "].concat());
    client.send(&format!("{password}\r\n"));
    client.expect_exact(SHOW);
    client.expect_bytes(&format!("{WELCOME}\r\n"));
    client.expect_bytes("Type /help for the commands; Ctrl-R shows a half-typed line again.\r\n");
    client
}

#[test]
fn offers_and_demands_are_refused_once_per_change() {
    let server = TestServer::start();
    let mut client = asked(&server);
    for (said, answer) in [
        (&[IAC, WILL, SGA][..], &[IAC, DONT, SGA][..]),
        (&[IAC, WILL, SGA], &[]),
        (&[IAC, WILL, NAWS, IAC, DO, SGA], &[IAC, DONT, NAWS, IAC, WONT, SGA]),
        (&[IAC, WONT, SGA, IAC, DONT, SGA], &[]),
        (&[IAC, WILL, SGA, IAC, DO, SGA], &[IAC, DONT, SGA, IAC, WONT, SGA]),
        (&[IAC, DO, TIMING_MARK], &[IAC, WONT, TIMING_MARK]),
        (&[IAC, DO, TIMING_MARK, IAC, DO, TIMING_MARK], &[IAC, WONT, TIMING_MARK, IAC, WONT, TIMING_MARK]),
        (&[IAC, SB, NAWS, 0, 80, 0, 24, IAC, SE, IAC, NOP, IAC, DM], &[]),
    ] {
        client.peer.send(said);
        client.expect_exact(answer);
        // A sign of life shows that no more was answered.
        client.peer.send(&[IAC, AYT]);
        client.expect_exact(b"*** Yes, the chat server is here.\n");
    }
}

#[test]
fn ctrl_c_drops_the_line_and_its_reply_goes_first() {
    let server = TestServer::start();
    let mut alice = logged_in(&server, "alice", "password123");
    for interrupt in [IP, BREAK] {
        alice.peer.send(b"/broadcast half a li");
        alice.peer.send(&[IAC, interrupt, IAC, DM, IAC, DO, TIMING_MARK]);
        alice.expect_exact(&[IAC, WONT, TIMING_MARK]);
        alice.expect_bytes(&format!("{TO_LEAVE}\r\n"));
        alice.send("/ping on\r\n");
        alice.expect_bytes("Pong: on\r\n");
    }
}

#[test]
fn ctrl_c_at_a_prompt_says_how_to_leave() {
    let server = TestServer::start();
    let mut client = asked(&server);
    client.peer.send(&[b'x', b'y', IAC, IP, IAC, DO, TIMING_MARK]);
    client.expect_exact(&[IAC, WONT, TIMING_MARK]);
    client.expect_bytes("*** To leave, press Ctrl-] and type quit; or go on and log in.\n");
    client.send("alice\r\n");
    client.expect_exact(&[HIDE, b"Enter password: "].concat());
}

#[test]
fn are_you_there_is_answered_and_keeps_the_line() {
    let server = TestServer::start();
    let mut alice = logged_in(&server, "alice", "password123");
    alice.peer.send(&[b"/ping wh", &[IAC, AYT][..], b"ole\r\n"].concat());
    alice.expect_bytes("*** Yes, the chat server is here.\r\nPong: whole\r\n");
}

#[test]
fn erase_commands_edit_the_line() {
    let server = TestServer::start();
    let mut alice = logged_in(&server, "alice", "password123");
    alice.peer.send(&[b"rubbish", &[IAC, EL][..], "/ping ab\u{EB}".as_bytes(), &[IAC, EC], b"c\r\n"].concat());
    alice.expect_bytes("Pong: abc\r\n");
}

#[test]
fn the_split_of_a_telnet_stream_does_not_matter() {
    let server = TestServer::start();
    let stream = [
        &[IAC, DO, SGA, IAC, WILL, NAWS, IAC, SB, NAWS, 0, 80, 0, 24, IAC, SE][..],
        b"alice\r\npassword123\r\n/pi",
        &[IAC, NOP],
        b"ng 1\r\n/broad",
        &[IAC, IP, IAC, DO, TIMING_MARK],
        b"/ping 2\r\n",
    ]
    .concat();
    let mut whole = asked(&server);
    let play = |client: &MemoryClient, size: usize| {
        stream.chunks(size).for_each(|chunk| client.peer.send(chunk));
        client.peer.finish();
    };
    play(&whole, stream.len());
    let expected = whole.read_to_end();
    let (expected_commands, expected_text) = apart(&expected);
    assert!(expected_text.ends_with("Pong: 1\r\n*** To leave, type /quit.\r\nPong: 2\r\n"), "{expected_text}");
    for size in [1, 2, 3, 5, 7] {
        let mut client = asked(&server);
        play(&client, size);
        // The position of a reply among the text depends on the reads; the replies do not.
        let (commands, text) = apart(&client.read_to_end());
        assert_eq!((commands, text), (expected_commands.clone(), expected_text.clone()), "in pieces of {size}");
    }
}

/// The telnet commands in a server's output, each of three bytes, and the text between them.
fn apart(mut bytes: &[u8]) -> (Vec<Vec<u8>>, String) {
    let (mut commands, mut text) = (Vec::new(), Vec::new());
    while let Some(&first) = bytes.first() {
        let (piece, rest) = bytes.split_at(if first == IAC { 3 } else { 1 });
        if first == IAC {
            commands.push(piece.to_vec())
        } else {
            text.extend_from_slice(piece)
        }
        bytes = rest;
    }
    (commands, String::from_utf8(text).unwrap())
}

#[test]
fn a_lone_iac_is_dropped_alone() {
    let server = TestServer::start();
    let mut alice = logged_in(&server, "alice", "password123");
    alice.peer.send(&[b"/ping a", &[IAC][..], b"b\r\n"].concat());
    alice.expect_bytes("Pong: ab\r\n");
    alice.peer.send(&[b"/ping a", &[IAC, IAC][..], b"b\r\n"].concat());
    alice.expect_bytes("Error: That line was dropped: it is not valid UTF-8.\r\n");
}

#[test]
fn typing_is_shown_again_on_every_path_after_a_password() {
    let server = TestServer::with(|config| config.limits.login_timeout = Duration::from_secs(2));
    logged_in(&server, "alice", "password123");
    let mut wrong = asked(&server);
    wrong.send("alice\r\n");
    wrong.expect_exact(&[HIDE, b"Enter password: "].concat());
    wrong.send("wrong\r\n");
    wrong.expect_exact(SHOW);
    assert_eq!(wrong.read_to_end(), b"Authentication failed.\r\n");
    let mut late = asked(&server);
    late.send("alice\r\n");
    late.expect_exact(&[HIDE, b"Enter password: "].concat());
    late.expect_exact(SHOW);
    assert_eq!(late.read_to_end(), b"*** The login took too long. Goodbye.\r\n");
    let mut ended = asked(&server);
    ended.send("alice\r\n");
    ended.expect_exact(&[HIDE, b"Enter password: "].concat());
    ended.peer.finish();
    assert_eq!(ended.read_to_end(), SHOW);
    // A terminal that agreed is asked nothing more, whatever it says about it.
    let mut agreeing = asked(&server);
    agreeing.peer.send(&[&[IAC, DO, ECHO, IAC, DONT, ECHO][..], b"bob\r\n"].concat());
    agreeing.expect_exact(&[&[IAC, WONT, ECHO][..], HIDE, b"Enter password: "].concat());
    agreeing.peer.send(&[IAC, DO, ECHO]);
    agreeing.send("qwerty456\r\n");
    agreeing.expect_exact(SHOW);
    agreeing.peer.send(&[IAC, DONT, ECHO]);
    agreeing
        .expect_bytes(&format!("{WELCOME}\r\nType /help for the commands; Ctrl-R shows a half-typed line again.\r\n"));
    agreeing.send("/ping\r\n");
    agreeing.expect_exact(b"Pong.\r\n");
}

#[test]
fn any_telnet_command_makes_a_client_telnet() {
    let server = TestServer::start();
    let mut client = asked(&server);
    client.peer.send(&[&[IAC, NOP][..], b"alice\n"].concat());
    client.expect_exact(&[HIDE, b"Enter password: "].concat());
    client.send("password123\n");
    client.expect_exact(&[SHOW, WELCOME.as_bytes(), b"\n"].concat());
}

#[test]
fn a_crlf_script_does_not_count_as_telnet() {
    let server = TestServer::start();
    let mut script = asked(&server);
    script.send("alice\r\npassword123\r\n/ping\r\n");
    script.expect_exact(format!("Enter password: {WELCOME}\r\n").as_bytes());
}

#[test]
fn clients_without_telnet_never_receive_telnet_bytes() {
    let server = TestServer::with(|config| config.limits.login_timeout = Duration::from_secs(1));
    let sessions = [
        "alice\npassword123\n/help\n/users\n/nope\n/broadcast hi\n/quit\n",
        "alice\nwrong\n",
        "alice\n",
        "",
        "\x03\x04\x1B[A\u{EB}\n\u{FF}\n",
        "bob\r\nqwerty456\r\n/users\r\n/quit\r\n",
        "charlie\rpass789\r/users\r/quit\r",
        "user1\r\0pw\r\0/users\r\0/quit\r\0",
    ];
    let clients = sessions.map(|session| {
        let mut client = server.connect();
        client.send_raw(session);
        client
    });
    for (session, mut client) in sessions.into_iter().zip(clients) {
        let said = client.read_to_end();
        assert!(!said.contains(&IAC), "{session:?} was answered with {}", said.escape_ascii());
    }
}

#[test]
fn a_setting_treats_every_client_as_telnet_or_none() {
    let always = TestServer::with(|config| config.telnet = TelnetMode::Always);
    let mut client = asked(&always);
    client.send("alice\n");
    client.expect_exact(&[HIDE, b"Enter password: "].concat());
    client.send("password123\n");
    client.expect_exact(&[SHOW, WELCOME.as_bytes(), b"\n"].concat());
    let never = TestServer::with(|config| config.telnet = TelnetMode::Never);
    let mut client = asked(&never);
    client.peer.send(&[&[IAC, WILL, NAWS][..], b"alice\r\n"].concat());
    client.expect_exact(&[&[IAC, DONT, NAWS][..], b"Enter password: "].concat());
    client.send("password123\r\n");
    client.expect_exact(format!("{WELCOME}\r\n").as_bytes());
}

#[test]
fn a_long_subnegotiation_loses_no_line() {
    let server = TestServer::start();
    let mut alice = logged_in(&server, "alice", "password123");
    let long = [&[IAC, SB, NAWS][..], &[7; 5000], &[IAC, SE]].concat();
    alice.peer.send(&[b"/ping a", &long[..], b"b\r\n"].concat());
    alice.expect_bytes("Pong: ab\r\n");
}
