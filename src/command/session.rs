//! About the session itself: how it is told things, whether it is alive, and how it ends.

use super::{Command, Context, Spec};
use crate::model::{EventKind, Mode, UserError};

pub(super) const MODE: Spec = Spec {
    name: "mode",
    aliases: &[],
    usage: "/mode <plain|machine>",
    help: "choose text for people or tagged lines for programs",
    details: "In machine mode each event is one line: a tag, then name=value fields, a text last; see docs/protocol.md.",
    example: "/mode machine",
    parse: |args| Some(Box::new(SetMode(Mode::named(args.only_word()?)?))),
};

pub(super) const PING: Spec = Spec {
    name: "ping",
    aliases: &[],
    usage: "/ping [<text>]",
    help: "ask whether the server is there; it says the text back",
    details: "All that was said before the answer came has arrived before the answer.",
    example: "/ping 42",
    parse: |args| Some(Box::new(Ping(args.text().unwrap_or_default().to_owned()))),
};

pub(super) const QUIT: Spec = Spec {
    name: "quit",
    aliases: &["exit", "logout"],
    usage: "/quit",
    help: "leave the chat",
    details: "You leave all your groups, and everybody is told. Closing the connection does the same.",
    example: "/quit",
    parse: |args| args.end().map(|()| Box::new(Quit) as Box<dyn Command>),
};

struct SetMode(Mode);

struct Ping(String);

struct Quit;

impl Command for SetMode {
    fn execute(self: Box<Self>, context: &mut Context<'_>) -> Result<(), UserError> {
        context.choose_mode(self.0);
        context.reply(EventKind::Mode { mode: self.0 });
        Ok(())
    }
}

impl Command for Ping {
    fn execute(self: Box<Self>, context: &mut Context<'_>) -> Result<(), UserError> {
        context.reply(EventKind::Pong { text: self.0 });
        Ok(())
    }
}

impl Command for Quit {
    fn execute(self: Box<Self>, context: &mut Context<'_>) -> Result<(), UserError> {
        context.quit = true;
        Ok(())
    }
}
