//! The results of the runs, as a table for people and as JSON for programs.
//!
//! No sockets and no clock.

mod stats;
mod table;
#[cfg(test)]
mod tests;

use serde_json::{Map, Value, json};

pub(crate) use stats::{Latencies, Timeline};
pub(crate) use table::{number, table};

use crate::verify::Faults;

/// Everything one invocation of the load tester measured.
pub(crate) struct Report {
    /// The name of the scenario.
    pub(crate) scenario: &'static str,
    /// The address and the protocol of the server.
    pub(crate) server: String,
    /// The runs, in order.
    pub(crate) runs: Vec<RunReport>,
}

/// The results of one run.
pub(crate) struct RunReport {
    /// A description of the workload.
    pub(crate) name: String,
    /// What was measured, in the order it is shown.
    pub(crate) figures: Vec<Figure>,
    /// Latencies, if they were measured.
    pub(crate) latencies: Option<Latencies>,
    /// Throughput over time, if it was measured.
    pub(crate) timeline: Option<Timeline>,
    /// What went wrong.
    pub(crate) faults: Faults,
}

/// A named number.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Figure {
    /// Its name in JSON.
    pub(crate) key: &'static str,
    /// Its value.
    pub(crate) value: f64,
    /// Its unit.
    pub(crate) unit: Unit,
}

/// The unit of a figure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    /// A count.
    Count,
    /// A count per second.
    PerSecond,
    /// Seconds.
    Seconds,
    /// Milliseconds.
    Milliseconds,
    /// Microseconds.
    Microseconds,
    /// Kibibytes.
    Kibibytes,
    /// Percent.
    Percent,
}

impl Figure {
    /// A figure with a unit.
    pub(crate) fn new(key: &'static str, value: f64, unit: Unit) -> Figure {
        Figure { key, value, unit }
    }

    /// A count.
    pub(crate) fn count(key: &'static str, value: u64) -> Figure {
        Figure::new(key, value as f64, Unit::Count)
    }
}

impl Unit {
    /// The suffix of a number in the table.
    pub(crate) fn suffix(self) -> &'static str {
        match self {
            Unit::Count => "",
            Unit::PerSecond => "/s",
            Unit::Seconds => " s",
            Unit::Milliseconds => " ms",
            Unit::Microseconds => " us",
            Unit::Kibibytes => " KiB",
            Unit::Percent => " %",
        }
    }
}

impl RunReport {
    /// All figures, including those of the latencies.
    pub(crate) fn all_figures(&self) -> Vec<Figure> {
        let latencies = self.latencies.iter().flat_map(Latencies::figures);
        self.figures.iter().cloned().chain(latencies).collect()
    }
}

impl Report {
    /// Whether there was no fault in any run.
    pub(crate) fn passed(&self) -> bool {
        self.runs.iter().all(|run| run.faults.is_empty())
    }

    /// One object: `scenario`, `server`, `passed`, and `runs`, each with its figures as fields.
    pub(crate) fn json(&self) -> Value {
        let runs: Vec<Value> = self.runs.iter().map(RunReport::json).collect();
        json!({ "scenario": self.scenario, "server": self.server, "passed": self.passed(), "runs": runs })
    }
}

impl RunReport {
    fn json(&self) -> Value {
        let mut object = Map::new();
        object.insert("name".to_owned(), json!(self.name));
        object.extend(self.all_figures().iter().map(|figure| (figure.key.to_owned(), json!(figure.value))));
        object.insert("faults".to_owned(), json!(self.faults.count));
        object.insert("first_faults".to_owned(), json!(self.faults.first));
        Value::Object(object)
    }
}
