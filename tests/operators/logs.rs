//! The end of the log, as operators see it.

use std::fs;

use crate::daemon::{folder, run_with, start};
use crate::support::{USERS, eventually};

#[test]
fn an_admin_reads_the_end_of_todays_log() {
    let dir = folder(USERS);
    assert_eq!(run_with(dir.path(), &["user", "role", "alice", "admin"], &[], "").code, 0);
    let daemon = start(dir, |command| {
        command.args(["--listen", "127.0.0.1:0"]);
    });
    let logs = daemon.dir.path().join("logs");
    let mut forger = daemon.connect();
    forger.give_name_and_password("alice\u{202E}\x1b[31m", "Secret99");
    daemon.await_log("login failed");
    let mut alice = daemon.login("alice");
    daemon.await_log(" login user=alice");
    let written = || fs::read_to_string(logs.join("parlord.log")).unwrap();
    let log = written();
    alice.send("/log 2\n/ping end");
    alice.expect("text");
    let shown: Vec<String> = std::iter::from_fn(|| Some(alice.line()).filter(|line| line != "Pong: end")).collect();
    let last: Vec<&str> = log.lines().rev().take(2).collect();
    assert_eq!(shown, [last[1], last[0]], "as they stand in the file, the oldest first");
    alice.send("/log 200\n/ping end");
    let all: Vec<String> = std::iter::from_fn(|| Some(alice.line()).filter(|line| line != "Pong: end")).collect();
    assert!(all.len() > 3 && !all.iter().any(|line| line.contains("Secret99") || line.contains('\x1b')), "{all:?}");
    let console = run_with(daemon.dir.path(), &["ctl", "log", "1"], &[], "");
    assert_eq!((console.code, console.out.lines().count()), (0, 2), "{}", console.out);
    // Each view is audited.
    let audit = || fs::read_to_string(logs.join("audit.log")).unwrap_or_default();
    eventually("the looks in the audit log", || {
        audit().contains("by=alice act=log on=\"200\"") && audit().contains("by=(console) act=log on=\"1\"")
    });
    // The file is created again within a second, but its lines are gone.
    fs::rename(logs.join("parlord.log"), logs.join("aside")).unwrap();
    alice.send("/log");
    let said = alice.line();
    let gone = "Error: The log cannot be shown: logs/parlord.log: No such file or directory (os error 2).";
    assert!(said == gone || said == "text", "{said}");
}
