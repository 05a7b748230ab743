//! Limits attempts per address: a burst, then one more every refill interval, whatever was attempted. Wrong guesses and
//! registrations are limited alike, with different numbers.
//!
//! This is the generic cell rate algorithm. For each address one moment is kept, when all its attempts will be
//! available again. Each attempt moves that moment one refill further away; an attempt that would move it beyond the
//! whole burst is refused. An address whose moment has passed is forgotten.

use std::collections::{BTreeSet, HashMap};
use std::time::{Duration, Instant};

use super::Verification;
use crate::lock::Mutex;
use crate::model::Net;
use crate::model::limits::{GUESS_BURST, GUESS_REFILL, REGISTRATION_BURST, REGISTRATION_REFILL, THROTTLED_ADDRESSES};

/// Counts attempts per address, for all sessions together.
pub(crate) struct Throttle {
    /// How many attempts an address has at first.
    burst: u32,
    /// How long until it has one more.
    refill: Duration,
    // lock tier 9: a leaf.
    used: Mutex<Used, 9>,
}

/// The addresses that have used some of their attempts, with the moment when each has them all again: by address, and
/// in the order of those moments.
#[derive(Default)]
struct Used {
    full_at: HashMap<Net, Instant>,
    order: BTreeSet<(Instant, Net)>,
}

impl Throttle {
    /// A limit on wrong guesses.
    pub(crate) fn for_guesses() -> Throttle {
        Throttle { burst: GUESS_BURST, refill: GUESS_REFILL, used: Mutex::default() }
    }

    /// A limit on registrations.
    pub(crate) fn for_registrations() -> Throttle {
        Throttle { burst: REGISTRATION_BURST, refill: REGISTRATION_REFILL, used: Mutex::default() }
    }

    /// Verifies a guess if the address has attempts left. Only a wrong guess uses one up.
    pub(crate) fn attempt(&self, net: Net, verify: impl FnOnce() -> Verification) -> Verification {
        if !self.take(net, Instant::now()) {
            return Verification::Throttled;
        }
        let verification = verify();
        if verification != Verification::Wrong {
            self.refund(net);
        }
        verification
    }

    /// Takes one attempt from an address; `false` when it has none left.
    ///
    /// To be called before the attempt is looked at: a hundred guesses at the same time are a hundred attempts.
    pub(crate) fn take(&self, net: Net, now: Instant) -> bool {
        if net.is_exempt() {
            return true;
        }
        let mut used = self.used.lock();
        used.forget_full(now);
        let full_at = used.full_at.get(&net).copied().unwrap_or(now) + self.refill;
        if full_at > now + self.refill * self.burst {
            return false;
        }
        used.set(net, full_at);
        true
    }

    /// Gives an attempt back that turned out not to count.
    pub(crate) fn refund(&self, net: Net) {
        let mut used = self.used.lock();
        let earlier = used.full_at.get(&net).and_then(|full_at| full_at.checked_sub(self.refill));
        if let Some(full_at) = earlier {
            used.set(net, full_at);
        }
    }
}

impl Used {
    fn set(&mut self, net: Net, full_at: Instant) {
        if let Some(old) = self.full_at.insert(net, full_at) {
            self.order.remove(&(old, net));
        } else if self.order.len() >= THROTTLED_ADDRESSES
            && let Some((_, fullest)) = self.order.pop_first()
        {
            self.full_at.remove(&fullest);
        }
        self.order.insert((full_at, net));
    }

    fn forget_full(&mut self, now: Instant) {
        while let Some((_, net)) = self.order.first().copied().filter(|(full_at, _)| *full_at <= now) {
            self.order.pop_first();
            self.full_at.remove(&net);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::net::{IpAddr, Ipv4Addr};
    use std::time::Duration;

    fn net(n: u32) -> Net {
        Net::of(IpAddr::V4(Ipv4Addr::from_bits(0x0A00_0000 + n)))
    }

    fn remembered(throttle: &Throttle) -> usize {
        let used = throttle.used.lock();
        assert_eq!(used.full_at.len(), used.order.len());
        assert!(used.order.iter().all(|(at, net)| used.full_at.get(net) == Some(at)));
        used.order.len()
    }

    #[test]
    fn one_address_gets_at_most_13_guesses_a_minute() {
        let (throttle, start) = (Throttle::for_guesses(), Instant::now());
        let taken = (0..600)
            .flat_map(|tenth| (0..100).map(move |_| start + Duration::from_millis(tenth * 100)))
            .filter(|now| throttle.take(net(1), *now))
            .count();
        assert!((12..=13).contains(&taken), "{taken}");
        assert!(throttle.take(net(2), start + Duration::from_secs(60)), "another address has its own attempts");
    }

    #[test]
    fn right_passwords_use_up_no_attempts() {
        let (throttle, now) = (Throttle::for_guesses(), Instant::now());
        for _ in 0..1000 {
            assert!(throttle.take(net(1), now));
            throttle.refund(net(1));
        }
        assert_eq!((0..100).filter(|_| throttle.take(net(1), now)).count(), GUESS_BURST as usize);
        throttle.refund(net(9));
        assert_eq!(remembered(&throttle), 1, "a refund to an unknown address remembers nothing");
    }

    #[test]
    fn loopback_is_exempt_and_not_remembered() {
        let (throttle, now) = (Throttle::for_guesses(), Instant::now());
        let local = Net::of(IpAddr::V4(Ipv4Addr::LOCALHOST));
        assert!((0..1000).all(|_| throttle.take(local, now)));
        assert_eq!(remembered(&throttle), 0);
    }

    #[test]
    fn a_flood_of_addresses_does_not_free_the_worst_one() {
        let (throttle, now) = (Throttle::for_guesses(), Instant::now());
        while throttle.take(net(0), now) {}
        for n in 1..30_000 {
            assert!(throttle.take(net(n), now));
        }
        assert_eq!(remembered(&throttle), THROTTLED_ADDRESSES);
        assert!(!throttle.take(net(0), now), "the addresses with most attempts left were forgotten");
        let later = now + GUESS_REFILL * GUESS_BURST;
        assert!(throttle.take(net(1), later));
        assert_eq!(remembered(&throttle), 1, "an address with all its attempts is forgotten");
    }

    #[test]
    fn registrations_have_a_limit_of_their_own() {
        let (throttle, start) = (Throttle::for_registrations(), Instant::now());
        let taken = |now| (0..100).filter(|_| throttle.take(net(1), now)).count();
        assert_eq!(taken(start), REGISTRATION_BURST as usize);
        assert_eq!(taken(start + REGISTRATION_REFILL), 1);
    }

    #[test]
    fn only_a_wrong_guess_counts() {
        let throttle = Throttle::for_guesses();
        let guess = |result| throttle.attempt(net(1), || result);
        for _ in 0..100 {
            assert_eq!(guess(Verification::TimedOut), Verification::TimedOut);
        }
        (0..GUESS_BURST).for_each(|_| assert_eq!(guess(Verification::Wrong), Verification::Wrong));
        assert_eq!(guess(Verification::TimedOut), Verification::Throttled);
    }

    proptest! {
        #[test]
        fn no_time_window_exceeds_burst_and_refill(
            steps in proptest::collection::vec((0u64..30, any::<bool>()), 1..200),
        ) {
            let (throttle, mut now) = (Throttle::for_guesses(), Instant::now());
            let mut wrong = Vec::new();
            for (seconds, right) in steps {
                now += Duration::from_secs(seconds);
                if throttle.take(net(1), now) {
                    if right { throttle.refund(net(1)) } else { wrong.push(now) }
                }
            }
            for (i, first) in wrong.iter().enumerate() {
                for (j, last) in wrong.iter().enumerate().skip(i) {
                    let refilled = last.duration_since(*first).as_secs() / GUESS_REFILL.as_secs();
                    prop_assert!(((j - i) as u64) < u64::from(GUESS_BURST) + refilled);
                }
            }
        }
    }
}
