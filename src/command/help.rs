//! Help, generated from the table: the list, one command in full, "did you mean", and docs/commands.md.

use std::fmt::Write;

use super::{Command, Context, Role, Spec, forms};
use crate::model::{EventKind, UserError};

/// The commands of this family.
pub(super) const COMMANDS: &[Spec] = &[HELP];

const HELP: Spec = Spec {
    name: "help",
    aliases: &[],
    role: Role::User,
    console: false,
    usage: "/help [<command>]",
    help: "list the commands, or describe one",
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
        let role = context.role();
        let lines = match self.about {
            None => list(role),
            Some(word) => {
                let lines: Vec<String> =
                    forms(&word).iter().filter(|spec| spec.role <= role).flat_map(in_full).collect();
                if lines.is_empty() {
                    let near = nearest(&word, role);
                    return Err(UserError::UnknownCommand(word, near));
                }
                lines
            }
        };
        context.reply(EventKind::Help { lines });
        Ok(())
    }
}

/// The commands that a user of this role may use.
fn open_to(role: Role) -> impl Iterator<Item = &'static Spec> {
    super::COMMANDS.iter().filter(move |spec| spec.role <= role)
}

/// Width of the column of usages; a longer usage has a line of its own.
const WIDTH: usize = 36;

fn list(role: Role) -> Vec<String> {
    let mut lines = vec!["Commands:".to_owned()];
    for spec in open_to(role) {
        let mut usage = spec.usage;
        if usage.len() > WIDTH {
            lines.push(format!("  {usage}"));
            usage = "";
        }
        lines.push(format!("  {usage:WIDTH$}  {}", spec.help));
    }
    lines.push("/help <command> describes one of them.".to_owned());
    lines
}

fn in_full(spec: &Spec) -> Vec<String> {
    let mut lines = vec![format!("{}: {}", spec.usage, spec.help), spec.details.to_owned()];
    if !spec.aliases.is_empty() {
        lines.push(format!("Also: /{}", spec.aliases.join(", /")));
    }
    lines.push(format!("Example: {}", spec.example));
    if spec.role > Role::User {
        lines.push(format!("For the role of {} and above.", spec.role));
    }
    lines
}

/// The name or alias nearest to a mistyped word, among the commands that a user of this role may use.
pub(super) fn nearest(word: &str, role: Role) -> Option<&'static str> {
    let word = word.to_ascii_lowercase();
    let near = |name: &&str| {
        let distance = strsim::damerau_levenshtein(&word, name);
        (distance <= 2 && distance * 3 <= name.len()).then_some(distance)
    };
    let words = open_to(role).flat_map(Spec::words);
    // A word of more than 20 characters is near to none, and the time for the distance grows with its length.
    if word.len() > 20 { None } else { words.filter(|name| near(name).is_some()).min_by_key(|name| near(name)) }
}

/// The page `docs/commands.md`.
pub fn manual() -> String {
    let mut page = String::from(
        "# Commands\n\nGenerated from the command table; `/help` shows the same texts.\nA command may be written in upper or lower case. A line without a slash goes to the conversation chosen with `/talk`.\nA command with a role is for users of that role or a higher one; for everyone else there is no such command.\nSome commands have two forms, one for a group and one for the whole server; a role belongs to the form above it.\n\n## Before the login\n\n`/register <username> [<invitation>]`\n\nRegister an account and log in to it, if the server allows that.\nIt takes the place of the username at the first prompt; the password is asked for twice.\n\nExample: `/register zoe`\n",
    );
    let mut above = "";
    for spec in crate::command::COMMANDS {
        // Writing into a String cannot fail.
        if spec.name != above {
            let _ = write!(page, "\n## /{}\n", spec.name);
        }
        above = spec.name;
        let _ = write!(page, "\n`{}`\n\n{}.\n{}\n", spec.usage, sentence(spec.help), spec.details);
        if spec.role > Role::User {
            let _ = write!(page, "\nRole: {}.\n", spec.role);
        }
        if !spec.aliases.is_empty() {
            let _ = write!(page, "\nAlso: `/{}`.\n", spec.aliases.join("`, `/"));
        }
        let _ = write!(page, "\nExample: `{}`\n", spec.example);
    }
    page
}

/// A help text with a capital letter.
fn sentence(help: &str) -> String {
    let mut chars = help.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_shows_every_command_in_narrow_lines() {
        let lines = list(Role::Admin);
        for spec in crate::command::COMMANDS {
            assert!(lines.iter().any(|line| line.starts_with(&format!("  {}", spec.usage))), "{}", spec.usage);
            assert!(lines.iter().any(|line| line.ends_with(spec.help) && line.chars().count() <= 110), "{}", spec.help);
        }
    }

    #[test]
    fn a_mistyped_word_finds_the_nearest_command() {
        assert_eq!(nearest("gruop_msg", Role::User), Some("group_msg"));
        assert_eq!(nearest("USER", Role::User), Some("users"));
        assert_eq!(nearest("mgs", Role::User), Some("msg"));
        assert_eq!(nearest("brodcast", Role::User), Some("broadcast"));
        assert_eq!(nearest("xyzzy", Role::User), None);
        assert_eq!(nearest(&"q".repeat(4000), Role::User), None);
    }
}
