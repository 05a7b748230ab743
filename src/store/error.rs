//! Why something could not be stored or read, in words for the people who asked and for the log.

use std::fmt;

/// What is wrong with the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreError {
    /// There is no room on its disk.
    Full,
    /// Its disk cannot be read or written.
    Disk(String),
    /// Another program holds it.
    Locked,
    /// It holds something that cannot be.
    Damaged(String),
    /// Whoever was to append it could not finish, through a fault of ours.
    Abandoned,
    /// Anything else.
    Other(String),
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StoreError::Full => f.write_str("the disk is full"),
            StoreError::Disk(why) => write!(f, "the disk cannot be used ({why})"),
            StoreError::Locked => f.write_str("another program holds the database"),
            StoreError::Damaged(why) => write!(f, "the database is damaged ({why})"),
            StoreError::Abandoned => f.write_str("a fault in the server"),
            StoreError::Other(why) => f.write_str(why),
        }
    }
}

impl std::error::Error for StoreError {}
