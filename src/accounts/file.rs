//! The format of the users file: bytes to lines and back. It knows no disk.
//!
//! Each line is `name:secret`, split at the first colon; everything behind it is the secret. Blank lines and lines that
//! begin with `#` are kept. Parsing and rendering reproduces every byte.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;

use super::hash::{DELETED, Secret};
use crate::model::Name;

const BOM: &str = "\u{FEFF}";

/// A whole users file.
pub(super) struct UsersFile<'a> {
    bom: bool,
    lines: Vec<Line<'a>>,
}

/// One line. Its end is kept apart from its text, so that either can change alone.
struct Line<'a> {
    text: Cow<'a, str>,
    end: &'static str,
    account: Option<Account>,
}

/// The account on one line.
pub(super) struct Account {
    pub(super) name: Name,
    pub(super) secret: Secret,
}

/// Why a file is refused: the line and what is wrong with it, but nothing of its text.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ParseError {
    line: usize,
    why: String,
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.why)
    }
}

impl<'a> UsersFile<'a> {
    /// Parses a whole file.
    ///
    /// # Errors
    /// The first line that is malformed.
    pub(super) fn parse(bytes: &'a [u8]) -> Result<UsersFile<'a>, ParseError> {
        let bom = bytes.starts_with(BOM.as_bytes());
        let body = if bom { &bytes[BOM.len()..] } else { bytes };
        let mut lines = Vec::new();
        let mut seen = HashMap::new();
        for (number, raw) in (1..).zip(body.split_inclusive(|b| *b == b'\n')) {
            let malformed = |why| ParseError { line: number, why };
            let line = Line::parse(raw).map_err(malformed)?;
            if let Some(account) = &line.account
                && let Some(first) = seen.insert(account.name, number)
            {
                let why = format!("the name is already on line {first} (case does not matter)");
                return Err(malformed(why));
            }
            lines.push(line);
        }
        Ok(UsersFile { bom, lines })
    }

    /// Renders the file; whatever was not changed is the same to the byte.
    pub(super) fn render(&self) -> Vec<u8> {
        let bom = if self.bom { BOM } else { "" };
        let lines = self.lines.iter().flat_map(|line| [&*line.text, line.end]);
        std::iter::once(bom).chain(lines).collect::<String>().into_bytes()
    }

    /// The accounts, in the order of the file.
    pub(super) fn accounts(&self) -> impl Iterator<Item = &Account> {
        self.lines.iter().filter_map(|line| line.account.as_ref())
    }

    /// The accounts, in the order of the file, by value.
    pub(super) fn into_accounts(self) -> impl Iterator<Item = Account> + 'a {
        self.lines.into_iter().filter_map(|line| line.account)
    }

    /// The account of this name, deleted or not.
    pub(super) fn find(&self, name: &Name) -> Option<&Account> {
        self.accounts().find(|account| account.name == *name)
    }

    /// Appends an account. The caller has checked that the name is free.
    ///
    /// # Errors
    /// A phrase that says what is wrong with the secret.
    pub(super) fn add(&mut self, name: &Name, secret: &str) -> Result<(), String> {
        let end = self.line_end();
        let line = Line::of(name, secret, end)?;
        if let Some(last) = self.lines.last_mut()
            && !last.end.ends_with('\n')
        {
            last.end = end;
        }
        self.lines.push(line);
        Ok(())
    }

    /// Replaces the secret of each account for which `new` returns one; returns how many were replaced.
    ///
    /// # Errors
    /// Those of `new`, and what is wrong with a secret.
    pub(super) fn change<E: From<String>>(
        &mut self,
        mut new: impl FnMut(&Account) -> Result<Option<String>, E>,
    ) -> Result<usize, E> {
        let mut changed = 0;
        for line in &mut self.lines {
            let Some(account) = &line.account else { continue };
            if let Some(secret) = new(account)? {
                *line = Line::of(&account.name, &secret, line.end)?;
                changed += 1;
            }
        }
        Ok(changed)
    }

    /// Gives an account another name, which must be free. The next line keeps the old name as a deleted account, unless
    /// the two names differ only in case.
    ///
    /// # Errors
    /// When there is no such account.
    pub(super) fn rename(&mut self, from: &Name, to: Name) -> Result<(), String> {
        let has_name = |line: &Line<'_>| line.account.as_ref().is_some_and(|account| account.name == *from);
        let at = self.lines.iter().position(has_name).ok_or("nobody has that name")?;
        let Line { text, end, .. } = &self.lines[at];
        let (secret, end) = (text.split_once(':').map_or("", |(_, secret)| secret), *end);
        if *from == to {
            self.lines[at] = Line::of(&to, secret, end)?;
            return Ok(());
        }
        let inner_end = if end.ends_with('\n') { end } else { self.line_end() };
        let lines = [Line::of(&to, secret, inner_end)?, Line::of(from, DELETED, end)?];
        self.lines.splice(at..=at, lines);
        Ok(())
    }

    /// Removes an account's line; `false` when there is none.
    pub(super) fn remove(&mut self, name: &Name) -> bool {
        let before = self.lines.len();
        self.lines.retain(|line| line.account.as_ref().is_none_or(|account| account.name != *name));
        self.lines.len() < before
    }

    /// How new lines end: like the first one.
    fn line_end(&self) -> &'static str {
        self.lines.first().map(|line| line.end).filter(|end| end.ends_with('\n')).unwrap_or("\n")
    }
}

impl<'a> Line<'a> {
    fn parse(raw: &'a [u8]) -> Result<Line<'a>, String> {
        let whole = std::str::from_utf8(raw).map_err(|_| "it is not UTF-8".to_owned())?;
        let end = ["\r\n", "\n", "\r"].into_iter().find(|end| whole.ends_with(end)).unwrap_or("");
        let text = &whole[..whole.len() - end.len()];
        let is_account = !(text.starts_with('#') || text.trim().is_empty());
        // Another program may take one of these for the end of a line, and so may a person: then a user is hidden here.
        let ends_a_line = |c| matches!(c, '\0' | '\n'..='\r' | '\x1C'..='\x1E' | '\u{85}' | '\u{2028}' | '\u{2029}');
        let printable = raw.iter().fold(true, |all, byte| all & matches!(byte, b' '..=b'~' | b'\n'));
        if !printable && text.contains(ends_a_line) {
            return Err("it contains a line end that is not one here, such as a carriage return".to_owned());
        }
        if is_account && !printable && text.contains(char::is_control) {
            return Err("it contains a control character".to_owned());
        }
        let account = is_account.then(|| Account::parse(text)).transpose()?;
        Ok(Line { text: text.into(), end, account })
    }

    fn of(name: &Name, secret: &str, end: &'static str) -> Result<Line<'a>, String> {
        let account = Account { name: *name, secret: Secret::parse(secret)? };
        Ok(Line { text: format!("{name}:{secret}").into(), end, account: Some(account) })
    }
}

impl Account {
    fn parse(text: &str) -> Result<Account, String> {
        let (name, secret) = text.split_once(':').ok_or("there is no colon between name and password")?;
        let name: Name = name.parse().map_err(|why| format!("the name {why}"))?;
        if name.is_guest() {
            return Err("the name is reserved for guests".to_owned());
        }
        Ok(Account { name, secret: Secret::parse(secret)? })
    }
}

#[cfg(test)]
mod tests;
