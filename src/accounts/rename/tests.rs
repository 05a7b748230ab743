//! An account that gets another name, and everything that may go wrong on the way.

use std::fs;
use std::time::Duration;

use super::*;
use crate::accounts::Verdict;
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

/// What became of the rest.
#[derive(Debug, Default, PartialEq)]
struct Rest {
    stored: bool,
    taken_back: bool,
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

    /// Renames, and does `meanwhile` once the rest is stored.
    fn rename_while(&self, from: &str, to: &str, meanwhile: impl FnOnce()) -> (Result<bool, AccountError>, Rest) {
        let (mut stored, mut taken_back) = (false, false);
        let store = || {
            stored = true;
            meanwhile();
            Ok(())
        };
        let done = self.accounts.rename(&name(from), name(to), soon(), store, || taken_back = true);
        (done, Rest { stored, taken_back })
    }

    fn rename(&self, from: &str, to: &str) -> Result<bool, AccountError> {
        let (done, rest) = self.rename_while(from, to, || ());
        assert_eq!(rest, Rest { stored: done.is_ok(), taken_back: false }, "only what is right is stored");
        done
    }

    fn is_right(&self, user: &str, password: &str) -> bool {
        match self.accounts.judge(user.as_bytes(), password.as_bytes(), soon()) {
            Verdict::Right(found) => found.as_str() == user,
            _ => false,
        }
    }
}

#[test]
fn he_logs_in_with_his_new_name_and_his_old_one_stays_taken() {
    let setup = Setup::new("# staff\nalice:a\nbob:b:c \n\neve:e");
    assert_eq!(setup.rename("BOB", "Robert"), Ok(true));
    assert_eq!(setup.rename("eve", "adam"), Ok(true));
    assert_eq!(setup.file(), "# staff\nalice:a\nRobert:b:c \nBOB:$deleted$\n\nadam:e\neve:$deleted$");
    for reread in [false, true] {
        assert!(setup.is_right("Robert", "b:c ") && setup.is_right("adam", "e"), "{reread}");
        assert!(!setup.is_right("bob", "b:c ") && setup.accounts.is_deleted(&name("bob")), "{reread}");
        assert_eq!((setup.accounts.len(), setup.accounts.plain_secrets()), (3, 3), "{reread}");
        assert!(setup.accounts.is_taken(&name("bob")) && setup.accounts.is_taken(&name("robert")), "{reread}");
        setup.accounts.reload().unwrap();
    }
}

#[test]
fn a_change_of_letters_case_leaves_no_other_name_behind() {
    let setup = Setup::new("bob:b\r\nann:a\r\n");
    assert_eq!(setup.rename("bob", "BoB"), Ok(true));
    assert_eq!(setup.file(), "BoB:b\r\nann:a\r\n");
    assert!(setup.is_right("BoB", "b") && setup.accounts.len() == 2);
}

#[test]
fn what_is_nobodys_or_somebodys_is_refused_before_anything_is_stored() {
    let setup = Setup::new("alice:a\nbob:b\nold:$deleted$\n");
    assert_eq!(setup.rename("zoe", "zoey"), Err(AccountError::Gone));
    assert_eq!(setup.rename("old", "new"), Err(AccountError::Gone));
    assert_eq!(setup.rename("bob", "Alice"), Err(AccountError::Taken));
    assert_eq!(setup.rename("bob", "OLD"), Err(AccountError::Taken));
    fs::write(setup.path(), "alice:a\nbob:b\nnew:by hand\n").unwrap();
    assert_eq!(setup.rename("bob", "new"), Err(AccountError::Taken), "written there, and not in use yet");
    assert_eq!(setup.rename("bob", "old"), Err(AccountError::Taken), "taken out there, and still in use");
    fs::write(setup.path(), "alice:a\n").unwrap();
    assert_eq!(setup.rename("bob", "rob"), Err(AccountError::Gone));
    assert!(setup.is_right("bob", "b"), "nothing has changed");
    let late = setup.accounts.rename(&name("bob"), name("rob"), soon(), || Err(AccountError::Unavailable), || panic!());
    assert_eq!(late, Err(AccountError::Gone));
    let refused =
        setup.accounts.rename(&name("alice"), name("al"), soon(), || Err(AccountError::Unavailable), || panic!());
    assert_eq!((refused, setup.file().as_str()), (Err(AccountError::Unavailable), "alice:a\n"));
    assert!(setup.is_right("alice", "a"));
}

#[test]
fn what_was_stored_is_taken_back_if_the_file_cannot_be_rewritten() {
    let setup = Setup::new("bob:b\n");
    // An editor that takes no lock was at it: then nothing is put in its place.
    for (to, text) in [("rob", "bob:b2\n"), ("Bob", "bob:b3\n"), ("rob", "bob:b\nrob:by hand\n")] {
        let (done, rest) = setup.rename_while("bob", to, || fs::write(setup.path(), text).unwrap());
        assert!(
            matches!(&done, Err(AccountError::Broken(why)) if why.contains("was changed by someone else")),
            "{done:?}"
        );
        assert_eq!(rest, Rest { stored: true, taken_back: true });
        assert!(setup.is_right("bob", "b") && setup.file() == text);
    }
}

#[test]
fn what_the_file_says_by_now_is_not_taken_back() {
    let setup = Setup::new("bob:b\n");
    // As after a rename of the file of which nobody knows whether it outlives a loss of power.
    let (done, rest) = setup.rename_while("bob", "rob", || fs::write(setup.path(), "rob:b\nbob:$deleted$\n").unwrap());
    assert_eq!((done, rest), (Ok(true), Rest { stored: true, taken_back: false }));
    assert!(setup.is_right("rob", "b"));
    let (done, rest) = setup.rename_while("rob", "robert", || fs::write(setup.path(), "no colon\n").unwrap());
    assert_eq!((done, rest), (Ok(false), Rest { stored: true, taken_back: false }), "the next start finds out");
    assert!(setup.is_right("robert", "b"));
}

#[test]
fn an_interrupted_one_is_finished_once() {
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
        assert_eq!(setup.is_right("Rob", "b"), after.starts_with("Rob"), "{text:?}");
        assert!(!setup.is_right("bob", "b"));
    }
    let setup = Setup::new("bob:b\n");
    assert!(setup.accounts.finish_rename(&name("bob"), name("Bob")).unwrap());
    assert!(!setup.accounts.is_rename_left(&name("bob"), &name("Bob")).unwrap() && setup.file() == "Bob:b\n");
}

#[test]
fn who_wrote_the_new_name_into_the_file_meanwhile_has_to_decide() {
    for text in ["bob:b\nrob:r\n", "bob:b\nrob:$deleted$\n"] {
        let setup = Setup::new(text);
        let refused = setup.accounts.finish_rename(&name("bob"), name("rob")).unwrap_err().to_string();
        let why = "users.txt: the renaming of bob to rob was interrupted, and goes on no further: both names have a line; \
                   remove that of rob, or that of bob if this is done";
        assert!(refused.ends_with(why), "{refused}");
        assert_eq!(setup.file(), text);
        assert!(setup.accounts.is_rename_left(&name("bob"), &name("rob")).is_err());
    }
}
