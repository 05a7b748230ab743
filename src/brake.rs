//! Floor 0: the brake on deletion by age. A clock that is wrong for a moment must not delete what nothing brings back.
//!
//! It knows times, and nothing of what is deleted. One deletion takes at most what would have expired if one day had passed
//! since the last one; after a deletion that wanted more, and after a jump of the clock, the next one waits a minute.

use std::time::{Duration, Instant, SystemTime};

/// A day.
#[cfg(test)]
const STEP: Duration = Duration::from_secs(86_400);

/// How long deletion waits after a jump of the clock, and after a deletion that was held back.
const WAIT: Duration = Duration::from_secs(60);

/// The clock has jumped if it and the monotonic one differ by more than this since they were last compared.
const JUMP: Duration = Duration::from_secs(5);

/// Watches the clock between deletions.
#[derive(Debug, Default)]
pub(crate) struct Brake {
    seen: Option<(SystemTime, Instant)>,
    wait_until: Option<Instant>,
}

impl Brake {
    /// Whether something may be deleted at this moment. Call it about once a second.
    pub(crate) fn allows(&mut self, clock: SystemTime, now: Instant) -> bool {
        if let Some((before, at)) = self.seen.replace((clock, now)) {
            let expected = before + now.saturating_duration_since(at);
            let off = clock.duration_since(expected).unwrap_or_else(|e| e.duration());
            if off > JUMP {
                log::warn!("clock jumped seconds={}: nothing is deleted by age for a minute", off.as_secs());
                self.wait_until = Some(now + WAIT);
            }
        }
        self.wait_until.is_none_or(|until| now >= until)
    }

    /// Notes that a deletion was held back, so that the next one waits.
    pub(crate) fn hold_back(&mut self, now: Instant) {
        self.wait_until = Some(now + WAIT);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_jump_of_the_clock_stops_deletion_for_a_minute() {
        let (clock, now) = (SystemTime::now(), Instant::now());
        let second = Duration::from_secs(1);
        for jump in [31 * STEP, Duration::from_secs(8)] {
            for jumped in [clock + jump, clock - jump] {
                let mut brake = Brake::default();
                assert!(brake.allows(clock, now) && brake.allows(clock + second, now + second));
                assert!(!brake.allows(jumped, now + 2 * second));
                assert!(!brake.allows(jumped + 59 * second, now + 61 * second));
                assert!(brake.allows(jumped + 60 * second, now + 62 * second));
            }
        }
    }

    #[test]
    fn a_deletion_that_was_held_back_is_followed_by_a_minute_without_any() {
        let (clock, now) = (SystemTime::now(), Instant::now());
        let mut brake = Brake::default();
        brake.hold_back(now);
        assert!(!brake.allows(clock, now) && brake.allows(clock + WAIT, now + WAIT));
    }
}
