//! Floor 0: places where a test can order a fault. Without the feature `failpoints` they do nothing.

/// Panics if a test has ordered a fault for this place and this victim.
#[cfg(not(feature = "failpoints"))]
#[inline]
pub fn reach(_place: &'static str, _victim: &impl std::fmt::Display) {}

#[cfg(feature = "failpoints")]
pub use ordered::{order, reach};

#[cfg(feature = "failpoints")]
mod ordered {
    use std::fmt::Display;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use crate::lock::Mutex;

    /// How many faults are ordered. Almost always none, and then nothing else is looked at.
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    // lock tier 9: a leaf.
    static ORDERED: Mutex<Vec<(&'static str, String)>, 9> = Mutex::new(Vec::new());

    /// Orders one panic, the next time this victim reaches this place.
    pub fn order(place: &'static str, victim: &str) {
        ORDERED.lock().push((place, victim.to_owned()));
        COUNT.fetch_add(1, Ordering::SeqCst);
    }

    /// Panics if a test has ordered a fault for this place and this victim.
    pub fn reach(place: &'static str, victim: &impl Display) {
        if COUNT.load(Ordering::SeqCst) == 0 {
            return;
        }
        let victim = victim.to_string();
        let mut ordered = ORDERED.lock();
        let Some(at) = ordered.iter().position(|(at, whom)| *at == place && *whom == victim) else { return };
        ordered.swap_remove(at);
        COUNT.fetch_sub(1, Ordering::SeqCst);
        drop(ordered);
        panic!("a test asked for this panic at {place}");
    }
}
