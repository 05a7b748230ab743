//! Looking around: who is here, which groups there are, and who one is.

use std::time::SystemTime;

use super::{Command, Context, Role, Spec};
use crate::model::{EventKind, UserError};

pub(super) const USERS: Spec = Spec {
    name: "users",
    aliases: &["list_users"],
    role: Role::User,
    usage: "/users",
    help: "who is logged in",
    details: "One name a line, in alphabetical order; behind it why its user is away.",
    example: "/users",
    parse: |args| args.end().map(|()| Box::new(Users) as Box<dyn Command>),
};

pub(super) const GROUPS: Spec = Spec {
    name: "groups",
    aliases: &["list_groups"],
    role: Role::User,
    usage: "/groups",
    help: "which groups there are",
    details: "One name a line, in alphabetical order; a private group only for its members and who is invited. Behind a room of yours stands what it is about.",
    example: "/groups",
    parse: |args| args.end().map(|()| Box::new(Groups) as Box<dyn Command>),
};

pub(super) const GROUPS_USERS: Spec = Spec {
    name: "groups_users",
    aliases: &[],
    role: Role::User,
    usage: "/groups_users",
    help: "which groups there are, each with its members",
    details: "One group a line: its name, then its members.",
    example: "/groups_users",
    parse: |args| args.end().map(|()| Box::new(GroupsUsers) as Box<dyn Command>),
};

pub(super) const WHOAMI: Spec = Spec {
    name: "whoami",
    aliases: &[],
    role: Role::User,
    usage: "/whoami",
    help: "your name, your address, your groups, where plain text goes",
    details: "It also counts your sessions, should you be logged in more than once.",
    example: "/whoami",
    parse: |args| args.end().map(|()| Box::new(WhoAmI) as Box<dyn Command>),
};

pub(super) const WHOIS: Spec = Spec {
    name: "whois",
    aliases: &[],
    role: Role::User,
    usage: "/whois <username>",
    help: "since when a user is here, idle or away, and what you share",
    details: "Of a user who is offline it says when he was last seen. Times are in UTC.",
    example: "/whois bob",
    parse: |args| Some(Box::new(WhoIs(args.only_word()?.to_owned()))),
};

struct WhoIs(String);

struct Users;

struct Groups;

struct GroupsUsers;

struct WhoAmI;

impl Command for Users {
    fn execute(self: Box<Self>, context: &mut Context<'_>) -> Result<(), UserError> {
        context.reply(EventKind::Users { users: context.hub.online_users() });
        Ok(())
    }
}

impl Command for WhoIs {
    fn execute(self: Box<Self>, context: &mut Context<'_>) -> Result<(), UserError> {
        let profile = context.hub.profile(context.me, context.user(&self.0)?);
        context.reply(EventKind::WhoIs(Box::new(profile)));
        Ok(())
    }
}

impl Command for Groups {
    fn execute(self: Box<Self>, context: &mut Context<'_>) -> Result<(), UserError> {
        context.reply(EventKind::Groups { groups: context.hub.groups(&context.me.name, SystemTime::now()) });
        Ok(())
    }
}

impl Command for GroupsUsers {
    fn execute(self: Box<Self>, context: &mut Context<'_>) -> Result<(), UserError> {
        let (me, now) = (context.me.name, SystemTime::now());
        let mut rosters = context.hub.rosters(&me, None, now);
        let mut first = true;
        while first || !rosters.is_empty() {
            let next = rosters.last().map(|(name, _)| context.hub.rosters(&me, Some(name), now)).unwrap_or_default();
            context.reply(EventKind::GroupsUsers { rosters, first });
            (rosters, first) = (next, false);
        }
        Ok(())
    }
}

impl Command for WhoAmI {
    fn execute(self: Box<Self>, context: &mut Context<'_>) -> Result<(), UserError> {
        let me = context.me;
        let (sessions, groups) = context.hub.sessions_and_groups(&me.name);
        let (peer, target) = (me.peer.to_string(), *context.target);
        context.reply(EventKind::WhoAmI { name: me.name, peer, sessions, groups, target });
        Ok(())
    }
}
