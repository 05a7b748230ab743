//! Commands of operators: each is one [`AdminCommand`], which the console can run as well.

use super::{Args, Command, Context, Role, Spec};
use crate::admin::{Actor, AdminCommand, BanTarget};
use crate::model::limits::{LOG_COUNT, LOG_MAX};
use crate::model::{EventKind, Penalty, UserError};

/// The commands of this family.
pub(super) const COMMANDS: &[Spec] = &[
    ANNOUNCE, BAN, BANS, DISCONNECT, DROP_GROUP, LOG, MUTE, RELOAD, RENAME, REPORTS, SESSIONS, ALL_GROUPS, SHUTDOWN,
    STATS, UNBAN, UNMUTE,
];

const ANNOUNCE: Spec = Spec {
    name: "announce",
    aliases: &[],
    role: Role::Moderator,
    console: true,
    usage: "/announce <text>",
    help: "send an announcement to everybody who is online",
    details: "It is shown as coming from the server, and stored nowhere.",
    example: "/announce lunch is served",
    parse: |args| admin(AdminCommand::Announce(args.text()?.into_owned())),
};

const BAN: Spec = Spec {
    name: "ban",
    aliases: &[],
    role: Role::Moderator,
    console: true,
    usage: "/ban user|addr|net <target> [30s|10m|2h|7d] [<reason>]",
    help: "ban a user, an address or a network from the server",
    details: "Their sessions end at once. The ban outlives a restart; without a time, or with forever, it lasts until /unban. 10min, 1w and 1h30m are times too. An IPv6 address stands for its /64.",
    example: "/ban net 10.1.0.0/16 7d flooding",
    parse: |args| impose(Penalty::Ban, args),
};

const BANS: Spec = Spec {
    name: "bans",
    aliases: &[],
    role: Role::Moderator,
    console: true,
    usage: "/bans",
    help: "list the bans and mutes in force: by whom, until when and why",
    details: "Expired ones are left out.",
    example: "/bans",
    parse: |args| args.end().and_then(|()| admin(AdminCommand::Sanctions)),
};

const DISCONNECT: Spec = Spec {
    name: "disconnect",
    aliases: &[],
    role: Role::Moderator,
    console: true,
    usage: "/disconnect <username>|session:<number> [<reason>]",
    help: "end all sessions of a user, or one session",
    details: "/sessions shows the numbers: session 3 is session:3. The user is told the reason, and may come back.",
    example: "/disconnect bob please update your bot",
    parse: |args| {
        let whom = args.word()?.to_owned();
        admin(AdminCommand::Disconnect { whom, why: args.reason().unwrap_or_default() })
    },
};

const DROP_GROUP: Spec = Spec {
    name: "drop_group",
    aliases: &[],
    role: Role::Admin,
    console: true,
    usage: "/drop_group <group> [<reason>]",
    help: "delete a group",
    details: "Its members are told; its messages stay in their /history.",
    example: "/drop_group spammers",
    parse: |args| {
        let group = args.word()?.to_owned();
        admin(AdminCommand::DropGroup { group, why: args.reason().unwrap_or_default() })
    },
};

const LOG: Spec = Spec {
    name: "log",
    aliases: &[],
    role: Role::Admin,
    console: true,
    usage: "/log [<count>]",
    help: "show the last lines of today's log",
    details: "It shows 20 lines, or up to 200 if you ask for them; they contain no secrets.",
    example: "/log 50",
    parse: |args| {
        let lines = args.word().map_or(Some(LOG_COUNT), |count| count.parse().ok().filter(|count| *count > 0))?;
        args.end()?;
        admin(AdminCommand::Log { lines: lines.min(LOG_MAX) })
    },
};

const MUTE: Spec = Spec {
    name: "mute",
    aliases: &[],
    role: Role::Moderator,
    console: true,
    usage: "/mute user <username> [30s|10m|2h|7d] [<reason>]",
    help: "let a user read, but send no messages",
    details: "The user is told. Without a time, or with forever, it lasts until /unmute. 10min, 1w and 1h30m are times too.",
    example: "/mute user bob 10m calm down",
    parse: |args| impose(Penalty::Mute, args),
};

const RELOAD: Spec = Spec {
    name: "reload",
    aliases: &[],
    role: Role::Admin,
    console: true,
    usage: "/reload [<reason>]",
    help: "reload the users file and the word filter",
    details: "SIGHUP does the same. An invalid file is left out: its old contents stay in force.",
    example: "/reload",
    parse: |args| admin(AdminCommand::Reload { why: args.reason().unwrap_or_default() }),
};

const RENAME: Spec = Spec {
    name: "rename",
    aliases: &[],
    role: Role::Admin,
    console: true,
    usage: "/rename <username> <new name> [<reason>]",
    help: "give a user a new name; their sessions end",
    details: "They log in with the new name and the old password, and keep all their data. The old name stays reserved. Members of their kept groups are told.",
    example: "/rename bob robert",
    parse: |args| {
        let (whom, name) = (args.word()?.to_owned(), args.word()?.to_owned());
        admin(AdminCommand::Rename { whom, name, why: args.reason().unwrap_or_default() })
    },
};

const REPORTS: Spec = Spec {
    name: "reports",
    aliases: &[],
    role: Role::Moderator,
    console: true,
    usage: "/reports [done <number> [<reason>]]",
    help: "list the open reports; done closes one",
    details: "Reports stay open until an operator closes them. Those without a name come from the word filter.",
    example: "/reports done 3",
    parse: |args| match args.word() {
        None => admin(AdminCommand::Reports),
        Some(word) if word.eq_ignore_ascii_case("done") => {
            let number = args.word()?.parse().ok()?;
            admin(AdminCommand::CloseReport { number, why: args.reason().unwrap_or_default() })
        }
        Some(_) => None,
    },
};

const SESSIONS: Spec = Spec {
    name: "sessions",
    aliases: &[],
    role: Role::Moderator,
    console: true,
    usage: "/sessions",
    help: "list the sessions: user, address, start and queue",
    details: "Idle is in seconds; items and bytes are queued for the session.",
    example: "/sessions",
    parse: |args| args.end().and_then(|()| admin(AdminCommand::Sessions)),
};

const ALL_GROUPS: Spec = Spec {
    name: "groups",
    aliases: &[],
    role: Role::Moderator,
    console: true,
    usage: "/groups all",
    help: "list all groups, private ones too, and their settings",
    details: "Rooms are left out, because their names open them.",
    example: "/groups all",
    parse: |args| {
        args.only_word().filter(|word| word.eq_ignore_ascii_case("all")).and_then(|_| admin(AdminCommand::Groups))
    },
};

const SHUTDOWN: Spec = Spec {
    name: "shutdown",
    aliases: &[],
    role: Role::Admin,
    console: true,
    usage: "/shutdown now|in <time>|cancel [<reason>]",
    help: "stop the server, now or later; cancel calls it off",
    details: "Everybody is told at once, and more often towards the end. A time is 30s, 10m or 10min, 2h, 7d, 1w or 1h30m.",
    example: "/shutdown in 5m update",
    parse: |args| {
        let after = match args.word()?.to_ascii_lowercase().as_str() {
            "cancel" => return admin(AdminCommand::CancelShutdown { why: args.reason().unwrap_or_default() }),
            "now" => None,
            "in" => Some(args.given_time()?),
            _ => return None,
        };
        admin(AdminCommand::Shutdown { after, why: args.reason().unwrap_or_default() })
    },
};

const STATS: Spec = Spec {
    name: "stats",
    aliases: &[],
    role: Role::Admin,
    console: true,
    usage: "/stats",
    help: "show counters: messages, deliveries, queues, commands, closings",
    details: "They count from the start of the server; rates cover the last second, and lock times are sampled.",
    example: "/stats",
    parse: |args| args.end().and_then(|()| admin(AdminCommand::Stats)),
};

const UNBAN: Spec = Spec {
    name: "unban",
    aliases: &[],
    role: Role::Moderator,
    console: true,
    usage: "/unban user|addr|net <target> [<reason>]",
    help: "lift the ban of a user, an address or a network",
    details: "/bans lists the bans in force.",
    example: "/unban user bob",
    parse: |args| lift(Penalty::Ban, args),
};

const UNMUTE: Spec = Spec {
    name: "unmute",
    aliases: &[],
    role: Role::Moderator,
    console: true,
    usage: "/unmute user <username> [<reason>]",
    help: "let a user send messages again",
    details: "The user is told, with the reason. /bans lists the mutes in force.",
    example: "/unmute user bob",
    parse: |args| lift(Penalty::Mute, args),
};

/// An operator's command in the chat.
struct Administer(AdminCommand);

impl Command for Administer {
    fn execute(self: Box<Self>, context: &mut Context<'_>) -> Result<(), UserError> {
        context.administer(self.0)
    }

    fn admin_command(&self) -> Option<AdminCommand> {
        Some(self.0.clone())
    }
}

impl Context<'_> {
    /// Runs an operator's command and replies with its result.
    pub(super) fn administer(&mut self, command: AdminCommand) -> Result<(), UserError> {
        // Earlier messages come first, and the clients concerned may have to be written to at once.
        self.settle();
        let answer = self.admin.execute(command, &Actor::User(self.caller.client.name), self.accounts)?;
        self.reply(EventKind::AdminReply(answer));
        Ok(())
    }
}

fn admin(command: AdminCommand) -> Option<Box<dyn Command>> {
    Some(Box::new(Administer(command)))
}

fn impose(penalty: Penalty, args: &mut Args<'_>) -> Option<Box<dyn Command>> {
    let on = target(penalty, args)?;
    let (time, why) = (args.time()?, args.reason().unwrap_or_default());
    admin(AdminCommand::Impose { penalty, on, time, why })
}

fn lift(penalty: Penalty, args: &mut Args<'_>) -> Option<Box<dyn Command>> {
    let on = target(penalty, args)?;
    admin(AdminCommand::Lift { penalty, on, why: args.reason().unwrap_or_default() })
}

/// Parses the target: only users can be muted, not addresses.
fn target(penalty: Penalty, args: &mut Args<'_>) -> Option<BanTarget> {
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
