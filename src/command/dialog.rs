//! Commands that ask further questions. What is answered goes to the command alone: it is never a command itself, and
//! never in a log or an echo.

use super::Context;
use crate::model::{Question, UserError};

/// A command that has to know more before it can be carried out.
///
/// All questions are asked before any answer is looked at. So who sends his answers without waiting for the questions
/// sends none of them to where a plain line would go, whatever is wrong with the first.
pub trait Dialog: Send {
    /// What is asked, in this order; at least one thing.
    fn questions(&self) -> &'static [Question];

    /// Carries the command out, with one answer to each question, to the byte and without line ends.
    ///
    /// # Errors
    /// What the asker is told instead when it cannot be done; nothing has changed then.
    fn finish(self: Box<Self>, answers: &[Vec<u8>], context: &mut Context<'_>) -> Result<(), UserError>;
}
