//! What a batch holds: changes to append, and between them what is said and stored nowhere.

use super::post::Saying;
use crate::model::{Draft, Scope};
use crate::store::Entry;

/// What a batch holds.
#[derive(Default)]
pub(super) struct Content {
    pub(super) entries: Vec<Entry>,
    /// In the order of their places.
    pub(super) passing: Vec<Passing>,
}

/// Something said that is stored nowhere: it only keeps its place among what is.
pub(super) struct Passing {
    /// How many entries of its batch come before it.
    pub(super) after: usize,
    pub(super) draft: Draft,
}

impl Content {
    /// What a session says, and nothing else.
    pub(super) fn said(sayings: impl ExactSizeIterator<Item = Saying>) -> Content {
        let mut content = Content { entries: Vec::with_capacity(sayings.len()), passing: Vec::new() };
        content.add(sayings);
        content
    }

    pub(super) fn add(&mut self, sayings: impl IntoIterator<Item = Saying>) {
        for Saying { draft, passing } in sayings {
            if passing {
                let after = self.entries.len();
                self.passing.push(Passing { after, draft });
            } else {
                self.entries.push(Entry::Said(draft));
            }
        }
    }

    /// How many messages are among so many of the entries it begins with.
    pub(super) fn messages_before(&self, entries: usize) -> u64 {
        self.entries[..entries].iter().map(|entry| u64::from(matches!(entry, Entry::Said(_)))).sum()
    }

    /// Whether any of it is for several people.
    pub(super) fn is_public(sayings: &[Saying]) -> bool {
        sayings.iter().any(|saying| !matches!(saying.draft.scope, Scope::User(_)))
    }

    /// Whether it holds anything that is stored.
    pub(super) fn is_stored(&self) -> bool {
        !self.entries.is_empty()
    }

    /// Whether it holds nothing at all.
    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty() && self.passing.is_empty()
    }
}
