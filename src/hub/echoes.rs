//! The echoes of those who spoke in one batch, held back until all others have been written to.
//!
//! Where the log survives the process, an echo says that a message is stored, and that everybody was written to or the
//! store knows who was not. So nothing from his own first message on is written to who spoke until that is true. Those who
//! spoke in one batch hear each other: each is first written what was said before he spoke, and then, in the order in
//! which they spoke, one after the other gets his echo and what follows it. So whoever gets his echo, all others have got
//! his message before: who spoke later with what came before his own, who spoke earlier with what followed.
//!
//! A later batch that has something for them waits until they are let go; an earlier one does not, so batches cannot wait
//! for each other.

use std::collections::VecDeque;
use std::sync::Arc;

use super::Hub;
use super::client::{Client, ClientId};
use super::content::Content;
use super::state::State;
use super::touched::Waiting;
use crate::model::MessageId;

/// Who spoke in a batch, in that order; dropping it lets all of them go.
pub(super) struct Held {
    hub: Hub,
    speakers: VecDeque<Speaker>,
}

/// Somebody whose echo is held back.
struct Speaker {
    sessions: Vec<Arc<Client>>,
    /// The last message before his own.
    limit: MessageId,
}

impl Held {
    /// Holds nothing back.
    pub(super) fn nobody(hub: &Hub) -> Held {
        Held { hub: hub.clone(), speakers: VecDeque::new() }
    }

    /// Holds back the echoes of those who spoke: who they are, and how many entries of the batch came before theirs.
    pub(super) fn hold(hub: &Hub, content: &Content, first: MessageId, speakers: &[(ClientId, usize)]) -> Held {
        let limit = |entries| MessageId((first.0 + content.messages_before(entries)).saturating_sub(1));
        let speakers = hub.locked(|state| {
            let held = speakers.iter().filter_map(|(id, before)| state.hold_echoes(*id, limit(*before)));
            held.collect()
        });
        Held { hub: hub.clone(), speakers }
    }

    /// Whether echoes of this session are held back.
    pub(super) fn has(&self, client: &Client) -> bool {
        self.speakers.iter().any(|speaker| speaker.has(client))
    }

    /// The sessions that are written what was said before their own apart from what was said after it.
    pub(super) fn apart(&self) -> Vec<ClientId> {
        let several = self.speakers.iter().filter(|_| self.speakers.len() > 1);
        let mut all: Vec<ClientId> = several.flat_map(|speaker| &speaker.sessions).map(|client| client.id).collect();
        all.sort_unstable();
        all
    }

    /// Writes to those who spoke what was said before they did. Returns the sessions that did not take it.
    pub(super) fn write_beginnings(&self) -> Vec<Waiting> {
        let mut behind = Vec::new();
        // Nothing was said before the first.
        for (at, speaker) in self.speakers.iter().enumerate().skip(1) {
            // Two devices of one user may both have spoken.
            let earlier = |client: &Client| self.speakers.range(..at).any(|earlier| earlier.has(client));
            for client in speaker.sessions.iter().filter(|client| !earlier(client)) {
                self.hub.inner.log.await_echoes(&client.outbox, speaker.limit);
                behind.extend(write(client));
            }
        }
        behind
    }

    /// Lets the next one go and writes to his sessions, but for this one. Returns those that did not take it, or nothing
    /// where nobody is left.
    pub(super) fn let_go(&mut self, but: Option<ClientId>) -> Option<Vec<Waiting>> {
        let Speaker { sessions, limit } = self.speakers.front()?;
        let (sessions, limit) = (sessions.clone(), *limit);
        sessions.iter().for_each(|client| self.hub.inner.log.await_echoes(&client.outbox, limit));
        self.free();
        Some(sessions.iter().filter(|client| Some(client.id) != but).filter_map(write).collect())
    }

    fn free(&mut self) -> Option<()> {
        let Speaker { sessions, limit } = self.speakers.pop_front()?;
        self.hub.inner.log.free_echoes(sessions.iter().map(|client| &client.outbox), limit);
        Some(())
    }

    /// Whether nobody's echo is held back any more.
    pub(super) fn is_empty(&self) -> bool {
        self.speakers.is_empty()
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        while self.free().is_some() {}
    }
}

/// Writes to a session, and returns it if it did not take all that may be written.
fn write(client: &Arc<Client>) -> Option<Waiting> {
    client.flush_thoroughly();
    (!client.outbox.is_clear()).then(|| Waiting::everything(Arc::clone(client)))
}

impl Speaker {
    fn has(&self, client: &Client) -> bool {
        self.sessions.iter().any(|session| session.id == client.id)
    }
}

impl State {
    /// Holds back what is queued after this message for the sessions of who spoke.
    fn hold_echoes(&self, speaker: ClientId, limit: MessageId) -> Option<Speaker> {
        let user = self.queues.get(&self.clients.get(&speaker)?.name)?;
        let sessions: Vec<Arc<Client>> = user.sessions.values().cloned().collect();
        sessions.iter().for_each(|client| client.outbox.hold_echoes(limit));
        Some(Speaker { sessions, limit })
    }
}
