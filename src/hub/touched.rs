//! Whom a verb has left something to be written for. Filled under the central lock, settled after it.

use std::collections::HashSet;
use std::sync::Arc;

use super::client::{Client, ClientId};
use super::outbox::Push;
use crate::model::limits::TOUCHED_KEPT;
use crate::model::{Event, MessageId, Name, QuitReason};

/// The clients whose outboxes this thread has to write out, and those who turned out too slow.
///
/// Dropping it settles it, so that not even a panic leaves a message lying in an outbox.
#[derive(Default)]
pub struct Touched {
    waiting: Vec<Arc<Client>>,
    too_slow: Vec<Arc<Client>>,
    crowded: bool,
    /// If there is one, everybody for whom something was queued is noted, once, and not only those whose outbox was empty
    /// before. Most need none, and the first one that a thread makes asks the system for random numbers.
    noted: Option<HashSet<ClientId>>,
}

/// Somebody who is to be written to after a batch was appended.
pub(super) struct Waiting {
    pub(super) client: Arc<Client>,
    /// The last message of that batch that was queued for him.
    pub(super) last: MessageId,
}

impl Waiting {
    /// Somebody who is to be written everything that is queued for him.
    pub(super) fn everything(client: Arc<Client>) -> Waiting {
        Waiting { last: client.outbox.pushed(), client }
    }

    /// Whether his connection has taken all of it.
    pub(super) fn is_written(&self) -> bool {
        self.client.outbox.written() >= self.last
    }
}

impl Touched {
    /// Queues one event for each of these clients, all but the sessions of `except`, and notes what follows from it. Says
    /// how many events that were.
    pub(super) fn push_all<'a>(
        &mut self,
        clients: impl IntoIterator<Item = (&'a ClientId, &'a Arc<Client>)>,
        event: &Arc<Event>,
        except: Option<&Name>,
    ) -> usize {
        let chosen = clients.into_iter().filter(|(_, client)| except != Some(&client.name));
        chosen.map(|(_, client)| self.push(client, event)).count() * event.each().len()
    }

    /// For what has just been appended to the log. Where the log survives the process, nobody may be told that his message
    /// is stored before it has been tried to write it to everybody.
    pub(super) fn after_append(thorough: bool) -> Touched {
        let mut touched = Touched::default();
        touched.noted = thorough.then(HashSet::new);
        touched
    }

    fn push(&mut self, client: &Arc<Client>, event: &Arc<Event>) {
        match (client.outbox.push(event), &mut self.noted) {
            (Push::Full, _) => self.too_slow.push(Arc::clone(client)),
            (pushed, Some(noted)) => {
                self.crowded |= pushed == Push::Crowded && !client.outbox.is_behind();
                if noted.insert(client.id) {
                    self.waiting.push(Arc::clone(client));
                }
            }
            (Push::First, None) => self.waiting.push(Arc::clone(client)),
            (Push::Crowded, None) => self.note_crowded(client),
            (Push::Queued | Push::Sealed, None) => {}
        }
    }

    /// A crowded outbox has a writer already; adding ourselves keeps us from going on before he had his turn.
    fn note_crowded(&mut self, client: &Arc<Client>) {
        if client.outbox.is_behind() {
            // Nothing that we could write would make it any shorter.
            return;
        }
        self.crowded = true;
        if self.waiting.last().is_none_or(|last| last.id != client.id) {
            self.waiting.push(Arc::clone(client));
        }
    }

    /// Whether somebody's outbox is more than half full, so that settling should not wait for the end of the read.
    pub fn is_crowded(&self) -> bool {
        self.crowded
    }

    /// Whether there is nothing to write and nobody to close.
    pub(super) fn is_settled(&self) -> bool {
        self.waiting.is_empty() && self.too_slow.is_empty()
    }

    /// Writes out what was queued where it is much, so that it does not grow too much before all of a batch is.
    pub(super) fn relieve_if_crowded(&mut self) {
        if !self.crowded {
            return;
        }
        if self.noted.is_some() {
            self.crowded = false;
            self.waiting.iter().for_each(Client::flush);
        } else {
            self.settle(None);
        }
    }

    /// Hands out who is to be written to, each with the last message that was queued for him, and closes who was too slow.
    /// As long as nobody else's turn has come, those messages are of this batch.
    pub(super) fn take(&mut self) -> Vec<Waiting> {
        self.crowded = false;
        self.too_slow.iter().for_each(|client| client.close(QuitReason::SlowReader));
        let all = self.waiting.drain(..).chain(self.too_slow.drain(..));
        all.map(Waiting::everything).collect()
    }

    /// Writes out what was queued, without waiting for anyone, and closes who was too slow. `own` is left out: a
    /// session writes to its own client last, and may wait for him.
    pub fn settle(&mut self, own: Option<ClientId>) {
        self.crowded = false;
        for client in self.too_slow.drain(..) {
            client.close(QuitReason::SlowReader);
        }
        for client in self.waiting.drain(..) {
            if Some(client.id) != own {
                client.flush();
            }
        }
        self.waiting.shrink_to(TOUCHED_KEPT);
    }
}

impl Drop for Touched {
    fn drop(&mut self) {
        self.settle(None);
    }
}
