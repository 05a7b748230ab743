//! Makes the measurements, with the servers taking turns, and keeps the results.

use std::process::{Command, Stdio};

use serde_json::Value;

use crate::contender::Contender;
use crate::machine::load_average;
use crate::measurement::{Kind, Measurement};

/// The load tester.
pub(crate) const BENCH: &str = env!("CARGO_BIN_EXE_parlor-bench");

/// The results of all measurements.
pub(crate) struct Results {
    /// The measured servers.
    pub(crate) contenders: Vec<Contender>,
    /// The servers that could not be measured, and why.
    pub(crate) absent: Vec<(Contender, String)>,
    /// By measurement.
    pub(crate) measured: Vec<Measured>,
    /// The load average of the machine before the first run.
    pub(crate) load: f64,
}

/// The results of one measurement.
pub(crate) struct Measured {
    pub(crate) measurement: Measurement,
    /// The report of each run of each server, or why there is none.
    runs: Vec<(Contender, Result<Value, String>)>,
}

/// The median, minimum and maximum of some runs.
#[derive(Clone, Copy)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) min: f64,
    pub(crate) max: f64,
}

impl Results {
    /// No results yet for these servers.
    pub(crate) fn new(contenders: Vec<Contender>, absent: Vec<(Contender, String)>) -> Results {
        Results { contenders, absent, measured: Vec::new(), load: load_average() }
    }

    /// Makes a measurement: starts and measures each server in turn, once in every round.
    pub(crate) fn measure(&mut self, measurement: Measurement) {
        let mut runs = Vec::new();
        for round in 1..=measurement.rounds {
            for contender in self.contenders.iter().filter(|contender| measurement.kind.applies_to(**contender)) {
                eprintln!("{}, {}, {round} of {}", measurement.name, contender.name(), measurement.rounds);
                let run = run(*contender, &measurement);
                if let Err(error) = &run {
                    eprintln!("  {error}");
                }
                runs.push((*contender, run));
            }
        }
        self.measured.push(Measured { measurement, runs });
    }

    /// The results of this kind of measurement, if it was made.
    pub(crate) fn of(&self, kind: Kind) -> Option<&Measured> {
        self.measured.iter().find(|measured| measured.measurement.kind == kind)
    }

    /// The measured servers of other projects.
    pub(crate) fn peers(&self) -> impl Iterator<Item = Contender> {
        self.contenders.iter().copied().filter(|contender| contender.is_peer())
    }
}

/// Starts a server and lets the load tester measure it once.
fn run(contender: Contender, measurement: &Measurement) -> Result<Value, String> {
    let started = contender.start(measurement.clients)?;
    let mut command = Command::new(BENCH);
    command.args(&measurement.args).args(["--json", "--protocol", contender.protocol()]);
    if measurement.kind != Kind::Churn {
        command.args(contender.bench_options());
    }
    command.args(["--server", &started.addr.to_string(), "--server-pid", &started.server.pid().to_string()]);
    let output = command.stdin(Stdio::null()).output().map_err(|error| error.to_string())?;
    let report: Value = serde_json::from_slice(&output.stdout)
        .map_err(|_| String::from_utf8_lossy(&output.stderr).trim().to_owned())?;
    let run = report["runs"][0].clone();
    if report["passed"] == true { Ok(run) } else { Err(format!("it did something wrong: {}", run["first_faults"][0])) }
}

impl Measured {
    /// A figure of a server over its runs; `None` if a run is missing or has no such figure.
    pub(crate) fn spread(&self, contender: Contender, key: &str) -> Option<Spread> {
        let runs = self.runs.iter().filter(|(of, _)| *of == contender);
        let values: Option<Vec<f64>> = runs.map(|(_, run)| run.as_ref().ok()?.get(key)?.as_f64()).collect();
        let mut values = values.filter(|values| !values.is_empty())?;
        values.sort_by(f64::total_cmp);
        Some(Spread { median: values[values.len() / 2], min: values[0], max: values[values.len() - 1] })
    }

    /// The median of a figure.
    pub(crate) fn median(&self, contender: Contender, key: &str) -> Option<f64> {
        self.spread(contender, key).map(|spread| spread.median)
    }

    /// The failed runs, and why they failed.
    pub(crate) fn failures(&self) -> impl Iterator<Item = (Contender, &str)> {
        self.runs.iter().filter_map(|(contender, run)| Some((*contender, run.as_ref().err()?.as_str())))
    }
}
