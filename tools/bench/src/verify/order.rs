//! The one order of a group: whoever is furthest says what comes next, and all others have to see the same.

use std::collections::VecDeque;
use std::ops::Range;

/// How many messages may pile up before those that everybody has seen are thrown away.
const TIDY: usize = 4096;

/// The order of one place, as a list of lanes: the numbers within a lane are looked at elsewhere.
pub(crate) struct Order {
    members: Range<usize>,
    /// By member: how many messages he has seen; `None` once he has seen another order.
    seen: Vec<Option<usize>>,
    /// What came, from message `forgotten` on.
    log: VecDeque<u32>,
    forgotten: usize,
    tidy_at: usize,
}

impl Order {
    /// For these clients.
    pub(crate) fn new(members: Range<usize>) -> Order {
        let seen = vec![Some(0); members.len()];
        Order { members, seen, log: VecDeque::new(), forgotten: 0, tidy_at: TIDY }
    }

    /// A member got a message of this lane; whether that fits to what others got. One who saw another order is not asked
    /// again.
    pub(crate) fn take(&mut self, client: usize, lane: u32) -> bool {
        let Some(Some(seen)) = self.seen.get_mut(client - self.members.start) else { return true };
        let at = *seen - self.forgotten;
        *seen += 1;
        match self.log.get(at) {
            Some(expected) if *expected == lane => true,
            Some(_) => {
                self.seen[client - self.members.start] = None;
                false
            }
            None => {
                self.log.push_back(lane);
                self.tidy();
                true
            }
        }
    }

    fn tidy(&mut self) {
        if self.log.len() < self.tidy_at {
            return;
        }
        let end = self.forgotten + self.log.len();
        let last = self.seen.iter().flatten().min().copied().unwrap_or(end);
        self.log.drain(..last - self.forgotten);
        self.forgotten = last;
        self.tidy_at = self.log.len() + TIDY;
    }
}
