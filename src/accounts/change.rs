//! Changes of accounts that their owners make: in the users file first, then in the accounts that are in use.
//!
//! The file stays the truth: each change reads it anew and touches one line, so that what an operator wrote there in the
//! meantime is kept. What he wrote is in use from his next SIGHUP on, as ever.

use std::time::Instant;

use super::Accounts;
use super::edit::{self, Missing};
use super::file::UsersFile;
use super::secret::{self, Cost, DELETED, Secret};
use crate::model::Name;
use crate::model::limits::ACCOUNTS;

/// Why an account was left as it is.
#[derive(Debug, PartialEq, Eq)]
pub enum AccountError {
    /// The password is none; what is wrong with it follows on "the password".
    BadPassword(String),
    /// Somebody has the name, or had it and deleted his account.
    Taken,
    /// There is no such account any more.
    Gone,
    /// There are as many accounts as people may make.
    Full,
    /// Until the deadline it was not its turn.
    Late,
    /// The last question before the change was answered with no.
    Forbidden,
    /// What has to be done together with the change cannot be done now; whoever tried has said why in the log.
    Unavailable,
    /// The users file cannot be read or rewritten: why, for the log.
    Broken(String),
}

/// A new password, hashed and good for one account.
pub struct NewSecret(pub(super) String);

impl Accounts {
    /// Checks a new password as `parlord user add` does, and hashes it when it is its turn.
    ///
    /// # Errors
    /// [`AccountError::BadPassword`], [`AccountError::Late`] and [`AccountError::Broken`].
    pub fn new_secret(&self, password: &[u8], deadline: Instant) -> Result<NewSecret, AccountError> {
        let password =
            std::str::from_utf8(password).map_err(|_| AccountError::BadPassword("is not valid UTF-8".to_owned()))?;
        edit::check(password).map_err(AccountError::BadPassword)?;
        let mut permit = self.permits.take(deadline).ok_or(AccountError::Late)?;
        let hash = secret::hash(password.as_bytes(), Cost::STANDARD, &mut permit.memory);
        hash.map(NewSecret).map_err(|e| AccountError::Broken(format!("no password can be hashed here ({e})")))
    }

    /// Gives a user a new password.
    ///
    /// # Errors
    /// [`AccountError::Gone`], [`AccountError::Late`] and [`AccountError::Broken`].
    pub fn change_password(&self, user: &Name, secret: NewSecret, deadline: Instant) -> Result<(), AccountError> {
        self.change(user, &secret.0, deadline, |sheet| replace(sheet, user, &secret.0))
    }

    /// Adds a user. `sure` is asked last, when everything else is right, and with it the user is added or not.
    ///
    /// # Errors
    /// [`AccountError::Taken`], [`AccountError::Full`], [`AccountError::Late`], [`AccountError::Broken`], and what `sure` says.
    pub fn register(
        &self,
        user: &Name,
        secret: NewSecret,
        deadline: Instant,
        sure: impl FnOnce() -> Result<(), AccountError>,
    ) -> Result<(), AccountError> {
        self.change(user, &secret.0, deadline, |sheet| {
            if sheet.find(user).is_some() || self.is_taken(user) {
                return Err(AccountError::Taken);
            }
            if sheet.accounts().count() >= ACCOUNTS {
                return Err(AccountError::Full);
            }
            sure()?;
            sheet.add(user, &secret.0).map_err(|why| AccountError::Broken(why.to_owned()))
        })
    }

    /// Whether a name cannot be registered because somebody has it, or had it and deleted his account.
    pub fn is_taken(&self, name: &Name) -> bool {
        name.is_guest() || self.users.read().is_taken(name)
    }

    /// Takes an account away: only its name is kept, so that nobody else can have it.
    ///
    /// # Errors
    /// [`AccountError::Gone`], [`AccountError::Late`] and [`AccountError::Broken`].
    pub fn delete(&self, user: &Name, deadline: Instant) -> Result<(), AccountError> {
        self.change(user, DELETED, deadline, |sheet| replace(sheet, user, DELETED))
    }

    /// Does something for which the account has to be there until it is done.
    ///
    /// # Errors
    /// [`AccountError::Gone`] and [`AccountError::Late`]; nothing was done then.
    pub fn while_kept<T>(&self, user: &Name, deadline: Instant, work: impl FnOnce() -> T) -> Result<T, AccountError> {
        let _turn = self.turn.try_lock_until(deadline).ok_or(AccountError::Late)?;
        self.find(user).map(|_| work()).ok_or(AccountError::Gone)
    }

    fn change(
        &self,
        user: &Name,
        secret: &str,
        deadline: Instant,
        work: impl FnOnce(&mut UsersFile<'_>) -> Result<(), AccountError>,
    ) -> Result<(), AccountError> {
        let broken = |why: String| AccountError::Broken(why);
        let parsed = Secret::parse(secret).map_err(|why| broken(why.to_owned()))?;
        let _turn = self.turn.try_lock_until(deadline).ok_or(AccountError::Late)?;
        let rewritten = edit::edit(&self.path, Missing::Refused, |sheet| Ok(work(sheet)));
        rewritten.map_err(|e| broken(e.to_string()))??;
        self.users.write().set(*user, parsed);
        Ok(())
    }
}

/// Gives a user of the file, who is not deleted, this secret.
fn replace(sheet: &mut UsersFile<'_>, user: &Name, secret: &str) -> Result<(), AccountError> {
    match sheet.find(user) {
        Some(account) if !account.secret.is_deleted() => {
            edit::set_secret(sheet, user, secret).map_err(AccountError::Broken)
        }
        _ => Err(AccountError::Gone),
    }
}

#[cfg(test)]
mod tests;
