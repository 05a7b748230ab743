//! Floor 3, administration: what operators can do, the same from the chat and from the console.
//!
//! [`Admin::execute`] runs one [`AdminCommand`] at a time and checks the operator's role in the same turn, so nobody
//! completes a command after losing the right to it. This floor knows no sockets and no wording.

mod audit;
mod command;
mod filter;
mod metrics;
mod rename;
mod reports;
mod sanctions;
mod shutdown;
#[cfg(test)]
mod tests;
mod views;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

pub use command::{Actor, AdminCommand, BanTarget};
pub use filter::Filter;
pub(crate) use rename::{finish_renames, match_accounts};

use crate::accounts::Accounts;
use crate::hub::{FlushList, Hub};
use crate::lock::{Mutex, MutexGuard, RwLock};
use crate::model::limits::TURN_CHECK;
use crate::model::{AdminAnswer, EventKind, Message, MessageId, Net, Outcome, Role, UserError};
use audit::Audit;
use metrics::Tally;
use shutdown::Countdown;
use views::Rates;

/// The parts of the server that operators control; implemented by `server`.
pub trait ServerControl: Send + Sync {
    /// Reloads the users file and the word filter; returns the new numbers of users and patterns.
    ///
    /// # Errors
    /// A sentence that says what was left unchanged and why.
    fn reload(&self) -> Result<(usize, usize), String>;

    /// Asks the server to stop; returns at once.
    fn stop(&self);

    /// The last `lines` lines of today's log, or fewer, oldest first.
    ///
    /// # Errors
    /// A sentence that says why the log cannot be shown.
    fn log_tail(&self, lines: usize) -> Result<Vec<String>, String>;

    /// The number of connections that have not logged in yet.
    fn logging_in(&self) -> usize;

    /// Bytes received from and sent to clients since the start.
    fn traffic(&self) -> [u64; 2];

    /// Closes the connections from `net` that have not logged in yet; returns how many there were.
    fn dismiss(&self, net: &Net) -> usize;
}

/// The administration of one server.
pub struct Admin {
    hub: Hub,
    control: OnceLock<Arc<dyn ServerControl>>,
    /// Held while a command runs, so that commands run one at a time.
    // lock tier 1: before every other lock; held while the store appends and while sessions end.
    turn: Mutex<(), 1>,
    // lock tier 9: a leaf, held only to clone or replace the pointer.
    filter: RwLock<Arc<Filter>, 9>,
    // lock tier 2: after the turn; held while the announcement is queued under the hub's lock.
    countdown: Mutex<Option<Countdown>, 2>,
    /// The number of the last report.
    // lock tier 2: after the turn; held from choosing a number until the report is stored.
    last_report: Mutex<u64, 2>,
    commands: Vec<(&'static str, AtomicU64)>,
    // lock tier 9: leaves, held for one update.
    logins: Mutex<Tally, 9>,
    refused: Mutex<Tally, 9>,
    rates: Mutex<Rates, 9>,
    audit: Audit,
    started: Instant,
}

impl Admin {
    /// The administration of `hub`. Uses of the commands with these names are counted.
    pub fn new(hub: Hub, commands: impl IntoIterator<Item = &'static str>, filter: Filter) -> Admin {
        let commands = commands.into_iter().map(|name| (name, AtomicU64::new(0))).collect();
        let (control, filter) = (OnceLock::new(), RwLock::new(Arc::new(filter)));
        let (turn, countdown, last_report, rates, logins, refused, audit) = Default::default();
        let started = Instant::now();
        Admin { hub, control, turn, filter, countdown, last_report, commands, logins, refused, rates, audit, started }
    }

    /// Connects the server; later calls change nothing.
    pub fn connect(&self, control: Arc<dyn ServerControl>) {
        let _ = self.control.set(control);
    }

    /// The time since the server started.
    pub fn uptime(&self) -> Duration {
        self.started.elapsed()
    }

    /// Counts a use of the command at this index of the list given to [`Admin::new`].
    pub fn count(&self, command: usize) {
        if let Some((_, count)) = self.commands.get(command) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Replaces the word filter; returns its number of patterns.
    pub fn use_filter(&self, filter: Filter) -> usize {
        let count = filter.len();
        *self.filter.write() = Arc::new(filter);
        count
    }

    /// Runs a command and writes it to the audit log with its result.
    ///
    /// # Errors
    /// The answer to the operator when it cannot be done; nothing has changed then.
    pub fn execute(&self, command: AdminCommand, by: &Actor, accounts: &Accounts) -> Result<AdminAnswer, UserError> {
        #[cfg(test)]
        tests::before_turn();
        let (entry, turn) = (command.audit_entry(), self.wait_for_turn(by));
        let rank = self.rank(by);
        let (done, _turn) = match (turn, command) {
            (Err(busy), _) => (Err(busy), None),
            (Ok(turn), command) if rank < command.needs() => (Err(UserError::NeedsRole(command.needs())), Some(turn)),
            (Ok(turn), command) => {
                // Reading the log may wait for the disk, and changes nothing: it gives its turn up.
                let turn = Some(turn).filter(|_| !matches!(command, AdminCommand::Log { .. }));
                (self.dispatch(command, by, rank, accounts), turn)
            }
        };
        if let Some(entry) = entry {
            let result = done.as_ref().map_or_else(UserError::code, |_| audit::DONE);
            self.audit.note(by, &entry, result, Instant::now());
        }
        done
    }

    /// Waits for the turn. An operator who is being renamed does not wait, because the rename waits for their sessions.
    fn wait_for_turn(&self, by: &Actor) -> Result<MutexGuard<'_, (), 1>, UserError> {
        loop {
            match (self.turn.try_lock_for(TURN_CHECK), by) {
                (Some(turn), _) => return Ok(turn),
                (None, Actor::User(name)) if self.hub.is_name_locked(name) => return Err(UserError::Busy),
                (None, _) => {}
            }
        }
    }

    fn rank(&self, by: &Actor) -> Role {
        match by {
            Actor::User(name) => self.hub.role(name),
            Actor::Console => Role::Admin,
        }
    }

    fn dispatch(
        &self,
        command: AdminCommand,
        by: &Actor,
        rank: Role,
        accounts: &Accounts,
    ) -> Result<AdminAnswer, UserError> {
        let outcome = match command {
            AdminCommand::Sessions => return Ok(AdminAnswer::Table(self.sessions())),
            AdminCommand::Groups => return Ok(AdminAnswer::Table(self.groups())),
            AdminCommand::Sanctions => return Ok(AdminAnswer::Table(self.sanctions())),
            AdminCommand::Log { lines } => return self.log_tail(lines).map(AdminAnswer::Table),
            AdminCommand::Stats => return Ok(AdminAnswer::Table(self.stats())),
            AdminCommand::Top { sessions: true } => return Ok(AdminAnswer::Table(self.sessions())),
            AdminCommand::Top { sessions: false } => return Ok(AdminAnswer::Table(self.vitals())),
            AdminCommand::Reports => return self.reports().map(AdminAnswer::Table),
            AdminCommand::Disconnect { whom, why } => self.disconnect(&whom, &why, rank)?,
            AdminCommand::Impose { penalty, on, time, why } => {
                self.impose(penalty, &on, time, why, (by, rank), accounts)?
            }
            AdminCommand::Lift { penalty, on, why } => self.lift(penalty, &on, why)?,
            AdminCommand::Announce(text) => {
                Outcome::Announced { sessions: self.hub.announce(EventKind::Announced { text }) }
            }
            AdminCommand::Delete { id, .. } => self.delete(id, by)?,
            AdminCommand::DropGroup { group, why } => self.drop_group(group, &why)?,
            AdminCommand::Rename { whom, name, why } => self.rename(&whom, &name, &why, (by, rank), accounts)?,
            AdminCommand::Reload { .. } => self.reload()?,
            AdminCommand::Shutdown { after, why } => self.schedule_shutdown(after, why)?,
            AdminCommand::CancelShutdown { .. } => self.cancel_shutdown()?,
            AdminCommand::CloseReport { number, .. } => self.close_report(number)?,
        };
        Ok(AdminAnswer::Done(outcome))
    }

    /// Deletes any message; operators need not be able to see it, and are not shown its text.
    fn delete(&self, id: MessageId, by: &Actor) -> Result<Outcome, UserError> {
        let before = MessageId(id.0.saturating_sub(1));
        let found = self.hub.store().tail(before, 1).map_err(|e| UserError::NotReadable(e.to_string()))?;
        let message = found.into_iter().find(|message: &Message| message.id == id && !message.deleted);
        let message = message.ok_or(UserError::NoSuchMessage(id))?;
        let mut flush_list = FlushList::default();
        let deleted = self.hub.delete_message(&message, &by.to_string(), &mut flush_list);
        deleted.map_err(|e| UserError::NotStoredYet(e.to_string()))?;
        Ok(Outcome::Deleted { id, from: message.said.from })
    }

    fn drop_group(&self, typed: String, why: &str) -> Result<Outcome, UserError> {
        let group = typed.trim_start_matches('#').parse().map_err(|_| UserError::NoSuchGroup(typed))?;
        self.hub.drop_group(&group, why).map(|(group, members)| Outcome::Dropped { group, members })
    }

    fn reload(&self) -> Result<Outcome, UserError> {
        let control = self.control.get().ok_or(UserError::Unavailable)?;
        control.reload().map(|(users, words)| Outcome::Reloaded { users, words }).map_err(UserError::NotReloaded)
    }
}
