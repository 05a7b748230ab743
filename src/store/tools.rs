//! Operators' tools on a store, beside a running daemon or without one.

use std::path::Path;

use super::Entry;
use crate::model::{Message, MessageId, Name, StartError};

/// Is told how much of how much is done.
pub type Progress<'a> = &'a mut dyn FnMut(u64, u64);

/// The tools of a store that outlives its daemon. Each error says what is wrong, where, and what to do about it.
pub trait Tools {
    /// Looks whether the store can be used, without changing anything, and returns how many messages it holds; `None` when
    /// there is no store yet.
    ///
    /// # Errors
    /// Why it cannot be used.
    fn inspect(&self) -> Result<Option<u64>, StartError>;

    /// The messages with values that cannot be read, without changing anything; none where there is no store yet.
    ///
    /// # Errors
    /// When the store cannot be read at all.
    fn damaged(&self) -> Result<Vec<MessageId>, StartError>;

    /// Whether there is a store yet, however good it is.
    ///
    /// # Errors
    /// When that cannot be found out.
    fn exists(&self) -> Result<bool, StartError>;

    /// As [`Store::renamings`](super::Store::renamings), without changing anything; none where there is no store yet.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn renamings(&self) -> Result<Vec<(Name, Name)>, StartError>;

    /// Creates an empty store where there is none yet.
    ///
    /// # Errors
    /// Why it cannot be created.
    fn create(&self) -> Result<(), StartError>;

    /// Stores these entries, all or none. A running daemon sees them at once.
    ///
    /// # Errors
    /// Why nothing was stored.
    fn append(&self, entries: &[Entry]) -> Result<(), StartError>;

    /// Copies the store, as it is at this moment, into a file that does not exist yet.
    ///
    /// # Errors
    /// Why there is no copy.
    fn backup(&self, to: &Path, progress: Progress<'_>) -> Result<(), StartError>;

    /// Passes all messages that are there now, or those of a user or a group, to `take`, in order, until that returns
    /// `false`.
    ///
    /// # Errors
    /// When the store cannot be read; and the errors of `take`.
    fn export(
        &self,
        user: Option<&Name>,
        group: Option<&Name>,
        take: &mut dyn FnMut(&Message) -> Result<bool, StartError>,
        progress: Progress<'_>,
    ) -> Result<(), StartError>;

    /// Erases all that a user said or was told privately, and everything that is kept for that user. `cleaning` is told of
    /// the messages whose words have left the index of the search.
    ///
    /// # Errors
    /// Why not everything was erased; then it can be done again.
    fn erase(&self, user: &Name, progress: Progress<'_>, cleaning: Progress<'_>) -> Result<Erased, StartError>;
}

/// The result of [`Tools::erase`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Erased {
    /// How many messages are gone.
    pub messages: u64,
    /// Whether the disk no longer holds them; otherwise a running daemon overwrites them later.
    pub overwritten: bool,
}
