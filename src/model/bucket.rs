//! A token bucket: a burst, then a steady rate. It reads no clock; the caller passes the time.

use std::time::{Duration, Instant};

/// A budget that refills over time; the last charge may overdraw it.
#[derive(Debug, Clone, Copy)]
pub struct Bucket {
    tokens: f64,
    filled: Instant,
}

/// The size of a bucket and the speed at which it refills.
#[derive(Debug, Clone, Copy)]
pub struct Rate {
    /// Tokens in a full bucket.
    pub burst: f64,
    /// Tokens refilled per second; greater than 0.
    pub per_second: f64,
}

impl Rate {
    /// A full bucket.
    pub fn full(self, now: Instant) -> Bucket {
        Bucket { tokens: self.burst, filled: now }
    }
}

impl Bucket {
    /// The tokens in the bucket at `now`; negative when overdrawn.
    pub fn level(&mut self, rate: Rate, now: Instant) -> f64 {
        let passed = now.saturating_duration_since(self.filled).as_secs_f64();
        self.tokens = (self.tokens + passed * rate.per_second).min(rate.burst);
        self.filled = self.filled.max(now);
        self.tokens
    }

    /// Takes `cost` tokens, overdrawing the bucket if needed.
    pub fn charge(&mut self, rate: Rate, now: Instant, cost: f64) {
        self.tokens = self.level(rate, now) - cost;
    }

    /// The time until the bucket is no longer overdrawn; `None` if it is not.
    pub fn debt(&mut self, rate: Rate, now: Instant) -> Option<Duration> {
        let level = self.level(rate, now);
        (level < 0.0).then(|| Duration::from_secs_f64(-level / rate.per_second))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const RATE: Rate = Rate { burst: 10.0, per_second: 5.0 };

    #[test]
    fn after_the_burst_the_rate_applies() {
        let start = Instant::now();
        let mut bucket = RATE.full(start);
        (0..10).for_each(|_| bucket.charge(RATE, start, 1.0));
        assert_eq!(bucket.debt(RATE, start), None);
        bucket.charge(RATE, start, 1.0);
        assert_eq!(bucket.debt(RATE, start), Some(Duration::from_millis(200)));
        assert_eq!(bucket.debt(RATE, start + Duration::from_millis(201)), None);
    }

    proptest! {
        #[test]
        fn no_span_passes_more_than_burst_and_rate(waits in proptest::collection::vec(0u64..500, 1..200)) {
            let start = Instant::now();
            let (mut now, mut bucket, mut passed) = (start, RATE.full(start), 0.0);
            for wait in waits {
                now += Duration::from_millis(wait);
                if bucket.debt(RATE, now).is_none() {
                    bucket.charge(RATE, now, 1.0);
                    passed += 1.0;
                }
            }
            let allowed = RATE.burst + 1.0 + (now - start).as_secs_f64() * RATE.per_second;
            prop_assert!(passed <= allowed + 1e-6, "{} of {}", passed, allowed);
        }
    }
}
