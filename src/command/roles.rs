//! Running a group: roles, and who is kicked, banned or muted.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::{Args, Command, Context, Role, Spec, group_name};
use crate::model::limits::PAST_PAGE;
use crate::model::sanction::duration;
use crate::model::{EventKind, GroupNews, GroupSanction, Penalty, SanctionTerms, UserError};

/// A user and a group, as they were typed.
struct UserAndGroup {
    user: String,
    group: String,
}

/// First words of a form that concerns the whole server, and no group; only operators have it.
const OF_THE_SERVER: [&str; 3] = ["user", "addr", "net"];

impl UserAndGroup {
    /// The next two words. A user may be written with a '@', which tells him from one of [`OF_THE_SERVER`].
    fn parse(args: &mut Args<'_>) -> Option<UserAndGroup> {
        let user = args.word()?;
        let user = user.strip_prefix('@').unwrap_or(user).to_owned();
        Some(UserAndGroup { user, group: args.word()?.to_owned() })
    }

    /// The same, for a command that has another form for the whole server.
    fn in_group(args: &mut Args<'_>) -> Option<UserAndGroup> {
        let of_server = |word: &str| OF_THE_SERVER.iter().any(|of| of.eq_ignore_ascii_case(word)).then_some(());
        if args.word_as(of_server).is_some() { None } else { UserAndGroup::parse(args) }
    }
}

pub(super) const PROMOTE: Spec = Spec {
    name: "promote",
    aliases: &[],
    role: Role::User,
    console: false,
    usage: "/promote <username> <group>",
    help: "make a member admin, or an admin owner; owners do",
    details: "Admins invite, kick, ban and mute, and set the topic. Owners also change roles and settings.",
    example: "/promote bob rust",
    parse: |args| {
        let whom = UserAndGroup::parse(args)?;
        args.end().map(|()| Box::new(Move { whom, up: true }) as Box<dyn Command>)
    },
};

pub(super) const DEMOTE: Spec = Spec {
    name: "demote",
    aliases: &[],
    role: Role::User,
    console: false,
    usage: "/demote <username> <group>",
    help: "make an owner admin, or an admin member; owners do",
    details: "One owner stays: the last one can give the group away with /transfer.",
    example: "/demote bob rust",
    parse: |args| {
        let whom = UserAndGroup::parse(args)?;
        args.end().map(|()| Box::new(Move { whom, up: false }) as Box<dyn Command>)
    },
};

struct Move {
    whom: UserAndGroup,
    up: bool,
}

impl Command for Move {
    fn execute(self: Box<Self>, context: &mut Context<'_>) -> Result<(), UserError> {
        let (group, user) = (group_name(&self.whom.group)?, context.find_user(&self.whom.user)?);
        context.hub.move_role(
            &context.caller.client,
            &group,
            user,
            self.up,
            SystemTime::now(),
            &mut context.caller.flush_list,
        )
    }
}

pub(super) const TRANSFER: Spec = Spec {
    name: "transfer",
    aliases: &[],
    role: Role::User,
    console: false,
    usage: "/transfer <username> <group>",
    help: "give a group of yours to a member; you are an admin of it then",
    details: "Both in one step, so the group always has an owner.",
    example: "/transfer bob rust",
    parse: |args| {
        let whom = UserAndGroup::parse(args)?;
        args.end().map(|()| Box::new(Transfer(whom)) as Box<dyn Command>)
    },
};

struct Transfer(UserAndGroup);

impl Command for Transfer {
    fn execute(self: Box<Self>, context: &mut Context<'_>) -> Result<(), UserError> {
        let (group, user) = (group_name(&self.0.group)?, context.find_user(&self.0.user)?);
        context.hub.transfer(&context.caller.client, &group, user, SystemTime::now(), &mut context.caller.flush_list)
    }
}

pub(super) const KICK: Spec = Spec {
    name: "kick",
    aliases: &[],
    role: Role::User,
    console: false,
    usage: "/kick <username> <group> [<reason>]",
    help: "take a member out of a group; owners and admins do",
    details: "He may join again, unless the group is private; /ban keeps him out. Admins do this to members, owners to admins as well.",
    example: "/kick bob rust too loud",
    parse: |args| {
        let whom = UserAndGroup::parse(args)?;
        Some(Box::new(Kick { whom, reason: args.reason().map(Arc::from) }))
    },
};

struct Kick {
    whom: UserAndGroup,
    reason: Option<Arc<str>>,
}

impl Command for Kick {
    fn execute(self: Box<Self>, context: &mut Context<'_>) -> Result<(), UserError> {
        let (group, user) = (group_name(&self.whom.group)?, context.find_user(&self.whom.user)?);
        context.hub.kick(
            &context.caller.client,
            &group,
            user,
            self.reason,
            SystemTime::now(),
            &mut context.caller.flush_list,
        )
    }
}

pub(super) const BAN: Spec = Spec {
    name: "ban",
    aliases: &[],
    role: Role::User,
    console: false,
    usage: "/ban <username> <group> [30s|10m|2h|7d] [<reason>]",
    help: "keep a user out of a group; who is in it leaves at once",
    details: "Without a time it holds until /unban. Owners and admins do this, to whoever stands below them. Whose name is user, addr or net is written with a '@': /ban @net rust.",
    example: "/ban bob rust 7d advertising",
    parse: |args| SanctionArgs::parse(args, Penalty::Ban),
};

pub(super) const MUTE: Spec = Spec {
    name: "mute",
    aliases: &[],
    role: Role::User,
    console: false,
    usage: "/mute <username> <group> [30s|10m|2h|7d] [<reason>]",
    help: "let a member of a group read but say no more",
    details: "Without a time it holds until /unmute. Owners and admins do this, to whoever stands below them.",
    example: "/mute bob rust 10m calm down",
    parse: |args| SanctionArgs::parse(args, Penalty::Mute),
};

/// A ban or a mute.
struct SanctionArgs {
    whom: UserAndGroup,
    penalty: Penalty,
    span: Option<Duration>,
    reason: Option<Arc<str>>,
}

impl SanctionArgs {
    fn parse(args: &mut Args<'_>, penalty: Penalty) -> Option<Box<dyn Command>> {
        let whom = UserAndGroup::in_group(args)?;
        let span = args.word_as(duration);
        Some(Box::new(SanctionArgs { whom, penalty, span, reason: args.reason().map(Arc::from) }))
    }
}

impl Command for SanctionArgs {
    fn execute(self: Box<Self>, context: &mut Context<'_>) -> Result<(), UserError> {
        let SanctionArgs { whom, penalty, span, reason } = *self;
        let (group, user, now) = (group_name(&whom.group)?, context.find_user(&whom.user)?, SystemTime::now());
        let until = span.and_then(|span| now.checked_add(span));
        let one =
            GroupSanction { user, penalty, ruling: SanctionTerms { by: context.caller.client.name, reason, until } };
        context.hub.sanction_member(&context.caller.client, &group, one, now, &mut context.caller.flush_list)
    }
}

pub(super) const UNBAN: Spec = Spec {
    name: "unban",
    aliases: &[],
    role: Role::User,
    console: false,
    usage: "/unban <username> <group>",
    help: "end the ban of a user from a group",
    details: "He may join again then.",
    example: "/unban bob rust",
    parse: |args| LiftArgs::parse(args, Penalty::Ban),
};

pub(super) const UNMUTE: Spec = Spec {
    name: "unmute",
    aliases: &[],
    role: Role::User,
    console: false,
    usage: "/unmute <username> <group>",
    help: "let a member of a group talk again",
    details: "It ends what /mute began.",
    example: "/unmute bob rust",
    parse: |args| LiftArgs::parse(args, Penalty::Mute),
};

struct LiftArgs {
    whom: UserAndGroup,
    penalty: Penalty,
}

impl LiftArgs {
    fn parse(args: &mut Args<'_>, penalty: Penalty) -> Option<Box<dyn Command>> {
        let whom = UserAndGroup::in_group(args)?;
        args.end().map(|()| Box::new(LiftArgs { whom, penalty }) as Box<dyn Command>)
    }
}

impl Command for LiftArgs {
    fn execute(self: Box<Self>, context: &mut Context<'_>) -> Result<(), UserError> {
        let (group, user) = (group_name(&self.whom.group)?, context.find_user(&self.whom.user)?);
        context.hub.lift_from_member(
            &context.caller.client,
            &group,
            user,
            self.penalty,
            SystemTime::now(),
            &mut context.caller.flush_list,
        )
    }
}

pub(super) const BANS: Spec = Spec {
    name: "bans",
    aliases: &[],
    role: Role::User,
    console: false,
    usage: "/bans <group>",
    help: "who is banned or muted in a group: by whom, until when, why",
    details: "Owners and admins of the group see it.",
    example: "/bans rust",
    parse: |args| Some(Box::new(Bans(args.only_word()?.to_owned()))),
};

struct Bans(String);

impl Command for Bans {
    fn execute(self: Box<Self>, context: &mut Context<'_>) -> Result<(), UserError> {
        let group = group_name(&self.0)?;
        let (group, mut all) = context.hub.group_sanctions(&context.caller.client, &group, SystemTime::now())?;
        let mut first = true;
        while first || !all.is_empty() {
            let rest = all.split_off(all.len().min(PAST_PAGE));
            context.reply(EventKind::Group { group, news: GroupNews::Bans { all, first } });
            (all, first) = (rest, false);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_for_the_whole_server_are_no_users_of_a_group() {
        let taken = |spec: &Spec, text: &str| (spec.parse)(&mut Args::new(text)).is_some();
        for spec in [&BAN, &UNBAN, &MUTE, &UNMUTE] {
            assert!(taken(spec, "bob rust") && taken(spec, "@net rust"), "{}", spec.name);
            assert!(["user bob", "ADDR x", "net y", "bob", ""].iter().all(|text| !taken(spec, text)), "{}", spec.name);
        }
        assert!([&PROMOTE, &DEMOTE, &TRANSFER, &KICK].iter().all(|spec| taken(spec, "net rust")));
        assert!(taken(&BAN, "bob rust 7d why") && taken(&KICK, "bob rust why not") && !taken(&UNBAN, "bob rust why"));
    }
}
