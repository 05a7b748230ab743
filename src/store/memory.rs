//! The store of a server that keeps nothing: the last [`MEMORY_MESSAGES`] messages, until it ends.

mod kept;
mod moderation;
mod rename;
mod stays;
mod view;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::SystemTime;

use parking_lot::Mutex;

use self::kept::Kept;
use self::moderation::Moderation;
use self::stays::Stays;
use super::{Backlog, Device, Digest, Entry, KeptGroup, Position, Store, StoreError, Token};
use crate::model::limits::MEMORY_MESSAGES;
use crate::model::{Draft, Message, MessageId, Name, Report, Role, Sanction, Scope};

/// Keeps in memory what another store keeps on a disk.
#[derive(Default)]
pub struct MemoryStore {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    last: u64,
    messages: VecDeque<Message>,
    stays: Stays,
    /// Up to where a user has cleared a conversation; `None` for all of his.
    cleared: BTreeMap<(Name, Option<Scope>), MessageId>,
    readers: BTreeMap<(Name, Device), (Position, SystemTime)>,
    /// Each user with each of those he ignores.
    ignored: BTreeSet<(Name, Name)>,
    tokens: BTreeMap<(Name, Name), Token>,
    invites: BTreeMap<Digest, SystemTime>,
    orders: Moderation,
    kept: Kept,
    /// Who is called otherwise, as long as the users file may not say so.
    renamings: Vec<(Name, Name)>,
}

impl Store for MemoryStore {
    fn append(&self, batch: &[Entry]) -> Result<MessageId, StoreError> {
        let mut inner = self.inner.lock();
        let first = MessageId(inner.last + 1);
        batch.iter().for_each(|entry| inner.apply(entry));
        Ok(first)
    }

    fn history(
        &self,
        reader: &Name,
        scope: Option<Scope>,
        before: Option<MessageId>,
        limit: usize,
    ) -> Result<Vec<Message>, StoreError> {
        let inner = self.inner.lock();
        let earlier = |message: &Message| before.is_none_or(|before| message.id < before);
        Ok(inner.last_seen_by(reader, scope, limit, earlier))
    }

    fn search(
        &self,
        reader: &Name,
        words: &str,
        scope: Option<Scope>,
        limit: usize,
    ) -> Result<Vec<Message>, StoreError> {
        let wanted: Vec<String> = words_of(words).collect();
        let inner = self.inner.lock();
        Ok(inner.last_seen_by(reader, scope, limit, |message| {
            let words: Vec<String> = words_of(&message.said.text).collect();
            !wanted.is_empty() && wanted.iter().all(|word| words.contains(word))
        }))
    }

    fn backlog(&self, reader: &Name, device: Device, upto: MessageId, limit: usize) -> Result<Backlog, StoreError> {
        let inner = self.inner.lock();
        let position = inner.readers.get(&(*reader, device)).map_or(Position::NOTHING, |(position, _)| *position);
        let owed = inner.messages.iter().filter(|message| {
            let Message { id, said: Draft { from, scope, .. }, deleted } = message;
            let addressed = *scope != Scope::Everybody && from != reader;
            !position.has(*id) && *id <= upto && addressed && !deleted && inner.is_open(reader, message)
        });
        let ignored = |message: &Message| inner.is_ignored(reader, message);
        let (mut withheld, mut messages): (Vec<Message>, Vec<Message>) = owed.cloned().partition(ignored);
        withheld.retain(|message| message.said.scope == Scope::User(*reader));
        withheld.truncate(limit);
        let more = messages.split_off(messages.len().min(limit)).len() as u64;
        Ok(Backlog { messages, more, withheld })
    }

    fn ignored(&self) -> Result<Vec<(Name, Name)>, StoreError> {
        Ok(self.inner.lock().ignored.iter().copied().collect())
    }

    fn message(&self, reader: &Name, id: MessageId) -> Result<Option<Message>, StoreError> {
        let inner = self.inner.lock();
        let at = inner.messages.binary_search_by_key(&id, |message| message.id);
        let found = at.ok().map(|at| &inner.messages[at]);
        Ok(found.filter(|message| inner.is_seen(reader, message)).cloned())
    }

    fn tail(&self, after: MessageId, limit: usize) -> Result<Vec<Message>, StoreError> {
        let inner = self.inner.lock();
        let from = inner.messages.partition_point(|message| message.id <= after);
        Ok(inner.messages.iter().skip(from).take(limit).cloned().collect())
    }

    fn groups(&self) -> Result<Vec<KeptGroup>, StoreError> {
        Ok(self.inner.lock().kept.all())
    }

    fn last_id(&self) -> Result<MessageId, StoreError> {
        Ok(MessageId(self.inner.lock().last))
    }

    fn last_seen(&self, user: &Name) -> Result<Option<SystemTime>, StoreError> {
        let inner = self.inner.lock();
        let devices = || inner.readers.iter().filter(|((name, _), _)| name == user);
        let here = devices().any(|(_, (position, _))| *position == Position::Here);
        Ok(devices().map(|(_, (_, at))| *at).max().filter(|_| !here))
    }

    fn tokens(&self, user: &Name) -> Result<Vec<Token>, StoreError> {
        let inner = self.inner.lock();
        Ok(inner.tokens.values().filter(|token| token.user == *user).cloned().collect())
    }

    fn is_invited(&self, invite: &Digest, now: SystemTime) -> Result<bool, StoreError> {
        Ok(self.inner.lock().invites.get(invite).is_some_and(|expires| now < *expires))
    }

    fn redeem(&self, invite: &Digest, now: SystemTime) -> Result<bool, StoreError> {
        let expires = self.inner.lock().invites.remove(invite);
        Ok(expires.is_some_and(|expires| now < expires))
    }

    fn role(&self, user: &Name) -> Result<Role, StoreError> {
        Ok(self.inner.lock().orders.role(user))
    }

    fn operators(&self) -> Result<Vec<(Name, Role)>, StoreError> {
        Ok(self.inner.lock().orders.operators())
    }

    fn sanctions(&self) -> Result<Vec<Sanction>, StoreError> {
        Ok(self.inner.lock().orders.sanctions())
    }

    fn reports(&self) -> Result<Vec<Report>, StoreError> {
        Ok(self.inner.lock().orders.reports())
    }

    fn knows(&self, name: &Name) -> Result<bool, StoreError> {
        Ok(self.inner.lock().knows(name))
    }

    fn renamings(&self) -> Result<Vec<(Name, Name)>, StoreError> {
        Ok(self.inner.lock().renamings.clone())
    }

    fn is_durable(&self) -> bool {
        false
    }

    fn tend(&self) -> Result<bool, StoreError> {
        let mut inner = self.inner.lock();
        let oldest = inner.messages.front().map_or(MessageId(0), |message| message.id);
        inner.stays.forget_before(oldest);
        Ok(false)
    }
}

impl Inner {
    fn apply(&mut self, entry: &Entry) {
        match entry {
            Entry::Said(draft) => self.keep(draft),
            Entry::Entered { user, group, after } => self.stays.enter(*user, *group, *after),
            Entry::Left { user, group: Some(group), upto } => {
                self.stays.leave(user, *upto, |left| left == group);
                self.kept.leave(group, user);
            }
            Entry::Left { user, group: None, upto } => self.stays.leave(user, *upto, |left| !self.kept.has(left)),
            Entry::Reading { user, device, position, at } => {
                if device.is_none_or(|device| self.tokens.contains_key(&(*user, device))) {
                    self.readers.insert((*user, *device), (*position, *at));
                }
            }
            Entry::Cleared { user, scope, upto } => {
                let cleared = self.cleared.entry((*user, *scope)).or_default();
                *cleared = (*cleared).max(*upto);
            }
            Entry::Ignored { user, whom, ignored: true } => {
                self.ignored.insert((*user, *whom));
            }
            Entry::Ignored { user, whom, ignored: false } => {
                self.ignored.remove(&(*user, *whom));
            }
            Entry::Deleted { id } => {
                if let Ok(at) = self.messages.binary_search_by_key(id, |message| message.id) {
                    self.messages[at].deleted = true;
                    self.messages[at].said.text = Arc::default();
                }
            }
            Entry::TokenMade(_) | Entry::TokenRevoked { .. } | Entry::Invited { .. } => self.apply_to_keys(entry),
            Entry::Forgotten { user } => self.forget(user),
            Entry::Renamed { from, to } => self.rename(*from, *to),
            Entry::RenameSettled { from, to } => self.settle(*from, *to),
            Entry::Role { .. }
            | Entry::Sanctioned(_)
            | Entry::Lifted { .. }
            | Entry::Reported(_)
            | Entry::ReportDone { .. } => self.orders.apply(entry),
            of_groups => self.kept.apply(of_groups),
        }
    }

    /// What concerns tokens and invitations.
    #[inline(never)]
    fn apply_to_keys(&mut self, entry: &Entry) {
        match entry {
            Entry::TokenMade(token) => drop(self.tokens.insert((token.user, token.name), token.clone())),
            Entry::TokenRevoked { user, name } => {
                self.tokens.remove(&(*user, *name));
                self.readers.remove(&(*user, Some(*name)));
            }
            Entry::Invited { invite, expires } => drop(self.invites.insert(*invite, *expires)),
            _ => {}
        }
    }

    fn keep(&mut self, draft: &Draft) {
        self.last += 1;
        if draft.is_for_guests_alone() {
            return;
        }
        if self.messages.len() == MEMORY_MESSAGES {
            self.messages.pop_front();
        }
        self.messages.push_back(Message { id: MessageId(self.last), said: draft.clone(), deleted: false });
    }

    fn forget(&mut self, user: &Name) {
        let Inner { messages, readers, .. } = self;
        messages.retain(|Message { id, said, .. }| match said.scope {
            Scope::User(to) if to == *user => false,
            Scope::User(to) if said.from == *user => {
                readers.iter().any(|((name, _), (position, _))| *name == to && position.has(*id))
            }
            _ => true,
        });
        self.stays.forget(user);
        self.cleared.retain(|(name, _), _| name != user);
        self.readers.retain(|(name, _), _| name != user);
        self.tokens.retain(|(name, _), _| name != user);
        self.ignored.retain(|(name, whom)| name != user && whom != user);
        self.orders.forget(user);
        self.kept.forget(user);
        // The next one of this name is somebody else.
        self.cleared.insert((*user, None), MessageId(self.last));
    }
}

fn words_of(text: &str) -> impl Iterator<Item = String> + '_ {
    text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_lowercase)
}

#[cfg(test)]
mod tests;
