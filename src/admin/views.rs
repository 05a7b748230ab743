//! The tables that operators can look at, and the rates shown in them.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant, SystemTime};

use super::Admin;
use crate::hub::{SessionInfo, Stats};
use crate::model::{Cell, GroupSettings, Name, Report, Sanction, Table, UserError};

impl Admin {
    /// Updates the rates; called about once a second.
    pub fn tick(&self) {
        let traffic = self.hub.traffic();
        self.rates.lock().note(Instant::now(), traffic);
    }

    pub(super) fn sessions(&self) -> Table {
        let row = |session: SessionInfo| {
            let (items, bytes) = session.queued;
            vec![
                Cell::Number(session.id.0),
                Cell::text(session.user),
                Cell::text(session.peer),
                Cell::Time(Some(session.since)),
                Cell::Number(session.idle.as_secs()),
                Cell::count(items),
                Cell::count(bytes),
            ]
        };
        Table {
            of: "sessions",
            columns: &["session", "user", "from", "since", "idle", "items", "bytes"],
            rows: self.hub.list_sessions().into_iter().map(row).collect(),
        }
    }

    /// All groups except rooms: a room's name is the code that admits to it.
    pub(super) fn groups(&self) -> Table {
        let row = |(name, members, settings): (Name, usize, GroupSettings)| {
            let limit = settings.limit.map(|limit| limit.to_string()).unwrap_or_default();
            let topic = settings.topic.as_deref().unwrap_or_default();
            vec![
                Cell::text(name),
                Cell::count(members),
                Cell::Text(limit),
                Cell::Text(flags(&settings)),
                Cell::text(topic),
            ]
        };
        let (mut rows, mut last) = (Vec::new(), None);
        loop {
            let page = self.hub.group_overview(last.as_ref());
            let Some((name, ..)) = page.last() else { break };
            last = Some(*name);
            rows.extend(page.into_iter().filter(|(_, _, settings)| !settings.room).map(row));
        }
        Table { of: "groups", columns: &["group", "members", "limit", "settings", "text"], rows }
    }

    pub(super) fn sanctions(&self) -> Table {
        let row = |Sanction { penalty, subject, by, reason, made, until }: Sanction| {
            let (made, until) = (Cell::Time(Some(made)), Cell::Time(until));
            vec![
                Cell::text(penalty.as_str()),
                Cell::text(subject.shown()),
                Cell::Text(by),
                made,
                until,
                Cell::Text(reason),
            ]
        };
        Table {
            of: "penalties",
            columns: &["penalty", "of", "by", "since", "until", "text"],
            rows: self.hub.sanctions(SystemTime::now()).into_iter().map(row).collect(),
        }
    }

    pub(super) fn reports(&self) -> Result<Table, UserError> {
        let all = self.hub.store().reports().map_err(|e| UserError::NotReadable(e.to_string()))?;
        let row = |Report { number, at, by, about, why }: Report| {
            let by = by.map(|by| by.to_string()).unwrap_or_default();
            vec![Cell::Number(number), Cell::Time(Some(at)), Cell::Text(by), Cell::Text(about), Cell::Text(why)]
        };
        let rows = all.into_iter().map(row).collect();
        Ok(Table { of: "reports", columns: &["number", "at", "by", "about", "text"], rows })
    }

    pub(super) fn log_tail(&self, lines: usize) -> Result<Table, UserError> {
        let control = self.control.get().ok_or(UserError::Unavailable)?;
        let tail = control.log_tail(lines).map_err(UserError::NoLog)?;
        let rows = tail.into_iter().map(|line| vec![Cell::Text(line)]).collect();
        Ok(Table { of: "log", columns: &["text"], rows })
    }

    /// Every counter.
    pub(super) fn stats(&self) -> Table {
        let stats = self.hub.stats();
        let mut rows = self.numbers(&stats);
        let closed = stats.closed.iter().map(|(why, count)| (format!("closed.{}", why.replace(' ', "_")), *count));
        let commands = self.commands.iter().map(|(name, count)| (format!("command.{name}"), count));
        let used = commands.map(|(name, count)| (name, count.load(Ordering::Relaxed))).filter(|(_, count)| *count > 0);
        rows.extend(closed.chain(used).map(|(name, count)| vec![Cell::Text(name), Cell::Number(count)]));
        Table { of: "stats", columns: &["name", "value"], rows }
    }

    /// The numbers that change from second to second.
    pub(super) fn vitals(&self) -> Table {
        Table { of: "stats", columns: &["name", "value"], rows: self.numbers(&self.hub.stats()) }
    }

    fn numbers(&self, stats: &Stats) -> Vec<Vec<Cell>> {
        let [messages_rate, deliveries_rate] = self.rates.lock().per_second;
        let nanos = |time: Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        let logging_in = self.control.get().map_or(0, |control| control.logging_in());
        let numbers = [
            ("uptime_s", self.uptime().as_secs()),
            ("sessions", stats.sessions as u64),
            ("users", stats.users as u64),
            ("logging_in", logging_in as u64),
            ("groups", stats.groups as u64),
            ("messages", stats.messages),
            ("messages_per_s", messages_rate),
            ("deliveries", stats.deliveries),
            ("deliveries_per_s", deliveries_rate),
            ("queued_items", stats.queued.0 as u64),
            ("queued_bytes", stats.queued.1 as u64),
            ("lock_taken", stats.sections),
            ("lock_held_mean_ns", nanos(stats.hold.mean())),
            ("lock_held_max_ns", nanos(stats.hold.longest())),
        ];
        let mut rows: Vec<_> =
            numbers.into_iter().map(|(name, value)| vec![Cell::text(name), Cell::Number(value)]).collect();
        rows.push(vec![Cell::text("store"), Cell::text(if stats.store_works { "works" } else { "failing" })]);
        rows
    }
}

/// The names of a group's settings that are on, separated by commas.
fn flags(settings: &GroupSettings) -> String {
    let all = [
        ("private", settings.private),
        ("password", settings.password.is_some()),
        ("announce", settings.announce),
        ("keep", settings.keep),
        ("ephemeral", settings.ephemeral),
    ];
    let set: Vec<&str> = all.into_iter().filter(|(_, on)| *on).map(|(word, _)| word).collect();
    set.join(",")
}

/// The shortest span over which a rate is computed; a little less than the second between two ticks.
const RATE_SPAN: Duration = Duration::from_millis(900);

/// Rates per second of the messages and deliveries, which only increase.
#[derive(Default)]
pub(super) struct Rates {
    last: Option<(Instant, [u64; 2])>,
    /// Per second, over the last span.
    pub(super) per_second: [u64; 2],
}

impl Rates {
    /// Records the counts at `now`.
    pub(super) fn note(&mut self, now: Instant, counts: [u64; 2]) {
        let Some((then, before)) = self.last else {
            self.last = Some((now, counts));
            return;
        };
        let millis = now.saturating_duration_since(then).as_millis();
        if millis < RATE_SPAN.as_millis() {
            return;
        }
        let millis = u64::try_from(millis).unwrap_or(u64::MAX);
        for (rate, (now, then)) in self.per_second.iter_mut().zip(counts.into_iter().zip(before)) {
            *rate = now.saturating_sub(then).saturating_mul(1_000) / millis;
        }
        self.last = Some((now, counts));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_covers_the_last_span_that_was_long_enough() {
        let (mut rates, start) = (Rates::default(), Instant::now());
        let at = |millis| start + Duration::from_millis(millis);
        rates.note(at(0), [100, 0]);
        rates.note(at(500), [200, 0]);
        assert_eq!(rates.per_second, [0, 0]);
        rates.note(at(2_000), [300, 10]);
        assert_eq!(rates.per_second, [100, 5]);
        rates.note(at(3_000), [300, 10]);
        assert_eq!(rates.per_second, [0, 0]);
    }
}
