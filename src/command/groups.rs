//! Groups: making, joining, leaving, and saying something in one.

use super::{Command, Context, Role, Spec};
use crate::model::{Scope, UserError};

pub(super) const CREATE_GROUP: Spec = Spec {
    name: "create_group",
    aliases: &["create"],
    role: Role::User,
    usage: "/create_group <group>",
    help: "make a group; you are its first member",
    details: "A name has up to 32 letters, digits, '_', '.' and '-'. A group is gone when its last member leaves.",
    example: "/create_group rust",
    parse: |args| Some(Box::new(Create(args.only_word()?.to_owned()))),
};

pub(super) const JOIN_GROUP: Spec = Spec {
    name: "join_group",
    aliases: &["join"],
    role: Role::User,
    usage: "/join_group <group>",
    help: "join a group; its members are told",
    details: "/groups shows which groups there are.",
    example: "/join_group rust",
    parse: |args| Some(Box::new(Join(args.only_word()?.to_owned()))),
};

pub(super) const LEAVE_GROUP: Spec = Spec {
    name: "leave_group",
    aliases: &["leave"],
    role: Role::User,
    usage: "/leave_group <group>",
    help: "leave a group; its members are told",
    details: "Leaving the chat leaves all your groups at once.",
    example: "/leave_group rust",
    parse: |args| Some(Box::new(Leave(args.only_word()?.to_owned()))),
};

pub(super) const GROUP_MSG: Spec = Spec {
    name: "group_msg",
    aliases: &["g"],
    role: Role::User,
    usage: "/group_msg <group> <message>",
    help: "say something in a group you are a member of",
    details: "All members see one and the same order of messages; your own line is among them.",
    example: "/group_msg rust who has read the book?",
    parse: |args| Some(Box::new(Post { group: args.word()?.to_owned(), text: args.text()?.to_owned() })),
};

struct Create(String);

struct Join(String);

struct Leave(String);

struct Post {
    group: String,
    text: String,
}

impl Command for Create {
    fn execute(self: Box<Self>, context: &mut Context<'_>) -> Result<(), UserError> {
        let name = self.0.parse().map_err(|why| UserError::BadGroupName(self.0, why))?;
        context.hub.create(context.me, name, context.touched)
    }
}

impl Command for Join {
    fn execute(self: Box<Self>, context: &mut Context<'_>) -> Result<(), UserError> {
        context.hub.join(context.me, &context.group(&self.0)?, context.touched)
    }
}

impl Command for Leave {
    fn execute(self: Box<Self>, context: &mut Context<'_>) -> Result<(), UserError> {
        context.hub.leave(context.me, &context.group(&self.0)?, context.touched)
    }
}

impl Command for Post {
    fn execute(self: Box<Self>, context: &mut Context<'_>) -> Result<(), UserError> {
        let group = context.group(&self.group)?;
        context.say(Scope::Group(group), self.text)
    }

    fn says(&self) -> bool {
        true
    }
}
