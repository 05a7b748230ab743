//! Sending messages: to a user, to everybody, or to the conversation chosen with `/talk`; and who is typing.

use std::sync::Arc;
use std::time::{Instant, SystemTime};

use super::{Command, Context, Role, Spec, group_name};
use crate::model::limits::RECIPIENTS_PER_TOKEN;
use crate::model::{EventKind, Scope, Target, UserError};

/// The commands of this family.
pub(super) const COMMANDS: &[Spec] = &[MSG, BROADCAST, REPLY, ME, TALK, TYPING];

const MSG: Spec = Spec {
    name: "msg",
    aliases: &["w"],
    role: Role::User,
    console: false,
    usage: "/msg <username> <message>",
    help: "send a private message to a user",
    details: "A user who is offline gets it at the next login. Once it is stored, your own line comes back as [to username]: message.",
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

const BROADCAST: Spec = Spec {
    name: "broadcast",
    aliases: &[],
    role: Role::User,
    console: false,
    usage: "/broadcast <message>",
    help: "send a message to everybody who is logged in",
    details: "You get it too. The more people receive it, the more of your command budget it uses.",
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

const REPLY: Spec = Spec {
    name: "reply",
    aliases: &["r"],
    role: Role::User,
    console: false,
    usage: "/reply <message>",
    help: "answer the last private message you received",
    details: "Messages that you received while away count. If nobody has written to you, it goes to the user you wrote to last. The [to username] of your own line says who that is.",
    example: "/reply on my way",
    parse: |args| Some(Box::new(Reply(args.text()?.into()))),
};

struct Reply(Arc<str>);

impl Command for Reply {
    fn execute(self: Box<Self>, context: &mut Context<'_>) -> Result<(), UserError> {
        let to = context.hub.reply_partner(&context.caller.client)?;
        // Their account may be gone.
        let to = context.find_user(to.as_str())?;
        context.say(Scope::User(to), self.0)
    }
}

const ME: Spec = Spec {
    name: "me",
    aliases: &[],
    role: Role::User,
    console: false,
    usage: "/me <action>",
    help: "say what you are doing, in the conversation chosen with /talk",
    details: "After /talk #lunch, /me waves is shown as [Group lunch] * alice waves. It is stored and found like any message.",
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

const TALK: Spec = Spec {
    name: "talk",
    aliases: &[],
    role: Role::User,
    console: false,
    usage: "/talk [<username>|#<group>]",
    help: "choose where lines without a command go; alone, stop that",
    details: "After /talk bob, a line without a slash goes to bob; a line with a slash is still a command.",
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

/// Sends a line without a command to the conversation chosen with `/talk`.
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
        // Their account may be gone.
        Some(Target::User(to)) if !to.is_guest() && context.accounts.find(&to).is_none() => {
            Err(UserError::NoSuchUser(to.to_string()))
        }
        Some(Target::User(to)) => Ok(Scope::User(to)),
        Some(Target::Group(group)) => Ok(Scope::Group(group)),
        None => Err(UserError::NoConversation),
    }
}

const TYPING: Spec = Spec {
    name: "typing",
    aliases: &[],
    role: Role::User,
    console: false,
    usage: "/typing [on|off|<username>|#<group>]",
    help: "see who is typing; with a name, show that you are",
    details: "On or off applies to this session; alone it shows the choice. Programs send it with a name while their user types: it has no answer, and users who want to see it are told at most every 3 seconds.",
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

/// Tells others that the caller is typing, which takes the right to send messages there.
fn tell_typing(typed: &str, context: &mut Context<'_>) -> Result<(), UserError> {
    let scope = match typed.strip_prefix('#') {
        Some(group) => Scope::Group(group_name(group)?),
        None => Scope::User(context.find_user(typed)?),
    };
    let place = context.hub.check(&context.caller.client, scope, SystemTime::now())?;
    context.hub.typing(&context.caller.client, place.scope(), Instant::now(), &mut context.caller.flush_list);
    Ok(())
}
