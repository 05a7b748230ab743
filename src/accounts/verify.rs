//! The verifier: is this the password of this user? An unknown name costs the same work as a wrong password.

use std::time::Instant;

use super::Accounts;
use super::change::AccountError;
use super::hash::{Hash, Secret, constant_time_eq};
use super::users::Users;
use crate::model::Name;

/// Compared with a guess where there is no plain password. Guessing it opens nothing.
const NOBODYS: &[u8] = b"nobody's password";

/// The result of a login attempt with a password, token or code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verification {
    /// The password is this user's; the name is as registered.
    Verified(Name),
    /// There is no such user, or it is not the password. Nobody can tell which.
    Wrong,
    /// Not verified: no hash slot came free before the deadline.
    TimedOut,
    /// Not verified: too many wrong guesses came from the address.
    Throttled,
    /// Not verified: what it has to be compared with cannot be read.
    Unavailable,
}

impl Accounts {
    /// Verifies a name and a password as they were typed, without their line ends.
    ///
    /// As soon as the users file contains one hash, every wrong guess costs one hash: for an unknown name, a deleted
    /// account, a plain password and a hashed one alike. Waits for a hash slot until `deadline`.
    pub(crate) fn verify(&self, name: &[u8], guess: &[u8], deadline: Instant) -> Verification {
        let (owner, hash) = {
            let users = self.users.read();
            if let Some(name) = users.match_plain(name, guess) {
                return Verification::Verified(name);
            }
            let Some(found) = users.hash_for(name) else { return Verification::Wrong };
            found
        };
        let Some(mut slot) = self.hash_slots.take(deadline) else { return Verification::TimedOut };
        match (hash.matches(guess, &mut slot.memory), owner) {
            (None, _) => Verification::TimedOut,
            (Some(true), Some(name)) => Verification::Verified(name),
            (Some(true), None) | (Some(false), _) => Verification::Wrong,
        }
    }

    /// Hashes the password of a group, for the group to keep.
    ///
    /// # Errors
    /// As [`Accounts::hash_password`].
    pub(crate) fn hash_group_password(&self, password: &str, deadline: Instant) -> Result<String, AccountError> {
        self.check_and_hash(password.as_bytes(), 1, deadline).map(|hashed| hashed.0)
    }

    /// Whether `guess` is the password whose hash a group keeps; `None` when no hash slot came free before the
    /// deadline.
    pub(crate) fn verify_group_password(&self, hash: &str, guess: &str, deadline: Instant) -> Option<bool> {
        let secret = Secret::parse(hash).ok()?;
        let mut slot = self.hash_slots.take(deadline)?;
        secret.hash().and_then(|hash| hash.matches(guess.as_bytes(), &mut slot.memory))
    }

    /// Hashes nothing more: from now on every wait for a hash slot ends at once. For a server that stops.
    pub(crate) fn stop_hashing(&self) {
        self.hash_slots.close();
    }
}

impl Users {
    /// The user whose plain password this is. Compares exactly once, even where there is nothing to compare with.
    fn match_plain(&self, name: &[u8], guess: &[u8]) -> Option<Name> {
        let found = self.find_typed(name).and_then(|(name, secret)| Some((name, secret.plain()?)));
        let (owner, password) = found.map_or((None, NOBODYS), |(name, password)| (Some(name), password));
        let equal = constant_time_eq(guess, password);
        owner.filter(|_| equal)
    }

    /// The hash to verify: this user's, or the decoy; `None` when the file contains no hash at all.
    fn hash_for(&self, name: &[u8]) -> Option<(Option<Name>, Hash)> {
        let decoy = self.decoy()?;
        let hashed = self.find_typed(name).and_then(|(name, secret)| Some((name, secret.hash()?)));
        let (owner, hash) = hashed.map_or((None, decoy), |(name, hash)| (Some(name), hash));
        Some((owner, hash.clone()))
    }

    fn find_typed(&self, typed: &[u8]) -> Option<(Name, &Secret)> {
        self.find(&std::str::from_utf8(typed).ok()?.parse().ok()?)
    }
}

#[cfg(test)]
mod tests;
