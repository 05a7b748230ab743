//! The users that play: made here, or read from a users file of Parlor.

use std::fs;
use std::path::Path;

use crate::error::BenchError;

/// The password of every user made here.
const PASSWORD: &str = "pw";

/// Somebody who can log in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct User {
    pub(crate) name: String,
    pub(crate) password: String,
}

/// The users `u0`, `u1` and so on, `count` of them.
pub(crate) fn made(count: usize) -> Vec<User> {
    (0..count).map(|n| User { name: format!("u{n}"), password: PASSWORD.to_owned() }).collect()
}

/// Writes users as a users file of Parlor, with plain passwords: a hash would take the server a tenth of a second each.
///
/// # Errors
/// The file cannot be written.
pub(crate) fn write(path: &Path, users: &[User]) -> Result<(), BenchError> {
    let lines: String = users.iter().map(|user| format!("{}:{}\n", user.name, user.password)).collect();
    fs::write(path, lines).map_err(|source| BenchError::File { path: path.to_owned(), source })
}

/// The first `count` users of a users file of Parlor whose passwords can be read in it.
///
/// # Errors
/// The file cannot be read, or has fewer of them.
pub(crate) fn read(path: &Path, count: usize) -> Result<Vec<User>, BenchError> {
    let text = fs::read_to_string(path).map_err(|source| BenchError::File { path: path.to_owned(), source })?;
    let mut users = parse(&text);
    if users.len() < count {
        return Err(BenchError::TooFewUsers { path: path.to_owned(), found: users.len(), needed: count });
    }
    users.truncate(count);
    Ok(users)
}

/// All users with plain passwords.
fn parse(text: &str) -> Vec<User> {
    let lines = text.lines().map(|line| line.strip_suffix('\r').unwrap_or(line));
    let accounts = lines.filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once(':'));
    let plain = accounts.filter(|(_, secret)| !secret.starts_with('$'));
    plain.map(|(name, password)| User { name: name.trim().to_owned(), password: password.to_owned() }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_what_is_read() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("users.txt");
        write(&path, &made(12)).unwrap();
        assert_eq!(read(&path, 12).unwrap(), made(12));
        assert_eq!(read(&path, 3).unwrap(), made(3));
        let refused = read(&path, 13).unwrap_err().to_string();
        assert!(refused.contains("has 12 users") && refused.contains("needs 13"), "{refused}");
    }

    #[test]
    fn comments_and_hashes_are_passed_over_and_a_password_may_have_colons() {
        let users = parse("# people\n\nalice:a:b\r\nbob:$argon2id$v=19$x\ncarol:c\n");
        let pairs: Vec<_> = users.iter().map(|user| (user.name.as_str(), user.password.as_str())).collect();
        assert_eq!(pairs, [("alice", "a:b"), ("carol", "c")]);
    }
}
