//! The scenarios: what each does to the server, and what it reports.

mod churn;
mod fanout;
mod idle;
mod mixed;
mod rate;
mod slow;

use std::time::Duration;

use crate::cli::{Common, Language, Scenario};
use crate::error::BenchError;
use crate::fleet::{Fleet, Request};
use crate::payload::{Payload, SMALLEST};
use crate::process::{Process, Usage};
use crate::progress::Progress;
use crate::protocol::Protocol;
use crate::report::{Figure, Report, Run, Unit};
use crate::talk::{Nobody, Shape, Talked, Terms, Watcher, talk};
use crate::users::{self, User};

/// The largest text that can be asked for, in bytes; the server's own bound may be lower.
const LARGEST: usize = 60_000;

/// How many runs one process numbers differently; the process itself gives the rest of the number.
const RUNS: u32 = 100;

impl Scenario {
    /// Its name on the command line.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Scenario::Fanout(_) => "fanout",
            Scenario::Pairs(_) => "pairs",
            Scenario::Rate(_) => "rate",
            Scenario::Idle(_) => "idle",
            Scenario::Churn(_) => "churn",
            Scenario::Slow(_) => "slow",
            Scenario::Mixed(_) => "mixed",
        }
    }

    /// How many users it needs.
    ///
    /// # Errors
    /// Its options do not go together.
    pub(crate) fn users(&self) -> Result<usize, BenchError> {
        match self {
            Scenario::Fanout(options) => fanout::users(options),
            Scenario::Pairs(options) => fanout::users_of_pairs(options),
            Scenario::Rate(options) => rate::users(options),
            Scenario::Idle(options) => at_least_one(options.clients),
            Scenario::Churn(options) => at_least_one(options.clients),
            Scenario::Slow(options) => slow::users(options),
            Scenario::Mixed(options) => mixed::users(options),
        }
    }

    fn play(&self, stage: &mut Stage<'_>) -> Result<Vec<Run>, BenchError> {
        match self {
            Scenario::Fanout(options) => fanout::groups(options, stage),
            Scenario::Pairs(options) => fanout::pairs(options, stage),
            Scenario::Rate(options) => rate::run(options, stage),
            Scenario::Idle(options) => idle::run(options, stage),
            Scenario::Churn(options) => churn::run(options, stage),
            Scenario::Slow(options) => slow::run(options, stage),
            Scenario::Mixed(options) => mixed::run(options, stage),
        }
    }
}

fn at_least_one(clients: usize) -> Result<usize, BenchError> {
    if clients == 0 { Err(BenchError::Usage("--clients is at least 1".to_owned())) } else { Ok(clients) }
}

/// What every scenario works with.
struct Stage<'a> {
    fleet: Fleet<'a>,
    time: Duration,
    payload: Payload,
    server: Option<Process>,
    /// What the server used before anybody came.
    base: Option<Usage>,
    progress: Progress,
    runs: u32,
}

/// Makes the runs that the command line asks for.
///
/// # Errors
/// A run could not be made; that the server did something wrong is in the report instead.
pub(crate) fn play(scenario: &Scenario, common: &Common, protocol: &dyn Protocol) -> Result<Report, BenchError> {
    if common.size > LARGEST || common.size < SMALLEST {
        return Err(BenchError::Usage(format!("--size must be from {SMALLEST} to {LARGEST}, not {}", common.size)));
    }
    if matches!(scenario, Scenario::Mixed(_)) && common.protocol != Language::Parlor {
        return Err(BenchError::Usage("mixed uses Parlor's commands, so it needs --protocol parlor".to_owned()));
    }
    let needed = scenario.users()?;
    let users: Vec<User> = match &common.users {
        Some(path) => users::read(path, needed)?,
        None => users::made(needed),
    };
    let goal = common.goal();
    let server = common.server_pid.map(|pid| Process { pid });
    let mut stage = Stage {
        fleet: Fleet::new(protocol, &users, &goal)?,
        time: common.time,
        payload: Payload::new(common.size),
        base: server.map(Process::usage).transpose()?,
        server,
        progress: Progress::new(),
        runs: 0,
    };
    let runs = scenario.play(&mut stage);
    stage.progress.clear();
    let server = format!("{} ({})", common.server, common.protocol.name());
    Ok(Report { scenario: scenario.name(), server, runs: runs? })
}

impl Stage<'_> {
    /// Logs in the first `count` clients.
    fn gather(&mut self, count: usize) -> Result<(), BenchError> {
        self.progress.show(|| format!("logging in {count} clients"));
        self.fleet.each_asks(0..count, Request::LogIn)?;
        self.fleet.catch_up(0..count)
    }

    /// One run of a shape among the first `count` clients.
    fn talk(&mut self, shape: &Shape, count: usize, watcher: &mut dyn Watcher) -> Result<Talked, BenchError> {
        self.fleet.catch_up(0..count)?;
        let run = self.next_run();
        let terms = Terms { time: self.time, payload: &self.payload, server: self.server, run };
        talk(&mut self.fleet, shape, &terms, &mut self.progress, watcher)
    }

    /// The number of the next run: different from those of other processes, most of the time.
    fn next_run(&mut self) -> u32 {
        self.runs += 1;
        std::process::id() % 1000 * RUNS + self.runs % RUNS
    }

    /// A run of a shape as it is reported.
    fn reported(&mut self, shape: &Shape) -> Result<Run, BenchError> {
        let talked = self.talk(shape, self.fleet.users.len(), &mut Nobody)?;
        let mut figures = talked.figures();
        figures.extend(self.held()?);
        let Talked { latencies, timeline, faults, .. } = talked;
        Ok(Run { name: shape.name.clone(), figures, latencies: Some(latencies), timeline: Some(timeline), faults })
    }

    /// What the server holds for each client who is here, if its process is known.
    fn held(&self) -> Result<Vec<Figure>, BenchError> {
        let clients = (0..self.fleet.users.len()).filter(|n| self.fleet.is_here(*n)).count();
        let (Some(base), Some(server), true) = (self.base, self.server, clients > 0) else { return Ok(Vec::new()) };
        let now = server.usage()?;
        let each = |now: u64, before: u64| now.saturating_sub(before) as f64 / clients as f64;
        Ok(vec![
            Figure::new("rss_kib", now.rss_kib as f64, Unit::Kibibytes),
            Figure::new("rss_per_client_kib", each(now.rss_kib, base.rss_kib), Unit::Kibibytes),
            Figure::new("threads_per_client", each(now.threads, base.threads), Unit::Count),
        ])
    }
}
