//! What a run came to, as a table for people and as JSON for programs.
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

/// Everything that one call of the load tester measured.
pub(crate) struct Report {
    /// The name of the scenario.
    pub(crate) scenario: &'static str,
    /// The kind of server and its address.
    pub(crate) server: String,
    /// Its runs, in their order.
    pub(crate) runs: Vec<Run>,
}

/// One run of one shape of load.
pub(crate) struct Run {
    /// The shape in words.
    pub(crate) name: String,
    /// What was measured, in the order in which it is shown.
    pub(crate) figures: Vec<Figure>,
    /// How long things took, if that was measured.
    pub(crate) latencies: Option<Latencies>,
    /// How much came in each tenth of a second, if that was counted.
    pub(crate) timeline: Option<Timeline>,
    /// What went wrong.
    pub(crate) faults: Faults,
}

/// A number with a name.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Figure {
    /// Its name, for programs too.
    pub(crate) key: &'static str,
    /// The number.
    pub(crate) value: f64,
    /// What it is counted in.
    pub(crate) unit: Unit,
}

/// What a figure is counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    /// Things.
    Count,
    /// Things a second.
    PerSecond,
    /// Seconds.
    Seconds,
    /// Milliseconds.
    Milliseconds,
    /// Microseconds.
    Microseconds,
    /// Kibibytes.
    Kibibytes,
    /// Parts of a hundred.
    Percent,
}

impl Figure {
    /// A figure.
    pub(crate) fn new(key: &'static str, value: f64, unit: Unit) -> Figure {
        Figure { key, value, unit }
    }

    /// A number of things.
    pub(crate) fn count(key: &'static str, value: u64) -> Figure {
        Figure::new(key, value as f64, Unit::Count)
    }
}

impl Unit {
    /// As people write it behind a number.
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

impl Run {
    /// All figures, those of the latencies included.
    pub(crate) fn all_figures(&self) -> Vec<Figure> {
        let latencies = self.latencies.iter().flat_map(Latencies::figures);
        self.figures.iter().cloned().chain(latencies).collect()
    }
}

impl Report {
    /// Whether no run had a fault.
    pub(crate) fn passed(&self) -> bool {
        self.runs.iter().all(|run| run.faults.none())
    }

    /// One object: `scenario`, `server`, `passed`, and `runs`, each with its figures under their names.
    pub(crate) fn json(&self) -> Value {
        let runs: Vec<Value> = self.runs.iter().map(Run::json).collect();
        json!({ "scenario": self.scenario, "server": self.server, "passed": self.passed(), "runs": runs })
    }
}

impl Run {
    fn json(&self) -> Value {
        let mut object = Map::new();
        object.insert("name".to_owned(), json!(self.name));
        object.extend(self.all_figures().iter().map(|figure| (figure.key.to_owned(), json!(figure.value))));
        object.insert("faults".to_owned(), json!(self.faults.count));
        object.insert("first_faults".to_owned(), json!(self.faults.first));
        Value::Object(object)
    }
}
