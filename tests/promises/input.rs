//! Rows 8 to 11: hostile input.

use std::time::Instant;

use super::{Dice, Usage, daemon, figure, login, login_over, mb, paced, scale};
use crate::support::{MemoryClient, PATIENCE, TestClient, TestServer};

/// Row 8, memory. Before the login and after it.
#[test]
fn an_endless_line_costs_nothing_and_is_closed() {
    use std::io::Write;
    let daemon = daemon(&[]);
    let base = Usage::of(&daemon);
    let chunk = [b'x'; 65536];
    let mut most = 0;
    for logged_in in [false, true].repeat(scale(2, 20)) {
        let mut client = TestClient::connect(daemon.addr);
        if logged_in {
            client = login_over(client, "alice");
        }
        let sent = (0..256).take_while(|_| {
            most = most.max(Usage::of(&daemon).rss.saturating_sub(base.rss));
            client.stream().write_all(&chunk).is_ok()
        });
        assert!(sent.count() < 256, "16 MiB went through");
        assert!(client.ended_by(Instant::now() + PATIENCE));
        daemon.await_log("reason=\"flood\"");
        // The name is free again a moment later.
        paced(Instant::now() + std::time::Duration::from_millis(20));
    }
    figure("8", &format!("RSS +{}", mb(most)));
    assert!(most < 3_000_000);
}

const RECORDED: &str = "alice\npassword123\n/ping one\n/create_group g\r\n/group_msg g hällo  there\n/users\n/nope\n\
    plain\n/msg alice a\x08b\n/talk #g\nto the group\n/ping two\n/quit\n";

/// Row 8, splits: however a session's bytes arrive, the server says the same.
#[test]
fn a_session_is_the_same_for_every_split_of_its_bytes() {
    let server = TestServer::start();
    let (bytes, play) = (RECORDED.as_bytes(), |parts: &[&[u8]]| play(&server, parts));
    let whole = play(&[bytes]);
    assert!(whole.contains("Pong: two\n"), "{whole}");
    for at in 1..bytes.len() {
        assert_eq!(play(&[&bytes[..at], &bytes[at..]]), whole, "split at {at}");
    }
    for size in 1..20 {
        assert_eq!(play(&bytes.chunks(size).collect::<Vec<_>>()), whole, "parts of {size}");
    }
    // A session takes its time without any work, so long runs play many beside each other, each on a server of its own.
    let (lanes, each) = scale((1, 100), (16, 1_250));
    std::thread::scope(|scope| {
        (0..lanes).for_each(|lane| drop(scope.spawn(move || play_in_three(Dice(8 + lane), each))));
    });
    figure("8", &format!("{} splits of a session", bytes.len() + 18 + each * usize::try_from(lanes).unwrap()));
}

/// Plays the recorded session, which the server gets in these parts.
fn play(server: &TestServer, parts: &[&[u8]]) -> String {
    let mut client = server.memory_connect();
    parts.iter().for_each(|part| client.peer.send(part));
    String::from_utf8(client.read_to_end()).unwrap()
}

fn play_in_three(mut dice: Dice, times: usize) {
    let (server, bytes) = (TestServer::start(), RECORDED.as_bytes());
    let whole = play(&server, &[bytes]);
    for _ in 0..times {
        // No part is empty: that would be the end of the connection.
        let first = 1 + dice.below(bytes.len() - 2);
        let cuts = [first, first + 1 + dice.below(bytes.len() - first - 1)];
        let parts = [&bytes[..cuts[0]], &bytes[cuts[0]..cuts[1]], &bytes[cuts[1]..]];
        assert_eq!(play(&server, &parts), whole, "cuts {cuts:?}");
    }
}

fn forbidden(c: char) -> bool {
    matches!(c, '\0'..=' ' | '\x7F'..='\u{9F}' | '\u{61C}' | '\u{200B}' | '\u{200E}' | '\u{200F}' | '\u{2028}'..='\u{202E}'
        | '\u{2060}' | '\u{2066}'..='\u{2069}' | '\u{FEFF}' | '\u{E0000}'..='\u{E007F}')
        && c != ' '
}

/// Sends lines and returns everything the recipient got up to the mark that follows them.
fn heard(from: &MemoryClient, to: &MemoryClient, lines: &[Vec<u8>], mark: usize) -> Vec<String> {
    from.peer.send(&lines.concat());
    from.send(&format!("/msg bob mark {mark}\n"));
    let (mut bytes, end) = (Vec::new(), format!("[alice]: mark {mark}\n"));
    while !bytes.ends_with(end.as_bytes()) {
        let came = to.peer.receive(Instant::now() + PATIENCE).unwrap();
        assert!(!came.is_empty(), "the connection ended");
        bytes.extend(came);
    }
    // The echo must be read, although nobody waits for it.
    from.peer.receive(Instant::now() + PATIENCE).unwrap();
    let text = String::from_utf8(bytes).unwrap();
    text.lines().map(str::to_owned).collect()
}

fn assert_harmless(lines: &[String]) {
    for line in lines {
        assert!(line.starts_with("[alice]: "), "a forged line {line:?}");
        assert!(!line.contains(forbidden), "{line:?}");
    }
}

/// Row 9.
#[test]
fn no_line_can_be_forged_and_no_escape_gets_through() {
    let server = TestServer::with(|config| config.limits.rate = 0);
    let [alice, bob] = ["alice", "bob"].map(|name| server.memory_login(name));
    // alice hears that bob came.
    alice.peer.receive(Instant::now() + PATIENCE).unwrap();
    let mut marks = 0..;
    let mut check = |lines: &[Vec<u8>]| {
        let heard = heard(&alice, &bob, lines, marks.next().unwrap());
        assert!(heard.len() <= lines.len() + 1, "one line became two");
        assert_harmless(&heard);
    };
    let message = |text: &[u8]| [b"/msg bob a", text, b"b\n"].concat();
    let bytes: Vec<u8> = (0..=255).filter(|b| !matches!(b, b'\n' | b'\r' | 0xFF)).collect();
    check(&bytes.iter().map(|b| message(&[*b])).collect::<Vec<_>>());
    let all: Vec<char> = ('\x0E'..=char::MAX).step_by(1).collect();
    for some in all.chunks(64).step_by(scale(16, 1)) {
        check(&[message(some.iter().collect::<String>().as_bytes())]);
    }
    for range in [0x80..0xA0, 0x600..0x620, 0x2000..0x2070, 0xFE00..0xFF00, 0xE_0000..0xE_0080] {
        check(&range.filter_map(char::from_u32).map(|c| message(c.to_string().as_bytes())).collect::<Vec<_>>());
    }
    let mut dice = Dice(9);
    for _ in 0..scale(200, 20_000) {
        let random = |dice: &mut Dice| (0..dice.below(40)).map(|_| bytes[dice.below(bytes.len())]).collect::<Vec<u8>>();
        check(&(0..50).map(|_| message(&random(&mut dice))).collect::<Vec<_>>());
    }
    figure("9", &format!("{} random lines, forbidden code points heard: 0", 50 * scale(200, 20_000)));
}

/// Row 10: the next line works after any telnet commands, and a client that sent none gets none.
#[test]
fn any_telnet_commands_leave_the_next_line_whole() {
    let server = TestServer::with(|config| config.limits.rate = 0);
    let mut client = server.memory_connect();
    client.expect_bytes("Enter username: ");
    client.send("alice\n");
    client.expect_bytes("Enter password: ");
    client.send("password123\n/ping before\n");
    let until = |mark: &str| {
        let mut bytes = Vec::new();
        while !bytes.ends_with(mark.as_bytes()) {
            let came = client.peer.receive(Instant::now() + PATIENCE).unwrap();
            assert!(!came.is_empty(), "the connection ended before {mark}");
            bytes.extend(came);
        }
        bytes
    };
    assert!(!until("Pong: before\n").contains(&0xFF), "telnet to a client who sent none");
    let mut dice = Dice(10);
    let alphabet =
        [255, 255, 255, 255, 254, 253, 252, 251, 250, 249, 247, 248, 246, 244, 240, 1, 3, 6, 0, b'a', b' ', b'\r'];
    for n in 0..scale(2_000, 100_000) {
        let mut bytes: Vec<u8> = (0..dice.below(40)).map(|_| alphabet[dice.below(alphabet.len())]).collect();
        // Ends whatever was begun, and the line it was in.
        bytes.extend_from_slice(b"\xFF\xF0\xFF\xF0\r\n");
        let (first, second) = bytes.split_at(1 + dice.below(bytes.len() - 1));
        client.peer.send(first);
        client.peer.send(second);
        client.send(&format!("/ping after {n}\n"));
        until(&format!("Pong: after {n}\n"));
    }
    figure("10", &format!("{} streams, all answered after", scale(2_000, 100_000)));
}

/// Row 11, while messages to the vanished client are under way: a writer may notice the reset first.
#[test]
fn half_a_command_never_runs() {
    let server = TestServer::with(|config| config.limits.rate = 0);
    let witness = server.memory_login("bob");
    let mut heard = Vec::new();
    let mut dice = Dice(11);
    let count = scale(150, 1000);
    for n in 0..count {
        let name = format!("user{}", n % 900);
        let mut victim = login(server.addr, &name);
        let line = "/broadcast half a line, which must not be heard";
        victim.send_raw(&line[..15 + dice.below(line.len() - 15)]);
        let burst = 1 + dice.below(8);
        witness.send(&format!("/msg {name} for you\n").repeat(burst));
        if dice.below(2) == 0 {
            // The half line has been read by then.
            witness.send(&format!("/ping {n}\n"));
            wait_for(&witness, &mut heard, &format!("Pong: {n}\n"));
        }
        victim.reset();
        witness.send(&format!("/msg {name} and for you\n").repeat(3));
        wait_for(&witness, &mut heard, &format!("*** {name} has left the chat.\n"));
    }
    let heard = String::from_utf8(heard).unwrap();
    assert!(!heard.contains("Broadcast"), "half a line ran");
    figure("11", &format!("{count} resets, ran: 0"));
}

fn wait_for(client: &MemoryClient, heard: &mut Vec<u8>, mark: &str) {
    let from = heard.len().saturating_sub(mark.len());
    while !String::from_utf8_lossy(&heard[from.min(heard.len())..]).contains(mark) {
        let came = client.peer.receive(Instant::now() + PATIENCE).unwrap();
        assert!(!came.is_empty(), "the connection ended");
        heard.extend(came);
    }
}
