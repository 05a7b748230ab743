//! The store of a server without a database: the last [`MEMORY_MESSAGES`] messages and everything else, until it ends.
//!
//! It must answer every reader as the database does; a property test compares the two.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::SystemTime;

use super::words::Wanted;
use super::{Backlog, Device, Digest, Entry, Found, KeptGroup, Position, Store, StoreError, Token};
use crate::lock::Mutex;
use crate::model::limits::MEMORY_MESSAGES;
use crate::model::{
    Draft, GroupRole, GroupSanction, GroupSettings, Message, MessageId, Name, Penalty, Report, Role, Sanction,
    SanctionTarget, SanctionTerms, Scope, SearchEnd,
};

/// A store in memory.
#[derive(Default)]
pub struct MemoryStore {
    // lock tier 9: a leaf.
    inner: Mutex<Inner, 9>,
}

#[derive(Default)]
struct Inner {
    /// The last id that was assigned.
    last: u64,
    messages: VecDeque<Message>,
    stays: Stays,
    /// After which message the present group of a name began.
    began: BTreeMap<Name, MessageId>,
    /// The last message that is cleared from a user's view of a conversation; `None` for all conversations.
    cleared: BTreeMap<(Name, Option<Scope>), MessageId>,
    /// The same for what earlier holders of a name said to a reader, or were told by them: by reader and name.
    former_cleared: BTreeMap<(Name, Name), MessageId>,
    accounts: Accounts,
    /// The position of each device, and when it was reported.
    readers: BTreeMap<(Name, Device), (Position, SystemTime)>,
    /// Each user with each user they ignore.
    ignored: BTreeSet<(Name, Name)>,
    tokens: BTreeMap<(Name, Name), Token>,
    /// When each invitation expires.
    invites: BTreeMap<Digest, SystemTime>,
    groups: Groups,
    moderation: Moderation,
    /// Renamings that the users file may not have yet.
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
        Ok(inner.last_visible(reader, scope, limit, earlier))
    }

    fn search(&self, reader: &Name, words: &str, scope: Option<Scope>, limit: usize) -> Result<Found, StoreError> {
        let Some(wanted) = Wanted::parse(words) else { return Ok(Found::default()) };
        let inner = self.inner.lock();
        let messages = inner.last_visible(reader, scope, limit, |message| wanted.is_in(&message.said.text));
        Ok(Found { messages, end: SearchEnd::Complete })
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
        Ok(found.filter(|message| inner.is_visible(reader, message)).cloned())
    }

    fn tail(&self, after: MessageId, limit: usize) -> Result<Vec<Message>, StoreError> {
        let inner = self.inner.lock();
        let from = inner.messages.partition_point(|message| message.id <= after);
        Ok(inner.messages.iter().skip(from).take(limit).cloned().collect())
    }

    fn groups(&self) -> Result<Vec<KeptGroup>, StoreError> {
        Ok(self.inner.lock().groups.all())
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
        Ok(self.inner.lock().moderation.role(user))
    }

    fn operators(&self) -> Result<Vec<(Name, Role)>, StoreError> {
        Ok(self.inner.lock().moderation.roles.iter().map(|(user, role)| (*user, *role)).collect())
    }

    fn sanctions(&self) -> Result<Vec<Sanction>, StoreError> {
        Ok(self.inner.lock().moderation.sanctions.values().cloned().collect())
    }

    fn reports(&self) -> Result<Vec<Report>, StoreError> {
        Ok(self.inner.lock().moderation.reports.values().cloned().collect())
    }

    fn knows(&self, name: &Name) -> Result<bool, StoreError> {
        Ok(self.inner.lock().knows(name))
    }

    fn renamings(&self) -> Result<Vec<(Name, Name)>, StoreError> {
        Ok(self.inner.lock().renamings.clone())
    }

    fn accounts(&self) -> Result<Vec<(Name, u64)>, StoreError> {
        let inner = self.inner.lock();
        let live = inner.accounts.all.iter().filter(|(_, account)| account.is_live);
        Ok(live.map(|(name, account)| (*name, account.number)).collect())
    }

    fn former_upto(&self, name: &Name) -> Result<MessageId, StoreError> {
        Ok(self.inner.lock().accounts.began(name))
    }

    fn is_durable(&self) -> bool {
        false
    }

    fn inspect(&self) -> Result<(), StoreError> {
        Ok(())
    }

    fn tend(&self) -> Result<bool, StoreError> {
        let mut inner = self.inner.lock();
        let oldest = inner.messages.front().map_or(MessageId(0), |message| message.id);
        inner.stays.forget_before(oldest);
        inner.began.retain(|_, began| *began >= oldest);
        Ok(false)
    }
}

/// Applies an entry.
impl Inner {
    fn apply(&mut self, entry: &Entry) {
        match entry {
            Entry::Said(draft) => self.say(draft),
            Entry::Entered { user, group, after } => {
                // What earlier groups of this name said may not have been delivered yet when the user entered.
                let began = self.began.get(group).copied().unwrap_or_default();
                self.stays.enter(*user, *group, began.max(*after));
            }
            Entry::Left { user, group: Some(group), upto } => {
                self.stays.leave(user, *upto, |left| left == group);
                self.groups.change(group, |group| group.members.remove(user));
            }
            Entry::Left { user, group: None, upto } => self.stays.leave(user, *upto, |left| !self.groups.has(left)),
            Entry::GroupMade { group } => {
                self.groups.remove(group);
                self.stays.end(group, MessageId(self.last));
                self.began.insert(*group, MessageId(self.last));
            }
            Entry::GroupKept { group, settings } => self.groups.keep(*group, settings),
            Entry::GroupGone { group } => self.groups.remove(group),
            Entry::Member { group, user, role, rank } => {
                self.groups.change(group, |group| group.members.insert(*user, (*role, *rank)));
            }
            Entry::MemberSanctioned { group, user, penalty, terms } => {
                self.groups.impose(group, *user, *penalty, terms);
            }
            Entry::MemberLifted { group, user, penalty } => {
                self.groups.change(group, |group| group.sanctions.remove(&(*user, *penalty)));
            }
            Entry::Delivered { user, device, position, at } => {
                if device.is_none_or(|device| self.tokens.contains_key(&(*user, device))) {
                    self.readers.insert((*user, *device), (*position, *at));
                }
            }
            Entry::Cleared { user, scope, upto } => {
                let cleared = self.cleared.entry((*user, *scope)).or_default();
                *cleared = (*cleared).max(*upto);
                if let Some(Scope::User(other)) = scope
                    && self.accounts.began(other) > MessageId(0)
                {
                    let cleared = self.former_cleared.entry((*user, *other)).or_default();
                    *cleared = (*cleared).max(*upto);
                }
            }
            Entry::Ignored { user, whom, ignored: true } => drop(self.ignored.insert((*user, *whom))),
            Entry::Ignored { user, whom, ignored: false } => drop(self.ignored.remove(&(*user, *whom))),
            Entry::Deleted { id } => {
                if let Ok(at) = self.messages.binary_search_by_key(id, |message| message.id) {
                    self.messages[at].deleted = true;
                    self.messages[at].said.text = Arc::default();
                }
            }
            Entry::TokenMade(token) => self.make_token(token),
            Entry::TokenRevoked { user, name } => {
                self.tokens.remove(&(*user, *name));
                self.readers.remove(&(*user, Some(*name)));
            }
            Entry::Invited { invite, expires } => drop(self.invites.insert(*invite, *expires)),
            Entry::Role { user, role } => {
                // A tool may give a role before the store has heard of the account.
                if *role > Role::User {
                    self.see_account(user);
                }
                self.moderation.set_role(*user, *role);
            }
            Entry::Sanctioned(sanction) => self.moderation.impose(sanction),
            Entry::Lifted { penalty, subject } => drop(self.moderation.sanctions.remove(&(*penalty, *subject))),
            Entry::Reported(report) => self.moderation.report(report),
            Entry::ReportDone { number } => drop(self.moderation.reports.remove(number)),
            Entry::Renamed { from, to } => self.rename(*from, *to),
            Entry::RenameSettled { from, to } => self.settle(*from, *to),
            Entry::AccountMade { user } => self.make_account(user),
            Entry::AccountSeen { user } => self.see_account(user),
            Entry::AccountEnded { user } => self.end_account(user),
            Entry::Forgotten { user } => self.forget(user),
        }
    }

    fn say(&mut self, draft: &Draft) {
        self.last += 1;
        if draft.is_for_guests_alone() {
            return;
        }
        if self.messages.len() == MEMORY_MESSAGES {
            self.messages.pop_front();
        }
        self.messages.push_back(Message { id: MessageId(self.last), said: draft.clone(), deleted: false });
    }

    // Rare changes have a frame of their own: `apply` runs on the stack of every session.
    #[inline(never)]
    fn make_token(&mut self, token: &Token) {
        self.tokens.insert((token.user, token.name), token.clone());
    }

    fn forget(&mut self, user: &Name) {
        let began = self.accounts.began(user);
        let Inner { messages, readers, .. } = self;
        messages.retain(|Message { id, said, .. }| match said.scope {
            _ if *id <= began => true,
            Scope::User(to) if to == *user => false,
            Scope::User(to) if said.from == *user => {
                readers.iter().any(|((name, _), (position, _))| *name == to && position.has(*id))
            }
            Scope::User(_) | Scope::Group(_) | Scope::Everybody => true,
        });
        self.retire(user);
    }

    fn make_account(&mut self, user: &Name) {
        self.end_account(user);
        self.accounts.make(*user);
    }

    fn see_account(&mut self, user: &Name) {
        match self.accounts.all.get(user).map(|account| account.is_live) {
            _ if user.is_guest() => {}
            Some(true) => {}
            Some(false) => self.make_account(user),
            None => self.accounts.make(*user),
        }
    }

    fn end_account(&mut self, user: &Name) {
        self.moderation.sanctions.retain(|(_, subject), _| *subject != SanctionTarget::User(*user));
        self.retire(user);
    }

    /// Deletes what is kept for a user except messages; what was said so far belongs to an earlier holder of the name.
    fn retire(&mut self, user: &Name) {
        self.forget_choices(user);
        let about = Some(Scope::User(*user));
        for ((reader, _), upto) in self.cleared.extract_if(.., |(_, scope), _| *scope == about) {
            let cleared = self.former_cleared.entry((reader, *user)).or_default();
            *cleared = (*cleared).max(upto);
        }
        // The next user of this name is somebody else.
        self.cleared.insert((*user, None), MessageId(self.last));
        self.accounts.end(*user, self.last);
    }

    fn forget_choices(&mut self, user: &Name) {
        self.stays.forget(user);
        self.cleared.retain(|(name, _), _| name != user);
        self.former_cleared.retain(|(name, _), _| name != user);
        self.readers.retain(|(name, _), _| name != user);
        self.tokens.retain(|(name, _), _| name != user);
        self.ignored.retain(|(name, whom)| name != user && whom != user);
        self.moderation.roles.remove(user);
        self.groups.forget(user);
    }

    /// Renames a user. Names that differ only in case are equal, so whatever is stored under the old name is removed before
    /// it is stored under the new one.
    fn rename(&mut self, from: Name, to: Name) {
        let now = |name: Name| if name == from { to } else { name };
        let scope_now = |scope| if let Scope::User(user) = scope { Scope::User(now(user)) } else { scope };
        let began = self.accounts.began(&from);
        for Message { said, .. } in self.messages.iter_mut().filter(|message| message.id > began) {
            (said.from, said.scope) = (now(said.from), scope_now(said.scope));
        }
        rekey(&mut self.cleared, |(user, scope)| (now(user), scope.map(scope_now)));
        rekey(&mut self.former_cleared, |(user, other)| (now(user), other));
        self.accounts.rename(from, to, self.last);
        rekey(&mut self.readers, |(user, device)| (now(user), device));
        rekey(&mut self.tokens, |(user, name)| (now(user), name));
        self.tokens.values_mut().for_each(|token| token.user = now(token.user));
        let pairs: Vec<_> = std::mem::take(&mut self.ignored).into_iter().collect();
        self.ignored = pairs.into_iter().map(|(user, whom)| (now(user), now(whom))).collect::<BTreeSet<_>>();
        self.stays.rename(now);
        self.moderation.rename(&from, to);
        self.groups.rename(now);
        self.settle(from, to);
        self.renamings.push((from, to));
    }

    fn settle(&mut self, from: Name, to: Name) {
        let same = |one: Name, other: Name| one.as_str() == other.as_str();
        self.renamings.retain(|(was, now)| !(same(*was, from) && same(*now, to)));
    }

    fn knows(&self, name: &Name) -> bool {
        let Inner { messages, stays, cleared, former_cleared, readers, ignored, tokens, groups, moderation, .. } = self;
        let about = Some(Scope::User(*name));
        messages.iter().any(|Message { said, .. }| said.from == *name || Some(said.scope) == about)
            || cleared.keys().any(|(user, scope)| user == name || (*scope == about && !user.is_guest()))
            || former_cleared.keys().any(|(user, _)| user == name)
            || readers.keys().any(|(user, _)| user == name)
            || ignored.iter().any(|(user, whom)| user == name || whom == name)
            || tokens.keys().any(|(user, _)| user == name)
            || stays.knows(name)
            || moderation.knows(name)
            || groups.knows(name)
    }
}

/// The visibility of messages.
impl Inner {
    fn last_visible(
        &self,
        reader: &Name,
        scope: Option<Scope>,
        limit: usize,
        wanted: impl Fn(&Message) -> bool,
    ) -> Vec<Message> {
        let fits = |message: &&Message| {
            scope.is_none_or(|scope| {
                conversation(reader, &message.said) == Some(scope) && self.is_present(scope, message.id)
            }) && self.is_visible(reader, message)
                && wanted(message)
        };
        let mut last: Vec<Message> = self.messages.iter().rev().filter(fits).take(limit).cloned().collect();
        last.reverse();
        last
    }

    /// Whether this was said in the group that has its name now, and not in an earlier one.
    fn is_present(&self, scope: Scope, id: MessageId) -> bool {
        match scope {
            Scope::Group(group) => self.began.get(&group).is_none_or(|began| id > *began),
            Scope::User(_) | Scope::Everybody => true,
        }
    }

    fn is_visible(&self, reader: &Name, message: &Message) -> bool {
        self.is_open(reader, message) && !self.is_ignored(reader, message)
    }

    fn is_ignored(&self, reader: &Name, message: &Message) -> bool {
        self.ignored.contains(&(*reader, message.said.from))
    }

    /// Whether the reader may see a message if they do not ignore its sender.
    fn is_open(&self, reader: &Name, message: &Message) -> bool {
        let Some(scope) = conversation(reader, &message.said).filter(|_| !reader.is_guest()) else { return false };
        let cleared = [None, Some(scope)].into_iter().filter_map(|scope| self.cleared.get(&(*reader, scope)));
        let former = match scope {
            Scope::User(other) => self.former_cleared.get(&(*reader, other)),
            Scope::Group(_) | Scope::Everybody => None,
        };
        let cleared = cleared.chain(former).max();
        let present = match scope {
            Scope::Group(group) => self.stays.cover(reader, group, message.id),
            // What was said with an earlier account of the reader's name is not for them.
            Scope::User(_) => message.id > self.accounts.began(reader),
            Scope::Everybody => true,
        };
        present && cleared.is_none_or(|cleared| message.id > *cleared)
    }
}

/// The conversation of the reader that this belongs to; `None` if it is between others.
fn conversation(reader: &Name, said: &Draft) -> Option<Scope> {
    match said.scope {
        Scope::User(to) if said.from == *reader => Some(Scope::User(to)),
        Scope::User(to) => (to == *reader).then_some(Scope::User(said.from)),
        Scope::Group(_) | Scope::Everybody => Some(said.scope),
    }
}

/// Whose each name is.
#[derive(Default)]
struct Accounts {
    all: BTreeMap<Name, Account>,
    /// The last number that was assigned.
    last: u64,
}

struct Account {
    number: u64,
    /// Messages up to this one belong to earlier holders of the name.
    began: MessageId,
    is_live: bool,
}

impl Accounts {
    fn began(&self, name: &Name) -> MessageId {
        self.all.get(name).map(|account| account.began).unwrap_or_default()
    }

    /// The name belongs to an account from now on, or from its last one's end on.
    fn make(&mut self, user: Name) {
        let began = self.all.remove(&user).map(|account| account.began).unwrap_or_default();
        self.insert(user, began, true);
    }

    fn end(&mut self, user: Name, last: u64) {
        self.all.remove(&user);
        self.insert(user, MessageId(last), false);
    }

    fn insert(&mut self, user: Name, began: MessageId, is_live: bool) {
        self.last += 1;
        self.all.insert(user, Account { number: self.last, began, is_live });
    }

    fn rename(&mut self, from: Name, to: Name, last: u64) {
        let account = self.all.remove(&from);
        self.all.remove(&to);
        let Some(account) = account else { return };
        if from != to {
            self.insert(from, MessageId(last), false);
        }
        self.all.insert(to, account);
    }
}

/// When each user was in a group: for each user and group the stays, oldest first.
#[derive(Default)]
struct Stays(BTreeMap<(Name, Name), Vec<Stay>>);

/// One stay in a group, in which messages after `after` are visible, and no later than `upto` once the user has left.
struct Stay {
    after: MessageId,
    upto: Option<MessageId>,
}

impl Stays {
    /// Begins a stay, unless the user is there already.
    fn enter(&mut self, user: Name, group: Name, after: MessageId) {
        let stays = self.0.entry((user, group)).or_default();
        match stays.last_mut() {
            // Nothing was said in between, so it is the same stay.
            Some(stay) if stay.upto == Some(after) => stay.upto = None,
            Some(Stay { upto: None, .. }) => {}
            _ => stays.push(Stay { after, upto: None }),
        }
    }

    /// Ends the stays of a user in the groups for which `left` is true.
    fn leave(&mut self, user: &Name, upto: MessageId, left: impl Fn(&Name) -> bool) {
        self.close(upto, |of, group| of == user && left(group));
    }

    /// Ends the stays of all users in a group.
    fn end(&mut self, group: &Name, upto: MessageId) {
        self.close(upto, |_, of| of == group);
    }

    fn close(&mut self, upto: MessageId, is_over: impl Fn(&Name, &Name) -> bool) {
        self.0.retain(|(user, group), stays| {
            if is_over(user, group) {
                if let Some(stay) = stays.last_mut() {
                    stay.upto.get_or_insert(upto);
                }
                // Nothing is visible through a stay during which nothing was said.
                stays.pop_if(|stay| stay.upto.is_some_and(|upto| stay.after >= upto));
            }
            !stays.is_empty()
        });
    }

    /// Whether the user was in the group when this was said.
    fn cover(&self, user: &Name, group: Name, id: MessageId) -> bool {
        self.0
            .get(&(*user, group))
            .is_some_and(|stays| stays.iter().any(|stay| stay.after < id && stay.upto.is_none_or(|upto| id <= upto)))
    }

    fn forget(&mut self, user: &Name) {
        self.0.retain(|(name, _), _| name != user);
    }

    /// Forgets stays that ended before this message.
    fn forget_before(&mut self, oldest: MessageId) {
        self.0.retain(|_, stays| {
            stays.retain(|stay| stay.upto.is_none_or(|upto| upto >= oldest));
            !stays.is_empty()
        });
    }

    fn knows(&self, user: &Name) -> bool {
        self.0.keys().any(|(name, _)| name == user)
    }

    fn rename(&mut self, now: impl Fn(Name) -> Name) {
        rekey(&mut self.0, |(user, group)| (now(user), group));
    }
}

/// The kept groups by name.
#[derive(Default)]
struct Groups(BTreeMap<Name, Group>);

#[derive(Default)]
struct Group {
    settings: GroupSettings,
    members: BTreeMap<Name, (GroupRole, u64)>,
    sanctions: BTreeMap<(Name, Penalty), SanctionTerms>,
}

impl Groups {
    fn has(&self, group: &Name) -> bool {
        self.0.contains_key(group)
    }

    #[inline(never)]
    fn keep(&mut self, group: Name, settings: &GroupSettings) {
        self.0.entry(group).or_default().settings = settings.clone();
    }

    fn remove(&mut self, group: &Name) {
        self.0.remove(group);
    }

    /// Changes a group; one that is not kept has nothing to change.
    fn change<T>(&mut self, group: &Name, change: impl FnOnce(&mut Group) -> T) {
        if let Some(group) = self.0.get_mut(group) {
            change(group);
        }
    }

    #[inline(never)]
    fn impose(&mut self, group: &Name, user: Name, penalty: Penalty, terms: &SanctionTerms) {
        self.change(group, |group| group.sanctions.insert((user, penalty), terms.clone()));
    }

    fn forget(&mut self, user: &Name) {
        for group in self.0.values_mut() {
            group.members.remove(user);
            group.sanctions.retain(|(of, _), _| of != user);
        }
    }

    fn knows(&self, user: &Name) -> bool {
        let sanctioned = |group: &Group| group.sanctions.keys().any(|(of, _)| of == user);
        self.0.values().any(|group| group.members.contains_key(user) || sanctioned(group))
    }

    fn rename(&mut self, now: impl Fn(Name) -> Name) {
        for group in self.0.values_mut() {
            rekey(&mut group.members, &now);
            rekey(&mut group.sanctions, |(user, penalty)| (now(user), penalty));
            group.sanctions.values_mut().for_each(|terms| terms.by = now(terms.by));
        }
    }

    fn all(&self) -> Vec<KeptGroup> {
        let sanction = |((user, penalty), terms): (&(Name, Penalty), &SanctionTerms)| GroupSanction {
            user: *user,
            penalty: *penalty,
            terms: terms.clone(),
        };
        let one = |(name, group): (&Name, &Group)| KeptGroup {
            name: *name,
            settings: group.settings.clone(),
            members: group.members.iter().map(|(user, (role, rank))| (*user, *role, *rank)).collect(),
            sanctions: group.sanctions.iter().map(sanction).collect(),
        };
        self.0.iter().map(one).collect()
    }
}

/// Server roles, sanctions and reports.
#[derive(Default)]
struct Moderation {
    roles: BTreeMap<Name, Role>,
    sanctions: BTreeMap<(Penalty, SanctionTarget), Sanction>,
    reports: BTreeMap<u64, Report>,
}

impl Moderation {
    fn role(&self, user: &Name) -> Role {
        self.roles.get(user).copied().filter(|_| !user.is_guest()).unwrap_or_default()
    }

    #[inline(never)]
    fn set_role(&mut self, user: Name, role: Role) {
        match role {
            Role::User => drop(self.roles.remove(&user)),
            Role::Moderator | Role::Admin => drop(self.roles.insert(user, role)),
        }
    }

    #[inline(never)]
    fn impose(&mut self, sanction: &Sanction) {
        self.sanctions.insert((sanction.penalty, sanction.subject), sanction.clone());
    }

    #[inline(never)]
    fn report(&mut self, report: &Report) {
        self.reports.insert(report.number, report.clone());
    }

    fn knows(&self, user: &Name) -> bool {
        let subject = SanctionTarget::User(*user);
        self.roles.contains_key(user) || self.sanctions.keys().any(|(_, upon)| *upon == subject)
    }

    fn rename(&mut self, from: &Name, to: Name) {
        let now = |name: Name| if name == *from { to } else { name };
        rekey(&mut self.roles, now);
        rekey(&mut self.sanctions, |(penalty, subject)| (penalty, subject.renamed(from, to)));
        self.sanctions.values_mut().for_each(|sanction| *sanction = sanction.renamed(from, to));
        self.reports.values_mut().for_each(|report| *report = report.renamed(from, to));
    }
}

/// Stores every value under its new key.
fn rekey<K: Ord, V>(map: &mut BTreeMap<K, V>, mut key: impl FnMut(K) -> K) {
    let all: Vec<(K, V)> = std::mem::take(map).into_iter().collect();
    map.extend(all.into_iter().map(|(old, value)| (key(old), value)));
}

#[cfg(test)]
mod tests {
    use super::super::tests::{entered, group, left, said};
    use super::*;

    #[test]
    fn coming_and_going_in_a_loop_leaves_nothing_behind() {
        let store = MemoryStore::default();
        let stays = || store.inner.lock().stays.0.values().map(Vec::len).sum::<usize>();
        for _ in 0..3 {
            store.append(&[entered("bob", "g", 0), left("bob", Some("g"), 0)]).unwrap();
            store.append(&[entered("bob", "g", 0), left("bob", None, 0)]).unwrap();
        }
        assert_eq!(stays(), 0);
        store.append(&[entered("bob", "g", 0), said("bob", group("g"), "1"), left("bob", None, 1)]).unwrap();
        for _ in 0..3 {
            store.append(&[entered("bob", "g", 1), left("bob", None, 1)]).unwrap();
        }
        assert_eq!(stays(), 1);
    }
}
