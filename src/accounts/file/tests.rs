//! The users file as people and editors write it, and malformed in every way.

use super::*;
use proptest::prelude::*;

fn users(text: &str) -> Vec<(String, String)> {
    let file = UsersFile::parse(text.as_bytes()).unwrap_or_else(|e| panic!("{e}"));
    let secret = |account: &Account| match account.secret.plain() {
        Some(password) => String::from_utf8(password.to_vec()).unwrap(),
        None => "(hash)".to_owned(),
    };
    file.accounts().map(|account| (account.name.to_string(), secret(account))).collect()
}

fn refusal(bytes: &[u8]) -> String {
    UsersFile::parse(bytes).err().expect("a malformed file").to_string()
}

#[test]
fn a_secret_is_everything_behind_the_first_colon() {
    let text = "# staff\n\nalice:pass word \r\n \t\nBob:a:b::c\nEve: #x";
    let expected = [("alice", "pass word "), ("Bob", "a:b::c"), ("Eve", " #x")];
    assert_eq!(users(text), expected.map(|(name, secret)| (name.to_owned(), secret.to_owned())));
    assert_eq!(users("\u{FEFF}zoe:ü\r"), [("zoe".to_owned(), "ü".to_owned())]);
    assert_eq!(users(""), []);
}

#[test]
fn an_error_names_the_line_and_never_quotes_it() {
    let hash = "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21l$marked";
    for (line, why) in [
        ("marked", "there is no colon between name and password"),
        (":marked", "the name is empty"),
        ("mar ked:marked", "the name may contain only letters"),
        ("#marked", ""),
        ("marked:", "the password is empty"),
        ("system:marked", "the name is reserved for the server"),
        ("guest:marked", "the name is reserved for guests"),
        ("Guest-12:marked", "the name is reserved for guests"),
        (&format!("marked:{hash}"), "the hash is damaged"),
        ("ALICE:marked", "the name is already on line 1 (case does not matter)"),
    ] {
        let text = format!("alice:a\n\n{line}\nbob:b\n");
        match UsersFile::parse(text.as_bytes()).err() {
            None => assert_eq!(why, "", "{line} was accepted"),
            Some(error) => {
                let error = error.to_string();
                assert!(error.starts_with(&format!("line 3: {why}")), "{error}");
                assert!(!error.contains("marked"), "{error}");
            }
        }
    }
    for (line, why) in [
        ("marked:$2y$10$marked", "the password looks like a hash in a format that is not supported: "),
        ("marked:{SSHA}marked", "the password looks like a hash in a format that is not supported: "),
        ("marked:!", "the password looks like the mark of a locked account: "),
        ("marked: $deleted$", "the mark of a deleted account is $deleted$"),
        ("marked:mar\rked:marked", "it contains a line end that is not one here, such as a carriage return"),
        ("marked:marked\r\r", "it contains a line end"),
        ("#marked\rmarked:marked", "it contains a line end"),
        (" \rmarked:marked", "it contains a line end"),
        ("marked:mar\u{2028}ked:marked", "it contains a line end"),
        ("marked:mar\u{85}ked", "it contains a line end"),
        ("marked:mar\0ked", "it contains a line end"),
        ("marked:mar\tked", "it contains a control character"),
        ("marked:\x1B[Amarked", "it contains a control character"),
        ("marked:mar\u{7F}ked", "it contains a control character"),
    ] {
        let error = refusal(format!("alice:a\n\n{line}\nbob:b\n").as_bytes());
        assert!(error.starts_with(&format!("line 3: {why}")) && !error.contains("arked"), "{line:?}: {error}");
    }
    assert_eq!(users("#\ttabs\tin comments\nzoe:z\n"), [("zoe".to_owned(), "z".to_owned())]);
    assert_eq!(refusal(b"a:b\nb:\xFF\n"), "line 2: it is not UTF-8");
    assert_eq!(refusal(b"\xFF\xFEa\0:\0"), "line 1: it is not UTF-8");
}

#[test]
fn a_hundred_thousand_lines_are_parsed_in_two_seconds() {
    let text: String = (0..99_999).map(|n| format!("user{n}:password {n}\n")).collect();
    // The time of this thread alone: other tests may keep the machine busy.
    let nanos = || -> u64 {
        let spent = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
        spent.split(' ').next().unwrap().parse().unwrap()
    };
    let before = nanos();
    assert_eq!(UsersFile::parse(text.as_bytes()).unwrap_or_else(|e| panic!("{e}")).accounts().count(), 99_999);
    let spent = nanos() - before;
    assert!(spent < 2_000_000_000, "{spent} ns");
}

#[test]
fn changes_touch_only_their_own_line() {
    let text = "\u{FEFF}# staff\r\nalice:a\r\n\r\nbob:b\n# the end";
    let name = |text: &str| text.parse::<Name>().unwrap();
    let mut file = UsersFile::parse(text.as_bytes()).unwrap_or_else(|e| panic!("{e}"));
    file.add(&name("Carl"), "c").unwrap();
    let changed = file.change(|user| Ok::<_, String>((user.name == name("ALICE")).then(|| "new".to_owned())));
    assert_eq!(changed, Ok(1));
    assert!(file.remove(&name("BOB")) && !file.remove(&name("BOB")));
    let rendered = String::from_utf8(file.render()).unwrap();
    assert_eq!(rendered, "\u{FEFF}# staff\r\nalice:new\r\n\r\n# the end\r\nCarl:c\r\n");
}

/// Valid lines of every kind, with every line end.
fn good_file() -> impl Strategy<Value = String> {
    let line = prop_oneof!["[a-z][a-z0-9]{0,3}:[ -~]{1,12}", "#[ -~]{0,12}", "[ \t]{0,3}"];
    let lines = proptest::collection::vec((line, prop_oneof![Just("\n"), Just("\r\n")]), 0..30);
    let last = prop_oneof![Just(""), Just("\u{FEFF}")];
    (last, lines, any::<bool>()).prop_map(|(bom, mut lines, cut)| {
        let mut seen = std::collections::HashSet::new();
        lines.retain(|(line, _)| match line.split_once(':') {
            Some((name, secret)) if !line.starts_with('#') => {
                let is_good = name != "all" && name != "here" && Secret::parse(secret).is_ok();
                is_good && seen.insert(name.to_owned())
            }
            _ => true,
        });
        let mut text: String = std::iter::once(bom).chain(lines.iter().flat_map(|(line, end)| [line, *end])).collect();
        if cut && text.ends_with('\n') {
            text.pop();
        }
        text
    })
}

/// The lines that an edit must leave alone: comments, blank lines and other users, in their order.
fn others(text: &[u8], about: &[Name]) -> Vec<String> {
    let text = std::str::from_utf8(text).unwrap().trim_start_matches(BOM);
    let own = |line: &&str| match line.split_once(':') {
        Some((name, _)) if !line.starts_with('#') => !name.parse().is_ok_and(|name| about.contains(&name)),
        _ => true,
    };
    text.lines().map(|line| line.trim_end_matches('\r')).filter(own).map(str::to_owned).collect()
}

proptest! {
    #[test]
    fn any_bytes_are_parsed_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(file) = UsersFile::parse(&bytes) {
            prop_assert_eq!(file.render(), bytes);
        }
    }

    #[test]
    fn any_text_is_parsed_or_refused(text in "(\u{FEFF})?([a-c#:\\$ \r\n\t]|\\$argon2id\\$){0,40}") {
        if let Ok(file) = UsersFile::parse(text.as_bytes()) {
            prop_assert_eq!(file.render(), text.as_bytes());
        }
    }

    #[test]
    fn random_edits_keep_everything_else_in_a_valid_file(
        text in good_file(),
        edits in proptest::collection::vec(("[a-z]{1,2}", 0..3), 0..10),
    ) {
        let mut bytes = text.into_bytes();
        for (name, kind) in edits {
            let name: Name = name.parse().unwrap();
            let before = bytes.clone();
            let mut file = UsersFile::parse(&before).map_err(|e| TestCaseError::fail(e.to_string()))?;
            let known = file.find(&name).is_some();
            let expected = match kind {
                0 if !known => {
                    prop_assert_eq!(file.add(&name, "added"), Ok(()));
                    Some("added")
                }
                1 => {
                    let new = |user: &Account| Ok::<_, String>((user.name == name).then(|| "changed".to_owned()));
                    prop_assert_eq!(file.change(new), Ok(usize::from(known)));
                    known.then_some("changed")
                }
                _ => {
                    prop_assert_eq!(file.remove(&name), known);
                    None
                }
            };
            bytes = file.render();
            prop_assert_eq!(others(&before, &[name]), others(&bytes, &[name]));
            let after = UsersFile::parse(&bytes).map_err(|e| TestCaseError::fail(e.to_string()))?;
            let secret = after.find(&name).and_then(|account| account.secret.plain());
            prop_assert_eq!(secret, expected.map(str::as_bytes));
        }
    }
}
