//! Messages to a user who is away wait for the next login, and each arrives once.

use std::fmt::Write;

use parlor::model::DuplicateLogin;

use crate::support::{MemoryClient, TestClient, TestServer, eventually, timeless};

const KEPT: &str = "*** bob is not online; your message is kept until the next login.";

/// Waits until this many sessions are left.
fn await_sessions(server: &TestServer, count: usize) {
    eventually("sessions have left", || server.handle.hub().session_count() == count);
}

/// Ends a session, and waits until it is gone.
fn leave(server: &TestServer, mut client: TestClient) {
    let before = server.handle.hub().session_count();
    client.send("/quit");
    client.expect_end();
    await_sessions(server, before - 1);
}

/// Sends a message to bob, who is away, and expects the confirmation.
fn leave_word(alice: &mut TestClient, text: &str) {
    alice.ask(&format!("/msg bob {text}"), &[&format!("[to bob]: {text}"), KEPT]);
}

/// Sends many messages to bob in few writes and reads all the answers; `kept` if bob is away.
fn leave_words(alice: &mut TestClient, texts: &[String], kept: bool) {
    for chunk in texts.chunks(16) {
        let mut lines = String::new();
        chunk.iter().for_each(|text| writeln!(lines, "/msg bob {text}").unwrap());
        alice.send_raw(lines);
        for text in chunk {
            alice.expect(&format!("[to bob]: {text}"));
            if kept {
                alice.expect(KEPT);
            }
        }
    }
}

fn unhurried(config: &mut parlor::config::Config) {
    config.limits.rate = 0;
}

#[test]
fn missed_messages_come_at_the_login_in_order_and_once() {
    let server = TestServer::start();
    let mut alice = server.login("alice");
    leave_word(&mut alice, "one");
    leave_word(&mut alice, "two  spaces");
    let mut bob = server.login("bob");
    bob.expect("*** 2 messages came while you were away:");
    bob.expect_past(&["#1 {time} [alice]: one", "#2 {time} [alice]: two  spaces"]);
    bob.quiet();
    alice.expect("*** bob has joined the chat.");
    alice.ask("/msg bob three", &["[to bob]: three"]);
    bob.expect("[alice]: three");
    leave(&server, bob);
    alice.expect("*** bob has left the chat.");
    let mut bob = server.login("bob");
    bob.quiet();
    alice.expect("*** bob has joined the chat.");
    leave(&server, bob);
    alice.expect("*** bob has left the chat.");
    leave_word(&mut alice, "four");
    let mut bob = server.login("bob");
    bob.expect("*** 1 message came while you were away:");
    bob.expect_past(&["#4 {time} [alice]: four"]);
    bob.quiet();
}

#[test]
fn broadcasts_and_deleted_messages_are_not_delivered_later() {
    let server = TestServer::start();
    let mut alice = server.login("alice");
    leave_word(&mut alice, "one");
    leave_word(&mut alice, "two");
    alice.ask("/broadcast three", &["[Broadcast][alice]: three"]);
    alice.ask("/delete 1", &["*** alice deleted #1."]);
    let mut bob = server.login("bob");
    bob.expect("*** 1 message came while you were away:");
    bob.expect_past(&["#2 {time} [alice]: two"]);
    bob.quiet();
}

#[test]
fn a_backlog_beyond_five_hundred_says_how_many_more_there_are() {
    let server = TestServer::with(unhurried);
    let mut alice = server.login("alice");
    let texts: Vec<String> = (1..=503).map(|n| n.to_string()).collect();
    leave_words(&mut alice, &texts, true);
    let mut bob = server.login("bob");
    bob.expect("*** 500 messages came while you were away:");
    (1..=500).for_each(|n| assert_eq!(timeless(&bob.line()), format!("#{n} {{time}} [alice]: {n}")));
    bob.expect("*** 3 more came; /history shows them.");
    bob.quiet();
    bob.ask_past(
        "/history alice 3",
        &[
            "History with alice:",
            "#501 {time} [alice]: 501",
            "#502 {time} [alice]: 502",
            "#503 {time} [alice]: 503",
            "There is more: /history alice 3 before #501",
        ],
    );
    leave(&server, bob);
    server.login("bob").quiet();
}

/// Logs in a client over the in-memory link that reads nothing after its password.
fn come_with_gate_shut(server: &TestServer, name: &str) -> MemoryClient {
    let mut client = server.memory_connect();
    client.expect_bytes("Enter username: ");
    client.send(&format!("{name}\n"));
    client.expect_bytes("Enter password: ");
    client.peer.shut_gate(true);
    let before = server.handle.hub().session_count();
    client.send(&format!("{}\n", crate::support::password(name)));
    await_sessions(server, before + 1);
    client
}

fn expect_welcome(client: &mut MemoryClient) {
    client.expect("Welcome to the chat server!");
    client.expect("Type /help for the commands; Ctrl-R shows a half-typed line again.");
}

/// Expects a line of the history, with any time.
fn expect_past(client: &mut MemoryClient, line: &str) {
    assert_eq!(timeless(&client.line()), line);
}

#[test]
fn new_messages_wait_behind_the_backlog_of_a_slow_reader() {
    let server = TestServer::with(unhurried);
    let mut alice = server.login("alice");
    let long = "x".repeat(3_000);
    let missed: Vec<String> = (1..=500).map(|n| format!("{n} {long}")).collect();
    leave_words(&mut alice, &missed, true);
    let mut bob = come_with_gate_shut(&server, "bob");
    alice.expect("*** bob has joined the chat.");
    let live: Vec<String> = (501..=550).map(|n| format!("{n} live")).collect();
    leave_words(&mut alice, &live, false);
    alice.quiet();
    // 1.5 MB, through a pipe that holds 64 KiB.
    bob.peer.shut_gate(false);
    expect_welcome(&mut bob);
    bob.expect("*** 500 messages came while you were away:");
    for (n, text) in (1..).zip(&missed) {
        expect_past(&mut bob, &format!("#{n} {{time}} [alice]: {text}"));
    }
    live.iter().for_each(|text| bob.expect(&format!("[alice]: {text}")));
    bob.quiet();
    alice.quiet();
}

#[test]
fn a_backlog_that_is_cut_short_goes_on_at_the_next_login() {
    let server = TestServer::with(unhurried);
    let mut alice = server.login("alice");
    let long = "x".repeat(3_000);
    let missed: Vec<String> = (1..=200).map(|n| format!("{n} {long}")).collect();
    leave_words(&mut alice, &missed, true);
    let mut bob = come_with_gate_shut(&server, "bob");
    alice.expect("*** bob has joined the chat.");
    leave_words(&mut alice, &["live".to_owned()], false);
    bob.peer.shut_gate(false);
    expect_welcome(&mut bob);
    bob.expect("*** 200 messages came while you were away:");
    // The first page has gone out whole, and bob reads no further.
    (1..=60).for_each(|n| expect_past(&mut bob, &format!("#{n} {{time}} [alice]: {}", missed[n - 1])));
    bob.peer.shut_gate(true);
    bob.peer.reset();
    alice.expect("*** bob has left the chat.");
    await_sessions(&server, 1);
    let mut bob = server.login("bob");
    let count = bob.line();
    let count: usize = count.split(' ').nth(1).unwrap().parse().unwrap();
    // Bob has got whole pages; how many depends on how much the pipe had taken.
    assert!((51..=151).contains(&count), "{count}");
    let first = 202 - count;
    for n in first..=200 {
        assert_eq!(timeless(&bob.line()), format!("#{n} {{time}} [alice]: {}", missed[n - 1]));
    }
    assert_eq!(timeless(&bob.line()), "#201 {time} [alice]: live");
    bob.quiet();
}

#[test]
fn a_closed_slow_reader_gets_the_rest_at_the_next_login() {
    let server = TestServer::with(|config| config.limits.outbox_items = 8);
    let mut alice = server.login("alice");
    let mut bob = server.memory_login("bob");
    alice.expect("*** bob has joined the chat.");
    alice.ask("/msg bob read", &["[to bob]: read"]);
    bob.expect("[alice]: read");
    bob.quiet();
    bob.peer.shut_gate(true);
    let mut sent = 0;
    while server.handle.hub().session_count() > 1 {
        sent += 1;
        alice.send(&format!("/msg bob {sent}"));
        alice.line_with("[to bob]: ");
    }
    let mut bob = server.login("bob");
    bob.expect(&format!("*** {sent} messages came while you were away:"));
    (1..=sent).for_each(|n| assert_eq!(timeless(&bob.line()), format!("#{} {{time}} [alice]: {n}", n + 1)));
    bob.quiet();
}

#[test]
fn messages_in_flight_on_a_broken_connection_come_again() {
    let server = TestServer::start();
    let mut alice = server.login("alice");
    let bob = server.memory_login("bob");
    alice.expect("*** bob has joined the chat.");
    bob.peer.shut_gate(true);
    alice.ask("/msg bob one", &["[to bob]: one"]);
    bob.peer.reset();
    alice.expect("*** bob has left the chat.");
    leave_word(&mut alice, "two");
    let mut bob = server.login("bob");
    bob.expect("*** 2 messages came while you were away:");
    bob.expect_past(&["#1 {time} [alice]: one", "#2 {time} [alice]: two"]);
    bob.quiet();
}

#[test]
fn a_session_that_replaces_a_stuck_one_gets_its_unread_messages() {
    let server = TestServer::with(|config| config.duplicate_login = DuplicateLogin::Replace);
    let mut alice = server.login("alice");
    let stuck = server.memory_login("bob");
    alice.expect("*** bob has joined the chat.");
    stuck.peer.shut_gate(true);
    alice.ask("/msg bob one", &["[to bob]: one"]);
    let mut bob = server.login("bob");
    bob.expect("*** 1 message came while you were away:");
    bob.expect_past(&["#1 {time} [alice]: one"]);
    await_sessions(&server, 2);
    bob.quiet();
    leave(&server, bob);
    alice.expect("*** bob has left the chat.");
    server.login("bob").quiet();
}

#[test]
fn two_sessions_of_one_user_get_each_message_once() {
    let server = TestServer::with(|config| config.duplicate_login = DuplicateLogin::Allow);
    let mut alice = server.login("alice");
    leave_word(&mut alice, "one");
    let mut desk = server.login("bob");
    alice.expect("*** bob has joined the chat.");
    desk.expect("*** 1 message came while you were away:");
    desk.expect_past(&["#1 {time} [alice]: one"]);
    let mut phone = server.login("bob");
    alice.ask("/msg bob two", &["[to bob]: two"]);
    for session in [&mut desk, &mut phone] {
        session.expect("[alice]: two");
        session.quiet();
    }
    leave(&server, desk);
    alice.ask("/msg bob three", &["[to bob]: three"]);
    phone.expect("[alice]: three");
    leave(&server, phone);
    alice.expect("*** bob has left the chat.");
    server.login("bob").quiet();
}

#[test]
fn nothing_is_lost_between_a_session_and_one_that_never_reads() {
    let server = TestServer::with(|config| config.duplicate_login = DuplicateLogin::Allow);
    let mut alice = server.login("alice");
    let desk = server.login("bob");
    alice.expect("*** bob has joined the chat.");
    let phone = come_with_gate_shut(&server, "bob");
    leave(&server, desk);
    alice.ask("/msg bob one", &["[to bob]: one"]);
    phone.peer.reset();
    alice.expect("*** bob has left the chat.");
    let mut bob = server.login("bob");
    bob.expect("*** 1 message came while you were away:");
    bob.expect_past(&["#1 {time} [alice]: one"]);
    bob.quiet();
}

#[test]
fn a_new_account_gets_no_messages_from_before_it_existed() {
    let server = TestServer::start();
    let mut alice = server.login("alice");
    alice.ask("/msg zoe hi", &["Error: User 'zoe' does not exist."]);
    let file = server.dir.path().join("users.txt");
    let users = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, users + "zoe:pw\n").unwrap();
    server.handle.reload().unwrap();
    let mut zoe = server.login("zoe");
    zoe.quiet();
    zoe.ask("/history", &["History is empty."]);
    alice.expect("*** zoe has joined the chat.");
    alice.ask("/msg zoe welcome", &["[to zoe]: welcome"]);
    zoe.expect("[alice]: welcome");
}

#[test]
fn receipts_come_for_live_and_for_missed_messages() {
    let server = TestServer::start();
    let mut alice = server.login("alice");
    leave_word(&mut alice, "zero");
    alice.ask_all(&[
        ("/receipts", "Receipts: off."),
        ("/receipts on", "Receipts: on."),
        ("/receipts", "Receipts: on."),
    ]);
    leave_word(&mut alice, "one");
    let mut bob = server.login("bob");
    alice.expect("*** bob has joined the chat.");
    alice.expect("*** bob has received #1.");
    alice.expect("*** bob has received #2.");
    bob.expect("*** 2 messages came while you were away:");
    bob.expect_past(&["#1 {time} [alice]: zero", "#2 {time} [alice]: one"]);
    bob.quiet();
    alice.ask("/msg bob two", &["[to bob]: two", "*** bob has received #3."]);
    bob.expect("[alice]: two");
    bob.ask("/read #3", &["Marked #3 as read."]);
    alice.expect("*** bob has read #3.");
    alice.ask("/read 3", &["Error: Message #3 is not a private message to you."]);
    bob.ask("/msg alice four", &["[to alice]: four"]);
    alice.expect("[bob]: four");
    alice.ask("/read 4", &["Marked #4 as read."]);
    alice.ask("/receipts off", &["Receipts: off."]);
    bob.ask("/read 3", &["Marked #3 as read."]);
    alice.ask("/msg bob five", &["[to bob]: five"]);
    bob.expect("[alice]: five");
    alice.ask("/receipts perhaps", &["Usage: /receipts [on|off]"]);
    alice.quiet();
    bob.quiet();
}

#[test]
fn no_receipt_comes_before_the_client_takes_the_message() {
    let server = TestServer::start();
    let mut alice = server.login("alice");
    let mut bob = server.memory_login("bob");
    alice.expect("*** bob has joined the chat.");
    alice.ask("/receipts on", &["Receipts: on."]);
    bob.peer.shut_gate(true);
    alice.ask("/msg bob one", &["[to bob]: one"]);
    server.handle.hub().tend().unwrap();
    alice.quiet();
    bob.peer.shut_gate(false);
    bob.expect("[alice]: one");
    // The second answer is written after the first one, and so after it was noted that the message was written.
    (0..2).for_each(|_| bob.quiet());
    server.handle.hub().tend().unwrap();
    alice.expect("*** bob has received #1.");
    alice.quiet();
}

#[test]
fn receipts_in_machine_mode_have_fields() {
    let server = TestServer::start();
    let [mut bot, mut bob] = server.login_all(["alice", "bob"]);
    bot.ask_all(&[("/mode machine", "mode name=machine"), ("/receipts on", "receipts wanted=true")]);
    bot.send("/msg bob hi");
    bot.line_with("sent id=1 ");
    bot.expect("received id=1 by=bob");
    bob.expect("[alice]: hi");
    bob.ask("/read 1", &["Marked #1 as read."]);
    bot.expect("read id=1 by=bob");
    bob.ask("/mode machine", &["mode name=machine"]);
    bob.ask("/read 1", &["you_read id=1"]);
    bot.expect("read id=1 by=bob");
    bot.ask("/read 9", &["error code=no_such_message text=Error: Message #9 does not exist, or you may not see it."]);
}

#[test]
fn ids_are_shown_on_request_and_survive_a_change_of_mode() {
    let server = TestServer::start();
    let [mut alice, mut bob] = server.login_all(["alice", "bob"]);
    alice.ask_all(&[
        ("/mode", "Mode: plain."),
        ("/mode ids", "Usage: /mode [plain|machine|ids <on|off>|bell <off|mentions|all>]"),
        ("/mode ids on", "Mode: plain, with ids."),
        ("/create_group g", "Group g created."),
        ("/msg bob hi", "#1 [to bob]: hi"),
        ("/g g hi", "#2 [Group g][alice]: hi"),
        ("/broadcast hi", "#3 [Broadcast][alice]: hi"),
        ("/mode machine", "mode name=machine ids=true"),
        ("/mode", "mode name=machine ids=true"),
        ("/mode plain", "Mode: plain, with ids."),
    ]);
    bob.expect("[alice]: hi");
    bob.expect("[Broadcast][alice]: hi");
    bob.ask("/msg alice you?", &["[to alice]: you?"]);
    alice.expect("#4 [bob]: you?");
    alice.ask_all(&[
        ("/mode machine", "mode name=machine ids=true"),
        ("/mode ids off", "mode name=machine"),
        ("/mode plain", "Mode: plain."),
        ("/msg bob bye", "[to bob]: bye"),
    ]);
}

#[test]
fn ids_are_shown_to_telnet_in_its_own_line_ends() {
    let server = TestServer::start();
    let mut alice = server.connect();
    alice.expect_bytes("Enter username: ");
    alice.send_raw("alice\r\npassword123\r\n/mode ids on\r\n/msg alice hi\r\n/mode ids off\r\n/msg alice hi\r\n");
    alice.expect_bytes("Enter password: Welcome to the chat server!\r\n");
    alice.line();
    let answers = [
        "Mode: plain, with ids.",
        "#1 [alice]: hi",
        "#1 [to alice]: hi",
        "Mode: plain.",
        "[alice]: hi",
        "[to alice]: hi",
    ];
    answers.iter().for_each(|line| alice.expect_bytes(format!("{line}\r\n")));
}

#[test]
fn answers_come_in_the_order_of_the_commands() {
    let server = TestServer::start();
    let [mut alice, mut bob] = server.login_all(["alice", "bob"]);
    alice.send_raw("/msg bob a\n/users\n/msg bob b\n/nope\n/msg bob\n/create_group g\n/g g c\n/history bob 1\n/delete 1\n/msg bob d\n/ping x\n");
    let answers = [
        "[to bob]: a",
        "Online users:",
        "alice",
        "bob",
        "[to bob]: b",
        "Error: Unknown command '/nope'. /help lists all commands.",
        "Usage: /msg <username> <message>",
        "Group g created.",
        "[Group g][alice]: c",
        "History with bob:",
        "#2 {time} [to bob]: b",
        "There is more: /history bob 1 before #2",
        "*** alice deleted #1.",
        "[to bob]: d",
        "Pong: x",
    ];
    alice.expect_past(&answers);
    for line in ["[alice]: a", "[alice]: b", "*** alice deleted #1.", "[alice]: d"] {
        bob.expect(line);
    }
    bob.quiet();
}
