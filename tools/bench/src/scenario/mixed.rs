//! `mixed`: everyday stress. Users run random commands, each of which has to be answered correctly and in time, and
//! every private message has to arrive exactly once, also at users who were away when it was sent.

mod private_ledger;
mod scripted_client;
#[cfg(test)]
mod tests;

use std::time::{Duration, Instant};

use crate::cli::Mixed;
use crate::connections::{Connections, Event, Request};
use crate::error::BenchError;
use crate::report::{Figure, Latencies, RunReport, Timeline, Unit};
use crate::scenario::Harness;
use crate::verify::Faults;
use private_ledger::PrivateLedger;
use scripted_client::{Script, ScriptedClient, Step};

/// The longest wait of one poll.
const POLL: Duration = Duration::from_millis(20);

/// How long an answer may take before its command counts as failed.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

/// How many groups exist all the time, because one client that does nothing else is a member of them.
const GROUPS: usize = 5;

/// How many users it needs: the scripted ones, and one that keeps the groups alive.
pub(super) fn users(options: &Mixed) -> Result<usize, BenchError> {
    if options.clients < 2 {
        return Err(BenchError::Usage("--clients must be at least 2: they write to each other".to_owned()));
    }
    Ok(options.clients + 1)
}

/// Runs the scenario.
pub(super) fn run(options: &Mixed, harness: &mut Harness<'_>) -> Result<Vec<RunReport>, BenchError> {
    let count = users(options)?;
    harness.log_in(count)?;
    let keeper = count - 1;
    let process = std::process::id();
    let groups: Vec<String> = (0..GROUPS).map(|n| format!("m{process}-{n}")).collect();
    for group in &groups {
        harness.connections.request_all(keeper..count, Request::CreateGroup(group))?;
    }
    let names: Vec<String> = harness.connections.users.iter().map(|user| user.name.clone()).collect();
    let script = Script { names: &names[..keeper], groups: &groups, seed: options.seed };
    let mut scenario = MixedScenario::new(&script, Duration::from_millis(options.pause), harness)?;
    scenario.run(harness)?;
    Ok(vec![scenario.report()])
}

/// The state of a run.
struct MixedScenario<'s> {
    clients: Vec<ScriptedClient<'s>>,
    /// By client: when it sent its command, or when that was answered.
    since: Vec<Instant>,
    pause: Duration,
    private: PrivateLedger,
    start: Instant,
    took: Duration,
    succeeded: u64,
    failed: u64,
    latencies: Latencies,
    timeline: Timeline,
    faults: Faults,
}

impl<'s> MixedScenario<'s> {
    fn new(
        script: &'s Script<'s>,
        pause: Duration,
        harness: &mut Harness<'_>,
    ) -> Result<MixedScenario<'s>, BenchError> {
        let clients = script.names.len();
        let start = Instant::now();
        Ok(MixedScenario {
            clients: (0..clients).map(|client| ScriptedClient::new(client, script)).collect(),
            since: vec![start; clients],
            pause,
            private: PrivateLedger::new(harness.payload.clone(), harness.next_run()),
            start,
            took: Duration::ZERO,
            succeeded: 0,
            failed: 0,
            latencies: Latencies::new()?,
            timeline: Timeline::default(),
            faults: Faults::default(),
        })
    }

    fn run(&mut self, harness: &mut Harness<'_>) -> Result<(), BenchError> {
        let wait = POLL.min(self.pause.max(Duration::from_millis(1)));
        loop {
            let over = self.start.elapsed() >= harness.time;
            self.send_next(&mut harness.connections, over)?;
            if over && self.clients.iter().all(ScriptedClient::is_ready) {
                break;
            }
            harness.connections.poll(wait, &mut |client, event| self.on_event(client, &event))?;
            self.time_out(&mut harness.connections);
            let seconds = self.start.elapsed().as_secs_f64();
            harness
                .progress
                .show(|| format!("{} commands succeeded, {} failed, {seconds:.1} s", self.succeeded, self.failed));
        }
        self.took = self.start.elapsed();
        self.await_private_messages(harness)
    }

    /// Lets every ready client send its next command, unless the time is over.
    fn send_next(&mut self, connections: &mut Connections<'_>, over: bool) -> Result<(), BenchError> {
        for (n, client) in self.clients.iter_mut().enumerate() {
            if client.is_away() {
                // Coming back belongs to the command that left, so it happens even when the time is over.
                client.log_in();
                connections.request(n, Request::LogIn)?;
            } else if client.is_ready() && !over && self.since[n].elapsed() >= self.pause {
                self.since[n] = Instant::now();
                let line = client.next_command(&mut self.private);
                connections.send(n, |_, out| out.extend_from_slice(&line))?;
            }
        }
        Ok(())
    }

    fn on_event(&mut self, n: usize, event: &Event<'_>) {
        // The client that keeps the groups alive is not scripted.
        let Some(client) = self.clients.get_mut(n) else { return };
        if let Event::Frame(frame) = event {
            self.private.on_frame(n, frame, &mut self.faults);
        }
        match client.on_event(event, &mut self.faults) {
            Step::Pending => {}
            Step::Succeeded => {
                self.succeeded += 1;
                self.latencies.record(self.since[n].elapsed());
                self.timeline.record(self.start.elapsed());
                self.since[n] = Instant::now();
            }
            Step::Failed => {
                self.failed += 1;
                self.since[n] = Instant::now();
            }
        }
    }

    /// Reconnects every client whose answer is overdue.
    fn time_out(&mut self, connections: &mut Connections<'_>) {
        for (n, client) in self.clients.iter_mut().enumerate() {
            if !client.is_ready() && self.since[n].elapsed() > ANSWER_TIMEOUT {
                self.failed += 1;
                self.since[n] = Instant::now();
                client.time_out(&mut self.faults);
                connections.disconnect(n);
            }
        }
    }

    /// Waits until all private messages have arrived, and reports the missing ones.
    fn await_private_messages(&mut self, harness: &mut Harness<'_>) -> Result<(), BenchError> {
        let deadline = Instant::now() + harness.connections.options.patience;
        while self.private.missing() > 0 && Instant::now() < deadline {
            harness.connections.poll(POLL, &mut |client, event| self.on_event(client, &event))?;
        }
        self.private.finish(&mut self.faults);
        Ok(())
    }

    fn report(self) -> RunReport {
        let all = self.succeeded + self.failed;
        let figures = vec![
            Figure::count("operations", all),
            Figure::new("operations_per_s", all as f64 / self.took.as_secs_f64(), Unit::PerSecond),
            Figure::new("success_percent", 100.0 * self.succeeded as f64 / all.max(1) as f64, Unit::Percent),
            Figure::count("private_messages", self.private.sent()),
        ];
        RunReport {
            name: format!("{} users, random commands", self.clients.len()),
            figures,
            latencies: Some(self.latencies),
            timeline: Some(self.timeline),
            faults: self.faults,
        }
    }
}
