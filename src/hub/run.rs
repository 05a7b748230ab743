//! What is said one after the other in one place. Each who hears it is told all of it as one item, unless something keeps
//! its parts from each other.

use std::sync::Arc;
use std::time::Instant;

use crate::model::limits::{RUN_ITEMS, RUN_SHARE};
use crate::model::{Draft, Event, EventKind, Limits, MessageId, Scope};

/// What is said one after the other in one place; privately, by one user.
pub(super) struct Run {
    pub(super) said: Vec<Said>,
    weight: usize,
    now: Instant,
}

/// Something said that has its place in the log; its id is 0 if it is stored nowhere.
pub(super) struct Said {
    pub(super) id: MessageId,
    pub(super) draft: Draft,
}

impl Run {
    /// Nothing yet, with room for what may come.
    pub(super) fn new(most: usize) -> Run {
        Run { said: Vec::with_capacity(most.min(RUN_ITEMS)), weight: 0, now: Instant::now() }
    }

    /// Whether something is said in the same place, and all of it does not take too much of an outbox at once.
    pub(super) fn goes_on_with(&self, draft: &Draft, limits: &Limits) -> bool {
        let Some(Said { draft: last, .. }) = self.said.last() else { return true };
        let same = last.scope == draft.scope && (!matches!(draft.scope, Scope::User(_)) || last.from == draft.from);
        let items = RUN_ITEMS.min(limits.outbox_items / RUN_SHARE);
        same && self.said.len() < items && self.weight < limits.outbox_bytes / RUN_SHARE
    }

    pub(super) fn add(&mut self, id: MessageId, draft: Draft) {
        self.weight += draft.weight();
        self.said.push(Said { id, draft });
    }

    /// Forgets what was said, but not what room it took.
    pub(super) fn clear(&mut self) {
        self.said.clear();
        self.weight = 0;
    }

    /// What is to be told of it: all as one, or one by one.
    pub(super) fn events(&self, in_one: bool, kind: impl Fn(&Draft) -> EventKind) -> impl Iterator<Item = Arc<Event>> {
        self.made(self.said.chunks(if in_one { RUN_ITEMS } else { 1 }), kind)
    }

    /// What is to be told of it, with what each has said as one.
    pub(super) fn events_by_speaker(&self, kind: impl Fn(&Draft) -> EventKind) -> impl Iterator<Item = Arc<Event>> {
        self.made(self.said.chunk_by(|one, next| one.draft.from == next.draft.from), kind)
    }

    fn made<'a>(
        &self,
        parts: impl Iterator<Item = &'a [Said]>,
        kind: impl Fn(&Draft) -> EventKind,
    ) -> impl Iterator<Item = Arc<Event>> {
        let made = move |Said { id, draft }: &Said| Event::made(*id, draft.at, self.now, kind(draft));
        let events = parts.filter_map(move |part| match part {
            [one] => Some(made(one)),
            several => Event::several(several.iter().map(&made).collect()),
        });
        events.map(Arc::new)
    }
}
