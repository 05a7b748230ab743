//! Reports: what users, and the word filter, tell the operators.

use std::sync::Arc;
use std::time::SystemTime;

use super::Admin;
use super::filter::Verdict;
use crate::model::limits::{REASON_CHARS, REPORTS};
use crate::model::{EventKind, Name, Outcome, Report, UserError, text};
use crate::store::{Entry, StoreError};

impl Admin {
    /// Keeps a report for the operators, and tells those who are here.
    ///
    /// # Errors
    /// When as many wait as may, or it could not be stored.
    pub fn report(&self, by: Option<Name>, about: String, why: &str) -> Result<Outcome, UserError> {
        let mut last = self.reporting.lock();
        let waiting = self.hub.store().reports().map_err(unreadable)?;
        // One word of the filter after another from the same user is one matter.
        let known = waiting.iter().find(|report| by.is_none() && report.by.is_none() && report.about == about);
        if let Some(report) = known {
            return Ok(Outcome::Reported { number: report.number, operators: 0 });
        }
        if waiting.len() >= REPORTS {
            return Err(UserError::TooManyReports(REPORTS));
        }
        let number = waiting.last().map_or(0, |report| report.number).max(*last) + 1;
        *last = number;
        let report = Report { number, at: SystemTime::now(), by, about, why: text::shorten(why, REASON_CHARS) };
        let stored = self.hub.record(vec![Entry::Reported(report.clone())]);
        drop(last);
        let operators: Vec<Name> =
            self.hub.store().operators().unwrap_or_default().into_iter().map(|(name, _)| name).collect();
        let told = self.hub.tell(&operators, EventKind::ReportFiled(Box::new(report)));
        stored.map_err(|e| UserError::NotStoredYet(e.to_string()))?;
        Ok(Outcome::Reported { number, operators: told })
    }

    pub(super) fn report_done(&self, number: u64) -> Result<Outcome, UserError> {
        let waiting = self.hub.store().reports().map_err(unreadable)?;
        if !waiting.iter().any(|report| report.number == number) {
            return Err(UserError::NoSuchReport(number));
        }
        let done = self.hub.record(vec![Entry::ReportDone { number }]);
        done.map(|()| Outcome::ReportDone { number }).map_err(|e| UserError::NotStoredYet(e.to_string()))
    }

    /// What is left of something that a user says, once the word filter has looked at it.
    ///
    /// # Errors
    /// [`UserError::Filtered`] when it may not be said.
    pub fn filtered(&self, from: &Name, said: Arc<str>) -> Result<Arc<str>, UserError> {
        let filter = {
            let filter = self.filter.read();
            if filter.is_empty() {
                return Ok(said);
            }
            Arc::clone(&filter)
        };
        let Verdict { refused, replaced, reported } = filter.judge(&said);
        if let Some(pattern) = reported {
            // That operators cannot be told is no reason to keep him from speaking.
            let _ = self.report(None, from.to_string(), &pattern);
        }
        if refused { Err(UserError::Filtered) } else { Ok(replaced.map_or(said, Arc::from)) }
    }
}

fn unreadable(e: StoreError) -> UserError {
    UserError::NotReadable(e.to_string())
}
