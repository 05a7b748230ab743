//! A user's budget of commands: one for all his sessions, and still the same when he leaves and comes back.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::model::{Bucket, Limits, Name, Rate};

/// The budgets of all users who have been here; no more than there are accounts.
pub struct Budgets {
    rate: Rate,
    users: Mutex<HashMap<Name, Arc<Mutex<Bucket>>>>,
}

/// One user's budget, as each of his sessions holds it.
pub(super) struct Budget {
    rate: Rate,
    bucket: Arc<Mutex<Bucket>>,
}

impl Budgets {
    /// Budgets of the rate and burst of `limits`; `None` where the rate is 0, which means no limit.
    pub fn new(limits: &Limits) -> Option<Budgets> {
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
    /// Takes the cost of something, in ordinary commands, whether that much is left or not.
    pub(super) fn charge(&self, cost: usize) {
        let cost = f64::from(u32::try_from(cost).unwrap_or(u32::MAX));
        self.bucket.lock().charge(self.rate, Instant::now(), cost);
    }

    /// How long until no more is taken than there was.
    pub(super) fn debt(&self) -> Option<Duration> {
        self.bucket.lock().debt(self.rate, Instant::now())
    }

    /// Whether the user has been slower than he may for a good while.
    pub(super) fn is_recovered(&self) -> bool {
        self.bucket.lock().level(self.rate, Instant::now()) * 2.0 >= self.rate.burst
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_leaves_and_comes_back_has_spent_what_he_spent() {
        let budgets = Budgets::new(&Limits { burst: 10, rate: 1, ..Limits::default() }).unwrap();
        let (alice, bob): (Name, Name) = ("alice".parse().unwrap(), "bob".parse().unwrap());
        budgets.of(alice).charge(12);
        assert!(budgets.of("ALICE".parse().unwrap()).debt().is_some());
        assert!(!budgets.of(alice).is_recovered());
        assert!(budgets.of(bob).debt().is_none() && budgets.of(bob).is_recovered());
        assert!(Budgets::new(&Limits { rate: 0, ..Limits::default() }).is_none());
    }
}
