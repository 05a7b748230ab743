//! The log of `parlord`: its form, its events, and what it must never contain.

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use crate::daemon::{folder, run_with, start};
use crate::support::{Daemon, TestClient, USERS, WELCOME, eventually, parlord};

/// A log line with every number as `9` and every zone east of Greenwich.
fn shape(line: &str) -> String {
    let mut out = String::new();
    for c in line.replace(" -", " +").chars() {
        match c {
            '0'..='9' if out.ends_with('9') => {}
            '0'..='9' => out.push('9'),
            c => out.push(c),
        }
    }
    out
}

#[test]
fn plain_passwords_cause_one_warning_on_public_addresses() {
    let warning = "7 passwords in users.txt are plain text while others can connect: `parlord user hash` hashes them\n";
    let warned = |listen: &str| {
        let daemon = start(folder(USERS), |command| {
            command.args(["--listen", "127.0.0.1:0", "--listen", listen]);
        });
        daemon.login("alice").quiet();
        daemon.signal("HUP");
        daemon.await_log("users reloaded");
        daemon.log().matches(warning).count()
    };
    assert_eq!((warned("0.0.0.0:0"), warned("127.0.0.1:0")), (1, 0));
}

#[test]
fn the_log_has_one_file_per_day_and_one_line_format() {
    let daemon = Daemon::start(&[]);
    let mut alice = daemon.login("alice");
    alice.send("/quit");
    alice.expect_end();
    let mut wrong = daemon.connect();
    wrong.give_name_and_password("alice", "wrong");
    wrong.expect("Authentication failed.");
    daemon.login("bob").reset();
    daemon.await_log("logout user=bob");
    let logs = daemon.dir.path().join("logs");
    let target = fs::read_link(logs.join("parlord.log")).unwrap().to_string_lossy().into_owned();
    assert_eq!(shape(&target.replace('-', "+")), "parlord_9+9+9.log");
    assert!(logs.join(&target).is_file());
    let log = daemon.log();
    let line = |part: &str| shape(log.lines().find(|line| line.contains(part)).expect(part));
    let head = |thread: &str| format!("9-9-9 9:9:9.9 +9:9 INFO  {thread} ");
    assert_eq!(line("listening"), head("main") + "listening addr=9.9.9.9:9");
    assert_eq!(line(" login user=alice"), head("session-9") + "login user=alice addr=9.9.9.9 port=9");
    let logout = |user, why| format!("{}logout user={user} reason=\"{why}\" addr=9.9.9.9 port=9", head("session-9"));
    assert_eq!(line("logout user=alice"), logout("alice", "quit"));
    assert_eq!(line("logout user=bob"), logout("bob", "connection lost"));
    let failed = head("session-9") + "login failed addr=9.9.9.9 port=9 reason=\"wrong name or password\"";
    assert_eq!(line("login failed"), failed);
}

#[test]
fn strangers_do_not_decide_how_long_the_log_gets() {
    let daemon = Daemon::start(&["--web", "127.0.0.1:0"]);
    daemon.await_log("web page addr=");
    let log = daemon.log();
    let web = log.lines().find_map(|line| line.split_once("web page addr=")?.1.parse::<SocketAddr>().ok()).unwrap();
    let begun = Instant::now();
    for _ in 0..100 {
        // At the web page with a wrong host, at the chat with another protocol.
        TestClient::connect(web).send_raw("GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n");
        daemon.connect().send_raw("GET / HTTP/1.1\r\n\r\n");
        // From an address that has all the connections it may have.
        TestClient::connect_from(daemon.addr, [127, 0, 0, 2].into());
    }
    let held: Vec<_> = (0..8).map(|_| TestClient::connect_from(daemon.addr, [127, 0, 0, 3].into())).collect();
    for _ in 0..100 {
        TestClient::connect_from(daemon.addr, [127, 0, 0, 3].into()).read_to_end();
    }
    for what in [
        "visit refused addr=127.0.0.1 port=",
        "closed addr=127.0.0.1 port=",
        "refused addr=127.0.0.3 port=",
        "visit addr=127.0.0.1 port=",
    ] {
        let total = |log: &str| -> u64 {
            let lines = log
                .lines()
                .filter(|line| line.contains(what) && !line.contains(" by client") && !line.contains(" lost"));
            lines.map(|line| line.rsplit_once(" times=").map_or(1, |(_, times)| times.parse().unwrap())).sum()
        };
        eventually(what, || total(&daemon.log()) == 100);
    }
    let seconds = begun.elapsed().as_secs() + 1;
    let lines = daemon.log().lines().count() as u64;
    // Each of a dozen events once at first, and once a second.
    assert!(lines < 30 + 15 * seconds, "{lines} lines in {seconds} seconds:\n{}", daemon.log());
    drop(held);
}

#[test]
fn logs_and_their_folder_are_private_whatever_the_umask_is() {
    for umask in ["000", "022", "077"] {
        let dir = folder(USERS);
        let mut command = Command::new("sh");
        let binary = Path::new(parlord(dir.path()).get_program()).display().to_string();
        let line = format!("umask {umask}; exec {binary} --listen 127.0.0.1:0 --data data");
        command.args(["-c", &line]).current_dir(dir.path()).stdin(Stdio::null()).stderr(Stdio::null());
        let daemon = Daemon::start_as(command, dir, &["--data", "data"]);
        assert_eq!(run_with(daemon.dir.path(), &["ctl", "announce", "hello"], &[], "").code, 0);
        let audit = daemon.dir.path().join("logs/audit.log");
        eventually("the audit log", || audit.exists());
        let mode = |path: &str| fs::metadata(daemon.dir.path().join(path)).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode("logs"), mode("logs/parlord.log"), mode("logs/audit.log")), (0o750, 0o640, 0o640), "{umask}");
        assert_eq!(
            (mode("data"), mode("data/parlor.db"), mode("data/parlor.db-wal")),
            (0o700, 0o600, 0o600),
            "{umask}"
        );
    }
}

#[test]
fn running_as_root_is_warned_about() {
    let daemon = Daemon::start(&[]);
    daemon.login("alice").quiet();
    daemon.await_log("login user=alice");
    let is_root = fs::metadata("/proc/self").unwrap().uid() == 0;
    assert_eq!(daemon.log().contains(" WARN  main running as root: "), is_root, "{}", daemon.log());
}

#[test]
fn sighup_reopens_a_moved_log() {
    let daemon = Daemon::start(&[]);
    daemon.await_log("listening");
    let logs = daemon.dir.path().join("logs");
    fs::rename(logs.join(fs::read_link(logs.join("parlord.log")).unwrap()), logs.join("old")).unwrap();
    daemon.signal("HUP");
    eventually("a new log file", || logs.join("parlord.log").exists());
    daemon.login("alice").quiet();
    daemon.await_log("login user=alice");
    assert!(!daemon.log().contains("listening") && fs::read_to_string(logs.join("old")).unwrap().contains("listening"));
}

#[test]
fn secrets_messages_and_unknown_names_are_never_logged() {
    let dir = folder("alice:marked1\nbob:marked2\n");
    let mut daemon = start(dir, |command| {
        command.args(["--listen", "127.0.0.1:0", "--log-level", "trace"]);
    });
    let mut alice = daemon.connect();
    alice.give_name_and_password("alice", "marked1");
    alice.expect(WELCOME);
    for (name, password) in [("alice", "marked3"), ("marked4", "marked5"), ("marked2", ""), ("alice", "marked1")] {
        let mut client = daemon.connect();
        client.give_name_and_password(name, password);
        client.read_to_end();
    }
    for line in [
        "/msg bob marked",
        "/msg alice marked",
        "/broadcast marked",
        "/create_group marked",
        "/group_msg marked marked",
        "/join_group marked",
        "/talk #marked",
        "marked",
        "/marked",
        "/help marked",
        "/ping marked",
        "/leave_group marked",
        "/msg marked hi",
        "marked\x1B[31m\u{202E}",
    ] {
        alice.send(line);
    }
    alice.send_raw("/passwd\nmarked\nmarked\nmarked\n/passwd\nmarked1\n marked\n marked\n/delete_account\nmarked\n");
    alice.send_raw("/token new _marked\n/token revoke marked\n");
    alice.send_raw(b"marked \xFF\xFE\n");
    alice.send(&"marked".repeat(1000));
    alice.send("/ping end");
    alice.line_with("Pong: end");
    daemon.connect().send_raw("GET /marked HTTP/1.1\r\n\r\n");
    fs::write(daemon.dir.path().join("users.txt"), "marked6\nalice:marked7\n").unwrap();
    daemon.signal("HUP");
    daemon.await_log("users unchanged");
    daemon.await_log("wrong protocol");
    daemon.signal("TERM");
    daemon.wait();
    let console = fs::read_to_string(daemon.dir.path().join("console")).unwrap();
    for (what, text) in [("log", daemon.log()), ("console", console)] {
        assert!(text.contains("login user=alice"), "{text}");
        assert!(!text.contains("marked"), "the {what} holds what it must not: {text}");
        assert!(text.lines().all(|line| shape(line).starts_with("9-9-9 9:9:9.9 +9:9 ")), "{text}");
    }
}
