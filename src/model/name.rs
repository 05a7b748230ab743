//! Names of users and groups: checked once, compared without case, shown as registered.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

/// The longest name, in bytes (all of them ASCII).
pub const MAX_NAME: usize = 32;

/// Words with a meaning of their own in a chat, which would be misleading as names.
const RESERVED: [&str; 7] = ["server", "system", "all", "everyone", "here", "broadcast", "group"];

/// A valid name, `[A-Za-z0-9][A-Za-z0-9_.-]{0,31}`. Stored inline, so a copy needs no allocation.
#[derive(Clone, Copy)]
pub struct Name {
    len: u8,
    bytes: [u8; MAX_NAME],
}

/// Why a text is not a valid name. Its `Display` completes a sentence that starts with the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BadName {
    /// It has no characters.
    Empty,
    /// It has more than [`MAX_NAME`] bytes.
    TooLong,
    /// It has a character that is not allowed, or starts with a punctuation mark.
    BadCharacter,
    /// It is reserved for the server.
    Reserved,
}

impl Name {
    /// Stands for a name that can no longer be read. Nobody can be called so.
    pub const UNREADABLE: Name = {
        let mut bytes = [0; MAX_NAME];
        bytes[0] = b'?';
        Name { len: 1, bytes }
    };

    /// The name as it was registered.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(self.as_bytes()).unwrap_or_default()
    }

    /// Whether it is a name the server gives to guests: `guest`, or `guest-` and a number.
    pub fn is_guest(&self) -> bool {
        let (start, rest) = self.as_bytes().split_at(self.as_bytes().len().min(5));
        start.eq_ignore_ascii_case(b"guest") && (rest.is_empty() || rest.strip_prefix(b"-").is_some_and(is_number))
    }

    fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }

    /// Its bytes in lower case.
    fn folded(&self) -> impl Iterator<Item = u8> + '_ {
        self.as_bytes().iter().map(u8::to_ascii_lowercase)
    }
}

fn is_number(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(u8::is_ascii_digit)
}

impl FromStr for Name {
    type Err = BadName;

    fn from_str(text: &str) -> Result<Name, BadName> {
        let first = text.bytes().next().ok_or(BadName::Empty)?;
        if text.len() > MAX_NAME {
            return Err(BadName::TooLong);
        }
        let inner = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-');
        if !first.is_ascii_alphanumeric() || !text.bytes().all(inner) {
            return Err(BadName::BadCharacter);
        }
        if RESERVED.iter().any(|word| word.eq_ignore_ascii_case(text)) {
            return Err(BadName::Reserved);
        }
        let mut bytes = [0; MAX_NAME];
        bytes[..text.len()].copy_from_slice(text.as_bytes());
        Ok(Name { len: u8::try_from(text.len()).unwrap_or(0), bytes })
    }
}

impl PartialEq for Name {
    fn eq(&self, other: &Name) -> bool {
        self.folded().eq(other.folded())
    }
}

impl Eq for Name {}

impl Hash for Name {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.folded().for_each(|byte| state.write_u8(byte));
    }
}

impl Ord for Name {
    fn cmp(&self, other: &Name) -> Ordering {
        self.folded().cmp(other.folded())
    }
}

impl PartialOrd for Name {
    fn partial_cmp(&self, other: &Name) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl fmt::Display for BadName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BadName::Empty => f.write_str("is empty"),
            BadName::TooLong => write!(f, "is longer than {MAX_NAME} characters"),
            BadName::BadCharacter => {
                f.write_str("may contain only letters, digits, '_', '.' and '-', and must start with a letter or digit")
            }
            BadName::Reserved => f.write_str("is reserved for the server"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    fn name(text: &str) -> Name {
        text.parse().unwrap()
    }

    #[test]
    fn names_compare_without_case_and_show_as_registered() {
        assert_eq!(name("Alice"), name("aLICE"));
        assert_eq!(name("Alice").to_string(), "Alice");
        assert!(HashSet::from([name("Alice")]).contains(&name("alice")));
        assert!(name("alice") < name("BOB"));
    }

    #[test]
    fn guest_names_are_recognised() {
        assert!(["guest", "Guest-1", "guest-42"].iter().all(|text| name(text).is_guest()));
        assert!(["guests", "guest-", "guest-x", "gues", "g"].iter().all(|text| !name(text).is_guest()));
    }

    #[test]
    fn an_invalid_name_says_why() {
        let bad = |text: &str| text.parse::<Name>().unwrap_err();
        assert_eq!(bad(""), BadName::Empty);
        assert_eq!(bad(&"a".repeat(33)), BadName::TooLong);
        assert_eq!(bad("_a"), BadName::BadCharacter);
        assert_eq!(bad("a b"), BadName::BadCharacter);
        assert_eq!(bad("Zoë"), BadName::BadCharacter);
        assert_eq!(bad("SERVER"), BadName::Reserved);
        assert!("a".repeat(32).parse::<Name>().is_ok());
    }
}
