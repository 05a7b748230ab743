//! The judge: is this the password of this user? An unknown name costs him the same work as a wrong password.

use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use parking_lot::RwLock;

use super::disk;
use super::file::{Account, Sheet};
use super::permits::Permits;
use super::secret::{Hash, Secret, same};
use crate::model::{Name, StartError};

/// What a guess is compared with where no password is kept. Guessing it opens nothing.
const NOBODYS: &[u8] = b"nobody's password";

/// All accounts, as the users file had them when it was last read.
pub struct Accounts {
    path: PathBuf,
    users: RwLock<Arc<Users>>,
    permits: Permits,
}

/// What a guess turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The password of this user; the name is as registered.
    Right(Name),
    /// No such user, or not his password: nobody can tell which.
    Wrong,
    /// Not judged: until the deadline there was no room to hash it.
    Late,
}

/// One reading of the file.
struct Users {
    secrets: HashMap<Name, Secret>,
    plain: usize,
    /// The dearest hash of the file: verified in place of one that is not there, and its answer thrown away.
    decoy: Option<Hash>,
}

impl Accounts {
    /// Reads the users file.
    ///
    /// # Errors
    /// When it cannot be read, or a line of it is wrong; the text names the line, never what stands there.
    pub fn load(path: &Path) -> Result<Accounts, StartError> {
        Accounts::with(path, Permits::for_this_machine())
    }

    fn with(path: &Path, permits: Permits) -> Result<Accounts, StartError> {
        let users = RwLock::new(Arc::new(Users::read(path)?));
        Ok(Accounts { path: path.to_owned(), users, permits })
    }

    /// Reads the users file again, whole or not at all; answers how many accounts there are now.
    ///
    /// # Errors
    /// As [`Accounts::load`]; the accounts are then what they were before.
    pub fn reload(&self) -> Result<usize, StartError> {
        let users = Arc::new(Users::read(&self.path)?);
        let count = users.secrets.len();
        // Whoever judges at this moment keeps the old reading; the last one to let go of it frees it, not this lock.
        let old = std::mem::replace(&mut *self.users.write(), users);
        drop(old);
        Ok(count)
    }

    /// How many accounts there are.
    pub fn len(&self) -> usize {
        self.users().secrets.len()
    }

    /// Whether there is no account at all.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many accounts keep their password as it is, and not as a hash.
    pub fn plain_secrets(&self) -> usize {
        self.users().plain
    }

    /// The name of this user as it is registered.
    pub fn find(&self, name: &Name) -> Option<Name> {
        self.users().secrets.get_key_value(name).map(|(name, _)| *name)
    }

    /// Judges the name and the password as they were typed, without their line ends.
    ///
    /// As soon as the file holds one hash, every wrong guess costs one hash, whether its name is unknown, has a
    /// password kept as it is, or a hash. It waits for its turn until `deadline`.
    pub fn judge(&self, name: &[u8], guess: &[u8], deadline: Instant) -> Verdict {
        let users = self.users();
        if let Some(name) = users.plainly(name, guess) {
            return Verdict::Right(name);
        }
        let Some(decoy) = &users.decoy else { return Verdict::Wrong };
        let hashed = users.find(name).and_then(|(name, secret)| Some((name, secret.hash()?)));
        let (owner, hash) = hashed.map_or((None, decoy), |(name, hash)| (Some(name), hash));
        let Some(mut permit) = self.permits.take(deadline) else { return Verdict::Late };
        match (hash.is_of(guess, &mut permit.memory), owner) {
            (None, _) => Verdict::Late,
            (Some(true), Some(name)) => Verdict::Right(name),
            _ => Verdict::Wrong,
        }
    }

    /// Computes no hash any more, and lets nobody wait for one: who does is late at once. For a server that stops.
    pub fn stop_hashing(&self) {
        self.permits.close();
    }

    fn users(&self) -> Arc<Users> {
        Arc::clone(&self.users.read())
    }
}

impl Users {
    fn read(path: &Path) -> Result<Users, StartError> {
        let bytes = disk::read(path)?;
        let sheet = Sheet::parse(&bytes).map_err(|flaw| StartError::Users(path.to_owned(), flaw.to_string()))?;
        let secrets: HashMap<Name, Secret> =
            sheet.into_accounts().map(|Account { name, secret }| (name, secret)).collect();
        let plain = secrets.values().filter(|secret| secret.plain().is_some()).count();
        let decoy = secrets.values().filter_map(Secret::hash).max_by_key(|hash| hash.work()).cloned();
        Ok(Users { secrets, plain, decoy })
    }

    fn find(&self, typed: &[u8]) -> Option<(Name, &Secret)> {
        let name: Name = std::str::from_utf8(typed).ok()?.parse().ok()?;
        self.secrets.get_key_value(&name).map(|(name, secret)| (*name, secret))
    }

    /// The user whose plain password this is; compares once, also where there is nothing to compare with.
    fn plainly(&self, name: &[u8], guess: &[u8]) -> Option<Name> {
        let found = self.find(name).and_then(|(name, secret)| Some((name, secret.plain()?)));
        let (owner, password) = found.map_or((None, NOBODYS), |(name, password)| (Some(name), password));
        let right = same(guess, password);
        owner.filter(|_| right)
    }
}

impl fmt::Debug for Accounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Accounts").field("len", &self.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
#[path = "verify_tests.rs"]
mod tests;
