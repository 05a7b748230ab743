//! How much happens in a second, as of the last few.

use std::time::{Duration, Instant};

/// The shortest time over which a rate is worth telling.
const SPAN: Duration = Duration::from_millis(900);

/// Rates of counts that only rise.
#[derive(Default)]
pub(super) struct Rates {
    last: Option<(Instant, [u64; 2])>,
    /// Per second, as of the last span.
    pub(super) per_second: [u64; 2],
}

impl Rates {
    /// Notes what the counts are at `now`.
    pub(super) fn note(&mut self, now: Instant, counts: [u64; 2]) {
        let Some((then, before)) = self.last else {
            self.last = Some((now, counts));
            return;
        };
        let millis = now.saturating_duration_since(then).as_millis();
        if millis < SPAN.as_millis() {
            return;
        }
        let millis = u64::try_from(millis).unwrap_or(u64::MAX);
        for (rate, (now, then)) in self.per_second.iter_mut().zip(counts.into_iter().zip(before)) {
            *rate = now.saturating_sub(then).saturating_mul(1_000) / millis;
        }
        self.last = Some((now, counts));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_of_the_last_span_that_was_long_enough() {
        let (mut rates, start) = (Rates::default(), Instant::now());
        let at = |millis| start + Duration::from_millis(millis);
        rates.note(at(0), [100, 0]);
        rates.note(at(500), [200, 0]);
        assert_eq!(rates.per_second, [0, 0]);
        rates.note(at(2_000), [300, 10]);
        assert_eq!(rates.per_second, [100, 5]);
        rates.note(at(3_000), [300, 10]);
        assert_eq!(rates.per_second, [0, 0]);
    }
}
