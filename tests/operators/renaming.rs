//! `/rename`: everything a user has carries over, across restarts and crashes.

use std::fs;
use std::path::Path;

use parlor::model::{DuplicateLogin, Name, Registration, Role};
use parlor::store::Entry;

use super::{line_from, promote, with_admin};
use crate::daemon::{Outcome, folder, run_with};
use crate::login::{NO, refusal};
use crate::support::{Daemon, TestClient, TestServer, USERS, WELCOME, eventually};

const CALLED: &str = "*** You are now called robert; log in with that name. Goodbye.";

pub(super) fn name(text: &str) -> Name {
    text.parse().unwrap()
}

/// A daemon with a database in which alice is an admin.
fn daemon() -> Daemon {
    let dir = folder(USERS);
    assert_eq!(run_with(dir.path(), &["user", "role", "alice", "admin"], &[], "").code, 0);
    Daemon::start_in(dir, &["--data", "data"])
}

fn ctl(dir: &Path, words: &[&str]) -> Outcome {
    run_with(dir, &[&["ctl"], words].concat(), &[], "")
}

/// Logs in and reads up to the welcome.
pub(super) fn enter(daemon: &Daemon, name: &str, secret: &str) -> TestClient {
    let mut client = daemon.connect();
    client.give_name_and_password(name, secret);
    client.expect(WELCOME);
    client.line();
    client
}

#[test]
fn a_renamed_user_keeps_everything_over_a_restart() {
    let mut daemon = daemon();
    let mut bob = daemon.login("bob");
    bob.send("/token new ci\n/create_group team keep\n/join_group team\n/ignore eve");
    bob.expect("Token ci created. It is shown only once:");
    let token = bob.line();
    bob.line_with("You now ignore eve");
    let mut charlie = daemon.login("charlie");
    bob.expect("*** charlie has joined the chat.");
    charlie.ask("/join_group team", &["You joined the group team."]);
    bob.expect("*** charlie has joined the group team.");
    charlie.ask("/msg bob before", &["[to bob]: before"]);
    bob.expect("[charlie]: before");
    bob.ask("/group_msg team in the team", &["[Group team][bob]: in the team"]);
    charlie.expect("[Group team][bob]: in the team");
    let mut alice = daemon.login("alice");
    for client in [&mut bob, &mut charlie] {
        client.expect("*** alice has joined the chat.");
    }
    alice.send("/rename bob robert he married");
    alice.expect("*** bob has left the chat.");
    alice.expect("bob is now called robert; 1 session closed.");
    bob.expect("*** An operator ended your session: he married");
    bob.expect(CALLED);
    bob.expect_end();
    charlie.expect("*** bob has left the chat.");
    charlie.expect("*** bob is now called robert.");
    charlie.ask("/msg bob gone?", &["Error: User 'bob' does not exist."]);
    charlie.ask(
        "/reply after",
        &["[to robert]: after", "*** robert is not online; your message is kept until the next login."],
    );
    charlie.ask("/group_msg team meanwhile", &["[Group team][charlie]: meanwhile"]);
    for restarted in [false, true] {
        let mut robert = enter(&daemon, "Robert", "qwerty456");
        if !restarted {
            robert.expect("*** 2 messages came while you were away:");
            assert!(
                robert.line().ends_with("[charlie]: after")
                    && robert.line().ends_with("[Group team][charlie]: meanwhile")
            );
            charlie.expect("*** robert has joined the chat.");
        }
        robert.ask_past(
            "/history charlie",
            &["History with charlie:", "#1 {time} [charlie]: before", "#3 {time} [charlie]: after"],
        );
        robert.send("/group team");
        assert!(robert.line().contains("owners: robert, admins: none, you are an owner"));
        robert.ask("/ignore", &["You ignore:", "eve"]);
        robert.ask("/promote charlie team", &["*** robert made charlie an admin of the group team."]);
        robert.ask("/demote charlie team", &["*** robert made charlie a member of the group team."]);
        if !restarted {
            charlie.expect("*** robert made charlie an admin of the group team.");
            charlie.expect("*** robert made charlie a member of the group team.");
            charlie.ask_past(
                "/history robert",
                &["History with robert:", "#1 {time} [to robert]: before", "#3 {time} [to robert]: after"],
            );
            drop(robert);
            charlie.expect("*** robert has left the chat.");
            enter(&daemon, "robert", &token).line_with("*** 3 messages came while you were away:");
            let act = r#"by=alice act=rename on="bob to robert" why="he married" result=done"#;
            let audit = || fs::read_to_string(daemon.dir.path().join("logs/audit.log")).unwrap_or_default();
            eventually("the act in the audit log", || audit().contains(act));
            daemon.kill();
            daemon.restart(&["--data", "data"]);
        }
    }
    let users = fs::read_to_string(daemon.dir.path().join("users.txt")).unwrap();
    assert!(users.contains("\nrobert:qwerty456\nbob:$deleted$\ncharlie:"), "{users}");
}

#[test]
fn the_old_name_appears_nowhere_after_a_rename() {
    let server = TestServer::with(|config| {
        config.registration = Registration::Open;
        config.duplicate_login = DuplicateLogin::Allow;
    });
    promote(&server, "alice", Role::Admin);
    let [mut alice, mut bob, mut eve] = server.login_all(["alice", "bob", "eve"]);
    let mut phone = server.login("bob");
    eve.ask("/talk bob", &["Plain text now goes to bob; /talk alone ends that."]);
    alice.send("/rename BOB robert");
    line_from(&mut alice, "bob is now called robert; 2 sessions closed.");
    for session in [&mut bob, &mut phone] {
        line_from(session, CALLED);
        session.expect_end();
    }
    eve.expect("*** bob has left the chat.");
    let gone = "Error: User 'bob' does not exist.";
    eve.ask_all(
        &[
            ("hello?", gone),
            ("/whois bob", gone),
            ("/history bob", gone),
            ("/whois robert", "robert is offline, last seen"),
        ][..3],
    );
    for reread in [false, true] {
        std::thread::scope(|scope| {
            for secret in ["qwerty456", "$deleted$", ""] {
                let server = &server;
                scope.spawn(move || assert_eq!(refusal(server, "bob", secret), NO, "{secret} {reread}"));
            }
        });
        server.handle.reload().unwrap();
    }
    assert!(!server.handle.hub().knows(&name("bob")).unwrap(), "nor is anything kept of it");
    let mut again = server.connect();
    again.send_raw("/register Bob\nx\nx\n");
    again.expect_bytes("Enter username: Enter password: Repeat password: Registration failed: the name is taken.\n");
    // Until it is freed; its next holder inherits nothing.
    let path = server.dir.path().join("users.txt");
    fs::write(&path, fs::read_to_string(&path).unwrap().replace("bob:$deleted$\n", "")).unwrap();
    server.handle.reload().unwrap();
    let mut bob = server.connect();
    bob.send_raw("/register bob\nx\nx\n");
    bob.line_with(WELCOME);
    bob.line();
    eve.expect("*** bob has joined the chat.");
    eve.ask("for the new one", &["[to bob]: for the new one"]);
    bob.expect("[eve]: for the new one");
    eve.ask(
        "/msg robert for the old one",
        &["[to robert]: for the old one", "*** robert is not online; your message is kept until the next login."],
    );
}

#[test]
fn a_refused_rename_says_why_and_changes_nothing() {
    let (server, mut alice) = with_admin("alice");
    promote(&server, "eve", Role::Admin);
    fs::write(server.dir.path().join("users.txt"), format!("{USERS}old:$deleted$\n")).unwrap();
    server.handle.reload().unwrap();
    let hub = server.handle.hub();
    hub.record(vec![Entry::Ignored { user: name("frank"), whom: name("known"), ignored: true }]).unwrap();
    let mut bob = server.login("bob");
    alice.expect("*** bob has joined the chat.");
    let long = format!("/rename bob {}", "x".repeat(33));
    for (line, why) in [
        ("/rename zoe robert", "Error: User 'zoe' does not exist."),
        ("/rename old robert", "Error: User 'old' does not exist."),
        ("/rename guest-1 robert", "Error: Guests have no account; nobody was renamed."),
        ("/rename bob guest-7", "Error: The new name 'guest-7' is reserved for guests; nobody was renamed."),
        ("/rename bob Server", "Error: The new name 'Server' is reserved for the server; nobody was renamed."),
        (
            "/rename bob _x",
            "Error: The new name '_x' may contain only letters, digits, '_', '.' and '-', and must start with a letter or digit; nobody was renamed.",
        ),
        (
            &long,
            "Error: The new name 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx' is longer than 32 characters; nobody was renamed.",
        ),
        ("/rename bob Charlie", "Error: The name 'Charlie' is taken; nobody was renamed."),
        ("/rename BOB bob", "Error: User 'bob' already has that name."),
        (
            "/rename bob OLD",
            "Error: The name 'OLD' belongs to a deleted or renamed account; nobody was renamed. `parlord user remove OLD` and /reload free it.",
        ),
        (
            "/rename bob known",
            "Error: Messages or bans are still stored for the name 'known'; nobody was renamed. `parlord erase --user known` and /unban delete them.",
        ),
        (
            "/rename alice al",
            "Error: Your own sessions would have to end first; ask another admin, or use `parlord ctl rename`.",
        ),
        ("/rename bob", "Usage: /rename <username> <new name> [<reason>]"),
    ] {
        alice.ask(line, &[why]);
    }
    alice.quiet();
    bob.quiet();
    // An admin may act on everybody, as with other commands.
    alice.ask("/rename eve Eva", &["eve is now called Eva; 0 sessions closed."]);
    assert_eq!((hub.role(&name("eva")), hub.role(&name("eve"))), (Role::Admin, Role::User));
}

#[test]
fn a_rename_may_change_only_letter_case() {
    let (server, mut alice) = with_admin("alice");
    let mut bob = server.login("bob");
    bob.ask(
        "/msg charlie hi",
        &["[to charlie]: hi", "*** charlie is not online; your message is kept until the next login."],
    );
    alice.send("/rename bob BoB");
    line_from(&mut alice, "bob is now called BoB; 1 session closed.");
    bob.expect("*** You are now called BoB; log in with that name. Goodbye.");
    let mut bob = server.connect();
    bob.give_name_and_password("bob", "qwerty456");
    bob.line_with(WELCOME);
    alice.expect("*** BoB has joined the chat.");
    let mut charlie = server.login("charlie");
    charlie.expect("*** 1 message came while you were away:");
    assert!(charlie.line().ends_with("[BoB]: hi"));
    let users = fs::read_to_string(server.dir.path().join("users.txt")).unwrap();
    assert!(users.contains("\nBoB:qwerty456\n") && !users.contains("deleted"));
}

#[test]
fn sanctions_follow_a_renamed_user() {
    let daemon = daemon();
    let dir = daemon.dir.path();
    let did = |words: &[&str]| {
        let outcome = ctl(dir, words);
        assert_eq!((outcome.code, outcome.err.as_str()), (0, ""), "{words:?}");
        outcome.out
    };
    did(&["ban", "user", "bob"]);
    did(&["mute", "user", "frank"]);
    let mut eve = daemon.login("eve");
    eve.ask("/report bob spam", &["Report 1 filed. 0 operators are online."]);
    let json = did(&["--json", "rename", "bob", "robert"]);
    assert_eq!(json.trim_end(), r#"{"ok":true,"done":"renamed","user":"bob","name":"robert","sessions":0}"#);
    did(&["rename", "frank", "franz"]);
    did(&["rename", "eve", "eva"]);
    eve.expect("*** You are now called eva; log in with that name. Goodbye.");
    let mut robert = daemon.connect();
    robert.give_name_and_password("robert", "qwerty456");
    assert!(robert.line().starts_with("Authentication failed: you are banned"));
    let mut franz = enter(&daemon, "franz", "letmein");
    franz.ask("/msg alice hi", &["Error: You are muted, so this was not sent."]);
    let reports = did(&["--json", "reports"]);
    assert!(reports.contains(r#""by":"eva","about":"robert","text":"spam""#), "{reports}");
    // The first admin cannot rename themselves, so the console does.
    did(&["rename", "alice", "anna"]);
    let mut anna = enter(&daemon, "anna", "password123");
    anna.ask("/rename franz fritz", &["*** franz has left the chat.", "franz is now called fritz; 1 session closed."]);
    let audit = || fs::read_to_string(dir.join("logs/audit.log")).unwrap_or_default();
    eventually("the act in the audit log", || {
        audit().contains(r#"by=anna act=rename on="franz to fritz" why="" result=done"#)
    });
    daemon.await_log("renamed user=bob name=robert by=(console)");
}

#[test]
fn a_rename_is_told_to_programs_in_fields() {
    let (server, mut alice) = with_admin("alice");
    let [mut bob, mut eve] = server.login_all(["bob", "eve"]);
    bob.ask("/create_group team keep", &["Group team created."]);
    eve.ask("/join_group team", &["You joined the group team."]);
    for client in [&mut alice, &mut bob, &mut eve] {
        client.send("/mode machine");
        line_from(client, "mode name=machine");
    }
    alice.send("/rename bob robert why not");
    line_from(&mut alice, "done what=renamed user=bob name=robert sessions=1");
    line_from(&mut bob, "dismissed text=why not");
    bob.expect("closed reason=renamed name=robert");
    line_from(&mut eve, "left at=");
    let line = eve.line();
    assert!(line.starts_with("renamed at=") && line.ends_with(" user=bob name=robert"), "{line}");
    alice.ask("/rename alice al", &["error code=rename_yourself text=Error: Your own sessions would have to end first; ask another admin, or use `parlord ctl rename`."]);
}
