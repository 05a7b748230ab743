//! Groups: creating, joining, leaving and listing them, their settings, invitations and rooms, and saying something in one.

use std::sync::Arc;
use std::time::{Instant, SystemTime};

use log::Level;

use super::account::account_error;
use super::{Args, Command, Context, Role, Spec, group_name};
use crate::accounts::{Verification, tokens};
use crate::hub::JoinVia;
use crate::log_limit::{self, Who};
use crate::model::limits::{GROUP_LIMIT_MAX, PASSWORD_COST, ROOM_CODES, TOPIC_CHARS};
use crate::model::{
    EventKind, GroupError, GroupNews, GroupPassword, GroupSetting, GroupSettings, Name, Net, Scope, UserError, text,
};

/// The commands of this family.
pub(super) const COMMANDS: &[Spec] =
    &[GROUP_MSG, CREATE_GROUP, JOIN_GROUP, LEAVE_GROUP, GROUPS, GROUPS_USERS, GROUP, INVITE, ACCEPT, ROOM];

const GROUP_MSG: Spec = Spec {
    name: "group_msg",
    aliases: &["g"],
    role: Role::User,
    console: false,
    usage: "/group_msg <group> <message>",
    help: "send a message to a group of yours",
    details: "All members see the messages in the same order, your own among them.",
    example: "/group_msg rust who has read the book?",
    parse: |args| {
        // Sent so often that it pays to keep the name without a copy.
        let group = group_name(args.word()?);
        Some(Box::new(Post { group, text: args.text()?.into() }))
    },
};

struct Post {
    group: Result<Name, UserError>,
    text: Arc<str>,
}

impl Command for Post {
    fn execute(self: Box<Self>, context: &mut Context<'_>) -> Result<(), UserError> {
        context.say(Scope::Group(self.group?), self.text)
    }

    fn only_speaks(&self) -> bool {
        true
    }
}

const CREATE_GROUP: Spec = Spec {
    name: "create_group",
    aliases: &["create"],
    role: Role::User,
    console: false,
    usage: "/create_group <group> [limit=N] [private] [password=P] [ephemeral] [keep]",
    help: "create a group; you become its first member and its owner",
    details: "A name has up to 32 letters, digits, '_', '.' and '-'. A group is gone when its last member leaves; with keep, members stay members when they log out. ephemeral: messages are stored nowhere, so nobody can read them later. The other words are those of /group.",
    example: "/create_group rust limit=50 keep",
    parse: |args| {
        let group = args.word()?.to_owned();
        Some(Box::new(Create { group, patch: GroupSettingsPatch::parse(args)? }))
    },
};

struct Create {
    group: String,
    patch: GroupSettingsPatch,
}

impl Command for Create {
    fn execute(self: Box<Self>, context: &mut Context<'_>) -> Result<(), UserError> {
        let Create { group: typed, patch } = *self;
        let name = typed.parse().map_err(|why| UserError::BadGroupName(typed, why))?;
        let settings = GroupSettings::with(&patch.prepared(context)?);
        context.hub.create(&context.caller.client, name, settings, &mut context.caller.flush_list)
    }
}

const JOIN_GROUP: Spec = Spec {
    name: "join_group",
    aliases: &["join"],
    role: Role::User,
    console: false,
    usage: "/join_group <group> [<password>]",
    help: "join a group; its members are told",
    details: "/groups lists the groups, except private ones. With an invitation you need no password. Every command also takes a group's name with a '#'.",
    example: "/join_group rust",
    parse: |args| {
        let group = args.word()?.to_owned();
        let password = args.word().map(str::to_owned);
        args.end()?;
        Some(Box::new(Join { group, password }))
    },
};

struct Join {
    group: String,
    password: Option<String>,
}

impl Command for Join {
    fn execute(self: Box<Self>, context: &mut Context<'_>) -> Result<(), UserError> {
        let group = group_name(&self.group)?;
        let Some(typed) = self.password else {
            return context.hub.join(
                &context.caller.client,
                &group,
                JoinVia::Open,
                SystemTime::now(),
                &mut context.caller.flush_list,
            );
        };
        let proof = context.expect_group_password(&group, &typed)?;
        let via = proof.as_ref().map_or(JoinVia::Open, JoinVia::Password);
        context.hub.join(&context.caller.client, &group, via, SystemTime::now(), &mut context.caller.flush_list)
    }
}

impl Context<'_> {
    /// Checks the password of a group. Returns the stored one as proof, which the hub accepts as long as it has not changed;
    /// nothing for a group that needs none.
    ///
    /// A wrong password reveals nothing about a private group: after the same time the caller is told that there is no such
    /// group.
    fn expect_group_password(&mut self, group: &Name, typed: &str) -> Result<Option<GroupPassword>, UserError> {
        self.caller.cost += PASSWORD_COST;
        // Hashing is slow, and nobody's messages must wait for it.
        self.settle();
        let (me, asked) = (&self.caller.client, Instant::now());
        let (visible, stored) = self.hub.group_password(me, group, SystemTime::now());
        // A member is told so, whatever they typed.
        if visible && (stored.is_none() || self.hub.membership(me, group).is_ok()) {
            return Ok(None);
        }
        let deadline = asked + self.hub.limits().login_timeout;
        let verify = || match stored
            .as_ref()
            .map(|stored| self.accounts.verify_group_password(stored.hash(), typed, deadline))
        {
            Some(Some(true)) => Verification::Verified(me.name),
            Some(None) => Verification::TimedOut,
            Some(Some(false)) | None => Verification::Wrong,
        };
        let (error, why) = match self.accounts.guesses().attempt(Net::of(me.peer.ip()), verify) {
            Verification::Verified(_) => return Ok(stored),
            Verification::TimedOut | Verification::Unavailable => return Err(UserError::Busy),
            Verification::Throttled => (UserError::TooManyAttempts, "too many attempts"),
            Verification::Wrong if visible => (GroupError::WrongPassword(*group).into(), "wrong password"),
            Verification::Wrong => (UserError::NoSuchGroup(group.to_string()), "wrong password"),
        };
        let (who, detail) = (Who::User(me.name, me.peer), format!("reason=\"{why}\""));
        log_limit::note(Level::Info, "group password refused", who, &detail);
        self.delay_failure(asked);
        Err(error)
    }
}

const LEAVE_GROUP: Spec = Spec {
    name: "leave_group",
    aliases: &["leave"],
    role: Role::User,
    console: false,
    usage: "/leave_group <group>",
    help: "leave a group; its members are told",
    details: "Logging out leaves all your groups at once, except those that are kept. When the last owner leaves, the longest-standing admin becomes the owner, or else the longest-standing member.",
    example: "/leave_group rust",
    parse: |args| Some(Box::new(Leave(args.only_word()?.to_owned()))),
};

struct Leave(String);

impl Command for Leave {
    fn execute(self: Box<Self>, context: &mut Context<'_>) -> Result<(), UserError> {
        context.hub.leave(
            &context.caller.client,
            &group_name(&self.0)?,
            SystemTime::now(),
            &mut context.caller.flush_list,
        )
    }
}

const GROUPS: Spec = Spec {
    name: "groups",
    aliases: &["list_groups"],
    role: Role::User,
    console: false,
    usage: "/groups",
    help: "list the groups",
    details: "One name per line, in alphabetical order. A private group is listed only for its members and for users who are invited. Your rooms are listed with their topics.",
    example: "/groups",
    parse: |args| args.end().map(|()| Box::new(Groups) as Box<dyn Command>),
};

struct Groups;

impl Command for Groups {
    fn execute(self: Box<Self>, context: &mut Context<'_>) -> Result<(), UserError> {
        context.reply(EventKind::Groups { groups: context.hub.groups(&context.caller.client.name, SystemTime::now()) });
        Ok(())
    }
}

const GROUPS_USERS: Spec = Spec {
    name: "groups_users",
    aliases: &[],
    role: Role::User,
    console: false,
    usage: "/groups_users [<group>]",
    help: "list the groups and their members, or those of one group",
    details: "One group per line: its name, then its members.",
    example: "/groups_users rust",
    parse: |args| {
        let group = args.word().map(str::to_owned);
        args.end()?;
        Some(Box::new(GroupsUsers { group }))
    },
};

struct GroupsUsers {
    group: Option<String>,
}

impl Command for GroupsUsers {
    fn execute(self: Box<Self>, context: &mut Context<'_>) -> Result<(), UserError> {
        let (me, now) = (context.caller.client.name, SystemTime::now());
        if let Some(typed) = &self.group {
            let roster = context.hub.roster(&me, &group_name(typed)?, now)?;
            context.reply(EventKind::GroupsUsers { rosters: vec![roster], first: true });
            return Ok(());
        }
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

const GROUP: Spec = Spec {
    name: "group",
    aliases: &[],
    role: Role::User,
    console: false,
    usage: "/group <group> [limit=N] [private] [announce] [keep] [password=P] [topic=T]",
    help: "show or change a group; owners may, and admins its topic",
    details: "Give any of the words; topic=<text> comes last, because it runs to the end of the line. A minus turns a setting off, as in -private or -limit. Alone it shows the group. private: others learn of the group only by invitation or password. announce: only owners and admins may send messages. keep: the group stays while all its members are offline, with its members, roles, bans and messages. limit: the most members it may have.",
    example: "/group rust limit=50 -private topic=all about crabs",
    parse: |args| {
        let group = args.word()?.to_owned();
        Some(Box::new(Group { group, patch: GroupSettingsPatch::parse(args)? }))
    },
};

struct Group {
    group: String,
    patch: GroupSettingsPatch,
}

impl Command for Group {
    fn execute(self: Box<Self>, context: &mut Context<'_>) -> Result<(), UserError> {
        let group = group_name(&self.group)?;
        if self.patch.is_empty() {
            let (group, info) = context.hub.group_info(&context.caller.client, &group, SystemTime::now())?;
            context.reply(EventKind::Group { group, news: GroupNews::GroupInfo(Box::new(info)) });
            return Ok(());
        }
        let changes = self.patch.prepared(context)?;
        context.hub.change_settings(
            &context.caller.client,
            &group,
            &changes,
            SystemTime::now(),
            &mut context.caller.flush_list,
        )
    }
}

/// Changes to a group's settings, with the password still as it was typed.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct GroupSettingsPatch {
    changes: Vec<GroupSetting>,
    password: Option<String>,
}

impl GroupSettingsPatch {
    /// Parses all remaining words.
    pub(super) fn parse(args: &mut Args<'_>) -> Option<GroupSettingsPatch> {
        let mut patch = GroupSettingsPatch::default();
        while args.end().is_none() {
            if let Some(topic) = args.after("topic=") {
                let topic: Arc<str> = text::shorten(&topic, TOPIC_CHARS).into();
                patch.changes.push(GroupSetting::Topic((!topic.is_empty()).then_some(topic)));
            } else {
                patch.take(args.word()?)?;
            }
        }
        Some(patch)
    }

    fn take(&mut self, word: &str) -> Option<()> {
        let off = word.strip_prefix('-');
        let (name, value) =
            off.unwrap_or(word).split_once('=').map_or((off.unwrap_or(word), None), |(n, v)| (n, Some(v)));
        if off.is_some() && value.is_some() {
            return None;
        }
        let switch = || match value {
            None => Some(off.is_none()),
            Some(value) if value.eq_ignore_ascii_case("on") => Some(true),
            Some(value) => value.eq_ignore_ascii_case("off").then_some(false),
        };
        let is_off = off.is_some() || value.is_some_and(|value| value.eq_ignore_ascii_case("off"));
        let change = match name.to_ascii_lowercase().as_str() {
            "private" => GroupSetting::Private(switch()?),
            "announce" => GroupSetting::Announce(switch()?),
            "keep" => GroupSetting::Keep(switch()?),
            "ephemeral" => GroupSetting::Ephemeral(switch()?),
            "limit" if is_off => GroupSetting::Limit(None),
            "limit" => {
                GroupSetting::Limit(Some(value?.parse().ok().filter(|limit| (1..=GROUP_LIMIT_MAX).contains(limit))?))
            }
            "topic" if off.is_some() => GroupSetting::Topic(None),
            // Any word may be a password, even "off".
            "password" if off.is_some() => {
                self.password = None;
                GroupSetting::Password(None)
            }
            "password" => {
                self.password = Some(value.filter(|value| !value.is_empty())?.to_owned());
                return Some(());
            }
            _ => return None,
        };
        self.changes.push(change);
        Some(())
    }

    /// The changes with the topic filtered and the password hashed. Hashing is slow, so it is done before anything is looked
    /// up.
    fn prepared(self, context: &mut Context<'_>) -> Result<Vec<GroupSetting>, UserError> {
        let GroupSettingsPatch { mut changes, password } = self;
        for change in &mut changes {
            if let GroupSetting::Topic(Some(topic)) = change {
                *topic = context.displayable(Arc::clone(topic))?;
            }
        }
        if let Some(password) = password {
            context.caller.cost += PASSWORD_COST;
            // Nobody's messages must wait for the hash.
            context.settle();
            let deadline = Instant::now() + context.hub.limits().login_timeout;
            let hash =
                context.accounts.hash_group_password(&password, deadline).map_err(|why| account_error(why, context))?;
            changes.push(GroupSetting::Password(Some(GroupPassword::hashed(&hash))));
        }
        Ok(changes)
    }

    /// Whether it changes nothing.
    fn is_empty(&self) -> bool {
        self.changes.is_empty() && self.password.is_none()
    }
}

const INVITE: Spec = Spec {
    name: "invite",
    aliases: &[],
    role: Role::User,
    console: false,
    usage: "/invite <username> <group>",
    help: "invite a user who is online to a group; owners and admins may",
    details: "For seven days they may join without a password, even a private group.",
    example: "/invite bob #rust",
    parse: |args| {
        let user = args.word()?.to_owned();
        Some(Box::new(Invite { user, group: without_sign(args.only_word()?) }))
    },
};

struct Invite {
    user: String,
    group: String,
}

impl Command for Invite {
    fn execute(self: Box<Self>, context: &mut Context<'_>) -> Result<(), UserError> {
        let (group, user) = (group_name(&self.group)?, context.find_user(&self.user)?);
        context.hub.invite(&context.caller.client, &group, user, SystemTime::now(), &mut context.caller.flush_list)
    }
}

const ACCEPT: Spec = Spec {
    name: "accept",
    aliases: &[],
    role: Role::User,
    console: false,
    usage: "/accept <group>",
    help: "join a group that you were invited to",
    details: "An invitation works once, within seven days.",
    example: "/accept #rust",
    parse: |args| Some(Box::new(Accept(without_sign(args.only_word()?)))),
};

struct Accept(String);

impl Command for Accept {
    fn execute(self: Box<Self>, context: &mut Context<'_>) -> Result<(), UserError> {
        let group: Name = self.0.parse().map_err(|_| GroupError::NotInvited(self.0))?;
        context.hub.join(
            &context.caller.client,
            &group,
            JoinVia::Invitation,
            SystemTime::now(),
            &mut context.caller.flush_list,
        )
    }
}

/// The name of a group as typed, without its `#`.
fn without_sign(typed: &str) -> String {
    typed.strip_prefix('#').unwrap_or(typed).to_owned()
}

const ROOM: Spec = Spec {
    name: "room",
    aliases: &[],
    role: Role::User,
    console: false,
    usage: "/room create <2-8> [<topic>] | join <code> | leave [<code>]",
    help: "talk in a small room that only a four-letter code opens",
    details: "create answers with the code; whoever has it can join, and is told the topic. Messages are stored nowhere, and the room is gone when it is empty. The code is the room's name: use it with /group_msg and /talk like a group's.",
    example: "/room create 4 plans for lunch",
    parse: parse_room,
};

fn parse_room(args: &mut Args<'_>) -> Option<Box<dyn Command>> {
    match args.word()?.to_ascii_lowercase().as_str() {
        "create" => {
            let limit = args.word()?.parse().ok().filter(|limit| (2..=8).contains(limit))?;
            Some(Box::new(CreateRoom { limit, topic: args.topic() }))
        }
        "join" => Some(Box::new(JoinRoom(args.only_word()?.to_owned()))),
        "leave" => {
            let code = args.word().map(str::to_owned);
            args.end().map(|()| Box::new(LeaveRoom(code)) as Box<dyn Command>)
        }
        _ => None,
    }
}

struct CreateRoom {
    limit: usize,
    topic: Option<String>,
}

impl Command for CreateRoom {
    fn execute(self: Box<Self>, context: &mut Context<'_>) -> Result<(), UserError> {
        let topic = self.topic.map(|topic| context.displayable(topic.into())).transpose()?;
        let codes = tokens::room_codes(ROOM_CODES).map_err(|e| {
            log::error!("no room made error=\"{e}\"");
            UserError::Unavailable
        })?;
        let codes: Vec<Name> = codes.iter().filter_map(|code| code.parse().ok()).collect();
        context.hub.create_room(
            &context.caller.client,
            &codes,
            GroupSettings::of_room(self.limit, topic),
            &mut context.caller.flush_list,
        )
    }
}

struct JoinRoom(String);

impl Command for JoinRoom {
    fn execute(self: Box<Self>, context: &mut Context<'_>) -> Result<(), UserError> {
        let unknown = || GroupError::NoSuchRoom(self.0.clone());
        let room: Name = self.0.parse().map_err(|_| unknown())?;
        let (me, asked) = (&context.caller.client, Instant::now());
        let mut joined = Ok(());
        // A code is short, so trying many is limited like guessing passwords.
        let verdict = context.accounts.guesses().attempt(Net::of(me.peer.ip()), || {
            joined = context.hub.join(me, &room, JoinVia::Code, SystemTime::now(), &mut context.caller.flush_list);
            if joined == Err(unknown().into()) { Verification::Wrong } else { Verification::Verified(me.name) }
        });
        if verdict == Verification::Throttled {
            joined = Err(UserError::TooManyAttempts);
        }
        if verdict != Verification::Verified(me.name) {
            log_limit::note(Level::Info, "room code refused", Who::User(me.name, me.peer), "");
            context.settle();
            context.delay_failure(asked);
        }
        joined
    }
}

struct LeaveRoom(Option<String>);

impl Command for LeaveRoom {
    fn execute(self: Box<Self>, context: &mut Context<'_>) -> Result<(), UserError> {
        let rooms = context.hub.rooms(&context.caller.client.name);
        let room = match (self.0, rooms.as_slice()) {
            (Some(typed), _) => {
                let named = typed.parse().ok().filter(|name| rooms.contains(name));
                named.ok_or(GroupError::NoSuchRoom(typed))?
            }
            (None, [room]) => *room,
            (None, []) => return Err(GroupError::InNoRoom.into()),
            (None, _) => return Err(GroupError::WhichRoom.into()),
        };
        context.hub.leave(&context.caller.client, &room, SystemTime::now(), &mut context.caller.flush_list)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patch(text: &str) -> Option<GroupSettingsPatch> {
        GroupSettingsPatch::parse(&mut Args::new(text))
    }

    #[test]
    fn every_setting_has_a_word_and_a_minus_undoes_it() {
        let changes = |text: &str| patch(text).unwrap().changes;
        assert_eq!(
            changes("limit=5 PRIVATE keep"),
            [GroupSetting::Limit(Some(5)), GroupSetting::Private(true), GroupSetting::Keep(true)]
        );
        assert_eq!(
            changes("-limit private=off keep=ON"),
            [GroupSetting::Limit(None), GroupSetting::Private(false), GroupSetting::Keep(true)]
        );
        assert_eq!(changes("-announce ephemeral"), [GroupSetting::Announce(false), GroupSetting::Ephemeral(true)]);
        assert_eq!(changes("limit=off -topic"), [GroupSetting::Limit(None), GroupSetting::Topic(None)]);
        assert_eq!(
            changes("keep topic=a  b -private"),
            [GroupSetting::Keep(true), GroupSetting::Topic(Some("a  b -private".into()))]
        );
        assert_eq!(changes("topic="), [GroupSetting::Topic(None)]);
        assert_eq!(patch("password=off").unwrap().password.as_deref(), Some("off"));
        let taken_back = patch("password=x -password").unwrap();
        assert_eq!((taken_back.password, taken_back.changes), (None, vec![GroupSetting::Password(None)]));
        assert_eq!(patch(""), Some(GroupSettingsPatch::default()));
    }

    #[test]
    fn unknown_words_and_values_do_not_parse() {
        for text in [
            "b",
            "limit",
            "limit=",
            "limit=0",
            "limit=x",
            "limit=100001",
            "private=yes",
            "-private=on",
            "password",
            "password=",
            "-",
            "=",
            "topic",
        ] {
            assert_eq!(patch(text), None, "{text}");
        }
    }
}
