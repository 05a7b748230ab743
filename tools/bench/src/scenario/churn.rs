//! `churn`: clients that log in and leave at once.

use std::time::{Duration, Instant};

use crate::cli::Churn;
use crate::connections::{Event, Request};
use crate::error::BenchError;
use crate::process::Process;
use crate::protocol::Frame;
use crate::report::{Figure, Latencies, RunReport, Timeline, Unit};
use crate::scenario::Harness;
use crate::verify::{Fault, Faults};

/// The longest wait of one poll.
const POLL: Duration = Duration::from_millis(50);

/// The logins so far.
struct Tally {
    /// By client: when its current login began, if there is one.
    begun: Vec<Option<Instant>>,
    /// How many logins are in progress.
    open: usize,
    start: Instant,
    logins: u64,
    latencies: Latencies,
    timeline: Timeline,
    faults: Faults,
    /// Clients to disconnect.
    finished: Vec<usize>,
}

impl Tally {
    fn on_event(&mut self, client: usize, event: &Event<'_>) {
        let Some(begun) = self.begun[client] else { return };
        match event {
            Event::Frame(Frame::Done) => {
                self.logins += 1;
                self.latencies.record(begun.elapsed());
                self.timeline.record(self.start.elapsed());
            }
            Event::Frame(Frame::Refused(why)) => {
                let why = String::from_utf8_lossy(why);
                self.faults.record(Fault::WrongAnswer, format_args!("the login of client {client}: {why:?}"));
            }
            Event::Closed(why) => {
                self.faults.record(Fault::Closed, format_args!("client {client} during its login: {why}"));
            }
            Event::Frame(_) => return,
        }
        self.begun[client] = None;
        self.open -= 1;
        self.finished.push(client);
    }

    fn report(self, took: Duration, cpu: Option<Duration>, at_once: usize) -> RunReport {
        let mut figures = vec![
            Figure::count("logins", self.logins),
            Figure::new("logins_per_s", self.logins as f64 / took.as_secs_f64(), Unit::PerSecond),
        ];
        let per_login = cpu.map(|cpu| cpu.as_secs_f64() * 1e6 / self.logins.max(1) as f64);
        figures.extend(per_login.map(|us| Figure::new("cpu_per_login_us", us, Unit::Microseconds)));
        RunReport {
            name: format!("logins, {at_once} at a time"),
            figures,
            latencies: Some(self.latencies),
            timeline: Some(self.timeline),
            faults: self.faults,
        }
    }
}

/// Lets the clients take turns logging in, `--at-once` of them at a time, until the time is over.
pub(super) fn run(options: &Churn, harness: &mut Harness<'_>) -> Result<Vec<RunReport>, BenchError> {
    let usage = |harness: &Harness<'_>| harness.server.map(Process::usage).transpose();
    let (before, start) = (usage(harness)?, Instant::now());
    let mut tally = Tally {
        begun: vec![None; options.clients],
        open: 0,
        start,
        logins: 0,
        latencies: Latencies::new()?,
        timeline: Timeline::default(),
        faults: Faults::default(),
        finished: Vec::new(),
    };
    let mut turns = (0..options.clients).cycle();
    let at_once = harness.connections.options.at_once.min(options.clients);
    while start.elapsed() < harness.time || tally.open > 0 {
        while tally.open < at_once && start.elapsed() < harness.time {
            let Some(next) = turns.by_ref().take(options.clients).find(|n| tally.begun[*n].is_none()) else { break };
            harness.connections.request(next, Request::LogIn)?;
            tally.begun[next] = Some(Instant::now());
            tally.open += 1;
        }
        harness.connections.poll(POLL, &mut |client, event| tally.on_event(client, &event))?;
        tally.finished.drain(..).for_each(|client| harness.connections.disconnect(client));
        harness.progress.show(|| format!("{} logins after {:.1} s", tally.logins, start.elapsed().as_secs_f64()));
        if start.elapsed() > harness.time + harness.connections.options.patience {
            let what = format_args!("{} logins were not answered", tally.open);
            tally.faults.record_many(Fault::Lost, tally.open as u64, what);
            break;
        }
    }
    let cpu = before.zip(usage(harness)?).map(|(before, after)| after.cpu.saturating_sub(before.cpu));
    Ok(vec![tally.report(start.elapsed(), cpu, at_once)])
}
