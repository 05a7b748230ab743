//! `slow`: some members of a group never read. How fast are the others with and without them, when are they cut, and what
//! do they cost the server until then?

use std::collections::HashMap;
use std::time::Duration;

use crate::cli::Slow;
use crate::error::BenchError;
use crate::fleet::{News, Request};
use crate::process::Process;
use crate::protocol::Said;
use crate::report::{Figure, Run, Unit};
use crate::scenario::Stage;
use crate::talk::{Group, Nobody, Pace, Shape, Talked, Watcher};

/// How often the server's memory is looked at.
const PACE: Duration = Duration::from_millis(20);

/// How many users it needs.
pub(super) fn users(options: &Slow) -> Result<usize, BenchError> {
    let others = options.members.saturating_sub(options.stuck);
    if options.stuck == 0 || others == 0 || options.senders == 0 || options.senders > others || options.window == 0 {
        let what = "--stuck, --senders and --window are at least 1, and --members leaves enough who read and talk";
        return Err(BenchError::Usage(what.to_owned()));
    }
    Ok(options.members)
}

/// The others talk in a group of their own, then in one with those who are stuck.
pub(super) fn run(options: &Slow, stage: &mut Stage<'_>) -> Result<Vec<Run>, BenchError> {
    let members = users(options)?;
    let others = members - options.stuck;
    stage.gather(members)?;
    let promises = stage.fleet.protocol.promises();
    let shape = |group: &Group, name: &str| {
        // Only those who read are held to what was sent.
        let heard = [Group { members: 0..others, ..group.clone() }];
        let shape = Shape::groups(&heard, options.senders, Pace::Window(options.window), promises);
        Shape { name: name.to_owned(), ..shape }
    };
    let alone = stage.make_groups(1, others)?;
    let without = stage.talk(&shape(&alone[0], "without the stuck"), members, &mut Nobody)?;
    let together = stage.make_groups(1, members)?;
    stage.fleet.catch_up(0..members)?;
    for stuck in others..members {
        stage.fleet.stop_reading(stuck)?;
    }
    let name = format!("{} of {members} members stuck", options.stuck);
    let mut eye = Eye::new(stage, others);
    let with = stage.talk(&shape(&together[0], &name), others, &mut eye)?;
    // The stuck are cut or not by now; who reads is still there.
    stage.fleet.each_asks(0..others, Request::Ping)?;
    Ok(vec![report(name, without, with, &eye, options.stuck)])
}

fn report(name: String, without: Talked, mut with: Talked, eye: &Eye<'_>, stuck: usize) -> Run {
    let last = eye.cut.values().max().copied().unwrap_or_default();
    let mut figures = vec![
        Figure::new("without_messages_per_s", without.rate(), Unit::PerSecond),
        Figure::new("with_messages_per_s", with.rate(), Unit::PerSecond),
        Figure::new("kept_percent", 100.0 * with.rate() / without.rate(), Unit::Percent),
        Figure::new("without_p99_ms", without.latencies.quantile_ms(0.99), Unit::Milliseconds),
        Figure::count("stuck", stuck as u64),
        Figure::count("cut", eye.cut.len() as u64),
        Figure::new("last_cut_s", last.as_secs_f64(), Unit::Seconds),
    ];
    figures.extend(with.cpu_us().map(|us| Figure::new("cpu_per_delivery_us", us, Unit::Microseconds)));
    if eye.server.is_some() {
        let each = eye.peak_kib.saturating_sub(eye.before_kib) as f64 / stuck as f64;
        figures.push(Figure::new("rss_per_stuck_kib", each, Unit::Kibibytes));
    }
    with.faults.count += without.faults.count;
    with.faults.first.extend(without.faults.first);
    Run { name, figures, latencies: Some(with.latencies), timeline: Some(with.timeline), faults: with.faults }
}

/// Sees when the stuck are cut, and how much memory the server uses meanwhile.
struct Eye<'a> {
    /// The stuck, by name.
    stuck: HashMap<&'a [u8], usize>,
    /// When each was cut, by number.
    cut: HashMap<usize, Duration>,
    first: usize,
    server: Option<Process>,
    before_kib: u64,
    peak_kib: u64,
    looked: Duration,
}

impl<'a> Eye<'a> {
    fn new(stage: &Stage<'a>, first: usize) -> Eye<'a> {
        let numbered = stage.fleet.users.iter().enumerate().skip(first);
        let before_kib = stage.server.and_then(|server| server.usage().ok()).map_or(0, |usage| usage.rss_kib);
        Eye {
            stuck: numbered.map(|(n, user)| (user.name.as_bytes(), n)).collect(),
            cut: HashMap::new(),
            first,
            server: stage.server,
            before_kib,
            peak_kib: before_kib,
            looked: Duration::ZERO,
        }
    }
}

impl Watcher for Eye<'_> {
    fn news(&mut self, client: usize, news: &News<'_>, at: Duration) -> bool {
        match news {
            // Who is stuck may not see his own end, but the others are told of it.
            News::Said(Said::Left(name)) => {
                if let Some(n) = self.stuck.get(name) {
                    self.cut.entry(*n).or_insert(at);
                }
                true
            }
            News::Ended(_) if client >= self.first => {
                self.cut.entry(client).or_insert(at);
                true
            }
            _ => client >= self.first,
        }
    }

    fn tick(&mut self, at: Duration) {
        if at.saturating_sub(self.looked) < PACE {
            return;
        }
        self.looked = at;
        // That the process is gone shows in its connections.
        let now = self.server.and_then(|server| server.usage().ok()).map_or(0, |usage| usage.rss_kib);
        self.peak_kib = self.peak_kib.max(now);
    }
}
