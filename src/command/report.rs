//! Reports, by which users call operators.

use super::history::visible;
use super::{Command, Context, Role, Spec};
use crate::model::limits::REPORT_COST;
use crate::model::{AdminAnswer, EventKind, MessageId, UserError};

pub(super) const REPORT: Spec = Spec {
    name: "report",
    aliases: &[],
    role: Role::User,
    usage: "/report <username>|<id> [<reason>]",
    help: "tell the operators about a user or a message",
    details: "Of a message they are shown the text as well. Operators who are away find it later. /mode ids on and /history show the ids.",
    example: "/report bob spam",
    parse: |args| Some(Box::new(Report { about: args.word()?.to_owned(), why: args.reason().unwrap_or_default() })),
};

struct Report {
    about: String,
    why: String,
}

impl Command for Report {
    fn execute(self: Box<Self>, context: &mut Context<'_>) -> Result<(), UserError> {
        let Report { about, mut why } = *self;
        context.cost += REPORT_COST;
        let user = if about.starts_with('#') { None } else { context.user(&about).ok() };
        let about = match (user, MessageId::parse(&about)) {
            (Some(user), _) => user.to_string(),
            (None, Some(id)) => {
                let message = visible(context, id)?;
                why = format!("{why} [{}]", message.said.text).trim_start().to_owned();
                format!("{}:{id}", message.said.from)
            }
            (None, None) => return Err(UserError::NoSuchUser(about)),
        };
        let done = context.admin.report(Some(context.me.name), about, &why)?;
        context.reply(EventKind::AdminReply(AdminAnswer::Done(done)));
        Ok(())
    }
}
