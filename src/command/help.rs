//! Help in all its forms, made from the table: the list, one command in full, did-you-mean, the manual's page.

use std::fmt::Write;

use super::{COMMANDS, Command, Context, Spec, find};
use crate::model::{EventKind, UserError};

pub(super) const HELP: Spec = Spec {
    name: "help",
    aliases: &[],
    usage: "/help [<command>]",
    help: "this list, or all about one command",
    details: "The command may be written with or without its slash.",
    example: "/help msg",
    parse: |args| {
        let about = args.word().map(|word| word.trim_start_matches('/').to_owned());
        args.end()?;
        Some(Box::new(Help { about }))
    },
};

struct Help {
    about: Option<String>,
}

impl Command for Help {
    fn execute(self: Box<Self>, context: &mut Context<'_>) -> Result<(), UserError> {
        let lines = match self.about {
            None => list(),
            Some(word) => match find(&word) {
                Some(spec) => in_full(spec),
                None => {
                    let near = nearest(&word);
                    return Err(UserError::UnknownCommand(word, near));
                }
            },
        };
        context.reply(EventKind::Help { lines });
        Ok(())
    }
}

fn list() -> Vec<String> {
    let width = COMMANDS.iter().map(|spec| spec.usage.len()).max().unwrap_or(0);
    let mut lines = vec!["Commands:".to_owned()];
    lines.extend(COMMANDS.iter().map(|spec| format!("  {:width$}  {}", spec.usage, spec.help)));
    lines.push("/help <command> says more about one.".to_owned());
    lines
}

fn in_full(spec: &Spec) -> Vec<String> {
    let mut lines = vec![format!("{}: {}", spec.usage, spec.help), spec.details.to_owned()];
    if !spec.aliases.is_empty() {
        lines.push(format!("Also: /{}", spec.aliases.join(", /")));
    }
    lines.push(format!("Example: {}", spec.example));
    lines
}

/// The command whose name or alias is nearest to a mistyped word, if one is near.
pub(super) fn nearest(word: &str) -> Option<&'static str> {
    let word = word.to_ascii_lowercase();
    let near = |name: &&str| {
        let distance = strsim::damerau_levenshtein(&word, name);
        (distance <= 2 && distance * 3 <= name.len()).then_some(distance)
    };
    let words = COMMANDS.iter().flat_map(Spec::words);
    // A word of more than twenty characters is near to none, and the distance takes time that grows with it.
    if word.len() > 20 { None } else { words.filter(|name| near(name).is_some()).min_by_key(|name| near(name)) }
}

/// The page `docs/commands.md`.
pub fn manual() -> String {
    let mut page = String::from(
        "# Commands\n\nMade from the command table by `parlord`'s tests; the words are the same that `/help` shows.\nA command's word may be written in upper or lower case; a line without a slash goes where `/talk` says.\n",
    );
    for spec in COMMANDS {
        // Writing into a String cannot fail.
        let _ = write!(page, "\n## /{}\n\n`{}`\n\n{}.\n{}\n", spec.name, spec.usage, spec.help, spec.details);
        if !spec.aliases.is_empty() {
            let _ = write!(page, "\nAlso: `/{}`.\n", spec.aliases.join("`, `/"));
        }
        let _ = write!(page, "\nExample: `{}`\n", spec.example);
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_typing_mistake_finds_the_command_that_was_meant() {
        assert_eq!(nearest("gruop_msg"), Some("group_msg"));
        assert_eq!(nearest("USER"), Some("users"));
        assert_eq!(nearest("mgs"), Some("msg"));
        assert_eq!(nearest("brodcast"), Some("broadcast"));
        assert_eq!(nearest("xyzzy"), None);
        assert_eq!(nearest(&"q".repeat(4000)), None);
    }
}
