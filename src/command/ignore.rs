//! Wanting to hear nothing of somebody.

use super::{Command, Context, Role, Spec};
use crate::model::{EventKind, UserError};

pub(super) const IGNORE: Spec = Spec {
    name: "ignore",
    aliases: &[],
    role: Role::User,
    usage: "/ignore [<username>]",
    help: "hear no more of a user; alone, whom you ignore",
    details: "What he says, privately, in groups or to all, is left out of what you are shown, of your /history and /search, too; he is answered as always and never learns of it. It holds for all your sessions and logins, until /unignore.",
    example: "/ignore bob",
    parse: |args| {
        let whom = args.word().map(str::to_owned);
        args.end()?;
        Some(Box::new(Ignore(whom)))
    },
};

pub(super) const UNIGNORE: Spec = Spec {
    name: "unignore",
    aliases: &[],
    role: Role::User,
    usage: "/unignore <username>",
    help: "hear a user again whom you ignored",
    details: "What he said meanwhile is in your /history then.",
    example: "/unignore bob",
    parse: |args| Some(Box::new(Unignore(args.only_word()?.to_owned()))),
};

struct Ignore(Option<String>);

struct Unignore(String);

impl Command for Ignore {
    fn execute(self: Box<Self>, context: &mut Context<'_>) -> Result<(), UserError> {
        match self.0 {
            None => {
                let names = context.hub.ignored(context.me);
                context.reply(EventKind::IgnoredUsers { names });
            }
            Some(typed) => {
                let whom = context.user(&typed)?;
                context.hub.ignore(context.me, whom)?;
                context.reply(EventKind::Ignored { whom, ignored: true });
            }
        }
        Ok(())
    }
}

impl Command for Unignore {
    fn execute(self: Box<Self>, context: &mut Context<'_>) -> Result<(), UserError> {
        // He may have no account any more, and still be ignored.
        let known = context.user(&self.0).or_else(|unknown| self.0.parse().map_err(|_| unknown))?;
        let whom = context.hub.unignore(context.me, known)?;
        context.reply(EventKind::Ignored { whom, ignored: false });
        Ok(())
    }
}
