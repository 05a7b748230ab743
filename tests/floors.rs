//! Guards the floor plan: who imports whom, where sockets and threads may be, and how every file begins.

use std::fs;
use std::path::{Path, PathBuf};

/// The modules that each folder or file in `src/` may import, besides itself.
const IMPORTS: &[(&str, &[&str])] = &[
    // Floor 0.
    ("model", &[]),
    ("lock", &[]),
    ("brake", &[]),
    ("failpoint", &["lock"]),
    ("files", &["lock"]),
    ("log_limit", &["lock", "model"]),
    ("semaphore", &["lock"]),
    ("thread", &["lock"]),
    ("sync", &["lock", "thread"]),
    // Floor 1: these do not know each other.
    ("accounts", &["files", "lock", "model", "semaphore", "thread"]),
    ("transport", &["lock", "log_limit", "model", "thread"]),
    ("protocol", &["model", "thread"]),
    ("store", &["brake", "files", "lock", "model", "semaphore", "thread"]),
    // Floor 2.
    ("hub", &["failpoint", "lock", "log_limit", "model", "store", "sync", "thread"]),
    // Floor 3.
    ("admin", &["accounts", "hub", "lock", "model", "store", "thread"]),
    // Floor 4.
    ("command", &["accounts", "failpoint", "hub", "log_limit", "model", "admin", "store"]),
    // Floor 5.
    (
        "session",
        &[
            "accounts",
            "command",
            "lock",
            "protocol",
            "hub",
            "log_limit",
            "model",
            "admin",
            "store",
            "sync",
            "transport",
        ],
    ),
    // Floor 6.
    ("web", &["lock", "log_limit", "model", "protocol", "session", "transport"]),
    // Floor 7.
    (
        "server",
        &[
            "accounts",
            "command",
            "config",
            "lock",
            "protocol",
            "failpoint",
            "hub",
            "log_limit",
            "model",
            "admin",
            "semaphore",
            "session",
            "store",
            "thread",
            "transport",
            "web",
        ],
    ),
    // Beside them.
    ("config", &["model"]),
    ("logging", &["files", "model", "thread"]),
    // On top of all of them.
    ("cli", &["accounts", "admin", "config", "lock", "log_limit", "logging", "model", "server", "store", "thread"]),
    ("main", &[]),
    ("lib", &[]),
];

/// Words that may stand in the code of some folders only.
const ONLY_IN: &[(&[&str], &[&str], &str)] = &[
    (
        &["TcpStream", "TcpListener", "UdpSocket", "UnixStream", "UnixListener"],
        &["cli", "server", "transport"],
        "sockets",
    ),
    (&["inner.state"], &["hub"], "the central lock"),
    (&["thread::spawn", "Builder::new()", "thread::Builder"], &["sync", "thread"], "starting threads"),
    (&["parking_lot::", "sync::Mutex", "sync::RwLock"], &["lock", "sync", "thread"], "a lock without a tier"),
    (&["tokio::", "async fn", "async move"], &[], "anything asynchronous"),
    (&["sqlite", "SQLite", "Sqlite"], &["store"], "the database behind a store"),
    (&["unsafe {", "unsafe fn", "unsafe impl"], &[], "unsafe code"),
];

struct Source {
    /// Its path below `src/`.
    name: String,
    /// Its first folder, or its own stem beside them.
    folder: String,
    /// All of it.
    text: String,
    /// Its lines without comments, up to its own tests.
    code: Vec<String>,
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    collect(&root, &mut found);
    let all: Vec<Source> = found.iter().map(|path| read(path.strip_prefix(&root).unwrap(), path)).collect();
    assert!(all.len() > 40, "only {} files found", all.len());
    all
}

fn collect(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

fn read(below: &Path, path: &Path) -> Source {
    let text = fs::read_to_string(path).unwrap();
    let folder = Path::new(below.iter().next().unwrap()).file_stem().unwrap().to_string_lossy().into_owned();
    let without_tests = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
    let code = without_tests.lines().map(|line| line.split("//").next().unwrap().to_owned()).collect();
    Source { name: below.to_string_lossy().into_owned(), folder, text, code }
}

fn is_test(source: &Source) -> bool {
    source.name.ends_with("tests.rs") || source.name.ends_with("properties.rs") || source.name.contains("/tests/")
}

/// The first parts of all `crate::…` paths in a text, also of those inside `crate::{…}`.
fn crate_paths(code: &str) -> Vec<String> {
    let word = |text: &str| text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
    let mut found = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        let rest = code[at + "crate::".len()..].trim_start();
        match rest.strip_prefix('{') {
            None => found.push(word(rest)),
            Some(list) => {
                let mut depth = 0;
                let mut item = String::new();
                for c in list.chars() {
                    match c {
                        '{' => depth += 1,
                        '}' if depth == 0 => break,
                        '}' => depth -= 1,
                        ',' if depth == 0 => found.push(word(std::mem::take(&mut item).trim())),
                        c => item.push(c),
                    }
                }
                found.push(word(item.trim()));
            }
        }
    }
    found.retain(|word| !word.is_empty());
    found
}

#[test]
fn the_paths_of_an_import_are_found_in_every_form() {
    let code =
        "use crate::model::{Name, text};\nuse crate::{hub::{self, Hub}, thread};\nfn f() { crate::session::run() }";
    assert_eq!(crate_paths(code), ["model", "hub", "thread", "session"]);
}

#[test]
fn a_file_imports_only_lower_floors_and_its_own_folder() {
    let mut offences = Vec::new();
    for source in sources().iter().filter(|source| source.folder != "bin") {
        let folder = source.folder.as_str();
        let Some((_, allowed)) = IMPORTS.iter().find(|(name, _)| *name == folder) else {
            offences.push(format!("src/{} belongs to no floor: add its folder to the table", source.name));
            continue;
        };
        for path in crate_paths(&source.code.join("\n")) {
            if path != folder && !allowed.contains(&path.as_str()) {
                offences.push(format!("src/{} may not import crate::{path}", source.name));
            }
        }
    }
    assert!(offences.is_empty(), "\n{}", offences.join("\n"));
}

#[test]
fn floors_only_point_downwards() {
    for (at, (folder, allowed)) in IMPORTS.iter().enumerate() {
        for import in *allowed {
            let below = IMPORTS.iter().position(|(other, _)| other == import).unwrap();
            let beside = *import == "config";
            assert!(below < at || beside, "the table itself lets {folder} import {import}");
        }
    }
}

#[test]
fn sockets_the_central_lock_and_threads_stay_where_they_belong() {
    let mut offences = Vec::new();
    for source in sources().iter().filter(|source| !is_test(source)) {
        for (words, folders, what) in ONLY_IN {
            let code = source.code.join("\n");
            let here = words.iter().find(|word| code.contains(**word));
            if let Some(word) = here.filter(|_| !folders.contains(&source.folder.as_str())) {
                offences.push(format!("src/{}: `{word}`: {what} may only be in {folders:?}", source.name));
            }
        }
    }
    assert!(offences.is_empty(), "\n{}", offences.join("\n"));
}

#[test]
fn every_file_begins_by_saying_what_it_is_for() {
    let silent: Vec<String> = sources().into_iter().filter(|s| !s.text.starts_with("//! ")).map(|s| s.name).collect();
    assert!(silent.is_empty(), "these do not open with //!: {silent:?}");
}
