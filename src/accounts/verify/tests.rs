//! The judge and his file: who gets in, what a guess costs, and what bad replacements of the file do.

use super::*;
use crate::accounts::secret::{Cost, Memory, hash};
use std::fs;
use std::time::Duration;
use tempfile::TempDir;

const CHEAP: Cost = Cost { memory: 16, passes: 1, lanes: 1 };

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(10)
}

struct Setup {
    folder: TempDir,
    accounts: Accounts,
}

impl Setup {
    fn new(text: &str, permits: usize) -> Setup {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("users.txt");
        fs::write(&path, text).unwrap();
        let accounts = Accounts::with(&path, HashSlots::new(permits)).unwrap();
        Setup { folder, accounts }
    }

    fn write(&self, text: &[u8]) {
        fs::write(self.folder.path().join("users.txt"), text).unwrap();
    }

    fn judge(&self, name: &str, guess: &str) -> Verdict {
        self.accounts.judge(name.as_bytes(), guess.as_bytes(), soon())
    }
}

fn mixed() -> String {
    format!("Alice:{}\nbob:plain:b \n", hash(b"hashed", CHEAP, &mut Memory::default()).unwrap())
}

#[test]
fn the_right_password_opens_under_the_registered_name() {
    let setup = Setup::new(&mixed(), 1);
    match setup.judge("aLICE", "hashed") {
        Verdict::Right(name) => assert_eq!(name.as_str(), "Alice"),
        other => panic!("{other:?}"),
    }
    assert_eq!(setup.judge("BOB", "plain:b "), Verdict::Right(name("bob")));
    assert_eq!(setup.accounts.find(&name("ALICE")).unwrap().as_str(), "Alice");
    assert_eq!((setup.accounts.len(), setup.accounts.plain_secrets()), (2, 1));
}

#[test]
fn a_deleted_account_is_nobodys_and_costs_what_an_unknown_name_does() {
    let setup = Setup::new(&format!("{}Carl:$deleted$\n", mixed()), 1);
    for guess in ["$deleted$", "", "nobody's password", "hashed"] {
        assert_eq!(setup.judge("carl", guess), Verdict::Wrong, "{guess}");
    }
    let carl = name("CARL");
    assert!(setup.accounts.is_deleted(&carl) && setup.accounts.is_taken(&carl));
    assert_eq!((setup.accounts.find(&carl), setup.accounts.len()), (None, 2));
    assert!(!setup.accounts.is_deleted(&name("alice")) && !setup.accounts.is_deleted(&name("dave")));
    // Without permits, who needs one is late.
    let setup = Setup::new(&format!("{}carl:$deleted$\n", mixed()), 0);
    assert_eq!(setup.accounts.judge(b"carl", b"$deleted$", Instant::now()), Verdict::Late);
}

#[test]
fn nothing_else_opens() {
    let setup = Setup::new(&mixed(), 1);
    let file = mixed();
    let stored = file.lines().next().unwrap().split_once(':').unwrap().1;
    // The last two guess what the judge compares with when there is nothing: the dearest hash of the file, and his own.
    for guess in ["", "plain:b", "plain:b  ", "PLAIN:B ", stored, "hashed\0", "nobody's password", "hashed"] {
        for user in ["bob", "carl", "", "ali ce", "\u{FF}", "system"] {
            assert_eq!(setup.judge(user, guess), Verdict::Wrong, "{user} {guess}");
        }
    }
    assert_eq!(setup.judge("alice", "plain:b "), Verdict::Wrong);
    assert_eq!(setup.accounts.judge(b"\xFF", b"\xFF", soon()), Verdict::Wrong);
}

#[test]
fn every_wrong_guess_costs_a_hash_as_soon_as_the_file_holds_one() {
    // Without permits, who needs one is late.
    let setup = Setup::new(&mixed(), 0);
    for user in ["alice", "bob", "carl", "system", "no name at all"] {
        assert_eq!(setup.accounts.judge(user.as_bytes(), b"wrong", Instant::now()), Verdict::Late, "{user}");
    }
    setup.write(b"alice:a\nbob:b\n");
    assert_eq!(setup.accounts.reload().unwrap(), 2);
    for user in ["alice", "carl", "no name at all"] {
        assert_eq!(setup.accounts.judge(user.as_bytes(), b"wrong", Instant::now()), Verdict::Wrong, "{user}");
    }
}

#[test]
fn the_decoy_is_the_dearest_hash() {
    let dear = hash(b"x", Cost { memory: 64, ..CHEAP }, &mut Memory::default()).unwrap();
    let cheap = hash(b"x", CHEAP, &mut Memory::default()).unwrap();
    let setup = Setup::new(&format!("a:{cheap}\nb:{dear}\nc:{cheap}\n"), 1);
    assert_eq!(setup.accounts.users.read().decoy.as_ref().unwrap().work(), 64);
}

#[test]
fn a_plain_match_waits_for_no_permit() {
    let setup = Setup::new(&mixed(), 0);
    let now = std::time::Instant::now();
    assert_eq!(setup.accounts.judge(b"BOB", b"plain:b ", now), Verdict::Right("bob".parse().unwrap()));
    assert_eq!(setup.accounts.judge(b"bob", b"plain:b", now), Verdict::Late);
}

#[test]
fn a_hundred_at_once_are_all_judged() {
    let setup = Setup::new(&mixed(), 2);
    std::thread::scope(|scope| {
        for n in 0..100 {
            let setup = &setup;
            let (guess, expected) =
                if n % 2 == 0 { ("hashed", Verdict::Right(name("alice"))) } else { ("wrong", Verdict::Wrong) };
            scope.spawn(move || assert_eq!(setup.judge("alice", guess), expected));
        }
    });
}

#[test]
fn five_hundred_bad_replacements_harm_nothing() {
    let setup = Setup::new("alice:a\nbob:b\n", 1);
    let flaws: [&[u8]; 8] = [
        b"marked",
        b":marked",
        b"mar ked:x",
        b"marked:",
        b"all:marked",
        b"USER0:marked",
        b"marked:\xFF",
        b"marked:$argon2id$v=19$m=1,t=1,p=1$marked$marked",
    ];
    for n in 0..500 {
        let good: String = (0..=n % 97).map(|n| format!("user{n}:marked\n")).collect();
        let file = [good.as_bytes(), flaws[n % flaws.len()], b"\nlast:marked\n"].concat();
        setup.write(&file);
        let error = setup.accounts.reload().unwrap_err().to_string();
        assert!(error.contains(&format!("users.txt: line {}: ", n % 97 + 2)), "{error}");
        assert!(!error.contains("marked"), "{error}");
        assert_eq!(setup.judge("alice", "a"), Verdict::Right(name("alice")));
        assert_eq!(setup.judge("user0", "marked"), Verdict::Wrong);
    }
    assert_eq!(setup.accounts.len(), 2);
    fs::remove_file(setup.folder.path().join("users.txt")).unwrap();
    assert!(setup.accounts.reload().is_err(), "neither does a file that is gone");
    setup.write(b"carl:c\n");
    assert_eq!(setup.accounts.reload().unwrap(), 1);
    assert_eq!(setup.judge("alice", "a"), Verdict::Wrong);
    assert_eq!(setup.judge("carl", "c"), Verdict::Right(name("carl")));
}

#[test]
fn what_is_no_file_is_refused_and_not_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    for path in [folder.path(), Path::new("/dev/zero"), &folder.path().join("none")] {
        assert!(Accounts::load(path).is_err(), "{}", path.display());
    }
}

#[test]
fn showing_the_accounts_shows_no_secret() {
    let setup = Setup::new("alice:marked\n", 1);
    assert_eq!(format!("{:?}", setup.accounts), "Accounts { len: 1, .. }");
}
