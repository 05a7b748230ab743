//! The accounts in use: the users file as it was last read, with the changes made since.

use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::disk;
use super::edit::MIN_PASSWORD;
use super::file::{Account, UsersFile};
use super::hash::{Cost, Hash, HashSlots, Secret};
use super::throttle::Throttle;
use crate::lock::{Mutex, RwLock};
use crate::model::{Name, StartError};

/// How long [`Accounts::reload`] waits for a change in progress. The thread that reloads also has to notice a stop.
const RELOAD_PATIENCE: Duration = Duration::from_secs(2);

/// What the operator has chosen about accounts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AccountRules {
    /// The fewest characters of a new password.
    pub min_password: usize,
    /// Whether a users file without any user is taken at a reload.
    pub allow_empty: bool,
}

impl Default for AccountRules {
    fn default() -> AccountRules {
        AccountRules { min_password: MIN_PASSWORD, allow_empty: false }
    }
}

/// All accounts.
pub struct Accounts {
    pub(super) path: PathBuf,
    pub(super) rules: AccountRules,
    // lock tier 9: a leaf, held to look up or to change one account.
    pub(super) users: RwLock<Users, 9>,
    /// Held from before the file is read or rewritten until `users` says the same. Otherwise a change made while the
    /// file is being read would be lost here but stay in the file.
    // lock tier 3: after the admin's turn; held while the file is rewritten and while the store appends.
    pub(super) update: Mutex<(), 3>,
    pub(super) hash_slots: HashSlots,
    guesses: Throttle,
    /// When users last changed their passwords, as far as that keeps them from doing so again.
    // lock tier 9: a leaf, held to look up or note one change.
    pub(super) changes: Mutex<HashMap<Name, Instant>, 9>,
    /// A hash could not be renewed, so that is not tried again until the next reload.
    pub(super) renewal_failed: AtomicBool,
}

/// The accounts by name.
pub(super) struct Users {
    secrets: HashMap<Name, Secret>,
    plain: usize,
    deleted: usize,
    /// How many hashes have each cost.
    costs: HashMap<Cost, usize>,
    /// A hash of the most common cost. It is verified where an account has none, and the result is thrown away.
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
            rules: AccountRules::default(),
            hash_slots,
            guesses: Throttle::for_guesses(),
            changes: Mutex::default(),
            renewal_failed: AtomicBool::new(false),
        })
    }

    /// The same accounts under these rules.
    pub fn with_rules(self, rules: AccountRules) -> Accounts {
        Accounts { rules, ..self }
    }

    /// Reads the users file again, whole or not at all, and returns the number of accounts.
    ///
    /// # Errors
    /// As [`Accounts::load`]; and when no account is left, which is more likely a slip than intended. The accounts stay as
    /// they were.
    pub(crate) fn reload(&self) -> Result<usize, StartError> {
        let busy = || StartError::Users(self.path.clone(), "is being changed; try again".to_owned());
        let _updating = self.update.try_lock_for(RELOAD_PATIENCE).ok_or_else(busy)?;
        let users = Users::read(&self.path)?;
        let count = users.len();
        if count == 0 && self.len() > 0 && !self.rules.allow_empty {
            let why = "has no users any more, so the old ones stay; --allow-empty-users lets it empty the server";
            return Err(StartError::Users(self.path.clone(), why.to_owned()));
        }
        self.renewal_failed.store(false, Ordering::Relaxed);
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

    /// The number of accounts whose hash costs more than most do and than a new one would. Until it is renewed, at the next
    /// login, wrong passwords for such an account take longer than others, which tells that it exists.
    pub fn expensive_hashes(&self) -> usize {
        let users = self.users.read();
        let dear = |cost: &Cost| !users.is_usual(*cost) && cost.work() > Cost::STANDARD.work();
        users.costs.iter().filter(|(cost, _)| dear(cost)).map(|(_, count)| count).sum()
    }

    /// The name as registered, if there is such an account.
    pub(crate) fn find(&self, name: &Name) -> Option<Name> {
        self.users.read().find(name).map(|(name, _)| name)
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
        let mut costs = HashMap::new();
        for hash in secrets.values().filter_map(Secret::hash) {
            *costs.entry(hash.cost()).or_default() += 1;
        }
        let mut users = Users { secrets, plain, deleted, costs, decoy: None };
        users.choose_decoy();
        Ok(users)
    }

    /// Chooses the hash to verify where an account has none: one of those that cost what most do.
    fn choose_decoy(&mut self) {
        let most = self.costs.iter().max_by_key(|(cost, count)| (**count, cost.work())).map(|(cost, _)| *cost);
        if self.decoy.as_ref().map(Hash::cost) != most {
            let hashes = &mut self.secrets.values().filter_map(Secret::hash);
            self.decoy = hashes.find(|hash| Some(hash.cost()) == most).cloned();
        }
    }

    /// Whether a hash of this cost need not be renewed: it costs what most do, or what a new one would.
    pub(super) fn is_usual(&self, cost: Cost) -> bool {
        cost == Cost::STANDARD || self.decoy.as_ref().is_some_and(|decoy| decoy.cost() == cost)
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
        self.plain += usize::from(secret.plain().is_some());
        self.deleted += usize::from(secret.is_deleted());
        if let Some(hash) = secret.hash() {
            *self.costs.entry(hash.cost()).or_default() += 1;
        }
        if let Some(old) = self.secrets.insert(name, secret) {
            self.plain -= usize::from(old.plain().is_some());
            self.deleted -= usize::from(old.is_deleted());
            self.forget_cost(old.hash().map(Hash::cost));
        }
        self.choose_decoy();
    }

    fn forget_cost(&mut self, cost: Option<Cost>) {
        let Some(cost) = cost else { return };
        if let Some(count) = self.costs.get_mut(&cost) {
            *count -= 1;
            if *count == 0 {
                self.costs.remove(&cost);
            }
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
