//! What a command works with: who asks, the hub, and a way to answer.

use std::sync::Arc;
use std::time::{Instant, SystemTime};

use super::Dialog;
use crate::accounts::{Accounts, Throttle};
use crate::admin::Admin;
use crate::hub::{Client, ClientId, FlushList, Hub, PendingMessage, PushOutcome};
use crate::model::{Event, EventKind, Name, OutputFormat, QuitReason, Role, Scope, Target, UserError};

/// The surroundings of one command. There is no socket in it.
pub struct Context<'a> {
    /// Where everybody is.
    pub hub: &'a Hub,
    /// Who has an account.
    pub accounts: &'a Accounts,
    /// Where operators work, and where they are called.
    pub admin: &'a Admin,
    /// Who guessed passwords too often.
    pub throttle: &'a Throttle,
    /// Who asks.
    pub me: &'a Arc<Client>,
    /// Where his plain text goes.
    pub target: &'a mut Option<Target>,
    /// Which guest that is, if it is one: the next guest of that name is somebody else.
    pub guest: &'a mut Option<ClientId>,
    /// What he has said and nobody has been told yet.
    pub drafts: &'a mut Vec<PendingMessage>,
    /// Whom this command leaves something to be written for.
    pub flush_list: &'a mut FlushList,
    /// Writes to the asker until little is left in his outbox, however long he takes to read.
    pub catch_up: &'a dyn Fn(&Arc<Client>),
    /// How he is told things.
    pub format: &'a mut OutputFormat,
    /// Puts what the asker is told from now on like this.
    pub apply_format: &'a dyn Fn(OutputFormat),
    /// Lets the time pass that a wrong password costs who gave it at this moment.
    pub delay_failure: &'a dyn Fn(Instant),
    /// What is to be asked once the command is carried out.
    pub dialog: &'a mut Option<Box<dyn Dialog>>,
    /// What the command costs of the asker's budget, in ordinary commands.
    pub cost: usize,
    /// Set when the asker wants to leave.
    pub quit: bool,
}

impl Context<'_> {
    /// Says something. It is published with everything else that is said in the same read, or before the next answer.
    ///
    /// # Errors
    /// Why that cannot be said there.
    pub fn say(&mut self, scope: Scope, text: Arc<str>) -> Result<(), UserError> {
        let said = self.compose(scope, text)?;
        self.drafts.push(said);
        Ok(())
    }

    /// Says what he does; otherwise as [`Context::say`].
    ///
    /// # Errors
    /// Why that cannot be said there.
    pub fn act(&mut self, scope: Scope, text: Arc<str>) -> Result<(), UserError> {
        let said = self.compose(scope, text)?;
        self.drafts.push(said.as_action());
        Ok(())
    }

    /// What may be shown to others of something that he writes, though it is no message.
    ///
    /// # Errors
    /// When an operator has muted him, or a word in it may not be said.
    pub fn shown(&self, text: Arc<str>) -> Result<Arc<str>, UserError> {
        self.hub.check_mute(&self.me.name, SystemTime::now())?;
        self.admin.filtered(&self.me.name, text)
    }

    fn compose(&self, scope: Scope, text: Arc<str>) -> Result<PendingMessage, UserError> {
        let place = self.hub.check(self.me, scope, SystemTime::now())?;
        Ok(self.me.compose(place, self.admin.filtered(&self.me.name, text)?))
    }

    /// Stores and delivers what he has said so far, so that what he is told next comes after it.
    pub fn publish(&mut self) {
        self.hub.publish(self.me, self.drafts);
    }

    /// Answers the asker. Who asks faster than he reads is slowed here: his next answer waits until he has caught up.
    pub fn reply(&mut self, kind: EventKind) {
        self.publish();
        if self.me.outbox.push(&Event::new(kind)) == PushOutcome::Full {
            self.me.close(QuitReason::SlowReader);
        }
        if self.me.outbox.is_crowded() {
            self.flush_list.flush_except(Some(self.me.id));
            (self.catch_up)(self.me);
        }
    }

    /// His role, as it is at this moment.
    pub fn role(&self) -> Role {
        self.hub.role(&self.me.name)
    }

    /// Asks further questions; the next lines of the asker are the answers.
    pub fn ask(&mut self, dialog: Box<dyn Dialog>) {
        *self.dialog = Some(dialog);
    }

    /// Delivers and writes out all that was caused so far: before something that takes its time.
    pub fn settle(&mut self) {
        self.publish();
        self.flush_list.flush_except(Some(self.me.id));
        (self.catch_up)(self.me);
    }

    /// Chooses how the asker is told things, from the next event on; what was queued before is still put as it was.
    pub fn set_format(&mut self, format: OutputFormat) {
        self.settle();
        (self.apply_format)(format);
        *self.format = format;
    }

    /// The user of this name, as registered; a guest only while he is here.
    ///
    /// # Errors
    /// [`UserError::NoSuchUser`].
    pub fn user(&self, typed: &str) -> Result<Name, UserError> {
        let known = typed.parse().ok().and_then(|name: Name| match name.is_guest() {
            true => typed.to_ascii_lowercase().parse().ok().filter(|name| self.hub.is_here(name)),
            false => self.accounts.find(&name),
        });
        known.ok_or_else(|| UserError::NoSuchUser(typed.to_owned()))
    }

    /// A group name, which may or may not be one of a group; it may be written with a '#', as `/talk` wants it.
    ///
    /// # Errors
    /// [`UserError::NoSuchGroup`] when no group can have it.
    pub fn group(&self, typed: &str) -> Result<Name, UserError> {
        Context::group_name(typed)
    }

    /// As [`Context::group`], for who has no context yet.
    pub(super) fn group_name(typed: &str) -> Result<Name, UserError> {
        typed.strip_prefix('#').unwrap_or(typed).parse().map_err(|_| UserError::NoSuchGroup(typed.to_owned()))
    }
}
