//! Machine mode, as a bot sees it.

use crate::support::TestServer;

/// A line without its id and time, which differ from run to run.
fn stable(line: &str) -> String {
    let (fields, text) = line.split_once(" text=").map_or((line, None), |(fields, text)| (fields, Some(text)));
    let fields = fields.split(' ').filter(|field| !field.starts_with("id=") && !field.starts_with("at="));
    let fields = fields.collect::<Vec<_>>().join(" ");
    text.map_or(fields.clone(), |text| format!("{fields} text={text}"))
}

/// The value of a field.
fn field<'a>(line: &'a str, name: &str) -> &'a str {
    line.split(' ').find_map(|field| field.strip_prefix(name)?.strip_prefix('=')).unwrap()
}

#[test]
fn a_bot_gets_lines_while_others_get_text() {
    let server = TestServer::start();
    let [mut bot, mut bob] = server.login_all(["alice", "bob"]);
    bot.send("/mode machine");
    bot.expect("mode name=machine");
    bob.send("/msg alice hi there=you");
    bob.expect("[to alice]: hi there=you");
    let first = bot.line();
    assert_eq!(stable(&first), "private from=bob text=hi there=you");
    bot.send("/create_group tea");
    assert_eq!(stable(&bot.line()), "group_created group=tea");
    bob.send("/join_group tea");
    bob.expect("You joined the group tea.");
    assert_eq!(stable(&bot.line()), "member_joined group=tea user=bob");
    bot.send("/g tea back\\slash");
    let last = bot.line();
    assert_eq!(stable(&last), "group group=tea from=alice text=back\\\\slash");
    bob.expect("[Group tea][alice]: back\\slash");
    assert!(field(&first, "id").parse::<u64>().unwrap() < field(&last, "id").parse::<u64>().unwrap());
    assert!(field(&first, "at") < field(&last, "at"), "the same form sorts as the time does");
    bob.send("/quit");
    assert_eq!(stable(&bot.line()), "left user=bob");
    bot.ask("/users", &["users names=alice away="]);
}

#[test]
fn errors_have_codes_and_plain_mode_comes_back() {
    let server = TestServer::start();
    let mut bot = server.login("alice");
    bot.ask("/mode MACHINE", &["mode name=machine"]);
    bot.ask_all(&[
        ("/msg nobody x", "error code=no_such_user text=Error: User 'nobody' does not exist."),
        ("/mode morse", "error code=usage text=Usage: /mode [plain|machine|ids <on|off>|bell <off|mentions|all>]"),
        ("/ping a b", "pong text=a b"),
        ("/talk #x", "error code=no_such_group text=Error: Group 'x' does not exist."),
        ("/groups_users", "groups_users first=true groups="),
        ("/mode plain", "Mode: plain."),
        ("/ping", "Pong."),
    ]);
}

#[test]
fn the_mode_changes_between_lines_of_one_read() {
    let server = TestServer::start();
    let mut bot = server.memory_login("alice");
    bot.send("/ping 1\n/mode machine\n/ping 2\n/mode plain\n/ping 3\n");
    bot.expect_bytes("Pong: 1\nmode name=machine\npong text=2\nMode: plain.\nPong: 3\n");
}
