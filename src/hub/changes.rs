//! Changing what was said: a view that is cleared, a message that is deleted.

use std::sync::Arc;

use super::Hub;
use super::client::Client;
use super::state::State;
use super::touched::Touched;
use crate::model::{Event, EventKind, Message, Name, Scope};
use crate::store::{Entry, StoreError};

impl Hub {
    /// Takes everything that was delivered so far out of the asker's view of one conversation, or of all of them.
    ///
    /// # Errors
    /// Why that could not be stored; it will be as soon as it can.
    pub fn clear(&self, me: &Client, scope: Option<Scope>) -> Result<(), StoreError> {
        let upto = self.locked(|state| state.last);
        self.record(vec![Entry::Cleared { user: me.name, scope, upto }])
    }

    /// Takes its text from a message, for everybody, and tells those who are here and could see it. `by` is its author or
    /// an operator's name.
    ///
    /// # Errors
    /// Why that could not be stored; it will be as soon as it can, and nobody is told.
    pub fn delete(&self, message: &Message, by: &str, touched: &mut Touched) -> Result<(), StoreError> {
        self.record(vec![Entry::Deleted { id: message.id }])?;
        let by = by.to_owned();
        let deleted = Event::new(EventKind::Deleted { by, id: message.id });
        self.locked(|state| state.tell_of(message, &deleted, touched));
        Ok(())
    }
}

impl State {
    /// Tells everybody whom a message concerns, its author above all.
    fn tell_of(&self, message: &Message, event: &Arc<Event>, touched: &mut Touched) {
        let from = &message.said.from;
        match message.said.scope {
            Scope::Everybody => return self.tell_all(event, None, touched),
            Scope::Group(group) => self.tell_group(&group, event, Some(from), touched),
            Scope::User(to) => self.tell_unless(&to, from, event, touched),
        }
        self.tell_user(from, event, touched);
    }

    fn tell_unless(&self, user: &Name, except: &Name, event: &Arc<Event>, touched: &mut Touched) {
        if user != except {
            self.tell_user(user, event, touched);
        }
    }
}
