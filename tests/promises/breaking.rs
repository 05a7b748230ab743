//! Rows 19 and 21: users files that are no good, rewrites that are killed, and stops in the middle of everything.

use std::fs;
use std::io::Write;
use std::net::TcpListener;
use std::process::Stdio;
use std::time::{Duration, Instant};

use super::{Canary, Dice, connect_small, daemon, figure, login, login_over, paced, scale, torture};
use crate::support::{TestClient, eventually, parlord, write_users};

/// Row 19, while the daemon runs.
#[test]
fn a_bad_users_file_is_refused_whole_with_its_line_number() {
    let daemon = daemon(&[]);
    let before = Canary::undisturbed(daemon.addr);
    let canary = Canary::start(daemon.addr);
    let users = daemon.dir.path().join("users.txt");
    let good = fs::read_to_string(&users).unwrap();
    let mut dice = Dice(19);
    let count = scale(20, 500);
    for n in 1..=count {
        let line = dice.below(900);
        let bad: &[u8] = match dice.below(5) {
            0 => b"no colon here",
            1 => b"bad name!:secret",
            2 => b"USER5:twice",
            3 => b"user\xFF:secret",
            _ => b":nobody",
        };
        let mut lines: Vec<&[u8]> = good.lines().map(str::as_bytes).collect();
        // Behind `user5`, or the second of the two would not be the bad one.
        lines.insert(20 + line, bad);
        fs::write(&users, lines.join(&b'\n')).unwrap();
        daemon.signal("HUP");
        eventually("the file is refused", || daemon.log().matches("users unchanged").count() == n);
        let log = daemon.log();
        let told = log.lines().rfind(|told| told.contains("users unchanged")).unwrap();
        assert!(told.contains(&format!("line {}", 21 + line)), "{told}, not line {}", 21 + line);
    }
    login(daemon.addr, "user7").send("/quit");
    fs::write(&users, format!("{good}zoe:new\n")).unwrap();
    daemon.signal("HUP");
    daemon.await_log(&format!("users reloaded count={}", good.lines().count() + 1));
    let mut zoe = TestClient::connect(daemon.addr);
    zoe.give_name_and_password("zoe", "new");
    zoe.expect(crate::support::WELCOME);
    figure("19 (running)", &format!("{count} bad files refused, each with its line"));
    canary.finish().assert_clean("19 (running)", &before);
}

/// Row 19, on disk.
#[test]
fn a_killed_rewrite_leaves_the_old_file_or_the_new_one() {
    let dir = tempfile::tempdir().unwrap();
    let users = write_users(dir.path());
    let mut dice = Dice(191);
    let (mut old, mut done) = (fs::read_to_string(&users).unwrap(), 0);
    let count = scale(25, 1000);
    for n in 0..count {
        let mut command = parlord(dir.path());
        command.args(["user", "add", &format!("new{n}")]).stdin(Stdio::piped()).stdout(Stdio::null());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(b"secret123\n").unwrap();
        paced(Instant::now() + Duration::from_micros(500 * dice.below(160) as u64));
        child.kill().unwrap();
        child.wait().unwrap();
        let now = fs::read_to_string(&users).unwrap();
        if now != old {
            let added = now.strip_prefix(&old).expect("neither the old file nor the new one");
            assert!(added.starts_with(&format!("new{n}:$argon2id$")) && added.ends_with('\n'));
            assert_eq!(added.lines().count(), 1);
            old = now;
            done += 1;
        }
    }
    assert!(parlord(dir.path()).arg("check").stdout(Stdio::null()).status().unwrap().success());
    figure("19 (killed)", &format!("{done} of {count} killed rewrites had happened, the others had not"));
}

/// Row 21.
#[test]
fn a_stop_is_clean_with_many_stuck_clients() {
    let stuck = scale(20, 100);
    let (mut slowest, mut slowest_port) = (Duration::ZERO, Duration::ZERO);
    for _ in 0..scale(2, 50) {
        let mut daemon = daemon(&["--rate", "0"]);
        let never: Vec<_> = (0..stuck).map(|n| login_over(connect_small(daemon.addr), &format!("user{n}"))).collect();
        let mut readers = ["alice", "bob", "eve"].map(|name| login(daemon.addr, name));
        let mut unknown = TestClient::connect(daemon.addr);
        unknown.expect_bytes("Enter username: ");
        for n in 0..100 {
            readers[0].send(&format!("/broadcast number {n} {}", "x".repeat(2000)));
            readers.iter_mut().for_each(|reader| drop(reader.line_with(&format!("number {n} "))));
        }
        let start = Instant::now();
        daemon.signal("TERM");
        for reader in &mut readers {
            let rest = String::from_utf8(reader.read_to_end()).unwrap();
            assert!(rest.ends_with("*** The server is shutting down. Goodbye.\n"), "{rest:?}");
        }
        assert_eq!(unknown.read_to_end(), b"*** The server is shutting down. Goodbye.\n");
        let status = daemon.wait();
        slowest = slowest.max(start.elapsed());
        assert_eq!(status.code(), Some(0));
        let ended = Instant::now();
        eventually("the port is free", || TcpListener::bind(daemon.addr).is_ok());
        slowest_port = slowest_port.max(ended.elapsed());
        drop(never);
    }
    figure("21", &format!("slowest stop {slowest:.1?}, port free after {slowest_port:.1?}"));
    assert!(!torture() || (slowest < Duration::from_secs(5) && slowest_port < Duration::from_secs(1)));
}
