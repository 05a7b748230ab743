//! Renaming an account, and everything that can go wrong on the way.

use std::fs;
use std::time::Duration;

use super::*;
use crate::accounts::Verification;
use tempfile::TempDir;

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(20)
}

struct Setup {
    folder: TempDir,
    accounts: Accounts,
}

/// The calls to the store.
#[derive(Debug, Default, PartialEq)]
struct Stored {
    renamed: bool,
    undone: bool,
}

impl Setup {
    fn new(text: &str) -> Setup {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("users.txt");
        fs::write(&path, text).unwrap();
        Setup { accounts: Accounts::load(&path).unwrap(), folder }
    }

    fn path(&self) -> std::path::PathBuf {
        self.folder.path().join("users.txt")
    }

    fn file(&self) -> String {
        fs::read_to_string(self.path()).unwrap()
    }

    /// Renames, and does `meanwhile` once the store has changed.
    fn rename_while(&self, from: &str, to: &str, meanwhile: impl FnOnce()) -> (Result<bool, AccountError>, Stored) {
        let (mut renamed, mut undone) = (false, false);
        let store = || {
            renamed = true;
            meanwhile();
            Ok(())
        };
        let done = self.accounts.rename(&name(from), name(to), soon(), store, || undone = true);
        (done, Stored { renamed, undone })
    }

    fn rename(&self, from: &str, to: &str) -> Result<bool, AccountError> {
        let (done, store) = self.rename_while(from, to, || ());
        assert_eq!(store, Stored { renamed: done.is_ok(), undone: false }, "only a valid rename reaches the store");
        done
    }

    fn logs_in(&self, user: &str, password: &str) -> bool {
        match self.accounts.verify(user.as_bytes(), password.as_bytes(), soon()) {
            Verification::Verified(found) => found.as_str() == user,
            _ => false,
        }
    }
}

#[test]
fn the_new_name_logs_in_and_the_old_one_stays_taken() {
    let setup = Setup::new("# staff\nalice:a\nbob:b:c \n\neve:e");
    assert_eq!(setup.rename("BOB", "Robert"), Ok(true));
    assert_eq!(setup.rename("eve", "adam"), Ok(true));
    assert_eq!(setup.file(), "# staff\nalice:a\nRobert:b:c \nBOB:$deleted$\n\nadam:e\neve:$deleted$");
    for reread in [false, true] {
        assert!(setup.logs_in("Robert", "b:c ") && setup.logs_in("adam", "e"), "{reread}");
        assert!(!setup.logs_in("bob", "b:c ") && setup.accounts.is_deleted(&name("bob")), "{reread}");
        assert_eq!((setup.accounts.len(), setup.accounts.plain_passwords()), (3, 3), "{reread}");
        assert!(setup.accounts.is_taken(&name("bob")) && setup.accounts.is_taken(&name("robert")), "{reread}");
        setup.accounts.reload().unwrap();
    }
}

#[test]
fn a_change_of_case_leaves_no_deleted_name_behind() {
    let setup = Setup::new("bob:b\r\nann:a\r\n");
    assert_eq!(setup.rename("bob", "BoB"), Ok(true));
    assert_eq!(setup.file(), "BoB:b\r\nann:a\r\n");
    assert!(setup.logs_in("BoB", "b") && setup.accounts.len() == 2);
}

#[test]
fn missing_and_taken_names_are_refused_before_storing() {
    let setup = Setup::new("alice:a\nbob:b\nold:$deleted$\n");
    assert_eq!(setup.rename("zoe", "zoey"), Err(AccountError::NotFound));
    assert_eq!(setup.rename("old", "new"), Err(AccountError::NotFound));
    assert_eq!(setup.rename("bob", "Alice"), Err(AccountError::Taken));
    assert_eq!(setup.rename("bob", "OLD"), Err(AccountError::Taken));
    fs::write(setup.path(), "alice:a\nbob:b\nnew:by hand\n").unwrap();
    assert_eq!(setup.rename("bob", "new"), Err(AccountError::Taken), "in the file, and not in use yet");
    assert_eq!(setup.rename("bob", "old"), Err(AccountError::Taken), "removed from the file, and still in use");
    fs::write(setup.path(), "alice:a\n").unwrap();
    assert_eq!(setup.rename("bob", "rob"), Err(AccountError::NotFound));
    assert!(setup.logs_in("bob", "b"), "nothing has changed");
    let late = setup.accounts.rename(&name("bob"), name("rob"), soon(), || Err(AccountError::Unavailable), || panic!());
    assert_eq!(late, Err(AccountError::NotFound));
    let refused =
        setup.accounts.rename(&name("alice"), name("al"), soon(), || Err(AccountError::Unavailable), || panic!());
    assert_eq!((refused, setup.file().as_str()), (Err(AccountError::Unavailable), "alice:a\n"));
    assert!(setup.logs_in("alice", "a"));
}

#[test]
fn the_store_is_reverted_if_the_file_cannot_be_rewritten() {
    let setup = Setup::new("bob:b\n");
    // An editor that takes no lock has saved: its version must not be replaced.
    for (to, text) in [("rob", "bob:b2\n"), ("Bob", "bob:b3\n"), ("rob", "bob:b\nrob:by hand\n")] {
        let (done, store) = setup.rename_while("bob", to, || fs::write(setup.path(), text).unwrap());
        assert!(
            matches!(&done, Err(AccountError::UsersFile(why)) if why.contains("was changed by another program")),
            "{done:?}"
        );
        assert_eq!(store, Stored { renamed: true, undone: true });
        assert!(setup.logs_in("bob", "b") && setup.file() == text);
    }
}

#[test]
fn the_store_stays_if_the_file_may_have_the_new_name() {
    let setup = Setup::new("bob:b\n");
    // As when the file was replaced but may not survive a power loss.
    let (done, store) = setup.rename_while("bob", "rob", || fs::write(setup.path(), "rob:b\nbob:$deleted$\n").unwrap());
    assert_eq!((done, store), (Ok(true), Stored { renamed: true, undone: false }));
    assert!(setup.logs_in("rob", "b"));
    let (done, store) = setup.rename_while("rob", "robert", || fs::write(setup.path(), "no colon\n").unwrap());
    assert_eq!((done, store), (Ok(false), Stored { renamed: true, undone: false }), "the next start finds out");
    assert!(setup.logs_in("robert", "b"));
}

#[test]
fn an_interrupted_rename_is_finished_once() {
    for (text, left, after) in [
        ("bob:b\nann:a\n", true, "Rob:b\nbob:$deleted$\nann:a\n"),
        ("Rob:b\nbob:$deleted$\n", false, "Rob:b\nbob:$deleted$\n"),
        ("Rob:b\n", false, "Rob:b\n"),
        ("ann:a\n", false, "ann:a\n"),
        ("bob:$deleted$\n", false, "bob:$deleted$\n"),
    ] {
        let setup = Setup::new(text);
        let (bob, rob) = (name("bob"), name("Rob"));
        assert_eq!(setup.accounts.is_rename_left(&bob, &rob).unwrap(), left, "{text:?}");
        assert_eq!(setup.accounts.finish_rename(&bob, rob).unwrap(), left, "{text:?}");
        assert!(!setup.accounts.finish_rename(&bob, rob).unwrap());
        assert_eq!(setup.file(), after);
        assert_eq!(setup.logs_in("Rob", "b"), after.starts_with("Rob"), "{text:?}");
        assert!(!setup.logs_in("bob", "b"));
    }
    let setup = Setup::new("bob:b\n");
    assert!(setup.accounts.finish_rename(&name("bob"), name("Bob")).unwrap());
    assert!(!setup.accounts.is_rename_left(&name("bob"), &name("Bob")).unwrap() && setup.file() == "Bob:b\n");
}

#[test]
fn an_operator_has_to_decide_if_both_names_have_a_line() {
    for text in ["bob:b\nrob:r\n", "bob:b\nrob:$deleted$\n"] {
        let setup = Setup::new(text);
        let refused = setup.accounts.finish_rename(&name("bob"), name("rob")).unwrap_err().to_string();
        let why = "users.txt: renaming bob to rob was interrupted and cannot be finished: both names have a line; remove the line of rob, \
                   or that of bob if the rename is done";
        assert!(refused.ends_with(why), "{refused}");
        assert_eq!(setup.file(), text);
        assert!(setup.accounts.is_rename_left(&name("bob"), &name("rob")).is_err());
    }
}
