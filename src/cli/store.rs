//! `parlord backup`, `export` and `erase`: the operator's commands on the database, beside a running daemon or without one.

use std::fmt;
use std::io::{self, BufRead, BufWriter, ErrorKind, IsTerminal, Write};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::{Subcommand, ValueEnum};

use crate::model::{BadName, Message, Name, StartError, StoreAddress};
use crate::store::{self, Erased, line};

/// How often a command that takes long says how far it is.
const PROGRESS: Duration = Duration::from_secs(2);

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
/// to the standard error; `ask` is asked for a name that is to be erased, as [`ask_name`] does it.
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
            settle(out.flush()).map(drop)
        }
        StoreCommand::Erase { user, yes } => {
            if !yes && ask(user)?.parse() != Ok(*user) {
                return Err(StartError::Config("the two names are not the same; nothing was erased".to_owned()));
            }
            let (looking, cleaning) =
                (&mut progress("Looked at", "messages"), &mut progress("Cleaned up after", "messages"));
            let Erased { messages, overwritten } = tools.erase(user, looking, cleaning)?;
            say(out, format_args!("Erased {messages} {} of {user}.\n", plural(messages)))?;
            let later = "The server is busy: the disk is overwritten a little later.\n";
            say(out, format_args!("{}", if overwritten { "" } else { later }))?;
            say(out, format_args!("Backups, and copies made by upgrades, still hold what they held.\n")).map(drop)
        }
    }
}

/// Asks for the name of the user who is to be erased: at a terminal with a word about why, otherwise it is one line of
/// the standard input.
///
/// # Errors
/// When nothing can be read.
pub fn ask_name(user: &Name) -> Result<String, StartError> {
    if io::stdin().is_terminal() {
        // Whether it can be read is all the same: who does not know what to type, types nothing.
        let _ = write!(io::stderr(), "This cannot be undone. Type {user} again to erase all messages from and to it: ");
    }
    let mut typed = String::new();
    let read = io::stdin().lock().read_line(&mut typed);
    read.map_err(|e| StartError::System("the name could not be read".to_owned(), e))?;
    Ok(typed.trim().to_owned())
}

fn parse_name(text: &str) -> Result<Name, String> {
    text.parse().map_err(|why: BadName| format!("the name {why}"))
}

fn plural(messages: u64) -> &'static str {
    if messages == 1 { "message" } else { "messages" }
}

fn progress(done: &'static str, of: &'static str) -> impl FnMut(u64, u64) {
    let mut said = Instant::now();
    move |now, total| {
        if said.elapsed() >= PROGRESS {
            said = Instant::now();
            // Whether anybody listens is all the same to the work.
            let _ = writeln!(io::stderr(), "{done} {now} of {total} {of} …");
        }
    }
}

/// Writes to whoever reads, and says whether he is still there: that he has gone, as `head` does, is no error.
fn say(out: &mut dyn Write, text: fmt::Arguments<'_>) -> Result<bool, StartError> {
    settle(out.write_fmt(text))
}

fn settle(written: io::Result<()>) -> Result<bool, StartError> {
    match written {
        Ok(()) => Ok(true),
        Err(e) if e.kind() == ErrorKind::BrokenPipe => Ok(false),
        Err(e) => Err(StartError::System("the answer could not be written".to_owned(), e)),
    }
}
