//! `parlord user`: the operator's commands on the users file.

use std::fmt::Display;
use std::io::Write;
use std::path::Path;

use clap::Subcommand;

use super::output::{count, parse_name, progress, say};
use crate::accounts::edit::{self, PasswordKind};
use crate::model::{Name, Role, StartError, StoreAddress};
use crate::store::{self, Entry};

/// Follows every change: a running daemon does not see it by itself.
const HINT: &str = "A running parlord reloads the file on SIGHUP: kill -HUP <pid>";

/// The operator's commands on the users file
#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub(super) enum UserCommand {
    /// Add a user; asks for the password, or reads it from the first line of standard input
    Add {
        /// The name: letters, digits, '_', '.' and '-', at most 32
        #[arg(value_parser = parse_name)]
        name: Name,
    },
    /// Set a user's password, read as for `add`
    Passwd {
        /// The name; case does not matter
        #[arg(value_parser = parse_name)]
        name: Name,
    },
    /// Remove a user
    Remove {
        /// The name; case does not matter
        #[arg(value_parser = parse_name)]
        name: Name,
    },
    /// List the users, and whether each password is plain text or an argon2id hash
    List,
    /// Replace every plain password with its argon2id hash
    Hash,
    /// Make a user a moderator, an admin, or an ordinary user again; a running server applies it at once
    Role {
        /// The name; case does not matter
        #[arg(value_parser = parse_name)]
        name: Name,
        /// The new role
        role: Role,
    },
}

/// Runs one command on the users file at `path`; roles are kept in the store at `data`. The result goes to `out`, the
/// progress of a long command to standard error; `ask` is [`super::output::ask_password`], or stands in for it.
///
/// # Errors
/// A sentence when it cannot be done, in which case nothing has changed, or when the result could not be printed.
pub(super) fn run(
    command: &UserCommand,
    path: &Path,
    data: &StoreAddress,
    out: &mut dyn Write,
    ask: &mut dyn FnMut(&Name) -> Result<String, StartError>,
) -> Result<(), StartError> {
    match command {
        UserCommand::Add { name } => {
            expect_user(path, name, false)?;
            let password = ask(name)?;
            // First: if the process ends in between, the next start finds that there is no such account.
            record(data, &Entry::AccountMade { user: *name })?;
            edit::add(path, name, &password)?;
            done(out, format_args!("Added {name}."))
        }
        UserCommand::Passwd { name } => {
            expect_user(path, name, true)?;
            edit::passwd(path, name, &ask(name)?)?;
            done(out, format_args!("Changed the password of {name}."))
        }
        UserCommand::Remove { name } => {
            edit::remove(path, name)?;
            record(data, &Entry::AccountEnded { user: *name })?;
            done(out, format_args!("Removed {name}."))
        }
        UserCommand::List => print_users(&edit::list(path)?, out),
        UserCommand::Hash => match edit::hash(path, &mut progress("Hashed", "passwords"))? {
            0 => say(out, "Every password is hashed already.\n").map(drop),
            hashed => done(out, format_args!("Hashed {}.", count(hashed, "password"))),
        },
        UserCommand::Role { name, role } => {
            check_promotion(path, name, *role)?;
            let none = || StartError::Config("roles cannot be stored: the setting data is none".to_owned());
            let tools = store::tools(data).ok_or_else(none)?;
            tools.create()?;
            tools.append(&[Entry::Role { user: *name, role: *role }])?;
            say(out, format_args!("{name} now has the role {role}.\n")).map(drop)
        }
    }
}

/// Tells the store, if there is one yet, so that nothing passes to the next account of a name. Without it a start or a reload
/// notices, as after an edit by hand.
fn record(data: &StoreAddress, entry: &Entry) -> Result<(), StartError> {
    match store::tools(data) {
        Some(tools) if tools.exists()? => tools.append(std::slice::from_ref(entry)),
        Some(_) | None => Ok(()),
    }
}

/// Refuses a role for anyone without an account. It can always be taken away again.
fn check_promotion(path: &Path, name: &Name, role: Role) -> Result<(), StartError> {
    match role {
        Role::User => Ok(()),
        Role::Moderator | Role::Admin if name.is_guest() => {
            Err(StartError::Users(path.to_owned(), edit::for_guests(name)))
        }
        Role::Moderator | Role::Admin => expect_user(path, name, true),
    }
}

/// Refuses a wrong name before the operator types a password twice.
fn expect_user(path: &Path, name: &Name, expected: bool) -> Result<(), StartError> {
    let users = if expected || path.exists() { edit::list(path)? } else { Vec::new() };
    let known = users.iter().find(|(user, _)| user == name);
    let refuse = |why| Err(StartError::Users(path.to_owned(), why));
    match (known, expected) {
        (Some((name, PasswordKind::Deleted)), _) => refuse(edit::deleted(name)),
        _ if name.is_guest() && !expected => refuse(edit::for_guests(name)),
        (Some((name, _)), false) => refuse(format!("user '{name}' exists already")),
        (None, true) => refuse(format!("there is no user '{name}'")),
        (Some((_, PasswordKind::Plain | PasswordKind::Argon2id)), true) | (None, false) => Ok(()),
    }
}

fn print_users(users: &[(Name, PasswordKind)], out: &mut dyn Write) -> Result<(), StartError> {
    let width = users.iter().map(|(name, _)| name.as_str().len()).max().unwrap_or(0);
    for (name, kind) in users {
        say(out, format_args!("{name:width$}  {kind}\n"))?;
    }
    Ok(())
}

fn done(out: &mut dyn Write, what: impl Display) -> Result<(), StartError> {
    say(out, format_args!("{what}\n{HINT}\n")).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;
    use std::fs;

    #[derive(Parser)]
    struct Line {
        #[command(subcommand)]
        command: UserCommand,
    }

    fn typed(line: &str) -> Result<UserCommand, String> {
        let words = std::iter::once("user").chain(line.split(' '));
        Line::try_parse_from(words).map(|line| line.command).map_err(|e| e.to_string())
    }

    fn execute(line: &str, path: &Path, password: &str) -> Result<String, String> {
        let mut out = Vec::new();
        let mut ask = |_: &Name| Ok(password.to_owned());
        run(&typed(line)?, path, &StoreAddress::Memory, &mut out, &mut ask).map_err(|e| e.to_string())?;
        Ok(String::from_utf8(out).unwrap())
    }

    #[test]
    fn users_are_added_listed_hashed_changed_and_removed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("users.txt");
        fs::write(&path, "# staff\nalice:a\n").unwrap();
        let said = |line: &str| execute(line, &path, "new");
        assert_eq!(said("add Bob").unwrap(), format!("Added Bob.\n{HINT}\n"));
        assert_eq!(said("list").unwrap(), "alice  plain\nBob    argon2id\n");
        assert_eq!(said("hash").unwrap(), format!("Hashed 1 password.\n{HINT}\n"));
        assert_eq!(said("hash").unwrap(), "Every password is hashed already.\n");
        assert_eq!(said("passwd bob").unwrap(), format!("Changed the password of bob.\n{HINT}\n"));
        assert_eq!(said("remove BOB").unwrap(), format!("Removed BOB.\n{HINT}\n"));
        assert!(fs::read_to_string(&path).unwrap().starts_with("# staff\nalice:$argon2id$"));
    }

    #[test]
    fn the_password_is_asked_for_only_if_the_name_fits() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("users.txt");
        fs::write(&path, "alice:a\n").unwrap();
        let mut ask = |_: &Name| -> Result<String, StartError> { panic!("asked") };
        for (line, why) in [("add ALICE", "user 'alice' exists already"), ("passwd bob", "there is no user 'bob'")] {
            let error = run(&typed(line).unwrap(), &path, &StoreAddress::Memory, &mut Vec::new(), &mut ask)
                .unwrap_err()
                .to_string();
            assert!(error.ends_with(&format!("users.txt: {why}")), "{error}");
        }
        assert!(typed("add _x").unwrap_err().contains("must start with a letter or digit"));
        assert!(typed("add system").unwrap_err().contains("the name is reserved for the server"));
    }
}
