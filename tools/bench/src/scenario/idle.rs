//! `idle`: clients who are logged in and say nothing: what each of them holds, and that all can still be reached.

use std::time::Instant;

use crate::cli::Idle;
use crate::error::BenchError;
use crate::fleet::News;
use crate::process::Process;
use crate::report::{Figure, Run, Unit};
use crate::scenario::Stage;
use crate::verify::{Fault, Faults};

/// Logs all in, waits, and asks each of them for a sign of life.
pub(super) fn run(options: &Idle, stage: &mut Stage<'_>) -> Result<Vec<Run>, BenchError> {
    let start = Instant::now();
    stage.gather(options.clients)?;
    let took = start.elapsed().as_secs_f64();
    let mut figures = vec![
        Figure::count("clients", options.clients as u64),
        Figure::new("login_s", took, Unit::Seconds),
        Figure::new("logins_per_s", options.clients as f64 / took, Unit::PerSecond),
    ];
    let usage = |stage: &Stage<'_>| stage.server.map(Process::usage).transpose();
    let (before, start, mut faults) = (usage(stage)?, Instant::now(), Faults::default());
    while start.elapsed() < stage.time {
        stage
            .progress
            .show(|| format!("{} clients say nothing for {:.1} s", options.clients, start.elapsed().as_secs_f64()));
        let wait = stage.time.saturating_sub(start.elapsed());
        stage.fleet.turn(wait, &mut |client, news| match news {
            News::Ended(why) => faults.note(Fault::Closed, format_args!("client {client}: {why}")),
            News::Said(_) => {}
        })?;
    }
    if let Some((before, after)) = before.zip(usage(stage)?) {
        let share = (after.cpu.saturating_sub(before.cpu)).as_secs_f64() / start.elapsed().as_secs_f64();
        figures.push(Figure::new("idle_cpu_percent", 100.0 * share, Unit::Percent));
    }
    figures.extend(stage.held()?);
    if faults.none() {
        stage.fleet.catch_up(0..options.clients)?;
    }
    let name = format!("{} idle clients", options.clients);
    Ok(vec![Run { name, figures, latencies: None, timeline: None, faults }])
}
