//! Floor 0: a counting semaphore. It bounds how many may do the same thing at once, and knows nothing of what that is.
//!
//! Deadlines are absolute and monotonic: waking up early, or losing a race for a permit, never extends one.

use std::sync::Arc;
use std::time::Instant;

use crate::lock::{Condvar, Mutex};

/// A fixed number of permits. [`Semaphore::close`] ends the giving out; permits that are held stay good.
pub(crate) struct Semaphore {
    capacity: usize,
    // lock tier 9: a leaf.
    state: Mutex<State, 9>,
    released: Condvar,
    idle: Condvar,
}

#[derive(Default)]
struct State {
    held: usize,
    closed: bool,
}

/// A permit that borrows its semaphore. Dropping it releases it.
pub(crate) struct Permit<'a>(&'a Semaphore);

/// A permit that keeps its semaphore alive, to be moved to another thread. Dropping it releases it.
pub(crate) struct OwnedPermit(Arc<Semaphore>);

impl Semaphore {
    /// A semaphore with this many permits, all of them free.
    pub(crate) fn new(capacity: usize) -> Semaphore {
        Semaphore { capacity, state: Mutex::default(), released: Condvar::new(), idle: Condvar::new() }
    }

    /// Waits for a permit; `None` once the semaphore is closed.
    pub(crate) fn acquire(&self) -> Option<Permit<'_>> {
        self.wait(None).then(|| Permit(self))
    }

    /// Waits for a permit until `deadline`; `None` when none came free, or once the semaphore is closed.
    pub(crate) fn acquire_until(&self, deadline: Instant) -> Option<Permit<'_>> {
        self.wait(Some(deadline)).then(|| Permit(self))
    }

    /// As [`Semaphore::acquire_until`], with a permit that owns its share of the semaphore.
    pub(crate) fn acquire_owned_until(self: &Arc<Self>, deadline: Instant) -> Option<OwnedPermit> {
        self.wait(Some(deadline)).then(|| OwnedPermit(Arc::clone(self)))
    }

    /// A permit if one is free now; `None` otherwise, or once the semaphore is closed.
    pub(crate) fn try_acquire_owned(self: &Arc<Self>) -> Option<OwnedPermit> {
        self.state.lock().take(self.capacity).then(|| OwnedPermit(Arc::clone(self)))
    }

    /// Gives out no more permits, and wakes everyone who waits for one.
    pub(crate) fn close(&self) {
        self.state.lock().closed = true;
        self.released.notify_all();
    }

    /// Waits until no permit is held; `false` when one still is at `deadline`. Close the semaphore first, or new
    /// permits keep it busy.
    pub(crate) fn wait_idle_until(&self, deadline: Instant) -> bool {
        let mut state = self.state.lock();
        self.idle.wait_while_until(&mut state, |state| state.held > 0, deadline);
        state.held == 0
    }

    fn wait(&self, deadline: Option<Instant>) -> bool {
        let mut state = self.state.lock();
        let exhausted = |state: &mut State| !state.closed && state.held >= self.capacity;
        match deadline {
            Some(deadline) => drop(self.released.wait_while_until(&mut state, exhausted, deadline)),
            None => self.released.wait_while(&mut state, exhausted),
        }
        state.take(self.capacity)
    }

    fn release(&self) {
        let mut state = self.state.lock();
        state.held -= 1;
        let idle = state.held == 0;
        drop(state);
        self.released.notify_one();
        if idle {
            self.idle.notify_all();
        }
    }
}

impl State {
    fn take(&mut self, capacity: usize) -> bool {
        let free = !self.closed && self.held < capacity;
        self.held += usize::from(free);
        free
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        self.0.release();
    }
}

impl Drop for OwnedPermit {
    fn drop(&mut self) {
        self.0.release();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread;
    use std::time::Duration;

    use super::*;

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(20)
    }

    #[test]
    fn never_more_than_capacity_are_held_and_everyone_gets_one() {
        const CAPACITY: usize = 3;
        let (semaphore, inside, most) = (Semaphore::new(CAPACITY), AtomicUsize::new(0), AtomicUsize::new(0));
        let together = Barrier::new(50);
        thread::scope(|scope| {
            for n in 0..50 {
                let (semaphore, inside, most, together) = (&semaphore, &inside, &most, &together);
                scope.spawn(move || {
                    together.wait();
                    let permit = if n % 2 == 0 { semaphore.acquire() } else { semaphore.acquire_until(soon()) };
                    assert!(permit.is_some());
                    most.fetch_max(inside.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    (0..100).for_each(|_| thread::yield_now());
                    inside.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        assert!((1..=CAPACITY).contains(&most.into_inner()));
        assert_eq!(semaphore.state.lock().held, 0);
    }

    #[test]
    fn a_permit_that_is_dropped_can_be_taken_again() {
        let semaphore = Arc::new(Semaphore::new(2));
        let (first, _second) = (semaphore.try_acquire_owned().unwrap(), semaphore.try_acquire_owned().unwrap());
        assert!(semaphore.try_acquire_owned().is_none());
        drop(first);
        assert!(semaphore.try_acquire_owned().is_some());
    }

    #[test]
    fn waiting_past_the_deadline_takes_nothing() {
        let semaphore = Arc::new(Semaphore::new(1));
        let held = semaphore.acquire();
        assert!(semaphore.acquire_until(Instant::now()).is_none());
        assert!(semaphore.acquire_owned_until(Instant::now() + Duration::from_millis(10)).is_none());
        drop(held);
        assert_eq!(semaphore.state.lock().held, 0);
        assert!(semaphore.acquire_owned_until(Instant::now()).is_some());
    }

    #[test]
    fn closing_wakes_those_who_wait_and_gives_out_no_more() {
        let semaphore = Semaphore::new(0);
        thread::scope(|scope| {
            let bounded = scope.spawn(|| semaphore.acquire_until(Instant::now() + Duration::from_secs(600)).is_none());
            let unbounded = scope.spawn(|| semaphore.acquire().is_none());
            semaphore.close();
            assert!(bounded.join().unwrap() && unbounded.join().unwrap());
        });
        assert!(semaphore.acquire_until(soon()).is_none());
    }

    #[test]
    fn the_last_permit_to_be_released_makes_it_idle() {
        let semaphore = Arc::new(Semaphore::new(2));
        let (first, second) = (semaphore.try_acquire_owned().unwrap(), semaphore.try_acquire_owned().unwrap());
        semaphore.close();
        drop(first);
        assert!(!semaphore.wait_idle_until(Instant::now()));
        let releasing = thread::spawn(move || drop(second));
        assert!(semaphore.wait_idle_until(soon()));
        releasing.join().unwrap();
    }
}
