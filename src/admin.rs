//! Floor 3, operators: what keeps a server in order, the same for a chat command and for the console.
//!
//! An [`AdminCommand`] is what an operator wants, [`Admin::carry_out`] does it: one after another, with the role looked at in the same
//! turn, so nobody finishes an act for which he has lost the right. It knows no socket and no wording.

mod audit;
mod command;
mod countdown;
mod filter;
mod metrics;
mod rates;
mod rename;
mod report;
mod sanctions;
#[cfg(test)]
mod tests;
mod views;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use parking_lot::{Mutex, MutexGuard, RwLock};

pub use command::{Actor, AdminCommand, BanTarget};
pub use filter::Filter;

use crate::accounts::Accounts;
use crate::hub::{Hub, Touched};
use crate::model::limits::TURN_CHECK;
use crate::model::{AdminAnswer, EventKind, Message, MessageId, Net, Outcome, Role, UserError};
use audit::Audit;
use countdown::Countdown;
use metrics::Tally;
use rates::Rates;

/// What operators need of the building around the hub; the server has it.
pub trait ServerControl: Send + Sync {
    /// Reads again what can be read again while the server runs, and says how many users and patterns there are now.
    ///
    /// # Errors
    /// What is as it was before, and why.
    fn reload(&self) -> Result<(usize, usize), String>;

    /// Asks the server to stop.
    fn stop(&self);

    /// The last lines of today's log, the oldest first, at most so many.
    ///
    /// # Errors
    /// Why there are none to show.
    fn log_tail(&self, lines: usize) -> Result<Vec<String>, String>;

    /// How many connections have not logged in yet.
    fn logging_in(&self) -> usize;

    /// How many bytes clients have sent and have been sent since the start.
    fn traffic(&self) -> [u64; 2];

    /// Ends the connections from there that have not logged in yet, and says how many they were.
    fn dismiss(&self, net: &Net) -> usize;
}

/// Where operators work.
pub struct Admin {
    hub: Hub,
    control: OnceLock<Arc<dyn ServerControl>>,
    /// Held for a whole act.
    turn: Mutex<()>,
    filter: RwLock<Arc<Filter>>,
    countdown: Mutex<Option<Countdown>>,
    /// Held from finding the next number of a report until that is stored.
    reporting: Mutex<u64>,
    commands: Vec<(&'static str, AtomicU64)>,
    logins: Mutex<Tally>,
    refused: Mutex<Tally>,
    rates: Mutex<Rates>,
    audit: Audit,
    began: Instant,
}

impl Admin {
    /// The admin of a hub; the uses of these commands are counted.
    pub fn new(hub: Hub, commands: impl IntoIterator<Item = &'static str>, filter: Filter) -> Admin {
        let commands = commands.into_iter().map(|name| (name, AtomicU64::new(0))).collect();
        let (control, filter) = (OnceLock::new(), RwLock::new(Arc::new(filter)));
        let (turn, countdown, reporting, rates, logins, refused, audit) = Default::default();
        let began = Instant::now();
        Admin { hub, control, turn, filter, countdown, reporting, commands, logins, refused, rates, audit, began }
    }

    /// Says what is around it; the first one counts.
    pub fn open(&self, control: Arc<dyn ServerControl>) {
        let _ = self.control.set(control);
    }

    /// Counts a use of the command at this place of the list.
    pub fn count(&self, command: usize) {
        if let Some((_, count)) = self.commands.get(command) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Takes another word filter into use, and says how many patterns it has.
    pub fn use_filter(&self, filter: Filter) -> usize {
        let count = filter.len();
        *self.filter.write() = Arc::new(filter);
        count
    }

    /// Does what an operator wants, and writes it into the audit log, with what became of it.
    ///
    /// # Errors
    /// What he is told when it cannot be done.
    pub fn carry_out(&self, act: AdminCommand, by: &Actor, accounts: &Accounts) -> Result<AdminAnswer, UserError> {
        #[cfg(test)]
        tests::before_turn();
        let (entry, turn) = (act.entry(), self.wait_for_turn(by));
        let rank = self.rank(by);
        let (done, _turn) = match (turn, act) {
            (Err(busy), _) => (Err(busy), None),
            (Ok(turn), act) if rank < act.needs() => (Err(UserError::NeedsRole(act.needs())), Some(turn)),
            (Ok(turn), act) => {
                // Whoever looks into the log waits for its disk alone.
                let turn = Some(turn).filter(|_| !matches!(act, AdminCommand::Log { .. }));
                (self.execute(act, by, rank, accounts), turn)
            }
        };
        if let Some(entry) = entry {
            let result = done.as_ref().map_or_else(UserError::code, |_| audit::DONE);
            self.audit.note(by, &entry, result, Instant::now());
        }
        done
    }

    /// One act comes after another; but who is being renamed has to leave before that is done, so he waits for no turn.
    fn wait_for_turn(&self, by: &Actor) -> Result<MutexGuard<'_, ()>, UserError> {
        loop {
            match (self.turn.try_lock_for(TURN_CHECK), by) {
                (Some(turn), _) => return Ok(turn),
                (None, Actor::User(name)) if self.hub.is_shut_out(name) => return Err(UserError::Busy),
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

    fn execute(
        &self,
        act: AdminCommand,
        by: &Actor,
        rank: Role,
        accounts: &Accounts,
    ) -> Result<AdminAnswer, UserError> {
        let done = match act {
            AdminCommand::Sessions => return Ok(AdminAnswer::Table(self.sessions())),
            AdminCommand::Groups => return Ok(AdminAnswer::Table(self.groups())),
            AdminCommand::Sanctions => return Ok(AdminAnswer::Table(self.sanctions())),
            AdminCommand::Log { lines } => return self.log_tail(lines).map(AdminAnswer::Table),
            AdminCommand::Stats => return Ok(AdminAnswer::Table(self.stats())),
            AdminCommand::Top { sessions: true } => return Ok(AdminAnswer::Table(self.sessions())),
            AdminCommand::Top { sessions: false } => return Ok(AdminAnswer::Table(self.vitals())),
            AdminCommand::Reports => return self.reports().map(AdminAnswer::Table),
            AdminCommand::Disconnect { whom, why } => self.disconnect(&whom, &why, rank)?,
            AdminCommand::Lay { penalty, on, time, why } => self.lay(penalty, &on, time, why, (by, rank), accounts)?,
            AdminCommand::Lift { penalty, on, why } => self.lift(penalty, &on, why)?,
            AdminCommand::Announce(text) => {
                Outcome::Announced { sessions: self.hub.proclaim(EventKind::Announced { text }) }
            }
            AdminCommand::Delete { id, .. } => self.delete(id, by)?,
            AdminCommand::DropGroup { group, why } => self.drop_group(group, &why)?,
            AdminCommand::Rename { whom, name, why } => self.rename(&whom, &name, &why, (by, rank), accounts)?,
            AdminCommand::Reload { .. } => self.reload()?,
            AdminCommand::Shutdown { after, why } => self.shut_down(after, why)?,
            AdminCommand::GoOn { .. } => self.go_on()?,
            AdminCommand::ReportDone { number, .. } => self.report_done(number)?,
        };
        Ok(AdminAnswer::Done(done))
    }

    /// Any message, whoever may see it; its text is shown to nobody here.
    fn delete(&self, id: MessageId, by: &Actor) -> Result<Outcome, UserError> {
        let before = MessageId(id.0.saturating_sub(1));
        let found = self.hub.store().tail(before, 1).map_err(|e| UserError::NotReadable(e.to_string()))?;
        let message = found.into_iter().find(|message: &Message| message.id == id && !message.deleted);
        let message = message.ok_or(UserError::NoSuchMessage(id))?;
        let mut touched = Touched::default();
        let deleted = self.hub.delete(&message, &by.to_string(), &mut touched);
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
