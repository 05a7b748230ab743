//! Who may see what of it.

use super::Inner;
use crate::model::{Draft, Message, Name, Scope};

impl Inner {
    pub(super) fn last_seen_by(
        &self,
        reader: &Name,
        scope: Option<Scope>,
        limit: usize,
        wanted: impl Fn(&Message) -> bool,
    ) -> Vec<Message> {
        let fits = |message: &&Message| {
            scope.is_none_or(|scope| conversation(reader, &message.said) == Some(scope))
                && self.is_seen(reader, message)
                && wanted(message)
        };
        let mut last: Vec<Message> = self.messages.iter().rev().filter(fits).take(limit).cloned().collect();
        last.reverse();
        last
    }

    pub(super) fn is_seen(&self, reader: &Name, message: &Message) -> bool {
        self.is_open(reader, message) && !self.is_ignored(reader, message)
    }

    pub(super) fn is_ignored(&self, reader: &Name, message: &Message) -> bool {
        self.ignored.contains(&(*reader, message.said.from))
    }

    /// Whether a message is for him to see, whoever said it.
    pub(super) fn is_open(&self, reader: &Name, message: &Message) -> bool {
        let Some(scope) = conversation(reader, &message.said).filter(|_| !reader.is_guest()) else { return false };
        let cleared = [None, Some(scope)].iter().filter_map(|scope| self.cleared.get(&(*reader, *scope))).max();
        let here = match scope {
            Scope::Group(group) => self.stays.cover(reader, group, message.id),
            _ => true,
        };
        here && cleared.is_none_or(|cleared| message.id > *cleared)
    }
}

/// In which of the reader's conversations this was said, if in one of his.
fn conversation(reader: &Name, said: &Draft) -> Option<Scope> {
    match said.scope {
        Scope::User(to) if said.from == *reader => Some(Scope::User(to)),
        Scope::User(to) => (to == *reader).then_some(Scope::User(said.from)),
        other => Some(other),
    }
}
