//! How many passwords may be hashed at the same time, and the memory they are hashed in.
//!
//! A slot comes with a piece of working memory, so wrong logins by the hundred cost as many pieces as there are slots.

use std::num::NonZero;
use std::thread::available_parallelism;
use std::time::Instant;

use parking_lot::Mutex;

use super::secret::Memory;
use crate::semaphore::{Permit, Semaphore};

/// The slots, and the memory of those that are free.
pub(super) struct HashSlots {
    slots: Semaphore,
    // lock tier leaf: no other lock is taken while it is held.
    spare: Mutex<Vec<Memory>>,
}

/// The right to compute one hash; given back when dropped.
pub(super) struct HashSlot<'a> {
    pub(super) memory: Memory,
    spare: &'a Mutex<Vec<Memory>>,
    /// Released after the memory is back.
    _permit: Permit<'a>,
}

impl HashSlots {
    /// One for each core but one, which is left to the chat, and at least one.
    pub(super) fn for_this_machine() -> HashSlots {
        HashSlots::new(available_parallelism().map_or(1, NonZero::get).saturating_sub(1).max(1))
    }

    pub(super) fn new(count: usize) -> HashSlots {
        HashSlots { slots: Semaphore::new(count), spare: Mutex::default() }
    }

    /// Waits for a slot until `deadline`. Its memory is the piece used last, so that few pieces are ever touched.
    pub(super) fn take(&self, deadline: Instant) -> Option<HashSlot<'_>> {
        let permit = self.slots.acquire_until(deadline)?;
        let memory = self.spare.lock().pop().unwrap_or_default();
        Some(HashSlot { memory, spare: &self.spare, _permit: permit })
    }

    /// Gives out no more slots, and wakes everyone who waits for one.
    pub(super) fn close(&self) {
        self.slots.close();
    }
}

impl Drop for HashSlot<'_> {
    fn drop(&mut self) {
        self.spare.lock().push(std::mem::take(&mut self.memory));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(10)
    }

    #[test]
    fn one_after_another_use_the_same_memory() {
        let slots = HashSlots::new(3);
        (0..10).for_each(|_| drop(slots.take(soon()).unwrap()));
        assert_eq!(slots.spare.lock().len(), 1);
        let together: Vec<_> = (0..3).map(|_| slots.take(soon()).unwrap()).collect();
        assert!(slots.take(Instant::now()).is_none(), "there are three slots");
        drop(together);
        assert_eq!(slots.spare.lock().len(), 3);
    }

    #[test]
    fn a_closed_pool_gives_out_no_slot() {
        let slots = HashSlots::new(1);
        slots.close();
        assert!(slots.take(soon()).is_none());
    }
}
