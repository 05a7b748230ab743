//! How others write to a client: whoever has queued something for him, and, while his socket is full, a thread of its own.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::{Connection, Progress, nothing_came};
use crate::hub::{Client, ConnectionHandle};
use crate::model::limits::WRITER_STACK;
use crate::model::{MessageId, QuitReason};
use crate::sync::{self, fence};

/// The hub's view of a connection.
pub(in crate::session) struct WirePort(pub(in crate::session) Arc<Connection>);

impl ConnectionHandle for WirePort {
    fn flush(&self, client: &Arc<Client>, thorough: bool) {
        let (connection, outbox) = (&self.0, &client.outbox);
        // Pairs with the one in `nothing_came`: either we get the lock or its holder sees what we queued.
        fence(Ordering::SeqCst);
        if outbox.is_held() {
            return;
        }
        loop {
            let mut writing = match connection.writing.try_lock() {
                Some(writing) => writing,
                // Whoever writes has to have his turn first, or the outbox would overflow for no fault of the client.
                None if (thorough || outbox.is_crowded()) && !outbox.is_behind() => connection.writing.lock(),
                None => return,
            };
            if outbox.is_behind() {
                return;
            }
            match connection.write_some(&mut writing, Some(outbox)) {
                Progress::Done => {}
                Progress::Gone => return,
                Progress::Full(_) => {
                    let has_writer = std::mem::replace(&mut writing.has_writer, true);
                    drop(writing);
                    if !has_writer {
                        Connection::start_writer(client, connection);
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

    fn conclude(&self, client: &Client, work: &mut dyn FnMut()) {
        let mut writing = self.0.writing.lock();
        work();
        if !writing.rest.is_empty() {
            // The line that is half out there counts as not written, and must not run into the last words.
            writing.rest = b"\r\n".to_vec();
            writing.newest = MessageId::default();
        }
        client.outbox.seal();
    }

    fn close(&self, reason: QuitReason) {
        self.0.close(reason);
    }
}

impl Connection {
    /// Gives a client who is behind a thread of his own, for as long as he is.
    fn start_writer(client: &Arc<Client>, connection: &Arc<Connection>) {
        let (for_client, for_wire) = (Arc::clone(client), Arc::clone(connection));
        let name = format!("writer-{}", client.id.0);
        if let Err(e) = sync::start(&name, WRITER_STACK, move || for_wire.write_for(&for_client)) {
            log::warn!("no thread for a slow reader user={} error={e}", client.name);
            client.outbox.seal();
            client.close(QuitReason::SlowReader);
        }
    }

    fn write_for(&self, client: &Arc<Client>) {
        log::debug!("behind user={}", client.name);
        loop {
            let result = self.write_all(Some(&client.outbox), None, true);
            let mut writing = self.writing.lock();
            // Somebody may have found the socket full again and relied on this thread, which he saw still here.
            if result.is_err() || !client.outbox.is_behind() {
                writing.has_writer = false;
                break;
            }
        }
        match self.closing() {
            Some(QuitReason::SlowReader) => client.outbox.seal(),
            // That look took the lock once more, so it needs its own look after releasing it.
            None if !nothing_came(&client.outbox) => client.flush(),
            _ => {}
        }
    }
}
