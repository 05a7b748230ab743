//! Names outlive those who had them: what belonged to a group, an account or a guest ends with it.

use crate::support::{Daemon, TestClient};

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
