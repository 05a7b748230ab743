//! Running a group: its members' roles, kicks, bans and mutes.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::{Args, Command, Context, Role, Spec, group_name};
use crate::model::limits::PAST_PAGE;
use crate::model::{EventKind, GroupNews, GroupSanction, Penalty, SanctionTerms, UserError};

/// A user and a group, as typed.
struct UserAndGroup {
    user: String,
    group: String,
}

/// First words of a form that concerns the whole server instead of a group; only operators have it.
const OF_THE_SERVER: [&str; 3] = ["user", "addr", "net"];

impl UserAndGroup {
    /// Parses two words. A user may be written with a `@`, which distinguishes them from [`OF_THE_SERVER`].
    fn parse(args: &mut Args<'_>) -> Option<UserAndGroup> {
        let user = args.word()?;
        let user = user.strip_prefix('@').unwrap_or(user).to_owned();
        Some(UserAndGroup { user, group: args.word()?.to_owned() })
    }

    /// The same, for a command that also has a form for the whole server.
    fn in_group(args: &mut Args<'_>) -> Option<UserAndGroup> {
        let of_server = |word: &str| OF_THE_SERVER.iter().any(|of| of.eq_ignore_ascii_case(word)).then_some(());
        if args.word_as(of_server).is_some() { None } else { UserAndGroup::parse(args) }
    }
}

/// The commands of this family.
pub(super) const COMMANDS: &[Spec] = &[PROMOTE, DEMOTE, TRANSFER, KICK, BAN, MUTE, UNBAN, UNMUTE, BANS];

const PROMOTE: Spec = Spec {
    name: "promote",
    aliases: &[],
    role: Role::User,
    console: false,
    usage: "/promote <username> <group>",
    help: "make a member an admin, or an admin an owner; owners may",
    details: "Admins invite, kick, ban and mute members, and set the topic. Owners also change roles and settings.",
    example: "/promote bob rust",
    parse: |args| {
        let target = UserAndGroup::parse(args)?;
        args.end().map(|()| Box::new(MoveRole { target, up: true }) as Box<dyn Command>)
    },
};

const DEMOTE: Spec = Spec {
    name: "demote",
    aliases: &[],
    role: Role::User,
    console: false,
    usage: "/demote <username> <group>",
    help: "make an owner an admin, or an admin a member; owners may",
    details: "The last owner stays one; /transfer gives the group away.",
    example: "/demote bob rust",
    parse: |args| {
        let target = UserAndGroup::parse(args)?;
        args.end().map(|()| Box::new(MoveRole { target, up: false }) as Box<dyn Command>)
    },
};

struct MoveRole {
    target: UserAndGroup,
    up: bool,
}

impl Command for MoveRole {
    fn execute(self: Box<Self>, context: &mut Context<'_>) -> Result<(), UserError> {
        let (group, user) = (group_name(&self.target.group)?, context.find_user(&self.target.user)?);
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

const TRANSFER: Spec = Spec {
    name: "transfer",
    aliases: &[],
    role: Role::User,
    console: false,
    usage: "/transfer <username> <group>",
    help: "give a group of yours to a member; you become an admin of it",
    details: "Both happen in one step, so the group always has an owner.",
    example: "/transfer bob rust",
    parse: |args| {
        let target = UserAndGroup::parse(args)?;
        args.end().map(|()| Box::new(Transfer(target)) as Box<dyn Command>)
    },
};

struct Transfer(UserAndGroup);

impl Command for Transfer {
    fn execute(self: Box<Self>, context: &mut Context<'_>) -> Result<(), UserError> {
        let (group, user) = (group_name(&self.0.group)?, context.find_user(&self.0.user)?);
        context.hub.transfer(&context.caller.client, &group, user, SystemTime::now(), &mut context.caller.flush_list)
    }
}

const KICK: Spec = Spec {
    name: "kick",
    aliases: &[],
    role: Role::User,
    console: false,
    usage: "/kick <username> <group> [<reason>]",
    help: "remove a member from a group; owners and admins may",
    details: "They may join again unless the group is private; /ban keeps them out. Admins can kick members; owners can kick admins too.",
    example: "/kick bob rust too loud",
    parse: |args| {
        let target = UserAndGroup::parse(args)?;
        Some(Box::new(Kick { target, reason: args.reason().map(Arc::from) }))
    },
};

struct Kick {
    target: UserAndGroup,
    reason: Option<Arc<str>>,
}

impl Command for Kick {
    fn execute(self: Box<Self>, context: &mut Context<'_>) -> Result<(), UserError> {
        let (group, user) = (group_name(&self.target.group)?, context.find_user(&self.target.user)?);
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

const BAN: Spec = Spec {
    name: "ban",
    aliases: &[],
    role: Role::User,
    console: false,
    usage: "/ban <username> <group> [30s|10m|2h|7d] [<reason>]",
    help: "ban a user from a group; a member leaves it at once",
    details: "Without a time, or with forever, it lasts until /unban; 10min, 1w and 1h30m are times too. Owners and admins may ban anybody of a lower role. Write a '@' before a user called user, addr or net: /ban @net rust.",
    example: "/ban bob rust 7d advertising",
    parse: |args| SanctionArgs::parse(args, Penalty::Ban),
};

const MUTE: Spec = Spec {
    name: "mute",
    aliases: &[],
    role: Role::User,
    console: false,
    usage: "/mute <username> <group> [30s|10m|2h|7d] [<reason>]",
    help: "let a member read a group, but send no messages",
    details: "Without a time, or with forever, it lasts until /unmute; 10min, 1w and 1h30m are times too. Owners and admins may mute anybody of a lower role.",
    example: "/mute bob rust 10m calm down",
    parse: |args| SanctionArgs::parse(args, Penalty::Mute),
};

/// A ban or mute to impose.
struct SanctionArgs {
    target: UserAndGroup,
    penalty: Penalty,
    span: Option<Duration>,
    reason: Option<Arc<str>>,
}

impl SanctionArgs {
    fn parse(args: &mut Args<'_>, penalty: Penalty) -> Option<Box<dyn Command>> {
        let target = UserAndGroup::in_group(args)?;
        let span = args.time()?;
        Some(Box::new(SanctionArgs { target, penalty, span, reason: args.reason().map(Arc::from) }))
    }
}

impl Command for SanctionArgs {
    fn execute(self: Box<Self>, context: &mut Context<'_>) -> Result<(), UserError> {
        let SanctionArgs { target, penalty, span, reason } = *self;
        let (group, user, now) = (group_name(&target.group)?, context.find_user(&target.user)?, SystemTime::now());
        let until = span.and_then(|span| now.checked_add(span));
        let one =
            GroupSanction { user, penalty, terms: SanctionTerms { by: context.caller.client.name, reason, until } };
        context.hub.sanction_member(&context.caller.client, &group, one, now, &mut context.caller.flush_list)
    }
}

const UNBAN: Spec = Spec {
    name: "unban",
    aliases: &[],
    role: Role::User,
    console: false,
    usage: "/unban <username> <group>",
    help: "lift a user's ban from a group",
    details: "They may join again then.",
    example: "/unban bob rust",
    parse: |args| LiftArgs::parse(args, Penalty::Ban),
};

const UNMUTE: Spec = Spec {
    name: "unmute",
    aliases: &[],
    role: Role::User,
    console: false,
    usage: "/unmute <username> <group>",
    help: "let a member send messages to a group again",
    details: "It lifts a /mute.",
    example: "/unmute bob rust",
    parse: |args| LiftArgs::parse(args, Penalty::Mute),
};

/// A ban or mute to lift.
struct LiftArgs {
    target: UserAndGroup,
    penalty: Penalty,
}

impl LiftArgs {
    fn parse(args: &mut Args<'_>, penalty: Penalty) -> Option<Box<dyn Command>> {
        let target = UserAndGroup::in_group(args)?;
        args.end().map(|()| Box::new(LiftArgs { target, penalty }) as Box<dyn Command>)
    }
}

impl Command for LiftArgs {
    fn execute(self: Box<Self>, context: &mut Context<'_>) -> Result<(), UserError> {
        let (group, user) = (group_name(&self.target.group)?, context.find_user(&self.target.user)?);
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

const BANS: Spec = Spec {
    name: "bans",
    aliases: &[],
    role: Role::User,
    console: false,
    usage: "/bans <group>",
    help: "list a group's bans and mutes: by whom, until when and why",
    details: "Only owners and admins of the group see them.",
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
    fn words_of_the_server_form_are_not_users() {
        let taken = |spec: &Spec, text: &str| (spec.parse)(&mut Args::new(text)).is_some();
        for spec in [&BAN, &UNBAN, &MUTE, &UNMUTE] {
            assert!(taken(spec, "bob rust") && taken(spec, "@net rust"), "{}", spec.name);
            assert!(["user bob", "ADDR x", "net y", "bob", ""].iter().all(|text| !taken(spec, text)), "{}", spec.name);
        }
        assert!([&PROMOTE, &DEMOTE, &TRANSFER, &KICK].iter().all(|spec| taken(spec, "net rust")));
        assert!(taken(&BAN, "bob rust 7d why") && taken(&KICK, "bob rust why not") && !taken(&UNBAN, "bob rust why"));
    }
}
