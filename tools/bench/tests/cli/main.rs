//! `parlor-bench` as users run it: against a real daemon, and against servers that do something wrong.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot continue fails")]

mod faulty;
mod load;
#[path = "../../support/server.rs"]
#[allow(dead_code, reason = "the benches use other parts of it")]
mod server;

use std::fs;
use std::net::SocketAddr;
use std::process::{Command, Output, Stdio};

use server::{PARLORD, Server};

/// Runs the load tester to its end.
fn bench(options: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_parlor-bench")).args(options).stdin(Stdio::null()).output().unwrap()
}

/// Runs it against a server, for half a second.
fn bench_at(server: SocketAddr, options: &[&str]) -> Output {
    let server = server.to_string();
    bench(&[options, &["--server", &server, "--time", "0.5"]].concat())
}

/// A figure of the only run in a JSON report.
fn figure(json: &str, key: &str) -> f64 {
    let from = json.find(&format!("\"{key}\":")).unwrap_or_else(|| panic!("no {key} in {json}"));
    let value = json[from..].split(':').nth(1).unwrap();
    value.split([',', '}']).next().unwrap().parse().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A daemon without rate limits, with the users file that `--make-users` writes for a run.
fn daemon_for(options: &[&str], settings: &[&str]) -> Server {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("users.txt");
    let made = bench(&[options, &["--make-users", path.to_str().unwrap()]].concat());
    assert!(made.status.success(), "{}", text(&made.stderr));
    let users = fs::read_to_string(path).unwrap();
    assert!(users.starts_with("u0:pw\n"), "{users}");
    daemon(&users, settings)
}

/// A daemon with this users file and without storage.
fn daemon(users: &str, settings: &[&str]) -> Server {
    Server::parlord_with(&PARLORD, users, &[&["--data", "none"], settings].concat())
}

/// Runs a scenario against a daemon of its own, and returns its JSON report.
fn passed(options: &[&str]) -> String {
    let daemon = daemon_for(options, &[]);
    let pid = daemon.pid().to_string();
    let run = bench_at(daemon.addr, &[options, &["--json", "--server-pid", &pid]].concat());
    let json = text(&run.stdout);
    assert_eq!(run.status.code(), Some(0), "{json}{}", text(&run.stderr));
    assert!(json.contains("\"passed\":true"), "{json}");
    json
}
