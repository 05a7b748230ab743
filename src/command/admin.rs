//! What operators do: each command is one act, which the console can do as well.

use super::{Args, Command, Context, Role, Spec};
use crate::admin::{Actor, AdminCommand, BanTarget};
use crate::model::limits::{LOG_COUNT, LOG_MAX};
use crate::model::sanction::duration;
use crate::model::{EventKind, Penalty, UserError};

pub(super) const ANNOUNCE: Spec = Spec {
    name: "announce",
    aliases: &[],
    role: Role::Moderator,
    console: true,
    usage: "/announce <text>",
    help: "tell everybody who is here",
    details: "It is shown as the server's word, and kept for nobody.",
    example: "/announce lunch is served",
    parse: |args| act(AdminCommand::Announce(args.text()?.to_owned())),
};

pub(super) const BAN: Spec = Spec {
    name: "ban",
    aliases: &[],
    role: Role::Moderator,
    console: true,
    usage: "/ban user|addr|net <whom> [30s|10m|2h|7d] [<reason>]",
    help: "keep a user, an address or a network out of the server",
    details: "It ends their sessions at once and outlives a restart. Without a time it holds for good. An IPv6 address stands for its /64.",
    example: "/ban net 10.1.0.0/16 7d flooding",
    parse: |args| lay(Penalty::Ban, args),
};

pub(super) const BANS: Spec = Spec {
    name: "bans",
    aliases: &[],
    role: Role::Moderator,
    console: true,
    usage: "/bans",
    help: "which bans and mutes hold, by whom, until when and why",
    details: "Those whose time is over are gone.",
    example: "/bans",
    parse: |args| args.end().and_then(|()| act(AdminCommand::Sanctions)),
};

pub(super) const DISCONNECT: Spec = Spec {
    name: "disconnect",
    aliases: &[],
    role: Role::Moderator,
    console: true,
    usage: "/disconnect <username>|<session> [<reason>]",
    help: "end all sessions of a user, or one session",
    details: "Sessions have numbers, which /sessions shows. The user is told the reason, and may come back.",
    example: "/disconnect bob please update your bot",
    parse: |args| {
        let whom = args.word()?.to_owned();
        act(AdminCommand::Disconnect { whom, why: args.reason().unwrap_or_default() })
    },
};

pub(super) const DROP_GROUP: Spec = Spec {
    name: "drop_group",
    aliases: &[],
    role: Role::Admin,
    console: true,
    usage: "/drop_group <group> [<reason>]",
    help: "take a group away from its members",
    details: "They are told; what was said in it stays in their /history.",
    example: "/drop_group spammers",
    parse: |args| {
        let group = args.word()?.to_owned();
        act(AdminCommand::DropGroup { group, why: args.reason().unwrap_or_default() })
    },
};

pub(super) const LOG: Spec = Spec {
    name: "log",
    aliases: &[],
    role: Role::Admin,
    console: true,
    usage: "/log [<count>]",
    help: "the last lines of today's log",
    details: "Without a count 20, and 200 are the most; there is no secret in them.",
    example: "/log 50",
    parse: |args| {
        let lines = args.word().map_or(Some(LOG_COUNT), |count| count.parse().ok().filter(|count| *count > 0))?;
        args.end()?;
        act(AdminCommand::Log { lines: lines.min(LOG_MAX) })
    },
};

pub(super) const MUTE: Spec = Spec {
    name: "mute",
    aliases: &[],
    role: Role::Moderator,
    console: true,
    usage: "/mute user <username> [30s|10m|2h|7d] [<reason>]",
    help: "let a user read, and say no more",
    details: "He may stay and read, and is told. Without a time it holds for good.",
    example: "/mute user bob 10m calm down",
    parse: |args| lay(Penalty::Mute, args),
};

pub(super) const RELOAD: Spec = Spec {
    name: "reload",
    aliases: &[],
    role: Role::Admin,
    console: true,
    usage: "/reload [<reason>]",
    help: "read the users file and the word filter again",
    details: "As SIGHUP does. Of a file that is wrong, all stays as it was.",
    example: "/reload",
    parse: |args| act(AdminCommand::Reload { why: args.reason().unwrap_or_default() }),
};

pub(super) const RENAME: Spec = Spec {
    name: "rename",
    aliases: &[],
    role: Role::Admin,
    console: true,
    usage: "/rename <username> <new name> [<reason>]",
    help: "give a user a new name; his sessions end",
    details: "He logs in with the new name and his old password, and has all that he had. His old name stays taken. Members of his kept groups are told.",
    example: "/rename bob robert",
    parse: |args| {
        let (whom, name) = (args.word()?.to_owned(), args.word()?.to_owned());
        act(AdminCommand::Rename { whom, name, why: args.reason().unwrap_or_default() })
    },
};

pub(super) const REPORTS: Spec = Spec {
    name: "reports",
    aliases: &[],
    role: Role::Moderator,
    console: true,
    usage: "/reports [done <number> [<reason>]]",
    help: "what users have reported; done closes a report",
    details: "Reports wait until one of the operators has closed them. Those without a name come from the word filter.",
    example: "/reports done 3",
    parse: |args| match args.word() {
        None => act(AdminCommand::Reports),
        Some(word) if word.eq_ignore_ascii_case("done") => {
            let number = args.word()?.parse().ok()?;
            act(AdminCommand::CloseReport { number, why: args.reason().unwrap_or_default() })
        }
        Some(_) => None,
    },
};

pub(super) const SESSIONS: Spec = Spec {
    name: "sessions",
    aliases: &[],
    role: Role::Moderator,
    console: true,
    usage: "/sessions",
    help: "who is logged in from where, since when, and what waits for him",
    details: "Idle is in seconds; items and bytes are what is queued for the session.",
    example: "/sessions",
    parse: |args| args.end().and_then(|()| act(AdminCommand::Sessions)),
};

pub(super) const ALL_GROUPS: Spec = Spec {
    name: "groups",
    aliases: &[],
    role: Role::Moderator,
    console: true,
    usage: "/groups all",
    help: "all groups, private ones too, and how each is set",
    details: "Rooms are left out: their names are what opens them.",
    example: "/groups all",
    parse: |args| {
        args.only_word().filter(|word| word.eq_ignore_ascii_case("all")).and_then(|_| act(AdminCommand::Groups))
    },
};

pub(super) const SHUTDOWN: Spec = Spec {
    name: "shutdown",
    aliases: &[],
    role: Role::Admin,
    console: true,
    usage: "/shutdown [cancel | in <time>] [<reason>]",
    help: "stop the server, now or in a while; cancel lets it go on",
    details: "Everybody is told at once, and more often towards the end. A time is 30s, 10m, 2h or 7d.",
    example: "/shutdown in 5m update",
    parse: |args| {
        if args.word_as(|word| word.eq_ignore_ascii_case("cancel").then_some(())).is_some() {
            return act(AdminCommand::CancelShutdown { why: args.reason().unwrap_or_default() });
        }
        let after = match args.word_as(|word| word.eq_ignore_ascii_case("in").then_some(())) {
            Some(()) => Some(duration(args.word()?)?),
            None => None,
        };
        act(AdminCommand::Shutdown { after, why: args.reason().unwrap_or_default() })
    },
};

pub(super) const STATS: Spec = Spec {
    name: "stats",
    aliases: &[],
    role: Role::Admin,
    console: true,
    usage: "/stats",
    help: "counters: messages, deliveries, queues, commands, sessions closed",
    details: "Since the start of the server; rates are of the last second, and lock times of a sample.",
    example: "/stats",
    parse: |args| args.end().and_then(|()| act(AdminCommand::Stats)),
};

pub(super) const UNBAN: Spec = Spec {
    name: "unban",
    aliases: &[],
    role: Role::Moderator,
    console: true,
    usage: "/unban user|addr|net <whom> [<reason>]",
    help: "let a user, an address or a network in again",
    details: "/bans shows which bans hold.",
    example: "/unban user bob",
    parse: |args| lift(Penalty::Ban, args),
};

pub(super) const UNMUTE: Spec = Spec {
    name: "unmute",
    aliases: &[],
    role: Role::Moderator,
    console: true,
    usage: "/unmute user <username> [<reason>]",
    help: "let a user speak again",
    details: "He is told, with the reason. /bans shows which mutes hold.",
    example: "/unmute user bob",
    parse: |args| lift(Penalty::Mute, args),
};

/// An act as a command.
struct Operate(AdminCommand);

impl Command for Operate {
    fn execute(self: Box<Self>, context: &mut Context<'_>) -> Result<(), UserError> {
        context.administer(self.0)
    }

    fn admin_command(&self) -> Option<AdminCommand> {
        Some(self.0.clone())
    }
}

impl Context<'_> {
    /// Does what an operator wants, and answers him.
    pub(super) fn administer(&mut self, act: AdminCommand) -> Result<(), UserError> {
        // What was said before is said before; and whoever is told of the act may have to be written to at once.
        self.settle();
        let answer = self.admin.execute(act, &Actor::User(self.caller.client.name), self.accounts)?;
        self.reply(EventKind::AdminReply(answer));
        Ok(())
    }
}

fn act(act: AdminCommand) -> Option<Box<dyn Command>> {
    Some(Box::new(Operate(act)))
}

fn lay(penalty: Penalty, args: &mut Args<'_>) -> Option<Box<dyn Command>> {
    let on = on(penalty, args)?;
    let (time, why) = (args.word_as(duration), args.reason().unwrap_or_default());
    act(AdminCommand::Impose { penalty, on, time, why })
}

fn lift(penalty: Penalty, args: &mut Args<'_>) -> Option<Box<dyn Command>> {
    let on = on(penalty, args)?;
    act(AdminCommand::Lift { penalty, on, why: args.reason().unwrap_or_default() })
}

/// Upon whom: only who has a name can be muted.
fn on(penalty: Penalty, args: &mut Args<'_>) -> Option<BanTarget> {
    let kind = args.word()?.to_ascii_lowercase();
    let whom = args.word()?.to_owned();
    match (kind.as_str(), penalty) {
        ("user", _) => Some(BanTarget::User(whom)),
        ("addr", Penalty::Ban) if !whom.contains('/') => Some(BanTarget::Net(whom)),
        ("net", Penalty::Ban) => Some(BanTarget::Net(whom)),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
