//! The hub's view of a wire: a way to write without waiting, and to end the session.

use std::sync::Arc;
use std::sync::atomic::{Ordering, fence};

use super::{Progress, Wire, nothing_came};
use crate::hub::{Client, Port};
use crate::model::QuitReason;

/// A wire as the hub sees it.
pub(in crate::session) struct WirePort(pub(in crate::session) Arc<Wire>);

impl Port for WirePort {
    fn flush(&self, client: &Arc<Client>) {
        let (wire, outbox) = (&self.0, &client.outbox);
        // Pairs with the one in `nothing_came`: either we get the lock or its holder sees what we queued.
        fence(Ordering::SeqCst);
        loop {
            let mut writing = match wire.writing.try_lock() {
                Some(writing) => writing,
                // Whoever writes has to have his turn first, or the outbox would overflow for no fault of the client.
                None if outbox.is_crowded() && !outbox.is_behind() => wire.writing.lock(),
                None => return,
            };
            if outbox.is_behind() {
                return;
            }
            match wire.write_some(&mut writing, Some(outbox)) {
                Progress::Done => {}
                Progress::Gone => return,
                Progress::Full(_) => {
                    let has_writer = std::mem::replace(&mut writing.has_writer, true);
                    drop(writing);
                    if !has_writer {
                        Wire::start_writer(client, wire);
                    }
                    return;
                }
            }
            drop(writing);
            if nothing_came(outbox) {
                return;
            }
        }
    }

    fn close(&self, reason: QuitReason) {
        self.0.close(reason);
    }
}
