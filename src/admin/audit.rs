//! The audit log: one line per command of an operator, with its result.

use std::collections::HashMap;
use std::time::Instant;

use super::command::Actor;
use crate::lock::Mutex;
use crate::model::limits::VIEW_AUDIT_INTERVAL;

/// One command as the audit log shows it.
pub(super) struct AuditEntry {
    pub(super) command: &'static str,
    pub(super) on: String,
    pub(super) why: String,
    /// It shows something and changes nothing.
    pub(super) is_view: bool,
}

/// Writes the audit log, and remembers which views it has mentioned lately.
#[derive(Default)]
pub(super) struct Audit {
    /// When each operator's use of each view was last written.
    // lock tier 9: a leaf.
    views: Mutex<HashMap<(String, String), Instant>, 9>,
}

impl Audit {
    /// Writes a command. The operator's page polls its views every few seconds, so a successful view by the same operator
    /// is written once per [`VIEW_AUDIT_INTERVAL`].
    pub(super) fn note(&self, by: &Actor, entry: &AuditEntry, result: &str, now: Instant) {
        let AuditEntry { command, on, why, is_view } = entry;
        if *is_view && result == DONE && !self.is_new(by, format!("{command} {on}"), now) {
            return;
        }
        log::info!(target: "audit", "by={by} act={command} on={on:?} why={why:?} result={result}");
    }

    fn is_new(&self, by: &Actor, what: String, now: Instant) -> bool {
        let mut views = self.views.lock();
        views.retain(|_, at| now.saturating_duration_since(*at) < VIEW_AUDIT_INTERVAL);
        let key = (by.to_string(), what);
        let new = !views.contains_key(&key);
        if new {
            views.insert(key, now);
        }
        new
    }
}

/// The result of a command that was carried out, as the audit log shows it.
pub(super) const DONE: &str = "done";

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn repeated_views_are_audited_once_per_interval() {
        let (audit, start) = (Audit::default(), Instant::now());
        let [ann, ben] = ["ann", "ben"].map(|name| Actor::User(name.parse().unwrap()));
        let is_new = |by, what: &str, now| audit.is_new(by, what.to_owned(), now);
        assert!(is_new(&ann, "sessions", start));
        let almost = start + VIEW_AUDIT_INTERVAL - Duration::from_millis(1);
        assert!(!is_new(&ann, "sessions", almost), "the same again");
        assert!(is_new(&ann, "log", almost) && is_new(&ben, "sessions", almost), "something else");
        assert!(is_new(&ann, "sessions", start + VIEW_AUDIT_INTERVAL), "a while later");
        assert_eq!(audit.views.lock().len(), 3);
        assert!(is_new(&ben, "log", start + 3 * VIEW_AUDIT_INTERVAL));
        assert_eq!(audit.views.lock().len(), 1, "what is long ago is forgotten");
    }
}
