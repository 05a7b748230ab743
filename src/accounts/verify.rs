//! The judge: is this the password of this user? An unknown name costs him the same work as a wrong password.

use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use parking_lot::{Mutex, RwLock};

use super::disk;
use super::file::{Account, UsersFile};
use super::hash_slots::HashSlots;
use super::secret::{Hash, Secret, same};
use super::throttle::Throttle;
use crate::model::{Name, StartError};

/// What a guess is compared with where no password is kept. Guessing it opens nothing.
const NOBODYS: &[u8] = b"nobody's password";

/// How long reading the file again waits for a change that is being made. Who reads also has to hear that he is to stop.
const PATIENCE: Duration = Duration::from_secs(2);

/// All accounts, as the users file had them when it was last read, and as they were changed from here since.
pub struct Accounts {
    pub(super) path: PathBuf,
    pub(super) users: RwLock<Users>,
    /// Held from the reading or rewriting of the file until `users` says the same: or a change that comes while the
    /// file is read would be lost here, and be in the file all the same.
    pub(super) turn: Mutex<()>,
    pub(super) permits: HashSlots,
    guesses: Throttle,
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
    /// Not judged: too many wrong ones came from the address.
    TooMany,
    /// Not judged: what it is to be compared with cannot be read.
    Unreadable,
}

/// The accounts, by their names.
pub(super) struct Users {
    secrets: HashMap<Name, Secret>,
    plain: usize,
    deleted: usize,
    /// The dearest hash of the file: verified in place of one that is not there, and its answer thrown away.
    decoy: Option<Hash>,
}

impl Accounts {
    /// Reads the users file.
    ///
    /// # Errors
    /// When it cannot be read, or a line of it is wrong; the text names the line, never what stands there.
    pub fn load(path: &Path) -> Result<Accounts, StartError> {
        Accounts::with(path, HashSlots::for_this_machine())
    }

    pub(super) fn with(path: &Path, permits: HashSlots) -> Result<Accounts, StartError> {
        let users = RwLock::new(Users::read(path)?);
        let guesses = Throttle::of_guesses();
        Ok(Accounts { path: path.to_owned(), users, turn: Mutex::default(), permits, guesses })
    }

    /// Reads the users file again, whole or not at all; answers how many accounts there are now.
    ///
    /// # Errors
    /// As [`Accounts::load`]; the accounts are then what they were before.
    pub fn reload(&self) -> Result<usize, StartError> {
        let busy = || StartError::Users(self.path.clone(), "is being changed just now; ask again".to_owned());
        let _turn = self.turn.try_lock_for(PATIENCE).ok_or_else(busy)?;
        let users = Users::read(&self.path)?;
        let count = users.len();
        // The old ones are freed when nobody waits for this lock any more.
        let old = std::mem::replace(&mut *self.users.write(), users);
        drop(old);
        Ok(count)
    }

    /// Limits how many wrong passwords, tokens and codes an address may try.
    pub fn guesses(&self) -> &Throttle {
        &self.guesses
    }

    /// How many accounts there are.
    pub fn len(&self) -> usize {
        self.users.read().len()
    }

    /// Whether there is no account at all.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many accounts keep their password as it is, and not as a hash.
    pub fn plain_secrets(&self) -> usize {
        self.users.read().plain
    }

    /// The name of this user as it is registered.
    pub fn find(&self, name: &Name) -> Option<Name> {
        self.users.read().find(name).map(|(name, _)| name)
    }

    /// Whether this was the name of an account that is deleted: nobody's now, and nobody else's either.
    pub fn is_deleted(&self, name: &Name) -> bool {
        self.users.read().secrets.get(name).is_some_and(Secret::is_deleted)
    }

    /// Judges the name and the password as they were typed, without their line ends.
    ///
    /// As soon as the file holds one hash, every wrong guess costs one hash, whether its name is unknown, deleted, has a
    /// password kept as it is, or a hash. It waits for its turn until `deadline`.
    pub fn judge(&self, name: &[u8], guess: &[u8], deadline: Instant) -> Verdict {
        let (owner, hash) = {
            let users = self.users.read();
            if let Some(name) = users.plainly(name, guess) {
                return Verdict::Right(name);
            }
            let Some(found) = users.hash_for(name) else { return Verdict::Wrong };
            found
        };
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
}

impl Users {
    fn read(path: &Path) -> Result<Users, StartError> {
        let bytes = disk::read(path)?;
        let sheet = UsersFile::parse(&bytes).map_err(|flaw| StartError::Users(path.to_owned(), flaw.to_string()))?;
        let secrets: HashMap<Name, Secret> =
            sheet.into_accounts().map(|Account { name, secret }| (name, secret)).collect();
        let count = |which: fn(&Secret) -> bool| secrets.values().filter(|secret| which(secret)).count();
        let (plain, deleted) = (count(|secret| secret.plain().is_some()), count(Secret::is_deleted));
        let decoy = secrets.values().filter_map(Secret::hash).max_by_key(|hash| hash.work()).cloned();
        Ok(Users { secrets, plain, deleted, decoy })
    }

    /// Keeps this of a user from now on, under the name that he has already if he is here.
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

    /// A user is called otherwise from now on; his old name stays taken.
    pub(super) fn rename(&mut self, from: &Name, to: Name) {
        let Some(secret) = self.secrets.remove(from) else { return };
        if *from != to {
            self.set(*from, Secret::Deleted);
        }
        self.secrets.insert(to, secret);
    }

    /// Whether somebody has this name, or had it and nobody else may.
    pub(super) fn is_taken(&self, name: &Name) -> bool {
        self.secrets.contains_key(name)
    }

    fn len(&self) -> usize {
        self.secrets.len() - self.deleted
    }

    fn find(&self, name: &Name) -> Option<(Name, &Secret)> {
        let found = self.secrets.get_key_value(name).filter(|(_, secret)| !secret.is_deleted());
        found.map(|(name, secret)| (*name, secret))
    }

    fn find_typed(&self, typed: &[u8]) -> Option<(Name, &Secret)> {
        self.find(&std::str::from_utf8(typed).ok()?.parse().ok()?)
    }

    /// The user whose plain password this is; compares once, also where there is nothing to compare with.
    fn plainly(&self, name: &[u8], guess: &[u8]) -> Option<Name> {
        let found = self.find_typed(name).and_then(|(name, secret)| Some((name, secret.plain()?)));
        let (owner, password) = found.map_or((None, NOBODYS), |(name, password)| (Some(name), password));
        let right = same(guess, password);
        owner.filter(|_| right)
    }

    /// What a guess is to be compared with: the hash of this user, or one that stands in for it; `None` when no hash is
    /// kept at all.
    fn hash_for(&self, name: &[u8]) -> Option<(Option<Name>, Hash)> {
        let decoy = self.decoy.as_ref()?;
        let hashed = self.find_typed(name).and_then(|(name, secret)| Some((name, secret.hash()?)));
        let (owner, hash) = hashed.map_or((None, decoy), |(name, hash)| (Some(name), hash));
        Some((owner, hash.clone()))
    }
}

impl fmt::Debug for Accounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Accounts").field("len", &self.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
