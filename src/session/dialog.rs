//! Questions asked by a command: the next lines are the answers, hidden where the client's terminal can hide them.

use super::Session;
use super::chat::ChatState;
use crate::command::{Context, Dialog};
use crate::model::line::clean_secret;
use crate::model::{EventKind, Question, UserError};
use crate::transport::Input;

/// A dialog that waits for its answers.
pub(super) struct OpenDialog {
    dialog: Box<dyn Dialog>,
    answers: Vec<Vec<u8>>,
    /// The error of an answer; the user is told after the last one.
    error: Option<UserError>,
}

impl OpenDialog {
    pub(super) fn new(dialog: Box<dyn Dialog>) -> OpenDialog {
        OpenDialog { dialog, answers: Vec::new(), error: None }
    }

    /// The question that has no answer yet.
    fn question(&self) -> Option<Question> {
        self.dialog.questions().get(self.answers.len()).copied()
    }

    /// Takes the answer to the current question. The last answer carries the command out; otherwise the dialog is returned,
    /// for the next question.
    pub(super) fn on_answer(
        mut self,
        input: Input,
        context: &mut Context<'_>,
    ) -> Result<Option<OpenDialog>, UserError> {
        match input {
            Input::Line(answer) if !clean_secret(&answer).is_empty() => {
                self.answers.push(clean_secret(&answer).into_owned());
            }
            Input::TooLong { bytes } => {
                self.answers.push(Vec::new());
                self.error.get_or_insert(UserError::LineTooLong(bytes, context.hub.limits().line_limit));
            }
            Input::Line(_) | Input::Interrupt | Input::AreYouThere => {
                context.reply(EventKind::Cancelled);
                return Ok(None);
            }
        }
        if self.question().is_some() {
            return Ok(Some(self));
        }
        match self.error {
            Some(error) => Err(error),
            None => self.dialog.finish(&self.answers, context).map(|()| None),
        }
    }
}

impl Session<'_> {
    /// Asks the question that the client has to answer next, if a dialog is open.
    pub(super) fn ask(&mut self, chat: &mut ChatState) {
        let Some(question) = chat.dialog.as_ref().and_then(OpenDialog::question) else { return };
        // Messages from before the command come before its question.
        self.settle(chat);
        self.connection.door().begin_question(self);
        self.source.expect_answer(true);
        chat.queue(EventKind::Ask(question));
        // At once, or an answer that has already arrived would be handled before its question is written.
        self.settle(chat);
    }

    /// Undoes [`Session::ask`].
    pub(super) fn end_question(&mut self) {
        self.source.expect_answer(false);
        self.connection.note_answered();
        self.connection.door().end_question(self);
    }
}
