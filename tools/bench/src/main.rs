//! The load tester: puts load on a chat server, verifies what comes back, and measures.
//!
//! It knows nothing of the daemon's code, only its wire. The **protocol** says what bytes mean, the **fleet** holds the
//! connections, **talk** sends numbered messages and keeps the books, **verify** holds what came to what was sent, the
//! **scenarios** say what is done, and the **report** shows it.

mod cli;
mod error;
mod fleet;
mod payload;
mod plot;
mod process;
mod progress;
mod protocol;
mod report;
mod scenario;
mod talk;
mod users;
mod verify;

use std::fs;
use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;

use cli::{Cli, Language};
use error::BenchError;
use protocol::{Irc, Nats, Parlor, Protocol, Redis, Web};
use report::table;

/// The run could not be made.
const CANNOT: u8 = 1;

/// The server did something wrong.
const WRONG: u8 = 3;

fn main() -> ExitCode {
    match run(&Cli::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(WRONG),
        Err(error) => {
            // Nobody may be there to read it; the exit code says it too.
            let _ = writeln!(io::stderr(), "parlor-bench: {error}");
            ExitCode::from(CANNOT)
        }
    }
}

/// Does what is asked for; whether the server did everything right.
fn run(cli: &Cli) -> Result<bool, BenchError> {
    let Cli { scenario, common } = cli;
    if let Some(path) = &common.make_users {
        let users = users::made(scenario.users()?);
        users::write(path, &users)?;
        say(&format!("{}: {} users; start the server with them\n", path.display(), users.len()));
        return Ok(true);
    }
    let web = Web::at(common.server);
    let protocol: &dyn Protocol = match common.protocol {
        Language::Parlor => &Parlor,
        Language::Web => &web,
        Language::Irc => &Irc,
        Language::Nats => &Nats,
        Language::Redis => &Redis,
    };
    let report = scenario::play(scenario, common, protocol)?;
    say(&if common.json { format!("{}\n", report.json()) } else { table(&report) });
    if let Some(path) = &common.plot {
        fs::write(path, plot::svg(&report)).map_err(|source| BenchError::File { path: path.clone(), source })?;
    }
    Ok(report.passed())
}

/// Text on the standard output; it may be closed, and the exit code says the most of it.
fn say(text: &str) {
    let _ = io::stdout().write_all(text.as_bytes());
}
