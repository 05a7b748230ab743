//! A histogram of durations.

use std::time::Duration;

/// Upper bounds of the buckets in nanoseconds: from one hold of the central lock to a hanging disk.
const BOUNDS: [u64; 22] = [
    100,
    250,
    500,
    1_000,
    2_500,
    5_000,
    10_000,
    25_000,
    50_000,
    100_000,
    250_000,
    500_000,
    1_000_000,
    2_500_000,
    5_000_000,
    10_000_000,
    25_000_000,
    50_000_000,
    100_000_000,
    250_000_000,
    500_000_000,
    1_000_000_000,
];

/// Counts of durations by bucket.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Histogram {
    /// Per bucket, not cumulative; longer durations are in none of them.
    counts: [u64; BOUNDS.len()],
    count: u64,
    sum: Duration,
    longest: Duration,
}

impl Histogram {
    /// Adds a duration.
    pub fn note(&mut self, took: Duration) {
        self.count += 1;
        self.sum += took;
        self.longest = self.longest.max(took);
        let at = BOUNDS.partition_point(|bound| u128::from(*bound) < took.as_nanos());
        if let Some(count) = self.counts.get_mut(at) {
            *count += 1;
        }
    }

    /// The number of durations.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The sum of all durations.
    pub fn sum(&self) -> Duration {
        self.sum
    }

    /// The longest duration.
    pub fn longest(&self) -> Duration {
        self.longest
    }

    /// The mean; zero without durations.
    pub fn mean(&self) -> Duration {
        let nanos = self.sum.as_nanos().checked_div(u128::from(self.count)).unwrap_or_default();
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    /// For each bound, the number of durations up to it.
    pub fn cumulative(&self) -> impl Iterator<Item = (Duration, u64)> {
        let up_to = self.counts.iter().scan(0, |sum, count| {
            *sum += count;
            Some(*sum)
        });
        BOUNDS.into_iter().map(Duration::from_nanos).zip(up_to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_counts_in_every_bucket_from_its_bound_up() {
        let mut times = Histogram::default();
        assert_eq!((times.mean(), times.count()), (Duration::ZERO, 0));
        for nanos in [0, 100, 101, 1_000_000_000, 1_000_000_001, 60_000_000_000] {
            times.note(Duration::from_nanos(nanos));
        }
        let all: Vec<u64> = times.cumulative().map(|(_, count)| count).collect();
        assert_eq!((all[0], all[1], all[20], all[21], times.count()), (2, 3, 3, 4, 6));
        assert!(all.is_sorted() && times.cumulative().map(|(bound, _)| bound).is_sorted());
        assert_eq!(times.longest(), Duration::from_secs(60));
        assert_eq!(
            (times.sum(), times.mean()),
            (Duration::from_nanos(62_000_000_202), Duration::from_nanos(10_333_333_367))
        );
    }
}
