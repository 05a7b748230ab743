//! Users: who is logged in, who they are, whether they are away, ignoring and reporting them.

use std::sync::Arc;

use super::history::visible;
use super::{Command, Context, Role, Spec};
use crate::model::limits::{AWAY_CHARS, REPORT_COST};
use crate::model::{AdminAnswer, EventKind, MessageId, UserError, text};

/// The commands of this family.
pub(super) const COMMANDS: &[Spec] = &[USERS, WHOAMI, WHOIS, AWAY, BACK, IGNORE, UNIGNORE, REPORT];

const USERS: Spec = Spec {
    name: "users",
    aliases: &["list_users"],
    role: Role::User,
    console: false,
    usage: "/users",
    help: "list the users who are logged in",
    details: "One name per line, in alphabetical order, followed by the reason if the user is away.",
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

const WHOAMI: Spec = Spec {
    name: "whoami",
    aliases: &[],
    role: Role::User,
    console: false,
    usage: "/whoami",
    help: "show your name, address and groups, and where plain text goes",
    details: "It also counts your sessions, in case you are logged in more than once.",
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

const WHOIS: Spec = Spec {
    name: "whois",
    aliases: &[],
    role: Role::User,
    console: false,
    usage: "/whois <username>",
    help: "show how long a user has been online, idle or away, and more",
    details: "It shows the groups that you share. For a user who is offline it shows when they were last seen. Times are in UTC.",
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

const AWAY: Spec = Spec {
    name: "away",
    aliases: &[],
    role: Role::User,
    console: false,
    usage: "/away [<text>]",
    help: "mark yourself as away; users who write to you are told why",
    details: "It applies to all your sessions, until /back or until the last of them ends.",
    example: "/away lunch, back at two",
    parse: |args| {
        let why = text::shorten(&args.text().unwrap_or("gone for a while".into()), AWAY_CHARS);
        Some(Box::new(SetAway(Some(why.into()))))
    },
};

const BACK: Spec = Spec {
    name: "back",
    aliases: &[],
    role: Role::User,
    console: false,
    usage: "/back",
    help: "mark yourself as back",
    details: "It ends /away.",
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

const IGNORE: Spec = Spec {
    name: "ignore",
    aliases: &[],
    role: Role::User,
    console: false,
    usage: "/ignore [<username>]",
    help: "hide all messages of a user; alone, list the users you ignore",
    details: "Their private, group and broadcast messages are hidden from you, in your /history and /search too. They are answered as usual and never learn of it. It applies to all your sessions and logins, until /unignore.",
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

const UNIGNORE: Spec = Spec {
    name: "unignore",
    aliases: &[],
    role: Role::User,
    console: false,
    usage: "/unignore <username>",
    help: "stop ignoring a user",
    details: "The messages they sent in the meantime are in your /history then.",
    example: "/unignore bob",
    parse: |args| Some(Box::new(Unignore(args.only_word()?.to_owned()))),
};

struct Unignore(String);

impl Command for Unignore {
    fn execute(self: Box<Self>, context: &mut Context<'_>) -> Result<(), UserError> {
        // A user whose account is gone may still be ignored.
        let known = context.find_user(&self.0).or_else(|unknown| self.0.parse().map_err(|_| unknown))?;
        let whom = context.hub.unignore(&context.caller.client, known)?;
        context.reply(EventKind::Ignored { whom, ignored: false });
        Ok(())
    }
}

const REPORT: Spec = Spec {
    name: "report",
    aliases: &[],
    role: Role::User,
    console: false,
    usage: "/report <username>|<id> [<reason>]",
    help: "report a user or a message to the operators",
    details: "For a message they see its text as well. Operators who are offline see the report later. /mode ids on and /history show the ids.",
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
