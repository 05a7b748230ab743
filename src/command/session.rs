//! The session itself: its output format, whether the server answers, and leaving.

use super::{Command, Context, Role, Spec};
use crate::model::{Bell, EventKind, Mode, UserError};

/// The commands of this family.
pub(super) const COMMANDS: &[Spec] = &[MODE, PING, QUIT];

const MODE: Spec = Spec {
    name: "mode",
    aliases: &[],
    role: Role::User,
    console: false,
    usage: "/mode [plain|machine|ids <on|off>|bell <off|mentions|all>]",
    help: "choose text for people or tagged lines for programs",
    details: "Alone it shows the choice. After /mode ids on, each message begins with its id, as in #12 [bob]: hi; an echo with an id is stored. After /mode bell mentions, your terminal's bell rings before messages that mention your name; after /mode bell all, before every message of others. In machine mode each event is one line: a tag, then name=value fields, a text last; see docs/protocol.md.",
    example: "/mode ids on",
    parse: |args| {
        let change = match args.word() {
            None => ModeChange::Nothing,
            Some(word) if word.eq_ignore_ascii_case("ids") => ModeChange::Ids(args.switch()?),
            Some(word) if word.eq_ignore_ascii_case("bell") => ModeChange::Bell(Bell::named(args.word()?)?),
            Some(word) => ModeChange::Mode(Mode::named(word)?),
        };
        args.end()?;
        Some(Box::new(change))
    },
};

/// A change of the output format; the rest of it stays as it is.
enum ModeChange {
    Nothing,
    Mode(Mode),
    Ids(bool),
    Bell(Bell),
}

impl Command for ModeChange {
    fn execute(self: Box<Self>, context: &mut Context<'_>) -> Result<(), UserError> {
        let mut format = context.caller.format;
        match *self {
            ModeChange::Nothing => {}
            ModeChange::Mode(mode) => format.mode = mode,
            ModeChange::Ids(ids) => format.ids = ids,
            ModeChange::Bell(bell) => format.bell = bell,
        }
        if format != context.caller.format {
            context.set_format(format);
        }
        context.reply(EventKind::Mode { format });
        Ok(())
    }
}

const PING: Spec = Spec {
    name: "ping",
    aliases: &[],
    role: Role::User,
    console: false,
    usage: "/ping [<text>]",
    help: "check that the server answers; it repeats the text",
    details: "Everything that was sent before the answer has arrived before the answer.",
    example: "/ping 42",
    parse: |args| Some(Box::new(Ping(args.text().unwrap_or_default().into_owned()))),
};

struct Ping(String);

impl Command for Ping {
    fn execute(self: Box<Self>, context: &mut Context<'_>) -> Result<(), UserError> {
        context.reply(EventKind::Pong { text: self.0 });
        Ok(())
    }
}

const QUIT: Spec = Spec {
    name: "quit",
    aliases: &["exit", "logout"],
    role: Role::User,
    console: false,
    usage: "/quit",
    help: "leave the chat",
    details: "You leave your groups, except those that are kept, and everybody is told. Closing the connection does the same.",
    example: "/quit",
    parse: |args| args.end().map(|()| Box::new(Quit) as Box<dyn Command>),
};

struct Quit;

impl Command for Quit {
    fn execute(self: Box<Self>, context: &mut Context<'_>) -> Result<(), UserError> {
        context.caller.quit = true;
        Ok(())
    }
}
