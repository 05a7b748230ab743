//! `parlord backup`, `export` and `erase`: the operator's commands on the database, beside a running daemon or without one.

use std::io::{BufWriter, Write};
use std::path::PathBuf;

use clap::{Subcommand, ValueEnum};

use super::output::{count, flush, parse_name, progress, say};
use crate::model::{Message, Name, StartError, StoreAddress};
use crate::store::{self, Erased, line};

/// The operator's commands on the database
#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub enum StoreCommand {
    /// Copy the database as it is at this moment, also while the server runs
    Backup {
        /// The file to make; one that is there already is left alone
        file: PathBuf,
    },
    /// Write the messages to the standard output, the oldest first
    Export {
        /// Only what this user said or was told privately
        #[arg(long, value_name = "NAME", value_parser = parse_name)]
        user: Option<Name>,
        /// Only what was said in this group
        #[arg(long, value_name = "NAME", value_parser = parse_name)]
        group: Option<Name>,
        /// One line of text, or one JSON object, for each message
        #[arg(long, value_name = "FORMAT", default_value = "text")]
        format: Format,
    },
    /// Erase all that a user said or was told privately, for everybody and for ever
    Erase {
        /// Whose messages; the account itself is removed with `parlord user remove`
        #[arg(long, value_name = "NAME", value_parser = parse_name)]
        user: Name,
        /// Do not ask for the name again
        #[arg(long)]
        yes: bool,
    },
}

/// How an exported message is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people, in local time.
    Text,
    /// For programs: one JSON object a line.
    Jsonl,
}

/// Carries out one command on the store at `address`. What was done, or exported, goes to `out`, how far it is
/// to the standard error; `ask` is asked for a name that is to be erased, as [`super::output::ask_name`] does it.
///
/// # Errors
/// What could not be done.
pub fn run(
    command: &StoreCommand,
    address: &StoreAddress,
    out: &mut dyn Write,
    ask: &mut dyn FnMut(&Name) -> Result<String, StartError>,
) -> Result<(), StartError> {
    let none = || StartError::Config("there is no database: the setting data is none".to_owned());
    let tools = store::tools(address).ok_or_else(none)?;
    match command {
        StoreCommand::Backup { file } => {
            tools.backup(file, &mut progress("Copied", "pages"))?;
            say(out, format_args!("The database is copied to {}.\n", file.display())).map(drop)
        }
        StoreCommand::Export { user, group, format } => {
            let mut out = BufWriter::new(out);
            let write = match format {
                Format::Text => |message: &Message| line::text(message),
                Format::Jsonl => |message: &Message| line::json(message),
            };
            let mut take = |message: &Message| say(&mut out, format_args!("{}\n", write(message)));
            tools.export(user.as_ref(), group.as_ref(), &mut take, &mut progress("Looked at", "messages"))?;
            flush(&mut out).map(drop)
        }
        StoreCommand::Erase { user, yes } => {
            if !yes && ask(user)?.parse() != Ok(*user) {
                return Err(StartError::Config("the two names are not the same; nothing was erased".to_owned()));
            }
            let (looking, cleaning) =
                (&mut progress("Looked at", "messages"), &mut progress("Cleaned up after", "messages"));
            let Erased { messages, overwritten } = tools.erase(user, looking, cleaning)?;
            say(out, format_args!("Erased {} of {user}.\n", count(messages, "message")))?;
            if !overwritten {
                say(out, "The server is busy: the disk is overwritten a little later.\n")?;
            }
            say(out, "Backups, and copies made by upgrades, still hold what they held.\n").map(drop)
        }
    }
}
