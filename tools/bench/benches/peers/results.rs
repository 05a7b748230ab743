//! Makes the measurements, the servers taking turns, and keeps what came of them.

use std::process::{Command, Stdio};

use serde_json::Value;

use crate::contender::Contender;
use crate::machine::load;
use crate::measure::{Kind, Measure};

/// The load tester.
pub(crate) const BENCH: &str = env!("CARGO_BIN_EXE_parlor-bench");

/// All that was measured.
pub(crate) struct Results {
    pub(crate) contenders: Vec<Contender>,
    /// Who could not be measured, and why.
    pub(crate) absent: Vec<(Contender, String)>,
    pub(crate) made: Vec<Made>,
    /// The load of the machine before the first run.
    pub(crate) load: f64,
}

/// One measurement that was made.
pub(crate) struct Made {
    pub(crate) measure: Measure,
    /// What each run of each server came to, or why it did not.
    runs: Vec<(Contender, Result<Value, String>)>,
}

/// The median of some runs, and the least and the most of them.
#[derive(Clone, Copy)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) min: f64,
    pub(crate) max: f64,
}

impl Results {
    pub(crate) fn new(contenders: Vec<Contender>, absent: Vec<(Contender, String)>) -> Results {
        Results { contenders, absent, made: Vec::new(), load: load() }
    }

    /// Makes a measurement: all servers in turn, as often as it wants, each time anew.
    pub(crate) fn measure(&mut self, measure: Measure) {
        let mut runs = Vec::new();
        for round in 1..=measure.rounds {
            for contender in self.contenders.iter().filter(|one| measure.kind.concerns(**one)) {
                eprintln!("{}, {}, {round} of {}", measure.name, contender.name(), measure.rounds);
                let run = run(*contender, &measure);
                if let Err(error) = &run {
                    eprintln!("  {error}");
                }
                runs.push((*contender, run));
            }
        }
        self.made.push(Made { measure, runs });
    }

    /// The measurement of this kind, if it was made.
    pub(crate) fn of(&self, kind: Kind) -> Option<&Made> {
        self.made.iter().find(|made| made.measure.kind == kind)
    }

    /// Those of others that were measured.
    pub(crate) fn peers(&self) -> impl Iterator<Item = Contender> {
        self.contenders.iter().copied().filter(|one| one.is_peer())
    }
}

fn run(contender: Contender, measure: &Measure) -> Result<Value, String> {
    let started = contender.start(measure.clients)?;
    let mut command = Command::new(BENCH);
    command.args(&measure.args).args(["--json", "--protocol", contender.protocol()]);
    if measure.kind != Kind::Churn {
        command.args(contender.manners());
    }
    command.args(["--server", &started.addr.to_string(), "--server-pid", &started.server.pid().to_string()]);
    let output = command.stdin(Stdio::null()).output().map_err(|error| error.to_string())?;
    let report: Value = serde_json::from_slice(&output.stdout)
        .map_err(|_| String::from_utf8_lossy(&output.stderr).trim().to_owned())?;
    let run = report["runs"][0].clone();
    if report["passed"] == true { Ok(run) } else { Err(format!("it did something wrong: {}", run["first_faults"][0])) }
}

impl Made {
    /// A figure of a server over its runs; none if one of them could not be made or has no such figure.
    pub(crate) fn spread(&self, contender: Contender, key: &str) -> Option<Spread> {
        let runs = self.runs.iter().filter(|(one, _)| *one == contender);
        let values: Option<Vec<f64>> = runs.map(|(_, run)| run.as_ref().ok()?.get(key)?.as_f64()).collect();
        let mut values = values.filter(|values| !values.is_empty())?;
        values.sort_by(f64::total_cmp);
        Some(Spread { median: values[values.len() / 2], min: values[0], max: values[values.len() - 1] })
    }

    /// The median of a figure.
    pub(crate) fn median(&self, contender: Contender, key: &str) -> Option<f64> {
        self.spread(contender, key).map(|spread| spread.median)
    }

    /// Why runs of a server could not be made.
    pub(crate) fn failures(&self) -> impl Iterator<Item = (Contender, &str)> {
        self.runs.iter().filter_map(|(contender, run)| Some((*contender, run.as_ref().err()?.as_str())))
    }
}
