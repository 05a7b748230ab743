//! Changes that users make to their own accounts: first in the users file, then in the accounts in use.
//!
//! The file stays the source of truth. Each change reads it again and touches one line, so edits that an operator made
//! in the meantime survive; they come into use with the next reload, as always.

use std::sync::atomic::Ordering;
use std::time::Instant;

use super::Accounts;
use super::edit::{self, IfMissing};
use super::file::UsersFile;
use super::hash::{self, Cost, DELETED, Hash, Secret};
use crate::model::Name;
use crate::model::limits::{ACCOUNTS, PASSWORD_PACE};

/// Why an account was not changed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum AccountError {
    /// The password is not acceptable; the reason continues a sentence that begins with "the password".
    BadPassword(String),
    /// The name belongs to an account, or to one that was deleted.
    Taken,
    /// There is no such account (any more).
    NotFound,
    /// There are as many accounts as people may register.
    Full,
    /// No hash slot came free, or another change was in progress, until the deadline.
    TimedOut,
    /// The confirmation just before the change was negative.
    Refused,
    /// Something that belongs to the change cannot be done now; the reason was logged where it failed.
    Unavailable,
    /// The users file cannot be read or rewritten: the reason, for the log.
    UsersFile(String),
}

/// The hash of a new password, for one account.
pub(crate) struct HashedPassword(pub(super) String);

impl Accounts {
    /// Checks a new password like `parlord user add` does, and hashes it.
    ///
    /// # Errors
    /// [`AccountError::BadPassword`], [`AccountError::TimedOut`] and [`AccountError::UsersFile`].
    pub(crate) fn hash_password(&self, password: &[u8], deadline: Instant) -> Result<HashedPassword, AccountError> {
        self.check_and_hash(password, self.rules.min_password, deadline)
    }

    pub(super) fn check_and_hash(
        &self,
        password: &[u8],
        min: usize,
        deadline: Instant,
    ) -> Result<HashedPassword, AccountError> {
        let password =
            std::str::from_utf8(password).map_err(|_| AccountError::BadPassword("is not valid UTF-8".to_owned()))?;
        edit::check_password(password, min).map_err(AccountError::BadPassword)?;
        let mut slot = self.hash_slots.take(deadline).ok_or(AccountError::TimedOut)?;
        let hash = hash::hash(password.as_bytes(), Cost::STANDARD, &mut slot.memory);
        hash.map(HashedPassword).map_err(|e| AccountError::UsersFile(format!("passwords cannot be hashed here ({e})")))
    }

    /// Whether a user has changed their password so lately that they may not change it again: each change rewrites the
    /// whole file.
    pub(crate) fn has_just_changed(&self, user: &Name, now: Instant) -> bool {
        let mut changes = self.changes.lock();
        changes.retain(|_, at| now.saturating_duration_since(*at) < PASSWORD_PACE);
        changes.contains_key(user)
    }

    /// Hashes a password again, which was just verified, if its hash costs more or less than others do. Whether that
    /// succeeds makes no difference to the user.
    pub(crate) fn renew_hash(&self, user: &Name, password: &[u8], deadline: Instant) {
        let old = {
            let users = self.users.read();
            let hash = users.find(user).and_then(|(_, secret)| secret.hash());
            hash.filter(|hash| !users.is_usual(hash.cost())).cloned()
        };
        let Some(old) = old.filter(|_| !self.renewal_failed.load(Ordering::Relaxed)) else { return };
        match self.replace_hash(user, &old, password, deadline) {
            Ok(()) => log::info!("hash renewed user={user}"),
            // The next login may have more time, or the operator has changed the password meanwhile.
            Err(AccountError::TimedOut | AccountError::NotFound) => {}
            Err(AccountError::UsersFile(why)) => {
                self.renewal_failed.store(true, Ordering::Relaxed);
                log::error!("users unchanged: {why}");
            }
            Err(
                AccountError::BadPassword(_)
                | AccountError::Taken
                | AccountError::Full
                | AccountError::Refused
                | AccountError::Unavailable,
            ) => self.renewal_failed.store(true, Ordering::Relaxed),
        }
    }

    fn replace_hash(&self, user: &Name, old: &Hash, password: &[u8], deadline: Instant) -> Result<(), AccountError> {
        let mut slot = self.hash_slots.take(deadline).ok_or(AccountError::TimedOut)?;
        let new = hash::hash(password, Cost::STANDARD, &mut slot.memory).map_err(AccountError::UsersFile)?;
        drop(slot);
        self.update_user(user, &new, deadline, |file| {
            let unchanged =
                file.find(user).and_then(|account| account.secret.hash()).is_some_and(|hash| hash.is_same(old));
            if unchanged { replace_secret(file, user, &new) } else { Err(AccountError::NotFound) }
        })
    }

    /// Sets a user's password.
    ///
    /// # Errors
    /// [`AccountError::NotFound`], [`AccountError::TimedOut`] and [`AccountError::UsersFile`].
    pub(crate) fn change_password(
        &self,
        user: &Name,
        password: HashedPassword,
        deadline: Instant,
    ) -> Result<(), AccountError> {
        self.update_user(user, &password.0, deadline, |file| replace_secret(file, user, &password.0))?;
        self.changes.lock().insert(*user, Instant::now());
        Ok(())
    }

    /// Adds a user. `confirm` is called last, when nothing else can refuse the user any more.
    ///
    /// # Errors
    /// [`AccountError::Taken`], [`AccountError::Full`], [`AccountError::TimedOut`], [`AccountError::UsersFile`], and
    /// the errors of `confirm`.
    pub(crate) fn register(
        &self,
        user: &Name,
        password: HashedPassword,
        deadline: Instant,
        confirm: impl FnOnce() -> Result<(), AccountError>,
    ) -> Result<(), AccountError> {
        self.update_user(user, &password.0, deadline, |file| {
            if file.find(user).is_some() || self.is_taken(user) {
                return Err(AccountError::Taken);
            }
            if file.accounts().count() >= ACCOUNTS {
                return Err(AccountError::Full);
            }
            confirm()?;
            file.add(user, &password.0).map_err(|why| AccountError::UsersFile(why.to_owned()))
        })
    }

    /// Deletes an account. Its name is kept, so that nobody else can register it.
    ///
    /// # Errors
    /// [`AccountError::NotFound`], [`AccountError::TimedOut`] and [`AccountError::UsersFile`].
    pub(crate) fn delete(&self, user: &Name, deadline: Instant) -> Result<(), AccountError> {
        self.update_user(user, DELETED, deadline, |file| replace_secret(file, user, DELETED))
    }

    /// Does `work` while nothing can change the account.
    ///
    /// # Errors
    /// [`AccountError::NotFound`] and [`AccountError::TimedOut`]; then no work was done.
    pub(crate) fn with_account<T>(
        &self,
        user: &Name,
        deadline: Instant,
        work: impl FnOnce() -> T,
    ) -> Result<T, AccountError> {
        let _updating = self.update.try_lock_until(deadline).ok_or(AccountError::TimedOut)?;
        self.find(user).map(|_| work()).ok_or(AccountError::NotFound)
    }

    fn update_user(
        &self,
        user: &Name,
        secret: &str,
        deadline: Instant,
        change: impl FnOnce(&mut UsersFile<'_>) -> Result<(), AccountError>,
    ) -> Result<(), AccountError> {
        let parsed = Secret::parse(secret).map_err(|why| AccountError::UsersFile(why.to_owned()))?;
        let _updating = self.update.try_lock_until(deadline).ok_or(AccountError::TimedOut)?;
        let rewritten = edit::edit(&self.path, IfMissing::Fail, |file| Ok(change(file)));
        rewritten.map_err(|e| AccountError::UsersFile(e.to_string()))??;
        self.users.write().set(*user, parsed);
        Ok(())
    }
}

/// Sets the secret of a user of the file, unless the account is deleted.
fn replace_secret(file: &mut UsersFile<'_>, user: &Name, secret: &str) -> Result<(), AccountError> {
    match file.find(user) {
        Some(account) if !account.secret.is_deleted() => {
            edit::set_secret(file, user, secret).map_err(AccountError::UsersFile)
        }
        Some(_) | None => Err(AccountError::NotFound),
    }
}

#[cfg(test)]
mod tests;
