//! Saying something: checked, appended to the log, delivered in the log's order, written out, and only then acknowledged.
//!
//! Nothing is shown before it is stored. What a session says is checked at once and published together with all else
//! that it says in one read; the thread that leads a batch delivers and writes out the whole of it.

use std::sync::Arc;
use std::time::SystemTime;

use super::Hub;
use super::batch::Submitted;
use super::client::{Client, ClientId};
use super::delivery::Delivered;
use super::log::Batch;
use super::run::{Run, Said};
use super::state::{State, User};
use super::touched::Touched;
use crate::model::{Draft, Event, EventKind, GroupError, GroupRole, MessageId, Name, Penalty, Scope, UserError};
use crate::store::StoreError;

/// Where somebody may say something, found out at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    scope: Scope,
    /// What is said there is stored nowhere.
    passing: bool,
    /// When that was.
    at: SystemTime,
}

/// Something said that nobody has been told yet.
#[derive(Debug)]
pub struct Saying {
    pub(super) draft: Draft,
    pub(super) passing: bool,
}

/// What a session has said and another thread may still have to deliver. Dropping it waits for that.
#[derive(Default)]
#[must_use]
pub struct Pending(Option<Arc<Batch>>);

impl Place {
    /// The place itself; a group under the name it was made with.
    pub fn scope(self) -> Scope {
        self.scope
    }
}

impl Saying {
    /// The same as something that is done.
    pub fn act(self) -> Saying {
        Saying { draft: Draft { action: true, ..self.draft }, ..self }
    }
}

impl Hub {
    /// Whether somebody may say something there; answers with the group under the name it was made with.
    ///
    /// # Errors
    /// [`UserError::Muted`], [`UserError::NoSuchGroup`], [`UserError::NotMember`], [`GroupError`] for who has no voice in
    /// it, and [`UserError::NotOnline`] for a guest who has left.
    pub fn check(&self, me: &Client, scope: Scope, now: SystemTime) -> Result<Place, UserError> {
        self.check_mute(&me.name, now)?;
        match scope {
            Scope::User(to) if to.is_guest() && !self.is_here(&to) => Err(UserError::NotOnline(to)),
            Scope::Group(group) => self.locked(|state| state.voice(&me.name, &group, now)),
            scope => Ok(Place { scope, passing: false, at: now }),
        }
    }

    /// Stores what was said, delivers it, and returns once it has been written to everybody whose connection takes it.
    /// What became of it, each speaker is told in his outbox.
    pub fn publish(&self, me: &Client, sayings: &mut Vec<Saying>) {
        drop(self.submit(me, sayings));
    }

    /// As [`Hub::publish`], and does not wait where somebody else does all of it. He writes to this session, too.
    pub fn submit(&self, me: &Client, sayings: &mut Vec<Saying>) -> Pending {
        if sayings.is_empty() {
            return Pending(None);
        }
        match self.say(sayings, me.id) {
            // What became of it, each speaker is told where it is delivered.
            Submitted::Done(_) => Pending(None),
            Submitted::Left(batch) => Pending(Some(batch)),
        }
    }
}

impl Pending {
    /// Whether it is left to somebody else.
    pub fn is_left(&self) -> bool {
        self.0.is_some()
    }

    /// Waits until it is done.
    pub fn wait(&mut self) {
        if let Some(batch) = self.0.take() {
            // What became of it, each speaker is told in his outbox.
            let _ = batch.wait();
        }
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        self.wait();
    }
}

impl State {
    /// The group in which somebody has a voice.
    fn voice(&self, user: &Name, name: &Name, now: SystemTime) -> Result<Place, UserError> {
        let (shown, group) = self.group_for(user, name, now)?;
        let role = group.role(user).ok_or(UserError::NotMember(shown))?;
        // Nobody could give an owner his voice back.
        if let Some(mute) = group.ruling(user, Penalty::Mute, now).filter(|_| role < GroupRole::Owner) {
            return Err(GroupError::Muted(shown, mute.until, mute.reason.clone()).into());
        }
        if group.settings.announce && role < GroupRole::Admin {
            return Err(GroupError::AnnounceOnly(shown).into());
        }
        Ok(Place { scope: Scope::Group(shown), passing: group.settings.ephemeral, at: now })
    }

    /// Queues what one user said to another in a row, and the echoes for him.
    pub(super) fn deliver_private(&mut self, from: Name, to: Name, run: &Run, done: &mut Delivered) {
        self.counts.messages += run.said.len() as u64;
        let (his, mine) = (self.queues.get(&to), self.queues.get(&from));
        self.note_touch((from, mine), (to, his));
        done.kept |= his.is_none();
        for &Said { id, .. } in &run.said {
            self.last = id;
            let receipt = mine.zip(his).filter(|_| from != to).and_then(|(mine, his)| mine.receipt(id, from, to, his));
            done.receipts.extend(receipt);
        }
        let is_here = his.is_some_and(|his| his.away.is_none());
        // Otherwise something else comes between two of them, or instead of one.
        let in_one = is_here && from != to && !self.is_ignored(&from);
        let echoes = run.events(in_one, |draft| echo(draft, to));
        for (event, echo) in run.events(in_one, heard).zip(echoes) {
            self.tell_of_user(&from, sessions(his), &event, None, &mut done.touched);
            let mut answer = |event: &Arc<Event>| {
                self.counts.delivered(done.touched.push_all(sessions(mine), event, None));
            };
            answer(&echo);
            match his {
                None => answer(&Event::new(EventKind::StoredFor { user: to })),
                Some(User { away: Some(away), .. }) => {
                    answer(&Event::new(EventKind::UserIsAway { user: to, away: Arc::clone(away) }));
                }
                Some(_) => {}
            }
        }
    }

    /// Queues a message that could not be stored for those who are here, and says so to who said it, in place of the echo.
    pub(super) fn deliver_unsaved(&mut self, draft: Draft, error: &StoreError, touched: &mut Touched) {
        let Draft { at, from, scope, .. } = draft;
        let mut refused = UserError::NotSaved(error.to_string());
        let event = || Event::said(MessageId(0), at, heard(&draft));
        match scope {
            Scope::Everybody => self.tell_of_user(&from, &self.clients, &event(), Some(&from), touched),
            Scope::Group(group) => {
                self.tell_of_user(&from, self.audience(&group), &event(), Some(&from), touched);
            }
            Scope::User(to) if !self.queues.contains_key(&to) => refused = UserError::NotKept(to, error.to_string()),
            Scope::User(to) => {
                self.note_touch((from, self.queues.get(&from)), (to, self.queues.get(&to)));
                self.tell_user_of(&from, &to, &event(), touched);
            }
        }
        self.tell_user(&from, &Event::new(EventKind::Refused(refused)), touched);
    }
}

fn sessions(user: Option<&User>) -> impl Iterator<Item = (&ClientId, &Arc<Client>)> {
    user.map(|user| &user.sessions).into_iter().flatten()
}

/// What everybody is told whom it is said to.
pub(super) fn heard(draft: &Draft) -> EventKind {
    let Draft { from, scope, action, .. } = *draft;
    let text = Arc::clone(&draft.text);
    match scope {
        _ if action => EventKind::Action { from, scope, text, own: false },
        Scope::User(_) => EventKind::PrivateMessage { from, text },
        Scope::Group(group) => EventKind::GroupMessage { group, from, text },
        Scope::Everybody => EventKind::Broadcast { from, text },
    }
}

/// What the author of something private is told.
fn echo(draft: &Draft, to: Name) -> EventKind {
    let Draft { from, scope, action, .. } = *draft;
    let text = Arc::clone(&draft.text);
    match action {
        true => EventKind::Action { from, scope, text, own: true },
        false => EventKind::PrivateMessageSent { to, text },
    }
}

impl Client {
    /// What it says there, at the moment at which that was found out.
    pub fn draft(&self, place: Place, text: impl Into<Arc<str>>) -> Saying {
        let (Place { scope, passing, at }, text) = (place, text.into());
        Saying { draft: Draft { at, from: self.name, scope, text, action: false }, passing }
    }
}
