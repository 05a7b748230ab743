//! The accounts in use: the users file as it was last read, with the changes made since.

use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::disk;
use super::file::{Account, UsersFile};
use super::hash::{Hash, HashSlots, Secret};
use super::throttle::Throttle;
use crate::lock::{Mutex, RwLock};
use crate::model::{Name, StartError};

/// How long [`Accounts::reload`] waits for a change in progress. The thread that reloads also has to notice a stop.
const RELOAD_PATIENCE: Duration = Duration::from_secs(2);

/// All accounts.
pub struct Accounts {
    pub(super) path: PathBuf,
    // lock tier 9: a leaf, held to look up or to change one account.
    pub(super) users: RwLock<Users, 9>,
    /// Held from before the file is read or rewritten until `users` says the same. Otherwise a change made while the
    /// file is being read would be lost here but stay in the file.
    // lock tier 3: after the admin's turn; held while the file is rewritten and while the store appends.
    pub(super) update: Mutex<(), 3>,
    pub(super) hash_slots: HashSlots,
    guesses: Throttle,
}

/// The accounts by name.
pub(super) struct Users {
    secrets: HashMap<Name, Secret>,
    plain: usize,
    deleted: usize,
    /// The most expensive hash of the file. It is verified where an account has none, and the result is thrown away.
    decoy: Option<Hash>,
}

impl Accounts {
    /// Reads the users file.
    ///
    /// # Errors
    /// When it cannot be read, or a line is malformed. The error names the line but never quotes it.
    pub fn load(path: &Path) -> Result<Accounts, StartError> {
        Accounts::with(path, HashSlots::for_this_machine())
    }

    pub(super) fn with(path: &Path, hash_slots: HashSlots) -> Result<Accounts, StartError> {
        Ok(Accounts {
            path: path.to_owned(),
            users: RwLock::new(Users::read(path)?),
            update: Mutex::default(),
            hash_slots,
            guesses: Throttle::for_guesses(),
        })
    }

    /// Reads the users file again, whole or not at all, and returns the number of accounts.
    ///
    /// # Errors
    /// As [`Accounts::load`]; the accounts stay as they were.
    pub(crate) fn reload(&self) -> Result<usize, StartError> {
        let busy = || StartError::Users(self.path.clone(), "is being changed; try again".to_owned());
        let _updating = self.update.try_lock_for(RELOAD_PATIENCE).ok_or_else(busy)?;
        let users = Users::read(&self.path)?;
        let count = users.len();
        let old = std::mem::replace(&mut *self.users.write(), users);
        // Freed without the lock, because there may be many.
        drop(old);
        Ok(count)
    }

    /// Limits how many wrong passwords, tokens and codes an address may try.
    pub(crate) fn guesses(&self) -> &Throttle {
        &self.guesses
    }

    /// The number of accounts, without deleted ones.
    pub(crate) fn len(&self) -> usize {
        self.users.read().len()
    }

    /// The number of accounts whose password is kept as plain text.
    pub(crate) fn plain_passwords(&self) -> usize {
        self.users.read().plain
    }

    /// The name as registered, if there is such an account.
    pub(crate) fn find(&self, name: &Name) -> Option<Name> {
        self.users.read().find(name).map(|(name, _)| name)
    }

    /// The names of all accounts that are not deleted.
    pub fn names(&self) -> Vec<Name> {
        let users = self.users.read();
        users.secrets.iter().filter(|(_, secret)| !secret.is_deleted()).map(|(name, _)| *name).collect()
    }

    /// Whether there is another account whose name begins with these characters.
    pub fn has_longer(&self, beginning: &str) -> bool {
        let goes_on = |name: &str| {
            name.len() > beginning.len()
                && name.as_bytes()[..beginning.len()].eq_ignore_ascii_case(beginning.as_bytes())
        };
        let users = self.users.read();
        users.secrets.iter().any(|(name, secret)| goes_on(name.as_str()) && !secret.is_deleted())
    }

    /// Whether an account of this name was deleted: the name belongs to nobody, and nobody can register it.
    pub(crate) fn is_deleted(&self, name: &Name) -> bool {
        self.users.read().secrets.get(name).is_some_and(Secret::is_deleted)
    }

    /// Whether a name cannot be registered: it is a guest's, or that of an account, deleted or not.
    pub(crate) fn is_taken(&self, name: &Name) -> bool {
        name.is_guest() || self.users.read().secrets.contains_key(name)
    }
}

impl Users {
    fn read(path: &Path) -> Result<Users, StartError> {
        let bytes = disk::read(path)?;
        let file = UsersFile::parse(&bytes).map_err(|e| StartError::Users(path.to_owned(), e.to_string()))?;
        let secrets: HashMap<Name, Secret> =
            file.into_accounts().map(|Account { name, secret }| (name, secret)).collect();
        let count = |which: fn(&Secret) -> bool| secrets.values().filter(|secret| which(secret)).count();
        let (plain, deleted) = (count(|secret| secret.plain().is_some()), count(Secret::is_deleted));
        let decoy = secrets.values().filter_map(Secret::hash).max_by_key(|hash| hash.work()).cloned();
        Ok(Users { secrets, plain, deleted, decoy })
    }

    fn len(&self) -> usize {
        self.secrets.len() - self.deleted
    }

    /// An account that is not deleted.
    pub(super) fn find(&self, name: &Name) -> Option<(Name, &Secret)> {
        let found = self.secrets.get_key_value(name).filter(|(_, secret)| !secret.is_deleted());
        found.map(|(name, secret)| (*name, secret))
    }

    /// The hash to verify where an account has none.
    pub(super) fn decoy(&self) -> Option<&Hash> {
        self.decoy.as_ref()
    }

    /// Sets the secret of an account, and adds the account if it is new. An existing name keeps its spelling.
    pub(super) fn set(&mut self, name: Name, secret: Secret) {
        if let Some(hash) = secret.hash()
            && self.decoy.as_ref().is_none_or(|decoy| decoy.work() < hash.work())
        {
            self.decoy = Some(hash.clone());
        }
        self.plain += usize::from(secret.plain().is_some());
        self.deleted += usize::from(secret.is_deleted());
        if let Some(old) = self.secrets.insert(name, secret) {
            self.plain -= usize::from(old.plain().is_some());
            self.deleted -= usize::from(old.is_deleted());
        }
    }

    /// Gives an account another name. The old name stays taken.
    pub(super) fn rename(&mut self, from: &Name, to: Name) {
        let Some(secret) = self.secrets.remove(from) else { return };
        if *from != to {
            self.set(*from, Secret::Deleted);
        }
        self.secrets.insert(to, secret);
    }
}

impl fmt::Debug for Accounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Accounts").field("len", &self.len()).finish_non_exhaustive()
    }
}
