//! Names of users and groups: checked once, compared without case, shown as registered.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

/// The longest name, in bytes (all of them ASCII).
pub const MAX_NAME: usize = 32;

/// Words with a meaning of their own in a chat, which would be misleading as names.
const RESERVED: [&str; 7] = ["server", "system", "all", "everyone", "here", "broadcast", "group"];

/// Words that no new account may be called, nor anything that looks like them: they stand for the server, for those who
/// run it, or for something else in its lines and commands. Accounts that have such a name already keep it.
const RESERVED_FOR_ACCOUNTS: [&str; 42] = [
    "anonymous",
    "anybody",
    "anyone",
    "bans",
    "channel",
    "chat",
    "deleted",
    "error",
    "everybody",
    "former",
    "from",
    "groups",
    "guests",
    "help",
    "history",
    "info",
    "login",
    "logout",
    "me",
    "member",
    "message",
    "messages",
    "nobody",
    "none",
    "notice",
    "null",
    "off",
    "on",
    "online",
    "pong",
    "private",
    "room",
    "self",
    "session",
    "sessions",
    "to",
    "unknown",
    "usage",
    "user",
    "users",
    "warning",
    "you",
];

/// Of these, names with a number behind them are reserved for new accounts as well.
const IN_CHARGE: [&str; 16] = [
    "admin",
    "administrator",
    "console",
    "daemon",
    "helpdesk",
    "mod",
    "moderator",
    "operator",
    "owner",
    "parlor",
    "parlord",
    "root",
    "server",
    "staff",
    "support",
    "system",
];

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
    /// No new account may have it: it would be taken for the server, for one of its operators, or for something that is
    /// no name.
    Misleading,
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

    /// Whether a new account may have this name.
    ///
    /// # Errors
    /// [`BadName::Misleading`] for a reserved name, for what looks like one (`Adm1n`, `a.d.m.i.n`), and for numbers and
    /// times, which commands would take for something else.
    pub fn check_for_account(&self) -> Result<(), BadName> {
        let text = self.as_str().to_ascii_lowercase();
        let word = looks(&text);
        let unnumbered = looks(text.trim_end_matches(|c: char| c.is_ascii_digit() || matches!(c, '-' | '_' | '.')));
        let is = |reserved: &&str, word: &str| looks(reserved) == word;
        let mut reserved = RESERVED.iter().chain(&RESERVED_FOR_ACCOUNTS).chain(&IN_CHARGE);
        // `guest` with a number is a guest, and `session` with one a session.
        let mut numbered = IN_CHARGE.iter().chain(&["guest", "session"]);
        let misleading =
            reserved.any(|name| is(name, &word)) || numbered.any(|name| is(name, &unnumbered)) || is_amount(&text);
        if misleading { Err(BadName::Misleading) } else { Ok(()) }
    }

    fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }

    /// In lower case, eight bytes at a time, as far as it goes. The zeros behind a name come before anything that it can go
    /// on with, so the order is that of the bytes; mostly the first step tells two names apart, and is the only one.
    fn folded(&self) -> impl Iterator<Item = u64> + '_ {
        let chunks = usize::from(self.len).div_ceil(8);
        self.bytes.as_chunks().0.iter().take(chunks).map(|chunk| to_lowercase(u64::from_be_bytes(*chunk)))
    }
}

/// Eight ASCII characters in lower case.
fn to_lowercase(chars: u64) -> u64 {
    /// In each byte a one.
    const ONES: u64 = u64::MAX / 0xFF;
    // The highest bit of a byte is set from a character on, and no byte overflows into the next one.
    let from = |first: u8| chars + ONES * u64::from(0x80 - first);
    let upper = (from(b'A') & !from(b'Z' + 1)) & (ONES * 0x80);
    chars | (upper >> 2)
}

/// What a name looks like at a glance: without punctuation, and each letter that is taken for another as that one.
fn looks(name: &str) -> String {
    let letters = name.bytes().filter(|b| !matches!(b, b'-' | b'_' | b'.')).map(|b| match b.to_ascii_lowercase() {
        b'0' => 'o',
        b'1' | b'i' | b'l' => 'l',
        b'3' => 'e',
        b'4' => 'a',
        b'5' => 's',
        b'7' => 't',
        b'8' => 'b',
        b'9' => 'g',
        other => char::from(other),
    });
    letters.collect::<String>().replace("rn", "m").replace("vv", "w")
}

/// Whether a text is a number or a time, such as `42`, `10m` or `1h30m`.
fn is_amount(text: &str) -> bool {
    let mut rest = text;
    while !rest.is_empty() {
        let number = rest.trim_start_matches(|c: char| c.is_ascii_digit());
        let unit = number.trim_start_matches(|c: char| c.is_ascii_alphabetic());
        let word = &number[..number.len() - unit.len()];
        if number.len() == rest.len() || !matches!(word, "" | "s" | "sec" | "m" | "min" | "h" | "d" | "w") {
            return false;
        }
        rest = unit;
    }
    true
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
        self.folded().for_each(|chars| state.write_u64(chars));
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
            BadName::Misleading => f.write_str("is reserved, or looks like something that is no user"),
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
    fn folding_eight_characters_at_a_time_is_folding_each() {
        for c in 0..=0x7F_u8 {
            let chars = [c, b'Z', b'a', 0, c, b'[', b'@', c];
            assert_eq!(to_lowercase(u64::from_be_bytes(chars)).to_be_bytes(), chars.map(|c| c.to_ascii_lowercase()));
        }
    }

    #[test]
    fn new_accounts_get_no_misleading_names() {
        let refused = |text: &str| text.parse::<Name>().is_ok_and(|name| name.check_for_account().is_err());
        for text in [
            "admin",
            "ADMIN",
            "Adm1n",
            "a.d.m.i.n",
            "admin-",
            "admin2",
            "Admin_007",
            "adrnin",
            "root",
            "r00t",
            "operator",
            "0perator",
            "console",
            "moderator",
            "to",
            "T0",
            "Error",
            "err0r",
            "Usage",
            "usage.",
            "42",
            "007",
            "10m",
            "1h30m",
            "2d",
            "session-3",
            "session3",
            "sess1on-3",
            "guests",
            "gue5t-4",
            "guest.4",
            "guest_4",
            "serv3r",
            "sy5tem",
            "br0adcast",
            "everyb0dy",
            "on",
            "off",
            "me",
            "Parlord",
            "server-2",
        ] {
            assert!(refused(text), "{text}");
        }
        for text in [
            "alice",
            "Zoe",
            "bob2",
            "user1",
            "tom",
            "tony",
            "adam",
            "adminton",
            "badmin",
            "groot",
            "erroll",
            "a1",
            "r2d2",
            "4chan",
            "7up",
            "10mm",
            "2fast",
            "mike-99",
            "sessions-musician",
            "guesthouse",
            "moody",
            "modem",
            "j.doe",
            "toto",
            "meg",
            "h2o",
        ] {
            assert!(!refused(text), "{text}");
        }
        assert!(Name::from_str("admin").is_ok(), "who has the name keeps it");
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
