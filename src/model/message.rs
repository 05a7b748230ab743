//! Messages, as the message log stores them.

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use super::name::Name;
use super::tag::Tag;

/// Bytes that an event takes in an outbox in addition to its text: names, fixed words and the structure itself.
pub(super) const EVENT_OVERHEAD: usize = 96;

/// The number of a stored message. Later messages have larger ids; an id is never reused and never 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct MessageId(pub u64);

/// Where a message is sent. For a reader, [`Scope::User`] is their private conversation with that user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// Privately to one user.
    User(Name),
    /// To a group.
    Group(Name),
    /// To everybody.
    Everybody,
}

/// A message that has no id yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// When it was sent.
    pub at: SystemTime,
    /// The author's name as registered.
    pub from: Name,
    /// Where it was sent.
    pub scope: Scope,
    /// The text.
    pub text: Arc<str>,
    /// Whether it describes an action of the author (`/me`).
    pub action: bool,
    /// The tag by which the author's client recognises it.
    pub tag: Option<Tag>,
}

/// A message of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Its position in the log.
    pub id: MessageId,
    /// Author, time, scope and text; the text is empty once the message is deleted.
    pub said: Draft,
    /// Whether its author or an operator deleted it.
    pub deleted: bool,
}

/// How far a search got.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SearchEnd {
    /// It looked at everything, or found as many as were wanted.
    #[default]
    Complete,
    /// Some messages are not indexed yet, and were left out.
    Indexing,
    /// It looked at as many messages as one search may.
    Limit,
}

impl SearchEnd {
    /// The word for programs.
    pub fn as_str(self) -> &'static str {
        match self {
            SearchEnd::Complete => "complete",
            SearchEnd::Indexing => "indexing",
            SearchEnd::Limit => "limit",
        }
    }
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
    /// Whether it was sent by one guest to another. Nobody could read it later: the next guests of these names are other
    /// people.
    pub fn is_for_guests_alone(&self) -> bool {
        self.from.is_guest() && matches!(self.scope, Scope::User(to) if to.is_guest())
    }

    /// Its approximate size in an outbox, in bytes.
    pub fn weight(&self) -> usize {
        EVENT_OVERHEAD + self.text.len()
    }
}

impl MessageId {
    /// Parses an id as typed by a user, `123` or `#123`.
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
    fn an_id_may_be_typed_with_or_without_its_sign() {
        assert_eq!(MessageId::parse("#12"), Some(MessageId(12)));
        assert_eq!(MessageId::parse("12").unwrap().to_string(), "#12");
        assert!(
            ["", "#", "0", "-1", "1x", "99999999999999999999"].iter().all(|typed| MessageId::parse(typed).is_none())
        );
    }
}
