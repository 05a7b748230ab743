//! An account under another name. What is kept elsewhere changes with it: first there, where it is noted as begun, then
//! here. So whatever ends the process in between, the next one finds the note and finishes it.

use std::path::Path;
use std::time::Instant;

use super::Accounts;
use super::change::AccountError;
use super::disk;
use super::edit::{self, Missing};
use super::file::{Account, UsersFile};
use crate::model::{Name, StartError};

impl Accounts {
    /// Gives an account another name; its old one stays taken. When everything here is right, `store` is to change what
    /// is kept elsewhere; should the file then stay as it was, `take_back` undoes that. Says whether the file is known to
    /// have the new name; if not, that is to be found out at the next start.
    ///
    /// # Errors
    /// [`AccountError::Gone`], [`AccountError::Taken`], [`AccountError::Late`], [`AccountError::Broken`], and what `store` says.
    pub fn rename(
        &self,
        from: &Name,
        to: Name,
        deadline: Instant,
        store: impl FnOnce() -> Result<(), AccountError>,
        take_back: impl FnOnce(),
    ) -> Result<bool, AccountError> {
        let _turn = self.turn.try_lock_until(deadline).ok_or(AccountError::Late)?;
        let mut stored = false;
        let rewritten = edit::edit(&self.path, Missing::Refused, |sheet| {
            Ok(self.check_names(sheet, from, &to).and_then(|()| store()).and_then(|()| {
                stored = true;
                sheet.rename(from, to).map_err(|why| AccountError::Broken(why.to_owned()))
            }))
        });
        let rewritten = rewritten.map_err(|e| AccountError::Broken(e.to_string())).flatten();
        let known = match rewritten {
            Ok(()) => true,
            Err(why) if !stored => return Err(why),
            Err(why) => match look(&self.path, |sheet| Ok(has_old(sheet, from, &to))) {
                Ok(true) => {
                    take_back();
                    return Err(why);
                }
                // It has its new content, though maybe not for good; or nobody can say what it has.
                unknown => unknown.is_ok(),
            },
        };
        self.users.write().rename(from, to);
        Ok(known)
    }

    fn check_names(&self, sheet: &UsersFile<'_>, from: &Name, to: &Name) -> Result<(), AccountError> {
        if find(sheet, from).is_none() || self.find(from).is_none() {
            return Err(AccountError::Gone);
        }
        let taken = from != to && (sheet.find(to).is_some() || self.is_taken(to));
        if taken { Err(AccountError::Taken) } else { Ok(()) }
    }

    /// Finishes what [`Accounts::rename`] began in a process that has ended, and says whether anything was left to do.
    ///
    /// # Errors
    /// When the file has both names by now, or cannot be rewritten.
    pub fn finish_rename(&self, from: &Name, to: Name) -> Result<bool, StartError> {
        let turn = self.turn.lock();
        let finished = edit::edit(&self.path, Missing::Refused, |sheet| {
            let left = is_left(sheet, from, &to)?;
            if left {
                sheet.rename(from, to)?;
            }
            Ok(left)
        });
        let finished = finished.map_err(|e| unfinished(&self.path, from, &to, e))?;
        drop(turn);
        if finished {
            self.reload()?;
        }
        Ok(finished)
    }

    /// Whether [`Accounts::finish_rename`] would have anything to do.
    ///
    /// # Errors
    /// When the file has both names.
    pub fn is_rename_left(&self, from: &Name, to: &Name) -> Result<bool, StartError> {
        look(&self.path, |sheet| is_left(sheet, from, to)).map_err(|e| unfinished(&self.path, from, to, e))
    }
}

/// Looks into the file as it is now.
fn look<T>(path: &Path, at: impl FnOnce(&UsersFile<'_>) -> Result<T, String>) -> Result<T, StartError> {
    let refusal = |why: String| StartError::Users(path.to_owned(), why);
    let bytes = disk::read(path)?;
    let sheet = UsersFile::parse(&bytes).map_err(|flaw| refusal(flaw.to_string()))?;
    at(&sheet).map_err(refusal)
}

/// Whether somebody can still log in with the old name.
fn has_old(sheet: &UsersFile<'_>, from: &Name, to: &Name) -> bool {
    let same = |account: &Account| from == to && account.name.as_str() == to.as_str();
    find(sheet, from).is_some_and(|account| !same(account))
}

/// Whether the new name is still to be written.
fn is_left(sheet: &UsersFile<'_>, from: &Name, to: &Name) -> Result<bool, String> {
    let left = has_old(sheet, from, to);
    if left && from != to && sheet.find(to).is_some() {
        return Err(format!("both names have a line; remove that of {to}, or that of {from} if this is done"));
    }
    Ok(left)
}

/// The user of this name, who is not deleted.
fn find<'s>(sheet: &'s UsersFile<'_>, name: &Name) -> Option<&'s Account> {
    sheet.find(name).filter(|account| !account.secret.is_deleted())
}

fn unfinished(path: &Path, from: &Name, to: &Name, e: StartError) -> StartError {
    let why = if let StartError::Users(_, why) = e { why } else { e.to_string() };
    StartError::Users(
        path.to_owned(),
        format!("the renaming of {from} to {to} was interrupted, and goes on no further: {why}"),
    )
}

#[cfg(test)]
mod tests;
