//! Whom a user answers with `/reply`: who wrote to him privately last, or else to whom he did. It is his own, whichever
//! of his sessions asks, and holds for as long as he is here.

use std::cell::Cell;

use super::Hub;
use super::client::Client;
use super::state::{State, User};
use crate::model::{Message, Name, Scope, UserError};

/// With whom a user was last in touch privately.
#[derive(Default)]
pub(super) struct Touch {
    /// Who wrote to him.
    from: Cell<Option<Name>>,
    /// To whom he wrote.
    to: Cell<Option<Name>>,
}

impl Hub {
    /// Whom the asker answers when he names nobody.
    ///
    /// # Errors
    /// [`UserError::NobodyToReply`].
    pub fn partner(&self, me: &Client) -> Result<Name, UserError> {
        let partner = self.locked(|state| {
            let Touch { from, to } = &state.queues.get(&me.name)?.touch;
            from.get().or(to.get())
        });
        partner.ok_or(UserError::NobodyToReply)
    }
}

impl State {
    /// Remembers that one wrote to the other, for whom it did not happen if he ignores the one.
    pub(super) fn note_touch(&self, (from, mine): (Name, Option<&User>), (to, his): (Name, Option<&User>)) {
        // Who talks to himself needs no shorter way to do so.
        if from == to {
            return;
        }
        let unheard = self.is_ignoring(&to, &from);
        if let Some(his) = his.filter(|_| !unheard) {
            his.touch.from.set(Some(from));
        }
        if let Some(mine) = mine {
            mine.touch.to.set(Some(to));
        }
    }

    /// Nobody answers this one any more.
    pub(super) fn lose_touch(&mut self, gone: &Name) {
        for Touch { from, to } in self.queues.values_mut().map(|user| &mut user.touch) {
            from.get_mut().take_if(|name| name == gone);
            to.get_mut().take_if(|name| name == gone);
        }
    }

    /// Who answers this one answers the other name from now on.
    pub(super) fn rename_touch(&mut self, from: &Name, to: Name) {
        let touches = self.queues.values_mut().flat_map(|user| [user.touch.from.get_mut(), user.touch.to.get_mut()]);
        touches.flatten().filter(|name| **name == *from).for_each(|name| *name = to);
    }

    /// Remembers who wrote to a user while he was away, unless somebody has written to him since.
    pub(super) fn note_missed_touch(&mut self, me: &Client, missed: &[Message]) {
        let private = |message: &&Message| message.said.scope == Scope::User(me.name);
        let last = missed.iter().rev().find(private).map(|message| message.said.from);
        if let Some(user) = self.queues.get_mut(&me.name) {
            user.touch.from.set(user.touch.from.get().or(last));
        }
    }
}
