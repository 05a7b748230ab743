//! The targets of Parlor compared with the others, and whether they are met: mostly ratios of medians.

use crate::contender::Contender::{self, BareLoop, Browser, Netcat, Parlord, Redis, Stored};
use crate::measurement::Kind;
use crate::results::{Measured, Results};

/// A target compared with the results.
pub(crate) struct Target {
    /// The target in words.
    pub(crate) wanted: String,
    /// The result in words.
    pub(crate) is: String,
    /// Whether the target is met.
    pub(crate) met: bool,
}

/// The figure of the server's CPU time per delivery.
pub(crate) const COST: &str = "cpu_per_delivery_us";

/// All targets whose measurements were made.
pub(crate) fn all(results: &Results) -> Vec<Target> {
    let mut all = Vec::new();
    for measured in &results.measured {
        let of = Of { results, measured };
        match measured.measurement.kind {
            Kind::Group { senders: 1, window: 16, .. } => {
                all.push(of.ratio(COST, Parlord, BareLoop, 1.3));
                all.push(of.below_every_peer());
            }
            Kind::Group { members: 10, senders: 10, window: 16 } => all.push(of.ratio(COST, Parlord, Redis, 1.2)),
            Kind::Group { senders: 10, window: 16, .. } => all.push(of.below_every_peer()),
            Kind::Group { window: 1, .. } => all.push(of.best_peer(COST, 1.05)),
            Kind::Pairs { .. } => all.push(of.ratio(COST, Parlord, BareLoop, 1.1)),
            Kind::BesideIdle { .. } => all.push(of.ratio(COST, Browser, Netcat, 1.3)),
            Kind::Rate { .. } => all.push(of.best_peer("p99_ms", 1.1)),
            Kind::Slow => all.extend(of.slow()),
            Kind::Idle { clients: 10_000 } => all.extend(of.idle()),
            Kind::Mixed => {
                // What comparable servers are reported to do: 1,000 operations per minute, 99 % of them successfully.
                all.push(of.at_least("operations_per_s", 1000.0 / 60.0, "per second"));
                all.push(of.at_least("success_percent", 99.0, "% succeed"));
            }
            Kind::Churn => all.push(of.at_least("logins_per_s", 10_000.0, "logins per second")),
            Kind::Group { .. } | Kind::Idle { .. } => {}
        }
        if matches!(measured.measurement.kind, Kind::Group { members: 100.., .. }) {
            all.push(of.ratio(COST, Stored, Parlord, 1.3));
        }
    }
    all.into_iter().flatten().collect()
}

/// The results of one measurement, beside those of all.
struct Of<'a> {
    results: &'a Results,
    measured: &'a Measured,
}

impl Of<'_> {
    fn target(&self, wanted: &str, is: String, met: bool) -> Option<Target> {
        Some(Target { wanted: format!("{}: {wanted}", self.measured.measurement.name), is, met })
    }

    fn ratio(&self, key: &str, of: Contender, to: Contender, most: f64) -> Option<Target> {
        let ratio = self.measured.median(of, key)? / self.measured.median(to, key)?;
        let whose = if of == Parlord { String::new() } else { format!("{}, ", of.name()) };
        self.target(&format!("{whose}at most {most} x {}", to.name()), format!("{ratio:.2}"), ratio <= most)
    }

    fn peers(&self, key: &str) -> impl Iterator<Item = (Contender, f64)> {
        self.results.peers().filter_map(move |peer| Some((peer, self.measured.median(peer, key)?)))
    }

    fn below_every_peer(&self) -> Option<Target> {
        let (best, least) = self.peers(COST).min_by(|a, b| a.1.total_cmp(&b.1))?;
        let ratio = self.measured.median(Parlord, COST)? / least;
        self.target("below every peer", format!("{ratio:.2} x {}", best.name()), ratio < 1.0)
    }

    fn best_peer(&self, key: &str, most: f64) -> Option<Target> {
        let (best, least) = self.peers(key).min_by(|a, b| a.1.total_cmp(&b.1))?;
        let ratio = self.measured.median(Parlord, key)? / least;
        let what = if key == COST { "" } else { "p99 " };
        let wanted = format!("{what}at most {most} x the best peer");
        self.target(&wanted, format!("{ratio:.2} x {}", best.name()), ratio <= most)
    }

    fn at_most(&self, key: &str, most: f64, what: &str) -> Option<Target> {
        let is = self.measured.median(Parlord, key)?;
        self.target(&format!("at most {most} {what}"), format!("{is:.2}"), is <= most)
    }

    fn at_least(&self, key: &str, least: f64, what: &str) -> Option<Target> {
        let is = self.measured.median(Parlord, key)?;
        self.target(&format!("at least {least:.0} {what}"), format!("{is:.0}"), is >= least)
    }

    fn slow(&self) -> Vec<Option<Target>> {
        let disconnected = || {
            let stuck = self.measured.median(Parlord, "stuck")?;
            self.at_least("cut", stuck, "stuck members disconnected")
        };
        vec![
            self.at_least("kept_percent", 95.0, "% of the rate kept by the others"),
            disconnected(),
            self.at_most("last_cut_s", 10.0, "s until the last is disconnected"),
            self.at_most("rss_per_stuck_kib", 320.0, "KiB each"),
        ]
    }

    fn idle(&self) -> Vec<Option<Target>> {
        vec![
            self.at_most("threads_per_client", 1.001, "threads each"),
            self.at_most("rss_per_client_kib", 12.0, "KiB each"),
            self.at_most("idle_cpu_percent", 0.5, "% of a processor"),
        ]
    }
}
