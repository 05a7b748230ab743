//! Groups: creating, joining, leaving and listing them, their settings, invitations and rooms, and saying something in one.

use std::sync::Arc;
use std::time::{Instant, SystemTime};

use super::account::refusal;
use super::{Args, Command, Context, Role, Spec, group_name};
use crate::accounts::{Verdict, tokens};
use crate::hub::JoinVia;
use crate::model::limits::{GROUP_LIMIT_MAX, PASSWORD_COST, ROOM_CODES, TOPIC_CHARS};
use crate::model::{
    EventKind, GroupError, GroupNews, GroupPassword, GroupSetting, GroupSettings, Name, Net, Peer, Scope, UserError,
    text,
};

pub(super) const GROUP_MSG: Spec = Spec {
    name: "group_msg",
    aliases: &["g"],
    role: Role::User,
    console: false,
    usage: "/group_msg <group> <message>",
    help: "say something in a group you are a member of",
    details: "All members see one and the same order of messages; your own line is among them.",
    example: "/group_msg rust who has read the book?",
    parse: |args| {
        // Said so often that it is worth not to copy the name.
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

pub(super) const CREATE_GROUP: Spec = Spec {
    name: "create_group",
    aliases: &["create"],
    role: Role::User,
    console: false,
    usage: "/create_group <group> [limit=N] [private] [password=P] [ephemeral] [keep]",
    help: "make a group; you are its first member and its owner",
    details: "A name has up to 32 letters, digits, '_', '.' and '-'. A group is gone when its last member leaves; with keep, logging out is no leaving. ephemeral: what is said is kept nowhere, and nobody can show it again. The other words are those of /group.",
    example: "/create_group rust limit=50 keep",
    parse: |args| {
        let group = args.word()?.to_owned();
        Some(Box::new(Create { group, wish: GroupSettingsPatch::parse(args)? }))
    },
};

struct Create {
    group: String,
    wish: GroupSettingsPatch,
}

impl Command for Create {
    fn execute(self: Box<Self>, context: &mut Context<'_>) -> Result<(), UserError> {
        let Create { group: typed, wish } = *self;
        let name = typed.parse().map_err(|why| UserError::BadGroupName(typed, why))?;
        let settings = GroupSettings::with(&wish.prepared(context)?);
        context.hub.create(&context.caller.client, name, settings, &mut context.caller.flush_list)
    }
}

pub(super) const JOIN_GROUP: Spec = Spec {
    name: "join_group",
    aliases: &["join"],
    role: Role::User,
    console: false,
    usage: "/join_group <group> [<password>]",
    help: "join a group; its members are told",
    details: "/groups shows which groups there are, but for private ones. Who is invited needs no password. Every command takes the name of a group with a '#', too.",
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
        let way = proof.as_ref().map_or(JoinVia::Open, JoinVia::Password);
        context.hub.join(&context.caller.client, &group, way, SystemTime::now(), &mut context.caller.flush_list)
    }
}

impl Context<'_> {
    /// What the password of a group was made of, if this is it; the hub lets in with that as long as it is the same then.
    /// Nothing for a group that needs none.
    ///
    /// Of a private group a wrong one learns nothing: it is told, after the same time, that there is no such group.
    fn expect_group_password(&mut self, group: &Name, typed: &str) -> Result<Option<GroupPassword>, UserError> {
        self.caller.cost += PASSWORD_COST;
        // Hashing takes its time, and others shall not wait for what they are to be sent.
        self.settle();
        let (me, asked) = (&self.caller.client, Instant::now());
        let (shown, kept) = self.hub.group_password(me, group, SystemTime::now());
        // Who is in it already is told so, whatever he typed.
        if shown && (kept.is_none() || self.hub.membership(me, group).is_ok()) {
            return Ok(None);
        }
        let deadline = asked + self.hub.limits().login_timeout;
        let judge = || match kept.as_ref().map(|kept| self.accounts.is_phrase(kept.hash(), typed, deadline)) {
            Some(Some(true)) => Verdict::Right(me.name),
            Some(None) => Verdict::Late,
            Some(Some(false)) | None => Verdict::Wrong,
        };
        let (error, why) = match self.accounts.guesses().judged(Net::of(me.peer.ip()), judge) {
            Verdict::Right(_) => return Ok(kept),
            Verdict::Late | Verdict::Unreadable => return Err(UserError::Busy),
            Verdict::TooMany => (UserError::TooManyAttempts, "too many attempts"),
            Verdict::Wrong if shown => (GroupError::WrongPassword(*group).into(), "wrong password"),
            Verdict::Wrong => (UserError::NoSuchGroup(group.to_string()), "wrong password"),
        };
        log::info!("group password refused user={} {} reason=\"{why}\"", me.name, Peer(me.peer));
        self.delay_failure(asked);
        Err(error)
    }
}

pub(super) const LEAVE_GROUP: Spec = Spec {
    name: "leave_group",
    aliases: &["leave"],
    role: Role::User,
    console: false,
    usage: "/leave_group <group>",
    help: "leave a group; its members are told",
    details: "Leaving the chat leaves all your groups at once, but for those that are kept. After the last owner the admin, or else the member, who has been there for longest is the owner.",
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

pub(super) const GROUPS: Spec = Spec {
    name: "groups",
    aliases: &["list_groups"],
    role: Role::User,
    console: false,
    usage: "/groups",
    help: "which groups there are",
    details: "One name a line, in alphabetical order; a private group only for its members and who is invited. Behind a room of yours stands what it is about.",
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

pub(super) const GROUPS_USERS: Spec = Spec {
    name: "groups_users",
    aliases: &[],
    role: Role::User,
    console: false,
    usage: "/groups_users",
    help: "which groups there are, each with its members",
    details: "One group a line: its name, then its members.",
    example: "/groups_users",
    parse: |args| args.end().map(|()| Box::new(GroupsUsers) as Box<dyn Command>),
};

struct GroupsUsers;

impl Command for GroupsUsers {
    fn execute(self: Box<Self>, context: &mut Context<'_>) -> Result<(), UserError> {
        let (me, now) = (context.caller.client.name, SystemTime::now());
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

pub(super) const GROUP: Spec = Spec {
    name: "group",
    aliases: &[],
    role: Role::User,
    console: false,
    usage: "/group <group> [limit=N] [private] [announce] [keep] [password=P] [topic=T]",
    help: "show a group, or change it; owners do, and admins its topic",
    details: "Any of the words, topic=<text> last, for it runs to the end of the line. A minus takes one back, as in -private or -limit. Alone it shows the group. private: outsiders learn of it only by invitation or password. announce: only owners and admins talk. keep: the group is there while nobody is, with its members, roles, bans and all that was said. limit: at most so many members.",
    example: "/group rust limit=50 -private topic=all about crabs",
    parse: |args| {
        let group = args.word()?.to_owned();
        Some(Box::new(Group { group, wish: GroupSettingsPatch::parse(args)? }))
    },
};

struct Group {
    group: String,
    wish: GroupSettingsPatch,
}

impl Command for Group {
    fn execute(self: Box<Self>, context: &mut Context<'_>) -> Result<(), UserError> {
        let group = group_name(&self.group)?;
        if self.wish.is_empty() {
            let (group, portrait) = context.hub.group_info(&context.caller.client, &group, SystemTime::now())?;
            context.reply(EventKind::Group { group, news: GroupNews::GroupInfo(Box::new(portrait)) });
            return Ok(());
        }
        let changes = self.wish.prepared(context)?;
        context.hub.change_settings(
            &context.caller.client,
            &group,
            &changes,
            SystemTime::now(),
            &mut context.caller.flush_list,
        )
    }
}

/// What is to be changed, with the password still as it was typed.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct GroupSettingsPatch {
    changes: Vec<GroupSetting>,
    password: Option<String>,
}

impl GroupSettingsPatch {
    /// Reads all the words that are left.
    pub(super) fn parse(args: &mut Args<'_>) -> Option<GroupSettingsPatch> {
        let mut wish = GroupSettingsPatch::default();
        while args.end().is_none() {
            if let Some(topic) = args.after("topic=") {
                let topic: Arc<str> = text::shorten(topic, TOPIC_CHARS).into();
                wish.changes.push(GroupSetting::Topic((!topic.is_empty()).then_some(topic)));
            } else {
                wish.take(args.word()?)?;
            }
        }
        Some(wish)
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
            // Any word may be a password, also "off".
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

    /// The changes, with what may be said of the topic, and with the password hashed; that takes its time, and is done before
    /// anything is looked at.
    pub(super) fn prepared(self, context: &mut Context<'_>) -> Result<Vec<GroupSetting>, UserError> {
        let GroupSettingsPatch { mut changes, password } = self;
        for change in &mut changes {
            if let GroupSetting::Topic(Some(topic)) = change {
                *topic = context.displayable(Arc::clone(topic))?;
            }
        }
        if let Some(password) = password {
            context.caller.cost += PASSWORD_COST;
            // Others shall not wait for what they are to be sent.
            context.settle();
            let deadline = Instant::now() + context.hub.limits().login_timeout;
            let hash = context.accounts.hash_phrase(&password, deadline).map_err(|why| refusal(why, context))?;
            changes.push(GroupSetting::Password(Some(GroupPassword::hashed(&hash))));
        }
        Ok(changes)
    }

    /// Whether nothing is to be changed.
    fn is_empty(&self) -> bool {
        self.changes.is_empty() && self.password.is_none()
    }
}

pub(super) const INVITE: Spec = Spec {
    name: "invite",
    aliases: &[],
    role: Role::User,
    console: false,
    usage: "/invite <username> <group>",
    help: "invite a user who is here to a group; owners and admins do",
    details: "He may come in for seven days, without a password, also to a private group.",
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

pub(super) const ACCEPT: Spec = Spec {
    name: "accept",
    aliases: &[],
    role: Role::User,
    console: false,
    usage: "/accept <group>",
    help: "join a group that you were invited to",
    details: "An invitation is good for seven days, and once.",
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

/// A group as somebody typed it, without its sign.
fn without_sign(typed: &str) -> String {
    typed.strip_prefix('#').unwrap_or(typed).to_owned()
}

pub(super) const ROOM: Spec = Spec {
    name: "room",
    aliases: &[],
    role: Role::User,
    console: false,
    usage: "/room create <2-8> [<topic>] | join <code> | leave [<code>]",
    help: "talk in a small room that only a code of four letters opens",
    details: "create answers with the code; who has it joins, and is told the topic. What is said is kept nowhere, and the room is gone when it is empty. The code is the room's name: /group_msg and /talk take it as that of a group.",
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
        // A code is short, so trying many of them is bounded as guessing passwords is.
        let verdict = context.accounts.guesses().judged(Net::of(me.peer.ip()), || {
            joined = context.hub.join(me, &room, JoinVia::Code, SystemTime::now(), &mut context.caller.flush_list);
            if joined == Err(unknown().into()) { Verdict::Wrong } else { Verdict::Right(me.name) }
        });
        if verdict == Verdict::TooMany {
            joined = Err(UserError::TooManyAttempts);
        }
        if verdict != Verdict::Right(me.name) {
            log::info!("room code refused user={} {}", me.name, Peer(me.peer));
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

    fn wish(text: &str) -> Option<GroupSettingsPatch> {
        GroupSettingsPatch::parse(&mut Args::new(text))
    }

    #[test]
    fn every_setting_has_its_word_and_a_minus_takes_it_back() {
        let changes = |text: &str| wish(text).unwrap().changes;
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
        assert_eq!(wish("password=off").unwrap().password.as_deref(), Some("off"));
        let taken_back = wish("password=x -password").unwrap();
        assert_eq!((taken_back.password, taken_back.changes), (None, vec![GroupSetting::Password(None)]));
        assert_eq!(wish(""), Some(GroupSettingsPatch::default()));
    }

    #[test]
    fn unknown_words_and_values_are_none() {
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
            assert_eq!(wish(text), None, "{text}");
        }
    }
}
