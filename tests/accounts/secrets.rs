//! Answers to questions, and secrets that the server generates, never appear in a log.

use std::fs;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use crate::daemon::start;
use crate::support::{Daemon, TestClient, write_users};

/// A secret that appears nowhere by chance: printable, or with anything a terminal may send.
fn secret() -> impl Strategy<Value = String> {
    let any = prop_oneof![
        "[ -~]{1,20}",
        "[\\PC]{1,12}",
        "(/[a-z_]{1,12} ){1,2}",
        "\\PC[\\x00-\\x09\\x0b\\x0c\\x0e-\\x1f]{1,5}"
    ];
    (any, "Marked[a-z]{8}").prop_map(|(any, marked)| format!("{marked}{any}{marked}"))
}

/// Types a secret wherever one can be typed; returns the last output of the server.
fn type_everywhere(daemon: &Daemon, user: &str, secret: &str) -> String {
    let mut login = TestClient::connect(daemon.addr);
    let lines = [
        user,
        "pw",
        "/passwd",
        secret,
        secret,
        "other",
        "/passwd",
        secret,
        secret,
        secret,
        "/delete_account",
        secret,
        "/token new ci",
        "/passwd",
        secret,
        "",
        "/quit",
    ];
    login.send_raw(lines.map(|line| format!("{line}\n")).concat());
    login.finish();
    let mut new = TestClient::connect(daemon.addr);
    new.send_raw(format!("/register new{user}\n{secret}\nother\n"));
    new.finish();
    let mut invited = TestClient::connect(daemon.addr);
    // Ctrl-U and Ctrl-W would erase what makes this a bad name; a good name would be registered and not be secret.
    let shown: String = secret.chars().filter(|c| !c.is_control()).collect();
    invited.send_raw(format!("/register _{shown} {secret}\n{secret}\n{secret}\n"));
    invited.finish();
    [login, new, invited].map(|mut client| String::from_utf8_lossy(&client.read_to_end()).into_owned()).concat()
}

#[test]
fn no_secret_is_ever_logged() {
    let dir = tempfile::tempdir().unwrap();
    write_users(dir.path());
    let mut daemon = start(dir, |command| {
        command.args(["--listen", "127.0.0.1:0", "--log-level", "trace", "--registration", "open"]);
    });
    let mut runner = TestRunner::default();
    let secrets: Vec<String> = (0..24).map(|_| secret().new_tree(&mut runner).unwrap().current()).collect();
    let said: Vec<String> = std::thread::scope(|scope| {
        let typed = |n: usize| {
            let (daemon, secret) = (&daemon, &secrets[n]);
            scope.spawn(move || type_everywhere(daemon, &format!("user{n}"), secret))
        };
        let all: Vec<_> = (0..secrets.len()).map(typed).collect();
        all.into_iter().map(|one| one.join().unwrap()).collect()
    });
    let made: Vec<&str> =
        said.iter().flat_map(|said| said.lines().filter(|line| line.starts_with("parlor_"))).collect();
    assert_eq!(made.len(), secrets.len(), "every dialog ended before the token was made: {said:?}");
    assert!(
        said.iter().all(|said| said.contains("Error: That is not your password; nothing was changed.")),
        "{said:?}"
    );
    daemon.signal("TERM");
    daemon.wait();
    let console = fs::read_to_string(daemon.dir.path().join("console")).unwrap();
    for text in [daemon.log(), console] {
        assert!(text.contains("password refused user=user0 ") && text.contains("token made user=user0 token=ci"));
        for secret in secrets.iter().map(|secret| &secret[..14]).chain(made.iter().map(|made| &made[..15])) {
            let line = text.lines().find(|line| line.contains(secret));
            assert_eq!(line, None, "the log holds {secret:?}");
        }
    }
}
