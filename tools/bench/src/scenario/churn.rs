//! `churn`: clients who log in and leave at once, so many of them at a time.

use std::time::{Duration, Instant};

use crate::cli::Churn;
use crate::error::BenchError;
use crate::fleet::{News, Request};
use crate::process::Process;
use crate::protocol::Said;
use crate::report::{Figure, Latencies, Run, Timeline, Unit};
use crate::scenario::Stage;
use crate::verify::{Fault, Faults};

/// How long a turn waits at the most.
const TURN: Duration = Duration::from_millis(50);

/// What has happened so far.
struct Tally {
    /// When the login of each client began, if it goes on.
    begun: Vec<Option<Instant>>,
    /// How many logins go on.
    open: usize,
    start: Instant,
    logins: u64,
    latencies: Latencies,
    timeline: Timeline,
    faults: Faults,
    /// Who has to hang up.
    finished: Vec<usize>,
}

impl Tally {
    fn hear(&mut self, client: usize, news: &News<'_>) {
        let Some(begun) = self.begun[client] else { return };
        match news {
            News::Said(Said::Done) => {
                self.logins += 1;
                self.latencies.record(begun.elapsed());
                self.timeline.record(self.start.elapsed());
            }
            News::Said(Said::Refused(why)) => {
                let why = String::from_utf8_lossy(why);
                self.faults.note(Fault::WrongAnswer, format_args!("the login of client {client}: {why:?}"));
            }
            News::Ended(why) => self.faults.note(Fault::Closed, format_args!("client {client} at the login: {why}")),
            News::Said(_) => return,
        }
        self.begun[client] = None;
        self.open -= 1;
        self.finished.push(client);
    }
}

/// Logs in one after another, `--at-once` of them at a time, until the time is over.
pub(super) fn run(options: &Churn, stage: &mut Stage<'_>) -> Result<Vec<Run>, BenchError> {
    let usage = |stage: &Stage<'_>| stage.server.map(Process::usage).transpose();
    let (before, start) = (usage(stage)?, Instant::now());
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
    let at_once = stage.fleet.goal.at_once.min(options.clients);
    while start.elapsed() < stage.time || tally.open > 0 {
        while tally.open < at_once && start.elapsed() < stage.time {
            let Some(next) = turns.by_ref().take(options.clients).find(|n| tally.begun[*n].is_none()) else { break };
            stage.fleet.ask(next, Request::LogIn)?;
            tally.begun[next] = Some(Instant::now());
            tally.open += 1;
        }
        stage.fleet.turn(TURN, &mut |client, news| tally.hear(client, &news))?;
        tally.finished.drain(..).for_each(|client| stage.fleet.hang_up(client));
        stage.progress.show(|| format!("{} logins after {:.1} s", tally.logins, start.elapsed().as_secs_f64()));
        if start.elapsed() > stage.time + stage.fleet.goal.patience {
            tally.faults.note_many(Fault::Lost, tally.open as u64, format_args!("{} logins had no answer", tally.open));
            break;
        }
    }
    let used = before.zip(usage(stage)?).map(|(before, after)| after.cpu.saturating_sub(before.cpu));
    Ok(vec![tally.report(start.elapsed(), used, at_once)])
}

impl Tally {
    fn report(self, took: Duration, used: Option<Duration>, at_once: usize) -> Run {
        let mut figures = vec![
            Figure::count("logins", self.logins),
            Figure::new("logins_per_s", self.logins as f64 / took.as_secs_f64(), Unit::PerSecond),
        ];
        let each = used.map(|used| used.as_secs_f64() * 1e6 / self.logins.max(1) as f64);
        figures.extend(each.map(|us| Figure::new("cpu_per_login_us", us, Unit::Microseconds)));
        Run {
            name: format!("logins, {at_once} at a time"),
            figures,
            latencies: Some(self.latencies),
            timeline: Some(self.timeline),
            faults: self.faults,
        }
    }
}
