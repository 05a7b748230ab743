//! A user's budget of commands: one for all their sessions, and unchanged when they leave and come back.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::lock::Mutex;
use crate::model::{Bucket, Limits, Name, Rate};

/// The budgets of all users who have been here; never more than there are accounts.
pub(crate) struct Budgets {
    rate: Rate,
    // lock tier 9: a leaf, held to look up or add one budget.
    users: Mutex<HashMap<Name, Arc<Mutex<Bucket, 9>>>, 9>,
}

/// One user's budget, as each of their sessions holds it.
pub(super) struct Budget {
    rate: Rate,
    // lock tier 9: a leaf.
    bucket: Arc<Mutex<Bucket, 9>>,
}

/// The state of a budget after spending.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Spent {
    /// Less than half a burst is left.
    Low,
    /// At least half a burst is left: the user has been slower than the limit for a good while.
    Recovered,
    /// More was spent than there was, until this time.
    OverdrawnUntil(Instant),
}

impl Budgets {
    /// Budgets with the rate and burst of `limits`; `None` where the rate is 0, which means no limit.
    pub(crate) fn new(limits: &Limits) -> Option<Budgets> {
        let rate = Rate { burst: f64::from(limits.burst), per_second: f64::from(limits.rate) };
        (limits.rate > 0).then(|| Budgets { rate, users: Mutex::default() })
    }

    pub(super) fn of(&self, user: Name) -> Budget {
        let mut users = self.users.lock();
        let full = || Arc::new(Mutex::new(self.rate.full(Instant::now())));
        Budget { rate: self.rate, bucket: Arc::clone(users.entry(user).or_insert_with(full)) }
    }
}

impl Budget {
    /// Spends a cost, counted in ordinary commands, whether or not that much is left.
    pub(super) fn spend(&self, cost: usize) -> Spent {
        let (cost, now) = (f64::from(u32::try_from(cost).unwrap_or(u32::MAX)), Instant::now());
        let mut bucket = self.bucket.lock();
        bucket.charge(self.rate, now, cost);
        match bucket.debt(self.rate, now) {
            Some(debt) => Spent::OverdrawnUntil(now + debt),
            None if bucket.level(self.rate, now) * 2.0 >= self.rate.burst => Spent::Recovered,
            None => Spent::Low,
        }
    }

    /// How long the budget is still overdrawn; `None` when it is not.
    pub(super) fn debt(&self) -> Option<Duration> {
        self.bucket.lock().debt(self.rate, Instant::now())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_outlives_the_sessions_of_its_user() {
        let budgets = Budgets::new(&Limits { burst: 10, rate: 1, ..Limits::default() }).unwrap();
        let (alice, bob): (Name, Name) = ("alice".parse().unwrap(), "bob".parse().unwrap());
        assert!(matches!(budgets.of(alice).spend(12), Spent::OverdrawnUntil(_)));
        assert!(budgets.of("ALICE".parse().unwrap()).debt().is_some());
        assert_eq!((budgets.of(bob).spend(4), budgets.of(bob).spend(4)), (Spent::Recovered, Spent::Low));
        assert!(Budgets::new(&Limits { rate: 0, ..Limits::default() }).is_none());
    }
}
