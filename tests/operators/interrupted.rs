//! Renames interrupted by a crash, at each possible moment.

use std::fs;
use std::sync::Arc;

use parlor::model::{Retention, Role, StoreAddress};
use parlor::store::{self, Entry, Store};
use tempfile::TempDir;

use super::renaming::{enter, name};
use crate::daemon::{folder, run_with};
use crate::support::{Daemon, USERS};

fn open(dir: &TempDir) -> Arc<dyn Store> {
    store::open(&StoreAddress::Folder(dir.path().join("data")), &Retention::default()).unwrap()
}

/// A folder as a process leaves it when it crashes while renaming bob.
fn interrupted(entries: &[Entry], users: &str) -> TempDir {
    let dir = folder(users);
    let store = open(&dir);
    store.append(&[Entry::Role { user: name("bob"), role: Role::Moderator }]).unwrap();
    store.append(entries).unwrap();
    dir
}

#[test]
fn an_interrupted_rename_is_finished_at_the_next_start() {
    let renamed = [Entry::Renamed { from: name("bob"), to: name("robert") }];
    let done = USERS.replace("bob:qwerty456\n", "robert:qwerty456\nbob:$deleted$\n");
    for (entries, users, left, is) in [
        (&renamed[..], USERS, true, "robert"),
        (&renamed[..], done.as_str(), false, "robert"),
        (&[], USERS, false, "bob"),
    ] {
        let dir = interrupted(entries, users);
        let check = || run_with(dir.path(), &["check"], &[], "");
        let said = "; renaming bob to robert was interrupted and will be finished at the next start\n";
        let before = check();
        assert_eq!((before.code, before.out.ends_with(said)), (0, left), "{}", before.out);
        assert_eq!(fs::read_to_string(dir.path().join("users.txt")).unwrap(), users, "a look changes nothing");
        let daemon = Daemon::start_in(dir, &["--data", "data"]);
        let mut client = enter(&daemon, is, "qwerty456");
        client.ask("/bans", &["There are no penalties."]);
        drop(client);
        if !entries.is_empty() {
            daemon.await_log(&format!("rename finished user=bob name=robert rewritten={left}"));
        }
        let dir = daemon.into_dir();
        let expected = if is == "bob" { USERS } else { &done };
        assert_eq!(fs::read_to_string(dir.path().join("users.txt")).unwrap(), expected);
        assert!(open(&dir).renamings().unwrap().is_empty());
    }
}

#[test]
fn a_rename_that_cannot_be_finished_stops_the_start() {
    let renamed = [Entry::Renamed { from: name("bob"), to: name("robert") }];
    let dir = interrupted(&renamed, &format!("{USERS}robert:by hand\n"));
    let why = "parlord: users.txt: renaming bob to robert was interrupted and cannot be finished: both names have \
               a line; remove the line of robert, or that of bob if the rename is done\n";
    for (words, code) in [(&["check"][..], 2), (&["--listen", "127.0.0.1:0"], 1)] {
        let refused = run_with(dir.path(), words, &[], "");
        assert_eq!((refused.code, refused.err.ends_with(why)), (code, true), "{}", refused.err);
    }
    fs::write(dir.path().join("users.txt"), USERS).unwrap();
    let daemon = Daemon::start_in(dir, &["--data", "data"]);
    enter(&daemon, "robert", "qwerty456").ask("/bans", &["There are no penalties."]);
}
