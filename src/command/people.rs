//! Users: who is logged in, who they are, whether they are away, ignoring and reporting them.

use std::sync::Arc;

use super::history::visible;
use super::{Command, Context, Role, Spec};
use crate::model::limits::{AWAY_CHARS, REPORT_COST};
use crate::model::{AdminAnswer, EventKind, MessageId, UserError, text};

pub(super) const USERS: Spec = Spec {
    name: "users",
    aliases: &["list_users"],
    role: Role::User,
    console: false,
    usage: "/users",
    help: "who is logged in",
    details: "One name a line, in alphabetical order; behind it why its user is away.",
    example: "/users",
    parse: |args| args.end().map(|()| Box::new(Users) as Box<dyn Command>),
};

struct Users;

impl Command for Users {
    fn execute(self: Box<Self>, context: &mut Context<'_>) -> Result<(), UserError> {
        context.reply(EventKind::Users { users: context.hub.online_users() });
        Ok(())
    }
}

pub(super) const WHOAMI: Spec = Spec {
    name: "whoami",
    aliases: &[],
    role: Role::User,
    console: false,
    usage: "/whoami",
    help: "your name, your address, your groups, where plain text goes",
    details: "It also counts your sessions, should you be logged in more than once.",
    example: "/whoami",
    parse: |args| args.end().map(|()| Box::new(WhoAmI) as Box<dyn Command>),
};

struct WhoAmI;

impl Command for WhoAmI {
    fn execute(self: Box<Self>, context: &mut Context<'_>) -> Result<(), UserError> {
        let me = &context.caller.client;
        let (sessions, groups) = context.hub.sessions_and_groups(&me.name);
        let (peer, target) = (me.peer.to_string(), context.caller.target);
        context.reply(EventKind::WhoAmI { name: me.name, peer, sessions, groups, target });
        Ok(())
    }
}

pub(super) const WHOIS: Spec = Spec {
    name: "whois",
    aliases: &[],
    role: Role::User,
    console: false,
    usage: "/whois <username>",
    help: "since when a user is here, idle or away, and what you share",
    details: "Of a user who is offline it says when he was last seen. Times are in UTC.",
    example: "/whois bob",
    parse: |args| Some(Box::new(WhoIs(args.only_word()?.to_owned()))),
};

struct WhoIs(String);

impl Command for WhoIs {
    fn execute(self: Box<Self>, context: &mut Context<'_>) -> Result<(), UserError> {
        let profile = context.hub.profile(&context.caller.client, context.find_user(&self.0)?);
        context.reply(EventKind::WhoIs(Box::new(profile)));
        Ok(())
    }
}

pub(super) const AWAY: Spec = Spec {
    name: "away",
    aliases: &[],
    role: Role::User,
    console: false,
    usage: "/away [<text>]",
    help: "say that you are away, and why; who writes to you is told",
    details: "It holds for all your sessions, until /back or until the last of them ends.",
    example: "/away lunch, back at two",
    parse: |args| {
        let why = text::shorten(args.text().unwrap_or("gone for a while"), AWAY_CHARS);
        Some(Box::new(SetAway(Some(why.into()))))
    },
};

pub(super) const BACK: Spec = Spec {
    name: "back",
    aliases: &[],
    role: Role::User,
    console: false,
    usage: "/back",
    help: "say that you are back",
    details: "It ends what /away began.",
    example: "/back",
    parse: |args| args.end().map(|()| Box::new(SetAway(None)) as Box<dyn Command>),
};

struct SetAway(Option<Arc<str>>);

impl Command for SetAway {
    fn execute(self: Box<Self>, context: &mut Context<'_>) -> Result<(), UserError> {
        context.hub.set_away(&context.caller.client, self.0, &mut context.caller.flush_list);
        Ok(())
    }
}

pub(super) const IGNORE: Spec = Spec {
    name: "ignore",
    aliases: &[],
    role: Role::User,
    console: false,
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

struct Ignore(Option<String>);

impl Command for Ignore {
    fn execute(self: Box<Self>, context: &mut Context<'_>) -> Result<(), UserError> {
        match self.0 {
            None => {
                let names = context.hub.ignored(&context.caller.client);
                context.reply(EventKind::IgnoredUsers { names });
            }
            Some(typed) => {
                let whom = context.find_user(&typed)?;
                context.hub.ignore(&context.caller.client, whom)?;
                context.reply(EventKind::Ignored { whom, ignored: true });
            }
        }
        Ok(())
    }
}

pub(super) const UNIGNORE: Spec = Spec {
    name: "unignore",
    aliases: &[],
    role: Role::User,
    console: false,
    usage: "/unignore <username>",
    help: "hear a user again whom you ignored",
    details: "What he said meanwhile is in your /history then.",
    example: "/unignore bob",
    parse: |args| Some(Box::new(Unignore(args.only_word()?.to_owned()))),
};

struct Unignore(String);

impl Command for Unignore {
    fn execute(self: Box<Self>, context: &mut Context<'_>) -> Result<(), UserError> {
        // He may have no account any more, and still be ignored.
        let known = context.find_user(&self.0).or_else(|unknown| self.0.parse().map_err(|_| unknown))?;
        let whom = context.hub.unignore(&context.caller.client, known)?;
        context.reply(EventKind::Ignored { whom, ignored: false });
        Ok(())
    }
}

pub(super) const REPORT: Spec = Spec {
    name: "report",
    aliases: &[],
    role: Role::User,
    console: false,
    usage: "/report <username>|<id> [<reason>]",
    help: "tell the operators about a user or a message",
    details: "Of a message they are shown the text as well. Operators who are away find it later. /mode ids on and /history show the ids.",
    example: "/report bob spam",
    parse: |args| Some(Box::new(Report { about: args.word()?.to_owned(), why: args.reason().unwrap_or_default() })),
};

struct Report {
    about: String,
    why: String,
}

impl Command for Report {
    fn execute(self: Box<Self>, context: &mut Context<'_>) -> Result<(), UserError> {
        let Report { about, mut why } = *self;
        context.caller.cost += REPORT_COST;
        let user = if about.starts_with('#') { None } else { context.find_user(&about).ok() };
        let about = match (user, MessageId::parse(&about)) {
            (Some(user), _) => user.to_string(),
            (None, Some(id)) => {
                let message = visible(context, id)?;
                why = format!("{why} [{}]", message.said.text).trim_start().to_owned();
                format!("{}:{id}", message.said.from)
            }
            (None, None) => return Err(UserError::NoSuchUser(about)),
        };
        let done = context.admin.report(Some(context.caller.client.name), about, &why)?;
        context.reply(EventKind::AdminReply(AdminAnswer::Done(done)));
        Ok(())
    }
}
