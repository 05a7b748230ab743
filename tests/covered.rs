//! Every form of every command succeeds in some transcript, and every error occurs in one. The lists come from the table
//! of commands and from the error codes, so a new command or error fails here until a transcript shows it.

mod refusals;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use parlor::command::{Args, COMMANDS, Spec, forms};

/// A line sent, and the first line of its answer.
struct Said {
    line: String,
    answer: Option<String>,
}

fn transcripts() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/transcripts");
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    paths
        .filter(|path| path.extension().is_some_and(|e| e == "txt"))
        .map(|path| fs::read_to_string(path).unwrap())
        .collect()
}

/// The user and the line sent (`>`) or received (`<`).
fn step(line: &str, arrow: char) -> Option<(&str, &str)> {
    let (who, what) = line.split_once(' ').unwrap_or((line, ""));
    who.strip_suffix(arrow).filter(|_| !line.starts_with('#')).map(|who| (who, what))
}

/// All commands in a transcript, each with the first line of its answer.
fn commands(transcript: &str) -> Vec<Said> {
    let lines: Vec<&str> = transcript.lines().collect();
    let sent = lines.iter().enumerate().filter_map(|(at, line)| Some((at, step(line, '>')?)));
    let said = sent.filter(|(_, (_, what))| what.starts_with('/')).map(|(at, (who, what))| {
        let later = lines[at + 1..].iter().take_while(|line| step(line, '>').is_none_or(|(other, _)| other != who));
        let answer = later.filter_map(|line| step(line, '<')).find(|(other, _)| *other == who);
        Said { line: what.to_owned(), answer: answer.map(|(_, answer)| answer.to_owned()) }
    });
    said.collect()
}

fn all_commands() -> Vec<Said> {
    transcripts().iter().flat_map(|transcript| commands(transcript)).collect()
}

impl Said {
    /// The form of the command, if it succeeded.
    fn done(&self) -> Option<(&'static Spec, String, String)> {
        let refused =
            |answer: &String| ["Error: ", "Usage: ", "error code="].iter().any(|start| answer.starts_with(start));
        if self.answer.as_ref().is_some_and(refused) {
            return None;
        }
        let (word, rest) = self.line[1..].split_once(' ').unwrap_or((&self.line[1..], ""));
        let form = forms(word).iter().find(|form| (form.parse)(&mut Args::new(rest)).is_some())?;
        Some((form, word.to_lowercase(), rest.trim().to_lowercase()))
    }
}

/// The literal words of a usage: `user`, `addr` and `net` in `/ban user|addr|net <target>`.
fn literals(usage: &str) -> BTreeSet<String> {
    let (_, mut rest) = usage.split_once(' ').unwrap_or((usage, ""));
    let mut words = String::new();
    while let Some((before, after)) = rest.split_once('<') {
        let (inside, after) = after.split_once('>').unwrap();
        // A placeholder has one name; `<on|off>` is a choice.
        words += &format!("{before} {} ", if inside.contains('|') { inside } else { "" });
        rest = after;
    }
    words += rest;
    let all = words.split(['[', ']', '|', '#', ' ']).map(|word| word.split('=').next().unwrap_or_default());
    all.filter(|word| word.len() > 1 && word.bytes().all(|b| b.is_ascii_lowercase())).map(str::to_owned).collect()
}

/// The uses of a form that no transcript shows: each literal word, and the form with and without arguments.
fn undone(form: &Spec, all: &[Said]) -> Vec<String> {
    let done: Vec<_> = all.iter().filter_map(Said::done).filter(|(of, ..)| of.usage == form.usage).collect();
    let mut undone: Vec<String> = Vec::new();
    for name in form.words().filter(|name| !done.iter().any(|(_, word, _)| word == name)) {
        undone.push(format!("/{name}"));
    }
    let typed = |rest: &str, literal: &str| {
        let words = rest.split(' ').map(|word| word.trim_start_matches('-').split('=').next().unwrap_or_default());
        words.into_iter().any(|word| word == literal)
    };
    for literal in literals(form.usage).iter().filter(|literal| !done.iter().any(|(.., rest)| typed(rest, literal))) {
        undone.push(format!("{literal} of {}", form.usage));
    }
    let (_, args) = form.usage.split_once(' ').unwrap_or((form.usage, ""));
    let may_be_alone = args.is_empty() || (args.starts_with('[') && args.ends_with(']'));
    if may_be_alone && !done.iter().any(|(.., rest)| rest.is_empty()) {
        undone.push(format!("/{} alone", form.name));
    }
    if !args.is_empty() && !done.iter().any(|(.., rest)| !rest.is_empty()) {
        undone.push(form.usage.to_owned());
    }
    undone
}

#[test]
fn every_form_of_every_command_is_in_a_transcript() {
    let all = all_commands();
    let undone: Vec<String> = COMMANDS.iter().flat_map(|form| undone(form, &all)).collect();
    assert!(undone.is_empty(), "in no transcript, or never done:\n{}", undone.join("\n"));
}

#[test]
fn removing_a_command_from_the_transcripts_is_noticed() {
    for form in COMMANDS {
        let mut all = all_commands();
        all.retain(|said| said.done().is_none_or(|(of, ..)| of.usage != form.usage));
        assert!(!undone(form, &all).is_empty(), "{}", form.usage);
    }
    let words = |usage| literals(usage).into_iter().collect::<Vec<_>>().join(" ");
    assert_eq!(words("/ban user|addr|net <target> [30s|10m|2h|7d] [<reason>]"), "addr net user");
    assert_eq!(words("/mode [plain|ids <on|off>|bell <off|all>]"), "all bell ids off on plain");
    assert_eq!(words("/group <group> [limit=N] [-private]"), "limit");
    assert_eq!(words("/talk [<username>|#<group>]"), "");
}
