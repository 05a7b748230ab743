//! Floor 0: the lock, the atomics and the threads of whatever decides who writes to a client.
//!
//! They are the ordinary ones, or, with the feature `shuttle`, those of a scheduler that tries one order of events after
//! the other in tests.

#[cfg(not(feature = "shuttle"))]
mod real {
    pub(crate) use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, fence};
    pub(crate) use std::thread_local;

    pub(crate) use crate::lock::Mutex;
    pub(crate) use crate::thread::start;
}

#[cfg(feature = "shuttle")]
mod scheduled {
    use std::io;
    use std::sync::{PoisonError, TryLockError};

    pub(crate) use shuttle::sync::MutexGuard;
    pub(crate) use shuttle::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, fence};
    pub(crate) use shuttle::thread::JoinHandle;
    pub(crate) use shuttle::thread_local;

    /// Starts a thread of the scheduler, which never refuses one.
    pub(crate) fn start<T: Send + 'static>(
        _name: &str,
        _stack: usize,
        body: impl FnOnce() -> T + Send + 'static,
    ) -> io::Result<JoinHandle<T>> {
        Ok(shuttle::thread::spawn(body))
    }

    /// A lock of the scheduler with the interface of [`crate::lock::Mutex`]; the tier is not checked.
    #[derive(Default)]
    pub(crate) struct Mutex<T, const TIER: u8>(shuttle::sync::Mutex<T>);

    impl<T, const TIER: u8> Mutex<T, TIER> {
        pub(crate) fn new(value: T) -> Mutex<T, TIER> {
            Mutex(shuttle::sync::Mutex::new(value))
        }

        pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
            self.0.lock().unwrap_or_else(PoisonError::into_inner)
        }

        pub(crate) fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
            match self.0.try_lock() {
                Ok(guard) => Some(guard),
                Err(TryLockError::Poisoned(guard)) => Some(guard.into_inner()),
                Err(TryLockError::WouldBlock) => None,
            }
        }
    }
}

#[cfg(not(feature = "shuttle"))]
pub(crate) use real::*;
#[cfg(feature = "shuttle")]
pub(crate) use scheduled::*;
