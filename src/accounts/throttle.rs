//! Wrong guesses per address: a burst, then one more every now and then, whatever was guessed and however often.
//! Registrations are counted in the same way, with other numbers.
//!
//! For each address one moment is kept: when it will have all its tries again. Each try moves that moment away by one
//! refill; a try that would move it beyond the whole burst is refused. Whose moment has come is forgotten.

use std::collections::{BTreeSet, HashMap};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::Verdict;
use crate::model::Net;
use crate::model::limits::{GUESS_BURST, GUESS_REFILL, REGISTRATION_BURST, REGISTRATION_REFILL, THROTTLED_ADDRESSES};

/// Counts tries per address, for all sessions together.
pub struct Throttle {
    /// How many one address has at once.
    burst: u32,
    /// How long until it has one more.
    refill: Duration,
    book: Mutex<Book>,
}

/// The same moments twice: found by address, and in the order in which they come.
#[derive(Default)]
struct Book {
    full_at: HashMap<Net, Instant>,
    order: BTreeSet<(Instant, Net)>,
}

impl Throttle {
    /// Counts wrong guesses; it remembers nobody yet.
    pub fn of_guesses() -> Throttle {
        Throttle { burst: GUESS_BURST, refill: GUESS_REFILL, book: Mutex::default() }
    }

    /// Counts registrations; it remembers nobody yet.
    pub fn of_registrations() -> Throttle {
        Throttle { burst: REGISTRATION_BURST, refill: REGISTRATION_REFILL, book: Mutex::default() }
    }

    /// Has a guess judged, if this address may still guess; only a wrong one counts.
    pub fn judged(&self, net: Net, judge: impl FnOnce() -> Verdict) -> Verdict {
        if !self.take(net, Instant::now()) {
            return Verdict::TooMany;
        }
        let verdict = judge();
        if verdict != Verdict::Wrong {
            self.give_back(net);
        }
        verdict
    }

    /// Takes one try from this address, before it is looked at; `false` when it has none left.
    ///
    /// Taken before and not counted after, so that a hundred guesses at the same time are a hundred tries.
    pub fn take(&self, net: Net, now: Instant) -> bool {
        if net.is_exempt() {
            return true;
        }
        let mut book = self.book.lock();
        book.forget_full(now);
        let full_at = book.full_at.get(&net).copied().unwrap_or(now) + self.refill;
        if full_at > now + self.refill * self.burst {
            return false;
        }
        book.set(net, full_at);
        true
    }

    /// Gives one try back: it does not count after all.
    pub fn give_back(&self, net: Net) {
        let mut book = self.book.lock();
        let earlier = book.full_at.get(&net).and_then(|full_at| full_at.checked_sub(self.refill));
        if let Some(full_at) = earlier {
            book.set(net, full_at);
        }
    }
}

impl Book {
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
        let book = throttle.book.lock();
        assert_eq!(book.full_at.len(), book.order.len());
        assert!(book.order.iter().all(|(at, net)| book.full_at.get(net) == Some(at)));
        book.order.len()
    }

    #[test]
    fn a_hundred_guessers_from_one_address_get_13_guesses_a_minute() {
        let (throttle, start) = (Throttle::of_guesses(), Instant::now());
        let judged = (0..600)
            .flat_map(|tenth| (0..100).map(move |_| start + Duration::from_millis(tenth * 100)))
            .filter(|now| throttle.take(net(1), *now))
            .count();
        assert!((12..=13).contains(&judged), "{judged}");
        assert!(throttle.take(net(2), start + Duration::from_secs(60)), "another address has its own tries");
    }

    #[test]
    fn right_passwords_cost_no_tries() {
        let (throttle, now) = (Throttle::of_guesses(), Instant::now());
        for _ in 0..1000 {
            assert!(throttle.take(net(1), now));
            throttle.give_back(net(1));
        }
        assert_eq!((0..100).filter(|_| throttle.take(net(1), now)).count(), GUESS_BURST as usize);
        throttle.give_back(net(9));
        assert_eq!(remembered(&throttle), 1, "giving back to a stranger remembers nobody");
    }

    #[test]
    fn loopback_is_exempt_and_not_remembered() {
        let (throttle, now) = (Throttle::of_guesses(), Instant::now());
        let local = Net::of(IpAddr::V4(Ipv4Addr::LOCALHOST));
        assert!((0..1000).all(|_| throttle.take(local, now)));
        assert_eq!(remembered(&throttle), 0);
    }

    #[test]
    fn a_flood_of_addresses_is_bounded_and_does_not_free_the_worst() {
        let (throttle, now) = (Throttle::of_guesses(), Instant::now());
        while throttle.take(net(0), now) {}
        for n in 1..30_000 {
            assert!(throttle.take(net(n), now));
        }
        assert_eq!(remembered(&throttle), THROTTLED_ADDRESSES);
        assert!(!throttle.take(net(0), now), "the fullest were forgotten, not the emptiest");
        let later = now + GUESS_REFILL * GUESS_BURST;
        assert!(throttle.take(net(1), later));
        assert_eq!(remembered(&throttle), 1, "who has all tries again is forgotten");
    }

    #[test]
    fn registrations_have_numbers_of_their_own() {
        let (throttle, start) = (Throttle::of_registrations(), Instant::now());
        let taken = |now| (0..100).filter(|_| throttle.take(net(1), now)).count();
        assert_eq!(taken(start), REGISTRATION_BURST as usize);
        assert_eq!(taken(start + REGISTRATION_REFILL), 1);
    }

    #[test]
    fn only_a_wrong_guess_counts() {
        let throttle = Throttle::of_guesses();
        let guess = |verdict| throttle.judged(net(1), || verdict);
        for _ in 0..100 {
            assert_eq!(guess(Verdict::Late), Verdict::Late);
        }
        (0..GUESS_BURST).for_each(|_| assert_eq!(guess(Verdict::Wrong), Verdict::Wrong));
        assert_eq!(guess(Verdict::Late), Verdict::TooMany);
    }

    proptest! {
        #[test]
        fn no_window_ever_holds_more_than_burst_and_refill(
            steps in proptest::collection::vec((0u64..30, any::<bool>()), 1..200),
        ) {
            let (throttle, mut now) = (Throttle::of_guesses(), Instant::now());
            let mut wrong = Vec::new();
            for (seconds, right) in steps {
                now += Duration::from_secs(seconds);
                if throttle.take(net(1), now) {
                    if right { throttle.give_back(net(1)) } else { wrong.push(now) }
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
