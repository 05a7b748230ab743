//! The database of the real `parlord`: restarts, damage, and the operator's tools beside a running daemon.

use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use parlor::model::{Draft, MessageId, Name, Retention, Scope, StoreAddress};
use parlor::store::{self, Entry, Store};
use tempfile::TempDir;

use crate::daemon::{Outcome, folder, run_with};
use crate::support::{Daemon, USERS, eventually, parlord};

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

fn said(from: &str, scope: Scope, text: &str) -> Entry {
    let at = UNIX_EPOCH + Duration::from_micros(1_795_194_192_000_045);
    Entry::Said(Draft { at, from: name(from), scope, text: text.into(), action: false, tag: None })
}

/// A folder with users, and a database with messages.
fn with_messages() -> TempDir {
    let dir = folder(USERS);
    let store = open(&dir.path().join("data"));
    let (bob, group) = (Scope::User(name("bob")), Scope::Group(name("Team")));
    store.append(&[said("alice", bob, "the marked secret"), said("alice", group, "in \"team\"")]).unwrap();
    store
        .append(&[said("bob", group, "ours"), said("charlie", bob, "left"), said("bob", Scope::Everybody, "all")])
        .unwrap();
    store.append(&[Entry::Deleted { id: MessageId(3) }]).unwrap();
    while store.tend().unwrap() {}
    dir
}

fn open(data: &Path) -> Arc<dyn Store> {
    store::open(&StoreAddress::Folder(data.to_owned()), &Retention::default()).unwrap()
}

fn tool(dir: &Path, options: &[&str]) -> Outcome {
    run_with(dir, options, &[("TZ", "UTC")], "")
}

fn daemon_over(dir: TempDir) -> Daemon {
    Daemon::start_in(dir, &["--data", "data"])
}

#[test]
fn messages_are_exported_beside_a_running_daemon() {
    let daemon = daemon_over(with_messages());
    let export = |options: &[&str]| {
        let outcome = tool(daemon.dir.path(), &[&["export"], options].concat());
        assert_eq!((outcome.code, outcome.err.as_str()), (0, ""));
        outcome.out
    };
    let lines = [
        "#1 2026-11-20 17:03:12 [alice -> bob]: the marked secret\n",
        "#2 2026-11-20 17:03:12 [Group Team][alice]: in \"team\"\n",
        "#3 2026-11-20 17:03:12 [Group Team][bob]: (deleted)\n",
        "#4 2026-11-20 17:03:12 [charlie -> bob]: left\n",
        "#5 2026-11-20 17:03:12 [Broadcast][bob]: all\n",
    ];
    let some = |ids: &[usize]| ids.iter().map(|id| lines[id - 1]).collect::<String>();
    assert_eq!(export(&[]), some(&[1, 2, 3, 4, 5]));
    assert_eq!(export(&["--user", "BOB"]), some(&[1, 3, 4, 5]));
    assert_eq!(export(&["--group", "team"]), some(&[2, 3]));
    assert_eq!(export(&["--group", "team", "--user", "alice"]), some(&[2]));
    assert_eq!(export(&["--group", "nowhere"]), "");
    let json = export(&["--format", "jsonl", "--group", "team", "--user", "alice"]);
    let start = r#"{"id":2,"at":"2026-11-20T17:03:12.000045Z","from":"alice","group":"Team","#;
    assert_eq!(json, format!("{start}\"text\":\"in \\\"team\\\"\",\"deleted\":false}}\n"));
}

#[test]
fn closing_the_output_of_an_export_early_is_no_error() {
    let dir = folder(USERS);
    let store = open(&dir.path().join("data"));
    let lines: Vec<Entry> = (0..20_000).map(|n| said("alice", Scope::Everybody, &format!("{n:0100}"))).collect();
    store.append(&lines).unwrap();
    let mut command = parlord(dir.path());
    let mut child = command.arg("export").stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let outcome = child.wait_with_output().unwrap();
    assert_eq!((outcome.status.code(), String::from_utf8_lossy(&outcome.stderr).as_ref()), (Some(0), ""));
}

#[test]
fn a_backup_is_complete_and_replaces_nothing() {
    let daemon = daemon_over(with_messages());
    let dir = daemon.dir.path();
    let outcome = tool(dir, &["backup", "copy.db"]);
    assert_eq!((outcome.code, outcome.out.as_str()), (0, "Copied the database to copy.db.\n"), "{}", outcome.err);
    let before = fs::read(dir.join("copy.db")).unwrap();
    let again = tool(dir, &["backup", "copy.db"]);
    assert_eq!((again.code, again.err.as_str()), (1, "parlord: copy.db: already exists; nothing was copied\n"));
    assert!(fs::read(dir.join("copy.db")).unwrap() == before);
    let lost = tool(dir, &["backup", "nowhere/copy.db"]);
    assert!(lost.code == 1 && lost.err.starts_with("parlord: nowhere/"), "{}", lost.err);
    assert_eq!(fs::read_dir(dir).unwrap().filter(|e| e.as_ref().unwrap().path().ends_with(".part")).count(), 0);
    // A backup only needs its name to be the database.
    fs::create_dir(dir.join("other")).unwrap();
    fs::rename(dir.join("copy.db"), dir.join("other/parlor.db")).unwrap();
    let store = open(&dir.join("other"));
    assert_eq!(store.tail(MessageId(0), 9).unwrap().len(), 5);
    assert_eq!(store.search(&name("bob"), "marked", None, 9).unwrap().messages.len(), 1);
}

#[test]
fn an_erased_user_is_gone_from_the_disk() {
    let daemon = daemon_over(with_messages());
    let dir = daemon.dir.path();
    let holds = |word: &str| {
        let files = ["data/parlor.db", "data/parlor.db-wal"].map(|file| fs::read(dir.join(file)).unwrap_or_default());
        files.concat().windows(word.len()).any(|bytes| bytes == word.as_bytes())
    };
    assert!(holds("the marked secret") && holds("left"));
    for typed in ["", "bob\n", "alice \u{7} \n"] {
        let outcome = run_with(dir, &["erase", "--user", "alice"], &[], typed);
        let why = "parlord: the names differ; nothing was erased\n";
        assert_eq!((outcome.code, outcome.err.as_str()), (1, why));
    }
    assert!(holds("the marked secret"));
    let outcome = run_with(dir, &["erase", "--user", "Alice"], &[], "alice\n");
    let said = "Erased 2 messages of Alice.\nBackups and copies made by upgrades still have these messages.\n";
    assert_eq!((outcome.code, outcome.out.as_str()), (0, said), "{}", outcome.err);
    assert!(!holds("the marked secret") && !holds("marked") && holds("left"));
    assert!(tool(dir, &["export"]).out.lines().all(|line| !line.contains("alice")));
    assert_eq!(
        tool(dir, &["erase", "--user", "charlie", "--yes"]).out.lines().next(),
        Some("Erased 1 message of charlie.")
    );
    daemon.login("alice").quiet();
    let data = dir.join("data");
    assert_eq!(tool(dir, &["check"]).out, "settings in order; users.txt: 7 users; data: 2 messages\n");
    let _dir = daemon.into_dir();
    let store = open(&data);
    assert!(store.search(&name("bob"), "marked", None, 9).unwrap().messages.is_empty());
    assert_eq!(store.append(&[]).unwrap(), MessageId(6));
}

#[test]
fn a_running_server_deletes_what_exceeds_its_limits() {
    let daemon = Daemon::start_in(with_messages(), &["--data", "data", "--keep-messages", "2"]);
    eventually("two messages are left", || tool(daemon.dir.path(), &["export"]).out.lines().count() == 2);
    assert!(tool(daemon.dir.path(), &["export"]).out.starts_with("#4 "));
}

#[test]
fn the_tools_say_when_there_is_no_database() {
    let dir = folder(USERS);
    for options in [&["export"][..], &["backup", "x"], &["erase", "--user", "bob", "--yes"]] {
        let outcome = tool(dir.path(), options);
        let why = "parlord: data/parlor.db: there is no database; name its folder with --data\n";
        assert_eq!((outcome.code, outcome.err.as_str()), (1, why));
        let outcome = tool(dir.path(), &[options, &["--data", "none"]].concat());
        assert_eq!(outcome.err, "parlord: there is no database: the setting data is none\n");
    }
    assert!(!dir.path().join("data").exists(), "a failed tool leaves nothing behind");
    assert_eq!(tool(dir.path(), &["export", "--user", "_x"]).code, 2);
}

#[test]
fn a_folder_has_one_daemon() {
    let daemon = daemon_over(with_messages());
    let outcome = tool(daemon.dir.path(), &["--listen", "127.0.0.1:0"]);
    let why = "parlord: data: another parlord is using this folder; give this one its own with --data\n";
    assert_eq!((outcome.code, outcome.out.as_str()), (1, ""));
    assert!(outcome.err.ends_with(why), "{}", outcome.err);
}

#[test]
fn a_removed_data_folder_is_noticed_and_acknowledges_nothing() {
    let daemon = daemon_over(with_messages());
    let mut alice = daemon.login("alice");
    fs::remove_dir_all(daemon.dir.path().join("data")).unwrap();
    alice.send("/msg bob is it kept?");
    alice.line_with("your message could not be kept: the database file was removed");
    daemon.await_log("database file was removed path=data/parlor.db: nothing is stored until it is back");
    alice.send("/clear all");
    alice.line_with("Not stored yet: the database file was removed");
    assert!(!daemon.log().contains("store recovered"));
}

#[test]
fn a_copy_over_the_database_is_noticed_within_a_second() {
    let daemon = daemon_over(with_messages());
    let (copy, path) = (daemon.dir.path().join("copy.db"), daemon.dir.path().join("data/parlor.db"));
    assert_eq!(tool(daemon.dir.path(), &["backup", "copy.db"]).code, 0);
    fs::rename(copy, path).unwrap();
    daemon.await_log("database file was replaced by another file path=data/parlor.db");
}

#[test]
fn a_damaged_database_is_refused_and_left_alone() {
    let dir = with_messages();
    let path = dir.path().join("data/parlor.db");
    let mut bytes = fs::read(&path).unwrap();
    bytes[4096..].fill(0xA5);
    fs::write(&path, &bytes).unwrap();
    for (options, code) in [(&["check"][..], 2), (&["--listen", "127.0.0.1:0"], 1)] {
        let outcome = tool(dir.path(), options);
        assert_eq!((outcome.code, outcome.out.as_str()), (code, ""));
        assert!(outcome.err.contains("data/parlor.db: is damaged or not a database of Parlor ("), "{}", outcome.err);
    }
    assert!(fs::read(&path).unwrap() == bytes);
}

#[test]
fn a_killed_daemon_starts_again_with_all_messages() {
    let dir = daemon_over(with_messages()).into_dir();
    let daemon = daemon_over(dir);
    assert_eq!(tool(daemon.dir.path(), &["export"]).out.lines().count(), 5);
    assert_eq!(tool(daemon.dir.path(), &["check"]).out, "settings in order; users.txt: 7 users; data: 5 messages\n");
}

#[test]
fn an_invitation_from_the_command_line_works_once() {
    let daemon = Daemon::start(&["--data", "data", "--registration", "invite"]);
    let invite = |options: &[&str]| {
        let output = parlord(daemon.dir.path()).arg("invite").args(options).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let said = invite(&["--days", "1"]);
    let (key, how) = said.split_once('\n').unwrap();
    let expected =
        format!("Valid once, for 1 day. To use it, answer the username prompt with: /register <name> {key}\n");
    assert_eq!(how, expected);
    assert_eq!(invite(&["--data", "none"]), "", "nowhere to keep it");
    for (name, answer) in [("zoe", "Welcome to the chat server!"), ("yann", "Registration failed: ")] {
        let mut client = daemon.connect();
        client.send_raw(format!("/register {name} {key}\nsecret word\nsecret word\n"));
        client.line_with(answer);
    }
}
