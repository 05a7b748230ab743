//! An axis: where a value stands on it, and which values are written beside it.

use crate::report::number;

/// From values to pixels.
pub(super) struct Axis {
    low: f64,
    high: f64,
    from: f64,
    to: f64,
    logarithmic: bool,
}

/// What a logarithm is taken of at the least.
const LEAST: f64 = 1e-3;

impl Axis {
    /// Equal steps for equal differences.
    pub(super) fn linear(low: f64, high: f64, from: f64, to: f64) -> Axis {
        Axis { low, high, from, to, logarithmic: false }
    }

    /// Equal steps for equal ratios, from a power of ten to another one.
    pub(super) fn logarithmic(low: f64, high: f64, from: f64, to: f64) -> Axis {
        let high = high.max(LEAST).log10().ceil();
        let low = low.max(LEAST).log10().floor().min(high - 1.0);
        Axis { low, high, from, to, logarithmic: true }
    }

    /// Where a value stands, within the bounds of the axis.
    pub(super) fn place(&self, value: f64) -> f64 {
        let value = if self.logarithmic { value.max(LEAST).log10() } else { value };
        let part = (value - self.low) / (self.high - self.low);
        self.from + part.clamp(0.0, 1.0) * (self.to - self.from)
    }

    /// The values that are written beside it, and how.
    pub(super) fn marks(&self) -> Vec<(f64, String)> {
        if !self.logarithmic {
            return ticks(self.low, self.high);
        }
        let powers = self.low as i32..=self.high as i32;
        powers.map(|power| (10f64.powi(power), name(10f64.powi(power)))).collect()
    }
}

/// Some round values from one to another.
pub(super) fn ticks(low: f64, high: f64) -> Vec<(f64, String)> {
    let rough = (high - low).max(f64::MIN_POSITIVE) / 5.0;
    let power = 10f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].map(|times| times * power).into_iter().find(|step| *step >= rough);
    let step = step.unwrap_or(10.0 * power);
    let first = (low / step).ceil() as i64;
    let last = (high / step).floor() as i64;
    (first..=last).map(|n| n as f64 * step).map(|value| (value, name(value))).collect()
}

/// A round number without the digits that say nothing.
fn name(value: f64) -> String {
    let whole = number(value);
    if whole.contains('.') { whole.trim_end_matches('0').trim_end_matches('.').to_owned() } else { whole }
}
