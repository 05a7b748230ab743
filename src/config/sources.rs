//! Environment and file: each entry becomes the flag of its name and goes through the same parser, so that all three
//! sources know the same settings, ranges and sentences. A refusal names the variable, or the file and the line.
//!
//! Nothing here knows what a setting means.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::Path;

use clap::error::{ContextKind, ContextValue};
use clap::{Arg, Args, Command};
use toml::de::{DeTable, DeValue};

use super::settings::{definitions, is_list, is_number, is_switch, name, variable};
use super::{Options, Settings};
use crate::model::StartError;
use crate::model::text::{Escaped, shorten};

/// Two names at least this similar are taken for a slip; clap uses the same measure and bound for flags.
const SIMILAR: f64 = 0.7;

/// The longest piece of a refused value that is quoted, in characters.
const QUOTE: usize = 60;

/// Reads the variables that begin with `PARLOR_`; an empty one counts as not set.
pub(super) fn environment(variables: impl IntoIterator<Item = (OsString, OsString)>) -> Result<Options, StartError> {
    let known = definitions::<Options>();
    let mut all = Options::default();
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
            let one = parse(arg, &[value]).map_err(|why| refuse(format!("{key} {why}")))?;
            all = all.or(one);
        }
    }
    Ok(all)
}

/// Reads a TOML file.
pub(super) fn file(path: &Path) -> Result<Settings, StartError> {
    let text = fs::read_to_string(path)
        .map_err(|e| refuse(format!("cannot read the configuration file {}: {e}", path.display())))?;
    toml(&text).map_err(|(at, why)| {
        let line = text.bytes().take(at).filter(|b| *b == b'\n').count() + 1;
        refuse(format!("{}, line {line}: {why}", path.display()))
    })
}

/// Reads TOML text; a refusal comes with the byte it is about.
fn toml(text: &str) -> Result<Settings, (usize, String)> {
    let table = DeTable::parse(text)
        .map_err(|e| (e.span().map_or(0, |span| span.start), e.message().replace('\n', ", ")))?
        .into_inner();
    let known = definitions::<Settings>();
    let mut all = Settings::default();
    // The first mistake of the file is the one to name; the table itself is in alphabetical order.
    let mut entries: Vec<_> = table.iter().collect();
    entries.sort_by_key(|(key, _)| key.span().start);
    for (key, value) in entries {
        let at = key.span().start;
        let key: &str = key.get_ref();
        let Some(arg) = known.iter().find(|arg| name(arg) == key) else {
            let near = did_you_mean(nearest(&key.to_lowercase(), &known).map(|near| format!("'{near}'")));
            return Err((at, format!("unknown setting '{}'{near}", Escaped(key))));
        };
        let one = values(arg, value.get_ref()).and_then(|values| parse(arg, &values));
        all = all.or(one.map_err(|why| (at, format!("{key} {why}")))?.settings);
    }
    Ok(all)
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
            // One that does not fit is too large for any setting: as it stands, the range will refuse it.
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

/// Parses one setting as if it stood on the command line; a refusal is the second half of a sentence.
fn parse(arg: &Arg, values: &[OsString]) -> Result<Options, String> {
    let flags = values.iter().map(|value| {
        let mut flag = OsString::from(format!("--{}=", name(arg)));
        flag.push(value);
        flag
    });
    let command = Options::augment_args(Command::new("parlord").no_binary_name(true));
    command.try_get_matches_from(flags).and_then(|m| clap::FromArgMatches::from_arg_matches(&m)).map_err(|e| {
        let given = values.join(OsStr::new(", "));
        let given = given.to_string_lossy();
        format!("{}, not '{}'", reason(&e), Escaped(&shorten(&given, QUOTE)))
    })
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

/// The name that was probably meant, if one is similar enough.
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
