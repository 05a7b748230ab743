//! What an operator does to a users file: one user added, changed or removed, or every password hashed.
//!
//! Everything that is not about that user stays as it is, comments, order and blank lines. A running daemon is not told.

use std::fmt;
use std::path::Path;

use super::disk::{self, Rewrite};
use super::file::{Account, UsersFile};
use super::secret::{self, Cost, Memory, Secret};
use crate::model::{Name, StartError, text};

/// The longest password that is taken, in bytes; what stands in a file already may be longer.
pub const MAX_PASSWORD: usize = 1024;

/// How the password of a user is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// As it is.
    Plain,
    /// As an argon2id hash.
    Argon2id,
    /// Not at all: the account is deleted, and its name kept.
    Deleted,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Kind::Plain => "plain",
            Kind::Argon2id => "argon2id",
            Kind::Deleted => "deleted",
        })
    }
}

/// What becomes of an edit when there is no file yet.
#[derive(PartialEq)]
pub(super) enum Missing {
    Made,
    Refused,
}

/// Adds a user, with his password hashed; makes the file if there is none.
///
/// # Errors
/// When the name is taken, the password is none, or the file cannot be read or rewritten; it is then as it was.
pub fn add(path: &Path, name: &Name, password: &str) -> Result<(), StartError> {
    if name.is_guest() {
        return Err(refusal(path, for_guests(name)));
    }
    let secret = new_secret(path, password)?;
    edit(path, Missing::Made, |sheet| match sheet.find(name) {
        Some(account) if account.secret.is_deleted() => Err(deleted(&account.name)),
        Some(account) => Err(format!("there is a user '{}' already", account.name)),
        None => Ok(sheet.add(name, &secret)?),
    })
}

/// Gives a user a new password, hashed.
///
/// # Errors
/// When there is no such user, the password is none, or the file cannot be read or rewritten; it is then as it was.
pub fn passwd(path: &Path, name: &Name, password: &str) -> Result<(), StartError> {
    let secret = new_secret(path, password)?;
    edit(path, Missing::Refused, |sheet| match sheet.find(name) {
        Some(account) if account.secret.is_deleted() => Err(deleted(&account.name)),
        Some(_) => set_secret(sheet, name, &secret),
        None => Err(no_user(name)),
    })
}

/// Removes a user.
///
/// # Errors
/// When there is no such user, or the file cannot be read or rewritten; it is then as it was.
pub fn remove(path: &Path, name: &Name) -> Result<(), StartError> {
    edit(path, Missing::Refused, |sheet| if sheet.remove(name) { Ok(()) } else { Err(no_user(name)) })
}

/// All users in the order of the file, and how the password of each is kept.
///
/// # Errors
/// When the file cannot be read, or a line of it is wrong.
pub fn list(path: &Path) -> Result<Vec<(Name, Kind)>, StartError> {
    let bytes = disk::read(path)?;
    let sheet = parse(path, &bytes)?;
    let kind = |account: &Account| match &account.secret {
        Secret::Plain(_) => Kind::Plain,
        Secret::Hashed(_) => Kind::Argon2id,
        Secret::Deleted => Kind::Deleted,
    };
    Ok(sheet.accounts().map(|account| (account.name, kind(account))).collect())
}

/// Hashes every password that is kept as it is; `progress` hears how many are done, and of how many, after each.
/// Answers how many these were. The file changes once, at the end.
///
/// # Errors
/// When the file cannot be read or rewritten; it is then as it was.
pub fn hash(path: &Path, progress: &mut dyn FnMut(u64, u64)) -> Result<u64, StartError> {
    hash_at(Cost::STANDARD, path, progress)
}

fn hash_at(cost: Cost, path: &Path, progress: &mut dyn FnMut(u64, u64)) -> Result<u64, StartError> {
    edit(path, Missing::Refused, |sheet| {
        let total = sheet.accounts().filter(|account| account.secret.plain().is_some()).count() as u64;
        let (mut done, mut memory) = (0, Memory::default());
        sheet.change::<String>(|account| {
            let Some(password) = account.secret.plain() else { return Ok(None) };
            let hash = secret::hash(password, cost, &mut memory).map_err(cannot_hash)?;
            done += 1;
            progress(done, total);
            Ok(Some(hash))
        })?;
        Ok(done)
    })
}

/// Gives one user a new secret.
pub(super) fn set_secret(sheet: &mut UsersFile<'_>, name: &Name, secret: &str) -> Result<(), String> {
    sheet.change::<String>(|account| Ok((account.name == *name).then(|| secret.to_owned()))).map(drop)
}

/// Reads the file, changes it, and writes it if anything has changed.
pub(super) fn edit<T>(
    path: &Path,
    missing: Missing,
    change: impl FnOnce(&mut UsersFile<'_>) -> Result<T, String>,
) -> Result<T, StartError> {
    let rewrite = Rewrite::begin(path)?;
    let old = rewrite.read()?;
    if old.is_none() && missing == Missing::Refused {
        return Err(refusal(path, "there is no such file".to_owned()));
    }
    let mut sheet = parse(path, old.as_deref().unwrap_or_default())?;
    let answer = change(&mut sheet).map_err(|why| refusal(path, why))?;
    let new = sheet.render();
    if old.as_deref() != Some(&new) {
        rewrite.replace(old.as_deref(), &new)?;
    }
    Ok(answer)
}

fn parse<'a>(path: &Path, bytes: &'a [u8]) -> Result<UsersFile<'a>, StartError> {
    UsersFile::parse(bytes).map_err(|flaw| refusal(path, flaw.to_string()))
}

fn new_secret(path: &Path, password: &str) -> Result<String, StartError> {
    check(password).map_err(|why| StartError::Config(format!("the password {why}")))?;
    secret::hash(password.as_bytes(), Cost::STANDARD, &mut Memory::default()).map_err(|e| refusal(path, cannot_hash(e)))
}

/// Refuses a password that its owner could not type, or could not see that he has to; the reason follows on "the
/// password".
pub(super) fn check(password: &str) -> Result<(), String> {
    let why = if password.is_empty() {
        "is empty"
    } else if password.len() > MAX_PASSWORD {
        return Err(format!("is longer than {MAX_PASSWORD} bytes"));
    } else if text::clean(password) != password {
        "has control or invisible characters, which a client may send otherwise or not at all"
    } else if password.trim() != password {
        "begins or ends with a space, which nobody sees and some clients cut off"
    } else {
        return Ok(());
    };
    Err(why.to_owned())
}

pub(crate) fn for_guests(name: &Name) -> String {
    format!("the name '{name}' is kept for guests")
}

pub(crate) fn deleted(name: &Name) -> String {
    format!("the user '{name}' is deleted; `parlord user remove {name}` frees the name")
}

fn no_user(name: &Name) -> String {
    format!("there is no user '{name}'")
}

fn cannot_hash(e: String) -> String {
    format!("cannot be changed: no password can be hashed here ({e})")
}

fn refusal(path: &Path, why: String) -> StartError {
    StartError::Users(path.to_owned(), why)
}

#[cfg(test)]
mod tests;
