//! Messages of the log: showing, searching, clearing and deleting them, and receipts for them.
//!
//! The store decides what a user may see; nothing here adds to it.

use std::collections::BTreeSet;

use super::{Args, Command, Context, Role, Spec, group_name};
use crate::accounts::Accounts;
use crate::admin::AdminCommand;
use crate::hub::Hub;
use crate::model::limits::{HISTORY_COUNT, HISTORY_MAX, PAST_PAGE, SEARCH_COST, SEARCH_COUNT};
use crate::model::{EventKind, GroupError, Message, MessageId, Name, Scope, SearchEnd, Target, UserError};
use crate::store::{Found, StoreError};

/// The commands of this family.
pub(super) const COMMANDS: &[Spec] = &[HISTORY, SEARCH, CLEAR, DELETE, RECEIPTS, READ];

const HISTORY: Spec = Spec {
    name: "history",
    aliases: &[],
    role: Role::User,
    console: false,
    usage: "/history [<username>|#<group>|all] [<count>] [before <id>]",
    help: "show earlier messages, the newest last",
    details: "Without a name it shows the conversation chosen with /talk, or all of yours if none is chosen. It shows 20 messages, or up to 500 if you ask for them. Times are in UTC. A word that is the name of a user is that user, even a number; a '@' before it makes sure.",
    example: "/history #rust 50 before 1200",
    parse: |args| Some(Box::new(History::parse(args)?)),
};

#[derive(Debug, PartialEq, Eq)]
struct History {
    of: Option<String>,
    count: usize,
    before: Option<MessageId>,
    /// The count, where it may as well be the name of a user.
    or_user: Option<String>,
}

impl History {
    /// Parses the words from the end, where each has its own form, so that a user may be called `20` or `before`.
    fn parse(args: &mut Args<'_>) -> Option<History> {
        let mut words: Vec<&str> = std::iter::from_fn(|| args.word()).collect();
        let mut before = None;
        if let [.., word, id] = words[..]
            && word.eq_ignore_ascii_case("before")
        {
            before = Some(MessageId::parse(id)?);
            words.truncate(words.len() - 2);
        }
        let (mut count, mut or_user) = (HISTORY_COUNT, None);
        if let Some(number) = words.pop_if(|word| word.bytes().all(|b| b.is_ascii_digit())) {
            // A number too long to parse is above the maximum.
            count = number.parse().unwrap_or(HISTORY_MAX).min(HISTORY_MAX);
            or_user = words.is_empty().then(|| number.to_owned());
        }
        let of = words.pop().map(str::to_owned);
        (words.is_empty() && count > 0).then_some(History { of, count, before, or_user })
    }
}

impl Command for History {
    fn execute(self: Box<Self>, context: &mut Context<'_>) -> Result<(), UserError> {
        let History { of, mut count, before, or_user } = *self;
        let scope = match (of, or_user.and_then(|typed| context.find_user(&typed).ok())) {
            (Some(typed), _) => conversation(context, &typed)?,
            (None, Some(user)) => {
                count = HISTORY_COUNT;
                Some(Scope::User(user))
            }
            (None, None) => chosen(context)?,
        };
        let mut messages = read(context.hub.store().history(&context.caller.client.name, scope, before, count + 1))?;
        // One more than asked for shows whether there are more.
        let more = messages.len() > count;
        messages.drain(..messages.len().saturating_sub(count));
        let earlier = messages.first().filter(|_| more).map(|first| first.id);
        context.reply(EventKind::HistoryHeader { scope, before, count: messages.len() });
        reply_messages(context, messages);
        if let Some(before) = earlier {
            context.reply(EventKind::HistoryMore { scope, count, before });
        }
        Ok(())
    }
}

const SEARCH: Spec = Spec {
    name: "search",
    aliases: &[],
    role: Role::User,
    console: false,
    usage: "/search <words> [in <username>|#<group>]",
    help: "find the newest 20 messages that contain all these words",
    details: "It searches the messages that you may see. Case, accents and punctuation are ignored, and parts of words count. 'in' before a user or a group at the end selects that conversation; before any other word it is a word to find, and so is everything in double quotes.",
    example: "/search tomato soup in #lunch",
    parse: |args| {
        let words = args.peek_text().into_owned();
        args.text()?;
        Some(Box::new(Search { words }))
    },
};

struct Search {
    words: String,
}

impl Search {
    /// The words to find, and the conversation to find them in.
    fn parts(&self, context: &Context<'_>) -> Result<(&str, Option<Scope>), UserError> {
        let split = || {
            let (words, of) = self.words.rsplit_once(char::is_whitespace)?;
            let (words, word) = words.trim_end().rsplit_once(char::is_whitespace)?;
            word.eq_ignore_ascii_case("in").then_some((words, of))
        };
        match split() {
            Some((words, of)) if of.starts_with(['#', '@']) => Ok((words, conversation(context, of)?)),
            Some((words, of)) => match conversation(context, of) {
                Ok(scope) => Ok((words, scope)),
                Err(_) => Ok((&self.words, None)),
            },
            None => Ok((&self.words, None)),
        }
    }
}

impl Command for Search {
    fn execute(self: Box<Self>, context: &mut Context<'_>) -> Result<(), UserError> {
        expect_history(context)?;
        context.caller.cost += SEARCH_COST;
        let (words, scope) = self.parts(context)?;
        let found = context.hub.store().search(&context.caller.client.name, words, scope, SEARCH_COUNT);
        let Found { messages, end } = read(found)?;
        context.reply(EventKind::SearchHeader { scope, count: messages.len() });
        reply_messages(context, messages);
        if end != SearchEnd::Complete {
            context.reply(EventKind::SearchIncomplete { end });
        }
        Ok(())
    }
}

const CLEAR: Spec = Spec {
    name: "clear",
    aliases: &[],
    role: Role::User,
    console: false,
    usage: "/clear [<username>|#<group>|all]",
    help: "clear your own view of a conversation; others keep theirs",
    details: "Without a name it clears the conversation chosen with /talk. Its messages so far disappear from your /history and /search for good.",
    example: "/clear bob",
    parse: |args| {
        let of = args.word().map(str::to_owned);
        args.end()?;
        Some(Box::new(Clear { of }))
    },
};

struct Clear {
    of: Option<String>,
}

/// The answer to `/clear` alone, when no conversation is chosen.
const CLEAR_WHAT: &str = "/clear <username>|#<group>|all, or alone after /talk has chosen a conversation";

impl Command for Clear {
    fn execute(self: Box<Self>, context: &mut Context<'_>) -> Result<(), UserError> {
        let scope = match self.of {
            Some(typed) => conversation(context, &typed)?,
            None => Some(chosen(context)?.ok_or(UserError::Usage(vec![CLEAR_WHAT]))?),
        };
        context.hub.clear_history(&context.caller.client, scope).map_err(stored_later)?;
        context.reply(EventKind::Cleared { scope });
        Ok(())
    }
}

const DELETE: Spec = Spec {
    name: "delete",
    aliases: &[],
    role: Role::User,
    console: true,
    usage: "/delete <id> [<reason>]",
    help: "delete one of your messages, for everybody",
    details: "Its line stays in /history without its text, and users who are online and could see it are told. Moderators may delete any message and give a reason for the audit log. /mode ids on and /history show the ids.",
    example: "/delete 12",
    parse: |args| {
        let id = MessageId::parse(args.word()?)?;
        Some(Box::new(Delete { id, why: args.reason().unwrap_or_default() }))
    },
};

struct Delete {
    id: MessageId,
    why: String,
}

impl Command for Delete {
    fn execute(self: Box<Self>, context: &mut Context<'_>) -> Result<(), UserError> {
        let found = visible(context, self.id);
        let own = found.as_ref().is_ok_and(|message| message.said.from == context.caller.client.name);
        if !own && context.role() >= Role::Moderator {
            return context.administer(AdminCommand::Delete { id: self.id, why: self.why });
        }
        let message = found?;
        if !own {
            return Err(UserError::NotYours(message.id));
        }
        if message.deleted {
            context.reply(EventKind::Deleted { by: message.said.from.to_string(), id: message.id });
            return Ok(());
        }
        context
            .hub
            .delete_message(&message, message.said.from.as_str(), &mut context.caller.flush_list)
            .map_err(stored_later)
    }

    fn admin_command(&self) -> Option<AdminCommand> {
        Some(AdminCommand::Delete { id: self.id, why: self.why.clone() })
    }
}

const RECEIPTS: Spec = Spec {
    name: "receipts",
    aliases: &[],
    role: Role::User,
    console: false,
    usage: "/receipts [on|off]",
    help: "be told when your private messages are received and read",
    details: "Received means that the message was written to its reader's connection; read means that the reader, or their program, said so with /read. It applies to this session; alone it shows the choice.",
    example: "/receipts on",
    parse: |args| {
        let wanted = if args.end().is_some() { None } else { Some(args.switch()?) };
        args.end()?;
        Some(Box::new(Receipts(wanted)))
    },
};

struct Receipts(Option<bool>);

impl Command for Receipts {
    fn execute(self: Box<Self>, context: &mut Context<'_>) -> Result<(), UserError> {
        if let Some(wanted) = self.0 {
            context.caller.client.want_receipts(wanted);
        }
        context.reply(EventKind::Receipts { wanted: context.caller.client.wants_receipts() });
        Ok(())
    }
}

const READ: Spec = Spec {
    name: "read",
    aliases: &[],
    role: Role::User,
    console: false,
    usage: "/read <id>",
    help: "confirm that you have read a private message",
    details: "The sender is told if they asked for receipts. /mode ids on and /history show the ids.",
    example: "/read 12",
    parse: |args| Some(Box::new(Read(MessageId::parse(args.only_word()?)?))),
};

struct Read(MessageId);

impl Command for Read {
    fn execute(self: Box<Self>, context: &mut Context<'_>) -> Result<(), UserError> {
        let message = visible(context, self.0)?;
        if message.said.scope != Scope::User(context.caller.client.name) {
            return Err(UserError::NotToYou(message.id));
        }
        context.hub.give_read_receipt(context.caller.client.name, &message, &mut context.caller.flush_list);
        context.reply(EventKind::YouRead { id: message.id });
        Ok(())
    }
}

/// Messages as this reader is shown them, in one event as long as they have the same names of accounts that are gone. A name
/// may have passed to a new account since.
pub fn past(hub: &Hub, accounts: &Accounts, reader: Name, messages: Vec<Message>) -> Vec<EventKind> {
    let mut names = BTreeSet::new();
    for Message { said, .. } in &messages {
        names.insert(said.from);
        if let Scope::User(to) = said.scope {
            names.insert(to);
        }
    }
    names.retain(|name| !name.is_guest());
    let (accounts, gone): (Vec<Name>, Vec<Name>) = names.into_iter().partition(|name| accounts.find(name).is_some());
    // If the store cannot say it, the messages are still worth showing.
    let former = accounts.into_iter().filter_map(|name| Some((name, hub.store().former_upto(&name).ok()?)));
    let former: Vec<(Name, MessageId)> = former.filter(|(_, upto)| *upto > MessageId(0)).collect();
    let names_former =
        |message: &Message, name: &Name| message.said.from == *name || message.said.scope == Scope::User(*name);
    let former_in = |message: &Message| -> Vec<Name> {
        let in_it = former.iter().filter(|(name, upto)| message.id <= *upto && names_former(message, name));
        in_it.map(|(name, _)| *name).collect()
    };
    let parts = messages.chunk_by(|one, next| former_in(one) == former_in(next));
    parts
        .map(|part| {
            let former = part.first().map(former_in).unwrap_or_default();
            let gone = gone.iter().copied().chain(former).collect();
            EventKind::PastMessages { reader, messages: part.to_vec(), gone }
        })
        .collect()
}

/// The message with this id, if the caller may see it.
pub(super) fn visible(context: &Context<'_>, id: MessageId) -> Result<Message, UserError> {
    expect_history(context)?;
    read(context.hub.store().message(&context.caller.client.name, id))?.ok_or(UserError::NoSuchMessage(id))
}

/// Replies page by page, so that a slow reader is waited for; a longer reply costs more.
fn reply_messages(context: &mut Context<'_>, messages: Vec<Message>) {
    context.caller.cost += messages.len() / PAST_PAGE;
    let mut messages = messages.into_iter().peekable();
    while messages.peek().is_some() {
        let page = messages.by_ref().take(PAST_PAGE).collect();
        for part in past(context.hub, context.accounts, context.caller.client.name, page) {
            context.reply(part);
        }
    }
}

/// Refuses guests, for whom no messages are stored.
fn expect_history(context: &Context<'_>) -> Result<(), UserError> {
    if context.caller.client.name.is_guest() { Err(UserError::GuestsHaveNone) } else { Ok(()) }
}

/// The conversation chosen with `/talk`, if one is.
fn chosen(context: &Context<'_>) -> Result<Option<Scope>, UserError> {
    expect_history(context)?;
    Ok(context.caller.target.map(|target| match target {
        Target::User(name) => Scope::User(name),
        Target::Group(name) => Scope::Group(name),
    }))
}

/// The conversation that was typed; `None` for all of them.
///
/// A deleted account and a dissolved group are known only to users who may still see messages from there. Which accounts
/// and groups exist is no secret.
fn conversation(context: &Context<'_>, typed: &str) -> Result<Option<Scope>, UserError> {
    expect_history(context)?;
    if typed.eq_ignore_ascii_case("all") {
        return Ok(None);
    }
    let (scope, unknown) = match typed.strip_prefix('#') {
        Some(group) => {
            let name = group_name(group)?;
            match context.hub.membership(&context.caller.client, &name) {
                Ok(name) | Err(UserError::NotMember(name)) if context.hub.is_ephemeral(&name) => {
                    return Err(GroupError::NoHistory(name).into());
                }
                Ok(name) | Err(UserError::NotMember(name)) => return Ok(Some(Scope::Group(name))),
                Err(unknown) => (Scope::Group(name), unknown),
            }
        }
        None => match context.find_user(typed.strip_prefix('@').unwrap_or(typed)) {
            Ok(name) => return Ok(Some(Scope::User(name))),
            Err(unknown) => (typed.parse().map(Scope::User).map_err(|_| unknown.clone())?, unknown),
        },
    };
    let last = read(context.hub.store().history(&context.caller.client.name, Some(scope), None, 1))?;
    last.first().map(|message| Some(scope_for(context.caller.client.name, message))).ok_or(unknown)
}

/// The conversation a message belongs to, as its reader sees it.
fn scope_for(reader: Name, message: &Message) -> Scope {
    match message.said.scope {
        Scope::User(to) if to == reader => Scope::User(message.said.from),
        scope => scope,
    }
}

/// Reports that the store cannot be read.
fn read<T>(result: Result<T, StoreError>) -> Result<T, UserError> {
    result.map_err(|error| UserError::NotReadable(error.to_string()))
}

/// Reports that a change is applied as soon as it can be stored.
fn stored_later(error: StoreError) -> UserError {
    UserError::NotStoredYet(error.to_string())
}

#[cfg(test)]
mod tests;
