//! Saying something: to one user, to everybody, or to the conversation chosen with `/talk`; and telling who is typing.

use std::sync::Arc;
use std::time::{Instant, SystemTime};

use super::{Command, Context, Role, Spec, group_name};
use crate::model::limits::RECIPIENTS_PER_TOKEN;
use crate::model::{EventKind, Scope, Target, UserError};

pub(super) const MSG: Spec = Spec {
    name: "msg",
    aliases: &["w"],
    role: Role::User,
    console: false,
    usage: "/msg <username> <message>",
    help: "say something to one user, privately",
    details: "Who is offline gets it at the next login. Your own line comes back as [to username]: message once it is stored.",
    example: "/msg bob are you there?",
    parse: |args| Some(Box::new(Msg { to: args.word()?.to_owned(), text: args.text()?.into() })),
};

struct Msg {
    to: String,
    text: Arc<str>,
}

impl Command for Msg {
    fn execute(self: Box<Self>, context: &mut Context<'_>) -> Result<(), UserError> {
        let to = context.find_user(&self.to)?;
        context.say(Scope::User(to), self.text)
    }

    fn only_speaks(&self) -> bool {
        true
    }
}

pub(super) const BROADCAST: Spec = Spec {
    name: "broadcast",
    aliases: &[],
    role: Role::User,
    console: false,
    usage: "/broadcast <message>",
    help: "say something to everybody who is logged in",
    details: "You get it too. The more people hear it, the more it takes of your budget of commands per second.",
    example: "/broadcast lunch?",
    parse: |args| Some(Box::new(Broadcast { text: args.text()?.into() })),
};

struct Broadcast {
    text: Arc<str>,
}

impl Command for Broadcast {
    fn execute(self: Box<Self>, context: &mut Context<'_>) -> Result<(), UserError> {
        context.caller.cost += context.hub.session_count() / RECIPIENTS_PER_TOKEN;
        context.say(Scope::Everybody, self.text)
    }

    fn only_speaks(&self) -> bool {
        true
    }
}

pub(super) const REPLY: Spec = Spec {
    name: "reply",
    aliases: &["r"],
    role: Role::User,
    console: false,
    usage: "/reply <message>",
    help: "answer whoever wrote to you last, privately",
    details: "That includes what came while you were away; if nobody wrote to you, it goes to whom you wrote last. The [to username] of your own line says who it was.",
    example: "/reply on my way",
    parse: |args| Some(Box::new(Reply(args.text()?.into()))),
};

struct Reply(Arc<str>);

impl Command for Reply {
    fn execute(self: Box<Self>, context: &mut Context<'_>) -> Result<(), UserError> {
        let to = context.hub.reply_partner(&context.caller.client)?;
        // He may have no account any more.
        let to = context.find_user(to.as_str())?;
        context.say(Scope::User(to), self.0)
    }
}

pub(super) const ME: Spec = Spec {
    name: "me",
    aliases: &[],
    role: Role::User,
    console: false,
    usage: "/me <action>",
    help: "tell what you do, in the conversation chosen with /talk",
    details: "After /talk #lunch, /me waves is shown as [Group lunch] * alice waves; it is kept and found like any message.",
    example: "/me waves",
    parse: |args| Some(Box::new(Me(args.text()?.into()))),
};

struct Me(Arc<str>);

impl Command for Me {
    fn execute(self: Box<Self>, context: &mut Context<'_>) -> Result<(), UserError> {
        let scope = chosen(context)?;
        context.say_action(scope, self.0)
    }

    fn only_speaks(&self) -> bool {
        true
    }
}

pub(super) const TALK: Spec = Spec {
    name: "talk",
    aliases: &[],
    role: Role::User,
    console: false,
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

struct Talk {
    to: Option<String>,
}

impl Command for Talk {
    fn execute(self: Box<Self>, context: &mut Context<'_>) -> Result<(), UserError> {
        context.caller.target = match self.to.as_deref() {
            None => None,
            Some(typed) => Some(match typed.strip_prefix('#') {
                Some(group) => Target::Group(context.hub.membership(&context.caller.client, &group_name(group)?)?),
                None => Target::User(context.find_user(typed)?),
            }),
        };
        context.caller.target_guest = match context.caller.target {
            Some(Target::User(to)) if to.is_guest() => context.hub.oldest_session(&to),
            _ => None,
        };
        context.reply(EventKind::TalkTarget { target: context.caller.target });
        Ok(())
    }
}

/// A line without a command.
pub(super) fn say(text: &str, context: &mut Context<'_>) -> Result<(), UserError> {
    let scope = chosen(context)?;
    context.say(scope, text.into())
}

/// The conversation chosen with `/talk`.
fn chosen(context: &Context<'_>) -> Result<Scope, UserError> {
    match context.caller.target {
        Some(Target::User(to)) if to.is_guest() && context.hub.oldest_session(&to) != context.caller.target_guest => {
            Err(UserError::NotOnline(to))
        }
        // He may have no account any more.
        Some(Target::User(to)) if !to.is_guest() && context.accounts.find(&to).is_none() => {
            Err(UserError::NoSuchUser(to.to_string()))
        }
        Some(Target::User(to)) => Ok(Scope::User(to)),
        Some(Target::Group(group)) => Ok(Scope::Group(group)),
        None => Err(UserError::NoConversation),
    }
}

pub(super) const TYPING: Spec = Spec {
    name: "typing",
    aliases: &[],
    role: Role::User,
    console: false,
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
            Typing::Wanted(wanted) => context.caller.client.want_typing(wanted),
            Typing::To(typed) => return tell_typing(&typed, context),
        }
        context.reply(EventKind::TypingWanted { wanted: context.caller.client.wants_typing() });
        Ok(())
    }
}

/// Only who may say something there may tell that he is about to.
fn tell_typing(typed: &str, context: &mut Context<'_>) -> Result<(), UserError> {
    let scope = match typed.strip_prefix('#') {
        Some(group) => Scope::Group(group_name(group)?),
        None => Scope::User(context.find_user(typed)?),
    };
    let place = context.hub.check(&context.caller.client, scope, SystemTime::now())?;
    context.hub.typing(&context.caller.client, place.scope(), Instant::now(), &mut context.caller.flush_list);
    Ok(())
}
