//! Ways into groups that are not open: invitations, and rooms for whoever has the code.

use std::time::{Instant, SystemTime};

use super::{Args, Command, Context, Role, Spec};
use crate::accounts::{Verdict, tokens};
use crate::hub::JoinVia;
use crate::model::limits::ROOM_CODES;
use crate::model::{GroupError, GroupSettings, Name, Origin, Peer, UserError};

pub(super) const INVITE: Spec = Spec {
    name: "invite",
    aliases: &[],
    role: Role::User,
    usage: "/invite <username> <group>",
    help: "invite a user who is here to a group; owners and admins do",
    details: "He may come in for seven days, without a password, also to a private group.",
    example: "/invite bob #rust",
    parse: |args| {
        let user = args.word()?.to_owned();
        Some(Box::new(Invite { user, group: group_name(args.only_word()?) }))
    },
};

pub(super) const ACCEPT: Spec = Spec {
    name: "accept",
    aliases: &[],
    role: Role::User,
    usage: "/accept <group>",
    help: "join a group that you were invited to",
    details: "An invitation is good for seven days, and once.",
    example: "/accept #rust",
    parse: |args| Some(Box::new(Accept(group_name(args.only_word()?)))),
};

pub(super) const ROOM: Spec = Spec {
    name: "room",
    aliases: &[],
    role: Role::User,
    usage: "/room create <2-8> [<topic>] | join <code> | leave [<code>]",
    help: "talk in a small room that only a code of four letters opens",
    details: "create answers with the code; who has it joins, and is told the topic. What is said is kept nowhere, and the room is gone when it is empty. The code is the room's name: /group_msg and /talk take it as that of a group.",
    example: "/room create 4 plans for lunch",
    parse,
};

fn parse(args: &mut Args<'_>) -> Option<Box<dyn Command>> {
    match args.word()?.to_ascii_lowercase().as_str() {
        "create" => {
            let limit = args.word()?.parse().ok().filter(|limit| (2..=8).contains(limit))?;
            Some(Box::new(Create { limit, topic: args.topic() }))
        }
        "join" => Some(Box::new(Join(args.only_word()?.to_owned()))),
        "leave" => {
            let code = args.word().map(str::to_owned);
            args.end().map(|()| Box::new(Leave(code)) as Box<dyn Command>)
        }
        _ => None,
    }
}

struct Invite {
    user: String,
    group: String,
}

struct Accept(String);

struct Create {
    limit: usize,
    topic: Option<String>,
}

struct Join(String);

struct Leave(Option<String>);

/// A group as somebody typed it, without its sign.
fn group_name(typed: &str) -> String {
    typed.strip_prefix('#').unwrap_or(typed).to_owned()
}

impl Command for Invite {
    fn execute(self: Box<Self>, context: &mut Context<'_>) -> Result<(), UserError> {
        let (group, user) = (context.group(&self.group)?, context.user(&self.user)?);
        context.hub.invite(context.me, &group, user, SystemTime::now(), context.flush_list)
    }
}

impl Command for Accept {
    fn execute(self: Box<Self>, context: &mut Context<'_>) -> Result<(), UserError> {
        let group: Name = self.0.parse().map_err(|_| GroupError::NotInvited(self.0))?;
        context.hub.join(context.me, &group, JoinVia::Invitation, SystemTime::now(), context.flush_list)
    }
}

impl Command for Create {
    fn execute(self: Box<Self>, context: &mut Context<'_>) -> Result<(), UserError> {
        let topic = self.topic.map(|topic| context.shown(topic.into())).transpose()?;
        let codes = tokens::room_codes(ROOM_CODES).map_err(|e| {
            log::error!("no room made error=\"{e}\"");
            UserError::Unavailable
        })?;
        let codes: Vec<Name> = codes.iter().filter_map(|code| code.parse().ok()).collect();
        context.hub.create_room(context.me, &codes, GroupSettings::of_room(self.limit, topic), context.flush_list)
    }
}

impl Command for Join {
    fn execute(self: Box<Self>, context: &mut Context<'_>) -> Result<(), UserError> {
        let unknown = || GroupError::NoSuchRoom(self.0.clone());
        let room: Name = self.0.parse().map_err(|_| unknown())?;
        let (me, asked) = (context.me, Instant::now());
        let mut joined = Ok(());
        // A code is short, so trying many of them is bounded as guessing passwords is.
        let verdict = context.throttle.judged(Origin::of(me.peer.ip()), || {
            joined = context.hub.join(me, &room, JoinVia::Code, SystemTime::now(), context.flush_list);
            if joined == Err(unknown().into()) { Verdict::Wrong } else { Verdict::Right(me.name) }
        });
        if verdict == Verdict::TooMany {
            joined = Err(UserError::TooManyAttempts);
        }
        if verdict != Verdict::Right(me.name) {
            log::info!("room code refused user={} {}", me.name, Peer(me.peer));
            context.settle();
            (context.delay_failure)(asked);
        }
        joined
    }
}

impl Command for Leave {
    fn execute(self: Box<Self>, context: &mut Context<'_>) -> Result<(), UserError> {
        let rooms = context.hub.rooms(&context.me.name);
        let room = match (self.0, rooms.as_slice()) {
            (Some(typed), _) => {
                let named = typed.parse().ok().filter(|name| rooms.contains(name));
                named.ok_or(GroupError::NoSuchRoom(typed))?
            }
            (None, [room]) => *room,
            (None, []) => return Err(GroupError::InNoRoom.into()),
            (None, _) => return Err(GroupError::WhichRoom.into()),
        };
        context.hub.leave(context.me, &room, SystemTime::now(), context.flush_list)
    }
}
