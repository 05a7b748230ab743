//! Floor 3, operators: what keeps a server in order, the same for a chat command and for the console.
//!
//! An [`Act`] is what an operator wants, [`Desk::carry_out`] does it: one after another, with the role looked at in the same
//! turn, so nobody finishes an act for which he has lost the right. It knows no socket and no wording.

mod act;
mod audit;
mod countdown;
mod filter;
mod look;
mod metrics;
mod penalty;
mod rates;
mod rename;
mod report;
#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use parking_lot::{Mutex, MutexGuard, RwLock};

pub use act::{Act, By, On};
pub use filter::Filter;

use crate::accounts::Accounts;
use crate::hub::{Hub, Touched};
use crate::model::limits::TURN_CHECK;
use crate::model::{Answer, Deed, EventKind, Message, MessageId, Net, Role, UserError};
use audit::Audit;
use countdown::Countdown;
use metrics::Tally;
use rates::Rates;

/// What operators need of the building around the hub; the server has it.
pub trait Premises: Send + Sync {
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
pub struct Desk {
    hub: Hub,
    premises: OnceLock<Arc<dyn Premises>>,
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

impl Desk {
    /// A desk over a hub; the uses of these commands are counted.
    pub fn new(hub: Hub, commands: impl IntoIterator<Item = &'static str>, filter: Filter) -> Desk {
        let commands = commands.into_iter().map(|name| (name, AtomicU64::new(0))).collect();
        let (premises, filter) = (OnceLock::new(), RwLock::new(Arc::new(filter)));
        let (turn, countdown, reporting, rates, logins, refused, audit) = Default::default();
        let began = Instant::now();
        Desk { hub, premises, turn, filter, countdown, reporting, commands, logins, refused, rates, audit, began }
    }

    /// Says what is around it; the first one counts.
    pub fn open(&self, premises: Arc<dyn Premises>) {
        let _ = self.premises.set(premises);
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
    pub fn carry_out(&self, act: Act, by: &By, accounts: &Accounts) -> Result<Answer, UserError> {
        #[cfg(test)]
        tests::before_turn();
        let (entry, turn) = (act.entry(), self.wait_for_turn(by));
        let rank = self.rank(by);
        let (done, _turn) = match (turn, act) {
            (Err(busy), _) => (Err(busy), None),
            (Ok(turn), act) if rank < act.needs() => (Err(UserError::NeedsRole(act.needs())), Some(turn)),
            (Ok(turn), act) => {
                // Whoever looks into the log waits for its disk alone.
                let turn = Some(turn).filter(|_| !matches!(act, Act::Log { .. }));
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
    fn wait_for_turn(&self, by: &By) -> Result<MutexGuard<'_, ()>, UserError> {
        loop {
            match (self.turn.try_lock_for(TURN_CHECK), by) {
                (Some(turn), _) => return Ok(turn),
                (None, By::User(name)) if self.hub.is_shut_out(name) => return Err(UserError::Busy),
                (None, _) => {}
            }
        }
    }

    fn rank(&self, by: &By) -> Role {
        match by {
            By::User(name) => self.hub.role(name),
            By::Console => Role::Admin,
        }
    }

    fn execute(&self, act: Act, by: &By, rank: Role, accounts: &Accounts) -> Result<Answer, UserError> {
        let done = match act {
            Act::Sessions => return Ok(Answer::Table(self.sessions())),
            Act::Groups => return Ok(Answer::Table(self.groups())),
            Act::Sanctions => return Ok(Answer::Table(self.sanctions())),
            Act::Log { lines } => return self.log_tail(lines).map(Answer::Table),
            Act::Stats => return Ok(Answer::Table(self.stats())),
            Act::Top { sessions: true } => return Ok(Answer::Table(self.sessions())),
            Act::Top { sessions: false } => return Ok(Answer::Table(self.vitals())),
            Act::Reports => return self.reports().map(Answer::Table),
            Act::Disconnect { whom, why } => self.disconnect(&whom, &why, rank)?,
            Act::Lay { penalty, on, time, why } => self.lay(penalty, &on, time, why, (by, rank), accounts)?,
            Act::Lift { penalty, on, why } => self.lift(penalty, &on, why)?,
            Act::Announce(text) => Deed::Announced { sessions: self.hub.proclaim(EventKind::Announced { text }) },
            Act::Delete { id, .. } => self.delete(id, by)?,
            Act::DropGroup { group, why } => self.drop_group(group, &why)?,
            Act::Rename { whom, name, why } => self.rename(&whom, &name, &why, (by, rank), accounts)?,
            Act::Reload { .. } => self.reload()?,
            Act::Shutdown { after, why } => self.shut_down(after, why)?,
            Act::GoOn { .. } => self.go_on()?,
            Act::ReportDone { number, .. } => self.report_done(number)?,
        };
        Ok(Answer::Done(done))
    }

    /// Any message, whoever may see it; its text is shown to nobody here.
    fn delete(&self, id: MessageId, by: &By) -> Result<Deed, UserError> {
        let before = MessageId(id.0.saturating_sub(1));
        let found = self.hub.store().tail(before, 1).map_err(|e| UserError::NotReadable(e.to_string()))?;
        let message = found.into_iter().find(|message: &Message| message.id == id && !message.deleted);
        let message = message.ok_or(UserError::NoSuchMessage(id))?;
        let mut touched = Touched::default();
        let deleted = self.hub.delete(&message, &by.to_string(), &mut touched);
        deleted.map_err(|e| UserError::NotStoredYet(e.to_string()))?;
        Ok(Deed::Deleted { id, from: message.said.from })
    }

    fn drop_group(&self, typed: String, why: &str) -> Result<Deed, UserError> {
        let group = typed.trim_start_matches('#').parse().map_err(|_| UserError::NoSuchGroup(typed))?;
        self.hub.drop_group(&group, why).map(|(group, members)| Deed::Dropped { group, members })
    }

    fn reload(&self) -> Result<Deed, UserError> {
        let premises = self.premises.get().ok_or(UserError::Unavailable)?;
        premises.reload().map(|(users, words)| Deed::Reloaded { users, words }).map_err(UserError::NotReloaded)
    }
}
