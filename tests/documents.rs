//! The generated parts of the documents match the code. `UPDATE_DOCS=1 cargo test documents` rewrites them.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use parlor::command::manual;
use parlor::config::settings_table;
use parlor::model::UserError;

use crate::promises::table::{PROMISES, filled};

const HOW: &str = "run `UPDATE_DOCS=1 cargo test documents` and look at what has changed";

fn document(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(name)
}

/// Compares a document with its expected text, or rewrites it.
fn keep(path: &Path, current: &str, expected: &str) {
    if current == expected {
        return;
    }
    if std::env::var_os("UPDATE_DOCS").is_some_and(|value| !value.is_empty()) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        return fs::write(path, expected).unwrap();
    }
    let differs = (1..).zip(current.lines().zip(expected.lines())).find(|(_, (is, should))| is != should);
    let place = differs.map_or_else(String::new, |(line, (is, should))| {
        format!(" line {line}:\n  it says   {is}\n  should be {should}\n")
    });
    let name = path.file_name().unwrap().to_string_lossy();
    panic!("docs/{name} is not what the code says;{place} {HOW}");
}

/// `text` with everything between two marker comments replaced.
fn fill(text: &str, marker: &str, content: &str) -> Option<String> {
    let (open, close) = (format!("<!-- {marker} -->\n"), format!("<!-- /{marker} -->"));
    let (before, rest) = text.split_once(&open)?;
    let (_, after) = rest.split_once(&close)?;
    Some(format!("{before}{open}{content}{close}{after}"))
}

#[test]
fn documents_list_every_command() {
    let path = document("commands.md");
    keep(&path, &fs::read_to_string(&path).unwrap_or_default(), &manual());
}

#[test]
fn documents_show_every_event_as_line_and_object() {
    let path = document("protocol.md");
    let text = fs::read_to_string(&path).unwrap();
    let filled = fill(&text, "events as lines", &crate::events::lines_table())
        .and_then(|text| fill(&text, "events as objects", &crate::events::objects_table()));
    keep(&path, &text, &filled.expect("docs/protocol.md has no markers for the events as lines and as objects"));
}

#[test]
fn documents_list_the_settings_as_they_are_declared() {
    let path = document("manual.md");
    let text = fs::read_to_string(&path).expect("docs/manual.md is missing");
    let table = settings_table();
    let filled = fill(&text, "settings", &table);
    let filled = filled.expect("docs/manual.md has no lines <!-- settings --> and <!-- /settings -->");
    keep(&path, &text, &filled);

    // Where a table written by hand names settings, the cell before has their defaults.
    let rows = table.lines().skip(2).map(|row| row.split(" | ").collect::<Vec<_>>());
    let defaults: BTreeMap<&str, &str> = rows.map(|cells| (cells[0].trim_start_matches("| "), cells[2])).collect();
    let by_hand = filled.lines().filter(|line| line.starts_with("| ") && !table.contains(line));
    let mut checked = 0;
    for row in by_hand {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let named = |cell: &str| cell.split(", ").map(|name| defaults.get(name).copied()).collect::<Option<Vec<_>>>();
        for (before, wanted) in cells.windows(2).filter_map(|pair| Some((pair[0], named(pair[1])?))) {
            assert_eq!(numbers(before, wanted.len()), wanted, "docs/manual.md has other defaults in the row {row}");
            checked += 1;
        }
    }
    assert!(checked > 10, "only {checked} rows of docs/manual.md name settings");
}

/// The numbers of a cell as settings write them: `4,096`, `256 KiB` and `30 s`; `none` and `no limit` are `count` zeros.
fn numbers(cell: &str, count: usize) -> Vec<String> {
    if matches!(cell, "none" | "no limit") {
        return vec!["0".to_owned(); count];
    }
    let words: Vec<String> = cell.replace(',', "").split([' ', '/']).map(str::to_owned).collect();
    let number = |(at, word): (usize, &String)| {
        let number: u64 = word.parse().ok()?;
        let unit = words.get(at + 1).map_or("", String::as_str);
        let factor = [("KiB", 1 << 10), ("MiB", 1 << 20)].into_iter().find(|(name, _)| *name == unit);
        Some((number * factor.map_or(1, |(_, factor)| factor)).to_string())
    };
    words.iter().enumerate().filter_map(number).collect()
}

/// The fixed words with which a log line of the source begins: up to its first value, without that value's name.
fn logged_words(source: &str) -> Vec<String> {
    let macros = ["log::error!(\"", "log::warn!(\"", "log::info!(\""];
    let calls = macros.iter().flat_map(|call| source.split(call).skip(1));
    let limited = source.split("log_limit::note(").skip(1).filter_map(|rest| rest.split('"').nth(1));
    let limited: Vec<String> = limited.map(str::to_owned).collect();
    let words = calls.map(|rest| rest.split(['"', '{', '\\']).next().unwrap_or_default());
    let words = words.map(|words| words.rsplit_once(' ').map_or(words, |(words, _)| words).trim_end().to_owned());
    words.chain(limited).collect()
}

pub(crate) fn sources(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { sources(&path) } else { vec![path] }).collect()
}

#[test]
fn documents_show_every_log_line() {
    let manual = fs::read_to_string(document("manual.md")).unwrap();
    let files = sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"));
    let words: Vec<String> = files.iter().flat_map(|file| logged_words(&fs::read_to_string(file).unwrap())).collect();
    assert!(words.iter().any(|words| words == "login failed"), "{words:?}");
    for words in words {
        assert!(manual.contains(&words), "docs/manual.md does not show the log line that begins with {words:?}");
    }
}

#[test]
fn documents_name_every_error_code() {
    let protocol = fs::read_to_string(document("protocol.md")).unwrap();
    for code in UserError::codes() {
        assert!(protocol.contains(&format!("`{code}`")), "docs/protocol.md does not name the code {code}");
    }
}

/// `RELIABILITY=show` prints the table with the figures of the last `make torture`, `RELIABILITY=write` puts it into the
/// page. In any other run the figures in there are as good as any.
#[test]
fn documents_show_every_promise() {
    let path = document("reliability.md");
    let text = fs::read_to_string(&path).unwrap();
    if let Some(wish) = std::env::var_os("RELIABILITY") {
        let table = filled().expect("there are no figures yet: run make torture");
        let _ = writeln!(std::io::stderr(), "\n{table}");
        if wish == "write" {
            fs::write(&path, fill(&text, "promises", &table).unwrap()).unwrap();
        }
        return;
    }
    for promise in PROMISES {
        assert!(text.contains(&promise.line()), "docs/reliability.md has no line {}", promise.line());
    }
}

#[test]
fn only_the_text_between_markers_is_replaced() {
    assert_eq!(fill("a\n<!-- x -->\nold\n<!-- /x -->\nb", "x", "new\n").unwrap(), "a\n<!-- x -->\nnew\n<!-- /x -->\nb");
    assert_eq!(fill("<!-- x -->\n<!-- /x -->", "x", "new\n").unwrap(), "<!-- x -->\nnew\n<!-- /x -->");
    assert!(fill("<!-- x -->\n", "x", "").is_none() && fill("", "x", "").is_none());
}
