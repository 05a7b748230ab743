//! The environment and the file as arguments of the command line, so that all sources have the same names, ranges and error
//! sentences. An error names the variable, or the file and the line.
//!
//! Nothing here knows what a setting means.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};

use clap::error::{ContextKind, ContextValue};
use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Args, Command};
use toml::de::{DeTable, DeValue};

use super::declarations::{declarations, is_list, is_number, is_switch, name, variable};
use super::{Config, Options};
use crate::model::StartError;
use crate::model::text::{Escaped, shorten};

/// How similar a name must be to be suggested; clap uses the same measure and threshold for options.
const SIMILAR: f64 = 0.7;

/// How much of a refused value is quoted, in characters.
const QUOTE: usize = 60;

/// One setting in a source.
struct Entry {
    name: String,
    values: Vec<OsString>,
}

/// The arguments for the settings that environment and file give and the command line, parsed as `given`, does not.
pub(super) fn arguments(
    given: &ArgMatches,
    variables: impl IntoIterator<Item = (OsString, OsString)>,
) -> Result<Vec<OsString>, StartError> {
    let on_command_line = |arg: &Arg| given.value_source(arg.get_id().as_str()) == Some(ValueSource::CommandLine);
    let named = declarations::<Options>().into_iter().filter(on_command_line);
    let mut named: BTreeSet<String> = named.map(|arg| name(&arg).to_owned()).collect();

    let mut entries = environment(variables)?;
    let in_environment = entries.iter().find(|entry| entry.name == "config").and_then(|entry| entry.values.first());
    if let Some(path) = given.get_one("config").cloned().or_else(|| in_environment.map(PathBuf::from)) {
        entries.extend(file(&path)?);
    }
    // Entries of the environment come first, so they win over those of the file.
    entries.retain(|entry| named.insert(entry.name.clone()));
    Ok(entries.iter().flat_map(Entry::arguments).collect())
}

/// Reads the variables that begin with `PARLOR_`; an empty one counts as not set.
fn environment(variables: impl IntoIterator<Item = (OsString, OsString)>) -> Result<Vec<Entry>, StartError> {
    let known = declarations::<Options>();
    let mut entries = Vec::new();
    for (key, value) in variables {
        let key = key.to_string_lossy();
        let Some(rest) = key.strip_prefix("PARLOR_") else {
            continue;
        };
        let Some(arg) = known.iter().find(|arg| variable(name(arg)) == *key) else {
            let written = rest.to_lowercase().replace('_', "-");
            let near = did_you_mean(nearest(&written, &known).map(variable));
            return Err(refuse(format!("unknown environment variable {}{near}", Escaped(&key))));
        };
        if !value.is_empty() {
            entries.push(Entry::parsed(arg, vec![value]).map_err(|why| refuse(format!("{key} {why}")))?);
        }
    }
    Ok(entries)
}

/// Reads a TOML file.
fn file(path: &Path) -> Result<Vec<Entry>, StartError> {
    let text = fs::read_to_string(path)
        .map_err(|e| refuse(format!("cannot read the configuration file {}: {e}", path.display())))?;
    toml(&text).map_err(|(at, why)| {
        let line = text.bytes().take(at).filter(|b| *b == b'\n').count() + 1;
        refuse(format!("{}, line {line}: {why}", path.display()))
    })
}

/// Reads TOML text; an error comes with its offset in bytes.
fn toml(text: &str) -> Result<Vec<Entry>, (usize, String)> {
    let table = DeTable::parse(text)
        .map_err(|e| (e.span().map_or(0, |span| span.start), e.message().replace('\n', ", ")))?
        .into_inner();
    let known = declarations::<Config>();
    // The first mistake in the file is the one to report; the table is in alphabetical order.
    let mut lines: Vec<_> = table.iter().collect();
    lines.sort_by_key(|(key, _)| key.span().start);
    let mut entries = Vec::new();
    for (key, value) in lines {
        let at = key.span().start;
        let key: &str = key.get_ref();
        let Some(arg) = known.iter().find(|arg| name(arg) == key) else {
            let near = did_you_mean(nearest(&key.to_lowercase(), &known).map(|near| format!("'{near}'")));
            return Err((at, format!("unknown setting '{}'{near}", Escaped(key))));
        };
        let entry = values(arg, value.get_ref()).and_then(|values| Entry::parsed(arg, values));
        entries.push(entry.map_err(|why| (at, format!("{key} {why}")))?);
    }
    Ok(entries)
}

/// The values of one TOML entry, written as on the command line.
fn values(arg: &Arg, value: &DeValue<'_>) -> Result<Vec<OsString>, String> {
    match value {
        DeValue::Array(list) if is_list(arg) && !list.is_empty() => {
            list.iter().map(|item| scalar(arg, item.get_ref())).collect()
        }
        one => Ok(vec![scalar(arg, one)?]),
    }
}

fn scalar(arg: &Arg, value: &DeValue<'_>) -> Result<OsString, String> {
    match (is_number(arg), value) {
        (true, DeValue::Integer(number)) => {
            // A number too large for i64 is passed on as written, and its range refuses it.
            let decimal = i64::from_str_radix(number.as_str(), number.radix()).map(|number| number.to_string());
            Ok(decimal.unwrap_or_else(|_| number.to_string()).into())
        }
        (false, DeValue::String(text)) => Ok(text.as_ref().into()),
        (false, DeValue::Boolean(on)) if is_switch(arg) => Ok(on.to_string().into()),
        (true, _) => Err("must be a whole number without quotes".to_owned()),
        (false, _) if is_list(arg) => Err("must be a text in quotes, or a list of such texts".to_owned()),
        (false, _) => Err("must be a text in quotes".to_owned()),
    }
}

impl Entry {
    /// Checks that the command line would accept the entry; an error is the second half of a sentence.
    fn parsed(arg: &Arg, values: Vec<OsString>) -> Result<Entry, String> {
        let entry = Entry { name: name(arg).to_owned(), values };
        let command = Options::augment_args(Command::new("parlord").no_binary_name(true));
        match command.try_get_matches_from(entry.arguments()) {
            Ok(_) => Ok(entry),
            Err(e) => {
                let given = entry.values.join(OsStr::new(", "));
                let given = given.to_string_lossy();
                Err(format!("{}, not '{}'", reason(&e), Escaped(&shorten(&given, QUOTE))))
            }
        }
    }

    /// The entry as one argument for each value.
    fn arguments(&self) -> impl Iterator<Item = OsString> {
        self.values.iter().map(|value| {
            let mut argument = OsString::from(format!("--{}=", self.name));
            argument.push(value);
            argument
        })
    }
}

fn reason(e: &clap::Error) -> String {
    if let Some(own) = std::error::Error::source(e) {
        return own.to_string();
    }
    match e.get(ContextKind::ValidValue) {
        Some(ContextValue::Strings(words)) if !words.is_empty() => format!("must be one of {}", words.join(", ")),
        _ => "must not be empty".to_owned(),
    }
}

/// The most similar name, if it is similar enough to suggest.
fn nearest<'a>(written: &str, known: &'a [Arg]) -> Option<&'a str> {
    let likeness = known.iter().map(|arg| (strsim::jaro(written, name(arg)), name(arg)));
    let (best, near) = likeness.max_by(|a, b| a.0.total_cmp(&b.0))?;
    (best > SIMILAR).then_some(near)
}

fn did_you_mean(near: Option<String>) -> String {
    near.map_or_else(String::new, |near| format!("; did you mean {near}?"))
}

fn refuse(sentence: String) -> StartError {
    StartError::Config(sentence)
}
