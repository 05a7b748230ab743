//! How many sessions have a thread, bounded, and the wait until the last one has ended.
//!
//! It counts longer than the hub does: a session that has left may still be busy with its last words.

use std::sync::Arc;
use std::time::Instant;

use parking_lot::{Condvar, Mutex};

/// The sessions that have a thread.
pub(super) struct Running {
    state: Mutex<State>,
    ended: Condvar,
    max: usize,
}

#[derive(Default)]
struct State {
    count: usize,
    closed: bool,
}

/// One session's place among them, given back when dropped.
pub(super) struct Turn(Arc<Running>);

impl Running {
    pub(super) fn new(max: usize) -> Arc<Running> {
        Arc::new(Running { state: Mutex::default(), ended: Condvar::new(), max })
    }

    /// A place, unless all are taken or the server is stopping.
    pub(super) fn enter(self: &Arc<Self>) -> Option<Turn> {
        let mut state = self.state.lock();
        if state.closed || state.count >= self.max {
            return None;
        }
        state.count += 1;
        Some(Turn(Arc::clone(self)))
    }

    /// Lets nobody in any more, and says whether all had ended by `deadline`.
    pub(super) fn all_ended_by(&self, deadline: Instant) -> bool {
        let mut state = self.state.lock();
        state.closed = true;
        self.ended.wait_while_until(&mut state, |state| state.count > 0, deadline);
        state.count == 0
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.state.lock().count -= 1;
        self.0.ended.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_bounded_given_back_and_waited_for() {
        let running = Running::new(2);
        let (first, second) = (running.enter().unwrap(), running.enter().unwrap());
        assert!(running.enter().is_none());
        drop(first);
        assert!(running.enter().is_some());
        assert!(!running.all_ended_by(Instant::now()));
        assert!(running.enter().is_none(), "the server is stopping");
        let ender = std::thread::spawn(move || drop(second));
        assert!(running.all_ended_by(Instant::now() + std::time::Duration::from_secs(20)));
        ender.join().unwrap();
    }
}
