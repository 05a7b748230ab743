//! The scenarios: the subcommands of the load tester. Each prepares the server, runs its load, and reports.

mod churn;
mod idle;
mod mixed;
mod slow;
mod workloads;

use std::time::Duration;

use crate::cli::{Common, ProtocolKind, Scenario};
use crate::connections::{Connections, Request};
use crate::error::BenchError;
use crate::payload::{MIN_SIZE, Payload};
use crate::process::{Process, Usage};
use crate::progress::Progress;
use crate::protocol::Protocol;
use crate::report::{Figure, Report, RunReport, Unit};
use crate::users::{self, User};
use crate::workload::{self, Group, NoObserver, Observer, RunOptions, RunOutcome, Workload};

/// The largest text, in bytes; the server's own limit may be lower.
const MAX_SIZE: usize = 60_000;

/// How many runs of one process get different numbers; the rest of the number comes from its PID.
const RUNS: u32 = 100;

impl Scenario {
    /// The name used on the command line.
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
    /// Its options contradict each other.
    pub(crate) fn users(&self) -> Result<usize, BenchError> {
        match self {
            Scenario::Fanout(options) => workloads::fanout_users(options),
            Scenario::Pairs(options) => workloads::pairs_users(options),
            Scenario::Rate(options) => workloads::rate_users(options),
            Scenario::Idle(options) => at_least_one(options.clients),
            Scenario::Churn(options) => at_least_one(options.clients),
            Scenario::Slow(options) => slow::users(options),
            Scenario::Mixed(options) => mixed::users(options),
        }
    }

    fn run(&self, harness: &mut Harness<'_>) -> Result<Vec<RunReport>, BenchError> {
        match self {
            Scenario::Fanout(options) => workloads::fanout(options, harness),
            Scenario::Pairs(options) => workloads::pairs(options, harness),
            Scenario::Rate(options) => workloads::rate(options, harness),
            Scenario::Idle(options) => idle::run(options, harness),
            Scenario::Churn(options) => churn::run(options, harness),
            Scenario::Slow(options) => slow::run(options, harness),
            Scenario::Mixed(options) => mixed::run(options, harness),
        }
    }
}

fn at_least_one(clients: usize) -> Result<usize, BenchError> {
    if clients == 0 { Err(BenchError::Usage("--clients must be at least 1".to_owned())) } else { Ok(clients) }
}

/// Runs a scenario.
///
/// # Errors
/// The runs could not be made. Faults of the server are in the report instead.
pub(crate) fn run(scenario: &Scenario, common: &Common, protocol: &dyn Protocol) -> Result<Report, BenchError> {
    if common.size > MAX_SIZE || common.size < MIN_SIZE {
        return Err(BenchError::Usage(format!("--size must be from {MIN_SIZE} to {MAX_SIZE}, not {}", common.size)));
    }
    if matches!(scenario, Scenario::Mixed(_)) && common.protocol != ProtocolKind::Parlor {
        return Err(BenchError::Usage("mixed uses Parlor's commands, so it needs --protocol parlor".to_owned()));
    }
    let needed = scenario.users()?;
    let users: Vec<User> = match &common.users {
        Some(path) => users::read(path, needed)?,
        None => users::generate(needed),
    };
    let options = common.connect_options();
    let server = common.server_pid.map(|pid| Process { pid });
    let mut harness = Harness {
        connections: Connections::new(protocol, &users, &options)?,
        time: common.time,
        payload: Payload::new(common.size),
        baseline: server.map(Process::usage).transpose()?,
        server,
        progress: Progress::new(),
        runs: 0,
    };
    let runs = scenario.run(&mut harness);
    harness.progress.clear();
    let server = format!("{} ({})", common.server, common.protocol.name());
    Ok(Report { scenario: scenario.name(), server, runs: runs? })
}

/// What every scenario works with.
struct Harness<'a> {
    connections: Connections<'a>,
    /// How long each run takes.
    time: Duration,
    payload: Payload,
    /// The server's process, if it is known.
    server: Option<Process>,
    /// The server's resource usage before the first client connects.
    baseline: Option<Usage>,
    progress: Progress,
    /// How many runs were made.
    runs: u32,
}

impl Harness<'_> {
    /// Logs in the first `count` clients.
    fn log_in(&mut self, count: usize) -> Result<(), BenchError> {
        self.progress.show(|| format!("logging in {count} clients"));
        self.connections.request_all(0..count, Request::LogIn)?;
        self.connections.ping_all(0..count)
    }

    /// Creates `count` groups of `size` members: the first clients are in the first group, and so on.
    fn create_groups(&mut self, count: usize, size: usize) -> Result<Vec<Group>, BenchError> {
        let process = std::process::id();
        let group = |n| Group { name: format!("b{process}-{size}-{n}"), members: n * size..(n + 1) * size };
        let groups: Vec<Group> = (0..count).map(group).collect();
        for Group { name, members } in &groups {
            self.progress.show(|| format!("creating a group of {size}"));
            self.connections.request_all(members.start..members.start + 1, Request::CreateGroup(name))?;
            self.connections.request_all(members.start + 1..members.end, Request::JoinGroup(name))?;
        }
        Ok(groups)
    }

    /// Runs a workload among the first `count` clients.
    fn run_workload(
        &mut self,
        workload: &Workload,
        count: usize,
        observer: &mut dyn Observer,
    ) -> Result<RunOutcome, BenchError> {
        self.connections.ping_all(0..count)?;
        let run = self.next_run();
        let options = RunOptions { time: self.time, payload: &self.payload, server: self.server, run };
        workload::run(&mut self.connections, workload, &options, &mut self.progress, observer)
    }

    /// Runs a workload among all clients, and reports it.
    fn measure(&mut self, workload: &Workload) -> Result<RunReport, BenchError> {
        let outcome = self.run_workload(workload, self.connections.users.len(), &mut NoObserver)?;
        let mut figures = outcome.figures();
        figures.extend(self.footprint()?);
        let RunOutcome { latencies, timeline, faults, .. } = outcome;
        let (latencies, timeline) = (Some(latencies), Some(timeline));
        Ok(RunReport { name: workload.name.clone(), figures, latencies, timeline, faults })
    }

    /// The number of the next run, most likely different from those of other processes.
    fn next_run(&mut self) -> u32 {
        self.runs += 1;
        std::process::id() % 1000 * RUNS + self.runs % RUNS
    }

    /// What each connected client costs the server, if its process is known.
    fn footprint(&self) -> Result<Vec<Figure>, BenchError> {
        let clients = (0..self.connections.users.len()).filter(|n| self.connections.is_connected(*n)).count();
        let (Some(before), Some(server), true) = (self.baseline, self.server, clients > 0) else {
            return Ok(Vec::new());
        };
        let now = server.usage()?;
        let per_client = |now: u64, before: u64| now.saturating_sub(before) as f64 / clients as f64;
        Ok(vec![
            Figure::new("rss_kib", now.rss_kib as f64, Unit::Kibibytes),
            Figure::new("rss_per_client_kib", per_client(now.rss_kib, before.rss_kib), Unit::Kibibytes),
            Figure::new("threads_per_client", per_client(now.threads, before.threads), Unit::Count),
        ])
    }
}
