//! Counts since the start of the server, and how full its outboxes are.

use std::collections::BTreeMap;

use super::state::{Hub, HubState};
use crate::model::Histogram;

/// Counts and vitals of a server.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Stats {
    /// Sessions that are logged in.
    pub sessions: usize,
    /// Users who are online.
    pub users: usize,
    /// Groups that exist.
    pub groups: usize,
    /// Messages that were delivered since the start.
    pub messages: u64,
    /// Events that were queued for a client since the start.
    pub deliveries: u64,
    /// Items and bytes in all outboxes together.
    pub queued: (usize, usize),
    /// The most items and the most bytes in one outbox.
    pub fullest: (usize, usize),
    /// The most items and the most bytes that have been in one outbox since the start.
    pub highest: (usize, usize),
    /// Sessions that ended since the start, by reason.
    pub closed: BTreeMap<&'static str, u64>,
    /// How often the central lock was taken.
    pub sections: u64,
    /// How long it was held; a sample.
    pub hold: Histogram,
    /// How long the store took for a batch; empty where nothing outlives the process.
    pub commits: Histogram,
    /// Whether the store worked when it was last used.
    pub store_works: bool,
}

impl Hub {
    /// Messages and deliveries since the start.
    pub fn traffic(&self) -> [u64; 2] {
        self.locked(|state| [state.counts.messages, state.counts.deliveries.get()])
    }

    /// How the server is.
    pub fn stats(&self) -> Stats {
        let (mut stats, clients) = self.locked(|state| {
            let HubState { clients, groups, queues, counts, .. } = state;
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
        stats.store_works = self.inner.log.is_working();
        stats.commits = self.inner.log.append_times();
        for (items, bytes) in clients.iter().map(|client| client.outbox.queued()) {
            stats.queued = (stats.queued.0 + items, stats.queued.1 + bytes);
            stats.fullest = (stats.fullest.0.max(items), stats.fullest.1.max(bytes));
        }
        let (items, bytes) = self.inner.high_water.marks();
        stats.highest = (stats.fullest.0.max(items), stats.fullest.1.max(bytes));
        stats
    }
}
