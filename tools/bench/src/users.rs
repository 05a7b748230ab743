//! The users to log in as: generated, or read from a Parlor users file.

use std::fs;
use std::path::Path;

use crate::error::BenchError;

/// The password of every generated user.
const PASSWORD: &str = "pw";

/// The credentials of one user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct User {
    pub(crate) name: String,
    pub(crate) password: String,
}

/// Generates `count` users named `u0`, `u1` and so on.
pub(crate) fn generate(count: usize) -> Vec<User> {
    (0..count).map(|n| User { name: format!("u{n}"), password: PASSWORD.to_owned() }).collect()
}

/// Writes a Parlor users file with plain passwords; verifying a hash would take the server a tenth of a second per login.
///
/// # Errors
/// The file cannot be written.
pub(crate) fn write(path: &Path, users: &[User]) -> Result<(), BenchError> {
    let lines: String = users.iter().map(|user| format!("{}:{}\n", user.name, user.password)).collect();
    fs::write(path, lines).map_err(|source| BenchError::File { path: path.to_owned(), source })
}

/// Reads the first `count` users with plain passwords from a Parlor users file.
///
/// # Errors
/// The file cannot be read, or has fewer such users.
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
    fn a_written_file_is_read_back() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("users.txt");
        write(&path, &generate(12)).unwrap();
        assert_eq!(read(&path, 12).unwrap(), generate(12));
        assert_eq!(read(&path, 3).unwrap(), generate(3));
        let refused = read(&path, 13).unwrap_err().to_string();
        assert!(refused.contains("has 12 users") && refused.contains("needs 13"), "{refused}");
    }

    #[test]
    fn comments_and_hashed_passwords_are_skipped() {
        let users = parse("# people\n\nalice:a:b\r\nbob:$argon2id$v=19$x\ncarol:c\n");
        let pairs: Vec<_> = users.iter().map(|user| (user.name.as_str(), user.password.as_str())).collect();
        assert_eq!(pairs, [("alice", "a:b"), ("carol", "c")]);
    }
}
