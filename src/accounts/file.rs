//! The format of a users file: bytes to lines and back. It knows no disk.
//!
//! One `name:secret` a line, cut at the first colon; everything behind it is the secret. Lines that begin with `#` and
//! blank lines are kept as they are. What is parsed and rendered again is the same to the byte.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;

use super::secret::{DELETED, Secret};
use crate::model::Name;

const BOM: &str = "\u{FEFF}";

/// A whole users file.
pub(super) struct UsersFile<'a> {
    bom: bool,
    lines: Vec<Line<'a>>,
}

/// One line, its end held apart from its text so that either can be changed alone.
struct Line<'a> {
    text: Cow<'a, str>,
    end: &'static str,
    account: Option<Account>,
}

/// The user of one line.
pub(super) struct Account {
    pub(super) name: Name,
    pub(super) secret: Secret,
}

/// Why a file is refused: where, and what is wrong there, never what stands there.
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
    /// Reads a whole file, or names the first line that is wrong.
    pub(super) fn parse(bytes: &'a [u8]) -> Result<UsersFile<'a>, ParseError> {
        let bom = bytes.starts_with(BOM.as_bytes());
        let body = if bom { &bytes[BOM.len()..] } else { bytes };
        let mut lines = Vec::new();
        let mut seen = HashMap::new();
        for (number, raw) in (1..).zip(body.split_inclusive(|b| *b == b'\n')) {
            let flaw = |why| ParseError { line: number, why };
            let line = Line::parse(raw).map_err(flaw)?;
            if let Some(account) = &line.account
                && let Some(first) = seen.insert(account.name, number)
            {
                let why = format!("the name stands on line {first} already (names are compared without case)");
                return Err(flaw(why));
            }
            lines.push(line);
        }
        Ok(UsersFile { bom, lines })
    }

    /// The file again, with everything that was not changed as it was.
    pub(super) fn render(&self) -> Vec<u8> {
        let bom = if self.bom { BOM } else { "" };
        let lines = self.lines.iter().flat_map(|line| [&*line.text, line.end]);
        std::iter::once(bom).chain(lines).collect::<String>().into_bytes()
    }

    /// Its users, in the order of the file.
    pub(super) fn accounts(&self) -> impl Iterator<Item = &Account> {
        self.lines.iter().filter_map(|line| line.account.as_ref())
    }

    /// Its users, in the order of the file, to keep.
    pub(super) fn into_accounts(self) -> impl Iterator<Item = Account> + 'a {
        self.lines.into_iter().filter_map(|line| line.account)
    }

    /// The user of this name.
    pub(super) fn find(&self, name: &Name) -> Option<&Account> {
        self.accounts().find(|account| account.name == *name)
    }

    /// Appends a user. The caller has seen that the name is free and `secret` good.
    pub(super) fn add(&mut self, name: &Name, secret: &str) -> Result<(), &'static str> {
        let end = self.usual_end();
        let line = Line::of(name, secret, end)?;
        if let Some(last) = self.lines.last_mut()
            && !last.end.ends_with('\n')
        {
            last.end = end;
        }
        self.lines.push(line);
        Ok(())
    }

    /// Gives every user a new secret for whom there is one; answers how many these were.
    pub(super) fn change<E: From<&'static str>>(
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

    /// Gives a user another name, which nobody has. Behind him stands his old one as that of a deleted account, unless the
    /// two differ in their letters' case alone.
    pub(super) fn rename(&mut self, from: &Name, to: Name) -> Result<(), &'static str> {
        let his = |line: &Line<'_>| line.account.as_ref().is_some_and(|account| account.name == *from);
        let (at, usual) = (self.lines.iter().position(his).ok_or("nobody has that name")?, self.usual_end());
        let Line { text, end, .. } = &self.lines[at];
        let (secret, end) = (text.split_once(':').map_or("", |(_, secret)| secret), *end);
        let alone = *from == to;
        let inner = if alone || end.ends_with('\n') { end } else { usual };
        let line = Line::of(&to, secret, inner)?;
        let old = if alone { None } else { Some(Line::of(from, DELETED, end)?) };
        self.lines.splice(at..=at, std::iter::once(line).chain(old));
        Ok(())
    }

    /// Takes out the line of a user; `false` when there is none.
    pub(super) fn remove(&mut self, name: &Name) -> bool {
        let before = self.lines.len();
        self.lines.retain(|line| line.account.as_ref().is_none_or(|account| account.name != *name));
        self.lines.len() < before
    }

    /// New lines end as the first one does.
    fn usual_end(&self) -> &'static str {
        self.lines.first().map(|line| line.end).filter(|end| end.ends_with('\n')).unwrap_or("\n")
    }
}

impl<'a> Line<'a> {
    fn parse(raw: &'a [u8]) -> Result<Line<'a>, String> {
        let whole = std::str::from_utf8(raw).map_err(|_| "it is not UTF-8".to_owned())?;
        let end = ["\r\n", "\n", "\r"].into_iter().find(|end| whole.ends_with(end)).unwrap_or("");
        let text = &whole[..whole.len() - end.len()];
        let account = if text.starts_with('#') || text.trim().is_empty() { None } else { Some(Account::parse(text)?) };
        Ok(Line { text: text.into(), end, account })
    }

    fn of(name: &Name, secret: &str, end: &'static str) -> Result<Line<'a>, &'static str> {
        let account = Account { name: *name, secret: Secret::parse(secret)? };
        Ok(Line { text: format!("{name}:{secret}").into(), end, account: Some(account) })
    }
}

impl Account {
    fn parse(text: &str) -> Result<Account, String> {
        let (name, secret) = text.split_once(':').ok_or("there is no colon between name and password")?;
        let name: Name = name.parse().map_err(|why| format!("the name {why}"))?;
        if name.is_guest() {
            return Err("the name is one of those that guests get".to_owned());
        }
        Ok(Account { name, secret: Secret::parse(secret)? })
    }
}

#[cfg(test)]
mod tests;
