//! `idle`: clients that are logged in and send nothing. What does each one cost, and can all of them still be reached?

use std::time::Instant;

use crate::cli::Idle;
use crate::connections::Event;
use crate::error::BenchError;
use crate::process::Process;
use crate::report::{Figure, RunReport, Unit};
use crate::scenario::Harness;
use crate::verify::{Fault, Faults};

/// Logs in all clients, waits, and pings each of them.
pub(super) fn run(options: &Idle, harness: &mut Harness<'_>) -> Result<Vec<RunReport>, BenchError> {
    let clients = options.clients;
    let start = Instant::now();
    harness.log_in(clients)?;
    let took = start.elapsed().as_secs_f64();
    let mut figures = vec![
        Figure::count("clients", clients as u64),
        Figure::new("login_s", took, Unit::Seconds),
        Figure::new("logins_per_s", clients as f64 / took, Unit::PerSecond),
    ];
    let usage = |harness: &Harness<'_>| harness.server.map(Process::usage).transpose();
    let (before, start, mut faults) = (usage(harness)?, Instant::now(), Faults::default());
    while start.elapsed() < harness.time {
        harness.progress.show(|| format!("{clients} idle clients, {:.1} s", start.elapsed().as_secs_f64()));
        let wait = harness.time.saturating_sub(start.elapsed());
        harness.connections.poll(wait, &mut |client, event| match event {
            Event::Closed(why) => faults.record(Fault::Closed, format_args!("client {client}: {why}")),
            Event::Frame(_) => {}
        })?;
    }
    if let Some((before, after)) = before.zip(usage(harness)?) {
        let share = (after.cpu.saturating_sub(before.cpu)).as_secs_f64() / start.elapsed().as_secs_f64();
        figures.push(Figure::new("idle_cpu_percent", 100.0 * share, Unit::Percent));
    }
    figures.extend(harness.footprint()?);
    if faults.is_empty() {
        harness.connections.ping_all(0..clients)?;
    }
    let name = format!("{clients} idle clients");
    Ok(vec![RunReport { name, figures, latencies: None, timeline: None, faults }])
}
