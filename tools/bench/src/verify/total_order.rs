//! The total order of a group: the member that is furthest ahead defines it, and all others have to see the same.

use std::collections::VecDeque;
use std::ops::Range;

/// How many messages may pile up before those that every member has seen are dropped.
const TRIM_AT: usize = 4096;

/// The order of one group as a list of streams; the order within a stream is checked by the verifier.
pub(crate) struct TotalOrder {
    members: Range<usize>,
    /// By member: how many messages it has seen; `None` once it has seen another order.
    seen: Vec<Option<usize>>,
    /// The streams of the messages, without the first `dropped` ones.
    log: VecDeque<u32>,
    dropped: usize,
    trim_at: usize,
}

impl TotalOrder {
    /// An empty order for these clients.
    pub(crate) fn new(members: Range<usize>) -> TotalOrder {
        let seen = vec![Some(0); members.len()];
        TotalOrder { members, seen, log: VecDeque::new(), dropped: 0, trim_at: TRIM_AT }
    }

    /// Records that a member got a message of this stream. Returns whether that matches what the others got; a member
    /// that has seen another order is not checked again.
    pub(crate) fn record(&mut self, client: usize, stream: u32) -> bool {
        let Some(Some(seen)) = self.seen.get_mut(client - self.members.start) else { return true };
        let at = *seen - self.dropped;
        *seen += 1;
        match self.log.get(at) {
            Some(expected) if *expected == stream => true,
            Some(_) => {
                self.seen[client - self.members.start] = None;
                false
            }
            None => {
                self.log.push_back(stream);
                self.trim();
                true
            }
        }
    }

    /// Drops what every member has seen.
    fn trim(&mut self) {
        if self.log.len() < self.trim_at {
            return;
        }
        let end = self.dropped + self.log.len();
        let slowest = self.seen.iter().flatten().min().copied().unwrap_or(end);
        self.log.drain(..slowest - self.dropped);
        self.dropped = slowest;
        self.trim_at = self.log.len() + TRIM_AT;
    }
}
