//! Distributions and courses: how long deliveries took, and how many came when.

use std::io;
use std::time::Duration;

use hdrhistogram::Histogram;

use crate::error::BenchError;
use crate::report::{Figure, Unit};

/// How long something took, each time: three digits of every value, from a microsecond to the longest wait there is.
#[derive(Clone, Debug)]
pub(crate) struct Latencies {
    micros: Histogram<u64>,
}

/// The longest that is told apart, in microseconds: ten minutes.
const LONGEST: u64 = 600_000_000;

/// Digits of each value that are kept.
const DIGITS: u8 = 3;

/// The quantiles that are shown, with their names.
const SHOWN: &[(&str, f64)] = &[("p50_ms", 0.5), ("p90_ms", 0.9), ("p99_ms", 0.99), ("p999_ms", 0.999)];

impl Latencies {
    /// None yet.
    ///
    /// # Errors
    /// Never: the bounds are right.
    pub(crate) fn new() -> Result<Latencies, BenchError> {
        let micros = Histogram::new_with_bounds(1, LONGEST, DIGITS).map_err(io::Error::other)?;
        Ok(Latencies { micros })
    }

    /// One more.
    pub(crate) fn record(&mut self, took: Duration) {
        self.micros.saturating_record(u64::try_from(took.as_micros()).unwrap_or(LONGEST).max(1));
    }

    /// How many there are.
    pub(crate) fn len(&self) -> u64 {
        self.micros.len()
    }

    /// The time within which this part of them (0 to 1) was done, in milliseconds.
    pub(crate) fn quantile_ms(&self, quantile: f64) -> f64 {
        self.micros.value_at_quantile(quantile) as f64 / 1e3
    }

    /// The longest, in milliseconds.
    pub(crate) fn max_ms(&self) -> f64 {
        self.micros.max() as f64 / 1e3
    }

    /// The quantiles that are shown.
    pub(crate) fn figures(&self) -> Vec<Figure> {
        let of =
            |(key, quantile): &(&'static str, f64)| Figure::new(key, self.quantile_ms(*quantile), Unit::Milliseconds);
        let max = Figure::new("max_ms", self.max_ms(), Unit::Milliseconds);
        if self.micros.is_empty() { Vec::new() } else { SHOWN.iter().map(of).chain([max]).collect() }
    }
}

/// How much came in each tenth of a second.
#[derive(Clone, Debug, Default)]
pub(crate) struct Timeline {
    slots: Vec<u64>,
}

/// The length of a slot.
const SLOT: Duration = Duration::from_millis(100);

impl Timeline {
    /// Something came, so long after the start.
    pub(crate) fn record(&mut self, at: Duration) {
        let slot = (at.as_millis() / SLOT.as_millis()) as usize;
        if self.slots.len() <= slot {
            self.slots.resize(slot + 1, 0);
        }
        self.slots[slot] += 1;
    }

    /// The middle of each slot in seconds, and how much came in it per second; without the last one, which is not over.
    pub(crate) fn per_second(&self) -> impl Iterator<Item = (f64, f64)> {
        let length = SLOT.as_secs_f64();
        let over = self.slots.len().saturating_sub(1);
        self.slots[..over]
            .iter()
            .enumerate()
            .map(move |(slot, came)| ((slot as f64 + 0.5) * length, *came as f64 / length))
    }
}
