//! Floor 0: locks with their place in the one order of all locks.
//!
//! `Mutex<T, 6>` is a lock of tier 6. A thread that holds a lock takes only locks of higher tiers, and none of the same, so
//! threads cannot wait for each other in a circle. The table of tiers is in docs/architecture.md; next to each lock a
//! comment says its tier and why.
//!
//! With the feature `deadlock-detection` each lock checks the order when it is taken, and ends the process if a thread
//! breaks it. Without the feature these are parking_lot's types, and a tier costs nothing.

#[cfg(not(feature = "deadlock-detection"))]
mod plain {
    pub(crate) use parking_lot::Condvar;

    /// A lock of this tier.
    pub(crate) type Mutex<T, const TIER: u8> = parking_lot::Mutex<T>;
    /// A held [`Mutex`].
    pub(crate) type MutexGuard<'a, T, const TIER: u8> = parking_lot::MutexGuard<'a, T>;
    /// A lock of this tier for several readers or one writer.
    pub(crate) type RwLock<T, const TIER: u8> = parking_lot::RwLock<T>;
}

#[cfg(feature = "deadlock-detection")]
mod checked {
    use std::backtrace::Backtrace;
    use std::cell::RefCell;
    use std::io::Write;
    use std::ops::{Deref, DerefMut};
    use std::time::{Duration, Instant};

    use parking_lot::{RwLockReadGuard, RwLockWriteGuard, WaitTimeoutResult};

    thread_local! {
        /// The tiers of the locks that this thread holds.
        static HELD: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
    }

    /// The highest of these tiers, if a thread that holds them may not take a lock of this one.
    pub(super) fn conflict(held: &[u8], tier: u8) -> Option<u8> {
        held.iter().copied().max().filter(|highest| *highest >= tier)
    }

    /// A place among the locks that this thread holds; dropping it gives the place back.
    struct Held(u8);

    impl Held {
        /// To be called before waiting for a lock.
        fn check(tier: u8) {
            // While a thread ends, its list may be gone already, and then it cannot be checked.
            let conflict = HELD.try_with(|held| conflict(&held.borrow(), tier)).ok().flatten();
            if let Some(highest) = conflict {
                // The log may be what is locked.
                let _ = writeln!(
                    std::io::stderr(),
                    "lock order broken: a thread that holds a lock of tier {highest} takes one of tier {tier}\n{}",
                    Backtrace::force_capture()
                );
                std::process::abort();
            }
        }

        /// To be called once the lock is taken.
        fn new(tier: u8) -> Held {
            let _ = HELD.try_with(|held| held.borrow_mut().push(tier));
            Held(tier)
        }
    }

    impl Drop for Held {
        fn drop(&mut self) {
            let _ = HELD.try_with(|held| {
                let mut held = held.borrow_mut();
                if let Some(at) = held.iter().rposition(|tier| *tier == self.0) {
                    held.remove(at);
                }
            });
        }
    }

    /// A lock of this tier.
    #[derive(Debug, Default)]
    pub(crate) struct Mutex<T, const TIER: u8>(parking_lot::Mutex<T>);

    /// A held [`Mutex`].
    pub(crate) struct MutexGuard<'a, T, const TIER: u8> {
        guard: parking_lot::MutexGuard<'a, T>,
        _held: Held,
    }

    impl<T, const TIER: u8> Mutex<T, TIER> {
        pub(crate) const fn new(value: T) -> Mutex<T, TIER> {
            Mutex(parking_lot::Mutex::new(value))
        }

        pub(crate) fn lock(&self) -> MutexGuard<'_, T, TIER> {
            Held::check(TIER);
            MutexGuard { guard: self.0.lock(), _held: Held::new(TIER) }
        }

        /// Waits for nobody, so the order does not matter here; it does for what is taken next.
        pub(crate) fn try_lock(&self) -> Option<MutexGuard<'_, T, TIER>> {
            self.0.try_lock().map(|guard| MutexGuard { guard, _held: Held::new(TIER) })
        }

        pub(crate) fn try_lock_for(&self, patience: Duration) -> Option<MutexGuard<'_, T, TIER>> {
            self.try_lock_until(Instant::now() + patience)
        }

        pub(crate) fn try_lock_until(&self, deadline: Instant) -> Option<MutexGuard<'_, T, TIER>> {
            Held::check(TIER);
            self.0.try_lock_until(deadline).map(|guard| MutexGuard { guard, _held: Held::new(TIER) })
        }

        pub(crate) fn is_locked(&self) -> bool {
            self.0.is_locked()
        }
    }

    impl<T, const TIER: u8> Deref for MutexGuard<'_, T, TIER> {
        type Target = T;

        fn deref(&self) -> &T {
            &self.guard
        }
    }

    impl<T, const TIER: u8> DerefMut for MutexGuard<'_, T, TIER> {
        fn deref_mut(&mut self) -> &mut T {
            &mut self.guard
        }
    }

    /// A lock of this tier for several readers or one writer.
    #[derive(Debug, Default)]
    pub(crate) struct RwLock<T, const TIER: u8>(parking_lot::RwLock<T>);

    /// A held [`RwLock`], for reading or writing.
    pub(crate) struct RwGuard<G> {
        guard: G,
        _held: Held,
    }

    impl<T, const TIER: u8> RwLock<T, TIER> {
        pub(crate) const fn new(value: T) -> RwLock<T, TIER> {
            RwLock(parking_lot::RwLock::new(value))
        }

        pub(crate) fn read(&self) -> RwGuard<RwLockReadGuard<'_, T>> {
            Held::check(TIER);
            RwGuard { guard: self.0.read(), _held: Held::new(TIER) }
        }

        pub(crate) fn write(&self) -> RwGuard<RwLockWriteGuard<'_, T>> {
            Held::check(TIER);
            RwGuard { guard: self.0.write(), _held: Held::new(TIER) }
        }
    }

    impl<G: Deref> Deref for RwGuard<G> {
        type Target = G::Target;

        fn deref(&self) -> &G::Target {
            &self.guard
        }
    }

    impl<G: DerefMut> DerefMut for RwGuard<G> {
        fn deref_mut(&mut self) -> &mut G::Target {
            &mut self.guard
        }
    }

    /// A condition variable for a [`Mutex`]. While a thread waits, the mutex still counts as held by it.
    #[derive(Debug, Default)]
    pub(crate) struct Condvar(parking_lot::Condvar);

    impl Condvar {
        pub(crate) const fn new() -> Condvar {
            Condvar(parking_lot::Condvar::new())
        }

        pub(crate) fn notify_one(&self) {
            self.0.notify_one();
        }

        pub(crate) fn notify_all(&self) {
            self.0.notify_all();
        }

        pub(crate) fn wait<T, const TIER: u8>(&self, guard: &mut MutexGuard<'_, T, TIER>) {
            self.0.wait(&mut guard.guard);
        }

        pub(crate) fn wait_until<T, const TIER: u8>(
            &self,
            guard: &mut MutexGuard<'_, T, TIER>,
            deadline: Instant,
        ) -> WaitTimeoutResult {
            self.0.wait_until(&mut guard.guard, deadline)
        }

        pub(crate) fn wait_while<T, const TIER: u8>(
            &self,
            guard: &mut MutexGuard<'_, T, TIER>,
            condition: impl FnMut(&mut T) -> bool,
        ) {
            self.0.wait_while(&mut guard.guard, condition);
        }

        pub(crate) fn wait_while_until<T, const TIER: u8>(
            &self,
            guard: &mut MutexGuard<'_, T, TIER>,
            condition: impl FnMut(&mut T) -> bool,
            deadline: Instant,
        ) {
            self.0.wait_while_until(&mut guard.guard, condition, deadline);
        }

        pub(crate) fn wait_while_for<T, const TIER: u8>(
            &self,
            guard: &mut MutexGuard<'_, T, TIER>,
            condition: impl FnMut(&mut T) -> bool,
            patience: Duration,
        ) {
            self.0.wait_while_for(&mut guard.guard, condition, patience);
        }
    }
}

#[cfg(feature = "deadlock-detection")]
pub(crate) use checked::*;
#[cfg(not(feature = "deadlock-detection"))]
pub(crate) use plain::*;

#[cfg(all(test, feature = "deadlock-detection"))]
mod tests {
    use super::checked::conflict;

    #[test]
    fn locks_are_taken_in_ascending_order_of_tiers() {
        assert_eq!(conflict(&[], 1), None);
        assert_eq!(conflict(&[1, 4], 5), None);
        assert_eq!(conflict(&[4, 1], 4), Some(4));
        assert_eq!(conflict(&[9], 3), Some(9));
    }
}
