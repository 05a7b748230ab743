//! What was said, as the message log keeps it.

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use super::event::OVERHEAD;
use super::name::Name;

/// The number of a stored message: larger for what was said later, never given twice, never 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct MessageId(pub u64);

/// Where something is said. Seen by one reader, [`Scope::User`] is his private conversation with that user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// To one user, privately.
    User(Name),
    /// In a group.
    Group(Name),
    /// To everybody.
    Everybody,
}

/// Something said that has no place in the log yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// When it was said.
    pub at: SystemTime,
    /// Who said it, as registered.
    pub from: Name,
    /// Where he said it.
    pub scope: Scope,
    /// What he said.
    pub text: Arc<str>,
    /// Whether it is something that he does, told in the third person (`/me`).
    pub action: bool,
}

/// A message of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Its place in the log.
    pub id: MessageId,
    /// What was said, when, where and by whom; the text is empty once it is deleted.
    pub said: Draft,
    /// Whether its author deleted it.
    pub deleted: bool,
}

/// As `/history` takes it.
impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Scope::User(name) => write!(f, "{name}"),
            Scope::Group(name) => write!(f, "#{name}"),
            Scope::Everybody => f.write_str("broadcasts"),
        }
    }
}

impl Draft {
    /// Whether nobody could read it later, because it was said by one guest to another: the next ones of their names are
    /// others.
    pub fn is_for_guests_alone(&self) -> bool {
        self.from.is_guest() && matches!(self.scope, Scope::User(to) if to.is_guest())
    }

    /// What it weighs in an outbox, in bytes.
    pub fn weight(&self) -> usize {
        OVERHEAD + self.text.len()
    }
}

impl MessageId {
    /// The number in what a user typed, `123` or `#123`.
    pub fn parse(typed: &str) -> Option<MessageId> {
        let number = typed.strip_prefix('#').unwrap_or(typed).parse().ok()?;
        (number > 0).then_some(MessageId(number))
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_may_be_typed_with_or_without_its_sign() {
        assert_eq!(MessageId::parse("#12"), Some(MessageId(12)));
        assert_eq!(MessageId::parse("12").unwrap().to_string(), "#12");
        assert!(
            ["", "#", "0", "-1", "1x", "99999999999999999999"].iter().all(|typed| MessageId::parse(typed).is_none())
        );
    }
}
