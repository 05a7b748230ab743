//! Floor 3, commands: what a logged-in user can ask for, each declared once.
//!
//! [`run`] takes one clean line, finds its command in the table and lets it work against the hub. No command knows a socket.

mod account;
mod args;
mod context;
mod dialog;
mod groups;
mod help;
mod history;
mod ignore;
mod look;
mod receipts;
mod roles;
mod rooms;
mod session;
mod settings;
mod table;
mod talk;
mod token;
mod typing;

pub use args::Args;
pub use context::Context;
pub use dialog::Dialog;
pub use help::manual;
pub use history::past;
pub use table::{COMMANDS, find};

use crate::model::UserError;

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
}

/// The declaration of a command: everything there is to know about it outside its `execute`.
pub struct Spec {
    /// The word after the slash.
    pub name: &'static str,
    /// Other words for the same.
    pub aliases: &'static [&'static str],
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
    let spec = find(word).ok_or_else(|| UserError::UnknownCommand(word.to_owned(), help::nearest(word)))?;
    let parsed = (spec.parse)(&mut Args::new(rest)).ok_or(UserError::Usage(spec.usage))?;
    if !parsed.says() {
        context.publish();
    }
    parsed.execute(context)
}
