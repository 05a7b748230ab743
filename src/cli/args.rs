//! The command line of `parlord`: its subcommands, and the help around them.

use clap::{Parser, Subcommand};

use super::store::StoreCommand;
use super::user::UserCommand;
use crate::config::{Options, SOURCES_HELP};

/// The subcommands, and the word for help: without one of these, a command line starts the daemon.
pub(super) const TOOLS: [&str; 8] = ["check", "user", "backup", "export", "erase", "ctl", "invite", "help"];

/// Follows the options in `parlord --help`.
const EXAMPLES: &str = "\
Examples:
  parlord                                     serve 127.0.0.1:12345 with ./users.txt, ./data and ./logs
  parlord --listen 0.0.0.0:12345 --motd hello.txt
  parlord check --config parlor.toml          checks settings, users file and database
  parlord user add zoe                        asks for the password
  echo secret123 | parlord user add zoe
Then, from anywhere: nc HOST 12345, or telnet HOST 12345.

Signals: TERM and INT tell everybody and stop; HUP reloads the users file and the word filter, and reopens the logs.
Exit codes: 0 stopped cleanly, 1 could not start or continue, 2 wrong usage, or (check) a problem was found.";

/// A chat server for people who have nothing but nc or telnet
#[derive(Parser)]
#[command(name = "parlord", version, about, after_help = format!("{SOURCES_HELP}\n\n{EXAMPLES}"))]
pub(super) struct Cli {
    #[command(flatten)]
    pub(super) options: Options,
    #[command(subcommand)]
    pub(super) command: Option<Command>,
}

#[derive(Subcommand)]
pub(super) enum Command {
    /// Check the settings, the users file and the database, without changing anything (exit code 0 or 2)
    Check,
    /// Show or change the users file; each change is made completely or not at all
    #[command(subcommand)]
    User(UserCommand),
    #[command(flatten)]
    Store(StoreCommand),
    /// Run an operator's command without a chat session: `parlord ctl sessions`, `parlord ctl ban user bob 7d spam`
    ///
    /// Commands are those of the chat without the slash, see docs/commands.md; `top` shows live sessions and rates. They
    /// go to the server that uses the data folder; only the owner of its process, and root, may give them.
    Ctl {
        /// The command and its arguments
        #[arg(required = true, value_name = "COMMAND")]
        words: Vec<String>,
        /// Print the answer as one JSON object
        #[arg(long)]
        json: bool,
        /// With `top`: print one page and exit
        #[arg(long)]
        once: bool,
    },
    /// Print an invitation, with which one person can register where `--registration invite` is set
    Invite {
        /// For how many days it is valid
        #[arg(long, value_name = "DAYS", default_value_t = 7, value_parser = clap::value_parser!(u16).range(1..=365))]
        days: u16,
    },
}
