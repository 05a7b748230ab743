//! The connections that read: at most [`READERS`] at once, whoever asks beyond that waits; a few are kept open when idle.

use parking_lot::Mutex;
use rusqlite::Connection;

use crate::model::limits::{READERS, READERS_KEPT};
use crate::semaphore::{Permit, Semaphore};

/// The connections for reading.
pub(super) struct Readers {
    slots: Semaphore,
    // lock tier leaf: no other lock is taken while it is held.
    idle: Mutex<Vec<Connection>>,
}

/// The right to use one connection; given back when dropped.
pub(super) struct Reader<'a> {
    idle: &'a Mutex<Vec<Connection>>,
    /// Always there: the readers are never closed. Released before a connection is closed, which takes its time.
    _permit: Option<Permit<'a>>,
    /// Put back here when it can be used again; after an error its state is unknown, so it is closed instead.
    pub(super) conn: Option<Connection>,
}

impl Default for Readers {
    fn default() -> Readers {
        Readers { slots: Semaphore::new(READERS), idle: Mutex::default() }
    }
}

impl Readers {
    /// Waits until fewer than [`READERS`] are in use. Comes with a connection that was used before, if there is one.
    pub(super) fn take(&self) -> Reader<'_> {
        let permit = self.slots.acquire();
        let conn = self.idle.lock().pop();
        Reader { idle: &self.idle, _permit: permit, conn }
    }
}

impl Drop for Reader<'_> {
    fn drop(&mut self) {
        let mut idle = self.idle.lock();
        let kept = self.conn.take_if(|_| idle.len() < READERS_KEPT);
        idle.extend(kept);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_returned_connection_is_used_again_and_few_are_kept() {
        let readers = Readers::default();
        let mut taken: Vec<Reader<'_>> = (0..READERS).map(|_| readers.take()).collect();
        assert!(taken.iter().all(|reader| reader.conn.is_none()));
        taken.iter_mut().for_each(|reader| reader.conn = Connection::open_in_memory().ok());
        drop(taken);
        assert_eq!(readers.idle.lock().len(), READERS_KEPT);
        assert!(readers.take().conn.take().is_some());
        assert_eq!(readers.idle.lock().len(), READERS_KEPT - 1, "a connection that failed is closed");
    }
}
