//! Who wants to hear nothing of whom. What an ignored user says is stored and answered as always, so that he cannot tell;
//! those who ignore him are written nothing of it.
//!
//! It is looked up once per message by who says it, so that it costs nothing where nobody is ignored.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::Hub;
use super::client::{Client, ClientId};
use super::state::State;
use super::touched::Touched;
use crate::model::limits::IGNORED_PER_USER;
use crate::model::{Event, EventKind, Message, MessageId, Name, UserError};
use crate::store::Entry;

/// Whom each user ignores, also while he is away, and the same the other way round.
#[derive(Default)]
pub(super) struct Ignored {
    whom: BTreeMap<Name, BTreeSet<Name>>,
    by: BTreeMap<Name, BTreeSet<Name>>,
}

impl Ignored {
    /// All of these pairs of a user and whom he ignores.
    pub(super) fn new(pairs: Vec<(Name, Name)>) -> Ignored {
        let mut ignored = Ignored::default();
        pairs.into_iter().for_each(|(user, whom)| ignored.add(user, whom));
        ignored
    }

    /// Who ignores this user, if anybody does.
    fn by(&self, whom: &Name) -> Option<&BTreeSet<Name>> {
        self.by.get(whom)
    }

    fn add(&mut self, user: Name, whom: Name) {
        self.whom.entry(user).or_default().insert(whom);
        self.by.entry(whom).or_default().insert(user);
    }

    /// Ends it, and says how his name was written; `None` when he was not ignored.
    fn remove(&mut self, user: &Name, whom: &Name) -> Option<Name> {
        let taken = take(&mut self.whom, user, whom);
        take(&mut self.by, whom, user);
        taken
    }

    /// Whether a user ignores anybody, or anybody him.
    pub(super) fn knows(&self, user: &Name) -> bool {
        self.whom.contains_key(user) || self.by.contains_key(user)
    }

    /// A user is called otherwise from now on.
    pub(super) fn rename(&mut self, from: &Name, to: Name) {
        let (whom, by) = (self.whom.remove(from).unwrap_or_default(), self.by.remove(from).unwrap_or_default());
        for whom in whom {
            take(&mut self.by, &whom, from);
            self.add(to, whom);
        }
        for by in by {
            take(&mut self.whom, &by, from);
            self.add(by, to);
        }
    }

    /// Forgets whom a user ignores, and that others ignore him.
    fn forget(&mut self, user: &Name) {
        for whom in self.whom.remove(user).into_iter().flatten() {
            take(&mut self.by, &whom, user);
        }
        for by in self.by.remove(user).into_iter().flatten() {
            take(&mut self.whom, &by, user);
        }
    }
}

/// Takes a name out of the set of another one, which is not kept when it is empty.
fn take(sets: &mut BTreeMap<Name, BTreeSet<Name>>, of: &Name, name: &Name) -> Option<Name> {
    let set = sets.get_mut(of)?;
    let taken = set.take(name);
    if set.is_empty() {
        sets.remove(of);
    }
    taken
}

impl Hub {
    /// From now on the asker hears nothing of this user.
    ///
    /// # Errors
    /// [`UserError::CannotIgnoreSelf`], [`UserError::TooManyIgnored`], and [`UserError::NotStoredYet`], in spite of which
    /// it is so.
    pub fn ignore(&self, me: &Client, whom: Name) -> Result<(), UserError> {
        if whom == me.name {
            return Err(UserError::CannotIgnoreSelf);
        }
        self.change_ignored(me, whom, true, |ignored, whom| {
            let set = ignored.whom.get(&me.name);
            if set.is_some_and(|set| set.len() >= IGNORED_PER_USER && !set.contains(&whom)) {
                return Err(UserError::TooManyIgnored(IGNORED_PER_USER));
            }
            ignored.add(me.name, whom);
            Ok(whom)
        })?;
        Ok(())
    }

    /// From now on the asker hears this user again; answers with his name.
    ///
    /// # Errors
    /// [`UserError::NotIgnored`], and [`UserError::NotStoredYet`], in spite of which it is so.
    pub fn unignore(&self, me: &Client, whom: Name) -> Result<Name, UserError> {
        self.change_ignored(me, whom, false, |ignored, whom| {
            ignored.remove(&me.name, &whom).ok_or(UserError::NotIgnored(whom))
        })
    }

    /// Changes it here at once, and in the store in the same order. Guests come and go, and nothing is stored about them.
    fn change_ignored(
        &self,
        me: &Client,
        whom: Name,
        ignored: bool,
        change: impl FnOnce(&mut Ignored, Name) -> Result<Name, UserError>,
    ) -> Result<Name, UserError> {
        let stored = !me.name.is_guest() && !whom.is_guest();
        let (whom, batch) = self.locked(|state| {
            let whom = change(&mut state.ignored, self.name_now(whom))?;
            let entry = Entry::Ignored { user: me.name, whom, ignored };
            Ok::<_, UserError>((whom, stored.then(|| self.inner.log.submit([entry]))))
        })?;
        let done = batch.map_or(Ok(()), |batch| self.commit(&batch));
        done.map(|()| whom).map_err(|error| UserError::NotStoredYet(error.to_string()))
    }

    /// Whom the asker ignores, in alphabetical order.
    pub fn ignored(&self, me: &Client) -> Vec<Name> {
        self.locked(|state| state.ignored.whom.get(&me.name).into_iter().flatten().copied().collect())
    }

    /// Gives the receipts for what came for a user from those he ignores, as if he had been shown it.
    pub fn acknowledge_ignored(&self, me: &Client, messages: &[Message]) {
        self.acknowledge_missed(me.name, messages);
    }
}

impl State {
    /// Whether a user hears nothing of another one.
    pub(super) fn is_ignoring(&self, user: &Name, whom: &Name) -> bool {
        self.ignored.by(whom).is_some_and(|by| by.contains(user))
    }

    /// Whether anybody hears nothing of a user.
    pub(super) fn is_ignored(&self, whom: &Name) -> bool {
        self.ignored.by(whom).is_some()
    }

    /// A user is gone for good: the next one of his name is somebody else.
    pub(super) fn forget_ignored(&mut self, user: &Name) {
        self.ignored.forget(user);
    }

    /// Tells these clients something of `from`, all but the sessions of `except`. Those who ignore him get silence in its
    /// place, which counts as written at the same time.
    pub(super) fn tell_of_user<'a>(
        &self,
        from: &Name,
        clients: impl IntoIterator<Item = (&'a ClientId, &'a Arc<Client>)>,
        event: &Arc<Event>,
        except: Option<&Name>,
        touched: &mut Touched,
    ) {
        let Some(by) = self.ignored.by(from) else {
            return self.counts.delivered(touched.push_all(clients, event, except));
        };
        let silence = (event.id > MessageId(0)).then(|| Event::said(event.id, event.at, EventKind::Nothing));
        for (id, client) in clients {
            match (by.contains(&client.name), &silence) {
                (false, _) => self.counts.delivered(touched.push_all([(id, client)], event, except)),
                (true, Some(silence)) => {
                    touched.push_all([(id, client)], silence, except);
                }
                (true, None) => {}
            }
        }
    }
}
