//! The audit log: a line for each act of an operator, with what became of it.

use std::collections::HashMap;
use std::time::Instant;

use parking_lot::Mutex;

use super::command::{Actor, Entry};
use crate::model::limits::LOOK_AGAIN;

/// What was written into the audit log, as far as that decides about what is written next.
#[derive(Default)]
pub(super) struct Audit {
    /// Who has looked at what, and when that was written last.
    looks: Mutex<HashMap<(String, String), Instant>>,
}

impl Audit {
    /// Writes an act down. A page that is open looks at the same things every few seconds: who only looks, and may, is
    /// written down once in a while.
    pub(super) fn note(&self, by: &Actor, entry: &Entry, result: &str, now: Instant) {
        let Entry { act, on, why, look } = entry;
        if *look && result == DONE && !self.is_new(by, format!("{act} {on}"), now) {
            return;
        }
        log::info!(target: "audit", "by={by} act={act} on={on:?} why={why:?} result={result}");
    }

    fn is_new(&self, by: &Actor, what: String, now: Instant) -> bool {
        let mut looks = self.looks.lock();
        looks.retain(|_, at| now.saturating_duration_since(*at) < LOOK_AGAIN);
        let key = (by.to_string(), what);
        let new = !looks.contains_key(&key);
        if new {
            looks.insert(key, now);
        }
        new
    }
}

/// How an act that was carried out stands in the audit log.
pub(super) const DONE: &str = "done";

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn who_looks_again_and_again_is_new_once_in_a_while() {
        let (audit, start) = (Audit::default(), Instant::now());
        let [ann, ben] = ["ann", "ben"].map(|name| Actor::User(name.parse().unwrap()));
        let is_new = |by, what: &str, now| audit.is_new(by, what.to_owned(), now);
        assert!(is_new(&ann, "sessions", start));
        let almost = start + LOOK_AGAIN - Duration::from_millis(1);
        assert!(!is_new(&ann, "sessions", almost), "the same again");
        assert!(is_new(&ann, "log", almost) && is_new(&ben, "sessions", almost), "something else");
        assert!(is_new(&ann, "sessions", start + LOOK_AGAIN), "a while later");
        assert_eq!(audit.looks.lock().len(), 3);
        assert!(is_new(&ben, "log", start + 3 * LOOK_AGAIN));
        assert_eq!(audit.looks.lock().len(), 1, "what is long ago is forgotten");
    }
}
