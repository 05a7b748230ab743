//! What operators do: looking at sessions, ending them, penalties, announcements, dropping a group, deleting messages.
//!
//! Who may do what is decided above; here it is done, in one section of a lock each.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::client::{Client, ClientId};
use super::outbox::FlushList;
use super::state::{Hub, HubState};
use crate::model::limits::SANCTIONS;
use crate::model::{
    Event, EventKind, Message, Name, Penalty, QuitReason, Role, Sanction, SanctionTarget, Scope, UserError,
};
use crate::store::{Entry, StoreError};

/// A session as an operator sees it.
#[derive(Debug, Clone)]
pub struct SessionInfo {
    /// Its number.
    pub id: ClientId,
    /// Whose it is.
    pub user: Name,
    /// From where.
    pub peer: SocketAddr,
    /// Since when.
    pub since: SystemTime,
    /// How long ago its user last said something.
    pub idle: Duration,
    /// Items and bytes that wait for it.
    pub queued: (usize, usize),
}

impl Hub {
    /// The server role of a user, as it is stored at this moment. One that cannot be read is none.
    pub fn role(&self, user: &Name) -> Role {
        self.store().role(user).unwrap_or_else(|e| {
            log::error!("roles unreadable error=\"{e}\"");
            Role::User
        })
    }

    /// The ban that keeps a user out, if one does.
    pub fn ban_of(&self, user: &Name, now: SystemTime) -> Option<Sanction> {
        self.inner.sanctions.read().upon(Penalty::Ban, user, now).cloned()
    }

    /// The ban that keeps an address out, if one does.
    pub fn ban_at(&self, address: IpAddr, now: SystemTime) -> Option<Sanction> {
        self.inner.sanctions.read().at(address, now).cloned()
    }

    /// Refuses who was muted.
    ///
    /// # Errors
    /// [`UserError::Muted`].
    pub fn check_mute(&self, user: &Name, now: SystemTime) -> Result<(), UserError> {
        let sanctions = self.inner.sanctions.read();
        // Said for each message, and nearly always so.
        if sanctions.len() == 0 {
            return Ok(());
        }
        let mute = sanctions.upon(Penalty::Mute, user, now);
        mute.map_or(Ok(()), |mute| Err(UserError::Muted(mute.until, mute.reason.clone())))
    }

    /// All penalties that hold now.
    pub fn sanctions(&self, now: SystemTime) -> Vec<Sanction> {
        self.inner.sanctions.read().holding(now).cloned().collect()
    }

    /// Lays a penalty on somebody. It holds at once; whom it concerns is for the caller to close.
    ///
    /// # Errors
    /// When there are as many as may be, nothing has changed; or that it is in force, but could not be stored yet.
    pub fn impose(&self, sanction: Sanction) -> Result<(), UserError> {
        let batch = {
            let mut sanctions = self.inner.sanctions.write();
            let over = sanctions.drop_expired(sanction.made);
            if sanctions.len() >= SANCTIONS && !sanctions.has(sanction.penalty, sanction.subject) {
                return Err(UserError::TooManySanctions(SANCTIONS));
            }
            let lifted = |Sanction { penalty, subject, .. }| Entry::Lifted { penalty, subject };
            let mut entries: Vec<Entry> = over.into_iter().map(lifted).collect();
            entries.push(Entry::Sanctioned(sanction.clone()));
            sanctions.insert(sanction);
            // In the order in which they were made, whoever waits for them first.
            self.inner.log.submit(entries)
        };
        self.commit(&batch).map_err(|e| UserError::NotStoredYet(e.to_string()))
    }

    /// Lifts a penalty, and says whether there was one.
    ///
    /// # Errors
    /// Why that could not be stored; it will be as soon as it can.
    pub fn lift(&self, penalty: Penalty, subject: SanctionTarget, now: SystemTime) -> Result<bool, StoreError> {
        let (batch, held) = {
            let mut sanctions = self.inner.sanctions.write();
            let Some(removed) = sanctions.remove(penalty, subject) else { return Ok(false) };
            let batch = self.inner.log.submit([Entry::Lifted { penalty, subject }]);
            (batch, removed.holds(now))
        };
        self.commit(&batch).map(|()| held)
    }

    /// All sessions, in the order in which they came.
    pub fn list_sessions(&self) -> Vec<SessionInfo> {
        let clients: Vec<Arc<Client>> = self.locked(|state| state.clients.values().cloned().collect());
        let seat = |client: Arc<Client>| SessionInfo {
            id: client.id,
            user: client.name,
            peer: client.peer,
            since: client.since,
            idle: client.idle(),
            queued: client.outbox.queued(),
        };
        clients.into_iter().map(seat).collect()
    }

    /// Asks some sessions to end, tells them why if that was said, and returns how many there were.
    pub fn end_sessions(&self, which: impl Fn(&Client) -> bool, reason: QuitReason, why: &str) -> usize {
        let chosen: Vec<Arc<Client>> =
            self.locked(|state| state.clients.values().filter(|client| which(client)).cloned().collect());
        end(&chosen, reason, why);
        chosen.len()
    }

    /// Tells everybody who is here, and returns how many sessions these were.
    pub fn announce(&self, kind: EventKind) -> usize {
        let (event, mut flush_list) = (Event::new(kind), FlushList::default());
        let count = self.locked(|state| {
            state.tell_all(&event, None, &mut flush_list);
            state.clients.len()
        });
        self.hand_to_announcer(flush_list);
        count
    }

    /// Tells these users, as far as they are here, and returns how many of them were.
    pub fn tell_users(&self, users: &[Name], kind: EventKind) -> usize {
        let (event, mut flush_list) = (Event::new(kind), FlushList::default());
        let told = self.locked(|state| {
            let here = users.iter().filter(|user| state.queues.contains_key(user));
            here.inspect(|user| state.tell_user(user, &event, &mut flush_list)).count()
        });
        flush_list.flush_except(None);
        told
    }

    /// Takes a group away from its members, who are told, and returns its name and how many they were.
    ///
    /// # Errors
    /// [`UserError::NoSuchGroup`].
    pub fn drop_group(&self, group: &Name, why: &str) -> Result<(Name, usize), UserError> {
        let mut flush_list = FlushList::default();
        let (group, count) = self.change(|state, entries| {
            let (group, count) = state.group(group).map(|(name, group)| (name, group.members.len()))?;
            let dropped = Event::new(EventKind::GroupDropped { group, why: why.into() });
            state.tell_group(&group, &dropped, None, &mut flush_list);
            state.remove_group(&group, entries);
            Ok((group, count))
        })?;
        flush_list.flush_except(None);
        Ok((group, count))
    }

    /// Takes its text from a message, for everybody, and tells those who are here and could see it. `by` is its author or
    /// an operator's name.
    ///
    /// # Errors
    /// Why that could not be stored; it will be as soon as it can, and nobody is told.
    pub fn delete_message(&self, message: &Message, by: &str, flush_list: &mut FlushList) -> Result<(), StoreError> {
        self.record(vec![Entry::Deleted { id: message.id }])?;
        let by = by.to_owned();
        let deleted = Event::new(EventKind::Deleted { by, id: message.id });
        self.locked(|state| state.tell_of(message, &deleted, flush_list));
        Ok(())
    }
}

/// Asks these sessions to end, and tells them why if that was said.
pub(super) fn end(chosen: &[Arc<Client>], reason: QuitReason, why: &str) {
    let said = Event::new(EventKind::SessionEnded { why: why.into() });
    for client in chosen {
        if !why.is_empty() {
            client.outbox.push(&said);
        }
        client.close(reason);
    }
}

impl HubState {
    /// Tells everybody whom a message concerns, its author above all.
    fn tell_of(&self, message: &Message, event: &Arc<Event>, flush_list: &mut FlushList) {
        let from = &message.said.from;
        match message.said.scope {
            Scope::Everybody => return self.tell_from(from, &self.clients, event, None, flush_list),
            Scope::Group(group) => self.tell_from(from, self.audience(&group), event, Some(from), flush_list),
            Scope::User(to) => self.tell_unless(&to, from, event, flush_list),
        }
        self.tell_user(from, event, flush_list);
    }

    fn tell_unless(&self, user: &Name, except: &Name, event: &Arc<Event>, flush_list: &mut FlushList) {
        if user != except {
            self.tell_user_from(except, user, event, flush_list);
        }
    }
}
