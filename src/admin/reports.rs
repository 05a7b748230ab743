//! Reports to the operators, from users and from the word filter.

use std::sync::Arc;
use std::time::SystemTime;

use super::Admin;
use super::filter::FilterResult;
use crate::model::limits::{REASON_CHARS, REPORTS};
use crate::model::{EventKind, Name, Outcome, Report, UserError, text};
use crate::store::{Entry, StoreError};

impl Admin {
    /// Stores a report and tells the operators who are online; `by` is `None` for the word filter.
    ///
    /// # Errors
    /// [`UserError::TooManyReports`] when [`REPORTS`] are open, [`UserError::NotStoredYet`] when the store fails.
    pub fn report(&self, by: Option<Name>, about: String, why: &str) -> Result<Outcome, UserError> {
        let mut last = self.last_report.lock();
        let open = self.hub.store().reports().map_err(unreadable)?;
        // Further hits of the filter on the same user add nothing to an open report.
        let known = open.iter().find(|report| by.is_none() && report.by.is_none() && report.about == about);
        if let Some(report) = known {
            return Ok(Outcome::Reported { number: report.number, operators: 0 });
        }
        if open.len() >= REPORTS {
            return Err(UserError::TooManyReports(REPORTS));
        }
        let number = open.last().map_or(0, |report| report.number).max(*last) + 1;
        *last = number;
        let report = Report { number, at: SystemTime::now(), by, about, why: text::shorten(why, REASON_CHARS) };
        let stored = self.hub.record(vec![Entry::Reported(report.clone())]);
        drop(last);
        let operators: Vec<Name> =
            self.hub.store().operators().unwrap_or_default().into_iter().map(|(name, _)| name).collect();
        let told = self.hub.tell_users(&operators, EventKind::ReportFiled(Box::new(report)));
        stored.map_err(|e| UserError::NotStoredYet(e.to_string()))?;
        Ok(Outcome::Reported { number, operators: told })
    }

    pub(super) fn close_report(&self, number: u64) -> Result<Outcome, UserError> {
        let open = self.hub.store().reports().map_err(unreadable)?;
        if !open.iter().any(|report| report.number == number) {
            return Err(UserError::NoSuchReport(number));
        }
        let done = self.hub.record(vec![Entry::ReportDone { number }]);
        done.map(|()| Outcome::ReportDone { number }).map_err(|e| UserError::NotStoredYet(e.to_string()))
    }

    /// Passes a user's text through the word filter.
    ///
    /// # Errors
    /// [`UserError::Filtered`] when it contains a word that is refused.
    pub fn filtered(&self, from: &Name, said: Arc<str>) -> Result<Arc<str>, UserError> {
        let filter = {
            let filter = self.filter.read();
            if filter.is_empty() {
                return Ok(said);
            }
            Arc::clone(&filter)
        };
        let FilterResult { refused, replaced, reported } = filter.check(&said);
        if let Some(pattern) = reported {
            // A report that cannot be filed does not keep the user from speaking.
            let _ = self.report(None, from.to_string(), &pattern);
        }
        if refused { Err(UserError::Filtered) } else { Ok(replaced.map_or(said, Arc::from)) }
    }
}

fn unreadable(e: StoreError) -> UserError {
    UserError::NotReadable(e.to_string())
}
