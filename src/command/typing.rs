//! Being told who is typing, and telling it.

use std::time::{Instant, SystemTime};

use super::{Command, Context, Role, Spec};
use crate::model::{EventKind, Scope, UserError};

pub(super) const TYPING: Spec = Spec {
    name: "typing",
    aliases: &[],
    role: Role::User,
    usage: "/typing [on|off|<username>|#<group>]",
    help: "be told who is typing; with a name, tell that you are",
    details: "On or off holds for this session; alone it says what is chosen. With a name it is for programs to send while their user types: it has no answer, and those who want to know are told every 3 seconds at the most.",
    example: "/typing on",
    parse: |args| {
        let typing = match args.word() {
            None => Typing::Asked,
            Some(word) if word.eq_ignore_ascii_case("on") => Typing::Wanted(true),
            Some(word) if word.eq_ignore_ascii_case("off") => Typing::Wanted(false),
            Some(word) => Typing::To(word.to_owned()),
        };
        args.end()?;
        Some(Box::new(typing))
    },
};

enum Typing {
    Asked,
    Wanted(bool),
    To(String),
}

impl Command for Typing {
    fn execute(self: Box<Self>, context: &mut Context<'_>) -> Result<(), UserError> {
        match *self {
            Typing::Asked => {}
            Typing::Wanted(wanted) => context.me.want_typing(wanted),
            Typing::To(typed) => return tell(&typed, context),
        }
        context.reply(EventKind::TypingWanted { wanted: context.me.wants_typing() });
        Ok(())
    }
}

/// Only who may say something there may tell that he is about to.
fn tell(typed: &str, context: &mut Context<'_>) -> Result<(), UserError> {
    let scope = match typed.strip_prefix('#') {
        Some(group) => Scope::Group(context.group(group)?),
        None => Scope::User(context.user(typed)?),
    };
    let place = context.hub.check(context.me, scope, SystemTime::now())?;
    context.hub.typing(context.me, place.scope(), Instant::now(), context.flush_list);
    Ok(())
}
