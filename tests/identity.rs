//! Names outlive those who had them: what belonged to a group, an account or a guest ends with it.

use std::fs;
use std::io::Write;
use std::process::Stdio;

use crate::support::{Daemon, TestClient, eventually, parlord, password};

const OPTIONS: [&str; 3] = ["--data", "data", "--guests"];

/// Everything that somebody is told before the answer to a ping.
fn heard(client: &mut TestClient) -> Vec<String> {
    client.send("/ping all");
    let mut lines = Vec::new();
    loop {
        let line = client.line();
        if line == "Pong: all" {
            return lines;
        }
        lines.push(line);
    }
}

/// What is told in answer to these lines.
fn answers(client: &mut TestClient, lines: &[&str]) -> Vec<String> {
    lines.iter().for_each(|line| client.send(line));
    heard(client)
}

#[test]
fn a_later_group_of_a_name_shows_nothing_to_earlier_members() {
    let mut daemon = Daemon::start(&OPTIONS);
    let mut bob = daemon.login("bob");
    answers(&mut bob, &["/create_group staff keep"]);
    let mut guest = daemon.connect();
    guest.send_raw("guest\n\n");
    guest.line_with("Welcome to the chat server!");
    answers(&mut guest, &["/join_group staff"]);
    answers(&mut bob, &["/leave_group staff"]);
    daemon.kill();
    daemon.restart(&OPTIONS);
    let mut bob = daemon.login("bob");
    answers(&mut bob, &["/create_group staff", "/group_msg staff x"]);
    bob.send("/quit");
    bob.read_to_end();
    let mut alice = daemon.login("alice");
    answers(&mut alice, &["/create_group staff private keep", "/group_msg staff secret now"]);
    let mut bob = daemon.login("bob");
    answers(&mut alice, &["/group_msg staff secret later"]);
    let told = answers(&mut bob, &["/history #staff", "/history", "/search secret", "/history #staff 50"]);
    assert!(told.iter().any(|line| line.ends_with("x")), "bob's own: {told:#?}");
    assert!(told.iter().all(|line| !line.contains("secret")), "{told:#?}");
    drop(alice);
    daemon.kill();
    daemon.restart(&OPTIONS);
    let mut alice = daemon.login("alice");
    let told = answers(&mut alice, &["/history #staff"]);
    assert!(told.iter().any(|line| line.contains("secret later")), "{told:#?}");
    let mut bob = daemon.login("bob");
    let told = answers(&mut bob, &["/history #staff", "/search secret"]);
    assert!(told.iter().all(|line| !line.contains("secret") && !line.ends_with("x")), "{told:#?}");
}

#[test]
fn what_a_group_decided_about_a_guest_ends_with_the_guest() {
    let daemon = Daemon::start(&OPTIONS);
    let mut alice = daemon.login("alice");
    let come = || {
        let mut guest = daemon.connect();
        guest.send_raw("guest\n\n");
        guest.line_with("You are guest-1.");
        guest
    };
    let go = |mut guest: TestClient, alice: &mut TestClient| {
        guest.send("/quit");
        guest.read_to_end();
        alice.line_with("guest-1 has left the chat.");
    };
    answers(&mut alice, &["/create_group club private keep", "/create_group open keep"]);
    let mut first = come();
    answers(&mut first, &["/msg alice for you"]);
    answers(&mut alice, &["/invite club guest-1", "/ban open guest-1"]);
    go(first, &mut alice);
    let mut next = come();
    let told = answers(&mut next, &["/accept club", "/join_group club", "/join_group open"]);
    let refused: Vec<&String> = told.iter().filter(|line| line.starts_with("Error: ")).collect();
    assert!(refused.len() == 2 && told.iter().any(|line| line == "You joined the group open."), "{told:#?}");
    let told = answers(&mut alice, &["/reply for the first", "/bans open"]);
    let unbanned = told.iter().any(|line| line == "Nobody is banned or muted in the group open.");
    assert!(unbanned && told.iter().all(|line| !line.contains("[to guest-1]")), "{told:#?}");
    assert!(heard(&mut next).iter().all(|line| !line.contains("for the first")));
}

/// A way in which a name passes to a new account, beside or without a running server.
type Way = (&'static str, fn(&mut Daemon));

fn tool(daemon: &Daemon, options: &[&str], input: &str) {
    let mut command = parlord(daemon.dir.path());
    command.args(options).args(["--users", "users.txt"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    assert!(child.wait().unwrap().success(), "{options:?}");
}

fn edit(daemon: &Daemon, change: impl FnOnce(String) -> String) {
    let path = daemon.dir.path().join("users.txt");
    fs::write(&path, change(fs::read_to_string(&path).unwrap())).unwrap();
}

fn without_bob(users: String) -> String {
    users.lines().filter(|line| !line.starts_with("bob:")).map(|line| format!("{line}\n")).collect()
}

fn with_bob(users: String) -> String {
    format!("{users}bob:another\n")
}

fn reload(daemon: &Daemon) {
    let times = || daemon.log().matches("users reloaded").count();
    let before = times();
    daemon.signal("HUP");
    eventually("a reload", || times() > before);
}

fn restart(daemon: &mut Daemon) {
    daemon.kill();
    daemon.restart(&OPTIONS);
}

const WAYS: [Way; 6] = [
    ("tools and reloads", |daemon| {
        tool(daemon, &["user", "remove", "bob"], "");
        reload(daemon);
        tool(daemon, &["user", "add", "bob"], "another\n");
        reload(daemon);
    }),
    ("tools and one reload", |daemon| {
        tool(daemon, &["user", "remove", "bob"], "");
        tool(daemon, &["user", "add", "bob"], "another\n");
        reload(daemon);
    }),
    ("tools while it is down", |daemon| {
        daemon.kill();
        tool(daemon, &["user", "remove", "bob"], "");
        tool(daemon, &["user", "add", "bob"], "another\n");
        daemon.restart(&OPTIONS);
    }),
    ("edits and reloads", |daemon| {
        edit(daemon, without_bob);
        reload(daemon);
        edit(daemon, with_bob);
        reload(daemon);
    }),
    ("edits and starts", |daemon| {
        edit(daemon, without_bob);
        restart(daemon);
        edit(daemon, with_bob);
        restart(daemon);
    }),
    ("an edit, a start and a tool", |daemon| {
        edit(daemon, without_bob);
        restart(daemon);
        tool(daemon, &["user", "add", "bob"], "another\n");
        reload(daemon);
    }),
];

#[test]
fn an_account_made_again_inherits_nothing_whatever_made_it() {
    for (way, make_again) in WAYS {
        let mut daemon = Daemon::start(&OPTIONS);
        tool(&daemon, &["user", "role", "bob", "admin"], "");
        let [mut alice, mut bob] = ["alice", "bob"].map(|name| daemon.login(name));
        answers(&mut alice, &["/create_group club keep private", "/invite club bob", "/msg bob for the first"]);
        answers(&mut bob, &["/accept club", "/msg alice from the first", "/group_msg club among us", "/ignore eve"]);
        bob.send("/token new script");
        let token = bob.line_with("parlor_");
        let token = token.split_whitespace().find(|word| word.starts_with("parlor_")).unwrap().to_owned();
        answers(&mut bob, &["/ignore charlie"]);
        bob.send("/quit");
        bob.read_to_end();
        answers(&mut alice, &["/msg bob unread", "/mute bob club"]);
        drop(alice);
        make_again(&mut daemon);
        for secret in [token.as_str(), password("bob")] {
            let mut old = daemon.connect();
            old.give_name_and_password("bob", secret);
            assert!(old.line().starts_with("Authentication failed"), "{way}");
        }
        let mut bob = daemon.connect();
        bob.give_name_and_password("bob", "another");
        let told = answers(
            &mut bob,
            &["/history", "/search first", "/sessions", "/token list", "/group_msg club x", "/accept club"],
        );
        let inherited =
            |line: &String| ["first", "among us", "unread", "script"].iter().any(|part| line.contains(part));
        assert!(!told.iter().any(inherited), "{way}: {told:#?}");
        assert!(told.iter().any(|line| line.contains("Unknown command '/sessions'")), "{way}: {told:#?}");
        let told = answers(&mut bob, &["/unignore charlie"]);
        assert!(told.iter().any(|line| line.starts_with("Error: ")), "{way}: {told:#?}");
        let mut alice = daemon.login("alice");
        let told = answers(&mut alice, &["/history bob", "/groups_users club"]);
        for kept in ["[to bob (deleted)]: for the first", "[bob (deleted)]: from the first"] {
            assert!(told.iter().any(|line| line.ends_with(kept)), "{way}: {told:#?}");
        }
        assert!(told.iter().any(|line| line == "club: alice"), "{way}: {told:#?}");
        answers(&mut bob, &["/msg alice from the second"]);
        let told = answers(&mut alice, &["/history bob"]);
        assert!(told.iter().any(|line| line.ends_with("[bob]: from the second")), "{way}: {told:#?}");
    }
}

#[test]
fn a_changed_line_is_the_same_account() {
    let mut daemon = Daemon::start(&OPTIONS);
    let mut alice = daemon.login("alice");
    answers(&mut alice, &["/msg bob for you"]);
    drop(alice);
    edit(&daemon, |users| with_bob(without_bob(users)));
    reload(&daemon);
    restart(&mut daemon);
    let mut bob = daemon.connect();
    bob.give_name_and_password("bob", "another");
    assert!(heard(&mut bob).iter().any(|line| line.ends_with("[alice]: for you")));
}
