//! The plain door, for netcat, telnet and the like: two prompts, lines or whole reads, text for people or tagged lines.
//!
//! It works without any setting for clients that end their lines, for telnet, and for old clients that send each name,
//! password and command without a line end (docs/protocol.md).

use std::sync::Arc;
use std::time::Instant;

use super::{Door, Output};
use crate::command::{self, Context};
use crate::hub::{Client, Presence};
use crate::model::line::{Line, clean_name, clean_secret};
use crate::model::mention::mentions;
use crate::model::{Bell, Event, EventKind, Mode, Name, OutputFormat, Question, QuitReason, TelnetMode, UserError};
use crate::protocol::{Dialect, MACHINE, PLAIN, PLAIN_CRLF, PLAIN_CRLF_IDS, PLAIN_IDS};
use crate::session::login::Guess;
use crate::session::{ReadOutcome, Session, registration};
use crate::transport::{Framing, Input, LegacyCommands, LineSource};

/// Commands at which a read without line ends is split: what old clients send in quick succession.
const LEGACY_COMMANDS: LegacyCommands = LegacyCommands {
    with_arguments: &["msg", "broadcast", "create_group", "join_group", "leave_group", "group_msg"],
    alone: &["exit", "quit", "users", "groups_users", "help"],
};

/// How clients of other protocols begin: a TLS handshake, or an HTTP request.
const FOREIGN: [&[u8]; 11] = [
    b"\x16\x03",
    b"GET ",
    b"POST ",
    b"HEAD ",
    b"PUT ",
    b"DELETE ",
    b"OPTIONS ",
    b"CONNECT ",
    b"PATCH ",
    b"TRACE ",
    b"PRI * HTTP",
];

/// The bell of a terminal.
const BEL: u8 = 0x07;

/// The door for terminals and line-based programs.
pub(crate) struct PlainDoor;

impl Door for PlainDoor {
    fn source(&self, line_limit: usize) -> LineSource {
        LineSource::terminal(line_limit, &LEGACY_COMMANDS)
    }

    fn output(&self) -> Box<dyn Output> {
        Box::new(PlainOutput::new(false))
    }

    fn is_foreign(&self, first_bytes: &[u8]) -> bool {
        FOREIGN.iter().any(|start| first_bytes.starts_with(start))
    }

    fn login(&self, session: &mut Session<'_>) -> Result<Presence, QuitReason> {
        session.say(EventKind::AskName)?;
        let name = answer(session, |session, typed| match typed {
            Partial::Whole(typed) => session.is_whole_name(typed),
            Partial::BeforeCommands(_) => false,
        })?;
        adopt_line_end(session);
        if let Some(words) = registration::words_of(&name) {
            return register(session, &words);
        }
        let name = clean_name(&name);
        let (mut whole, mut before_commands) = (None, None);
        let password = ask_hidden(session, EventKind::AskPassword, |session, typed| {
            // Each is looked at once; more often would allow one guess per byte that trickles in.
            let (early, typed) = match typed {
                Partial::Whole(typed) => (&mut whole, typed),
                Partial::BeforeCommands(typed) => (&mut before_commands, typed),
            };
            let typed = clean_secret(typed);
            let guess = early.get_or_insert_with(|| session.guess(&name, &typed));
            guess.is_right() && guess.secret == *typed
        })?;
        // The LF of the name's CR LF may have arrived later than the name.
        adopt_line_end(session);
        let password = clean_secret(&password);
        let early = [before_commands, whole].into_iter().flatten().find(|guess: &Guess| guess.secret == *password);
        session.log_in(&name, &password, early)
    }

    fn welcome(&self, session: &Session<'_>, client: &Arc<Client>) {
        session.queue_welcome(client);
    }

    fn execute(&self, input: Input, session: &Session<'_>, context: &mut Context<'_>) -> Result<(), UserError> {
        match input {
            // Clients without line ends may wait for an answer to each message; the others know that the line was empty.
            Input::Line(line)
                if session.source.framing() == Framing::Raw && Line::decode(&line) == Ok(Line::Nothing) =>
            {
                return Err(UserError::NoConversation);
            }
            Input::Line(line) => return command::run_bytes(&line, context),
            Input::TooLong { bytes } => return Err(UserError::LineTooLong(bytes, context.hub.limits().line_limit)),
            Input::Interrupt => context.reply(EventKind::HowToLeave { logged_in: true }),
            Input::AreYouThere => context.reply(EventKind::StillHere),
        }
        Ok(())
    }

    fn begin_question(&self, session: &mut Session<'_>) {
        // A late WONT ECHO would undo the WILL ECHO of the question.
        session.send_source_replies();
        hide_typing(session);
    }

    fn end_question(&self, session: &mut Session<'_>) {
        if session.source.is_hiding() {
            show_typing(session);
        }
    }
}

/// Registers an account, asking for its password twice.
fn register(session: &mut Session<'_>, words: &str) -> Result<Presence, QuitReason> {
    let request = session.begin_registration(words)?;
    let password = ask_hidden(session, EventKind::AskPassword, |_, _| false)?;
    let again = ask_hidden(session, EventKind::Ask(Question::SameAgain), |_, _| false)?;
    adopt_line_end(session);
    session.finish_registration(&request, &clean_secret(&password), &clean_secret(&again))
}

/// Answers a client in CR LF if its own lines end so.
fn adopt_line_end(session: &Session<'_>) {
    session.connection.set_output(Box::new(PlainOutput::new(session.source.ends_in_crlf())));
}

/// Asks for something secret, which is not shown while it is typed if the client can do that.
fn ask_hidden(
    session: &mut Session<'_>,
    question: EventKind,
    complete: impl FnMut(&Session<'_>, Partial<'_>) -> bool,
) -> Result<Vec<u8>, QuitReason> {
    let hidden = hide_typing(session);
    // A client that has answered already receives it together with what follows.
    session.connection.queue(question);
    let secret = answer(session, complete);
    if hidden {
        show_typing(session);
    }
    secret
}

/// Makes the client's terminal hide what is typed, if it counts as telnet. Returns whether it does.
fn hide_typing(session: &mut Session<'_>) -> bool {
    let hides = match session.shared.telnet {
        TelnetMode::Auto => session.source.counts_as_telnet(),
        TelnetMode::Always => true,
        TelnetMode::Never => false,
    };
    if hides {
        session.connection.prepend(session.source.hide_input());
    }
    hides
}

fn show_typing(session: &mut Session<'_>) {
    session.connection.prepend(session.source.show_input());
    // The terminal has not shown the line end that was typed.
    session.connection.prepend(b"\r\n");
}

/// An answer without a line end that may be complete.
enum Partial<'a> {
    /// All that has arrived.
    Whole(&'a [u8]),
    /// What comes before a command that was sent without waiting.
    BeforeCommands(&'a [u8]),
}

/// Reads one answer before the login: a line, or what arrived without a line end once it is `complete` or a pause is over.
fn answer(
    session: &mut Session<'_>,
    mut complete: impl FnMut(&Session<'_>, Partial<'_>) -> bool,
) -> Result<Vec<u8>, QuitReason> {
    loop {
        let (mut remark, mut answer) = (None, None);
        while answer.is_none()
            && let Some(input) = session.source.next_input()
        {
            match input {
                Input::Line(line) => answer = Some(line),
                // No name and no password is that long; an empty one fails in the same way.
                Input::TooLong { .. } => answer = Some(Vec::new()),
                Input::Interrupt => remark = Some(EventKind::HowToLeave { logged_in: false }),
                Input::AreYouThere => remark = Some(EventKind::StillHere),
            }
        }
        // Before anything else that is written: after an interrupt telnet shows nothing until it has its reply, and a late
        // WONT ECHO would undo the WILL ECHO of the password's prompt.
        session.send_source_replies();
        remark.into_iter().for_each(|remark| session.connection.queue(remark));
        if let Some(answer) = answer {
            return Ok(answer);
        }
        session.flush()?;
        let commands_follow = session.source.partial_before_commands();
        if commands_follow.is_some_and(|typed| complete(session, Partial::BeforeCommands(typed))) {
            session.source.settle_before_commands();
            continue;
        }
        if session.source.partial().is_some_and(|typed| complete(session, Partial::Whole(typed))) {
            session.source.settle();
            continue;
        }
        match session.read(session.read_deadline(Some(session.login_by)))? {
            ReadOutcome::Bytes => {}
            ReadOutcome::Deadline if Instant::now() >= session.login_by => return Err(QuitReason::LoginTimeout),
            ReadOutcome::Deadline => session.source.settle(),
            ReadOutcome::End => session.note_end()?,
        }
    }
}

/// Text for people, or tagged lines for programs after `/mode machine`.
struct PlainOutput {
    crlf: bool,
    dialect: &'static dyn Dialect,
    /// Before which messages to ring the bell, and whose terminal it is; a program needs none. It is chosen per session and
    /// thus not part of an event's bytes, which all recipients share.
    bell: Option<(Bell, Name)>,
}

impl PlainOutput {
    fn new(crlf: bool) -> PlainOutput {
        PlainOutput { crlf, dialect: dialect(OutputFormat::default(), crlf), bell: None }
    }
}

impl Output for PlainOutput {
    fn put(&mut self, event: &Event, page: &mut Vec<u8>) {
        let Some((bell, user)) = &self.bell else { return page.extend_from_slice(self.dialect.encode(event)) };
        for event in event.each() {
            if rings(*bell, user, &event.kind) {
                page.push(BEL);
            }
            page.extend_from_slice(self.dialect.encode(event));
        }
    }

    fn after_prompt(&self) -> &'static [u8] {
        self.dialect.after_prompt()
    }

    fn set_format(&mut self, user: Name, format: OutputFormat) {
        self.dialect = dialect(format, self.crlf);
        self.bell = match format {
            OutputFormat { mode: Mode::Machine, .. } | OutputFormat { bell: Bell::Off, .. } => None,
            OutputFormat { mode: Mode::Plain, bell, .. } => Some((bell, user)),
        };
    }
}

fn dialect(format: OutputFormat, crlf: bool) -> &'static dyn Dialect {
    match (format.mode, crlf, format.ids) {
        (Mode::Machine, ..) => &MACHINE,
        (Mode::Plain, false, false) => &PLAIN,
        (Mode::Plain, false, true) => &PLAIN_IDS,
        (Mode::Plain, true, false) => &PLAIN_CRLF,
        (Mode::Plain, true, true) => &PLAIN_CRLF_IDS,
    }
}

/// Whether the bell rings for this user before this event: never for what they say themselves.
fn rings(bell: Bell, user: &Name, kind: &EventKind) -> bool {
    let Some((from, text)) = kind.spoken() else { return false };
    from != user && (bell == Bell::All || mentions(text, user))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::forms;

    #[test]
    fn legacy_commands_are_in_the_table() {
        let LegacyCommands { with_arguments, alone } = LEGACY_COMMANDS;
        for word in with_arguments.iter().chain(alone) {
            assert!(!forms(word).is_empty(), "{word}");
        }
    }
}
