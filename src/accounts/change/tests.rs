//! Accounts that are added, changed and deleted while in use, beside an operator who edits the same file.

use super::*;
use crate::accounts::{AccountRules, Verification};
use crate::accounts::hash::HashSlots;
use std::fs;
use std::time::Duration;
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

impl Setup {
    fn new(text: &str, slots: usize) -> Setup {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("users.txt");
        fs::write(&path, text).unwrap();
        let accounts = Accounts::with(&path, HashSlots::new(slots)).unwrap();
        // What is long enough is not the subject here.
        Setup { accounts: accounts.with_rules(AccountRules { min_password: 1, ..AccountRules::default() }), folder }
    }

    fn write(&self, text: &str) {
        fs::write(self.folder.path().join("users.txt"), text).unwrap();
    }

    fn file(&self) -> String {
        fs::read_to_string(self.folder.path().join("users.txt")).unwrap()
    }

    fn register(&self, user: &str, password: &str) -> Result<(), AccountError> {
        let secret = self.accounts.hash_password(password.as_bytes(), soon())?;
        self.accounts.register(&name(user), secret, soon(), || Ok(()))
    }

    fn passwd(&self, user: &str, password: &str) -> Result<(), AccountError> {
        let secret = self.accounts.hash_password(password.as_bytes(), soon())?;
        self.accounts.change_password(&name(user), secret, soon())
    }

    fn logs_in(&self, user: &str, password: &str) -> bool {
        self.accounts.verify(user.as_bytes(), password.as_bytes(), soon()) == Verification::Verified(name(user))
    }
}

#[test]
fn a_change_is_in_the_file_and_in_use_at_once() {
    let setup = Setup::new("# staff\nAlice:a\nbob:b\n", 1);
    setup.passwd("alice", "new word").unwrap();
    setup.register("Carl", "c").unwrap();
    setup.accounts.delete(&name("bob"), soon()).unwrap();
    for reread in [false, true] {
        assert!(setup.logs_in("alice", "new word") && setup.logs_in("carl", "c"), "{reread}");
        assert!(!setup.logs_in("alice", "a") && !setup.logs_in("bob", "b"), "{reread}");
        assert_eq!(setup.accounts.find(&name("ALICE")).unwrap().as_str(), "Alice");
        assert_eq!((setup.accounts.len(), setup.accounts.plain_passwords()), (2, 0));
        assert!(setup.accounts.is_deleted(&name("bob")));
        setup.accounts.reload().unwrap();
    }
    let file = setup.file();
    assert!(file.starts_with("# staff\nAlice:$argon2id$v=19$m=19456,t=2,p=1$"), "{file}");
    assert!(file.contains("\nbob:$deleted$\nCarl:$argon2id$"), "{file}");
}

#[test]
fn an_operators_edits_in_the_meantime_survive_and_count() {
    let setup = Setup::new("alice:a\nbob:b\n", 1);
    setup.write("alice:a\n# by hand\ndora:d\n");
    assert_eq!(setup.register("Dora", "x"), Err(AccountError::Taken));
    assert_eq!(
        setup.register("bob", "x"),
        Err(AccountError::Taken),
        "the account is in use until the file is read again"
    );
    assert_eq!(setup.passwd("bob", "x"), Err(AccountError::NotFound));
    setup.passwd("alice", "x").unwrap();
    assert!(setup.file().ends_with("\n# by hand\ndora:d\n"));
    assert_eq!(setup.accounts.find(&name("dora")), None, "not before SIGHUP");
    setup.write("no colon\n");
    match setup.passwd("alice", "y") {
        Err(AccountError::UsersFile(why)) => {
            assert!(why.ends_with("users.txt: line 1: there is no colon between name and password"))
        }
        other => panic!("{other:?}"),
    }
    assert!(setup.logs_in("alice", "x"));
}

#[test]
fn a_name_is_given_once_and_not_again_after_deletion() {
    let setup = Setup::new("alice:a\n", 2);
    let given: usize = std::thread::scope(|scope| {
        let tries =
            ["zoe", "ZOE", "Zoe", "zoE"].map(|user| scope.spawn(|| usize::from(setup.register(user, "z").is_ok())));
        tries.into_iter().map(|one| one.join().unwrap()).sum()
    });
    assert_eq!((given, setup.accounts.len(), setup.file().lines().count()), (1, 2, 2));
    setup.accounts.delete(&name("zoe"), soon()).unwrap();
    assert_eq!(setup.register("zoe", "z"), Err(AccountError::Taken));
    assert_eq!(setup.passwd("zoe", "z"), Err(AccountError::NotFound));
    assert_eq!(setup.accounts.delete(&name("zoe"), soon()), Err(AccountError::NotFound));
    assert_eq!(setup.accounts.with_account(&name("zoe"), soon(), || ()), Err(AccountError::NotFound));
    assert_eq!(setup.accounts.with_account(&name("alice"), soon(), || ()), Ok(()));
    assert_eq!(setup.register("guest-4", "z"), Err(AccountError::Taken));
}

#[test]
fn no_reload_undoes_a_change() {
    let setup = Setup::new("alice:a\n", 1);
    let done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(std::sync::atomic::Ordering::SeqCst) {
                setup.accounts.reload().unwrap();
            }
        });
        for n in 0..20 {
            let user = name(&format!("user{n}"));
            let secret = HashedPassword("plain".to_owned());
            setup.accounts.register(&user, secret, soon(), || Ok(())).unwrap();
            assert_eq!(setup.accounts.find(&user), Some(user));
        }
        done.store(true, std::sync::atomic::Ordering::SeqCst);
    });
    assert_eq!(setup.accounts.len(), 21);
}

#[test]
fn a_reload_does_not_wait_forever() {
    let setup = Setup::new("alice:a\n", 1);
    setup
        .accounts
        .with_account(&name("alice"), soon(), || {
            let error =
                std::thread::scope(|scope| scope.spawn(|| setup.accounts.reload().unwrap_err()).join().unwrap());
            assert!(error.to_string().ends_with("users.txt: is being changed; try again"), "{error}");
        })
        .unwrap();
    assert_eq!(setup.accounts.reload().unwrap(), 1);
}

#[test]
fn confirmation_comes_last_and_a_refusal_changes_nothing() {
    let setup = Setup::new("alice:a\n", 1);
    let secret = || setup.accounts.hash_password(b"x", soon()).unwrap_or_else(|why| panic!("{why:?}"));
    let unasked = || -> Result<(), AccountError> { panic!("asked") };
    assert_eq!(setup.accounts.register(&name("alice"), secret(), soon(), unasked), Err(AccountError::Taken));
    assert_eq!(
        setup.accounts.register(&name("zoe"), secret(), soon(), || Err(AccountError::Refused)),
        Err(AccountError::Refused)
    );
    assert_eq!((setup.file().as_str(), setup.accounts.len()), ("alice:a\n", 1));
}

#[test]
fn registrations_stop_at_the_limit_of_accounts() {
    let lines: String = (1..crate::model::limits::ACCOUNTS).map(|n| format!("u{n}:p\n")).collect();
    let setup = Setup::new(&lines, 1);
    setup.register("last", "x").unwrap();
    assert_eq!(setup.register("over", "x"), Err(AccountError::Full));
    setup.passwd("last", "y").unwrap();
}

#[test]
fn a_bad_password_is_refused_before_it_waits_for_a_slot() {
    let mut setup = Setup::new("alice:a\n", 0);
    setup.accounts.rules.min_password = 4;
    let refusal = |password: &[u8]| setup.accounts.hash_password(password, Instant::now()).err().unwrap();
    for bad in [&b""[..], b"ma\xC3\xBC", b" marked", b"mar\x07ked", b"marked\xFF"] {
        match refusal(bad) {
            AccountError::BadPassword(why) => assert!(!why.contains("marked")),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(refusal(b"good"), AccountError::TimedOut);
}
