//! One run of a workload: sends for a while, waits until everything has arrived, and verifies it.

use std::time::{Duration, Instant};

use crate::connections::{Connections, Event};
use crate::error::BenchError;
use crate::payload::Payload;
use crate::process::{Process, Usage};
use crate::progress::Progress;
use crate::protocol::Frame;
use crate::report::{Figure, Latencies, Timeline, Unit};
use crate::verify::Faults;
use crate::workload::ledger::{Ledger, Outgoing};
use crate::workload::{Pace, Target, Workload};

/// The longest wait of one poll.
const POLL: Duration = Duration::from_millis(50);

/// The result of one run.
pub(crate) struct RunOutcome {
    /// Messages sent.
    pub(crate) messages: u64,
    /// Deliveries that arrived.
    pub(crate) deliveries: u64,
    /// From the first message to the arrival of the last.
    pub(crate) took: Duration,
    /// The server's resource usage before and after, if its process is known.
    pub(crate) usage: Option<(Usage, Usage)>,
    /// Latencies of the deliveries, from when their messages were due.
    pub(crate) latencies: Latencies,
    /// When deliveries arrived.
    pub(crate) timeline: Timeline,
    /// What went wrong.
    pub(crate) faults: Faults,
}

/// What a run needs beside its workload.
pub(crate) struct RunOptions<'a> {
    /// How long to send.
    pub(crate) time: Duration,
    /// The texts to send.
    pub(crate) payload: &'a Payload,
    /// The server's process, if it is known.
    pub(crate) server: Option<Process>,
    /// The number of the run.
    pub(crate) run: u32,
}

/// Observes a run from outside its workload.
pub(crate) trait Observer {
    /// An event of a client at this time after the start. Returns whether the run should ignore it.
    fn on_event(&mut self, client: usize, event: &Event<'_>, at: Duration) -> bool;

    /// Called after every poll.
    fn on_tick(&mut self, at: Duration);
}

/// Observes nothing.
pub(crate) struct NoObserver;

impl Observer for NoObserver {
    fn on_event(&mut self, _: usize, _: &Event<'_>, _: Duration) -> bool {
        false
    }

    fn on_tick(&mut self, _: Duration) {}
}

/// Runs a workload until everything it sent has arrived, or nothing arrives any more.
///
/// # Errors
/// A system call fails, or the server's process is gone.
pub(crate) fn run(
    connections: &mut Connections<'_>,
    workload: &Workload,
    options: &RunOptions<'_>,
    progress: &mut Progress,
    observer: &mut dyn Observer,
) -> Result<RunOutcome, BenchError> {
    let mut ledger = Ledger::new(workload, connections.users, options.payload, options.run)?;
    let usage = || options.server.map(Process::usage).transpose();
    let (before, start) = (usage()?, Instant::now());
    let (mut arrived, mut last_arrival) = (0, start);
    let mut outgoing = Vec::new();
    loop {
        let now = start.elapsed();
        let over = now >= options.time;
        // In an open loop, whatever was due in time is sent even if the clock is read too late.
        if !over || matches!(workload.pace, Pace::Rate(_)) {
            ledger.take_due(now.min(options.time), &mut outgoing);
            send(connections, workload, &ledger, &outgoing)?;
        }
        let (deliveries, expected) = ledger.progress();
        if over && (deliveries >= expected || last_arrival.elapsed() > connections.options.patience) {
            break;
        }
        receive(connections, &mut ledger, start, options.time, observer)?;
        observer.on_tick(start.elapsed());
        if ledger.progress().0 > arrived || !over {
            (arrived, last_arrival) = (ledger.progress().0, Instant::now());
        }
        progress.show(|| progress_line(workload, &ledger, start.elapsed()));
    }
    let (took, after) = (start.elapsed(), usage()?);
    let (messages, deliveries) = (ledger.sent(), ledger.progress().0);
    let (latencies, timeline, faults) = ledger.finish();
    Ok(RunOutcome { messages, deliveries, took, usage: before.zip(after), latencies, timeline, faults })
}

/// Polls once, at most until the next message is due, and records what arrives.
fn receive(
    connections: &mut Connections<'_>,
    ledger: &mut Ledger<'_>,
    start: Instant,
    end: Duration,
    observer: &mut dyn Observer,
) -> Result<(), BenchError> {
    let next = ledger.next_due().filter(|next| *next < end);
    let wait = next.map_or(POLL, |next| next.saturating_sub(start.elapsed()).min(POLL));
    connections.poll(wait, &mut |client, event| match event {
        Event::Frame(Frame::Message(message)) => ledger.record_received(client, &message, start.elapsed()),
        event if observer.on_event(client, &event, start.elapsed()) => {}
        Event::Frame(Frame::Refused(why)) => ledger.record_refused(client, why),
        Event::Closed(why) => ledger.record_closed(client, why),
        Event::Frame(Frame::Done | Frame::Ping(_) | Frame::UserLeft(_) | Frame::Other(_)) => {}
    })?;
    Ok(())
}

/// Sends messages; consecutive ones of one producer go out in one write.
fn send(
    connections: &mut Connections<'_>,
    workload: &Workload,
    ledger: &Ledger<'_>,
    outgoing: &[Outgoing],
) -> Result<(), BenchError> {
    let mut text = Vec::new();
    let users = connections.users;
    for messages in outgoing.chunk_by(|a, b| a.producer == b.producer) {
        let Some(producer) = messages.first().and_then(|first| workload.producers.get(first.producer)) else {
            continue;
        };
        connections.send(producer.stream.sender, |protocol, out| {
            for message in messages {
                ledger.write(message, &mut text);
                match &producer.target {
                    Target::Group(group) => protocol.group_message(group, &text, out),
                    Target::Client(to) => protocol.private_message(&users[*to].name, &text, out),
                }
            }
        })?;
    }
    Ok(())
}

fn progress_line(workload: &Workload, ledger: &Ledger<'_>, now: Duration) -> String {
    let ((arrived, expected), seconds) = (ledger.progress(), now.as_secs_f64());
    let rate = arrived as f64 / seconds.max(0.001);
    let p99 = ledger.p99_ms();
    format!("{}: {seconds:.1} s, {arrived} of {expected} deliveries, {rate:.0}/s, p99 {p99:.2} ms", workload.name)
}

impl RunOutcome {
    /// The server's CPU time per delivery, in microseconds.
    pub(crate) fn cpu_us(&self) -> Option<f64> {
        let (before, after) = self.usage?;
        let cpu = after.cpu.saturating_sub(before.cpu);
        (self.deliveries > 0).then(|| cpu.as_secs_f64() * 1e6 / self.deliveries as f64)
    }

    /// Messages per second.
    pub(crate) fn rate(&self) -> f64 {
        self.messages as f64 / self.took.as_secs_f64().max(1e-9)
    }

    /// All figures except the latencies.
    pub(crate) fn figures(&self) -> Vec<Figure> {
        let deliveries = self.deliveries as f64 / self.took.as_secs_f64().max(1e-9);
        let mut figures = vec![
            Figure::count("messages", self.messages),
            Figure::count("deliveries", self.deliveries),
            Figure::new("messages_per_s", self.rate(), Unit::PerSecond),
            Figure::new("deliveries_per_s", deliveries, Unit::PerSecond),
        ];
        figures.extend(self.cpu_us().map(|us| Figure::new("cpu_per_delivery_us", us, Unit::Microseconds)));
        figures
    }
}
