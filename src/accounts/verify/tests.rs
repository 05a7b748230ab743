//! The verifier: which passwords are right, what a guess costs, and what malformed users files do.

use super::*;
use crate::accounts::AccountRules;
use crate::accounts::hash::{Cost, HashSlots, Memory, hash};
use std::fs;
use std::path::Path;
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
    fn new(text: &str, slots: usize) -> Setup {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("users.txt");
        fs::write(&path, text).unwrap();
        let accounts = Accounts::with(&path, HashSlots::new(slots)).unwrap();
        Setup { folder, accounts }
    }

    fn write(&self, text: &[u8]) {
        fs::write(self.folder.path().join("users.txt"), text).unwrap();
    }

    fn read(&self) -> String {
        fs::read_to_string(self.folder.path().join("users.txt")).unwrap()
    }

    fn verify(&self, name: &str, guess: &str) -> Verification {
        self.accounts.verify(name.as_bytes(), guess.as_bytes(), soon())
    }
}

fn mixed() -> String {
    format!("Alice:{}\nbob:plain:b \n", hash(b"hashed", CHEAP, &mut Memory::default()).unwrap())
}

#[test]
fn the_right_password_returns_the_name_as_registered() {
    let setup = Setup::new(&mixed(), 1);
    match setup.verify("aLICE", "hashed") {
        Verification::Verified(name) => assert_eq!(name.as_str(), "Alice"),
        other => panic!("{other:?}"),
    }
    assert_eq!(setup.verify("BOB", "plain:b "), Verification::Verified(name("bob")));
    assert_eq!(setup.accounts.find(&name("ALICE")).unwrap().as_str(), "Alice");
    assert_eq!((setup.accounts.len(), setup.accounts.plain_passwords()), (2, 1));
}

#[test]
fn a_deleted_account_costs_what_an_unknown_name_does() {
    let setup = Setup::new(&format!("{}Carl:$deleted$\n", mixed()), 1);
    for guess in ["$deleted$", "", "nobody's password", "hashed"] {
        assert_eq!(setup.verify("carl", guess), Verification::Wrong, "{guess}");
    }
    let carl = name("CARL");
    assert!(setup.accounts.is_deleted(&carl) && setup.accounts.is_taken(&carl));
    assert_eq!((setup.accounts.find(&carl), setup.accounts.len()), (None, 2));
    assert!(!setup.accounts.is_deleted(&name("alice")) && !setup.accounts.is_deleted(&name("dave")));
    // Without slots, every attempt to hash times out.
    let setup = Setup::new(&format!("{}carl:$deleted$\n", mixed()), 0);
    assert_eq!(setup.accounts.verify(b"carl", b"$deleted$", Instant::now()), Verification::TimedOut);
}

#[test]
fn no_other_password_is_right() {
    let setup = Setup::new(&mixed(), 1);
    let file = mixed();
    let stored = file.lines().next().unwrap().split_once(':').unwrap().1;
    // The last two are what is compared with where an account has no password: the constant, and the decoy.
    for guess in ["", "plain:b", "plain:b  ", "PLAIN:B ", stored, "hashed\0", "nobody's password", "hashed"] {
        for user in ["bob", "carl", "", "ali ce", "\u{FF}", "system"] {
            assert_eq!(setup.verify(user, guess), Verification::Wrong, "{user} {guess}");
        }
    }
    assert_eq!(setup.verify("alice", "plain:b "), Verification::Wrong);
    assert_eq!(setup.accounts.verify(b"\xFF", b"\xFF", soon()), Verification::Wrong);
}

#[test]
fn every_wrong_guess_costs_a_hash_if_the_file_has_one() {
    // Without slots, every attempt to hash times out.
    let setup = Setup::new(&mixed(), 0);
    for user in ["alice", "bob", "carl", "system", "no name at all"] {
        assert_eq!(setup.accounts.verify(user.as_bytes(), b"wrong", Instant::now()), Verification::TimedOut, "{user}");
    }
    setup.write(b"alice:a\nbob:b\n");
    assert_eq!(setup.accounts.reload().unwrap(), 2);
    for user in ["alice", "carl", "no name at all"] {
        assert_eq!(setup.accounts.verify(user.as_bytes(), b"wrong", Instant::now()), Verification::Wrong, "{user}");
    }
}

#[test]
fn the_decoy_costs_what_most_hashes_do() {
    let at = |memory| hash(b"x", Cost { memory, ..CHEAP }, &mut Memory::default()).unwrap();
    let (cheap, dear) = (at(CHEAP.memory), at(64));
    let setup = Setup::new(&format!("a:{cheap}\nb:{dear}\nc:{cheap}\n"), 1);
    let decoy = || setup.accounts.users.read().decoy().unwrap().cost().memory;
    assert_eq!(decoy(), CHEAP.memory, "one expensive hash does not make every wrong guess expensive");
    let set = |user: &str, text: &str| setup.accounts.users.write().set(name(user), Secret::parse(text).ok().unwrap());
    set("a", &dear);
    assert_eq!(decoy(), 64);
    set("a", "plain");
    set("c", "plain");
    set("b", &cheap);
    assert_eq!(decoy(), CHEAP.memory, "of those that are left");
    set("b", "plain");
    assert!(setup.accounts.users.read().decoy().is_none());
}

#[test]
fn an_unusual_hash_is_renewed_when_its_password_is_used() {
    let at = |memory| hash(b"secret", Cost { memory, ..Cost::STANDARD }, &mut Memory::default()).unwrap();
    let (usual, dear, cheap) = (at(Cost::STANDARD.memory), at(2 * Cost::STANDARD.memory), at(8));
    let setup = Setup::new(&format!("a:{usual}\nb:{dear}\nc:{cheap}\nd:{usual}\ne:plain\n"), 1);
    assert_eq!(setup.accounts.expensive_hashes(), 1);
    for user in ["a", "b", "c", "e"] {
        setup.accounts.renew_hash(&name(user), b"secret", soon());
        assert_eq!(
            setup.verify(user, "secret"),
            if user == "e" { Verification::Wrong } else { Verification::Verified(name(user)) }
        );
    }
    let written = setup.read();
    let start = "$argon2id$v=19$m=19456,t=2,p=1$";
    let lines: Vec<&str> = written.lines().collect();
    assert!(lines[1].starts_with(&format!("b:{start}")) && lines[2].starts_with(&format!("c:{start}")), "{written}");
    assert_eq!((lines[0], lines[4]), (&*format!("a:{usual}"), "e:plain"));
    assert_eq!(setup.accounts.expensive_hashes(), 0);
    // A password that was changed in the file meanwhile stays.
    setup.write(format!("b:{dear}\nx:{usual}\ny:{usual}\n").as_bytes());
    setup.accounts.reload().unwrap();
    setup.write(b"b:newer secret\n");
    setup.accounts.renew_hash(&name("b"), b"secret", soon());
    assert_eq!(setup.read(), "b:newer secret\n");
}

#[test]
fn a_reload_never_empties_the_server_by_accident() {
    let setup = Setup::new("a:1\nb:$deleted$\n", 1);
    for empty in ["", "# nobody\n", "b:$deleted$\n"] {
        setup.write(empty.as_bytes());
        let why = setup.accounts.reload().unwrap_err().to_string();
        assert!(why.contains("users.txt: has no users any more, so the old ones stay"), "{why}");
        assert_eq!(setup.verify("a", "1"), Verification::Verified(name("a")));
    }
    let Setup { accounts, folder } = setup;
    let accounts = accounts.with_rules(AccountRules { allow_empty: true, ..AccountRules::default() });
    assert_eq!(accounts.reload().unwrap(), 0);
    // From then on there is nothing to lose.
    let accounts = accounts.with_rules(AccountRules::default());
    assert_eq!(accounts.reload().unwrap(), 0);
    drop(folder);
}

#[test]
fn a_plain_match_waits_for_no_slot() {
    let setup = Setup::new(&mixed(), 0);
    let now = std::time::Instant::now();
    assert_eq!(setup.accounts.verify(b"BOB", b"plain:b ", now), Verification::Verified("bob".parse().unwrap()));
    assert_eq!(setup.accounts.verify(b"bob", b"plain:b", now), Verification::TimedOut);
}

#[test]
fn a_hundred_logins_at_once_are_all_verified() {
    let setup = Setup::new(&mixed(), 2);
    std::thread::scope(|scope| {
        for n in 0..100 {
            let setup = &setup;
            let (guess, expected) = if n % 2 == 0 {
                ("hashed", Verification::Verified(name("alice")))
            } else {
                ("wrong", Verification::Wrong)
            };
            scope.spawn(move || assert_eq!(setup.verify("alice", guess), expected));
        }
    });
}

#[test]
fn five_hundred_bad_replacements_harm_nothing() {
    let setup = Setup::new("alice:a\nbob:b\n", 1);
    let malformed: [&[u8]; 8] = [
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
        let file = [good.as_bytes(), malformed[n % malformed.len()], b"\nlast:marked\n"].concat();
        setup.write(&file);
        let error = setup.accounts.reload().unwrap_err().to_string();
        assert!(error.contains(&format!("users.txt: line {}: ", n % 97 + 2)), "{error}");
        assert!(!error.contains("marked"), "{error}");
        assert_eq!(setup.verify("alice", "a"), Verification::Verified(name("alice")));
        assert_eq!(setup.verify("user0", "marked"), Verification::Wrong);
    }
    assert_eq!(setup.accounts.len(), 2);
    fs::remove_file(setup.folder.path().join("users.txt")).unwrap();
    assert!(setup.accounts.reload().is_err(), "nor does a file that is gone");
    setup.write(b"carl:c\n");
    assert_eq!(setup.accounts.reload().unwrap(), 1);
    assert_eq!(setup.verify("alice", "a"), Verification::Wrong);
    assert_eq!(setup.verify("carl", "c"), Verification::Verified(name("carl")));
}

#[test]
fn anything_but_a_file_is_refused_without_waiting() {
    let folder = tempfile::tempdir().unwrap();
    for path in [folder.path(), Path::new("/dev/zero"), &folder.path().join("none")] {
        assert!(Accounts::load(path).is_err(), "{}", path.display());
    }
}

#[test]
fn the_debug_form_shows_no_secret() {
    let setup = Setup::new("alice:marked\n", 1);
    assert_eq!(format!("{:?}", setup.accounts), "Accounts { len: 1, .. }");
}
