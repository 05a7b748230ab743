//! The web door, for browsers and programs over a WebSocket: each line is a message, and each event a JSON object.
//!
//! Its grammar is that of the plain door, without anything a terminal needs. In addition, a line may begin with a tag,
//! which comes back with whatever answers it.

use std::sync::Arc;
use std::time::Instant;

use super::{Door, Output};
use crate::command::{self, Context};
use crate::hub::{Client, Presence};
use crate::model::line::{clean_name, clean_secret};
use crate::model::{Event, EventKind, Name, OutputFormat, Question, QuitReason, UserError};
use crate::protocol::{Dialect, JSON, tagged_json};
use crate::session::{ReadOutcome, Session, registration};
use crate::transport::{Input, LineSource};

/// The door for browsers.
pub(crate) struct WebDoor;

impl Door for WebDoor {
    fn source(&self, line_limit: usize) -> LineSource {
        LineSource::lines(line_limit)
    }

    fn output(&self) -> Box<dyn Output> {
        Box::new(JsonOutput { me: None })
    }

    fn is_foreign(&self, _: &[u8]) -> bool {
        // The handshake has shown that the client speaks this protocol.
        false
    }

    fn login(&self, session: &mut Session<'_>) -> Result<Presence, QuitReason> {
        let name = ask(session, EventKind::AskName)?;
        if let Some(words) = registration::words_of(&name) {
            let request = session.begin_registration(&words)?;
            let password = ask(session, EventKind::AskPassword)?;
            let again = ask(session, EventKind::Ask(Question::SameAgain))?;
            return session.finish_registration(&request, &clean_secret(&password), &clean_secret(&again));
        }
        let password = ask(session, EventKind::AskPassword)?;
        session.log_in(&clean_name(&name), &clean_secret(&password), None)
    }

    fn welcome(&self, session: &Session<'_>, client: &Arc<Client>) {
        session.connection.set_output(Box::new(JsonOutput { me: Some(client.name) }));
        session.queue_welcome(client);
    }

    fn execute(&self, input: Input, _: &Session<'_>, context: &mut Context<'_>) -> Result<(), UserError> {
        match input {
            Input::Line(line) => command::run_tagged(&line, context),
            Input::TooLong { bytes } => Err(UserError::LineTooLong(bytes, context.hub.limits().line_limit)),
            // Only terminals send these.
            Input::Interrupt | Input::AreYouThere => Ok(()),
        }
    }

    // A page hides what is typed by itself.

    fn begin_question(&self, _: &mut Session<'_>) {}

    fn end_question(&self, _: &mut Session<'_>) {}
}

/// Asks a question before the login, and reads one line as its answer.
fn ask(session: &mut Session<'_>, question: EventKind) -> Result<Vec<u8>, QuitReason> {
    session.connection.queue(question);
    loop {
        match session.source.next_input() {
            Some(Input::Line(line)) => return Ok(line),
            // No name and no password is that long; an empty one fails in the same way.
            Some(Input::TooLong { .. }) => return Ok(Vec::new()),
            Some(Input::Interrupt | Input::AreYouThere) => {}
            None => {
                session.flush()?;
                match session.read(Some(session.login_by))? {
                    ReadOutcome::Deadline if Instant::now() >= session.login_by => {
                        return Err(QuitReason::LoginTimeout);
                    }
                    ReadOutcome::Bytes | ReadOutcome::Deadline => {}
                    ReadOutcome::End => session.note_end()?,
                }
            }
        }
    }
}

/// Each event as one JSON object, which has the tag of the line that caused it if the user of the session sent that line.
struct JsonOutput {
    /// The user, once logged in.
    me: Option<Name>,
}

impl Output for JsonOutput {
    fn put(&mut self, event: &Event, page: &mut Vec<u8>) {
        // A client that has closed knows it.
        if matches!(event.kind, EventKind::Closed { reason: QuitReason::Eof }) {
            return;
        }
        match self.me.filter(|me| event.each().iter().any(|event| event.tag_for(me).is_some())) {
            Some(me) => page.extend_from_slice(&tagged_json(event, &me)),
            None => page.extend_from_slice(JSON.encode(event)),
        }
    }

    fn after_prompt(&self) -> &'static [u8] {
        JSON.after_prompt()
    }

    fn set_format(&mut self, _: Name, _: OutputFormat) {
        // `/mode` is about text for terminals: objects stay objects.
    }
}
