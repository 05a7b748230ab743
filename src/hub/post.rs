//! Saying something: checked, appended to the log, delivered in the log's order, written out, and only then acknowledged.
//!
//! Nothing is shown before it is stored. What a session says is checked at once and published together with all else
//! that it says in one read; the thread that leads a batch delivers and writes out the whole of it.

use std::time::SystemTime;

use super::Hub;
use super::client::Client;
use super::receipts::Receipt;
use super::state::State;
use super::touched::Touched;
use crate::model::{Draft, Event, EventKind, MessageId, Name, Scope, UserError};
use crate::store::{Entry, StoreError};

impl Hub {
    /// Whether somebody may say something there; answers with the group under the name it was made with.
    ///
    /// # Errors
    /// [`UserError::Muted`], [`UserError::NoSuchGroup`], [`UserError::NotMember`], and [`UserError::NotOnline`] for a guest
    /// who has left.
    pub fn check(&self, me: &Client, scope: Scope) -> Result<Scope, UserError> {
        self.check_mute(&me.name)?;
        match scope {
            Scope::User(to) if to.is_guest() && !self.is_here(&to) => Err(UserError::NotOnline(to)),
            Scope::Group(group) => self.membership(me, &group).map(Scope::Group),
            other => Ok(other),
        }
    }

    /// Stores what was said, delivers it, and returns once it has been written to everybody whose connection takes it.
    /// What became of it, each speaker is told in his outbox.
    pub fn publish(&self, me: &Client, drafts: &mut Vec<Draft>) {
        if drafts.is_empty() {
            return;
        }
        let batch = self.inner.log.submit(drafts.drain(..).map(Entry::Said), Some(me.id));
        // Otherwise each speaker is told about his own messages where they are delivered.
        if self.commit(&batch) == Err(StoreError::Abandoned) {
            me.outbox.push(&Event::new(EventKind::Refused(UserError::Lost)));
        }
    }
}

impl State {
    /// Queues a stored message for everybody it is for, and its echo for who said it. Says which receipt is due for it,
    /// and whether its recipient is away.
    pub(super) fn deliver(&mut self, id: MessageId, draft: Draft, touched: &mut Touched) -> (Option<Receipt>, bool) {
        self.last = id;
        self.counts.messages += 1;
        let Draft { at, from, scope, text, action } = draft;
        let said = |kind| Event::said(id, at, kind);
        match scope {
            Scope::Everybody => {
                self.tell_of_user(&from, &self.clients, &said(heard(from, scope, text, action)), None, touched);
            }
            Scope::Group(group) => {
                let event = said(heard(from, scope, text, action));
                self.tell_of_user(&from, self.audience(&group), &event, None, touched);
                // He was a member when he said it, and has to hear that it is stored.
                if !self.groups.get(&group).is_some_and(|group| group.members.contains(&from)) {
                    self.tell_user(&from, &event, touched);
                }
            }
            Scope::User(to) => {
                self.note_touch(from, to);
                self.tell_user_of(&from, &to, &said(heard(from, scope, text.clone(), action)), touched);
                self.tell_user(&from, &said(echo(from, to, text, action)), touched);
                let notice = match self.queues.get(&to) {
                    None => Some(EventKind::KeptFor { user: to }),
                    Some(user) => user.away.clone().map(|away| EventKind::UserIsAway { user: to, away }),
                };
                notice.into_iter().for_each(|notice| self.tell_user(&from, &Event::new(notice), touched));
                return (self.receipt(id, from, to), !self.queues.contains_key(&to));
            }
        }
        (None, false)
    }

    /// Queues a message that could not be stored for those who are here, and says so to who said it, in place of the echo.
    pub(super) fn deliver_unsaved(&mut self, draft: Draft, error: &StoreError, touched: &mut Touched) {
        let Draft { at, from, scope, text, action } = draft;
        let said = |kind| Event::said(MessageId(0), at, kind);
        let mut refused = UserError::NotSaved(error.to_string());
        let event = || said(heard(from, scope, text, action));
        match scope {
            Scope::Everybody => self.tell_of_user(&from, &self.clients, &event(), Some(&from), touched),
            Scope::Group(group) => {
                self.tell_of_user(&from, self.audience(&group), &event(), Some(&from), touched);
            }
            Scope::User(to) if !self.queues.contains_key(&to) => refused = UserError::NotKept(to, error.to_string()),
            Scope::User(to) => {
                self.note_touch(from, to);
                self.tell_user_of(&from, &to, &event(), touched);
            }
        }
        self.tell_user(&from, &Event::new(EventKind::Refused(refused)), touched);
    }
}

/// What everybody is told whom it is said to.
fn heard(from: Name, scope: Scope, text: String, action: bool) -> EventKind {
    match scope {
        _ if action => EventKind::Action { from, scope, text, own: false },
        Scope::User(_) => EventKind::Whisper { from, text },
        Scope::Group(group) => EventKind::GroupMessage { group, from, text },
        Scope::Everybody => EventKind::Broadcast { from, text },
    }
}

/// What the author of something private is told.
fn echo(from: Name, to: Name, text: String, action: bool) -> EventKind {
    match action {
        true => EventKind::Action { from, scope: Scope::User(to), text, own: true },
        false => EventKind::WhisperSent { to, text },
    }
}

impl Client {
    /// What it says now, there.
    pub fn draft(&self, scope: Scope, text: String) -> Draft {
        Draft { at: SystemTime::now(), from: self.name, scope, text, action: false }
    }
}
