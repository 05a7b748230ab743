//! What an operator can set, and where from: command line over environment over file over default.
//!
//! [`Config`] declares the settings, each once, as an option of the command line. What the environment and the
//! configuration file say becomes arguments placed before those of the command line ([`add_sources`]), so there is one
//! parser, and one type for what comes out of it. This folder knows neither accounts nor logging nor the server: they are
//! handed a [`Config`].

mod check;
mod declarations;
mod settings;
mod sources;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{ArgMatches, Args};

use crate::model::StartError;

pub use check::resolve;
pub use declarations::settings_table;
pub use settings::{Address, Config};

/// For the end of `parlord --help`: the ways to give a setting.
pub const SOURCES_HELP: &str = "\
Each option can also be set by an environment variable (PARLOR_LINE_LIMIT for --line-limit; empty counts as not set) and,
except --config, by a line of the configuration file (line-limit = 4096). The command line overrides the environment, the
environment overrides the file, the file overrides the default. Relative paths start at the working directory.";

/// The options of a program that has settings: the settings, and where more of them are. They may also follow a subcommand.
// Not at each setting, so that none can be forgotten.
#[derive(Debug, Clone, PartialEq, Args)]
#[command(mut_args(|arg| arg.global(true)))]
#[group(skip)]
pub struct Options {
    /// TOML file with settings, named like the options here.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// The settings themselves.
    #[command(flatten)]
    pub settings: Config,
}

/// Places what the environment and the configuration file say before the arguments of a command line, which `given` is
/// parsed of.
///
/// A setting that is given by one source is left out of those below it, so a list replaces a list. Whatever is placed
/// there has been parsed once, alone, so the whole line can be parsed again.
///
/// # Errors
/// [`StartError::Config`] with a sentence that names the variable, or the file and the line: for an unknown name, a value
/// that cannot be, or a file that cannot be read.
pub fn add_sources(
    given: &ArgMatches,
    mut command_line: Vec<OsString>,
    environment: impl IntoIterator<Item = (OsString, OsString)>,
) -> Result<Vec<OsString>, StartError> {
    let program = command_line.len().min(1);
    command_line.splice(program..program, sources::arguments(given, environment)?);
    Ok(command_line)
}

#[cfg(test)]
mod tests;
