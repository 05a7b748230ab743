//! Groups: making, joining, leaving, and saying something in one.

use std::sync::Arc;
use std::time::{Instant, SystemTime};

use super::settings::GroupSettingsPatch;
use super::{Command, Context, Role, Spec};
use crate::accounts::Verdict;
use crate::hub::JoinVia;
use crate::model::limits::PASSWORD_COST;
use crate::model::{GroupError, GroupPassword, GroupSettings, Name, Origin, Peer, Scope, UserError};

pub(super) const CREATE_GROUP: Spec = Spec {
    name: "create_group",
    aliases: &["create"],
    role: Role::User,
    usage: "/create_group <group> [limit=N] [private] [password=P] [ephemeral] [keep]",
    help: "make a group; you are its first member and its owner",
    details: "A name has up to 32 letters, digits, '_', '.' and '-'. A group is gone when its last member leaves; with keep, logging out is no leaving. ephemeral: what is said is kept nowhere, and nobody can show it again. The other words are those of /group.",
    example: "/create_group rust limit=50 keep",
    parse: |args| {
        let group = args.word()?.to_owned();
        Some(Box::new(Create { group, wish: GroupSettingsPatch::parse(args)? }))
    },
};

pub(super) const JOIN_GROUP: Spec = Spec {
    name: "join_group",
    aliases: &["join"],
    role: Role::User,
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

pub(super) const LEAVE_GROUP: Spec = Spec {
    name: "leave_group",
    aliases: &["leave"],
    role: Role::User,
    usage: "/leave_group <group>",
    help: "leave a group; its members are told",
    details: "Leaving the chat leaves all your groups at once, but for those that are kept. After the last owner the admin, or else the member, who has been there for longest is the owner.",
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
    parse: |args| {
        // Said so often that it is worth not to copy the name.
        let group = Context::group_name(args.word()?);
        Some(Box::new(Post { group, text: args.text()?.into() }))
    },
};

struct Create {
    group: String,
    wish: GroupSettingsPatch,
}

struct Join {
    group: String,
    password: Option<String>,
}

struct Leave(String);

struct Post {
    group: Result<Name, UserError>,
    text: Arc<str>,
}

impl Command for Create {
    fn execute(self: Box<Self>, context: &mut Context<'_>) -> Result<(), UserError> {
        let Create { group: typed, wish } = *self;
        let name = typed.parse().map_err(|why| UserError::BadGroupName(typed, why))?;
        let settings = GroupSettings::with(&wish.prepared(context)?);
        context.hub.create(context.me, name, settings, context.flush_list)
    }
}

impl Command for Join {
    fn execute(self: Box<Self>, context: &mut Context<'_>) -> Result<(), UserError> {
        let group = context.group(&self.group)?;
        let Some(typed) = self.password else {
            return context.hub.join(context.me, &group, JoinVia::Open, SystemTime::now(), context.flush_list);
        };
        let proof = context.expect_group_password(&group, &typed)?;
        let way = proof.as_ref().map_or(JoinVia::Open, JoinVia::Password);
        context.hub.join(context.me, &group, way, SystemTime::now(), context.flush_list)
    }
}

impl Command for Leave {
    fn execute(self: Box<Self>, context: &mut Context<'_>) -> Result<(), UserError> {
        context.hub.leave(context.me, &context.group(&self.0)?, SystemTime::now(), context.flush_list)
    }
}

impl Command for Post {
    fn execute(self: Box<Self>, context: &mut Context<'_>) -> Result<(), UserError> {
        context.say(Scope::Group(self.group?), self.text)
    }

    fn says(&self) -> bool {
        true
    }
}

impl Context<'_> {
    /// What the password of a group was made of, if this is it; the hub lets in with that as long as it is the same then.
    /// Nothing for a group that needs none.
    ///
    /// Of a private group a wrong one learns nothing: it is told, after the same time, that there is no such group.
    fn expect_group_password(&mut self, group: &Name, typed: &str) -> Result<Option<GroupPassword>, UserError> {
        self.cost += PASSWORD_COST;
        // Hashing takes its time, and others shall not wait for what they are to be sent.
        self.settle();
        let (me, asked) = (self.me, Instant::now());
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
        let (error, why) = match self.throttle.judged(Origin::of(me.peer.ip()), judge) {
            Verdict::Right(_) => return Ok(kept),
            Verdict::Late | Verdict::Unreadable => return Err(UserError::Busy),
            Verdict::TooMany => (UserError::TooManyAttempts, "too many attempts"),
            Verdict::Wrong if shown => (GroupError::WrongPassword(*group).into(), "wrong password"),
            Verdict::Wrong => (UserError::NoSuchGroup(group.to_string()), "wrong password"),
        };
        log::info!("group password refused user={} {} reason=\"{why}\"", me.name, Peer(me.peer));
        (self.delay_failure)(asked);
        Err(error)
    }
}
