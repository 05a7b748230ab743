//! Floor 4, commands: everything a logged-in user can ask for, each declared once.
//!
//! [`run`] takes one clean line, finds its command in [`COMMANDS`], parses it and executes it against the hub. No command
//! knows a socket or a wording.

mod account;
mod admin;
mod args;
mod groups;
mod help;
mod history;
mod people;
mod roles;
mod session;
mod table;
mod talk;

use std::borrow::Cow;
use std::cell::LazyCell;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

pub use args::Args;
pub use help::manual;
pub use history::past;
pub use table::COMMANDS;

use crate::accounts::Accounts;
use crate::admin::{Admin, AdminCommand};
use crate::failpoint;
use crate::hub::{Client, ClientId, FlushList, Hub, PendingMessage, PushOutcome};
use crate::model::line::{self, Line};
use crate::model::text::NotUtf8;
use crate::model::{
    BadTag, Event, EventKind, Name, OutputFormat, Question, QuitReason, Role, Scope, Tag, Target, UserError,
};

/// One parsed command, ready to be executed.
pub trait Command {
    /// Executes it. Others are told through the hub, the caller through [`Context::reply`].
    ///
    /// # Errors
    /// The answer to the caller when it cannot be done; nothing has changed then.
    fn execute(self: Box<Self>, context: &mut Context<'_>) -> Result<(), UserError>;

    /// Whether all it does is send a message. Such commands are published together with the messages around them; any
    /// other command waits until those have been published.
    fn only_speaks(&self) -> bool {
        false
    }

    /// The command that the console executes in its place, where [`Spec::console`] is set.
    fn admin_command(&self) -> Option<AdminCommand> {
        None
    }
}

/// The declaration of a command, or of one form of it: everything there is to know about it outside its `execute`.
#[derive(Clone, Copy)]
pub struct Spec {
    /// The word after the slash.
    pub name: &'static str,
    /// Other words for the same command.
    pub aliases: &'static [&'static str],
    /// The least role that may use it; for everyone else there is no such command.
    pub role: Role,
    /// Whether operators can use it on the console as well.
    pub console: bool,
    /// How it is written.
    pub usage: &'static str,
    /// A description in one line of at most 70 characters.
    pub help: &'static str,
    /// Further details.
    pub details: &'static str,
    /// A line one could type.
    pub example: &'static str,
    /// Parses the words after the command; `None` when they do not fit, in which case the usage is the answer.
    pub parse: fn(&mut Args<'_>) -> Option<Box<dyn Command>>,
}

impl Spec {
    /// Its name and its aliases.
    pub fn words(&self) -> impl Iterator<Item = &'static str> {
        std::iter::once(self.name).chain(self.aliases.iter().copied())
    }
}

/// All forms of the command with this name or alias, in any case; empty if there is no such command.
pub fn forms(word: &str) -> &'static [Spec] {
    forms_at(word).1
}

/// Like [`forms`], with the position of the first form in [`COMMANDS`].
fn forms_at(word: &str) -> (usize, &'static [Spec]) {
    let named = |spec: &Spec| spec.words().any(|name| name.eq_ignore_ascii_case(word));
    let first = COMMANDS.iter().position(named).unwrap_or(COMMANDS.len());
    let count = COMMANDS[first..].iter().take_while(|spec| spec.name == COMMANDS[first].name).count();
    (first, &COMMANDS[first..first + count])
}

/// Executes one line as it arrived from a logged-in user; see [`run`].
///
/// # Errors
/// The answer to the caller when it cannot be done, or is not UTF-8.
pub fn run_bytes(line: &[u8], context: &mut Context<'_>) -> Result<(), UserError> {
    let line = Line::decode(line).map_err(|NotUtf8| UserError::NotUtf8)?;
    run(&line, context)
}

/// Executes one line of a logged-in user: a command, or text for the conversation chosen with `/talk`.
///
/// # Errors
/// The answer to the caller when it cannot be done.
pub fn run(line: &Line<'_>, context: &mut Context<'_>) -> Result<(), UserError> {
    let command = match line {
        Line::Nothing => return Ok(()),
        Line::Text(text) => return talk::say(text, context),
        Line::Command(command) => command,
    };
    let (word, rest) = line::split_word(command);
    let (position, forms) = forms_at(&word);
    // The role is in the store: it is read only where it matters, and once.
    let role = LazyCell::new(|| context.role());
    let mut allowed = forms.iter().filter(|spec| spec.role == Role::User || *role >= spec.role).peekable();
    if allowed.peek().is_none() {
        let near = help::nearest(&word, *role);
        return Err(UserError::UnknownCommand(word.into_owned(), near));
    }
    let command = parse(allowed, rest)?;
    execute(command, position, context)
}

/// The word of a tag, where a door takes tags.
const TAG: &str = "tag";

/// Like [`run_bytes`], for a line that may begin with `/tag <tag>`. Then everything that answers the line carries the tag; if
/// nothing does, [`EventKind::Accepted`] follows.
///
/// # Errors
/// The answer to the caller when it cannot be done, or is not UTF-8.
pub fn run_tagged(line: &[u8], context: &mut Context<'_>) -> Result<(), UserError> {
    let line = Line::decode(line).map_err(|NotUtf8| UserError::NotUtf8)?;
    let tagged = match &line {
        Line::Command(command) => Some(line::split_word(command)).filter(|(word, _)| word.eq_ignore_ascii_case(TAG)),
        Line::Nothing | Line::Text(_) => None,
    };
    let Some((_, rest)) = tagged else { return run(&line, context) };
    let (tag, rest) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    context.caller.tag = Some(tag.parse().map_err(|BadTag| UserError::BadTag)?);
    context.caller.answered = false;
    run(&Line::of(rest), context)?;
    if !context.caller.answered && !context.caller.quit {
        context.reply(EventKind::Accepted);
    }
    Ok(())
}

/// Executes a parsed command and counts it; `position` is its position in [`COMMANDS`].
///
/// # Errors
/// The answer to the caller when it cannot be done.
pub fn execute(command: Box<dyn Command>, position: usize, context: &mut Context<'_>) -> Result<(), UserError> {
    context.admin.count(position);
    if !command.only_speaks() {
        context.publish();
    }
    failpoint::reach("in a command", &context.caller.client.name);
    command.execute(context)
}

/// Parses a line of the console, which needs no slash: the commands that operators have in the chat, and `top`.
///
/// # Errors
/// The answer to the operator when there is no such command.
pub fn console(line: &str) -> Result<AdminCommand, UserError> {
    let line = match Line::of(line) {
        Line::Nothing => Cow::default(),
        Line::Command(line) | Line::Text(line) => line,
    };
    let (word, rest) = line::split_word(line.trim_start_matches('/'));
    if word.eq_ignore_ascii_case("top") && (rest.is_empty() || rest == "sessions") {
        return Ok(AdminCommand::Top { sessions: !rest.is_empty() });
    }
    let unknown = || UserError::UnknownCommand(word.clone().into_owned(), None);
    let mut known = forms(&word).iter().filter(|spec| spec.console).peekable();
    known.peek().ok_or_else(unknown)?;
    parse(known, rest)?.admin_command().ok_or_else(unknown)
}

/// Parses the words after a command with the first of these forms that fits.
fn parse<'a>(forms: impl Iterator<Item = &'a Spec>, rest: &str) -> Result<Box<dyn Command>, UserError> {
    let mut usages = Vec::new();
    for spec in forms {
        let mut args = Args::new(rest);
        match ((spec.parse)(&mut args), args.take_error()) {
            (Some(parsed), _) => return Ok(parsed),
            (None, Some(error)) => return Err(error),
            (None, None) => usages.push(spec.usage),
        }
    }
    Err(UserError::Usage(usages))
}

/// The surroundings of a command. There is no socket in it.
pub struct Context<'a> {
    /// Users, groups and messages.
    pub hub: &'a Hub,
    /// Administration, and reports to it.
    pub admin: &'a Admin,
    /// Accounts and their passwords.
    pub accounts: &'a Accounts,
    /// The user for whom the command is executed.
    pub caller: &'a mut Caller,
}

/// The user for whom commands are executed, and what their session remembers from one command to the next.
pub struct Caller {
    /// Their session, as the hub sees it.
    pub client: Arc<Client>,
    /// Where a line without a command goes.
    pub target: Option<Target>,
    /// The session of the guest who is `target`: the next guest of that name is somebody else.
    pub target_guest: Option<ClientId>,
    /// How they are told things.
    pub format: OutputFormat,
    /// Messages that were checked and not published yet.
    pub drafts: Vec<PendingMessage>,
    /// Clients for whom the commands so far have queued something that is not written yet.
    pub flush_list: FlushList,
    /// The questions to ask once the command has been executed.
    pub dialog: Option<Box<dyn Dialog>>,
    /// Cost of the command in their budget, in ordinary commands.
    pub cost: usize,
    /// They want to leave.
    pub quit: bool,
    /// The tag of the line that is being executed, if it has one.
    pub tag: Option<Tag>,
    /// Something that carries the tag of this line was sent to them, or will be.
    answered: bool,
    connection: Arc<dyn CallerConnection>,
}

/// The parts of a caller's connection that commands need.
pub trait CallerConnection {
    /// Writes the client's outbox, waiting for as long as they take to read it.
    fn catch_up(&self, client: &Client);

    /// Formats everything written from now on like this.
    fn set_format(&self, user: Name, format: OutputFormat);

    /// Delays the reply to a failed guess that was made at `asked`, so that its timing reveals nothing.
    fn delay_failure(&self, asked: Instant);
}

/// A command that has to ask questions before it can be carried out. The answers go to the command alone: they are never
/// commands themselves, and never appear in a log or an echo.
///
/// All questions are asked before any answer is looked at. A client that sends its answers without waiting for the
/// questions thus never sends one of them to where a plain line would go, even if the first answer is wrong.
pub trait Dialog: Send {
    /// The questions, in order; at least one.
    fn questions(&self) -> &'static [Question];

    /// Carries the command out, with one answer per question, byte for byte and without line ends.
    ///
    /// # Errors
    /// The answer to the caller when it cannot be done; nothing has changed then.
    fn finish(self: Box<Self>, answers: &[Vec<u8>], context: &mut Context<'_>) -> Result<(), UserError>;
}

impl Caller {
    /// The caller of this session, who has just logged in.
    pub fn new(client: Arc<Client>, connection: Arc<dyn CallerConnection>) -> Caller {
        Caller {
            client,
            target: None,
            target_guest: None,
            format: OutputFormat::default(),
            drafts: Vec::new(),
            flush_list: FlushList::default(),
            dialog: None,
            cost: 0,
            quit: false,
            tag: None,
            answered: false,
            connection,
        }
    }
}

impl Context<'_> {
    /// Checks a message and keeps it. It is published together with the other messages of the same read, or before the
    /// next reply.
    ///
    /// # Errors
    /// Why it cannot be sent there.
    pub fn say(&mut self, scope: Scope, text: Arc<str>) -> Result<(), UserError> {
        let draft = self.draft(scope, text)?;
        self.caller.drafts.push(draft);
        Ok(())
    }

    /// Like [`Context::say`], for an action.
    ///
    /// # Errors
    /// Why it cannot be sent there.
    pub fn say_action(&mut self, scope: Scope, text: Arc<str>) -> Result<(), UserError> {
        let draft = self.draft(scope, text)?;
        self.caller.drafts.push(draft.as_action());
        Ok(())
    }

    fn draft(&mut self, scope: Scope, text: Arc<str>) -> Result<PendingMessage, UserError> {
        let me = &self.caller.client;
        let destination = self.hub.check(me, scope, SystemTime::now())?;
        let draft = me.compose(destination, self.admin.filtered(&me.name, text)?).tagged(self.caller.tag.clone());
        self.caller.answered = true;
        Ok(draft)
    }

    /// The form in which others may be shown a text of the caller that is not a message.
    ///
    /// # Errors
    /// When the caller is muted, or the text contains a blocked word.
    pub fn displayable(&self, text: Arc<str>) -> Result<Arc<str>, UserError> {
        let me = self.caller.client.name;
        self.hub.check_mute(&me, SystemTime::now())?;
        self.admin.filtered(&me, text)
    }

    /// Stores and delivers the caller's messages so far, so that the next reply comes after them.
    pub fn publish(&mut self) {
        self.hub.publish(&self.caller.client, &mut self.caller.drafts);
    }

    /// Answers the caller. A caller that asks faster than it reads is slowed here: the reply waits until it has caught up.
    pub fn reply(&mut self, kind: EventKind) {
        self.publish();
        let Caller { client, flush_list, connection, tag, answered, .. } = &mut *self.caller;
        *answered = true;
        if client.outbox.push(&Event::answer(kind, tag.clone())) == PushOutcome::Full {
            client.close(QuitReason::SlowReader);
        }
        if client.outbox.is_crowded() {
            flush_list.flush_except(Some(client.id));
            connection.catch_up(client);
        }
    }

    /// Delivers and writes everything caused so far; to be called before something slow.
    pub fn settle(&mut self) {
        self.publish();
        let Caller { client, flush_list, connection, .. } = &mut *self.caller;
        flush_list.flush_except(Some(client.id));
        connection.catch_up(client);
    }

    /// Changes how the caller is told things. Everything queued so far is still written in the old format.
    pub fn set_format(&mut self, format: OutputFormat) {
        self.settle();
        self.caller.connection.set_format(self.caller.client.name, format);
        self.caller.format = format;
    }

    /// Delays the reply to a failed guess that was made at `asked`.
    pub fn delay_failure(&self, asked: Instant) {
        self.caller.connection.delay_failure(asked);
    }

    /// Asks questions; the caller's next lines are the answers.
    pub fn ask(&mut self, dialog: Box<dyn Dialog>) {
        self.caller.dialog = Some(dialog);
    }

    /// The caller's role at this moment.
    pub fn role(&self) -> Role {
        self.hub.role(&self.caller.client.name)
    }

    /// The user of this name, as registered; a guest only while they are online.
    ///
    /// # Errors
    /// [`UserError::NoSuchUser`].
    pub fn find_user(&self, typed: &str) -> Result<Name, UserError> {
        let known = typed.parse().ok().and_then(|name: Name| match name.is_guest() {
            true => typed.to_ascii_lowercase().parse().ok().filter(|name| self.hub.is_here(name)),
            false => self.accounts.find(&name),
        });
        known.ok_or_else(|| UserError::NoSuchUser(typed.to_owned()))
    }
}

/// The name of a group, which may or may not exist; a leading `#` is allowed, as in `/talk`.
///
/// # Errors
/// [`UserError::NoSuchGroup`] when no group can have that name.
fn group_name(typed: &str) -> Result<Name, UserError> {
    typed.strip_prefix('#').unwrap_or(typed).parse().map_err(|_| UserError::NoSuchGroup(typed.to_owned()))
}
