//! `parlord backup`, `export` and `erase`: the operators' commands on the store, beside a running daemon or without one.

use std::io::{BufWriter, Write};
use std::path::PathBuf;

use chrono::{DateTime, Local, SecondsFormat, Utc};
use clap::{Subcommand, ValueEnum};

use super::output::{count, flush, parse_name, progress, say};
use crate::model::text::quote;
use crate::model::{Message, Name, Scope, StartError, StoreAddress};
use crate::store::{self, Erased};

/// The operators' commands on the store
#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub(super) enum StoreCommand {
    /// Copy the database, even while the server runs
    Backup {
        /// The file to create; it must not exist yet
        file: PathBuf,
    },
    /// Print the messages, oldest first
    Export {
        /// Only messages from this user, and private messages to them
        #[arg(long, value_name = "NAME", value_parser = parse_name)]
        user: Option<Name>,
        /// Only messages in this group
        #[arg(long, value_name = "NAME", value_parser = parse_name)]
        group: Option<Name>,
        /// One line of text, or one JSON object, per message
        #[arg(long, value_name = "FORMAT", default_value = "text")]
        format: Format,
    },
    /// Erase all messages from a user, and all private messages to them, for everybody and forever
    Erase {
        /// The user; the account itself is removed with `parlord user remove`
        #[arg(long, value_name = "NAME", value_parser = parse_name)]
        user: Name,
        /// Do not ask for confirmation
        #[arg(long)]
        yes: bool,
    },
}

/// How an exported message is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// For people, in local time.
    Text,
    /// For programs: one JSON object a line.
    Jsonl,
}

/// Runs one command on the store at `address`. The result goes to `out`, progress to standard error; `ask` is
/// [`super::output::ask_name`], or stands in for it.
///
/// # Errors
/// Why the command failed.
pub(super) fn run(
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
            say(out, format_args!("Copied the database to {}.\n", file.display())).map(drop)
        }
        StoreCommand::Export { user, group, format } => {
            let mut out = BufWriter::new(out);
            let write = match format {
                Format::Text => text_line,
                Format::Jsonl => json_line,
            };
            let mut take = |message: &Message| say(&mut out, format_args!("{}\n", write(message)));
            tools.export(user.as_ref(), group.as_ref(), &mut take, &mut progress("Read", "messages"))?;
            flush(&mut out).map(drop)
        }
        StoreCommand::Erase { user, yes } => {
            if !yes && ask(user)?.parse() != Ok(*user) {
                return Err(StartError::Config("the names differ; nothing was erased".to_owned()));
            }
            let (looking, cleaning) = (&mut progress("Read", "messages"), &mut progress("Cleaned up", "messages"));
            let Erased { messages, overwritten } = tools.erase(user, looking, cleaning)?;
            say(out, format_args!("Erased {} of {user}.\n", count(messages, "message")))?;
            if !overwritten {
                say(out, "The server is busy and will overwrite the disk a little later.\n")?;
            }
            say(out, "Backups and copies made by upgrades still have these messages.\n").map(drop)
        }
    }
}

/// A message as a line of text, in local time: `#12 2026-11-20 17:03:12 [alice -> bob]: hi`.
fn text_line(message: &Message) -> String {
    let Message { id, said, deleted } = message;
    let at = DateTime::<Local>::from(said.at).format("%Y-%m-%d %H:%M:%S");
    let from = said.from;
    let whom = match said.scope {
        Scope::User(to) => format!("[{from} -> {to}]"),
        Scope::Group(group) => format!("[Group {group}][{from}]"),
        Scope::Everybody => format!("[Broadcast][{from}]"),
    };
    match (said.action, *deleted) {
        (_, true) => format!("{id} {at} {whom}: (deleted)"),
        (true, false) => format!("{id} {at} {whom} * {from} {}", said.text),
        (false, false) => format!("{id} {at} {whom}: {}", said.text),
    }
}

/// A message as a JSON object with `id`, `at` (RFC 3339, UTC, microseconds), `from`, `to` or `group` or neither,
/// `action` if it is one, `text` and `deleted`.
fn json_line(message: &Message) -> String {
    let Message { id, said, deleted } = message;
    let at = DateTime::<Utc>::from(said.at).to_rfc3339_opts(SecondsFormat::Micros, true);
    // Names have no character that needs escaping.
    let whom = match said.scope {
        Scope::User(to) => format!("\"to\":\"{to}\","),
        Scope::Group(group) => format!("\"group\":\"{group}\","),
        Scope::Everybody => String::new(),
    };
    let action = if said.action { "\"action\":true," } else { "" };
    let (id, from, said) = (id.0, said.from, quote(&said.text));
    format!("{{\"id\":{id},\"at\":\"{at}\",\"from\":\"{from}\",{whom}{action}\"text\":{said},\"deleted\":{deleted}}}")
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use proptest::prelude::*;

    use super::*;
    use crate::model::{Draft, MessageId};

    fn message(scope: Scope, text: &str, deleted: bool) -> Message {
        let at = UNIX_EPOCH + Duration::from_micros(1_795_194_192_000_045);
        let said = Draft { at, from: "Alice".parse().unwrap(), scope, text: text.into(), action: false, tag: None };
        Message { id: MessageId(12), said, deleted }
    }

    #[test]
    fn each_kind_of_message_is_a_line() {
        let (bob, group) = (Scope::User("bob".parse().unwrap()), Scope::Group("g".parse().unwrap()));
        let ends = |message: &Message| text_line(message)[24..].to_owned();
        assert!(text_line(&message(bob, "hi", false)).starts_with("#12 2026-11-2"));
        assert_eq!(ends(&message(bob, "hi", false)), "[Alice -> bob]: hi");
        assert_eq!(ends(&message(group, "hi", false)), "[Group g][Alice]: hi");
        assert_eq!(ends(&message(Scope::Everybody, "", true)), "[Broadcast][Alice]: (deleted)");
        let start = r#"{"id":12,"at":"2026-11-20T17:03:12.000045Z","from":"Alice","#;
        assert_eq!(
            json_line(&message(bob, "a\"b\\", false)),
            format!(r#"{start}"to":"bob","text":"a\"b\\","deleted":false}}"#)
        );
        assert_eq!(
            json_line(&message(group, "\n", false)),
            format!(r#"{start}"group":"g","text":"\u000a","deleted":false}}"#)
        );
        let mut action = message(group, "waves", false);
        action.said.action = true;
        assert_eq!(ends(&action), "[Group g][Alice] * Alice waves");
        let rest = r#""group":"g","action":true,"text":"waves","deleted":false}"#;
        assert_eq!(json_line(&action), format!("{start}{rest}"));
        assert_eq!(json_line(&message(Scope::Everybody, "", true)), format!(r#"{start}"text":"","deleted":true}}"#));
    }

    proptest! {
        #[test]
        fn any_text_comes_back_from_its_json(text in ".*|(?s:.*)") {
            let line = json_line(&message(Scope::Everybody, &text, false));
            prop_assert!(!line.contains(char::is_control));
            let object: serde_json::Value = serde_json::from_str(&line).unwrap();
            prop_assert_eq!(object["text"].as_str(), Some(&*text));
        }
    }
}
