//! `parlor-bench`, the load tester: puts load on a chat server, verifies every delivery, and measures.
//!
//! It knows the daemon's wire format, never its code. The layout:
//!
//! - `protocol`: what to send, and what the bytes of an answer mean, for each kind of server
//! - `connections`: many sockets in one event loop
//! - `payload`, `verify`: numbered messages, and the check that each arrives exactly once and in order
//! - `workload`: who sends to whom and how fast, and one run of it
//! - `scenario`: the subcommands
//! - `report`, `plot`: the results as a table, as JSON and as a picture

mod cli;
mod connections;
mod error;
mod payload;
mod plot;
mod process;
mod progress;
mod protocol;
mod report;
mod scenario;
mod users;
mod verify;
mod workload;

use std::fs;
use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;

use cli::{Cli, ProtocolKind};
use error::BenchError;
use protocol::{Irc, Nats, Parlor, Protocol, Redis, Web};
use report::table;

/// Exit code when a run could not be made.
const RUN_FAILED: u8 = 1;

/// Exit code when the server did something wrong.
const SERVER_AT_FAULT: u8 = 3;

fn main() -> ExitCode {
    match run(&Cli::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(SERVER_AT_FAULT),
        Err(error) => {
            // Standard error may be closed; the exit code tells the same.
            let _ = writeln!(io::stderr(), "parlor-bench: {error}");
            ExitCode::from(RUN_FAILED)
        }
    }
}

/// Carries out the command line. Returns whether the server did everything right.
fn run(cli: &Cli) -> Result<bool, BenchError> {
    let Cli { scenario, common } = cli;
    if let Some(path) = &common.make_users {
        let users = users::generate(scenario.users()?);
        users::write(path, &users)?;
        print(&format!("{}: {} users; start the server with them\n", path.display(), users.len()));
        return Ok(true);
    }
    let web = Web::at(common.server);
    let protocol: &dyn Protocol = match common.protocol {
        ProtocolKind::Parlor => &Parlor,
        ProtocolKind::Web => &web,
        ProtocolKind::Irc => &Irc,
        ProtocolKind::Nats => &Nats,
        ProtocolKind::Redis => &Redis,
    };
    let report = scenario::run(scenario, common, protocol)?;
    print(&if common.json { format!("{}\n", report.json()) } else { table(&report) });
    if let Some(path) = &common.plot {
        fs::write(path, plot::svg(&report)).map_err(|source| BenchError::File { path: path.clone(), source })?;
    }
    Ok(report.passed())
}

/// Prints to standard output, which may be closed.
fn print(text: &str) {
    let _ = io::stdout().write_all(text.as_bytes());
}
