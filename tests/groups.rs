//! Groups over sockets: rooms, tagged lines for programs, and a restart.

use crate::support::{Daemon, TestClient, TestServer, timeless};

/// Creates a room for this many and returns its code.
fn room(client: &mut TestClient, limit: usize) -> String {
    client.send(&format!("/room create {limit}"));
    let line = client.line();
    let code = line.split(' ').nth(1).unwrap().to_owned();
    assert_eq!(line, format!("Room {code} created (1/{limit}); others join with /room join {code}."));
    assert!(code.len() == 4 && code.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit()), "{code}");
    code
}

#[test]
fn a_room_admits_its_code_until_it_is_full() {
    let server = TestServer::start();
    let [mut alice, mut bob, mut eve] = server.login_all(["alice", "bob", "eve"]);
    let code = room(&mut alice, 2);
    bob.ask("/groups", &["There are no groups yet; /create_group creates one."]);
    bob.ask(&format!("/join_group {code}"), &[&format!("Error: Group '{code}' does not exist.")]);
    bob.ask(&format!("/room join {}", code.to_lowercase()), &[&format!("You joined the room {code} (2/2).")]);
    alice.expect("*** bob has joined (2/2).");
    eve.ask(&format!("/room join {code}"), &[&format!("Error: Group '{code}' is full: its limit is 2.")]);
    bob.ask(&format!("/room join {code}"), &[&format!("Error: You are already a member of group '{code}'.")]);
    bob.ask(&format!("/g {code} hi"), &[&format!("[Group {code}][bob]: hi")]);
    alice.expect(&format!("[Group {code}][bob]: hi"));
    alice.ask(&format!("/history #{code}"), &[&format!("Error: Messages in group '{code}' are not kept.")]);
    alice.ask(&format!("/group {code} limit=8"), &[&format!("Error: Room '{code}' cannot be changed.")]);
    let second = room(&mut bob, 8);
    bob.ask("/room leave", &["Error: You are in more than one room; use /room leave <code>."]);
    bob.ask(
        &format!("/room leave {second}"),
        &[&format!("You left the room {second}. It is empty now and was deleted.")],
    );
    bob.ask("/room leave", &[&format!("You left the room {code}.")]);
    alice.expect("*** bob has left (1/2).");
    eve.ask(&format!("/room join {code}"), &[&format!("You joined the room {code} (2/2).")]);
    alice.expect("*** eve has joined (2/2).");
    eve.send("/quit");
    eve.expect_end();
    bob.expect("*** eve has left the chat.");
    alice.expect("*** eve has left the chat.");
    alice.expect("*** eve has left (1/2).");
    alice.ask("/room leave", &[&format!("You left the room {code}. It is empty now and was deleted.")]);
    bob.ask(&format!("/room join {code}"), &[&format!("Error: Room '{code}' does not exist.")]);
}

/// A line of machine mode without its time.
fn without_time(line: &str) -> String {
    let words = line.split(' ').filter(|word| !word.starts_with("at="));
    words.map(|word| if word.starts_with("until=2") { "until=T" } else { word }).collect::<Vec<_>>().join(" ")
}

#[test]
fn group_events_have_fields_for_programs() {
    let server = TestServer::start();
    let [mut bot, mut bob] = server.login_all(["alice", "bob"]);
    bot.ask("/mode machine", &["mode name=machine"]);
    let settings = |rest: &str| {
        format!("private=false password=false announce=false keep=false ephemeral=false room=false text={rest}")
    };
    let mut ask = |line: &str, expected: &[&str]| {
        bot.send(line);
        expected.iter().for_each(|expected| assert_eq!(without_time(&bot.line()), *expected, "{line}"));
    };
    ask("/create_group g limit=5 topic=x y", &["group_created group=g"]);
    ask(
        "/group g",
        &[&format!("group_info group=g members=1 owners=alice admins= role=owner limit=5 {}", settings("x y"))],
    );
    ask("/group g -limit topic=", &[&format!("group_changed group=g by=alice limit= {}", settings(""))]);
    ask("/invite bob g", &["you_invited group=g user=bob"]);
    bob.expect("*** alice invites you to the group g; /accept #g joins it.");
    bob.ask("/accept g", &["You joined the group g."]);
    ask("/promote bob g", &["member_joined group=g user=bob", "role group=g user=bob role=admin by=alice"]);
    ask("/mute bob g 1h hush", &["muted group=g user=bob by=alice until=T text=hush"]);
    ask("/bans g", &["bans group=g", "ban group=g user=bob what=muted by=alice until=T text=hush"]);
    ask("/unmute bob g", &["unmuted group=g user=bob by=alice"]);
    ask("/kick bob g why not", &["kicked group=g user=bob by=alice text=why not"]);
    ask("/ban bob g", &["banned group=g user=bob by=alice until= text="]);
    ask("/unban bob g", &["unbanned group=g user=bob by=alice"]);
    ask("/unban bob g", &["error code=not_banned text=Error: User 'bob' is not banned from group 'g'."]);
    bot.send("/room create 3 plans  for two");
    let line = without_time(&bot.line());
    let code = line.split("group=").nth(1).unwrap().split(' ').next().unwrap().to_owned();
    assert_eq!(line, format!("room_created group={code} count=1 limit=3 text=plans  for two"));
    bob.send(&format!("/room join {code}"));
    bob.line_with(&format!("You joined the room {code} (2/3)."));
    assert_eq!(without_time(&bot.line()), format!("member_joined group={code} user=bob count=2 limit=3"));
    bob.ask("/room leave", &[&format!("You left the room {code}.")]);
    assert_eq!(without_time(&bot.line()), format!("member_left group={code} user=bob count=1 limit=3"));
    bot.send("/room leave");
    assert_eq!(without_time(&bot.line()), format!("room_left group={code} gone=true"));
}

#[test]
fn kept_groups_survive_a_restart() {
    let mut daemon = Daemon::start(&["--data", "data"]);
    let mut alice = daemon.login("alice");
    let [mut bob, mut eve, mut david] = ["bob", "eve", "david"].map(|user| daemon.login(user));
    alice.send("/create_group book keep private limit=9 password=crab topic=chapter one");
    alice.line_with("Group book created.");
    alice.ask("/create_group loose", &["Group loose created."]);
    for user in [&mut bob, &mut eve, &mut david] {
        user.send("/join_group book crab");
        user.line_with("You joined the group book.");
    }
    for line in ["/promote bob book", "/mute eve book 7d hush", "/ban david book spam"] {
        alice.send(line);
    }
    alice.line_with("david was banned");
    bob.send("/quit");
    bob.read_to_end();
    alice.line_with("bob has left the chat.");
    alice.ask("/group_msg book are you there?", &["[Group book][alice]: are you there?"]);
    daemon.kill();
    daemon.restart(&["--data", "data"]);
    let mut bob = daemon.login("bob");
    bob.expect("*** 1 message came while you were away:");
    assert_eq!(timeless(&bob.line()), "#1 {time} [Group book][alice]: are you there?");
    bob.ask_past(
        "/group book",
        &["Group book: members: 3/9, owners: alice, admins: bob, you are an admin. limit 9, private, with a password, kept. Topic: chapter one"],
    );
    bob.ask_past(
        "/bans book",
        &[
            "Bans and mutes of the group book:",
            "david: banned by alice for good: spam",
            "eve: muted by alice until {time} UTC: hush",
        ],
    );
    bob.ask("/groups", &["Groups:", "book"]);
    bob.ask("/kick alice book", &["Error: User 'alice' is an owner of group 'book'; you may not do that to them."]);
    let mut eve = daemon.login("eve");
    bob.expect("*** eve has joined the chat.");
    eve.quiet();
    eve.ask_past("/g book hm", &["Error: You are muted in group 'book' until {time} UTC: hush"]);
    let mut david = daemon.login("david");
    david.ask("/join_group book crab", &["Error: You are banned from group 'book': spam"]);
    david.ask("/groups", &["There are no groups yet; /create_group creates one."]);
    assert!(!daemon.log().contains("crab"), "the password is in the log");
}
