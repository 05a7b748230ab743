//! A session over a WebSocket: the same chat as over netcat, with each event as an object.

use std::io::Write;
use std::time::Duration;

use parlor::model::{DuplicateLogin, Registration};

use super::{Socket, server, server_with};
use crate::support::{PATIENCE, TestClient, eventually, timeless};

#[test]
fn a_browser_and_netcat_chat_with_each_other() {
    let server = server();
    let mut bob = server.login("bob");
    let mut alice = Socket::connect(&server);
    assert_eq!(alice.next(), r#"{"event":"ask","what":"name"}"#);
    alice.send("alice");
    assert_eq!(alice.next(), r#"{"event":"ask","what":"password"}"#);
    alice.send("password123");
    assert_eq!(alice.next(), r#"{"event":"welcome","text":null}"#);
    bob.expect("*** alice has joined the chat.");
    alice.answer("/msg bob hi \"bob\" <b>", r#"{"event":"sent","to":"bob","text":"hi \"bob\" <b>"}"#);
    bob.expect("[alice]: hi \"bob\" <b>");
    bob.send("/msg alice ÿ 🦀 back\\slash");
    bob.expect("[to alice]: ÿ 🦀 back\\slash");
    assert_eq!(alice.next(), r#"{"event":"private","from":"bob","text":"ÿ 🦀 back\\slash"}"#);
    alice.answer("/create_group tea", r#"{"event":"group_created","group":"tea"}"#);
    bob.send("/join_group tea");
    bob.expect("You joined the group tea.");
    assert_eq!(alice.next(), r#"{"event":"member_joined","group":"tea","user":"bob"}"#);
    alice.answer("/g tea milk?", r#"{"event":"group","group":"tea","from":"alice","text":"milk?"}"#);
    bob.expect("[Group tea][alice]: milk?");
    alice.answer("/users", r#"{"event":"users","users":[{"name":"alice","away":null},{"name":"bob","away":null}]}"#);
    alice.send("/quit");
    assert_eq!(alice.read_to_end(), (vec![r#"{"event":"closed","reason":"quit"}"#.to_owned()], Some(1000)));
    bob.expect("*** alice has left the chat.");
}

#[test]
fn name_and_password_can_share_a_message_modes_do_nothing() {
    let server = server();
    let mut alice = Socket::login(&server, "alice");
    alice.send("/mode machine\n/mode bell all\n/ping 1");
    alice.expect(&["mode", "mode", "pong"]);
    let mut bob = Socket::login(&server, "bob");
    alice.expect(&["joined"]);
    bob.send("/msg alice wake up alice");
    assert_eq!(alice.next(), r#"{"event":"private","from":"bob","text":"wake up alice"}"#);
    alice.answer("/nonsense", r#"{"event":"error","code":"unknown_command","text":"Error: Unknown command '/nonsense'. /help lists all commands."}"#);
    alice.quiet();
}

#[test]
fn control_characters_do_not_edit_a_message() {
    let server = server();
    let mut alice = Socket::login(&server, "alice");
    alice.answer("/ping a\u{8}b\u{7f}", "{\"event\":\"pong\",\"text\":\"a\u{fffd}b\u{fffd}\"}");
    alice.quiet();
}

#[test]
fn a_crlf_in_a_message_does_not_mean_telnet() {
    let server = server_with(|config| config.telnet = parlor::model::TelnetMode::Always);
    let mut alice = Socket::connect(&server);
    alice.expect(&["ask"]);
    alice.send("alice\r\n");
    alice.expect(&["ask"]);
    alice.send("password123\r\n");
    alice.expect(&["welcome"]);
    alice.send("/passwd");
    assert_eq!(alice.next(), r#"{"event":"ask","what":"old_password"}"#);
    alice.answer("", r#"{"event":"cancelled"}"#);
}

#[test]
fn a_failed_login_is_reported_and_closed() {
    let server = server();
    let mut stranger = Socket::connect(&server);
    stranger.send("alice\nwrong");
    stranger.expect(&["ask", "ask"]);
    let (events, code) = stranger.read_to_end();
    let said = [
        r#"{"event":"login_failed","code":"wrong_name_or_password"}"#,
        r#"{"event":"closed","reason":"login_failed"}"#,
    ];
    assert_eq!((events, code), (said.map(str::to_owned).to_vec(), Some(1000)));
}

#[test]
fn registering_guests_and_tokens_work_over_websocket() {
    let server = server_with(|config| {
        (config.registration, config.guests) = (Registration::Open, true);
        config.duplicate_login = DuplicateLogin::Allow;
    });
    let mut zoe = Socket::connect(&server);
    zoe.send("/register zoe\nsecret-1\nsecret-1");
    zoe.expect(&["ask", "ask", "ask", "welcome"]);
    let mut taken = Socket::connect(&server);
    taken.send("/register ZOE\nsecret-2\nsecret-2");
    taken.expect(&["ask", "ask", "ask"]);
    assert_eq!(taken.next(), r#"{"event":"registration_failed","code":"name_taken"}"#);
    let mut mary = Socket::connect(&server);
    mary.send("/register Mary Ann\nsecret-3\nsecret-3");
    mary.expect(&["ask"]);
    assert_eq!(mary.next(), r#"{"event":"registration_failed","code":"bad_name"}"#);
    let mut guest = Socket::connect(&server);
    guest.send("guest");
    guest.send("");
    guest.expect(&["ask", "ask", "welcome"]);
    assert_eq!(guest.next(), r#"{"event":"guest","name":"guest-1"}"#);
    zoe.expect(&["joined"]);
    zoe.send("/token new browser 30");
    let made = zoe.raw();
    let token = made.rsplit('"').nth(1).unwrap();
    assert!(token.starts_with("parlor_"), "{made}");
    let mut again = Socket::connect(&server);
    again.send(&format!("zoe\n{token}"));
    again.expect(&["ask", "ask", "welcome"]);
    zoe.answer("/token revoke browser", r#"{"event":"token_revoked","name":"browser"}"#);
    assert_eq!(again.read_to_end().0, [r#"{"event":"closed","reason":"token_revoked"}"#]);
}

#[test]
fn the_web_door_has_the_same_admission() {
    let server = server_with(|config| config.limits.max_unauthenticated_per_address = 2);
    let host = [127, 0, 0, 7];
    let mut plain = server.connect_from(host);
    plain.expect_bytes("Enter username: ");
    let mut first = Socket::connect_from(&server, host);
    first.expect(&["ask"]);
    let mut second = Socket::connect_from(&server, host);
    let refused = [r#"{"event":"login_failed","code":"too_many_connections","limit":2}"#.to_owned()];
    assert_eq!(second.read_to_end(), (refused.to_vec(), Some(1000)));
    first.send("alice\nwrong");
    first.expect(&["ask", "login_failed"]);
}

#[test]
fn wrong_passwords_count_per_address_at_both_doors() {
    let server = server();
    let host = [127, 0, 0, 6];
    for _ in 0..4 {
        let (mut web, mut plain) = (Socket::connect_from(&server, host), server.connect_from(host));
        web.send("alice\nwrong");
        plain.send_raw("alice\nwrong\n");
        web.expect(&["ask", "ask"]);
        assert_eq!(web.next(), r#"{"event":"login_failed","code":"wrong_name_or_password"}"#);
        plain.line_with("Authentication failed.");
    }
    let mut web = Socket::connect_from(&server, host);
    web.send("alice\npassword123");
    web.expect(&["ask", "ask"]);
    assert_eq!(web.next(), r#"{"event":"login_failed","code":"too_many_attempts"}"#);
}

#[test]
fn a_banned_address_gets_neither_page_nor_session() {
    let server = server();
    let host = [127, 0, 0, 5];
    let mut web = Socket::connect_from(&server, host);
    web.send("alice\npassword123");
    web.expect(&["ask", "ask", "welcome"]);
    let act = parlor::command::console("ban addr 127.0.0.5 2h flood").unwrap();
    let accounts = parlor::accounts::Accounts::load(&server.dir.path().join("users.txt")).unwrap();
    server.handle.admin().execute(act, &parlor::admin::Actor::Console, &accounts).unwrap();
    let said = [r#"{"event":"dismissed","text":"flood"}"#, r#"{"event":"closed","reason":"banned"}"#];
    assert_eq!(web.read_to_end().0, said);
    let mut page = TestClient::connect_from(server.web[0], host.into());
    let page = String::from_utf8(page.read_to_end()).unwrap();
    assert!(page.starts_with("HTTP/1.1 403 "), "{page}");
    assert!(timeless(&page).ends_with("\r\n\r\nYour address is banned until {time} UTC: flood.\n"), "{page}");
}

#[test]
fn a_browser_that_does_not_read_is_closed_and_blocks_nobody() {
    let server = server_with(|config| {
        (config.limits.rate, config.limits.outbox_age) = (0, Duration::from_secs(2));
    });
    let mut stuck = Socket::login(&server, "alice");
    let mut bob = server.login("bob");
    stuck.expect(&["joined"]);
    let text = "x".repeat(2_000);
    let echo = format!("[Broadcast][bob]: {text}");
    loop {
        bob.send(&format!("/broadcast {text}"));
        match bob.line() {
            line if line == echo => {}
            line => break assert_eq!(line, "*** alice has left the chat."),
        }
    }
    bob.expect(&echo);
    bob.quiet();
}

#[test]
fn a_browser_that_reads_in_bursts_gets_each_event_once() {
    let server = server_with(|config| config.limits.rate = 0);
    let mut slow = Socket::login(&server, "alice");
    let mut bob = server.login("bob");
    slow.expect(&["joined"]);
    let text = "x".repeat(1_000);
    // More than the kernel buffers for this client, less than that and the outbox together.
    for n in 0..300 {
        bob.send(&format!("/broadcast {n} {text}"));
        bob.expect(&format!("[Broadcast][bob]: {n} {text}"));
    }
    for n in 0..300 {
        assert_eq!(slow.next(), format!(r#"{{"event":"broadcast","from":"bob","text":"{n} {text}"}}"#));
    }
    slow.quiet();
}

#[test]
fn a_framing_violation_closes_only_that_client() {
    let server = server();
    let mut bob = Socket::login(&server, "bob");
    let abuse: [(&[u8], u16); 5] = [
        (b"\x81\x02hi", 1002),
        (b"\x82\x81\x01\x02\x03\x04x", 1003),
        (b"\x81\x82\x00\x00\x00\x00\xC3\x28", 1007),
        (b"\x81\xFF\x00\x00\x00\x00\x7F\xFF\xFF\xFF\x00\x00\x00\x00", 1009),
        (b"\xC1\x81\x01\x02\x03\x04x", 1002),
    ];
    for (bytes, code) in abuse {
        let mut alice = Socket::login(&server, "alice");
        bob.expect(&["joined"]);
        alice.socket.get_mut().write_all(bytes).unwrap();
        assert_eq!(alice.read_to_end(), (Vec::new(), Some(code)), "{}", bytes.escape_ascii());
        bob.expect(&["left"]);
    }
    bob.quiet();
}

#[test]
fn a_closed_tab_leaves_at_once_and_messages_wait() {
    let server = server();
    let mut bob = server.login("bob");
    let mut alice = Socket::login(&server, "alice");
    bob.expect("*** alice has joined the chat.");
    alice.socket.close(None).unwrap();
    bob.expect("*** alice has left the chat.");
    assert_eq!(alice.read_to_end().0, Vec::<String>::new());
    let alice = Socket::login(&server, "alice");
    bob.expect("*** alice has joined the chat.");
    drop(alice);
    bob.expect("*** alice has left the chat.");
    bob.send("/msg alice later");
    bob.line_with("not online");
    let mut alice = Socket::login(&server, "alice");
    assert_eq!(alice.next(), r#"{"event":"missed","count":1}"#);
    assert_eq!(alice.next(), r#"{"event":"past","messages":[{"from":"bob","to":"alice","text":"later"}]}"#);
    alice.quiet();
}

#[test]
fn browsers_are_told_about_a_stop() {
    let server = server();
    let mut alice = Socket::login(&server, "alice");
    let mut login = Socket::connect(&server);
    login.expect(&["ask"]);
    server.handle.stop();
    let closed = (vec![r#"{"event":"closed","reason":"shutdown"}"#.to_owned()], Some(1000));
    assert_eq!(alice.read_to_end(), closed);
    assert_eq!(login.read_to_end(), closed);
    eventually("no session", || server.handle.hub().session_count() == 0);
    assert!(PATIENCE > Duration::ZERO);
}

#[test]
fn a_close_waits_for_what_was_sent_before_it() {
    let server = server();
    let mut bob = server.login("bob");
    let mut socket = Socket::login(&server, "alice");
    bob.expect("*** alice has joined the chat.");
    let messages: Vec<String> = (0..500).map(|n| format!("/msg bob {n}")).collect();
    let messages: Vec<&str> = messages.iter().map(String::as_str).collect();
    socket.send_and_close(&messages);
    for n in 0..500 {
        bob.expect(&format!("[alice]: {n}"));
    }
    bob.expect("*** alice has left the chat.");
    let (answers, code) = socket.read_to_end();
    assert_eq!((answers.iter().filter(|answer| answer.contains("\"text\":")).count(), code), (500, Some(1000)));
}
