//! Floor 1, the store: everything that outlives a session, above all the message log, in one order for the whole server.
//!
//! All changes are [`Entry`]s, appended in batches. [`Store::append`] stores a batch whole or not at all, and returns once it
//! is as safe as the store can make it. Reading never waits for an append. The store knows no hub and no client.
//!
//! | file | what it has |
//! | --- | --- |
//! | `address` | from an address to a store: the one file that knows which implementations there are |
//! | `entry` | what is appended |
//! | `tools` | what operators do with a store from outside the daemon |
//! | `memory`, `sqlite` | the implementations |

mod address;
mod entry;
mod memory;
mod sqlite;
#[cfg(test)]
mod tests;
mod tools;
mod words;

use std::fmt;
use std::time::SystemTime;

pub use address::{descriptors, open, tools};
pub use entry::{Device, Digest, Entry, KeptGroup, Position, Token};
pub use memory::MemoryStore;
pub use tools::{Erased, Progress, Tools};

use crate::model::{Message, MessageId, Name, Report, Role, Sanction, Scope, SearchEnd};

/// The interface between the server and whatever keeps its data.
///
/// The store decides what a reader may see, by the entries about them. Its two users see a private conversation, members see
/// a group between [`Entry::Entered`] and [`Entry::Left`], and everybody sees a broadcast. [`Entry::Cleared`] takes away what
/// came before it, and [`Entry::Ignored`] what another user said, for as long as it holds. A guest ([`Name::is_guest`]) sees
/// nothing, because the next guest of that name is somebody else.
pub trait Store: Send + Sync {
    /// Stores all of these entries in this order, or none of them, and returns the id of the first message among them. The
    /// others follow without a gap. Without a message it is the id that the next one will get. An empty batch finds out
    /// whether the store works. One caller at a time.
    ///
    /// # Errors
    /// Why nothing was stored.
    fn append(&self, batch: &[Entry]) -> Result<MessageId, StoreError>;

    /// The last `limit` messages that `reader` may see, in one conversation or in all, and before the message `before` if
    /// one is given. Oldest first, with deleted ones among them.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn history(
        &self,
        reader: &Name,
        scope: Option<Scope>,
        before: Option<MessageId>,
        limit: usize,
    ) -> Result<Vec<Message>, StoreError>;

    /// The last `limit` messages that `reader` may see and that have all these words, in one conversation or in all. Oldest
    /// first. Words are compared without case, accents and width, also with parts of words, and punctuation does not count.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn search(&self, reader: &Name, words: &str, scope: Option<Scope>, limit: usize) -> Result<Found, StoreError>;

    /// The messages for this device after its position and up to `upto`: private messages to its user and messages of their
    /// groups, but not their own and no deleted ones. The oldest `limit` of them.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn backlog(&self, reader: &Name, device: Device, upto: MessageId, limit: usize) -> Result<Backlog, StoreError>;

    /// Every user with each user they ignore.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn ignored(&self) -> Result<Vec<(Name, Name)>, StoreError>;

    /// The message of this id, if `reader` may see it.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn message(&self, reader: &Name, id: MessageId) -> Result<Option<Message>, StoreError>;

    /// The first `limit` messages after `after`, whoever may see them; for copies of the log.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn tail(&self, after: MessageId, limit: usize) -> Result<Vec<Message>, StoreError>;

    /// The groups that outlive their members' sessions, in the order of their names.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn groups(&self) -> Result<Vec<KeptGroup>, StoreError>;

    /// The id of the last message; 0 if there is none yet.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn last_id(&self) -> Result<MessageId, StoreError>;

    /// When the last session of a user ended; `None` if that is not known or the user is here.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn last_seen(&self, user: &Name) -> Result<Option<SystemTime>, StoreError>;

    /// The login tokens of a user, expired ones included, in the order of their names.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn tokens(&self, user: &Name) -> Result<Vec<Token>, StoreError>;

    /// Whether an invitation is good. Only [`Store::redeem`] uses it up.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn is_invited(&self, invite: &Digest, now: SystemTime) -> Result<bool, StoreError>;

    /// Uses up an invitation, and returns whether there was one that was still good.
    ///
    /// # Errors
    /// When the store cannot be written.
    fn redeem(&self, invite: &Digest, now: SystemTime) -> Result<bool, StoreError>;

    /// The server role of a user. A guest always has [`Role::User`].
    ///
    /// # Errors
    /// When the store cannot be read.
    fn role(&self, user: &Name) -> Result<Role, StoreError>;

    /// All users with a role above [`Role::User`], in the order of their names.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn operators(&self) -> Result<Vec<(Name, Role)>, StoreError>;

    /// All sanctions that were not lifted, expired ones included.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn sanctions(&self) -> Result<Vec<Sanction>, StoreError>;

    /// All reports that are open, in the order of their numbers.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn reports(&self) -> Result<Vec<Report>, StoreError>;

    /// Whether anything is kept under this name that would pass to a user who got it: messages, choices or sanctions.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn knows(&self, name: &Name) -> Result<bool, StoreError>;

    /// The renamings that the users file may not have yet, as pairs of the old and the new name.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn renamings(&self) -> Result<Vec<(Name, Name)>, StoreError>;

    /// The accounts that the store knows to exist, each with a number that no other account ever had.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn accounts(&self) -> Result<Vec<(Name, u64)>, StoreError>;

    /// The last message that belongs to earlier holders of a name; 0 if there were none.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn former_upto(&self, name: &Name) -> Result<MessageId, StoreError>;

    /// Whether what is stored survives the process. Then senders must not see their echo before every recipient has been
    /// written to.
    fn is_durable(&self) -> bool;

    /// Finds out whether what is behind the store is still what was opened, and whether a store that failed can be used
    /// again. Called about once a second.
    ///
    /// # Errors
    /// Why the store cannot be used; then nothing can be appended.
    fn inspect(&self) -> Result<(), StoreError>;

    /// Does a small piece of the work that can wait, such as deleting old messages and indexing new ones, and returns whether
    /// there is more. Called about once a second, and again at once while there is more.
    ///
    /// # Errors
    /// When the store cannot be written.
    fn tend(&self) -> Result<bool, StoreError>;
}

/// The messages that came while a device was away.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Backlog {
    /// The oldest messages, in order.
    pub messages: Vec<Message>,
    /// How many there are beyond these.
    pub more: u64,
    /// Private messages of users that the reader ignores, which must not be shown: the oldest, in order, up to the limit.
    pub withheld: Vec<Message>,
}

/// The result of a search.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Found {
    /// The newest matches, in order.
    pub messages: Vec<Message>,
    /// Whether these are all.
    pub end: SearchEnd,
}

/// Why something could not be stored or read. `Display` is part of a sentence for users and for the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreError {
    /// The disk is full.
    Full,
    /// The disk cannot be read or written; the text is the system's reason.
    Disk(String),
    /// Another program holds the store.
    Locked,
    /// The store contains something that cannot be; the text says what.
    Damaged(String),
    /// The files of the store are no longer those that were opened; the text says what happened to them.
    Replaced(&'static str),
    /// The thread that was to append it could not finish, because of a bug.
    Abandoned,
    /// Anything else; the text is the reason.
    Other(String),
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StoreError::Full => f.write_str("the disk is full"),
            StoreError::Disk(why) => write!(f, "the disk cannot be used ({why})"),
            StoreError::Locked => f.write_str("another program is using the database"),
            StoreError::Damaged(why) => write!(f, "the database is damaged ({why})"),
            StoreError::Replaced(what) => write!(f, "the database file {what}"),
            StoreError::Abandoned => f.write_str("a fault in the server"),
            StoreError::Other(why) => f.write_str(why),
        }
    }
}

impl std::error::Error for StoreError {}
