//! Verbs for operators: list and end sessions, impose and lift sanctions, announce, drop groups, delete messages.
//!
//! Permissions are checked above; here things are done, each in one section of a lock.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::apply::StateChange;
use super::client::{Client, ClientId};
use super::outbox::FlushList;
use super::state::{Hub, HubState};
use crate::model::{
    Event, EventKind, Message, Name, Penalty, QuitReason, Role, Sanction, SanctionTarget, Scope, UserError,
};
use crate::store::{Entry, StoreError};

/// A session as an operator sees it.
#[derive(Debug, Clone)]
pub struct SessionInfo {
    /// Its number.
    pub id: ClientId,
    /// Its user.
    pub user: Name,
    /// Where it is connected from.
    pub peer: SocketAddr,
    /// When it logged in.
    pub since: SystemTime,
    /// How long ago its user last sent something.
    pub idle: Duration,
    /// Items and bytes in its outbox.
    pub queued: (usize, usize),
}

/// Sessions.
impl Hub {
    /// All sessions, in the order in which they came.
    pub fn list_sessions(&self) -> Vec<SessionInfo> {
        let clients: Vec<Arc<Client>> = self.locked(|state| state.clients.values().cloned().collect());
        let info = |client: Arc<Client>| SessionInfo {
            id: client.id,
            user: client.name,
            peer: client.peer,
            since: client.since,
            idle: client.idle(),
            queued: client.outbox.queued(),
        };
        clients.into_iter().map(info).collect()
    }

    /// Asks some sessions to end, tells them why unless `why` is empty, and returns how many there were.
    pub fn end_sessions(&self, which: impl Fn(&Client) -> bool, reason: QuitReason, why: &str) -> usize {
        let chosen: Vec<Arc<Client>> =
            self.locked(|state| state.clients.values().filter(|client| which(client)).cloned().collect());
        end(&chosen, reason, why);
        chosen.len()
    }

    /// Tells everybody who is online, and returns how many sessions these were.
    pub fn announce(&self, kind: EventKind) -> usize {
        let (event, mut flush_list) = (Event::new(kind), FlushList::default());
        let count = self.locked(|state| {
            state.tell_all(&event, None, &mut flush_list);
            state.clients.len()
        });
        self.hand_to_announcer(flush_list);
        count
    }

    /// Tells those of these users who are online, and returns how many that were.
    pub fn tell_users(&self, users: &[Name], kind: EventKind) -> usize {
        let (event, mut flush_list) = (Event::new(kind), FlushList::default());
        let told = self.locked(|state| {
            let online = users.iter().filter(|user| state.queues.contains_key(user));
            online.inspect(|user| state.tell_user(user, &event, &mut flush_list)).count()
        });
        flush_list.flush_except(None);
        told
    }
}

/// Asks these sessions to end, and tells them why unless `why` is empty.
pub(super) fn end(chosen: &[Arc<Client>], reason: QuitReason, why: &str) {
    let event = Event::new(EventKind::SessionEnded { why: why.into() });
    for client in chosen {
        if !why.is_empty() {
            client.outbox.push(&event);
        }
        client.close(reason);
    }
}

/// Roles and sanctions.
impl Hub {
    /// The server role of a user, as it is stored at this moment; none if it cannot be read.
    pub fn role(&self, user: &Name) -> Role {
        self.store().role(user).unwrap_or_else(|e| {
            log::error!("roles unreadable error=\"{e}\"");
            Role::User
        })
    }

    /// The ban that keeps a user out, if any.
    pub fn ban_of(&self, user: &Name, now: SystemTime) -> Option<Sanction> {
        self.inner.sanctions.read().of_user(Penalty::Ban, user, now).cloned()
    }

    /// The ban that keeps an address out, if any.
    pub fn ban_at(&self, address: IpAddr, now: SystemTime) -> Option<Sanction> {
        self.inner.sanctions.read().of_address(address, now).cloned()
    }

    /// All bans and mutes that are in force.
    pub fn sanctions(&self, now: SystemTime) -> Vec<Sanction> {
        self.inner.sanctions.read().in_force(now).cloned().collect()
    }

    /// Imposes a ban or a mute. It is in force at once; closing the sessions it concerns is left to the caller.
    ///
    /// # Errors
    /// [`UserError::TooManySanctions`], when nothing has changed; [`UserError::NotStoredYet`], when it is in force
    /// nevertheless.
    pub fn impose(&self, sanction: Sanction) -> Result<(), UserError> {
        let batch = {
            let mut sanctions = self.inner.sanctions.write();
            let changes = sanctions.impose(sanction)?;
            // Submitted under the lock, so that the store has them in the order in which they were made.
            self.inner.log.submit(sanctions.apply_all(changes))
        };
        self.commit(&batch).map_err(|e| UserError::NotStoredYet(e.to_string()))
    }

    /// Lifts a ban or a mute, and says whether there was one in force.
    ///
    /// # Errors
    /// Why that could not be stored; it will be as soon as possible.
    pub fn lift(&self, penalty: Penalty, subject: SanctionTarget, now: SystemTime) -> Result<bool, StoreError> {
        let (batch, was_in_force) = {
            let mut sanctions = self.inner.sanctions.write();
            let Some((changes, was_in_force)) = sanctions.lift(penalty, subject, now) else { return Ok(false) };
            (self.inner.log.submit(sanctions.apply_all(changes)), was_in_force)
        };
        self.commit(&batch).map(|()| was_in_force)
    }
}

/// Groups and messages.
impl Hub {
    /// Takes a group away from its members, who are told; returns its name and how many members it had.
    ///
    /// # Errors
    /// [`UserError::NoSuchGroup`].
    pub fn drop_group(&self, group: &Name, why: &str) -> Result<(Name, usize), UserError> {
        let (mut flush_list, mut dropped) = (FlushList::default(), (*group, 0));
        self.change(&mut flush_list, |state| {
            let (name, group) = state.group(group)?;
            dropped = (name, group.members.len());
            Ok(vec![StateChange::GroupDropped { group: name, why: why.into() }])
        })?;
        flush_list.flush_except(None);
        Ok(dropped)
    }

    /// Takes the text out of a message, for everybody, and tells those who are online and could see it. `by` names the
    /// author or an operator.
    ///
    /// # Errors
    /// Why that could not be stored; it will be as soon as possible, and nobody is told.
    pub fn delete_message(&self, message: &Message, by: &str, flush_list: &mut FlushList) -> Result<(), StoreError> {
        self.record(vec![Entry::Deleted { id: message.id }])?;
        let deleted = Event::new(EventKind::Deleted { by: by.to_owned(), id: message.id });
        self.locked(|state| state.tell_deleted(message, &deleted, flush_list));
        Ok(())
    }
}

impl HubState {
    /// Tells everybody whom a message concerned, its author above all.
    fn tell_deleted(&self, message: &Message, event: &Arc<Event>, flush_list: &mut FlushList) {
        let author = &message.said.from;
        match message.said.scope {
            Scope::Everybody => return self.tell_from(author, &self.clients, event, None, flush_list),
            Scope::Group(group) => self.tell_from(author, self.audience(&group), event, Some(author), flush_list),
            Scope::User(to) if to != *author && self.is_same_user(&to, message.id) => {
                self.tell_user_from(author, &to, event, flush_list);
            }
            Scope::User(_) => {}
        }
        if self.is_same_user(author, message.id) {
            self.tell_user(author, event, flush_list);
        }
    }
}
