//! Latency distributions and throughput over time.

use std::io;
use std::time::Duration;

use hdrhistogram::Histogram;

use crate::error::BenchError;
use crate::report::{Figure, Unit};

/// A distribution of latencies with three significant digits, from one microsecond to ten minutes.
#[derive(Clone, Debug)]
pub(crate) struct Latencies {
    micros: Histogram<u64>,
}

/// The longest latency recorded exactly, in microseconds: ten minutes.
const MAX_MICROS: u64 = 600_000_000;

/// Significant digits of each value.
const DIGITS: u8 = 3;

/// The quantiles in the report, with their names.
const QUANTILES: &[(&str, f64)] = &[("p50_ms", 0.5), ("p90_ms", 0.9), ("p99_ms", 0.99), ("p999_ms", 0.999)];

impl Latencies {
    /// An empty distribution.
    ///
    /// # Errors
    /// Never: the bounds are constant and valid.
    pub(crate) fn new() -> Result<Latencies, BenchError> {
        let micros = Histogram::new_with_bounds(1, MAX_MICROS, DIGITS).map_err(io::Error::other)?;
        Ok(Latencies { micros })
    }

    /// Records one latency.
    pub(crate) fn record(&mut self, took: Duration) {
        self.micros.saturating_record(u64::try_from(took.as_micros()).unwrap_or(MAX_MICROS).max(1));
    }

    /// How many were recorded.
    pub(crate) fn len(&self) -> u64 {
        self.micros.len()
    }

    /// The latency at this quantile (0 to 1), in milliseconds.
    pub(crate) fn quantile_ms(&self, quantile: f64) -> f64 {
        self.micros.value_at_quantile(quantile) as f64 / 1e3
    }

    /// The longest latency, in milliseconds.
    pub(crate) fn max_ms(&self) -> f64 {
        self.micros.max() as f64 / 1e3
    }

    /// The figures for the report; none if nothing was recorded.
    pub(crate) fn figures(&self) -> Vec<Figure> {
        let of =
            |(key, quantile): &(&'static str, f64)| Figure::new(key, self.quantile_ms(*quantile), Unit::Milliseconds);
        let max = Figure::new("max_ms", self.max_ms(), Unit::Milliseconds);
        if self.micros.is_empty() { Vec::new() } else { QUANTILES.iter().map(of).chain([max]).collect() }
    }
}

/// Throughput over time, in slots of a tenth of a second.
#[derive(Clone, Debug, Default)]
pub(crate) struct Timeline {
    slots: Vec<u64>,
}

/// The length of a slot.
const SLOT: Duration = Duration::from_millis(100);

impl Timeline {
    /// Records an arrival at this time after the start.
    pub(crate) fn record(&mut self, at: Duration) {
        let slot = (at.as_millis() / SLOT.as_millis()) as usize;
        if self.slots.len() <= slot {
            self.slots.resize(slot + 1, 0);
        }
        self.slots[slot] += 1;
    }

    /// The middle of each slot in seconds, and the arrivals per second in it; without the last slot, which is incomplete.
    pub(crate) fn per_second(&self) -> impl Iterator<Item = (f64, f64)> {
        let length = SLOT.as_secs_f64();
        let complete = self.slots.len().saturating_sub(1);
        self.slots[..complete]
            .iter()
            .enumerate()
            .map(move |(slot, count)| ((slot as f64 + 0.5) * length, *count as f64 / length))
    }
}
