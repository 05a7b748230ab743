//! Signals: from the first moment of the process, as the first process of a container, and those of a full disk.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use crate::daemon::{folder, start};
use crate::support::{Daemon, USERS, eventually, parlord};

/// `kill` with this signal.
fn send(signal: &str, pid: u32) {
    assert!(Command::new("kill").args([&format!("-{signal}"), &pid.to_string()]).status().unwrap().success());
}

/// Whether a process has a handler for this signal: `SigCgt` has a bit for each.
fn handles(pid: u32, signal: u32) -> bool {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap_or("0");
    u64::from_str_radix(caught.trim(), 16).unwrap() & (1 << (signal - 1)) != 0
}

/// A daemon that waits for ever for the file of this setting, with its handlers installed.
fn slow_start(setting: &str) -> (Child, TempDir) {
    let dir = folder(USERS);
    assert!(Command::new("mkfifo").arg(dir.path().join("slow")).status().unwrap().success());
    let mut command = parlord(dir.path());
    command.args(["--listen", "127.0.0.1:0", "--data", "none", setting, "slow"]).stdout(Stdio::piped());
    let child = command.spawn().unwrap();
    eventually("handlers for HUP and TERM", || handles(child.id(), 1) && handles(child.id(), 15));
    (child, dir)
}

#[test]
fn a_stop_during_a_slow_start_is_clean() {
    for setting in ["--config", "--motd", "--word-filter"] {
        for signal in ["TERM", "INT"] {
            let (mut child, dir) = slow_start(setting);
            if setting == "--word-filter" {
                // Its log is there by the time that it reads the list.
                eventually("the log", || dir.path().join("logs").exists());
            }
            send(signal, child.id());
            let status = child.wait().unwrap();
            assert_eq!(status.code(), Some(0), "{signal} while it waits for {setting}: {status}");
        }
    }
}

#[test]
fn a_hangup_during_a_slow_start_is_answered_after_it() {
    let (child, dir) = slow_start("--config");
    send("HUP", child.id());
    fs::write(dir.path().join("slow"), "rate = 7\n").unwrap();
    let mut daemon = Daemon { addr: "127.0.0.1:1".parse().unwrap(), dir, child };
    daemon.await_log("users reloaded count=7\n");
    daemon.signal("TERM");
    assert_eq!(daemon.wait().code(), Some(0));
}

#[test]
fn as_the_first_process_of_a_container_it_stops_cleanly() {
    let dir = folder(USERS);
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user", "--pid", "--fork", "--kill-child"]);
    if !Command::new("unshare")
        .args(["--user", "--map-root-user", "--pid", "--fork", "true"])
        .status()
        .is_ok_and(|done| done.success())
    {
        // Losing this line without a terminal does no harm.
        let _ = writeln!(std::io::stderr(), "not shown: this system lets nobody begin a namespace");
        return;
    }
    let binary = parlord(dir.path()).get_program().to_owned();
    command.arg(binary).args(["--listen", "127.0.0.1:0", "--data", "none"]);
    command.current_dir(dir.path()).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut outer = command.spawn().unwrap();
    let mut line = String::new();
    BufReader::new(outer.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    assert!(line.starts_with("listening on "), "{line}");
    let children = fs::read_to_string(format!("/proc/{0}/task/{0}/children", outer.id())).unwrap();
    let parlord: u32 = children.trim().parse().unwrap();
    let status = fs::read_to_string(format!("/proc/{parlord}/status")).unwrap();
    assert!(status.lines().any(|line| line.starts_with("NSpid:") && line.ends_with("\t1")), "{status}");
    send("TERM", parlord);
    assert_eq!(outer.wait().unwrap().code(), Some(0));
}

/// A daemon that may write only so many blocks of 512 bytes into one file.
fn limited(blocks: u32, options: &[&str]) -> Daemon {
    let dir = folder(USERS);
    let mut command = Command::new("sh");
    let binary = Path::new(parlord(dir.path()).get_program()).display().to_string();
    command.args(["-c", &format!("ulimit -f {blocks}; exec {binary} \"$@\""), "sh"]);
    command.current_dir(dir.path()).stdin(Stdio::null()).stderr(Stdio::null());
    Daemon::start_as(command, dir, options)
}

#[test]
fn a_limit_on_the_size_of_files_is_a_full_disk_for_the_store() {
    let daemon = limited(4_096, &["--data", "data", "--rate", "0"]);
    let mut alice = daemon.login("alice");
    let text = "x".repeat(3_000);
    // It takes less than a thousand of these, and then says so.
    for _ in 0..1_000 {
        alice.send(&format!("/msg alice {text}"));
    }
    alice.line_with("the disk is full");
    daemon.await_log("store failed error=\"the disk is full\"");
    daemon.signal("XFSZ");
    alice.send("/ping still here");
    alice.line_with("Pong: still here");
    drop(alice);
    // What was acknowledged is there, and the daemon is, too.
    daemon.login("bob").quiet();
}

#[test]
fn a_limit_on_the_size_of_files_ends_no_log() {
    let mut daemon = limited(64, &["--log-level", "trace"]);
    daemon.await_log("file size limited bytes=");
    for _ in 0..200 {
        let mut alice = daemon.login("alice");
        alice.send("/quit");
        alice.expect_end();
    }
    eventually("a full log", || daemon.log().len() >= 32 * 1024 - 200);
    daemon.login("alice").quiet();
    daemon.signal("TERM");
    assert_eq!(daemon.wait().code(), Some(0));
}

#[test]
fn a_limit_on_the_size_of_files_is_an_error_of_a_tool() {
    let dir = folder(USERS);
    let daemon = start(dir, |command| {
        command.args(["--listen", "127.0.0.1:0", "--data", "data"]);
    });
    daemon.login("alice").ask("/msg alice hello", &["[alice]: hello", "[to alice]: hello"]);
    let mut command = Command::new("sh");
    let binary = Path::new(parlord(daemon.dir.path()).get_program()).display().to_string();
    command.args(["-c", &format!("ulimit -f 8; exec {binary} backup copy.db")]).current_dir(daemon.dir.path());
    let output = command.output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("copy.db: the copy failed: ") && !daemon.dir.path().join("copy.db").exists(), "{said}");
}
