//! About the session itself: is it alive, and how it ends.

use super::{Command, Context, Spec};
use crate::model::{EventKind, UserError};

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

struct Ping(String);

struct Quit;

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
