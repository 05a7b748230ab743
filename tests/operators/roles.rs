//! Roles: users without one do not see operators' commands at all.

use parlor::command::{COMMANDS, forms};
use parlor::model::Role;

use super::{line_from, promote, with_admin};
use crate::daemon::{folder, run_with, start};
use crate::support::{TestServer, USERS};

#[test]
fn without_the_role_a_command_is_unknown() {
    let server = TestServer::start();
    let (mut bob, mut mod_) = (server.login("bob"), server.connect());
    promote(&server, "eve", Role::Moderator);
    mod_.login("eve");
    bob.expect("*** eve has joined the chat.");
    for spec in COMMANDS.iter().filter(|spec| spec.role > Role::User) {
        for line in [spec.example.to_owned(), format!("/{}", spec.name.to_uppercase()), format!("/help {}", spec.name)]
        {
            bob.send(&line);
            let answer = bob.line();
            // Some commands have a form for everybody.
            if let Some(form) = forms(spec.name).iter().find(|form| form.role == Role::User) {
                // It may be exactly this one.
                if line.eq_ignore_ascii_case(form.usage) {
                    continue;
                }
                assert!(answer.contains(form.usage) && !answer.contains(" or /"), "{answer}");
                if line.starts_with("/help") {
                    std::iter::repeat_with(|| bob.line()).find(|line| line.starts_with("Example: "));
                }
                continue;
            }
            let word =
                if line.starts_with("/help") { spec.name } else { &line[1..line.find(' ').unwrap_or(line.len())] };
            assert!(answer.starts_with(&format!("Error: Unknown command '/{word}'.")), "{line}: {answer}");
            // Nor is one of these suggested.
            let meant = answer.split_once("Did you mean /").map(|(_, rest)| rest.split_once('?').unwrap().0);
            let known =
                |word: &str| COMMANDS.iter().any(|spec| spec.words().any(|w| w == word) && spec.role == Role::User);
            assert!(meant.is_none_or(known), "{answer}");
        }
        if spec.role > Role::Moderator {
            mod_.send(spec.example);
            assert!(mod_.line().starts_with("Error: Unknown command"), "{}", spec.name);
        }
    }
    bob.quiet();
}

#[test]
fn help_shows_only_permitted_commands() {
    let (server, mut alice) = with_admin("alice");
    promote(&server, "bob", Role::Moderator);
    let mut counts = Vec::new();
    for name in ["bob", "eve"] {
        let mut client = server.login(name);
        client.send("/help\n/ping end");
        let mut lines = Vec::new();
        while lines.last().is_none_or(|line| line != "Pong: end") {
            lines.push(client.line());
        }
        let shows =
            |word: &str| lines.iter().any(|line| line.starts_with(&format!("  /{word} ")) || line.trim() == word);
        let whole = lines.iter().any(|line| line.starts_with("  /ban user|addr|net "));
        counts.push((whole, shows("sessions"), shows("shutdown"), shows("ban") && shows("msg")));
        client.send("/quit");
        client.expect_end();
    }
    assert_eq!(counts, [(true, true, false, true), (false, false, false, true)]);
    alice.send("/help shutdown");
    line_from(&mut alice, "/shutdown");
    line_from(&mut alice, "For the role of admin and above.");
}

#[test]
fn a_role_changed_by_a_tool_applies_to_the_next_command() {
    let daemon = start(folder(USERS), |command| {
        command.args(["--listen", "127.0.0.1:0"]);
    });
    let role = |name: &str, role: &str| run_with(daemon.dir.path(), &["user", "role", name, role], &[], "");
    let mut alice = daemon.login("alice");
    alice.ask("/bans", &["Usage: /bans <group>"]);
    alice.ask("/sessions", &["Error: Unknown command '/sessions'. /help lists all commands."]);
    let given = role("alice", "moderator");
    assert_eq!((given.code, given.out.as_str()), (0, "alice now has the role moderator.\n"));
    alice.ask("/bans", &["There are no penalties."]);
    alice.ask("/reload", &["Error: Unknown command '/reload'. /help lists all commands."]);
    assert_eq!(role("ALICE", "admin").code, 0);
    alice.ask("/reload", &["Reloaded 7 users and 0 filter patterns."]);
    assert_eq!(role("alice", "user").code, 0);
    alice.ask("/bans", &["Usage: /bans <group>"]);
    alice.ask("/sessions", &["Error: Unknown command '/sessions'. /help lists all commands."]);
    let nobody = role("zoe", "admin");
    assert_eq!((nobody.code, nobody.err.as_str()), (1, "parlord: users.txt: there is no user 'zoe'\n"));
    assert_eq!(role("alice", "king").code, 2);
    let memory = run_with(daemon.dir.path(), &["user", "role", "alice", "admin", "--data", "none"], &[], "");
    assert!(memory.code == 1 && memory.err.contains("roles cannot be stored"), "{}", memory.err);
}

#[test]
fn a_moderator_cannot_act_on_equals_or_superiors() {
    let (server, _alice) = with_admin("alice");
    for name in ["bob", "eve"] {
        promote(&server, name, Role::Moderator);
    }
    let mut bob = server.login("bob");
    for line in
        ["/ban user alice", "/mute user alice 10m", "/disconnect alice", "/ban user eve 7d", "/disconnect session:1"]
    {
        bob.send(line);
        let answer = bob.line();
        assert!(answer.ends_with("is an operator of your rank or higher; nothing was changed."), "{line}: {answer}");
    }
    bob.ask("/mute user frank", &["frank is muted for good."]);
}

#[test]
fn a_moderator_deletes_messages_of_others() {
    let (server, mut alice) = with_admin("alice");
    let mut bob = server.login("bob");
    alice.expect("*** bob has joined the chat.");
    let mut eve = server.login("eve");
    for client in [&mut alice, &mut bob] {
        client.expect("*** eve has joined the chat.");
    }
    bob.ask("/msg eve rude words", &["[to eve]: rude words"]);
    eve.expect("[bob]: rude words");
    eve.ask("/delete 1", &["Error: Message #1 is not yours; only its author can delete it."]);
    alice.ask("/delete 1", &["Deleted message #1 from bob."]);
    for client in [&mut bob, &mut eve] {
        client.expect("*** alice deleted #1.");
    }
    alice.ask("/delete 1", &["Error: Message #1 does not exist, or you may not see it."]);
    for client in [&mut alice, &mut bob, &mut eve] {
        client.quiet();
    }
}
