//! Parsers for the values of settings, and the defaults.
//!
//! A setting is a field of a struct that derives [`clap::Args`]; its name, help, default and range are at the field and
//! nowhere else. This file knows no particular setting, and not where a value comes from.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

use clap::{Args, Command};
use log::LevelFilter;

/// The settings of `T`, all at their defaults.
///
/// Each default is parsed like a given value. One that its own parser refuses ends the process, so any test or start finds
/// it.
pub(crate) fn defaults<T: Args>() -> T {
    let command = T::augment_args(Command::new("defaults").no_binary_name(true));
    let parsed = command.try_get_matches_from([""; 0]).and_then(|matches| T::from_arg_matches(&matches));
    parsed.unwrap_or_else(|e| e.exit())
}

/// The parser of a whole number in `range`.
pub(crate) fn number<T>(range: RangeInclusive<T>) -> impl Fn(&str) -> Result<T, String> + Clone + Send + Sync
where
    T: FromStr + PartialOrd + Display + Clone + Send + Sync,
{
    move |text| match text.parse() {
        Ok(number) if range.contains(&number) => Ok(number),
        _ => Err(format!("must be a whole number from {} to {}", range.start(), range.end())),
    }
}

/// The parser of a whole number of seconds in `range`.
pub(crate) fn seconds(range: RangeInclusive<u64>) -> impl Fn(&str) -> Result<Duration, String> + Clone + Send + Sync {
    let number = number(range);
    move |text| number(text).map(Duration::from_secs)
}

/// The parser of a number of seconds up to `max`, where 0 means no limit.
pub(crate) fn seconds_or_none(max: u64) -> impl Fn(&str) -> Result<Option<Duration>, String> + Clone + Send + Sync {
    let seconds = seconds(0..=max);
    move |text| seconds(text).map(|limit| Some(limit).filter(|limit| !limit.is_zero()))
}

/// Parses a number of bytes that is large enough to be meant, or 0 for no limit.
pub(crate) fn bytes_or_none(text: &str) -> Result<u64, String> {
    let range = (1 << 20)..=(1 << 50);
    let number = text.parse().ok().filter(|number| *number == 0 || range.contains(number));
    number.ok_or_else(|| format!("must be 0 or a whole number from {} to {}", range.start(), range.end()))
}

/// Parses `on` or `off`; a configuration file may also say true or false.
pub(crate) fn switch(text: &str) -> Result<bool, &'static str> {
    match text {
        "on" | "true" => Ok(true),
        "off" | "false" => Ok(false),
        _ => Err("must be on or off"),
    }
}

/// Parses the name of a log level.
pub(crate) fn level(text: &str) -> Result<LevelFilter, &'static str> {
    text.parse().map_err(|_| "must be off, error, warn, info, debug or trace")
}
