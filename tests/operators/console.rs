//! `parlord ctl`: operators' commands over a socket in the data folder, for the owner of the process.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::process::Stdio;
use std::time::Instant;
use std::{fs, thread};

use crate::daemon::{Outcome, folder, run_with, start};
use crate::support::{Daemon, PATIENCE, USERS, eventually, parlord, timeless};

fn daemon() -> Daemon {
    start(folder(USERS), |command| {
        command.args(["--listen", "127.0.0.1:0"]);
    })
}

fn ctl(daemon: &Daemon, words: &[&str]) -> Outcome {
    run_with(daemon.dir.path(), &[&["ctl"], words].concat(), &[], "")
}

fn raw(daemon: &Daemon) -> UnixStream {
    let stream = UnixStream::connect(daemon.dir.path().join("data/ctl.sock")).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

fn answer(mut stream: UnixStream) -> String {
    let mut answer = String::new();
    let _ = stream.read_to_string(&mut answer);
    answer
}

#[test]
fn the_console_has_the_operators_commands() {
    let daemon = daemon();
    let mut bob = daemon.login("bob");
    let done = |words: &[&str]| {
        let outcome = ctl(&daemon, words);
        assert_eq!((outcome.code, outcome.err.as_str()), (0, ""), "{words:?}");
        timeless(outcome.out.trim_end())
    };
    assert_eq!(done(&["announce", "soup", "is ready"]), "Announced to 1 session.");
    bob.expect("*** Announcement: soup is ready");
    let sessions = done(&["sessions"]);
    let row: Vec<&str> = sessions.lines().nth(1).unwrap().split_whitespace().collect();
    assert!(row[1] == "bob" && row[2].starts_with("127.0.0.1:") && row[3..5] == ["{time}", "UTC"], "{sessions}");
    let json = done(&["--json", "sessions"]);
    assert!(
        json.starts_with(r#"{"ok":true,"of":"sessions","rows":[{"session":1,"user":"bob","from":"127.0.0.1:"#),
        "{json}"
    );
    assert_eq!(done(&["/ban", "user", "bob", "7d", "spam"]), "bob is banned until {time} UTC; 1 session closed.");
    bob.expect("*** An operator ended your session: spam");
    bob.expect("*** You are banned from this server.");
    assert_eq!(
        done(&["unban", "user", "bob", "--json"]),
        r#"{"ok":true,"done":"lifted","penalty":"ban","whom":"bob"}"#
    );
    let refused = ctl(&daemon, &["ban", "user", "zoe"]);
    assert_eq!((refused.code, refused.err.as_str()), (1, "parlord: Error: User 'zoe' does not exist.\n"));
    let refused = ctl(&daemon, &["--json", "fly"]);
    let unknown =
        r#"{"ok":false,"code":"unknown_command","text":"Error: Unknown command '/fly'. /help lists all commands."}"#;
    assert_eq!((refused.code, refused.out.trim_end()), (1, unknown));
    let audit = || fs::read_to_string(daemon.dir.path().join("logs/audit.log")).unwrap_or_default();
    eventually("the console in the audit log", || {
        audit().contains("by=(console) act=ban on=\"bob for 604800s\" why=\"spam\" result=done\n")
    });
}

#[test]
fn top_shows_numbers_and_sessions_once_or_until_nobody_reads() {
    let daemon = daemon();
    let mut bob = daemon.login("bob");
    bob.ask("/msg bob hi", &["[bob]: hi", "[to bob]: hi"]);
    let once = ctl(&daemon, &["top", "--once"]);
    assert_eq!(once.code, 0);
    assert!(!once.out.contains('\x1B'), "a script gets no cursor movements");
    for part in
        ["sessions 1", "messages 1\n", "store works", "lock_held_max_ns", "deliveries_per_s", "  bob   127.0.0.1:"]
    {
        assert!(once.out.contains(part), "{part:?} is missing: {}", once.out);
    }
    let audit = || fs::read_to_string(daemon.dir.path().join("logs/audit.log")).unwrap_or_default();
    let stats = ctl(&daemon, &["stats"]).out;
    assert!(stats.lines().any(|line| line.split_whitespace().eq(["command.msg", "1"])), "{stats}");
    // A view polled every second would fill the audit log.
    eventually("stats in the audit log", || audit().contains("act=stats"));
    assert_eq!(audit().lines().count(), 1, "{}", audit());
}

#[test]
fn top_reports_that_the_server_has_ended() {
    let mut daemon = daemon();
    let mut command = parlord(daemon.dir.path());
    let mut top = command.args(["ctl", "top"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(top.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    assert!(line.starts_with("uptime_s "), "{line}");
    daemon.kill();
    let ended = top.wait_with_output().unwrap();
    assert_eq!(String::from_utf8_lossy(&ended.stderr), "parlord: data: the server has ended\n");
    assert_eq!(ended.status.code(), Some(1));
}

#[test]
fn the_socket_is_the_owners_and_is_removed_at_exit() {
    let mut daemon = daemon();
    let path = daemon.dir.path().join("data/ctl.sock");
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::metadata(path.parent().unwrap()).unwrap().permissions().mode() & 0o777, 0o700);
    let dir = daemon.dir.path().to_owned();
    assert_eq!(ctl(&daemon, &["shutdown", "now", "new", "disk"]).out, "The server is shutting down.\n");
    assert_eq!(daemon.wait().code(), Some(0));
    assert!(!path.exists());
    let nobody = run_with(&dir, &["ctl", "sessions"], &[], "");
    let why = "parlord: data: no parlord is running in this folder; --data names another one\n";
    assert_eq!((nobody.code, nobody.err.as_str()), (1, why));
    let memory = run_with(&dir, &["ctl", "sessions", "--data", "none"], &[], "");
    assert_eq!((memory.code, memory.err.as_str()), (1, "parlord: there is no console: the setting data is none\n"));
}

#[test]
fn a_socket_left_by_a_crash_is_replaced() {
    let mut daemon = daemon();
    daemon.kill();
    assert!(daemon.dir.path().join("data/ctl.sock").exists());
    daemon.restart(&["--data", "data"]);
    assert_eq!(ctl(&daemon, &["sessions"]).out, "There are no sessions.\n");
}

#[test]
fn a_hanging_console_blocks_nobody() {
    let daemon = daemon();
    let mut bob = daemon.login("bob");
    // More connections than slots; one has sent half a word, and one never reads its answer.
    let mut hanging: Vec<UnixStream> = (0..12).map(|_| raw(&daemon)).collect();
    hanging[0].write_all(b"text sess").unwrap();
    hanging[1].write_all(b"text sessions\n").unwrap();
    bob.ask("/ping still here", &["Pong: still here"]);
    let began = Instant::now();
    assert_eq!(ctl(&daemon, &["bans"]).out, "There are no penalties.\n");
    assert!(began.elapsed() < PATIENCE);
    bob.quiet();
    for mut stream in hanging.drain(2..) {
        // Closed without an answer.
        assert_eq!(stream.read(&mut [0; 16]).unwrap_or(0), 0);
    }
    let mut long = raw(&daemon);
    let _ = long.write_all(&[b'x'; 20_000]);
    assert_eq!(answer(long), "");
    let mut bad = raw(&daemon);
    bad.write_all(b"text announce \xFF\n").unwrap();
    assert_eq!(answer(bad), "");
    bob.quiet();
}

#[test]
fn a_hundred_requests_at_once_are_all_answered() {
    let daemon = daemon();
    let mut bob = daemon.login("bob");
    thread::scope(|scope| {
        let asking: Vec<_> = (0..100)
            .map(|n| {
                let daemon = &daemon;
                scope.spawn(move || {
                    let mut stream = raw(daemon);
                    let request = if n % 2 == 0 { "text announce hi\n" } else { "json bans\n" };
                    stream.write_all(request.as_bytes()).unwrap();
                    answer(stream)
                })
            })
            .collect();
        for (n, one) in asking.into_iter().enumerate() {
            let answer = one.join().unwrap();
            let expected = if n % 2 == 0 {
                "ok\nAnnounced to 1 session.\n"
            } else {
                "ok\n{\"ok\":true,\"of\":\"penalties\",\"rows\":[]}\n"
            };
            assert_eq!(answer, expected, "{n}");
        }
    });
    (0..50).for_each(|_| bob.expect("*** Announcement: hi"));
    bob.quiet();
}
