//! What is counted, as a page for Prometheus: the text format, version 0.0.4.

use std::collections::BTreeMap;
use std::fmt::{Display, Write};
use std::sync::atomic::Ordering;

use super::Admin;
use crate::model::Histogram;

/// Counts by a word of our own, of which there are few.
pub(super) type Tally = BTreeMap<&'static str, u64>;

/// The page while it is written.
#[derive(Default)]
struct Page(String);

impl Admin {
    /// Counts an attempt to log in, by what came of it.
    pub fn note_login(&self, result: &'static str) {
        *self.logins.lock().entry(result).or_default() += 1;
    }

    /// Counts a connection that was turned away before anything was asked, by why.
    pub fn note_refused(&self, why: &'static str) {
        *self.refused.lock().entry(why).or_default() += 1;
    }

    /// The page of metrics, as it is at this moment.
    pub fn metrics(&self) -> String {
        let stats = self.hub.stats();
        let mut page = Page::default();
        let logging_in = self.control.get().map_or(0, |control| control.logging_in());
        page.family("connections", "gauge", "Connections by state.");
        page.sample("connections", &[("state", "logging_in")], logging_in);
        page.sample("connections", &[("state", "logged_in")], stats.sessions);
        page.one("users", "gauge", "Users who are here.", stats.users);
        page.one("groups", "gauge", "Groups there are.", stats.groups);
        page.tally("logins_total", "Attempts to log in, by what came of them.", "result", &self.logins.lock());
        page.tally("refused_total", "Connections turned away at the door, by why.", "reason", &self.refused.lock());
        page.tally("closed_total", "Sessions that ended, by why.", "reason", &stats.closed);
        page.one("messages_total", "counter", "Messages that were said.", stats.messages);
        page.one("deliveries_total", "counter", "Events that were queued for a client.", stats.deliveries);
        let [received, sent] = self.control.get().map_or([0; 2], |control| control.traffic());
        page.one("received_bytes_total", "counter", "Bytes that clients have sent.", received);
        page.one("sent_bytes_total", "counter", "Bytes that clients have been sent.", sent);
        page.one("queue_items", "gauge", "Events that wait in all queues together.", stats.queued.0);
        page.one("queue_bytes", "gauge", "About the bytes that wait in all queues together.", stats.queued.1);
        page.one("queue_items_fullest", "gauge", "Events in the fullest queue of a client.", stats.fullest.0);
        page.one("queue_bytes_fullest", "gauge", "About the bytes in the fullest queue of a client.", stats.fullest.1);
        let (items, bytes) = stats.highest;
        page.one("queue_items_highest", "gauge", "Events in the fullest queue there has been.", items);
        page.one("queue_bytes_highest", "gauge", "About the bytes in the fullest queue there has been.", bytes);
        page.commands(&self.commands.iter().map(|(name, n)| (*name, n.load(Ordering::Relaxed))).collect());
        page.one("lock_sections_total", "counter", "How often the central lock was taken.", stats.sections);
        page.times("lock_hold_seconds", "How long it was held: one in 64 sections.", &stats.hold);
        page.times("store_commit_seconds", "How long it took to store a batch of messages.", &stats.commits);
        page.one("store_up", "gauge", "Whether the store worked when it was last used.", u8::from(stats.store_works));
        page.one("uptime_seconds", "gauge", "How long the server has run.", self.began.elapsed().as_secs());
        page.0
    }
}

impl Page {
    // Writing into a String cannot fail.

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
        self.tally("commands_total", "Commands that were carried out.", "command", &used);
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
    fn a_page_has_a_head_for_each_family_and_its_samples() {
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
