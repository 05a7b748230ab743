//! Saying something: to one user, to everybody, or to the conversation chosen with `/talk`.

use super::{Command, Context, Spec};
use crate::model::limits::RECIPIENTS_PER_TOKEN;
use crate::model::{EventKind, Target, UserError};

pub(super) const MSG: Spec = Spec {
    name: "msg",
    aliases: &["w"],
    usage: "/msg <username> <message>",
    help: "say something to one user, privately",
    details: "Every session of the user gets it. Your own line comes back as [to username]: message once it is delivered.",
    example: "/msg bob are you there?",
    parse: |args| Some(Box::new(Msg { to: args.word()?.to_owned(), text: args.text()?.to_owned() })),
};

pub(super) const BROADCAST: Spec = Spec {
    name: "broadcast",
    aliases: &[],
    usage: "/broadcast <message>",
    help: "say something to everybody who is logged in",
    details: "You get it too. The more people hear it, the more it takes of your budget of commands per second.",
    example: "/broadcast lunch?",
    parse: |args| Some(Box::new(Broadcast { text: args.text()?.to_owned() })),
};

pub(super) const TALK: Spec = Spec {
    name: "talk",
    aliases: &[],
    usage: "/talk [<username>|#<group>]",
    help: "choose where lines without a command go; alone, end that",
    details: "After /talk bob a line without a slash goes to bob; one with a slash is a command as before.",
    example: "/talk #rust",
    parse: |args| {
        let to = args.word().map(str::to_owned);
        args.end()?;
        Some(Box::new(Talk { to }))
    },
};

struct Msg {
    to: String,
    text: String,
}

struct Broadcast {
    text: String,
}

struct Talk {
    to: Option<String>,
}

impl Command for Msg {
    fn execute(self: Box<Self>, context: &mut Context<'_>) -> Result<(), UserError> {
        let to = context.user(&self.to)?;
        context.hub.whisper(context.me, &to, self.text, context.touched)
    }
}

impl Command for Broadcast {
    fn execute(self: Box<Self>, context: &mut Context<'_>) -> Result<(), UserError> {
        let heard = context.hub.broadcast(context.me, self.text, context.touched);
        context.cost += heard / RECIPIENTS_PER_TOKEN;
        Ok(())
    }
}

impl Command for Talk {
    fn execute(self: Box<Self>, context: &mut Context<'_>) -> Result<(), UserError> {
        *context.target = match self.to.as_deref() {
            None => None,
            Some(typed) => Some(match typed.strip_prefix('#') {
                Some(group) => Target::Group(context.hub.membership(context.me, &context.group(group)?)?),
                None => talk_to_user(typed, context)?,
            }),
        };
        context.reply(EventKind::Talking { target: *context.target });
        Ok(())
    }
}

fn talk_to_user(typed: &str, context: &Context<'_>) -> Result<Target, UserError> {
    let user = context.user(typed)?;
    if context.hub.is_here(&user) { Ok(Target::User(user)) } else { Err(UserError::NotOnline(user)) }
}

/// A line without a command.
pub(super) fn say(text: &str, context: &mut Context<'_>) -> Result<(), UserError> {
    match *context.target {
        Some(Target::User(to)) => context.hub.whisper(context.me, &to, text.to_owned(), context.touched),
        Some(Target::Group(group)) => context.hub.post(context.me, &group, text.to_owned(), context.touched),
        None => Err(UserError::NoConversation),
    }
}
