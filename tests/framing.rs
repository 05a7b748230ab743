//! From bytes to lines: line ends, clients that send none, limits, editing keys, and sanitised text.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};

use crate::support::{MemoryClient, PATIENCE, TestServer, WELCOME};

const HINT: &str = "Type /help for the commands; Ctrl-R shows a half-typed line again.";

/// A client of the newline-less family: one bare send, then one recv, which must return the whole answer.
struct Bare(TcpStream);

impl Bare {
    fn connect(addr: SocketAddr) -> Bare {
        let mut bare = Bare(TcpStream::connect(addr).unwrap());
        bare.0.set_read_timeout(Some(PATIENCE)).unwrap();
        assert_eq!(bare.recv(), "Enter username: ");
        bare
    }

    fn login(addr: SocketAddr, name: &str, password: &str) -> Bare {
        let mut bare = Bare::connect(addr);
        assert_eq!(bare.say(name), "Enter password: ");
        assert_eq!(bare.say(password), format!("{WELCOME}\n{HINT}\n"));
        bare
    }

    fn recv(&mut self) -> String {
        let mut buffer = [0; 4096];
        let n = loop {
            match self.0.read(&mut buffer) {
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                read => break read.unwrap(),
            }
        };
        String::from_utf8(buffer[..n].to_vec()).unwrap()
    }

    fn say(&mut self, message: &str) -> String {
        self.0.write_all(message.as_bytes()).unwrap();
        self.recv()
    }
}

/// A newline-less client whose sends are one read each.
fn bare_memory_login(server: &TestServer, name: &str, password: &str) -> MemoryClient {
    let mut bare = server.memory_connect();
    bare.expect_bytes("Enter username: ");
    bare.send(name);
    bare.expect_bytes("Enter password: ");
    bare.send(password);
    bare.expect_bytes(&format!("{WELCOME}\n{HINT}\n"));
    bare
}

#[test]
fn every_line_end_works_and_crlf_is_answered_in_crlf() {
    let server = TestServer::start();
    for (end, answer_end) in [("\n", "\n"), ("\r\n", "\r\n"), ("\r\0", "\n"), ("\r", "\n")] {
        let mut alice = server.memory_connect();
        alice.expect_bytes("Enter username: ");
        alice.send(&format!("alice{end}password123{end}/ping 1{end}{end}/ping 2{end}"));
        let lines =
            ["Enter password: ", WELCOME, answer_end, HINT, answer_end, "Pong: 1", answer_end, "Pong: 2", answer_end];
        alice.expect_bytes(&lines.concat());
        // A line end may arrive in two reads.
        for byte in format!("/ping 3{end}/ping 4{end}").chars() {
            alice.send(&byte.to_string());
        }
        alice.expect_bytes(&format!("Pong: 3{answer_end}Pong: 4{answer_end}"));
        alice.peer.finish();
        assert_eq!(alice.read_to_end(), b"", "{end:?}");
    }
}

#[test]
fn a_client_without_line_ends_chats_like_any_other() {
    let server = TestServer::start();
    let mut bob = server.login("bob");
    let mut bare = Bare::login(server.addr, "alice", "password123");
    bob.expect("*** alice has joined the chat.");
    assert_eq!(bare.say("/msg bob hi there"), "[to bob]: hi there\n");
    bob.expect("[alice]: hi there");
    assert_eq!(bare.say("/broadcast all"), "[Broadcast][alice]: all\n");
    bob.expect("[Broadcast][alice]: all");
    assert_eq!(bare.say("/create_group A"), "Group A created.\n");
    assert_eq!(bare.say("/group_msg A hi"), "[Group A][alice]: hi\n");
    assert_eq!(bare.say("/msg zoe hi"), "Error: User 'zoe' does not exist.\n");
    assert_eq!(bare.say("hm"), bare_hint());
    assert_eq!(bare.say("/users"), "Online users:\nalice\nbob\n");
    bob.ask("/msg alice bye", &["[to alice]: bye"]);
    assert_eq!(bare.recv(), "[bob]: bye\n");
    assert_eq!(bare.say("/leave_group A"), "You left the group A. It is empty now and was deleted.\n");
    assert_eq!(bare.say("/exit"), "");
    bob.expect("*** alice has left the chat.");
}

fn bare_hint() -> &'static str {
    "Error: Not sent: use /msg <username> <message>, or choose a conversation with /talk.\n"
}

#[test]
fn known_names_and_passwords_need_no_line_end_or_pause() {
    let server = TestServer::start();
    let mut bare = server.memory_connect();
    // Everything is there before the first read: had any read waited for more, it would have swallowed the next send.
    for message in ["alice", "password123", "/ping 1", "/ping 2"] {
        bare.send(message);
    }
    bare.expect_bytes(&format!("Enter username: Enter password: {WELCOME}\n{HINT}\nPong: 1\nPong: 2\n"));
}

#[test]
fn an_unknown_name_is_answered_after_a_pause() {
    let server = TestServer::start();
    let mut bare = Bare::connect(server.addr);
    assert_eq!(bare.say("zoe"), "Enter password: ");
    assert_eq!(bare.say("pw"), "Authentication failed.\n");
    assert_eq!(bare.recv(), "");
}

#[test]
fn a_name_and_password_may_arrive_in_pieces() {
    let server = TestServer::start();
    let mut bare = server.memory_connect();
    for message in ["ali", "ce", "password", "123"] {
        bare.send(message);
    }
    bare.expect_bytes(&format!("Enter username: Enter password: {WELCOME}\n{HINT}\n"));
    bare.send("/ping");
    bare.expect("Pong.");
}

#[test]
fn a_line_end_after_a_raw_name_switches_to_lines() {
    let server = TestServer::start();
    for end in ["\n", "\r\n", "\r\0"] {
        let mut late = server.memory_connect();
        for piece in ["alice", end, "passw", "ord123", end, "/pi", "ng", end, "/ping 2/users", end] {
            late.send(piece);
        }
        let e = if end == "\r\n" { end } else { "\n" };
        let expected = format!("Enter username: Enter password: {WELCOME}{e}{HINT}{e}Pong.{e}Pong: 2/users{e}");
        late.expect_bytes(&expected);
        late.peer.finish();
        late.read_to_end();
    }
}

#[test]
fn reads_without_line_ends_are_split_into_commands() {
    let server = TestServer::start();
    let mut bob = server.login("bob");
    let mut bare = bare_memory_login(&server, "alice", "password123");
    bob.expect("*** alice has joined the chat.");
    bare.send("/create_group A/create_group B");
    bare.expect_bytes("Group A created.\nGroup B created.\n");
    bare.send("/msg bob hi/group_msg A ho/broadcast hm/users");
    bare.expect_bytes("[to bob]: hi\n[Group A][alice]: ho\n[Broadcast][alice]: hm\nOnline users:\nalice\nbob\n");
    bare.send("/leave_group A/join_group B/groups_users");
    bare.expect("You left the group A. It is empty now and was deleted.");
    bare.expect("Error: You are already a member of group 'B'.");
    bare.expect_bytes("Groups and their members:\nB: alice\n");
    bare.send("/msg bob and/or /msg me /users");
    bare.expect("[to bob]: and/or /msg me /users");
    for line in ["[alice]: hi", "[Broadcast][alice]: hm", "[alice]: and/or /msg me /users"] {
        bob.expect(line);
    }
    bare.send("/msg bob bye/quit");
    bare.expect("[to bob]: bye");
    assert_eq!(bare.read_to_end(), b"");
}

#[test]
fn only_legacy_commands_are_split_off() {
    let server = TestServer::start();
    let mut bare = bare_memory_login(&server, "alice", "password123");
    for (sent, answer) in [
        ("/ping a/msg alice b", "Pong: a\n[alice]: b\n[to alice]: b\n"),
        ("/ping a/broadcast b", "Pong: a\n[Broadcast][alice]: b\n"),
        ("/ping a/create_group g", "Pong: a\nGroup g created.\n"),
        ("/ping a/join_group g", "Pong: a\nError: You are already a member of group 'g'.\n"),
        ("/ping a/group_msg g b", "Pong: a\n[Group g][alice]: b\n"),
        ("/ping a/groups_users", "Pong: a\nGroups and their members:\ng: alice\n"),
        ("/ping a/leave_group g", "Pong: a\nYou left the group g. It is empty now and was deleted.\n"),
        ("/ping a/users", "Pong: a\nOnline users:\nalice\n"),
        ("/ping a /users", "Pong: a /users\n"),
        ("/ping a /msg alice b", "Pong: a /msg alice b\n"),
        ("/ping a/users b", "Pong: a/users b\n"),
        ("/ping a/usr/bin", "Pong: a/usr/bin\n"),
        ("/ping a/help", "Pong: a\nCommands:\n"),
    ] {
        bare.send(sent);
        bare.expect_bytes(answer);
    }
    bare.send("/ping a/exit");
    assert!(bare.read_to_end().ends_with(b"\nPong: a\n"));
    let mut bare = bare_memory_login(&server, "bob", "qwerty456");
    bare.send("/ping a/quit");
    assert_eq!(bare.read_to_end(), b"Pong: a\n");
}

#[test]
fn lines_are_never_split() {
    let server = TestServer::start();
    let mut alice = server.memory_login("alice");
    alice.send("/ping a/create_group B/users\n");
    alice.expect("Pong: a/create_group B/users");
    alice.send("/pi");
    alice.send("ng");
    alice.send(" one\n/ping two\n/pi");
    alice.expect_bytes("Pong: one\nPong: two\n");
    alice.send("ng three\n");
    alice.expect("Pong: three");
}

#[test]
fn a_line_over_the_limit_is_one_error_with_the_numbers() {
    let server = TestServer::start();
    let mut alice = server.login("alice");
    let text = "x".repeat(4096 - "/ping \n".len());
    alice.ask(&format!("/ping {text}"), &[&format!("Pong: {text}")]);
    for (bytes, extra) in [(4097, 1), (5000, 904), (60_000, 55_904)] {
        let answer = format!("Error: That line was dropped: it has {bytes} bytes, and the limit is 4096.");
        alice.ask(&format!("/ping {text}{}", "y".repeat(extra)), &[&answer]);
        alice.quiet();
    }
    let server = TestServer::with(|config| config.limits.line_limit = 100);
    let mut small = server.login("alice");
    small.ask(&"z".repeat(100), &["Error: That line was dropped: it has 101 bytes, and the limit is 100."]);
    small.quiet();
}

#[test]
fn a_raw_message_over_the_limit_is_one_error_too() {
    let server = TestServer::start();
    let mut bare = bare_memory_login(&server, "alice", "password123");
    // In two pieces, as the network may deliver it; the tail is not a message of its own.
    bare.send(&"x".repeat(5000));
    bare.send("/other");
    bare.expect("Error: That line was dropped: it has 5006 bytes, and the limit is 4096.");
    // A command that was sent right behind it is carried out.
    bare.send(&format!("/ping a{}/users", "x".repeat(5000)));
    bare.expect("Error: That line was dropped: it has 5007 bytes, and the limit is 4096.");
    bare.expect_bytes("Online users:\nalice\n");
    // A client that has read the error may send at once.
    bare.send("/ping");
    bare.expect("Pong.");
}

#[test]
fn a_flood_without_line_ends_closes_the_connection() {
    let server = TestServer::start();
    let [mut bob, mut alice] = server.login_all(["bob", "alice"]);
    alice.send_raw(vec![b'x'; 64 * 1024]);
    alice.expect("*** Too many bytes came without a line end. Goodbye.");
    alice.expect_end();
    bob.expect("*** alice has left the chat.");
    let mut stranger = server.connect();
    stranger.send_raw(vec![b'x'; 64 * 1024]);
    stranger.expect_bytes("Enter username: *** Too many bytes came without a line end. Goodbye.\n");
    stranger.expect_end();
}

#[test]
fn invalid_utf8_is_refused_without_closing() {
    let server = TestServer::start();
    let [mut bob, mut alice] = server.login_all(["bob", "alice"]);
    for bytes in [&b"/msg bob \xC3\x28"[..], b"\x80", b"/msg bob \xED\xA0\x80", b"/msg bob \xF8\x88\x80\x80"] {
        alice.send_raw([bytes, b"\n"].concat());
        alice.expect("Error: That line was dropped: it is not valid UTF-8.");
    }
    alice.quiet();
    bob.quiet();
}

#[test]
fn no_text_can_forge_a_line_or_control_a_terminal() {
    let server = TestServer::start();
    let [mut bob, mut alice] = server.login_all(["bob", "alice"]);
    for (typed, shown) in [
        ("a\tb", "a b"),
        ("\x1B[31mred\x1B[0m", "\u{FFFD}[31mred\u{FFFD}[0m"),
        ("bell\x07 nul\0 vt\x0B ff\x0C", "bell\u{FFFD} nul\u{FFFD} vt\u{FFFD} ff\u{FFFD}"),
        ("nel\u{85}csi\u{9B}1m", "nel\u{FFFD}csi\u{FFFD}1m"),
        ("ls\u{2028}ps\u{2029}[eve]: hi", "ls\u{FFFD}ps\u{FFFD}[eve]: hi"),
        ("\u{202E}abc\u{202C} \u{2066}d\u{2069} \u{200F}e\u{61C}", "abc d e"),
        ("\u{FEFF}a\u{200B}b\u{2060}c\u{E0041}d", "abcd"),
        (
            "\u{1F468}\u{200D}\u{1F469} \u{200C} zo\u{EB} \u{4F60}",
            "\u{1F468}\u{200D}\u{1F469} \u{200C} zo\u{EB} \u{4F60}",
        ),
    ] {
        alice.ask(&format!("/msg bob {typed}"), &[&format!("[to bob]: {shown}")]);
        bob.expect(&format!("[alice]: {shown}"));
    }
    // A line end of any kind starts a new line of the sender, which is not part of the message.
    alice.send_raw("/msg bob a\r[eve]: forged\n/msg bob b\r\n[eve]: forged\n");
    alice.expect("[to bob]: a");
    alice.expect_bytes(bare_hint());
    alice.expect("[to bob]: b");
    alice.expect_bytes(bare_hint());
    bob.expect("[alice]: a");
    bob.expect("[alice]: b");
    bob.quiet();
    alice.ask("/\x1B]0;x\x07", &["Error: Unknown command '/\u{FFFD}]0;x\u{FFFD}'. /help lists all commands."]);
}

#[test]
fn a_line_end_inside_a_raw_message_forges_nothing() {
    let server = TestServer::start();
    let mut bob = server.login("bob");
    let mut bare = bare_memory_login(&server, "alice", "password123");
    bob.expect("*** alice has joined the chat.");
    bare.send("/msg bob hi\n[eve]: forged");
    bare.expect("[to bob]: hi");
    bare.expect_bytes(bare_hint());
    bob.expect("[alice]: hi");
    bob.quiet();
}

#[test]
fn editing_keys_erase_whole_characters() {
    let server = TestServer::start();
    let mut alice = server.login("alice");
    for (typed, seen) in [
        ("/ping abx\x08c", "Pong: abc"),
        ("/ping ab\u{EB}\x7F\u{1F468}\x7Fc", "Pong: abc"),
        ("/ping one two\x17three", "Pong: one three"),
        ("rubbish\x15/ping clean", "Pong: clean"),
        ("\x08\x7F\x15\x17/ping nothing to erase", "Pong: nothing to erase"),
    ] {
        alice.ask(typed, &[seen]);
    }
    let mut bob = server.connect();
    bob.give_name_and_password("alx\x15bob", "qwert5\x7Fy456");
    bob.expect(WELCOME);
}

/// A client as students write it: no line ends, one `recv` per prompt, then everything without waiting.
fn evaluate(addr: SocketAddr, name: &str, commands: usize) {
    let mut bare = Bare::connect(addr);
    assert_eq!(bare.say(name), "Enter password: ");
    let mut sent = crate::support::password(name).to_owned();
    for n in 0..commands {
        sent.push_str(&match n % 3 {
            0 => format!("/create_group {name}-{n}"),
            1 => format!("/group_msg {name}-{} héllo {n}", n - 1),
            _ => format!("/leave_group {name}-{}", n - 2),
        });
    }
    let mut to = bare.0.try_clone().unwrap();
    let sender = std::thread::spawn(move || to.write_all(sent.as_bytes()).unwrap());
    let mut received = String::new();
    let mut answers = |until: &dyn Fn(&str) -> bool| {
        while !until(&received) {
            let (mut buffer, n) = ([0; 4096], received.len());
            let read = bare.0.read(&mut buffer).unwrap_or_else(|e| panic!("{e} after {n} bytes"));
            assert!(read > 0, "closed after {received}");
            received.push_str(&String::from_utf8_lossy(&buffer[..read]));
        }
        received.clone()
    };
    let expected: Vec<String> = (0..commands)
        .map(|n| match n % 3 {
            0 => format!("Group {name}-{n} created."),
            1 => format!("[Group {name}-{}][{name}]: héllo {n}", n - 1),
            _ => format!("You left the group {name}-{}. It is empty now and was deleted.", n - 2),
        })
        .collect();
    let last = format!("{}\n", expected[commands - 1]);
    let all = answers(&|received| received.ends_with(&last));
    sender.join().unwrap();
    let got: Vec<&str> = all.lines().skip(2).filter(|line| !line.starts_with("*** ")).collect();
    assert_eq!(got, expected);
}

#[test]
fn an_evaluation_client_loses_no_command() {
    // The default settings, with their limit of commands per second.
    let server = TestServer::start();
    let clients = ["alice", "bob"].map(|name| {
        let addr = server.addr;
        std::thread::spawn(move || evaluate(addr, name, 999))
    });
    clients.into_iter().for_each(|client| client.join().unwrap());
}

#[test]
fn commands_in_one_read_are_split_before_the_limit() {
    let server = TestServer::start();
    let mut bare = bare_memory_login(&server, "alice", "password123");
    let commands: String = (0..250).map(|n| format!("/create_group group-{n:03}")).collect();
    assert!(commands.len() > 4096);
    bare.send(&commands);
    for n in 0..250 {
        bare.expect(&format!("Group group-{n:03} created."));
    }
    let long = "x".repeat(4096);
    bare.send(&format!("/leave_group group-001/msg bob {long}/leave_group group-002"));
    bare.expect("You left the group group-001. It is empty now and was deleted.");
    bare.expect("Error: That line was dropped: it has 4105 bytes, and the limit is 4096.");
    bare.expect("You left the group group-002. It is empty now and was deleted.");
}

#[test]
fn half_a_letter_waits_for_the_rest_of_it() {
    let server = TestServer::start();
    let mut bare = bare_memory_login(&server, "alice", "password123");
    let _bob = server.login("bob");
    bare.expect("*** bob has joined the chat.");
    for (first, rest) in [(&b"/msg bob zo\xC3"[..], &b"\xAB"[..]), (b"/msg bob zo\xC3\xAB\xF0\x9F", b"\x98\x80")] {
        bare.peer.send(first);
        bare.peer.send(rest);
        let text = String::from_utf8([&first[9..], rest].concat()).unwrap();
        bare.expect(&format!("[to bob]: {text}"));
    }
    bare.peer.send(b"/msg bob \xC3");
    bare.expect("Error: That line was dropped: it is not valid UTF-8.");
}

#[test]
fn a_name_that_begins_another_waits_for_the_rest() {
    let server = TestServer::start();
    for (pieces, name) in [(&["user1", "0"][..], "user10"), (&["user1"], "user1"), (&["user1", "\n"], "user1")] {
        let mut bare = server.memory_connect();
        pieces.iter().for_each(|piece| bare.send(piece));
        bare.expect_bytes("Enter username: Enter password: ");
        bare.send(if pieces.len() == 2 && pieces[1] == "\n" { "pw\n" } else { "pw" });
        bare.expect_bytes(&format!("{WELCOME}\n{HINT}\n"));
        bare.send("/users\n");
        bare.expect_bytes(&format!("Online users:\n{name}\n"));
        bare.peer.finish();
        bare.read_to_end();
    }
}

/// What may come before a slash without being seen.
const UNSEEN: [&str; 14] = [
    "\x1B[A",
    "\x1B[1;5D",
    "\x1BOB",
    "\x1B[200~",
    "\x1B[31m",
    "\x1B",
    "\x04",
    "\0",
    "\u{AD}",
    "\u{200B}",
    "\u{FEFF}",
    "\u{2060}\u{AD} ",
    "\u{3164}",
    "\u{A0}\u{3000}",
];

#[test]
fn what_is_unseen_before_a_slash_changes_nothing() {
    let server = TestServer::start();
    let [mut charlie, mut bob, mut alice] = server.login_all(["charlie", "bob", "alice"]);
    alice.ask("/create_group lunch", &["Group lunch created."]);
    bob.ask("/join_group lunch", &["You joined the group lunch."]);
    alice.expect("*** bob has joined the group lunch.");
    alice.ask("/talk #lunch", &["Plain text now goes to #lunch; /talk alone ends that."]);
    for unseen in UNSEEN {
        alice.ask(&format!("{unseen}/msg charlie secret"), &["[to charlie]: secret"]);
        charlie.expect("[alice]: secret");
    }
    alice.ask("\x1B[200~/msg charlie pasted\x1B[201~", &["[to charlie]: pasted"]);
    charlie.expect("[alice]: pasted");
    bob.quiet();
    for (typed, shown) in [("//msg charlie hi", "/msg charlie hi"), ("\u{AD}//etc", "/etc"), ("a\x1B[Db\x1B[A", "ab")] {
        alice.ask(typed, &[&format!("[Group lunch][alice]: {shown}")]);
        bob.expect(&format!("[Group lunch][alice]: {shown}"));
    }
    alice.send("\x1B[A\x1B[B\u{3164}");
    alice.quiet();
    bob.quiet();
}

#[test]
fn any_white_space_separates_the_words_of_a_command() {
    let server = TestServer::start();
    let [mut bob, mut alice] = server.login_all(["bob", "alice"]);
    let spaces = (0..=0x3000).filter_map(char::from_u32).filter(|c| c.is_whitespace() && !matches!(c, '\r' | '\n'));
    for space in spaces {
        alice.ask(&format!("/msg{space}bob{space}hi"), &["[to bob]: hi"]);
        bob.expect("[alice]: hi");
    }
}

#[test]
fn a_text_that_draws_nothing_is_not_sent() {
    let server = TestServer::start();
    let [mut bob, mut alice] = server.login_all(["bob", "alice"]);
    for nothing in ["\u{3164}", "\u{AD}", "\u{200D}\u{FE0F}", "\u{2800} \u{115F}", "\u{E0100}", "\u{FFA0}"] {
        alice.ask(&format!("/msg bob {nothing}"), &["Usage: /msg <username> <message>"]);
    }
    bob.quiet();
}

#[test]
fn a_login_is_cleaned_from_the_first_byte() {
    let server = TestServer::start();
    for (name, password) in [
        ("\u{FEFF}alice", "password123"),
        ("alice\0\0\0", "password123\0\0\0\0"),
        ("\x1B[Aalice", "\x1B[Bpassword123"),
        ("\u{A0}alice\u{3000}", "\u{FEFF}password123"),
    ] {
        let mut client = server.connect();
        client.give_name_and_password(name, password);
        client.expect(WELCOME);
        client.expect(HINT);
        client.ask("/quit", &[]);
        client.expect_end();
        let mut bare = server.memory_connect();
        bare.send(name);
        bare.send(password);
        bare.expect_bytes(&format!("Enter username: Enter password: {WELCOME}\n{HINT}\n"));
        bare.send("/users\0\0");
        bare.expect_bytes("Online users:\nalice\n");
        bare.send("/exit");
        assert_eq!(bare.read_to_end(), b"", "{name:?}");
    }
}
