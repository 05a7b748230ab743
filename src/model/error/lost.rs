//! Sentences for what did not get where it was to go.

use std::fmt;

use super::UserError;

impl UserError {
    /// What became of a line or a message that did not get where it was to go.
    pub(super) fn write_lost(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            UserError::LineTooLong(bytes, max) => {
                write!(f, "Error: That line had {bytes} bytes, the limit is {max}; it was dropped.")
            }
            UserError::NotSaved(why) => write!(f, "Error: Your message was delivered, but saved nowhere: {why}."),
            UserError::Lost => f.write_str("Error: A fault in the server lost your message; please send it again."),
            UserError::NotReadable(why) => {
                write!(f, "Error: What was said earlier cannot be read now: {why}. Try again later with /history.")
            }
            UserError::NotKept(user, why) => {
                write!(
                    f,
                    "Error: User '{user}' is not online, and your message could not be kept: {why}. Try again later."
                )
            }
            UserError::NotStoredYet(why) => {
                write!(
                    f,
                    "Error: This could not be stored yet: {why}. It will be as soon as it can; there is no need to repeat it."
                )
            }
            UserError::NoSuchMessage(id) => {
                write!(f, "Error: Message {id} does not exist, or it is not for you to see.")
            }
            UserError::NotYours(id) => write!(f, "Error: Message {id} is not yours; only its author can delete it."),
            UserError::NotToYou(id) => write!(f, "Error: Message {id} is not a private message to you."),
            UserError::GuestsHaveNone => {
                f.write_str("Error: Nothing is kept for guests, so they cannot ask for it; this needs an account.")
            }
            _ => f.write_str("Error: That line is not valid UTF-8; it was dropped."),
        }
    }
}
