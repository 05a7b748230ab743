//! `slow`: some members of a group stop reading. How fast are the others with and without them, when does the server
//! disconnect them, and what do they cost it until then?

use std::collections::HashMap;
use std::time::Duration;

use crate::cli::Slow;
use crate::connections::Event;
use crate::error::BenchError;
use crate::process::Process;
use crate::protocol::Frame;
use crate::report::{Figure, RunReport, Unit};
use crate::scenario::Harness;
use crate::workload::{Group, NoObserver, Observer, Pace, RunOutcome, Workload};

/// How often the server's memory is sampled.
const SAMPLE: Duration = Duration::from_millis(20);

/// How many users it needs.
pub(super) fn users(options: &Slow) -> Result<usize, BenchError> {
    let others = options.members.saturating_sub(options.stuck);
    if options.stuck == 0 || others == 0 || options.senders == 0 || options.senders > others || options.window == 0 {
        let what = "--stuck, --senders and --window must be at least 1, and --members more than --stuck and --senders";
        return Err(BenchError::Usage(what.to_owned()));
    }
    Ok(options.members)
}

/// Lets the reading members send in a group of their own, then in one with the stuck members.
pub(super) fn run(options: &Slow, harness: &mut Harness<'_>) -> Result<Vec<RunReport>, BenchError> {
    let members = users(options)?;
    let others = members - options.stuck;
    harness.log_in(members)?;
    let guarantees = harness.connections.protocol.guarantees();
    let workload = |group: &Group, name: &str| {
        // Deliveries to stuck members are not verified.
        let verified = [Group { members: 0..others, ..group.clone() }];
        let workload = Workload::groups(&verified, options.senders, Pace::Window(options.window), guarantees);
        Workload { name: name.to_owned(), ..workload }
    };
    let alone = harness.create_groups(1, others)?;
    let without = harness.run_workload(&workload(&alone[0], "without stuck members"), members, &mut NoObserver)?;
    let together = harness.create_groups(1, members)?;
    harness.connections.ping_all(0..members)?;
    for stuck in others..members {
        harness.connections.stop_reading(stuck)?;
    }
    let name = format!("{} of {members} members stuck", options.stuck);
    let mut observer = StuckObserver::new(harness, others);
    let with = harness.run_workload(&workload(&together[0], &name), others, &mut observer)?;
    // The reading members have to be connected still.
    harness.connections.ping_all(0..others)?;
    Ok(vec![report(name, without, with, &observer, options.stuck)])
}

fn report(
    name: String,
    without: RunOutcome,
    mut with: RunOutcome,
    observer: &StuckObserver<'_>,
    stuck: usize,
) -> RunReport {
    let last = observer.cut.values().max().copied().unwrap_or_default();
    let mut figures = vec![
        Figure::new("without_messages_per_s", without.rate(), Unit::PerSecond),
        Figure::new("with_messages_per_s", with.rate(), Unit::PerSecond),
        Figure::new("kept_percent", 100.0 * with.rate() / without.rate(), Unit::Percent),
        Figure::new("without_p99_ms", without.latencies.quantile_ms(0.99), Unit::Milliseconds),
        Figure::count("stuck", stuck as u64),
        Figure::count("cut", observer.cut.len() as u64),
        Figure::new("last_cut_s", last.as_secs_f64(), Unit::Seconds),
    ];
    figures.extend(with.cpu_us().map(|us| Figure::new("cpu_per_delivery_us", us, Unit::Microseconds)));
    if observer.server.is_some() {
        let each = observer.peak_kib.saturating_sub(observer.before_kib) as f64 / stuck as f64;
        figures.push(Figure::new("rss_per_stuck_kib", each, Unit::Kibibytes));
    }
    with.faults.count += without.faults.count;
    with.faults.first.extend(without.faults.first);
    RunReport { name, figures, latencies: Some(with.latencies), timeline: Some(with.timeline), faults: with.faults }
}

/// Observes when stuck clients are disconnected, and how much memory the server uses meanwhile.
struct StuckObserver<'a> {
    /// The stuck clients, by user name.
    stuck: HashMap<&'a [u8], usize>,
    /// When each was disconnected, by client.
    cut: HashMap<usize, Duration>,
    /// The first stuck client; all after it are stuck too.
    first: usize,
    server: Option<Process>,
    before_kib: u64,
    peak_kib: u64,
    sampled: Duration,
}

impl<'a> StuckObserver<'a> {
    fn new(harness: &Harness<'a>, first: usize) -> StuckObserver<'a> {
        let numbered = harness.connections.users.iter().enumerate().skip(first);
        let before_kib = harness.server.and_then(|server| server.usage().ok()).map_or(0, |usage| usage.rss_kib);
        StuckObserver {
            stuck: numbered.map(|(client, user)| (user.name.as_bytes(), client)).collect(),
            cut: HashMap::new(),
            first,
            server: harness.server,
            before_kib,
            peak_kib: before_kib,
            sampled: Duration::ZERO,
        }
    }
}

impl Observer for StuckObserver<'_> {
    fn on_event(&mut self, client: usize, event: &Event<'_>, at: Duration) -> bool {
        match event {
            // A stuck client may not see that its connection was closed, but the others are told that it left.
            Event::Frame(Frame::UserLeft(name)) => {
                if let Some(stuck) = self.stuck.get(name) {
                    self.cut.entry(*stuck).or_insert(at);
                }
                true
            }
            Event::Closed(_) if client >= self.first => {
                self.cut.entry(client).or_insert(at);
                true
            }
            Event::Frame(_) | Event::Closed(_) => client >= self.first,
        }
    }

    fn on_tick(&mut self, at: Duration) {
        if at.saturating_sub(self.sampled) < SAMPLE {
            return;
        }
        self.sampled = at;
        // If the process is gone, its connections tell.
        let now = self.server.and_then(|server| server.usage().ok()).map_or(0, |usage| usage.rss_kib);
        self.peak_kib = self.peak_kib.max(now);
    }
}
