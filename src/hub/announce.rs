//! Telling everybody who came and who left. One thread writes that out for all: who comes or leaves waits for nobody's
//! socket, and what happens at nearly the same time goes out in the same writes.

use std::io;
use std::thread::sleep;

use crossbeam_channel::{Receiver, unbounded};

use super::Hub;
use super::touched::Touched;
use crate::model::limits::{ANNOUNCE_PACE, CLIENT_STACK};
use crate::thread;

impl Hub {
    /// Starts the thread that writes out who came and left, for as long as there is this hub. A second call changes nothing.
    ///
    /// # Errors
    /// What the system says when it gives no thread; then everybody writes that out himself.
    pub fn start_announcer(&self) -> io::Result<()> {
        let (to_announcer, announcements) = unbounded();
        let started = thread::start("announcer", CLIENT_STACK, move || announce_all(&announcements));
        started.map(|_| drop(self.inner.announcer.set(to_announcer)))
    }

    /// Has it written out that somebody came or left. It is queued already, so whatever else is written to somebody comes
    /// after it.
    pub(super) fn announce(&self, mut touched: Touched) {
        match self.inner.announcer.get() {
            _ if touched.is_settled() => {}
            // Whose outbox is crowded has to be written to before anybody goes on, or it would overflow.
            Some(announcer) if !touched.is_crowded() => drop(announcer.send(touched)),
            _ => touched.settle(None),
        }
    }
}

/// Writes out what is announced, and rests after each time: what gathers meanwhile lies in outboxes that are noted already.
fn announce_all(announcements: &Receiver<Touched>) {
    while let Ok(mut touched) = announcements.recv() {
        touched.settle(None);
        announcements.try_iter().for_each(|mut touched| touched.settle(None));
        sleep(ANNOUNCE_PACE);
    }
}
