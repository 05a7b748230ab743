//! Receipts: who asked for them hears when a private message of his has been written to its recipient.

use std::sync::Arc;

use super::Hub;
use super::client::Client;
use super::state::{State, User};
use super::touched::Touched;
use crate::model::limits::RECEIPTS_KEPT;
use crate::model::{Event, EventKind, Message, MessageId, Name, Scope};

/// A receipt that is due as soon as one of the recipient's sessions has been written the message.
pub(super) struct Receipt {
    id: MessageId,
    from: Name,
    by: Name,
    recipients: Vec<Arc<Client>>,
}

impl User {
    /// The receipt for a message to another user, if this one wants one.
    pub(super) fn receipt(&self, id: MessageId, from: Name, by: Name, to: &User) -> Option<Receipt> {
        let wanted = self.sessions.values().any(|session| session.wants_receipts());
        wanted.then(|| Receipt { id, from, by, recipients: to.sessions.values().cloned().collect() })
    }
}

impl State {
    fn tell_receipt(&mut self, from: &Name, kind: EventKind, touched: &mut Touched) {
        let sessions = self.queues.get(from).map(|user| &user.sessions);
        let wanting = sessions.into_iter().flatten().filter(|(_, session)| session.wants_receipts());
        touched.push_all(wanting, &Event::new(kind), None);
    }
}

impl Hub {
    /// Gives the receipts that are due, also those of earlier messages; the others wait.
    pub(super) fn acknowledge(&self, receipts: Vec<Receipt>) {
        // Where another thread is just writing to the reader, this waits for it instead of a second for the next chance.
        receipts.iter().flat_map(|receipt| &receipt.recipients).for_each(Client::flush_thoroughly);
        let due: Vec<Receipt> = {
            let mut waiting = self.inner.receipts.lock();
            waiting.extend(receipts);
            if waiting.is_empty() {
                return;
            }
            // Also from who is gone by now, as long as he got it before he went.
            let due = waiting.extract_if(.., |receipt| receipt.is_due()).collect();
            // Who is gone without it is told what he missed, and then the receipt is given for that.
            waiting.retain(|receipt| receipt.recipients.iter().any(|client| !client.has_departed()));
            let excess = waiting.len().saturating_sub(RECEIPTS_KEPT);
            waiting.drain(..excess);
            due
        };
        let mut touched = Touched::default();
        for Receipt { id, from, by, .. } in due {
            self.locked(|state| state.tell_receipt(&from, EventKind::Received { by, id }, &mut touched));
        }
        touched.settle(None);
    }

    /// Gives the receipts for private messages that their recipient was shown when he came back.
    pub(super) fn acknowledge_missed(&self, by: Name, messages: &[Message]) {
        // One is enough, should another session of his be written the same later.
        let given = |id| messages.binary_search_by_key(&id, |message| message.id).is_ok();
        if !messages.is_empty() {
            self.inner.receipts.lock().retain(|receipt| receipt.by != by || !given(receipt.id));
        }
        let mut touched = Touched::default();
        for Message { id, said, .. } in messages.iter().filter(|message| message.said.scope == Scope::User(by)) {
            let received = EventKind::Received { by, id: *id };
            self.locked(|state| state.tell_receipt(&said.from, received, &mut touched));
        }
        touched.settle(None);
    }

    /// Tells who said a message that its recipient says he has read it.
    pub fn acknowledge_read(&self, by: Name, message: &Message, touched: &mut Touched) {
        let read = EventKind::Read { by, id: message.id };
        self.locked(|state| state.tell_receipt(&message.said.from, read, touched));
    }
}

impl Receipt {
    /// The same, with a user of it under another name.
    pub(super) fn rename(&mut self, from: &Name, to: Name) {
        let names = [&mut self.from, &mut self.by];
        names.into_iter().filter(|name| **name == *from).for_each(|name| *name = to);
    }

    fn is_due(&self) -> bool {
        self.recipients.iter().any(|client| client.outbox.written() >= self.id)
    }
}
