//! Gives an account another name.
//!
//! The store changes first and notes that the rename has begun; then the users file. If the process ends in between,
//! the next start finds the note and finishes the rename.

use std::path::Path;
use std::time::Instant;

use super::Accounts;
use super::change::AccountError;
use super::disk;
use super::edit::{self, IfMissing};
use super::file::{Account, UsersFile};
use crate::model::{Name, StartError};

impl Accounts {
    /// Gives an account another name; the old one stays taken. Once nothing here can refuse the rename, `store` changes
    /// what is kept elsewhere. If the file cannot be rewritten after that, `undo` reverts the store.
    ///
    /// Returns whether the file is known to contain the new name; if not, the next start finds out.
    ///
    /// # Errors
    /// [`AccountError::NotFound`], [`AccountError::Taken`], [`AccountError::TimedOut`], [`AccountError::UsersFile`],
    /// and the errors of `store`.
    pub(crate) fn rename(
        &self,
        from: &Name,
        to: Name,
        deadline: Instant,
        store: impl FnOnce() -> Result<(), AccountError>,
        undo: impl FnOnce(),
    ) -> Result<bool, AccountError> {
        let _updating = self.update.try_lock_until(deadline).ok_or(AccountError::TimedOut)?;
        let mut stored = false;
        let rewritten = edit::edit(&self.path, IfMissing::Fail, |file| {
            Ok(self.check_names(file, from, &to).and_then(|()| store()).and_then(|()| {
                stored = true;
                file.rename(from, to).map_err(|why| AccountError::UsersFile(why.to_owned()))
            }))
        });
        let rewritten = rewritten.map_err(|e| AccountError::UsersFile(e.to_string())).flatten();
        let known = match rewritten {
            Ok(()) => true,
            Err(why) if !stored => return Err(why),
            Err(why) => match inspect(&self.path, |file| Ok(has_old(file, from, &to))) {
                Ok(true) => {
                    undo();
                    return Err(why);
                }
                // The file has the new content but may not survive a power loss, or cannot be read at all.
                looked => looked.is_ok(),
            },
        };
        self.users.write().rename(from, to);
        Ok(known)
    }

    fn check_names(&self, file: &UsersFile<'_>, from: &Name, to: &Name) -> Result<(), AccountError> {
        if find(file, from).is_none() || self.find(from).is_none() {
            return Err(AccountError::NotFound);
        }
        let taken = from != to && (file.find(to).is_some() || self.is_taken(to));
        if taken { Err(AccountError::Taken) } else { Ok(()) }
    }

    /// Finishes what [`Accounts::rename`] began in a process that has ended; returns whether anything was left to do.
    ///
    /// # Errors
    /// When the file contains both names by now, or cannot be rewritten.
    pub(crate) fn finish_rename(&self, from: &Name, to: Name) -> Result<bool, StartError> {
        let updating = self.update.lock();
        let finished = edit::edit(&self.path, IfMissing::Fail, |file| {
            let left = is_left(file, from, &to)?;
            if left {
                file.rename(from, to)?;
            }
            Ok(left)
        });
        let finished = finished.map_err(|e| unfinished(&self.path, from, &to, e))?;
        drop(updating);
        if finished {
            self.reload()?;
        }
        Ok(finished)
    }

    /// Whether [`Accounts::finish_rename`] would have anything to do.
    ///
    /// # Errors
    /// When the file contains both names, or cannot be read.
    pub(crate) fn is_rename_left(&self, from: &Name, to: &Name) -> Result<bool, StartError> {
        inspect(&self.path, |file| is_left(file, from, to)).map_err(|e| unfinished(&self.path, from, to, e))
    }
}

/// Reads the file as it is now.
fn inspect<T>(path: &Path, read: impl FnOnce(&UsersFile<'_>) -> Result<T, String>) -> Result<T, StartError> {
    let refusal = |why: String| StartError::Users(path.to_owned(), why);
    let bytes = disk::read(path)?;
    let file = UsersFile::parse(&bytes).map_err(|e| refusal(e.to_string()))?;
    read(&file).map_err(refusal)
}

/// Whether somebody can still log in with the old name.
fn has_old(file: &UsersFile<'_>, from: &Name, to: &Name) -> bool {
    let same = |account: &Account| from == to && account.name.as_str() == to.as_str();
    find(file, from).is_some_and(|account| !same(account))
}

/// Whether the new name still has to be written.
fn is_left(file: &UsersFile<'_>, from: &Name, to: &Name) -> Result<bool, String> {
    let left = has_old(file, from, to);
    if left && from != to && file.find(to).is_some() {
        return Err(format!(
            "both names have a line; remove the line of {to}, or that of {from} if the rename is done"
        ));
    }
    Ok(left)
}

/// The account of this name, unless it is deleted.
fn find<'s>(file: &'s UsersFile<'_>, name: &Name) -> Option<&'s Account> {
    file.find(name).filter(|account| !account.secret.is_deleted())
}

fn unfinished(path: &Path, from: &Name, to: &Name, e: StartError) -> StartError {
    let why = if let StartError::Users(_, why) = e { why } else { e.to_string() };
    StartError::Users(path.to_owned(), format!("renaming {from} to {to} was interrupted and cannot be finished: {why}"))
}

#[cfg(test)]
mod tests;
