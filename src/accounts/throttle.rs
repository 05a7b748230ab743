//! Wrong guesses per address: a burst, then one more every now and then, whatever was guessed and however often.
//!
//! For each address one moment is kept: when it will have all its tries again. Each try moves that moment away by one
//! refill; a try that would move it beyond the whole burst is refused. Whose moment has come is forgotten.

use std::collections::{BTreeSet, HashMap};
use std::time::Instant;

use parking_lot::Mutex;

use crate::model::Origin;
use crate::model::limits::{GUESS_ADDRESSES, GUESS_BURST, GUESS_REFILL};

/// Counts wrong guesses per address, for all sessions together.
#[derive(Default)]
pub struct Throttle {
    book: Mutex<Book>,
}

/// The same moments twice: found by address, and in the order in which they come.
#[derive(Default)]
struct Book {
    full_at: HashMap<Origin, Instant>,
    order: BTreeSet<(Instant, Origin)>,
}

impl Throttle {
    /// A throttle that remembers nobody yet.
    pub fn new() -> Throttle {
        Throttle::default()
    }

    /// Takes one try from this address, before the guess is judged; `false` when it has none left.
    ///
    /// Taken before and not counted after, so that a hundred guesses at the same time are a hundred tries.
    pub fn take(&self, origin: Origin, now: Instant) -> bool {
        if origin.is_exempt() {
            return true;
        }
        let mut book = self.book.lock();
        book.forget_full(now);
        let full_at = book.full_at.get(&origin).copied().unwrap_or(now) + GUESS_REFILL;
        if full_at > now + GUESS_REFILL * GUESS_BURST {
            return false;
        }
        book.set(origin, full_at);
        true
    }

    /// Gives one try back: the guess was right, or was never judged.
    pub fn give_back(&self, origin: Origin) {
        let mut book = self.book.lock();
        let earlier = book.full_at.get(&origin).and_then(|full_at| full_at.checked_sub(GUESS_REFILL));
        if let Some(full_at) = earlier {
            book.set(origin, full_at);
        }
    }
}

impl Book {
    fn set(&mut self, origin: Origin, full_at: Instant) {
        if let Some(old) = self.full_at.insert(origin, full_at) {
            self.order.remove(&(old, origin));
        } else if self.order.len() >= GUESS_ADDRESSES
            && let Some((_, fullest)) = self.order.pop_first()
        {
            self.full_at.remove(&fullest);
        }
        self.order.insert((full_at, origin));
    }

    fn forget_full(&mut self, now: Instant) {
        while let Some((_, origin)) = self.order.first().copied().filter(|(full_at, _)| *full_at <= now) {
            self.order.pop_first();
            self.full_at.remove(&origin);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::net::{IpAddr, Ipv4Addr};
    use std::time::Duration;

    fn origin(n: u32) -> Origin {
        Origin::of(IpAddr::V4(Ipv4Addr::from_bits(0x0A00_0000 + n)))
    }

    fn remembered(throttle: &Throttle) -> usize {
        let book = throttle.book.lock();
        assert_eq!(book.full_at.len(), book.order.len());
        assert!(book.order.iter().all(|(at, origin)| book.full_at.get(origin) == Some(at)));
        book.order.len()
    }

    #[test]
    fn a_hundred_guessers_from_one_address_get_13_guesses_a_minute() {
        let (throttle, start) = (Throttle::new(), Instant::now());
        let judged = (0..600)
            .flat_map(|tenth| (0..100).map(move |_| start + Duration::from_millis(tenth * 100)))
            .filter(|now| throttle.take(origin(1), *now))
            .count();
        assert!((12..=13).contains(&judged), "{judged}");
        assert!(throttle.take(origin(2), start + Duration::from_secs(60)), "another address has its own tries");
    }

    #[test]
    fn right_passwords_cost_no_tries() {
        let (throttle, now) = (Throttle::new(), Instant::now());
        for _ in 0..1000 {
            assert!(throttle.take(origin(1), now));
            throttle.give_back(origin(1));
        }
        assert_eq!((0..100).filter(|_| throttle.take(origin(1), now)).count(), GUESS_BURST as usize);
        throttle.give_back(origin(9));
        assert_eq!(remembered(&throttle), 1, "giving back to a stranger remembers nobody");
    }

    #[test]
    fn loopback_is_exempt_and_not_remembered() {
        let (throttle, now) = (Throttle::new(), Instant::now());
        let local = Origin::of(IpAddr::V4(Ipv4Addr::LOCALHOST));
        assert!((0..1000).all(|_| throttle.take(local, now)));
        assert_eq!(remembered(&throttle), 0);
    }

    #[test]
    fn a_flood_of_addresses_is_bounded_and_does_not_free_the_worst() {
        let (throttle, now) = (Throttle::new(), Instant::now());
        while throttle.take(origin(0), now) {}
        for n in 1..30_000 {
            assert!(throttle.take(origin(n), now));
        }
        assert_eq!(remembered(&throttle), GUESS_ADDRESSES);
        assert!(!throttle.take(origin(0), now), "the fullest were forgotten, not the emptiest");
        let later = now + GUESS_REFILL * GUESS_BURST;
        assert!(throttle.take(origin(1), later));
        assert_eq!(remembered(&throttle), 1, "who has all tries again is forgotten");
    }

    proptest! {
        #[test]
        fn no_window_ever_holds_more_than_burst_and_refill(
            steps in proptest::collection::vec((0u64..30, any::<bool>()), 1..200),
        ) {
            let (throttle, mut now) = (Throttle::new(), Instant::now());
            let mut wrong = Vec::new();
            for (seconds, right) in steps {
                now += Duration::from_secs(seconds);
                if throttle.take(origin(1), now) {
                    if right { throttle.give_back(origin(1)) } else { wrong.push(now) }
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
