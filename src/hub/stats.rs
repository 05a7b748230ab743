//! What is counted while things happen. Under the central lock a count is a plain addition, so all of them are kept there.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::Hub;
use super::state::State;

/// One in so many sections of the central lock is timed: a look at the clock costs as much as a short section.
const SAMPLE: u64 = 64;

/// The counts since the start.
#[derive(Default)]
pub(super) struct Counts {
    /// Messages that were delivered.
    pub(super) messages: u64,
    /// Events that were queued for a client.
    pub(super) deliveries: Cell<u64>,
    /// Sessions that ended, by reason.
    pub(super) closed: BTreeMap<&'static str, u64>,
    sections: u64,
    timed: u64,
    held: Duration,
    longest: Duration,
}

/// What a server has done, and how it is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Stats {
    /// Sessions that are logged in.
    pub sessions: usize,
    /// Users who are here.
    pub users: usize,
    /// Groups there are.
    pub groups: usize,
    /// Messages that were delivered since the start.
    pub messages: u64,
    /// Events that were queued for a client since the start.
    pub deliveries: u64,
    /// Items and bytes that wait in all outboxes together.
    pub queued: (usize, usize),
    /// Sessions that ended since the start, by reason.
    pub closed: BTreeMap<&'static str, u64>,
    /// How often the central lock was taken.
    pub sections: u64,
    /// How long it was held, on average and at most, as far as that was measured: a sample.
    pub hold: (Duration, Duration),
    /// Whether the store worked when it was last used.
    pub store_works: bool,
}

impl Counts {
    /// Counts a section of the central lock, and begins to time it if it is one of the sample.
    pub(super) fn enter(&mut self) -> Option<Instant> {
        self.sections += 1;
        self.sections.is_multiple_of(SAMPLE).then(Instant::now)
    }

    /// Ends the timing of a section.
    pub(super) fn leave(&mut self, began: Instant) {
        let held = began.elapsed();
        self.timed += 1;
        self.held += held;
        self.longest = self.longest.max(held);
    }

    pub(super) fn delivered(&self, count: usize) {
        self.deliveries.set(self.deliveries.get() + count as u64);
    }

    fn mean(&self) -> Duration {
        self.held.checked_div(u32::try_from(self.timed).unwrap_or(u32::MAX)).unwrap_or_default()
    }
}

impl Hub {
    /// Messages and deliveries since the start.
    pub fn traffic(&self) -> [u64; 2] {
        self.locked(|state| [state.counts.messages, state.counts.deliveries.get()])
    }

    /// How the server is.
    pub fn stats(&self) -> Stats {
        let (mut stats, clients) = self.locked(|state| {
            let State { clients, groups, queues, counts, .. } = state;
            let stats = Stats {
                sessions: clients.len(),
                users: queues.len(),
                groups: groups.len(),
                messages: counts.messages,
                deliveries: counts.deliveries.get(),
                queued: (0, 0),
                closed: counts.closed.clone(),
                sections: counts.sections,
                hold: (counts.mean(), counts.longest),
                store_works: true,
            };
            (stats, clients.values().cloned().collect::<Vec<_>>())
        });
        stats.store_works = self.inner.log.works();
        let loads = clients.iter().map(|client| client.outbox.load());
        stats.queued = loads.fold((0, 0), |(items, bytes), (i, b)| (items + i, bytes + b));
        stats
    }
}
