//! How many passwords may be hashed at the same time, and the memory they are hashed in.
//!
//! A permit *is* a piece of working memory, so wrong logins by the hundred cost that many pieces and no more.

use std::num::NonZero;
use std::thread::available_parallelism;
use std::time::Instant;

use parking_lot::{Condvar, Mutex};

use super::secret::Memory;

/// The permits that are free.
pub(super) struct HashSlots {
    free: Mutex<Free>,
    returned: Condvar,
}

struct Free {
    memories: Vec<Memory>,
    /// Nobody gets one any more, and nobody waits.
    closed: bool,
}

/// The right to compute one hash; given back when dropped.
pub(super) struct HashSlot<'a> {
    pub(super) memory: Memory,
    from: &'a HashSlots,
}

impl HashSlots {
    /// One for each core but one, which is left to the chat, and at least one.
    pub(super) fn for_this_machine() -> HashSlots {
        HashSlots::new(available_parallelism().map_or(1, NonZero::get).saturating_sub(1).max(1))
    }

    pub(super) fn new(count: usize) -> HashSlots {
        let memories = std::iter::repeat_with(Memory::default).take(count).collect();
        HashSlots { free: Mutex::new(Free { memories, closed: false }), returned: Condvar::new() }
    }

    /// Waits for a permit until `deadline`. The one used last comes first, so that few pieces of memory are ever touched.
    pub(super) fn take(&self, deadline: Instant) -> Option<HashSlot<'_>> {
        let mut free = self.free.lock();
        let nothing_new = |free: &mut Free| !free.closed && free.memories.is_empty();
        self.returned.wait_while_until(&mut free, nothing_new, deadline);
        let memory = if free.closed { None } else { free.memories.pop() };
        memory.map(|memory| HashSlot { memory, from: self })
    }

    /// Gives nobody a permit any more, and wakes all who wait for one.
    pub(super) fn close(&self) {
        self.free.lock().closed = true;
        self.returned.notify_all();
    }
}

impl Drop for HashSlot<'_> {
    fn drop(&mut self) {
        self.from.free.lock().memories.push(std::mem::take(&mut self.memory));
        self.from.returned.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(10)
    }

    #[test]
    fn nobody_waits_for_closed_ones() {
        let permits = HashSlots::new(0);
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| permits.take(Instant::now() + Duration::from_secs(600)).is_none());
            permits.close();
            assert!(waiting.join().unwrap());
        });
        assert!(permits.take(soon()).is_none());
    }

    #[test]
    fn never_more_at_once_than_there_are_permits() {
        let (permits, inside, most) = (HashSlots::new(3), AtomicUsize::new(0), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for _ in 0..50 {
                scope.spawn(|| {
                    let _permit = permits.take(soon()).unwrap();
                    most.fetch_max(inside.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    std::thread::yield_now();
                    inside.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        assert!(most.into_inner() <= 3);
        assert_eq!(permits.free.lock().memories.len(), 3);
    }

    #[test]
    fn who_waits_too_long_goes_without_and_takes_nothing() {
        let permits = HashSlots::new(1);
        let held = permits.take(soon());
        assert!(permits.take(Instant::now()).is_none());
        drop(held);
        assert!(permits.take(Instant::now()).is_some());
    }
}
