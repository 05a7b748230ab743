//! The first moments of a logged-in user: the welcome and the missed messages, before anything that happens now.

use std::sync::Arc;

use super::Session;
use super::connection::Unwritten;
use crate::command;
use crate::hub::Client;
use crate::model::limits::PAST_PAGE;
use crate::model::{EventKind, Message, UserError};
use crate::store::Backlog;

impl Session<'_> {
    /// Welcomes the user and shows what they missed. From then on they get events as they happen.
    ///
    /// A slow reader is waited for, page by page; meanwhile new events gather in the outbox, which is held.
    #[inline(never)]
    pub(super) fn greet(&self, me: &Arc<Client>) {
        self.connection.door().welcome(self, me);
        // A client that cannot be written to is closing, which the command loop sees.
        let _ = self.write_without_outbox().and_then(|()| self.catch_up(me));
        me.outbox.release();
        let _ = self.connection.write_all(Some(&me.outbox), None, true);
        self.shared.hub.note_drained(me);
    }

    /// Queues the welcome.
    pub(super) fn queue_welcome(&self, me: &Client) {
        self.connection.queue(EventKind::Welcome { motd: self.shared.motd.clone() });
        if me.name.is_guest() {
            self.connection.queue(EventKind::YouAreGuest { name: me.name });
        }
    }

    fn catch_up(&self, me: &Arc<Client>) -> Result<(), Unwritten> {
        match self.shared.hub.backlog(me) {
            Ok(Backlog { messages, more, withheld }) => {
                if !messages.is_empty() {
                    self.show_missed(me, &messages)?;
                    if more > 0 {
                        self.connection.queue(EventKind::MissedMore { count: more });
                        self.write_without_outbox()?;
                    }
                }
                self.shared.hub.note_caught_up(me, &messages);
                self.shared.hub.give_ignored_receipts(me, &withheld);
                Ok(())
            }
            Err(error) => {
                self.connection.queue(EventKind::Refused(UserError::NotReadable(error.to_string())));
                self.write_without_outbox()
            }
        }
    }

    fn show_missed(&self, me: &Client, messages: &[Message]) -> Result<(), Unwritten> {
        self.connection.queue(EventKind::Missed { count: messages.len() });
        for page in messages.chunks(PAST_PAGE) {
            let parts = command::past(&self.shared.hub, &self.shared.accounts, me.name, page.to_vec());
            parts.into_iter().for_each(|part| self.connection.queue(part));
            self.write_without_outbox()?;
            page.last().into_iter().for_each(|last| me.note_shown(last.id));
        }
        Ok(())
    }

    /// Writes what is queued on the connection, and nothing from the outbox, which is held.
    fn write_without_outbox(&self) -> Result<(), Unwritten> {
        self.connection.write_all(None, None, true)
    }
}
