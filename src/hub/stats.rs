//! What is counted while things happen. Under the central lock a count is a plain addition, so all of them are kept there.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Instant;

use super::Hub;
use super::state::State;
use crate::model::Histogram;

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
    hold: Histogram,
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
    /// The most items and the most bytes that wait in one outbox.
    pub fullest: (usize, usize),
    /// The most items and the most bytes that have waited in one outbox since the start.
    pub highest: (usize, usize),
    /// Sessions that ended since the start, by reason.
    pub closed: BTreeMap<&'static str, u64>,
    /// How often the central lock was taken.
    pub sections: u64,
    /// How long it was held, as far as that was measured: a sample.
    pub hold: Histogram,
    /// How long the store took for a batch; nothing where nothing outlives the process.
    pub commits: Histogram,
    /// Whether the store worked when it was last used.
    pub store_works: bool,
}

/// How full the fullest outbox has been.
#[derive(Default)]
pub(super) struct HighWater {
    items: AtomicI64,
    bytes: AtomicI64,
}

impl HighWater {
    /// Takes note of an outbox that is as full as this. Mostly it was fuller before, and then this is two looks.
    pub(super) fn note(&self, items: i64, bytes: i64) {
        for (mark, now) in [(&self.items, items), (&self.bytes, bytes)] {
            if now > mark.load(Ordering::Relaxed) {
                mark.fetch_max(now, Ordering::Relaxed);
            }
        }
    }

    fn marks(&self) -> (usize, usize) {
        let [items, bytes] = [&self.items, &self.bytes].map(|mark| mark.load(Ordering::Relaxed));
        (usize::try_from(items).unwrap_or(0), usize::try_from(bytes).unwrap_or(0))
    }
}

impl Counts {
    /// Counts a section of the central lock, and begins to time it if it is one of the sample.
    pub(super) fn enter(&mut self) -> Option<Instant> {
        self.sections += 1;
        self.sections.is_multiple_of(SAMPLE).then(Instant::now)
    }

    /// Ends the timing of a section.
    pub(super) fn leave(&mut self, began: Instant) {
        self.hold.note(began.elapsed());
    }

    pub(super) fn delivered(&self, count: usize) {
        self.deliveries.set(self.deliveries.get() + count as u64);
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
                closed: counts.closed.clone(),
                sections: counts.sections,
                hold: counts.hold.clone(),
                ..Stats::default()
            };
            (stats, clients.values().cloned().collect::<Vec<_>>())
        });
        stats.store_works = self.inner.log.works();
        stats.commits = self.inner.log.commits();
        for (items, bytes) in clients.iter().map(|client| client.outbox.load()) {
            stats.queued = (stats.queued.0 + items, stats.queued.1 + bytes);
            stats.fullest = (stats.fullest.0.max(items), stats.fullest.1.max(bytes));
        }
        let (items, bytes) = self.inner.high_water.marks();
        stats.highest = (stats.fullest.0.max(items), stats.fullest.1.max(bytes));
        stats
    }
}
