//! Floor 4, commands: what a logged-in user can ask for, each declared once.
//!
//! [`run`] takes one clean line, finds its command in the table and lets it work against the hub. No command knows a socket.

mod account;
mod admin;
mod args;
mod context;
mod dialog;
mod groups;
mod help;
mod history;
mod people;
mod roles;
mod session;
mod table;
mod talk;

pub use args::Args;
pub use context::Context;
pub use dialog::Dialog;
pub use help::manual;
pub use history::past;
use table::forms_at;
pub use table::{COMMANDS, forms};

use crate::admin::AdminCommand;
use crate::failpoint;
use crate::model::{Role, UserError};

/// One parsed command, ready to be carried out.
pub trait Command {
    /// Does it. What others are told goes through the hub, what the asker is told through [`Context::reply`].
    ///
    /// # Errors
    /// What the asker is told instead when it cannot be done; nothing has changed then.
    fn execute(self: Box<Self>, context: &mut Context<'_>) -> Result<(), UserError>;

    /// Whether all it does is to say something. Then it is published together with what is said before and after it;
    /// any other command waits until that has been published.
    fn says(&self) -> bool {
        false
    }

    /// What the console can do in its place, if it is an operator's.
    fn act(&self) -> Option<AdminCommand> {
        None
    }
}

/// The declaration of a command, or of one form of it: everything there is to know about it outside its `execute`.
pub struct Spec {
    /// The word after the slash.
    pub name: &'static str,
    /// Other words for the same.
    pub aliases: &'static [&'static str],
    /// The least role that may use it; for anybody else there is no such command.
    pub role: Role,
    /// How it is written.
    pub usage: &'static str,
    /// What it does, in one line of at most 70 characters.
    pub help: &'static str,
    /// What else one may want to know.
    pub details: &'static str,
    /// A line one could type.
    pub example: &'static str,
    /// Makes the command from the words after it; `None` when they do not fit, and then the usage is the answer.
    pub parse: fn(&mut Args<'_>) -> Option<Box<dyn Command>>,
}

/// Carries out one line of a logged-in user.
///
/// # Errors
/// What he is told when that cannot be done.
pub fn run(line: &str, context: &mut Context<'_>) -> Result<(), UserError> {
    let line = line.trim();
    let Some(command) = line.strip_prefix('/') else {
        return if line.is_empty() { Ok(()) } else { talk::say(line, context) };
    };
    let (word, rest) = command.split_once(' ').unwrap_or((command, ""));
    let (place, forms) = forms_at(word);
    let mut open = forms.iter().filter(|spec| spec.role == Role::User || context.role() >= spec.role).peekable();
    if open.peek().is_none() {
        return Err(UserError::UnknownCommand(word.to_owned(), help::nearest(word, context.role())));
    }
    let parsed = parse(open, rest)?;
    context.admin.count(place);
    if !parsed.says() {
        context.publish();
    }
    failpoint::reach("in a command", &context.me.name);
    parsed.execute(context)
}

/// What the console wants with a line, which has no slash: what operators can do in the chat, and `top`.
///
/// # Errors
/// What it is told when that is nothing.
pub fn console(line: &str) -> Result<AdminCommand, UserError> {
    let line = line.trim().trim_start_matches('/');
    let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
    if word.eq_ignore_ascii_case("top") && (rest.is_empty() || rest == "sessions") {
        return Ok(AdminCommand::Top { sessions: !rest.is_empty() });
    }
    let unknown = || UserError::UnknownCommand(word.to_owned(), None);
    let known = |spec: &&Spec| spec.role > Role::User || spec.name == history::DELETE.name;
    let mut known = forms(word).iter().filter(known).peekable();
    known.peek().ok_or_else(unknown)?;
    parse(known, rest)?.act().ok_or_else(unknown)
}

/// The command that the first of these forms which fits makes of the words after it.
fn parse<'a>(forms: impl Iterator<Item = &'a Spec>, rest: &str) -> Result<Box<dyn Command>, UserError> {
    let mut usages = Vec::new();
    for spec in forms {
        match (spec.parse)(&mut Args::new(rest)) {
            Some(parsed) => return Ok(parsed),
            None => usages.push(spec.usage),
        }
    }
    Err(UserError::Usage(usages))
}
