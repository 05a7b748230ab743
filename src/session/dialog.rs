//! Questions that a command asks: the lines that follow are its answers, hidden where the client's terminal can.

use super::Session;
use super::chat::ChatState;
use crate::command::{Context, Dialog};
use crate::model::{EventKind, Question, TelnetMode, UserError};
use crate::transport::Input;

/// A dialog that waits for its answers.
pub(super) struct Open {
    dialog: Box<dyn Dialog>,
    answers: Vec<Vec<u8>>,
    /// What is wrong with an answer; said when the last one has come.
    flaw: Option<UserError>,
}

impl Open {
    pub(super) fn new(dialog: Box<dyn Dialog>) -> Open {
        Open { dialog, answers: Vec::new(), flaw: None }
    }

    /// The question that has no answer yet.
    fn question(&self) -> Option<Question> {
        self.dialog.questions().get(self.answers.len()).copied()
    }

    /// Takes what the client said to the question. With the last answer the command is carried out; otherwise the
    /// dialog comes back, for the next question.
    pub(super) fn hear(mut self, input: Input, context: &mut Context<'_>) -> Result<Option<Open>, UserError> {
        match input {
            Input::Line(answer) if !answer.is_empty() => self.answers.push(answer),
            Input::TooLong { bytes } => {
                self.answers.push(Vec::new());
                self.flaw.get_or_insert(UserError::LineTooLong(bytes, context.hub.limits().line_limit));
            }
            Input::Line(_) | Input::Interrupt | Input::AreYouThere => {
                context.reply(EventKind::Cancelled);
                return Ok(None);
            }
        }
        if self.question().is_some() {
            return Ok(Some(self));
        }
        match self.flaw {
            Some(flaw) => Err(flaw),
            None => self.dialog.finish(&self.answers, context).map(|()| None),
        }
    }
}

impl Session<'_> {
    /// Asks the question that the client has to answer next, if one is open.
    pub(super) fn ask(&mut self, talk: &mut ChatState) {
        let Some(question) = talk.dialog.as_ref().and_then(Open::question) else { return };
        // What was said before the command comes before its question.
        self.settle(talk);
        // A late WONT ECHO would undo the WILL ECHO of the question.
        self.answer_telnet();
        if self.hides_typing() {
            self.connection.prepend(self.source.hide_input());
        }
        self.source.expect_answer(true);
        talk.answer(EventKind::Ask(question));
        // Now, or an answer that is here already would stand before its question.
        self.settle(talk);
    }

    /// Takes back what [`Session::ask`] did to the client's terminal.
    pub(super) fn end_question(&mut self) {
        self.source.expect_answer(false);
        self.connection.answered();
        if self.source.is_hiding() {
            self.connection.prepend(self.source.show_input());
            self.connection.prepend(b"\r\n");
        }
    }

    /// Whether the client's terminal is asked to hide a secret.
    pub(super) fn hides_typing(&self) -> bool {
        match self.shared.telnet {
            _ if self.connection.link().carries_messages() => false,
            TelnetMode::Auto => self.source.counts_as_telnet(),
            TelnetMode::Always => true,
            TelnetMode::Never => false,
        }
    }
}
