//! `parlord` from outside: options, exit codes, signals, and the tools for operators.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::support::{Daemon, TestClient, USERS, WELCOME, eventually, parlord, write_users};

/// The result of a run of `parlord` that ended by itself.
pub(crate) struct Outcome {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// A temporary folder with this users file.
pub(crate) fn folder(users: &str) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("users.txt"), users).unwrap();
    dir
}

pub(crate) fn run_with(dir: &Path, options: &[&str], environment: &[(&str, &str)], input: &str) -> Outcome {
    let mut command = parlord(dir);
    command.args(options).envs(environment.iter().copied());
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // A process that does not read its input may have ended before the input arrived.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Outcome { code: output.status.code().unwrap(), out: text(output.stdout), err: text(output.stderr) }
}

fn run(dir: &Path, options: &[&str]) -> Outcome {
    run_with(dir, options, &[], "")
}

/// A running daemon with its own command line and environment. Its output goes to the file `console`.
pub(crate) fn start(dir: TempDir, change: impl FnOnce(&mut Command)) -> Daemon {
    let mut command = parlord(dir.path());
    command.stdout(Stdio::piped()).stderr(File::create(dir.path().join("console")).unwrap());
    change(&mut command);
    let mut child = command.spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    let addr = line.trim().strip_prefix("listening on ").expect(&line).parse().unwrap();
    Daemon { addr, dir, child }
}

#[test]
fn help_and_version_work_and_a_wrong_option_exits_with_2() {
    let dir = folder(USERS);
    let help = run(dir.path(), &["--help"]);
    assert_eq!(help.code, 0);
    for part in
        ["Usage: parlord", "--listen <ADDR>", "--duplicate-login", "PARLOR_LINE_LIMIT", "Exit codes:", "nc HOST 12345"]
    {
        assert!(help.out.contains(part), "{part:?} is missing in --help");
    }
    let version = run(dir.path(), &["--version"]);
    assert_eq!((version.code, version.out.as_str()), (0, concat!("parlord ", env!("CARGO_PKG_VERSION"), "\n")));
    for wrong in ["--nope", "--burst=0", "--telnet=perhaps", "serve"] {
        let outcome = run(dir.path(), &[wrong]);
        assert_eq!(outcome.code, 2, "{wrong}");
        assert!(outcome.err.contains(wrong.split('=').next().unwrap()), "{}", outcome.err);
    }
}

#[test]
fn a_server_that_cannot_start_says_why_in_one_sentence() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = taken.local_addr().unwrap();
    let dir = folder(USERS);
    let outcome = run(dir.path(), &["--listen", &addr.to_string()]);
    assert_eq!((outcome.code, outcome.out.as_str()), (1, ""));
    let sentence = format!("parlord: cannot listen on {addr}: the port is used by another program\n");
    assert_eq!(outcome.err, sentence);
    for (users, why) in [
        ("alice:pw\nmarked-secret\n", "line 2: there is no colon between name and password"),
        (
            "alice:pw\nmarked secret:x\n",
            "line 2: the name may contain only letters, digits, '_', '.' and '-', and must start with a letter or digit",
        ),
        ("# x\nalice:a\n\nALICE:marked\n", "line 4: the name is already on line 2 (case does not matter)"),
        ("alice:\n", "line 1: the password is empty"),
    ] {
        let outcome = run(folder(users).path(), &["--listen", "127.0.0.1:0"]);
        assert_eq!((outcome.code, outcome.err), (1, format!("parlord: users.txt: {why}\n")));
    }
    let none = tempfile::tempdir().unwrap();
    let outcome = run(none.path(), &["--listen", "127.0.0.1:0"]);
    assert!(outcome.code == 1 && outcome.err.starts_with("parlord: users.txt: cannot be read: "), "{}", outcome.err);
}

#[test]
fn check_reports_whether_settings_and_users_are_in_order() {
    let dir = folder(USERS);
    let outcome = run(dir.path(), &["check"]);
    assert_eq!(
        (outcome.code, outcome.out.as_str()),
        (0, "settings in order; users.txt: 7 users; data: no messages yet\n")
    );
    assert!(
        !dir.path().join("logs").exists() && !dir.path().join("data").exists(),
        "check should leave nothing behind"
    );
    fs::write(dir.path().join("p.toml"), "burst = 5\nlisen = '127.0.0.1:1'\n").unwrap();
    let refusal = |options: &[&str], environment: &[(&str, &str)]| {
        let outcome = run_with(dir.path(), options, environment, "");
        assert_eq!((outcome.code, outcome.out.as_str()), (2, ""));
        outcome.err
    };
    let unknown = "parlord: p.toml, line 2: unknown setting 'lisen'; did you mean 'listen'?\n";
    assert_eq!(refusal(&["check", "--config", "p.toml"], &[]), unknown);
    assert_eq!(refusal(&["check"], &[("PARLOR_CONFIG", "p.toml")]), unknown);
    let unknown = "parlord: unknown environment variable PARLOR_LISEN; did you mean PARLOR_LISTEN?\n";
    assert_eq!(refusal(&["check"], &[("PARLOR_LISEN", "x")]), unknown);
    let range = "parlord: PARLOR_BURST must be a whole number from 1 to 1000000, not '0'\n";
    assert_eq!(refusal(&["check"], &[("PARLOR_BURST", "0")]), range);
    fs::write(dir.path().join("users.txt"), "x\n").unwrap();
    assert!(refusal(&["check"], &[]).contains("users.txt: line 1: "));
    // The same mistakes keep it from serving, with the other exit code.
    assert_eq!(run_with(dir.path(), &[], &[("PARLOR_LISEN", "x")], "").code, 1);
}

#[test]
fn command_line_overrides_environment_overrides_file() {
    let motd = |options: &[&str], environment: &[(&str, &str)]| {
        let dir = folder(USERS);
        for source in ["file", "environment", "flag"] {
            fs::write(dir.path().join(source), format!("from the {source}\n")).unwrap();
        }
        fs::write(dir.path().join("p.toml"), "motd = 'file'\nlisten = '127.0.0.1:0'\n").unwrap();
        let daemon = start(dir, |command| {
            command.args(options).envs(environment.iter().copied());
        });
        let mut alice = daemon.login("alice");
        alice.line()
    };
    let (file, environment) = (("PARLOR_CONFIG", "p.toml"), ("PARLOR_MOTD", "environment"));
    assert_eq!(motd(&["--config", "p.toml"], &[]), "from the file");
    assert_eq!(motd(&[], &[file, environment]), "from the environment");
    assert_eq!(motd(&["--motd", "flag"], &[file, environment]), "from the flag");
    assert_eq!(motd(&["--motd=flag"], &[("PARLOR_LISTEN", "127.0.0.1:0"), environment]), "from the flag");
}

#[test]
fn it_listens_on_every_address_it_is_given() {
    let daemon = Daemon::start(&["--listen", "127.0.0.1:0"]);
    eventually("two addresses in the log", || daemon.log().matches("listening addr=").count() == 2);
    let addresses: Vec<SocketAddr> =
        daemon.log().lines().filter_map(|line| line.split_once("listening addr=")?.1.parse().ok()).collect();
    assert_eq!(addresses[0], daemon.addr);
    let mut alice = TestClient::connect(addresses[0]);
    alice.login("alice");
    let mut bob = TestClient::connect(addresses[1]);
    bob.login("bob");
    alice.expect("*** bob has joined the chat.");
}

#[test]
fn a_stop_tells_everybody_exits_with_0_and_frees_the_port() {
    for signal in ["TERM", "INT"] {
        let mut daemon = Daemon::start(&[]);
        let mut stranger = daemon.connect();
        stranger.expect_bytes("Enter username: ");
        let (mut alice, mut bob) = (daemon.login("alice"), daemon.login("bob"));
        alice.expect("*** bob has joined the chat.");
        daemon.signal(signal);
        for client in [&mut alice, &mut bob, &mut stranger] {
            client.expect("*** The server is shutting down. Goodbye.");
            client.expect_end();
        }
        assert_eq!(daemon.wait().code(), Some(0));
        let log = daemon.log();
        assert!(log.contains("main stopping sessions=2\n") && log.ends_with("main stopped\n"), "{log}");
        assert!(log.contains("logout user=alice reason=\"shutdown\""), "{log}");
        let address = daemon.addr.to_string();
        let again = start(folder(USERS), |command| {
            command.args(["--listen", &address]);
        });
        again.login("alice").quiet();
    }
}

#[test]
fn a_changed_users_file_is_loaded_whole_or_not_at_all() {
    let daemon = Daemon::start(&[]);
    let users = daemon.dir.path().join("users.txt");
    let mut alice = daemon.login("alice");
    let attempt = |name: &str, password: &str| {
        let mut client = daemon.connect();
        client.give_name_and_password(name, password);
        client.line() == WELCOME
    };
    fs::write(&users, "bob:new\nzoe:pw\n").unwrap();
    daemon.signal("HUP");
    daemon.await_log("users reloaded count=2\n");
    assert!(
        attempt("zoe", "pw") && attempt("bob", "new") && !attempt("bob", "qwerty456") && !attempt("eve", "trustno1")
    );
    // Users who are online stay, with or without an account.
    alice.send("/ping still here");
    alice.line_with("Pong: still here");
    fs::write(&users, "bob:newer\nmarked-secret\n").unwrap();
    daemon.signal("HUP");
    daemon.await_log("users unchanged: users.txt: line 2: there is no colon between name and password\n");
    assert!(attempt("bob", "new") && !attempt("bob", "newer"));
    fs::remove_file(&users).unwrap();
    daemon.signal("HUP");
    daemon.await_log("users unchanged: users.txt: cannot be read: ");
    assert!(attempt("zoe", "pw"));
    assert!(!daemon.log().contains("marked-secret"));
}

#[test]
fn the_users_file_can_be_edited_while_the_daemon_runs() {
    let dir = folder("# staff\nalice:password123\nbob:qwerty456\n");
    let daemon = start(dir, |command| {
        command.args(["--listen", "127.0.0.1:0"]);
    });
    let user = |options: &[&str], input: &str| run_with(daemon.dir.path(), &[&["user"], options].concat(), &[], input);
    let hint = "A running parlord reloads the file on SIGHUP: kill -HUP <pid>\n";
    let outcome = user(&["add", "zoe"], "first secret\nnot this\n");
    assert_eq!((outcome.code, outcome.out), (0, format!("Added zoe.\n{hint}")));
    assert_eq!(user(&["passwd", "ZOE"], "second secret\n").code, 0);
    assert_eq!(user(&["remove", "bob"], "").out, format!("Removed bob.\n{hint}"));
    assert_eq!(user(&["list"], "").out, "alice  plain\nzoe    argon2id\n");
    assert_eq!(user(&["hash"], "").out, format!("Hashed 1 password.\n{hint}"));
    assert_eq!(user(&["list"], "").out, "alice  argon2id\nzoe    argon2id\n");
    for (options, input, why) in [
        (&["add", "alice"][..], "x\n", "users.txt: user 'alice' exists already"),
        (&["remove", "bob"], "", "users.txt: there is no user 'bob'"),
        (&["passwd", "bob"], "x\n", "users.txt: there is no user 'bob'"),
        (&["passwd", "zoe"], "\n", "the password is empty"),
    ] {
        let outcome = user(options, input);
        assert_eq!((outcome.code, outcome.err), (1, format!("parlord: {why}\n")), "{options:?}");
    }
    assert_eq!(user(&["add", "_x"], "x\n").code, 2);
    let users = fs::read_to_string(daemon.dir.path().join("users.txt")).unwrap();
    assert!(users.starts_with("# staff\nalice:$argon2id$") && !users.contains("secret"), "{users}");
    daemon.signal("HUP");
    daemon.await_log("users reloaded count=2");
    for (name, password) in [("alice", "password123"), ("zoe", "second secret")] {
        let mut client = daemon.connect();
        client.give_name_and_password(name, password);
        client.expect(WELCOME);
    }
    let mut bob = daemon.connect();
    bob.give_name_and_password("bob", "qwerty456");
    bob.expect("Authentication failed.");
}

#[test]
fn closed_standard_streams_do_not_stop_it() {
    let dir = tempfile::tempdir().unwrap();
    write_users(dir.path());
    let closed = || {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        writer
    };
    let mut command = parlord(dir.path());
    let child = command.args(["--listen", "127.0.0.1:0"]).stdout(closed()).stderr(closed()).spawn().unwrap();
    let mut daemon = Daemon { addr: "127.0.0.1:1".parse().unwrap(), dir, child };
    daemon.await_log("listening addr=");
    let log = daemon.log();
    daemon.addr = log.lines().find_map(|line| line.split_once("listening addr=")?.1.parse().ok()).unwrap();
    daemon.login("alice").quiet();
    daemon.signal("TERM");
    assert_eq!(daemon.wait().code(), Some(0));
}

#[test]
fn a_rewritten_users_file_is_readable_by_its_owner_only() {
    let dir = folder(USERS);
    let path = dir.path().join("users.txt");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    assert_eq!(run_with(dir.path(), &["user", "add", "zoe"], &[], "pw\n").code, 0);
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
}
