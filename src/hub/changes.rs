//! Changing what is kept: a view that is cleared, a message that is deleted, a token that is made.

use std::sync::Arc;

use super::Hub;
use super::client::Client;
use super::state::State;
use super::touched::Touched;
use crate::model::{Event, EventKind, Message, Name, Scope};
use crate::store::{Entry, Position, StoreError, Token};

impl Hub {
    /// Takes everything that was delivered so far out of the asker's view of one conversation, or of all of them.
    ///
    /// # Errors
    /// Why that could not be stored; it will be as soon as it can.
    pub fn clear(&self, me: &Client, scope: Option<Scope>) -> Result<(), StoreError> {
        let upto = self.locked(|state| state.last);
        self.record(vec![Entry::Cleared { user: me.name, scope, upto }])
    }

    /// The login tokens of a user, expired ones too, in the order of their names. What was revoked is not among them, also
    /// where that could not be stored yet.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn tokens(&self, user: &Name) -> Result<Vec<Token>, StoreError> {
        let revoked = self.inner.log.unsaved(|entry| match entry {
            Entry::TokenRevoked { user: of, name } if of == user => Some(Some(*name)),
            Entry::Forgotten { user: of } if of == user => Some(None),
            _ => None,
        });
        let mut tokens = self.store().tokens(user)?;
        tokens.retain(|token| !revoked.iter().any(|name| name.is_none_or(|name| name == token.name)));
        Ok(tokens)
    }

    /// Makes a token good, and begins the place in the log of the device that will use it: it is owed what comes from now on.
    ///
    /// # Errors
    /// Why that could not be stored; the token is none then.
    pub fn add_token(&self, token: Token) -> Result<(), StoreError> {
        let (user, device, at) = (token.user, Some(token.name), token.made);
        let position = Position::Upto(self.locked(|state| state.last));
        self.record(vec![Entry::TokenMade(token), Entry::Reading { user, device, position, at }])
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
            Scope::Everybody => return self.tell_of_user(from, &self.clients, event, None, touched),
            Scope::Group(group) => self.tell_of_user(from, self.audience(&group), event, Some(from), touched),
            Scope::User(to) => self.tell_unless(&to, from, event, touched),
        }
        self.tell_user(from, event, touched);
    }

    fn tell_unless(&self, user: &Name, except: &Name, event: &Arc<Event>, touched: &mut Touched) {
        if user != except {
            self.tell_user_of(except, user, event, touched);
        }
    }
}
