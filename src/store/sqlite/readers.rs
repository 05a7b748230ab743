//! The connections that read: never more than so many, however many ask at the same time; who finds none free waits.

use parking_lot::{Condvar, Mutex};
use rusqlite::Connection;

use crate::model::limits::{READERS, READERS_KEPT};

/// The connections for reading.
#[derive(Default)]
pub(super) struct Readers {
    state: Mutex<State>,
    returned: Condvar,
}

#[derive(Default)]
struct State {
    /// Those that nobody uses at the moment.
    idle: Vec<Connection>,
    /// How many are used.
    used: usize,
}

/// The right to use one connection; given back when dropped.
pub(super) struct Turn<'a> {
    /// Put back here when it may be used again; what went wrong on one is not known, so it is closed then.
    pub(super) conn: Option<Connection>,
    readers: &'a Readers,
}

impl Readers {
    /// Waits until there may be one more. It comes with a connection that was used before, if there is one.
    pub(super) fn take(&self) -> Turn<'_> {
        let mut state = self.state.lock();
        self.returned.wait_while(&mut state, |state| state.used >= READERS);
        state.used += 1;
        Turn { conn: state.idle.pop(), readers: self }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut state = self.readers.state.lock();
        state.used -= 1;
        // Closing one takes its time, so that is done after this, without the lock.
        let conn = self.conn.take_if(|_| state.idle.len() < READERS_KEPT);
        state.idle.extend(conn);
        drop(state);
        self.readers.returned.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn never_more_are_used_at_once_than_there_may_be_and_all_get_their_turn() {
        let (readers, inside, most) = (Readers::default(), AtomicUsize::new(0), AtomicUsize::new(0));
        let together = Barrier::new(5 * READERS);
        std::thread::scope(|scope| {
            for _ in 0..5 * READERS {
                scope.spawn(|| {
                    together.wait();
                    let _turn = readers.take();
                    most.fetch_max(inside.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    (0..100).for_each(|_| std::thread::yield_now());
                    inside.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        assert!((1..=READERS).contains(&most.into_inner()));
        assert_eq!(readers.state.lock().used, 0);
    }

    #[test]
    fn a_connection_that_is_put_back_is_used_again_and_few_are_kept() {
        let readers = Readers::default();
        let mut turns: Vec<Turn<'_>> = (0..READERS).map(|_| readers.take()).collect();
        assert!(turns.iter().all(|turn| turn.conn.is_none()));
        turns.iter_mut().for_each(|turn| turn.conn = Connection::open_in_memory().ok());
        drop(turns);
        assert_eq!(readers.state.lock().idle.len(), READERS_KEPT);
        assert!(readers.take().conn.take().is_some());
        assert_eq!(readers.state.lock().idle.len(), READERS_KEPT - 1, "one that failed is closed");
    }
}
