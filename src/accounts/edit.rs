//! Operators' edits of the users file: add, change or remove one user, or hash every password.
//!
//! Everything else in the file stays as it is: comments, order and blank lines. A running daemon is not told.

use std::fmt;
use std::path::Path;

use super::disk::{self, LockedFile};
use super::file::{Account, UsersFile};
use super::hash::{self, Cost, Memory, Secret};
use crate::model::{Name, StartError, text};

/// The longest new password, in bytes. Passwords already in a file may be longer.
pub(crate) const MAX_PASSWORD: usize = 1024;

/// The fewest characters of a new password, unless a setting says otherwise. Passwords already in a file may be shorter.
pub(crate) const MIN_PASSWORD: usize = 8;

/// How a user's password is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PasswordKind {
    /// As plain text.
    Plain,
    /// As an argon2id hash.
    Argon2id,
    /// Not at all: the account is deleted, and only its name is kept.
    Deleted,
}

impl fmt::Display for PasswordKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            PasswordKind::Plain => "plain",
            PasswordKind::Argon2id => "argon2id",
            PasswordKind::Deleted => "deleted",
        })
    }
}

/// The behaviour of an edit when there is no file yet.
#[derive(PartialEq)]
pub(super) enum IfMissing {
    Create,
    Fail,
}

/// Adds a user with a hashed password. Creates the file if there is none.
///
/// # Errors
/// When the name is taken, the password is not acceptable, or the file cannot be read or rewritten; it is unchanged
/// then.
pub(crate) fn add(path: &Path, name: &Name, password: &str, min_password: usize) -> Result<(), StartError> {
    check_new_name(path, name)?;
    let secret = hash_new(path, password, min_password)?;
    edit(path, IfMissing::Create, |file| match file.find(name) {
        Some(account) if account.secret.is_deleted() => Err(deleted(&account.name)),
        Some(account) => Err(format!("user '{}' exists already", account.name)),
        None => Ok(file.add(name, &secret)?),
    })
}

/// Sets a user's password, hashed.
///
/// # Errors
/// When there is no such user, the password is not acceptable, or the file cannot be read or rewritten; it is unchanged
/// then.
pub(crate) fn passwd(path: &Path, name: &Name, password: &str, min_password: usize) -> Result<(), StartError> {
    let secret = hash_new(path, password, min_password)?;
    edit(path, IfMissing::Fail, |file| match file.find(name) {
        Some(account) if account.secret.is_deleted() => Err(deleted(&account.name)),
        Some(_) => set_secret(file, name, &secret),
        None => Err(no_user(name)),
    })
}

/// Removes a user.
///
/// # Errors
/// When there is no such user, or the file cannot be read or rewritten; it is unchanged then.
pub(crate) fn remove(path: &Path, name: &Name) -> Result<(), StartError> {
    edit(path, IfMissing::Fail, |file| if file.remove(name) { Ok(()) } else { Err(no_user(name)) })
}

/// All users in the order of the file, and how the password of each is kept.
///
/// # Errors
/// When the file cannot be read, or a line is malformed.
pub(crate) fn list(path: &Path) -> Result<Vec<(Name, PasswordKind)>, StartError> {
    let bytes = disk::read(path)?;
    let file = parse(path, &bytes)?;
    let kind = |account: &Account| match &account.secret {
        Secret::Plain(_) => PasswordKind::Plain,
        Secret::Hashed(_) => PasswordKind::Argon2id,
        Secret::Deleted => PasswordKind::Deleted,
    };
    Ok(file.accounts().map(|account| (account.name, kind(account))).collect())
}

/// Hashes every plain password and returns how many those were. After each, `progress` is called with the number done
/// and the total. The file changes once, at the end.
///
/// # Errors
/// When the file cannot be read or rewritten; it is unchanged then.
pub(crate) fn hash(path: &Path, progress: &mut dyn FnMut(u64, u64)) -> Result<u64, StartError> {
    hash_at(Cost::STANDARD, path, progress)
}

fn hash_at(cost: Cost, path: &Path, progress: &mut dyn FnMut(u64, u64)) -> Result<u64, StartError> {
    edit(path, IfMissing::Fail, |file| {
        let total = file.accounts().filter(|account| account.secret.plain().is_some()).count() as u64;
        let (mut done, mut memory) = (0, Memory::default());
        let users = file.accounts().count();
        file.change::<String>(|account| {
            let Some(password) = account.secret.plain() else { return Ok(None) };
            let hash = hash::hash(password, cost, &mut memory).map_err(cannot_hash)?;
            done += 1;
            progress(done, total);
            Ok(Some(hash))
        })?;
        if file.accounts().count() == users { Ok(done) } else { Err("would lose users; nothing was done".to_owned()) }
    })
}

/// Sets the secret of one user.
pub(super) fn set_secret(file: &mut UsersFile<'_>, name: &Name, secret: &str) -> Result<(), String> {
    file.change::<String>(|account| Ok((account.name == *name).then(|| secret.to_owned()))).map(drop)
}

/// Reads the file, changes it, and rewrites it if anything has changed. No other edit happens in the meantime.
///
/// # Errors
/// Those of `change`, and why the file cannot be read or rewritten.
pub(super) fn edit<T>(
    path: &Path,
    if_missing: IfMissing,
    change: impl FnOnce(&mut UsersFile<'_>) -> Result<T, String>,
) -> Result<T, StartError> {
    let locked = LockedFile::lock(path)?;
    let old = locked.read()?;
    if old.is_none() && if_missing == IfMissing::Fail {
        return Err(refusal(path, "the file does not exist".to_owned()));
    }
    let mut file = parse(path, old.as_deref().unwrap_or_default())?;
    let answer = change(&mut file).map_err(|why| refusal(path, why))?;
    let new = file.render();
    if old.as_deref() != Some(&new) {
        expect_same_users(path, &file, &new)?;
        locked.replace(old.as_deref(), &new)?;
    }
    Ok(answer)
}

/// Refuses to write a file in which anybody would be missing, or would be who they are not.
fn expect_same_users(path: &Path, file: &UsersFile<'_>, written: &[u8]) -> Result<(), StartError> {
    let read = parse(path, written)?;
    let same = file.accounts().map(|account| account.name).eq(read.accounts().map(|account| account.name));
    if same { Ok(()) } else { Err(refusal(path, "would lose users if it were rewritten; nothing was done".to_owned())) }
}

fn parse<'a>(path: &Path, bytes: &'a [u8]) -> Result<UsersFile<'a>, StartError> {
    UsersFile::parse(bytes).map_err(|e| refusal(path, e.to_string()))
}

/// Refuses a name that no new account may have.
///
/// # Errors
/// Why it may not.
pub(crate) fn check_new_name(path: &Path, name: &Name) -> Result<(), StartError> {
    if name.is_guest() {
        return Err(refusal(path, for_guests(name)));
    }
    let refused = |why| refusal(path, format!("the name '{name}' {why}; only a line written by hand can have it"));
    name.check_for_account().map_err(refused)
}

fn hash_new(path: &Path, password: &str, min: usize) -> Result<String, StartError> {
    check_password(password, min).map_err(|why| StartError::Config(format!("the password {why}")))?;
    hash::hash(password.as_bytes(), Cost::STANDARD, &mut Memory::default()).map_err(|e| refusal(path, cannot_hash(e)))
}

/// Refuses a password of less than `min` characters, and one that its owner could not type, or could not see how to type.
///
/// # Errors
/// The reason, which continues a sentence that begins with "the password".
pub(super) fn check_password(password: &str, min: usize) -> Result<(), String> {
    let why = if password.is_empty() {
        "is empty"
    } else if password.chars().count() < min {
        return Err(format!("has fewer than {min} characters"));
    } else if password.len() > MAX_PASSWORD {
        return Err(format!("is longer than {MAX_PASSWORD} bytes"));
    } else if text::clean(password) != password {
        "has invisible characters"
    } else if password.trim() != password {
        "begins or ends with a space"
    } else {
        return Ok(());
    };
    Err(why.to_owned())
}

/// The sentence for a name that only guests can have.
pub(crate) fn for_guests(name: &Name) -> String {
    format!("the name '{name}' is reserved for guests")
}

/// The sentence for the name of a deleted account.
pub(crate) fn deleted(name: &Name) -> String {
    format!("user '{name}' was deleted; `parlord user remove {name}` frees the name")
}

fn no_user(name: &Name) -> String {
    format!("there is no user '{name}'")
}

fn cannot_hash(e: String) -> String {
    format!("cannot be changed: passwords cannot be hashed here ({e})")
}

fn refusal(path: &Path, why: String) -> StartError {
    StartError::Users(path.to_owned(), why)
}

#[cfg(test)]
mod tests;
