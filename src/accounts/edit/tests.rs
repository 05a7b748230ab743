//! Edits of a real file in its own folder: what changes, what stays, and what is left after a failure.

use super::*;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;
use tempfile::TempDir;

const CHEAP: Cost = Cost { memory: 16, passes: 1, lanes: 1 };

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

fn folder_with(text: &str) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("users.txt");
    fs::write(&path, text).unwrap();
    (folder, path)
}

fn only_entry(folder: &TempDir) -> String {
    let names: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.join(" ")
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn users_are_added_changed_and_removed_and_the_rest_stays() {
    let (folder, path) = folder_with("# staff\r\nalice:secret one\r\n\r\nbob:b");
    add(&path, &name("Carl"), "pass word: ü", 1).unwrap();
    passwd(&path, &name("ALICE"), "new", 1).unwrap();
    remove(&path, &name("bob")).unwrap();
    let kinds = [(name("alice"), PasswordKind::Argon2id), (name("Carl"), PasswordKind::Argon2id)];
    assert_eq!(list(&path).unwrap(), kinds);
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.starts_with("# staff\r\nalice:$argon2id$v=19$m=19456,t=2,p=1$"), "{text}");
    assert!(text.contains("\r\n\r\nCarl:$argon2id$") && text.ends_with("\r\n"), "{text}");
    assert_eq!(only_entry(&folder), "users.txt");
    assert_eq!(mode(&path), 0o600, "a file that everyone could read becomes private");
}

#[test]
fn hashing_replaces_every_plain_password_once() {
    let (_folder, path) = folder_with("a:1\n# a comment:\nb:2:3\n");
    let mut reported = Vec::new();
    assert_eq!(hash_at(CHEAP, &path, &mut |done, total| reported.push((done, total))).unwrap(), 2);
    assert_eq!(reported, [(1, 2), (2, 2)]);
    let once = fs::read(&path).unwrap();
    assert_eq!(hash_at(CHEAP, &path, &mut |_, _| panic!("nothing is left to do")).unwrap(), 0);
    assert_eq!(fs::read(&path).unwrap(), once);
    let file = UsersFile::parse(&once).unwrap_or_else(|e| panic!("{e}"));
    for (user, password) in [("a", "1"), ("b", "2:3")] {
        let hash = file.find(&name(user)).unwrap().secret.hash().unwrap();
        assert_eq!(hash.matches(password.as_bytes(), &mut Memory::default()), Some(true));
    }
}

#[test]
fn a_file_in_which_users_hide_is_refused_before_anything_is_written() {
    for text in
        ["alice:a\rbob:b\rcarl:c\r", "# staff\ralice:a\nbob:b\n", "alice:$2y$10$x\nbob:b\n", "alice:a\u{2028}bob:b\n"]
    {
        let (folder, path) = folder_with(text);
        let results = [
            hash_at(CHEAP, &path, &mut |_, _| ()).map(drop),
            add(&path, &name("zoe"), "long enough", 1),
            passwd(&path, &name("bob"), "long enough", 1),
            remove(&path, &name("bob")),
        ];
        for result in results {
            assert!(result.unwrap_err().to_string().contains("users.txt: line 1: "), "{text:?}");
        }
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
        assert_eq!(only_entry(&folder), "users.txt");
    }
}

#[test]
fn an_error_says_why_and_changes_nothing() {
    let (folder, path) = folder_with("alice:marked\n");
    let said = |result: Result<(), StartError>| result.unwrap_err().to_string().replace(path.to_str().unwrap(), "FILE");
    assert_eq!(said(add(&path, &name("Alice"), "x", 1)), "FILE: user 'alice' exists already");
    assert_eq!(said(passwd(&path, &name("bob"), "x", 1)), "FILE: there is no user 'bob'");
    assert_eq!(said(remove(&path, &name("bob"))), "FILE: there is no user 'bob'");
    assert_eq!(fs::read_to_string(&path).unwrap(), "alice:marked\n");
    fs::write(&path, "alice:marked\nmarked\n").unwrap();
    for result in
        [add(&path, &name("bob"), "x", 1), remove(&path, &name("alice")), hash(&path, &mut |_, _| ()).map(|_| ())]
    {
        assert_eq!(said(result), "FILE: line 2: there is no colon between name and password");
    }
    assert_eq!(only_entry(&folder), "users.txt");
}

#[test]
fn untypable_passwords_are_refused_without_showing_them() {
    let (_folder, path) = folder_with("");
    for bad in ["", " marked", "marked ", "mar\nked", "mar\tked", "mar\0ked", "mar\u{200B}ked", &"marked".repeat(200)] {
        let error = add(&path, &name("alice"), bad, 1).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("mar"), "{error}");
    }
    assert_eq!(list(&path).unwrap(), []);
}

#[test]
fn a_deleted_account_is_listed_and_its_name_can_be_freed() {
    let (_folder, path) = folder_with("alice:a\nBob:$deleted$\n");
    assert_eq!(list(&path).unwrap(), [(name("alice"), PasswordKind::Plain), (name("Bob"), PasswordKind::Deleted)]);
    for result in [add(&path, &name("bob"), "x", 1), passwd(&path, &name("bob"), "x", 1)] {
        let error = result.unwrap_err().to_string();
        assert!(error.ends_with("user 'Bob' was deleted; `parlord user remove Bob` frees the name"), "{error}");
    }
    assert_eq!(hash_at(CHEAP, &path, &mut |_, _| ()).unwrap(), 1, "there is no password of bob");
    remove(&path, &name("bob")).unwrap();
    add(&path, &name("bob"), "x", 1).unwrap();
    assert!(
        add(&path, &name("Guest-7"), "x", 1).unwrap_err().to_string().ends_with("'Guest-7' is reserved for guests")
    );
}

#[test]
fn only_adding_a_user_creates_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("users.txt");
    assert!(remove(&path, &name("alice")).is_err() && hash(&path, &mut |_, _| ()).is_err());
    assert_eq!(only_entry(&folder), "");
    add(&path, &name("alice"), "x", 1).unwrap();
    assert_eq!(list(&path).unwrap(), [(name("alice"), PasswordKind::Argon2id)]);
    assert_eq!(mode(&path), 0o600);
}

#[test]
fn a_link_stays_a_link_and_the_file_keeps_its_access_mode() {
    let (folder, path) = folder_with("alice:a\nbob:b\ncarl:c\n");
    let link = folder.path().join("link");
    symlink("users.txt", &link).unwrap();
    for (was, becomes, user) in [(0o640, 0o640, "alice"), (0o400, 0o400, "bob"), (0o664, 0o600, "carl")] {
        fs::set_permissions(&path, PermissionsExt::from_mode(was)).unwrap();
        remove(&link, &name(user)).unwrap();
        assert_eq!(mode(&path), becomes, "{was:o}");
    }
    assert!(link.is_symlink());
    assert_eq!(fs::read(&path).unwrap(), b"");
    fs::remove_file(&path).unwrap();
    assert!(add(&link, &name("alice"), "x", 1).is_err(), "no file is created behind a dangling link");
}

#[test]
fn leftovers_of_a_killed_edit_are_removed_not_followed() {
    let (folder, path) = folder_with("alice:a\nbob:b\n");
    let (temporary, victim) = (folder.path().join(".users.txt.rewrite"), folder.path().join("victim"));
    fs::write(&victim, "precious").unwrap();
    symlink(&victim, &temporary).unwrap();
    remove(&path, &name("alice")).unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"bob:b\n");
    assert_eq!(fs::read(&victim).unwrap(), b"precious");
    fs::write(&temporary, "half a file").unwrap();
    assert_eq!(hash_at(CHEAP, &path, &mut |_, _| ()).unwrap(), 1);
    assert!(remove(&path, &name("alice")).is_err());
    assert!(!temporary.exists() && !temporary.is_symlink());
}

#[test]
fn a_failed_edit_leaves_no_temporary_file() {
    let (folder, path) = folder_with("alice:a\n");
    let error = edit(&path, IfMissing::Fail, |file| {
        // Someone else writes the file without taking the lock.
        fs::write(&path, "alice:other\n").unwrap();
        Ok(file.remove(&name("alice")))
    });
    assert!(error.unwrap_err().to_string().ends_with("was changed by another program meanwhile; nothing was done"));
    assert_eq!(fs::read(&path).unwrap(), b"alice:other\n");
    assert_eq!(only_entry(&folder), "users.txt");
}

#[test]
fn concurrent_edits_lose_nobody() {
    let (_folder, path) = folder_with("");
    std::thread::scope(|scope| {
        for n in 0..8 {
            let path = &path;
            scope.spawn(move || {
                edit(path, IfMissing::Fail, |file| file.add(&name(&format!("user{n}")), "x")).unwrap();
            });
        }
    });
    assert_eq!(list(&path).unwrap().len(), 8);
}
