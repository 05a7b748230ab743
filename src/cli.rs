//! The command line: the daemon, and the tools for operators beside it. One file per command or family of commands.
//!
//! It knows settings, logs and the server, and does the printing. Nothing below it writes to standard output.

mod args;
mod ctl;
mod daemon;
mod invite;
mod output;
mod signals;
mod store;
mod user;

use std::ffi::OsString;
use std::io::{self, Write};
use std::process::ExitCode;

use clap::{CommandFactory, Parser};

use crate::config::{self, Options};
use crate::model::StartError;
use args::{Cli, Command};
use signals::SignalWatch;

/// Does what the command line of this process says, and returns its exit code.
pub fn run() -> ExitCode {
    let command_line: Vec<OsString> = std::env::args_os().collect();
    let words = command_line.iter().skip(1).filter_map(|word| word.to_str());
    // A daemon's handlers come before everything else, even before it is certain that it is one.
    let early = signals::survive_file_size_limit()
        .and_then(|()| signals::is_certainly_daemon(words).then(SignalWatch::start).transpose());
    // Wrong usage and --help end the process here, whatever the other sources say.
    let given = Cli::command().get_matches_from(&command_line);
    let failure = if given.subcommand_name() == Some("check") { 2 } else { 1 };
    let done = early.and_then(|watch| {
        let all = config::add_sources(&given, command_line, std::env::vars_os())?;
        execute(Cli::parse_from(all), watch)
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nobody may be there to read it; the exit code says it too.
            let _ = writeln!(io::stderr(), "parlord: {error}");
            ExitCode::from(failure)
        }
    }
}

fn execute(
    Cli { options: Options { settings: config, .. }, command }: Cli,
    watch: Option<SignalWatch>,
) -> Result<(), StartError> {
    let (data, out) = (&config.data, &mut io::stdout());
    match command {
        None => {
            let watch = watch.map_or_else(SignalWatch::start, Ok)?;
            config.check().and_then(|()| daemon::serve(&config, &watch))
        }
        Some(Command::Check) => config.check().and_then(|()| daemon::check(&config)),
        Some(Command::User(command)) => user::run(&command, &config, out, &mut output::ask_password),
        Some(Command::Store(command)) => store::run(&command, data, out, &mut output::ask_name),
        Some(Command::Ctl { words, json, once }) => ctl::run(data, &words, json, once, out),
        Some(Command::Invite { days }) => invite::run(data, days, out),
    }
}
