//! Settings. The command line overrides the environment, then comes the file, then the default.
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

/// The sources of settings, for the end of `parlord --help`.
pub const SOURCES_HELP: &str = "\
Each option can also be set by an environment variable (PARLOR_LINE_LIMIT for --line-limit; empty counts as not set) and,
except --config, by a line of the configuration file (line-limit = 4096). The command line overrides the environment, the
environment overrides the file, the file overrides the default. Relative paths start at the working directory.";

/// The options of the command line: the settings, and the file with more of them. They may also follow a subcommand.
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

/// Places what the environment and the configuration file say before the arguments of `command_line`; `given` is that
/// command line, parsed.
///
/// A setting given by one source is left out of the lower ones, so a list replaces a list. Each added argument has been
/// parsed alone, so parsing the whole line again does not fail.
///
/// # Errors
/// [`StartError::Config`] for an unknown name, an invalid value, or a file that cannot be read. The sentence names the
/// variable, or the file and the line.
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
