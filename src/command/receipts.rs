//! Receipts: asking for them, and giving the one that only a reader can give.

use super::history::visible;
use super::{Command, Context, Role, Spec};
use crate::model::{EventKind, MessageId, Scope, UserError};

pub(super) const RECEIPTS: Spec = Spec {
    name: "receipts",
    aliases: &[],
    role: Role::User,
    usage: "/receipts [on|off]",
    help: "be told when your private messages are received, and read",
    details: "Received means that it was written to the connection of its reader; read, that he or his program said so with /read. It holds for this session; alone it says what is chosen.",
    example: "/receipts on",
    parse: |args| {
        let wanted = if args.end().is_some() { None } else { Some(args.switch()?) };
        args.end()?;
        Some(Box::new(Receipts(wanted)))
    },
};

pub(super) const READ: Spec = Spec {
    name: "read",
    aliases: &[],
    role: Role::User,
    usage: "/read <id>",
    help: "say that you have read a private message to you",
    details: "Its sender is told, if he asked for receipts. /mode ids on and /history show the ids.",
    example: "/read 12",
    parse: |args| Some(Box::new(Read(MessageId::parse(args.only_word()?)?))),
};

struct Receipts(Option<bool>);

struct Read(MessageId);

impl Command for Receipts {
    fn execute(self: Box<Self>, context: &mut Context<'_>) -> Result<(), UserError> {
        if let Some(wanted) = self.0 {
            context.me.want_receipts(wanted);
        }
        context.reply(EventKind::Receipts { wanted: context.me.wants_receipts() });
        Ok(())
    }
}

impl Command for Read {
    fn execute(self: Box<Self>, context: &mut Context<'_>) -> Result<(), UserError> {
        let message = visible(context, self.0)?;
        if message.said.scope != Scope::User(context.me.name) {
            return Err(UserError::NotToYou(message.id));
        }
        context.hub.give_read_receipt(context.me.name, &message, context.flush_list);
        context.reply(EventKind::YouRead { id: message.id });
        Ok(())
    }
}
