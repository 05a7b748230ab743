//! Frames that no browser sends: each violation closes its client alone, with the code for it.

use std::fs;
use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use socket2::{Domain, Socket as Socket2, Type};
use tungstenite::Message;

use super::{Socket, server, server_with};
use crate::support::{Daemon, eventually};

const TEXT: u8 = 1;
const BINARY: u8 = 2;
const MORE: u8 = 0;
const CLOSE: u8 = 8;
const PING: u8 = 9;
const PONG: u8 = 10;

/// The FIN bit, and the three reserved bits.
const LAST: u8 = 0x80;
const RESERVED: [u8; 3] = [0x40, 0x20, 0x10];

/// A masked frame with this first byte.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let length = match payload.len() {
        short @ 0..126 => vec![0x80 | short as u8],
        long @ 0..0x1_0000 => [&[0x80 | 126], &(long as u16).to_be_bytes()[..]].concat(),
        huge => [&[0x80 | 127], &(huge as u64).to_be_bytes()[..]].concat(),
    };
    masked(first, &length, payload)
}

/// A masked frame whose length is written like this.
fn masked(first: u8, length: &[u8], payload: &[u8]) -> Vec<u8> {
    let mask = [0x37, 0xFA, 0x21, 0x3D];
    let payload = payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask);
    [&[first], length, &mask[..]].concat().into_iter().chain(payload).collect()
}

fn text(text: &[u8]) -> Vec<u8> {
    frame(LAST | TEXT, text)
}

/// A text message in pieces.
fn pieces(all: &[&[u8]]) -> Vec<u8> {
    let last = all.len() - 1;
    let first = |n: usize| if n == 0 { TEXT } else { MORE } | if n == last { LAST } else { 0 };
    all.iter().enumerate().flat_map(|(n, piece)| frame(first(n), piece)).collect()
}

fn close(code: u16, reason: &[u8]) -> Vec<u8> {
    frame(LAST | CLOSE, &[&code.to_be_bytes(), reason].concat())
}

/// Every violation, and the close code that answers it.
fn abuses() -> Vec<(String, Vec<u8>, u16)> {
    let (half, long) = (vec![b'x'; 40_000], vec![b'x'; 70_000]);
    let named = [
        ("no mask", b"\x81\x02hi".to_vec(), 1002),
        ("a ping without mask", b"\x89\x00".to_vec(), 1002),
        ("a close without mask", b"\x88\x02\x03\xE8".to_vec(), 1002),
        ("all reserved bits", frame(LAST | 0x70 | TEXT, b"x"), 1002),
        ("a reserved bit in a ping", frame(LAST | 0x40 | PING, b""), 1002),
        ("a long ping", frame(LAST | PING, &[b'x'; 126]), 1002),
        ("a long pong", frame(LAST | PONG, &[b'x'; 126]), 1002),
        ("a long close", close(1000, &[b'x'; 124]), 1002),
        ("a ping in pieces", frame(PING, b"x"), 1002),
        ("a pong in pieces", frame(PONG, b"x"), 1002),
        ("a close in pieces", frame(CLOSE, b"\x03\xE8"), 1002),
        ("a piece of nothing", frame(MORE, b"x"), 1002),
        ("the last piece of nothing", frame(LAST | MORE, b"x"), 1002),
        ("a piece behind the last one", [pieces(&[b"/pi", b"ng"]), frame(LAST | MORE, b"x")].concat(), 1002),
        ("a text within a text", [frame(TEXT, b"/pi"), text(b"ng")].concat(), 1002),
        ("a close of one byte", frame(LAST | CLOSE, b"\x03"), 1002),
        ("a close with bad UTF-8", close(1000, b"\xC3\x28"), 1007),
        ("binary", frame(LAST | BINARY, b"x"), 1003),
        ("binary in pieces", [frame(BINARY, b"x"), frame(LAST | MORE, b"y")].concat(), 1003),
        ("bad UTF-8", text(b"\xC3\x28"), 1007),
        ("half a character", text(b"x\xC3"), 1007),
        ("an overlong character", text(b"\xC0\xAF"), 1007),
        ("a surrogate", text(b"\xED\xA0\x80"), 1007),
        ("a character beyond the last", text(b"\xF4\x90\x80\x80"), 1007),
        ("bad UTF-8 over two pieces", pieces(&[b"x\xC3", b"\x28"]), 1007),
        ("half a character in the last piece", pieces(&[b"x", b"\xE2\x82"]), 1007),
        ("too long a frame", frame(LAST | TEXT, &long), 1009),
        ("too long a frame that never comes", masked(LAST | TEXT, b"\xFF\x7F\xFF\xFF\xFF\x00\x00\x00\x00", b""), 1009),
        ("the longest frame there is", masked(LAST | TEXT, &[0xFF; 9], b""), 1009),
        ("too long a ping that never comes", masked(LAST | PING, b"\xFF\x00\x00\x00\x00\x00\x02\x00\x00", b""), 1009),
        ("too long a text in pieces", pieces(&[&half, &half]), 1009),
        ("pings without end", frame(LAST | PING, b"").repeat(27_000), 1008),
        ("pongs without end", frame(LAST | PONG, b"").repeat(27_000), 1008),
        ("empty pieces without end", [frame(TEXT, b"x"), frame(MORE, b"").repeat(27_000)].concat(), 1008),
    ];
    let bits = RESERVED.map(|bit| (format!("reserved bit {bit:#x}"), frame(LAST | bit | TEXT, b"x"), 1002));
    let opcodes = [3, 4, 5, 6, 7, 11, 12, 13, 14, 15];
    let opcodes = opcodes.map(|opcode| (format!("reserved opcode {opcode}"), frame(LAST | opcode, b""), 1002));
    let codes = [0, 999, 1004, 1005, 1006, 1015, 1016, 2000, 2999, 5000, 65535];
    let codes = codes.map(|code| (format!("close code {code}"), close(code, b""), 1002));
    let named = named.map(|(name, bytes, code)| (name.to_owned(), bytes, code));
    named.into_iter().chain(bits).chain(opcodes).chain(codes).collect()
}

#[test]
fn each_protocol_violation_closes_only_its_client() {
    let server = server();
    let mut bob = Socket::login(&server, "bob");
    for (what, bytes, code) in abuses() {
        let mut alice = Socket::login(&server, "alice");
        bob.expect(&["joined"]);
        alice.socket.get_mut().write_all(&bytes).unwrap();
        let (answers, closed) = alice.read_to_end();
        assert_eq!(closed, Some(code), "{what}");
        // What was sent before it is answered.
        assert!(answers.iter().all(|answer| answer == r#"{"event":"pong","text":""}"#), "{what}: {answers:?}");
        drop(alice);
        assert_eq!(bob.next(), r#"{"event":"left","user":"alice"}"#, "{what}");
        bob.quiet();
    }
}

#[test]
fn a_protocol_violation_before_login_closes_the_client() {
    let server = server();
    for (what, bytes, code) in abuses().into_iter().filter(|(_, bytes, _)| bytes.len() < 1024) {
        let mut stranger = Socket::connect(&server);
        stranger.expect(&["ask"]);
        stranger.socket.get_mut().write_all(&bytes).unwrap();
        assert_eq!(stranger.read_to_end().1, Some(code), "{what}");
    }
    eventually("nobody logs in", || server.handle.logging_in() == 0);
    Socket::login(&server, "alice").quiet();
}

#[test]
fn unusual_but_valid_frames_are_accepted() {
    let server = server();
    let mut alice = Socket::login(&server, "alice");
    let line = b"/ping odd";
    let zero = [&[LAST | TEXT, 0x80 | line.len() as u8, 0, 0, 0, 0], &line[..]].concat();
    let snow = "/ping ☃".as_bytes();
    let ping = frame(LAST | PING, &[b'x'; 125]);
    for (what, bytes, said) in [
        ("a mask of zeros", zero, "odd"),
        ("a length in two bytes more", masked(LAST | TEXT, &[0xFE, 0, 9], line), "odd"),
        ("a length in eight bytes more", masked(LAST | TEXT, &[0xFF, 0, 0, 0, 0, 0, 0, 0, 9], line), "odd"),
        ("empty pieces", pieces(&[b"", b"/ping", b"", b" odd", b""]), "odd"),
        ("a character over two pieces", pieces(&[&snow[..7], &snow[7..]]), "☃"),
        (
            "a ping between two pieces",
            [frame(TEXT, b"/ping"), ping.clone(), frame(LAST | MORE, b" odd")].concat(),
            "odd",
        ),
        ("a pong that nobody asked for", [frame(LAST | PONG, b"x"), text(line)].concat(), "odd"),
    ] {
        // However the network splits it.
        for byte in bytes {
            alice.socket.get_mut().write_all(&[byte]).unwrap();
        }
        assert_eq!(alice.next(), format!(r#"{{"event":"pong","text":"{said}"}}"#), "{what}");
    }
    alice.socket.get_mut().write_all(&ping).unwrap();
    assert_eq!(alice.socket.read().unwrap(), Message::Pong(vec![b'x'; 125].into()));
    for code in [1000, 1001, 1003, 1007, 1011, 3000, 4999] {
        let mut charlie = Socket::login(&server, "charlie");
        charlie.socket.get_mut().write_all(&close(code, b"bye")).unwrap();
        assert_eq!(charlie.read_to_end(), (Vec::new(), Some(code)));
    }
}

#[test]
fn half_a_frame_has_the_deadlines_of_half_a_line() {
    let server = server_with(|config| {
        (config.limits.login_timeout, config.limits.idle_timeout) =
            (Duration::from_secs(1), Some(Duration::from_secs(2)));
    });
    let half = &text(b"alice\npassword123")[..9];
    for bytes in [half, &half[..1], &frame(TEXT, b"alice\npassword123"), &[]] {
        let mut stranger = Socket::connect(&server);
        stranger.expect(&["ask"]);
        stranger.socket.get_mut().write_all(bytes).unwrap();
        let closed = r#"{"event":"closed","reason":"login_timeout"}"#.to_owned();
        assert_eq!(stranger.read_to_end(), (vec![closed], Some(1000)));
    }
    let mut alice = Socket::login(&server, "alice");
    // A ping is not a line.
    alice.socket.get_mut().write_all(&[&frame(LAST | PING, b""), half].concat()).unwrap();
    assert_eq!(alice.read_to_end(), (vec![r#"{"event":"closed","reason":"idle"}"#.to_owned()], Some(1000)));
}

/// The address of a daemon's page.
fn page(daemon: &Daemon) -> SocketAddr {
    daemon.await_log("web page addr=");
    daemon.log().lines().find_map(|line| line.split_once("web page addr=")?.1.parse().ok()).unwrap()
}

/// A connection with a small receive buffer.
fn connect_small(addr: SocketAddr) -> TcpStream {
    let socket = Socket2::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    socket.connect(&addr.into()).unwrap();
    socket.into()
}

fn resident_kib(daemon: &Daemon) -> usize {
    let status = fs::read_to_string(format!("/proc/{}/status", daemon.child.id())).unwrap();
    let value = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    value.split_whitespace().next().unwrap().parse().unwrap()
}

#[test]
fn browsers_that_do_not_read_are_closed_within_bounds() {
    let daemon = Daemon::start(&["--web", "127.0.0.1:0", "--rate", "0", "--outbox-age", "60"]);
    let page = page(&daemon);
    let mut bob = daemon.login("bob");
    let mut stuck: Vec<Socket> = (0..8)
        .map(|n| {
            let mut socket = Socket::over(connect_small(page), page, &[]).unwrap();
            socket.send(&format!("user{n}\npw"));
            socket.expect(&["ask", "ask", "welcome"]);
            bob.expect(&format!("*** user{n} has joined the chat."));
            socket
        })
        .collect();
    let before = resident_kib(&daemon);
    let (text, mut most) = ("x".repeat(2_000), 0);
    let mut left = 0;
    while left < stuck.len() {
        bob.send(&format!("/broadcast {text}"));
        loop {
            match bob.line() {
                line if line.starts_with("*** user") => left += 1,
                line => break assert_eq!(line, format!("[Broadcast][bob]: {text}")),
            }
        }
        most = most.max(resident_kib(&daemon));
    }
    let cut = || daemon.log().matches("reason=\"slow reader\"").count();
    eventually("all are cut for that reason", || cut() == stuck.len());
    // Each holds an outbox of 256 KiB, a page of 64 KiB and as much in frames; the allocator keeps the rest.
    assert!(most < before + 8 * 512 + 4096, "{before} KiB became {most} KiB");
    stuck.iter_mut().for_each(|socket| drop(socket.read_to_end()));
    bob.quiet();
}
