//! Why a user keeps his name, in a sentence for the operator who wanted to give him another one.

use std::fmt;

use super::UserError;
use crate::model::{BadName, Name};

/// Why nobody was renamed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RenameError {
    /// He is a guest.
    Guest,
    /// The new name is none.
    BadName(String, BadName),
    /// The new name is one of those that guests get.
    GuestName(Name),
    /// He is called that already.
    Same(Name),
    /// Somebody has the new name.
    Taken(Name),
    /// Somebody had the new name, and his account was deleted or renamed.
    Deleted(Name),
    /// Nobody has the new name, but something is kept under it.
    Traces(Name),
    /// An operator wants to rename himself, whose session would have to end before.
    Yourself,
    /// Not all his sessions ended in time.
    StillHere(Name),
    /// It cannot be stored, or the users file cannot be rewritten; says why.
    Failed(String),
}

impl RenameError {
    pub(super) fn write(&self, f: &mut fmt::Formatter<'_>, quote: &dyn Fn(&str) -> String) -> fmt::Result {
        match self {
            RenameError::Guest => f.write_str("Error: A guest has no account, so nobody was renamed."),
            RenameError::BadName(typed, why) => {
                write!(f, "Error: The new name '{}' {why}; nobody was renamed.", quote(typed))
            }
            RenameError::GuestName(name) => {
                write!(f, "Error: The new name '{name}' is kept for guests; nobody was renamed.")
            }
            RenameError::Same(name) => write!(f, "Error: User '{name}' is called that already."),
            RenameError::Taken(name) => write!(f, "Error: The name '{name}' is taken; nobody was renamed."),
            RenameError::Deleted(name) => write!(
                f,
                "Error: The name '{name}' is that of an account which was deleted or renamed; nobody was renamed. `parlord user remove {name}` and /reload free it."
            ),
            RenameError::Traces(name) => write!(
                f,
                "Error: Something is still kept under the name '{name}', such as messages or a ban; nobody was renamed. `parlord erase --user {name}` and /unban take it away."
            ),
            RenameError::Yourself => f.write_str(
                "Error: Your own sessions would have to end first; let another admin rename you, or use `parlord ctl rename`.",
            ),
            RenameError::StillHere(name) => {
                write!(f, "Error: Not all sessions of '{name}' have ended in time; nobody was renamed. Try again.")
            }
            RenameError::Failed(why) => write!(f, "Error: Nobody was renamed: {why}."),
        }
    }

    pub(super) fn code(&self) -> &'static str {
        match self {
            RenameError::Guest => "guest_without_account",
            RenameError::BadName(..) => "bad_new_name",
            RenameError::GuestName(_) => "guest_name",
            RenameError::Same(_) => "same_name",
            RenameError::Taken(_) => "name_taken",
            RenameError::Deleted(_) => "name_deleted",
            RenameError::Traces(_) => "name_has_traces",
            RenameError::Yourself => "rename_yourself",
            RenameError::StillHere(_) => "still_here",
            RenameError::Failed(_) => "not_renamed",
        }
    }
}

impl From<RenameError> for UserError {
    fn from(why: RenameError) -> UserError {
        UserError::NotRenamed(why)
    }
}
