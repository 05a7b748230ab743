//! The metrics page, in Prometheus' text exposition format, version 0.0.4.

use std::collections::BTreeMap;
use std::fmt::{Display, Write};
use std::sync::atomic::Ordering;

use super::Admin;
use crate::model::Histogram;

/// Counts by label; the labels are a few fixed words of the program.
pub(super) type Tally = BTreeMap<&'static str, u64>;

/// A page under construction.
#[derive(Default)]
struct Page(String);

impl Admin {
    /// Counts a login attempt by its result.
    pub fn note_login(&self, result: &'static str) {
        *self.logins.lock().entry(result).or_default() += 1;
    }

    /// Counts a connection that was refused before the first prompt, by the reason.
    pub fn note_refused(&self, why: &'static str) {
        *self.refused.lock().entry(why).or_default() += 1;
    }

    /// Renders all metrics.
    pub fn metrics(&self) -> String {
        let stats = self.hub.stats();
        let mut page = Page::default();
        let logging_in = self.control.get().map_or(0, |control| control.logging_in());
        page.family("connections", "gauge", "Connections by state.");
        page.sample("connections", &[("state", "logging_in")], logging_in);
        page.sample("connections", &[("state", "logged_in")], stats.sessions);
        page.one("users", "gauge", "Users online.", stats.users);
        page.one("groups", "gauge", "Groups.", stats.groups);
        page.tally("logins_total", "Login attempts by result.", "result", &self.logins.lock());
        page.tally("refused_total", "Connections refused before login, by reason.", "reason", &self.refused.lock());
        page.tally("closed_total", "Sessions ended, by reason.", "reason", &stats.closed);
        page.one("messages_total", "counter", "Messages sent by users.", stats.messages);
        page.one("deliveries_total", "counter", "Events queued for clients.", stats.deliveries);
        let [received, sent] = self.control.get().map_or([0; 2], |control| control.traffic());
        page.one("received_bytes_total", "counter", "Bytes received from clients.", received);
        page.one("sent_bytes_total", "counter", "Bytes sent to clients.", sent);
        page.one("queue_items", "gauge", "Events waiting in all outboxes.", stats.queued.0);
        page.one("queue_bytes", "gauge", "Approximate bytes waiting in all outboxes.", stats.queued.1);
        page.one("queue_items_fullest", "gauge", "Events in the fullest outbox.", stats.fullest.0);
        page.one("queue_bytes_fullest", "gauge", "Approximate bytes in the fullest outbox.", stats.fullest.1);
        let (items, bytes) = stats.highest;
        page.one("queue_items_highest", "gauge", "Most events ever in one outbox.", items);
        page.one("queue_bytes_highest", "gauge", "Most bytes, approximately, ever in one outbox.", bytes);
        page.commands(&self.commands.iter().map(|(name, n)| (*name, n.load(Ordering::Relaxed))).collect());
        page.one("lock_sections_total", "counter", "Acquisitions of the central lock.", stats.sections);
        page.times("lock_hold_seconds", "Hold times of the central lock, one in 64 sampled.", &stats.hold);
        page.times("store_commit_seconds", "Time to store a batch of messages.", &stats.commits);
        page.one("store_up", "gauge", "1 if the store worked when it was last used.", u8::from(stats.store_works));
        page.one("uptime_seconds", "gauge", "Seconds since the start.", self.uptime().as_secs());
        page.0
    }
}

impl Page {
    // Writing to a String cannot fail, so results are ignored here.

    fn family(&mut self, name: &str, kind: &str, help: &str) {
        let _ = write!(self.0, "# HELP parlor_{name} {help}\n# TYPE parlor_{name} {kind}\n");
    }

    fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: impl Display) {
        let labels: Vec<String> = labels.iter().map(|(label, word)| format!("{label}=\"{word}\"")).collect();
        let labels = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
        let _ = writeln!(self.0, "parlor_{name}{labels} {value}");
    }

    fn one(&mut self, name: &str, kind: &str, help: &str, value: impl Display) {
        self.family(name, kind, help);
        self.sample(name, &[], value);
    }

    fn tally(&mut self, name: &str, help: &str, label: &str, all: &Tally) {
        self.family(name, "counter", help);
        all.iter().for_each(|(word, count)| self.sample(name, &[(label, &word.replace(' ', "_"))], count));
    }

    fn commands(&mut self, all: &Tally) {
        let used: Tally = all.iter().filter(|(_, count)| **count > 0).map(|(name, count)| (*name, *count)).collect();
        self.tally("commands_total", "Commands executed.", "command", &used);
    }

    fn times(&mut self, name: &str, help: &str, times: &Histogram) {
        self.family(name, "histogram", help);
        let bucket = format!("{name}_bucket");
        for (bound, count) in times.cumulative() {
            self.sample(&bucket, &[("le", &bound.as_secs_f64().to_string())], count);
        }
        self.sample(&bucket, &[("le", "+Inf")], times.count());
        self.sample(&format!("{name}_sum"), &[], times.sum().as_secs_f64());
        self.sample(&format!("{name}_count"), &[], times.count());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_page_has_a_header_and_samples_for_each_family() {
        let mut page = Page::default();
        page.one("users", "gauge", "Who.", 3);
        page.tally("closed_total", "Why.", "reason", &Tally::from([("closed by client", 2), ("kicked", 1)]));
        let mut times = Histogram::default();
        times.note(Duration::from_micros(2));
        page.times("wait_seconds", "How long.", &times);
        let lines: Vec<&str> = page.0.lines().collect();
        assert_eq!(lines[..3], ["# HELP parlor_users Who.", "# TYPE parlor_users gauge", "parlor_users 3"]);
        assert_eq!(lines[5], "parlor_closed_total{reason=\"closed_by_client\"} 2");
        assert!(lines.contains(&"parlor_wait_seconds_bucket{le=\"0.000001\"} 0"), "{lines:?}");
        assert!(lines.contains(&"parlor_wait_seconds_bucket{le=\"0.0000025\"} 1"));
        assert!(lines.contains(&"parlor_wait_seconds_bucket{le=\"+Inf\"} 1"));
        assert!(lines.contains(&"parlor_wait_seconds_sum 0.000002") && lines.contains(&"parlor_wait_seconds_count 1"));
    }
}
