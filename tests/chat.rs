//! Messages and groups: exactly what each user sees.

use std::thread;

use crate::support::{TestClient, TestServer};

#[test]
fn a_private_message_is_delivered_and_echoed() {
    let server = TestServer::start();
    let [mut alice, mut bob, mut charlie] = server.login_all(["alice", "bob", "charlie"]);
    alice.send("/msg bob hi  there");
    alice.expect("[to bob]: hi  there");
    bob.expect("[alice]: hi  there");
    bob.ask("/w alice  two   inner  ", &["[to alice]: two   inner"]);
    alice.expect("[bob]: two   inner");
    for client in [&mut alice, &mut bob, &mut charlie] {
        client.quiet();
    }
}

#[test]
fn a_message_to_oneself_is_delivered_and_echoed() {
    let server = TestServer::start();
    server.login("alice").ask("/msg alice remember", &["[alice]: remember", "[to alice]: remember"]);
}

#[test]
fn a_broadcast_is_the_same_line_for_everybody() {
    let server = TestServer::start();
    let mut everybody = server.login_all(["alice", "bob", "charlie"]);
    let mut stranger = server.connect();
    stranger.expect_bytes("Enter username: ");
    everybody[1].send("/broadcast lunch at  noon?");
    for client in &mut everybody {
        client.expect("[Broadcast][bob]: lunch at  noon?");
        client.quiet();
    }
    stranger.send("alice");
    stranger.expect_bytes("Enter password: ");
}

#[test]
fn a_group_lasts_from_its_first_member_to_its_last() {
    let server = TestServer::start();
    let [mut alice, mut bob, mut charlie] = server.login_all(["alice", "bob", "charlie"]);
    alice.ask("/create_group rust", &["Group rust created."]);
    bob.quiet();
    bob.ask("/join_group rust", &["You joined the group rust."]);
    alice.expect("*** bob has joined the group rust.");
    alice.ask("/group_msg rust hello", &["[Group rust][alice]: hello"]);
    bob.expect("[Group rust][alice]: hello");
    alice.ask("/leave_group rust", &["You left the group rust."]);
    alice.quiet();
    bob.expect("*** alice has left the group rust.");
    bob.ask("/group_msg rust anybody?", &["[Group rust][bob]: anybody?"]);
    bob.ask("/leave_group rust", &["You left the group rust. It is empty now and was deleted."]);
    bob.ask("/join_group rust", &["Error: Group 'rust' does not exist."]);
    for client in [&mut alice, &mut bob, &mut charlie] {
        client.quiet();
    }
}

#[test]
fn quitting_or_crashing_leaves_all_groups_at_once() {
    let server = TestServer::start();
    let [mut alice, mut bob] = server.login_all(["alice", "bob"]);
    for group in ["a", "b", "c"] {
        bob.ask(&format!("/create {group}"), &[&format!("Group {group} created.")]);
    }
    let endings: [fn(TestClient); 3] = [|mut eve| eve.send("/quit"), drop, TestClient::reset];
    for end in endings {
        let mut eve = server.login("eve");
        eve.ask("/create_group own", &["Group own created."]);
        for group in ["a", "b", "c"] {
            eve.ask(&format!("/join {group}"), &[&format!("You joined the group {group}.")]);
        }
        bob.expect("*** eve has joined the chat.");
        for group in ["a", "b", "c"] {
            bob.expect(&format!("*** eve has joined the group {group}."));
        }
        end(eve);
        bob.expect("*** eve has left the chat.");
        bob.ask("/groups_users", &["Groups and their members:", "a: bob", "b: bob", "c: bob"]);
        bob.quiet();
        alice.expect("*** eve has joined the chat.");
        alice.expect("*** eve has left the chat.");
        alice.quiet();
    }
}

#[test]
fn errors_have_their_documented_wording() {
    let server = TestServer::start();
    let [mut alice, mut bob] = server.login_all(["alice", "bob"]);
    bob.ask_all(&[("/create_group Rust", "Group Rust created."), ("/create_group own", "Group own created.")]);
    let (long, bad) =
        ("a".repeat(33), "may contain only letters, digits, '_', '.' and '-', and must start with a letter or digit");
    alice.ask_all(&[
        ("/msg zoe hi", "Error: User 'zoe' does not exist."),
        ("/msg -- hi", "Error: User '--' does not exist."),
        ("/create_group rust", "Error: Group 'Rust' already exists."),
        ("/create_group _x", &format!("Error: The group name '_x' {bad}.")),
        ("/create_group Zo\u{EB}", &format!("Error: The group name 'Zo\u{EB}' {bad}.")),
        ("/create_group Everyone", "Error: The group name 'Everyone' is reserved for the server."),
        (&format!("/create_group {long}"), &format!("Error: The group name '{long}' is longer than 32 characters.")),
        ("/join_group none", "Error: Group 'none' does not exist."),
        ("/leave_group none", "Error: Group 'none' does not exist."),
        ("/leave_group RUST", "Error: You are not a member of group 'Rust'."),
        ("/group_msg none hi", "Error: Group 'none' does not exist."),
        ("/group_msg rust hi", "Error: You are not a member of group 'Rust'."),
        ("/group_msg r?st hi", "Error: Group 'r?st' does not exist."),
        ("/talk zoe", "Error: User 'zoe' does not exist."),
        ("/talk #none", "Error: Group 'none' does not exist."),
        ("/talk #own", "Error: You are not a member of group 'own'."),
        ("/nope", "Error: Unknown command '/nope'. /help lists all commands."),
        ("/", "Error: Unknown command '/'. /help lists all commands."),
        ("/gruop_msg g hi", "Error: Unknown command '/gruop_msg'. Did you mean /group_msg? /help lists all commands."),
        ("/help mgs", "Error: Unknown command '/mgs'. Did you mean /msg? /help lists all commands."),
        (
            &format!("/{}", "q".repeat(99)),
            &format!("Error: Unknown command '/{}…'. /help lists all commands.", "q".repeat(40)),
        ),
        ("hello?", "Error: Not sent: use /msg <username> <message>, or choose a conversation with /talk."),
    ]);
    for word in ["server", "system", "all", "everyone", "here", "broadcast", "group"] {
        let refusal = format!("Error: The group name '{word}' is reserved for the server.");
        alice.ask(&format!("/create_group {word}"), &[&refusal]);
    }
    let longest = &long[..32];
    alice.ask(&format!("/create_group {longest}"), &[&format!("Group {longest} created.")]);
    bob.ask("/join_group RUST", &["Error: You are already a member of group 'Rust'."]);
    [alice, bob].iter_mut().for_each(TestClient::quiet);
}

#[test]
fn limits_on_groups_and_memberships_are_reported() {
    let server = TestServer::with(|config| (config.limits.max_groups, config.limits.max_memberships) = (3, 2));
    let [mut alice, mut bob] = server.login_all(["alice", "bob"]);
    alice.ask_all(&[
        ("/create a", "Group a created."),
        ("/create b", "Group b created."),
        ("/create c", "Error: You are already in 2 groups, which is the limit."),
    ]);
    bob.ask_all(&[
        ("/create c", "Group c created."),
        ("/create d", "Error: The server already has 3 groups, which is the limit."),
    ]);
    alice.ask("/join c", &["Error: You are already in 2 groups, which is the limit."]);
}

const CREATE: &str = "Usage: /create_group <group> [limit=N] [private] [password=P] [ephemeral] [keep]";

#[test]
fn wrong_word_counts_are_answered_with_the_usage() {
    let server = TestServer::start();
    let mut alice = server.login("alice");
    for line in ["/msg", "/msg bob", "/MSG  bob  "] {
        alice.ask(line, &["Usage: /msg <username> <message>"]);
    }
    alice.ask_all(&[
        ("/broadcast", "Usage: /broadcast <message>"),
        ("/create_group", CREATE),
        ("/create a b", CREATE),
        ("/create a limit=0", CREATE),
        ("/join_group", "Usage: /join_group <group> [<password>]"),
        ("/join_group a b c", "Usage: /join_group <group> [<password>]"),
        ("/leave a b", "Usage: /leave_group <group>"),
        ("/g rust", "Usage: /group_msg <group> <message>"),
        ("/users all", "Usage: /users"),
        ("/groups all", "Usage: /groups"),
        ("/groups_users a b", "Usage: /groups_users [<group>]"),
        ("/whoami now", "Usage: /whoami"),
        ("/talk bob charlie", "Usage: /talk [<username>|#<group>]"),
        ("/help msg talk", "Usage: /help [<command>]"),
        ("/quit now", "Usage: /quit"),
    ]);
}

#[test]
fn plain_text_goes_to_the_talk_target() {
    let server = TestServer::start();
    let [mut alice, mut bob] = server.login_all(["alice", "bob"]);
    alice.ask("/talk BOB", &["Plain text now goes to bob; /talk alone ends that."]);
    alice.ask("hi  you", &["[to bob]: hi  you"]);
    bob.expect("[alice]: hi  you");
    alice.ask("/create_group g", &["Group g created."]);
    alice.ask("/talk #g", &["Plain text now goes to #g; /talk alone ends that."]);
    alice.ask("hello", &["[Group g][alice]: hello"]);
    alice.ask("/leave g", &["You left the group g. It is empty now and was deleted."]);
    alice.ask("still there?", &["Error: Group 'g' does not exist."]);
    alice.ask("/talk bob", &["Plain text now goes to bob; /talk alone ends that."]);
    bob.send("/exit");
    bob.expect_end();
    alice.expect("*** bob has left the chat.");
    alice.ask("gone?", &["[to bob]: gone?", "*** bob is not online; your message is kept until the next login."]);
    alice.ask("/talk", &["Plain text now goes nowhere; choose with /talk <username|#group>."]);
    alice.send("hm");
    alice.line_with("Error: Not sent: ");
}

#[test]
fn all_members_see_one_order_of_messages() {
    const EACH: usize = 200;
    let server = TestServer::start();
    let names = ["alice", "bob", "charlie", "david"];
    let mut clients = server.login_all(names);
    clients[0].ask("/create_group g", &["Group g created."]);
    for n in 1..names.len() {
        clients[n].ask("/join_group g", &["You joined the group g."]);
        clients[..n].iter_mut().for_each(|c| c.expect(&format!("*** {} has joined the group g.", names[n])));
    }
    let talking = clients.map(|mut client| {
        thread::spawn(move || {
            (0..EACH).for_each(|n| client.send(&format!("/group_msg g {n}")));
            (0..EACH * 4).map(|_| client.line()).collect::<Vec<String>>()
        })
    });
    let seen = talking.map(|one| one.join().unwrap());
    assert!(seen.iter().all(|one| *one == seen[0]), "the members saw different orders");
    for name in names {
        let own: Vec<&String> =
            seen[0].iter().filter(|line| line.starts_with(&format!("[Group g][{name}]: "))).collect();
        assert_eq!(own.len(), EACH);
        assert!(own.iter().enumerate().all(|(n, line)| line.ends_with(&format!(": {n}"))), "{name} was reordered");
    }
}
