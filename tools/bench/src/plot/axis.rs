//! An axis: the position of a value, and the marks with their labels.

use crate::report::number;

/// Maps values to pixels.
pub(super) struct Axis {
    low: f64,
    high: f64,
    from: f64,
    to: f64,
    logarithmic: bool,
}

/// The smallest value on a logarithmic axis.
const MIN_LOG: f64 = 1e-3;

impl Axis {
    /// A linear axis from `low` at pixel `from` to `high` at pixel `to`.
    pub(super) fn linear(low: f64, high: f64, from: f64, to: f64) -> Axis {
        Axis { low, high, from, to, logarithmic: false }
    }

    /// A logarithmic axis, extended to powers of ten.
    pub(super) fn logarithmic(low: f64, high: f64, from: f64, to: f64) -> Axis {
        let high = high.max(MIN_LOG).log10().ceil();
        let low = low.max(MIN_LOG).log10().floor().min(high - 1.0);
        Axis { low, high, from, to, logarithmic: true }
    }

    /// The position of a value, clamped to the axis.
    pub(super) fn position(&self, value: f64) -> f64 {
        let value = if self.logarithmic { value.max(MIN_LOG).log10() } else { value };
        let part = (value - self.low) / (self.high - self.low);
        self.from + part.clamp(0.0, 1.0) * (self.to - self.from)
    }

    /// The marked values with their labels.
    pub(super) fn marks(&self) -> Vec<(f64, String)> {
        if !self.logarithmic {
            return ticks(self.low, self.high);
        }
        let powers = self.low as i32..=self.high as i32;
        powers.map(|power| (10f64.powi(power), label(10f64.powi(power)))).collect()
    }
}

/// About five round values in a range, with their labels.
pub(super) fn ticks(low: f64, high: f64) -> Vec<(f64, String)> {
    let rough = (high - low).max(f64::MIN_POSITIVE) / 5.0;
    let power = 10f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].map(|times| times * power).into_iter().find(|step| *step >= rough);
    let step = step.unwrap_or(10.0 * power);
    let first = (low / step).ceil() as i64;
    let last = (high / step).floor() as i64;
    (first..=last).map(|n| n as f64 * step).map(|value| (value, label(value))).collect()
}

/// A round number without trailing zeros.
fn label(value: f64) -> String {
    let whole = number(value);
    if whole.contains('.') { whole.trim_end_matches('0').trim_end_matches('.').to_owned() } else { whole }
}
