//! Floor 1, the store: everything that outlives a session. Above all the message log, in one order for the whole server.
//!
//! All changes are [`Entry`]s, appended in batches: a batch is stored whole or not at all, and [`Store::append`] returns
//! once it is as safe as the store can make it. Reading never waits for a batch. It knows no hub and no client.

mod address;
mod entry;
mod error;
pub(crate) mod line;
mod memory;
mod sqlite;
#[cfg(test)]
mod tests;
mod tools;

use std::time::SystemTime;

pub use address::{descriptors, open, tools};
pub use entry::{Device, Digest, Entry, KeptGroup, Position, Token};
pub use error::StoreError;
pub use memory::MemoryStore;
pub use tools::{Erased, Progress, Tools};

use crate::model::{Message, MessageId, Name, Report, Role, Sanction, Scope};

/// What is kept between sessions. Implemented by SQLite and by memory; shaped so that PostgreSQL can be the third.
///
/// What a reader may see is decided here, by the entries about him: a private conversation is open to its two users, a
/// group between [`Entry::Entered`] and [`Entry::Left`], a broadcast to everybody; [`Entry::Cleared`] takes away what was
/// before it, and [`Entry::Ignored`] what somebody else said, for as long as it holds. A guest ([`Name::is_guest`]) sees nothing, because the next one of that name is somebody else.
pub trait Store: Send + Sync {
    /// Stores all of these in this order, or none of them, and returns the id of the first message among them; the
    /// others follow it without a gap. Without a message it is the id that the next one will get. An empty batch finds
    /// out whether the store works. One caller at a time.
    ///
    /// # Errors
    /// Why nothing was stored.
    fn append(&self, batch: &[Entry]) -> Result<MessageId, StoreError>;

    /// The last `limit` messages that `reader` may see in one conversation, or in all of them, before the message
    /// `before` if one is given. Oldest first; deleted ones are among them.
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

    /// The last `limit` messages that `reader` may see and that hold all these words, in one conversation or in all of
    /// them. Oldest first; words are compared without case, punctuation does not count.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn search(
        &self,
        reader: &Name,
        words: &str,
        scope: Option<Scope>,
        limit: usize,
    ) -> Result<Vec<Message>, StoreError>;

    /// What came for this user's device after its position and up to `upto`, that is private messages to him and
    /// messages of groups he is in, but neither his own nor deleted ones: the oldest `limit` of them.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn backlog(&self, reader: &Name, device: Device, upto: MessageId, limit: usize) -> Result<Backlog, StoreError>;

    /// Every user with each of those he ignores.
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

    /// The id of the last message; 0 when there is none yet.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn last_id(&self) -> Result<MessageId, StoreError>;

    /// When the last session of a user ended, if that is known and he is not here.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn last_seen(&self, user: &Name) -> Result<Option<SystemTime>, StoreError>;

    /// The login tokens of a user, expired ones too, in the order of their names.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn tokens(&self, user: &Name) -> Result<Vec<Token>, StoreError>;

    /// Whether an invitation is good; only [`Store::redeem`] uses it up.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn is_invited(&self, invite: &Digest, now: SystemTime) -> Result<bool, StoreError>;

    /// Uses an invitation up, and says whether there was one that is still good.
    ///
    /// # Errors
    /// When the store cannot be written.
    fn redeem(&self, invite: &Digest, now: SystemTime) -> Result<bool, StoreError>;

    /// The server role of a user; that of a guest is always [`Role::User`].
    ///
    /// # Errors
    /// When the store cannot be read.
    fn role(&self, user: &Name) -> Result<Role, StoreError>;

    /// Everybody with a role above [`Role::User`], in the order of their names.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn operators(&self) -> Result<Vec<(Name, Role)>, StoreError>;

    /// All penalties that were not lifted, those whose time is over too.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn sanctions(&self) -> Result<Vec<Sanction>, StoreError>;

    /// All reports that are not done, in the order of their numbers.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn reports(&self) -> Result<Vec<Report>, StoreError>;

    /// Whether anything is kept under this name that would become somebody else's if he was called so: what it said or was
    /// told, what is kept for it, and what was laid upon it.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn knows(&self, name: &Name) -> Result<bool, StoreError>;

    /// The names that were changed and are not known to be in the users file, the old one first.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn renamings(&self) -> Result<Vec<(Name, Name)>, StoreError>;

    /// Whether what is stored survives the process, so that nobody may be told so before others have been written to.
    fn is_durable(&self) -> bool;

    /// Does a bounded piece of the work that can wait (forgetting what is too old, indexing), and says whether there is
    /// more of it. Called about once a second, and at once again while there is more.
    ///
    /// # Errors
    /// When the store cannot be written.
    fn tend(&self) -> Result<bool, StoreError>;
}

/// What came for a user while he was away.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Backlog {
    /// The oldest of it, in order.
    pub messages: Vec<Message>,
    /// How many there are beyond these.
    pub more: u64,
    /// What was said to him privately by those he ignores, in order, and is not to be shown: as many as were asked for at
    /// the most.
    pub withheld: Vec<Message>,
}
