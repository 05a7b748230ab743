//! The clock by which things are deleted for their age. It does not believe one reading of the machine's clock.
//!
//! Deletion cannot be undone, and a machine's clock may be wrong by years for a few seconds: before it is set at boot, or
//! after a slip of its owner. So this clock never moves on by more than a day at a time, and stands still for a minute
//! after the machine's clock was set.

use std::time::{Duration, Instant, SystemTime};

use super::limits::{EXPIRY_PATIENCE, EXPIRY_REST, EXPIRY_STEP};

/// Setting the clock by less than this goes unnoticed: it deletes nothing that matters.
const JUMP: Duration = Duration::from_secs(60);

/// The time at which things are old enough to be deleted.
#[derive(Debug, Clone)]
pub struct ExpiryClock {
    /// What the time was at the last deletion.
    last: SystemTime,
    /// When the clock last moved on by a whole step, and the machine's was still ahead.
    stepped: Option<Instant>,
    /// Two clocks that have agreed so far: the machine's, which can be set, and the monotonic one.
    agreed: (SystemTime, Instant),
    /// Nothing is deleted before this.
    resume: Option<Instant>,
}

impl ExpiryClock {
    /// A clock that goes on from the last deletion, which may have been in an earlier process. `wall` and `now` are the
    /// machine's two clocks at this moment.
    pub fn new(last: SystemTime, wall: SystemTime, now: Instant) -> ExpiryClock {
        // After a long time without the server, the clock may have been set just as well.
        let ahead = wall.duration_since(last).is_ok_and(|ahead| ahead > EXPIRY_STEP);
        ExpiryClock { last, stepped: None, agreed: (wall, now), resume: ahead.then(|| now + EXPIRY_PATIENCE) }
    }

    /// The time for which to delete now; `None` while nothing may be deleted. `wall` and `now` are the machine's two
    /// clocks at this moment.
    ///
    /// A later call assumes that the deletion for this one was done.
    pub fn read(&mut self, wall: SystemTime, now: Instant) -> Option<SystemTime> {
        let expected = self.agreed.0 + now.saturating_duration_since(self.agreed.1);
        if difference(expected, wall) > JUMP {
            self.agreed = (wall, now);
            self.resume = Some(now + EXPIRY_PATIENCE);
        }
        if self.resume.is_some_and(|resume| now < resume) {
            return None;
        }
        self.resume = None;
        let furthest = self.last + EXPIRY_STEP;
        if wall <= furthest {
            (self.last, self.stepped) = (wall, None);
        } else if self.stepped.is_none_or(|stepped| now >= stepped + EXPIRY_REST) {
            (self.last, self.stepped) = (furthest, Some(now));
        }
        Some(self.last)
    }

    /// What the time was at the last deletion: to be kept for the next process.
    pub fn last(&self) -> SystemTime {
        self.last
    }

    /// How far the machine's clock is ahead of the last deletion, if it is held back for that.
    pub fn held_back(&self, wall: SystemTime) -> Option<Duration> {
        self.stepped.and_then(|_| wall.duration_since(self.last).ok())
    }
}

fn difference(one: SystemTime, other: SystemTime) -> Duration {
    one.duration_since(other).unwrap_or_else(|e| e.duration())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const DAY: Duration = EXPIRY_STEP;
    const SECOND: Duration = Duration::from_secs(1);

    /// Both clocks of a machine, and the one under test, which is read every second.
    struct Machine {
        wall: SystemTime,
        now: Instant,
        clock: ExpiryClock,
    }

    impl Machine {
        fn start(last_deletion_ago: Duration) -> Machine {
            let (wall, now) = (SystemTime::UNIX_EPOCH + 20_000 * DAY, Instant::now());
            Machine { wall, now, clock: ExpiryClock::new(wall - last_deletion_ago, wall, now) }
        }

        fn read(&mut self) -> Option<SystemTime> {
            self.clock.read(self.wall, self.now)
        }

        /// Lets seconds pass, and returns the latest time for which anything was deleted.
        fn run(&mut self, seconds: u64) -> Option<SystemTime> {
            let read = |machine: &mut Machine| {
                machine.wall += SECOND;
                machine.now += SECOND;
                machine.read()
            };
            (0..seconds).filter_map(|_| read(self)).max()
        }
    }

    #[test]
    fn in_ordinary_times_it_is_the_time() {
        let mut machine = Machine::start(Duration::from_secs(3_600));
        assert_eq!(machine.read(), Some(machine.wall), "a restart waits for nothing");
        assert_eq!(machine.run(100_000), Some(machine.wall));
        // NTP adds or takes away a little now and then.
        machine.wall += SECOND;
        assert_eq!(machine.read(), Some(machine.wall));
    }

    #[test]
    fn a_clock_that_is_wrong_for_less_than_a_minute_deletes_nothing() {
        for days in [1, 31, 40_000] {
            let mut machine = Machine::start(SECOND);
            let before = machine.run(10).unwrap();
            machine.wall += days * DAY;
            assert_eq!(machine.run(59), None, "{days} days ahead");
            machine.wall -= days * DAY;
            assert_eq!(machine.run(59), None);
            let after = machine.run(10).unwrap();
            assert!(after < before + Duration::from_secs(200), "{days} days ahead");
        }
    }

    #[test]
    fn a_clock_that_stays_wrong_deletes_a_day_at_once_and_a_day_an_hour() {
        let mut machine = Machine::start(SECOND);
        let before = machine.run(10).unwrap();
        machine.wall += 31 * DAY;
        assert_eq!(machine.run(600), Some(before + DAY));
        assert!(machine.clock.held_back(machine.wall) > Some(29 * DAY));
        assert_eq!(machine.run(2 * 3_600), Some(before + 3 * DAY));
        // Once it is right again, it is believed again.
        machine.wall -= 31 * DAY;
        assert_eq!(machine.run(600), Some(machine.wall));
        assert_eq!(machine.clock.held_back(machine.wall), None);
    }

    #[test]
    fn a_month_without_the_server_is_caught_up_with() {
        let mut machine = Machine::start(30 * DAY);
        let before = machine.clock.last();
        assert_eq!(machine.run(59), None, "the clock may have been set instead");
        assert_eq!(machine.run(60), Some(before + DAY));
        assert_eq!(machine.run(31 * 3_600), Some(machine.wall));
    }

    #[test]
    fn a_clock_behind_the_last_deletion_is_followed() {
        let (mut machine, ahead) = (Machine::start(SECOND), 31 * DAY);
        machine.clock = ExpiryClock::new(machine.wall + ahead, machine.wall, machine.now);
        assert_eq!(machine.run(1), Some(machine.wall));
        machine.wall += ahead;
        assert!(machine.run(600) < Some(machine.wall - 29 * DAY));
    }

    proptest! {
        #[test]
        fn no_deletion_reaches_more_than_a_day_beyond_the_one_before(
            steps in proptest::collection::vec((0_u64..7_200, prop::option::of(-10_000_000_i64..10_000_000)), 1..60),
            ago in 0_u64..10_000_000,
        ) {
            let mut machine = Machine::start(Duration::from_secs(ago));
            let mut last = machine.clock.last();
            for (passed, set) in steps {
                machine.now += Duration::from_secs(passed);
                machine.wall += Duration::from_secs(passed);
                if let Some(by) = set {
                    let shift = Duration::from_secs(by.unsigned_abs());
                    machine.wall = if by < 0 { machine.wall - shift } else { machine.wall + shift };
                }
                if let Some(time) = machine.read() {
                    prop_assert!(time <= last + DAY && time <= machine.wall);
                    last = time;
                }
            }
        }
    }
}
