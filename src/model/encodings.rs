//! The bytes of an event, remembered for all who are told it.

use std::sync::OnceLock;

/// How many ways there are to encode an event; each dialect owns one slot.
const ENCODINGS: usize = 6;

/// The bytes of one event in each dialect in which somebody was told it. Mostly all of them have the same one, so there is
/// room for one in place.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Encodings {
    first: OnceLock<(usize, Vec<u8>)>,
    others: OnceLock<Box<[OnceLock<Vec<u8>>; ENCODINGS]>>,
}

impl Encodings {
    /// The bytes in the dialect that owns `slot`, made by `encode` the first time.
    pub(super) fn get(&self, slot: usize, encode: impl Fn() -> Vec<u8>) -> &[u8] {
        let (taken, bytes) = self.first.get_or_init(|| (slot, encode()));
        if *taken == slot {
            return bytes;
        }
        let others = self.others.get_or_init(Box::default);
        others[slot].get_or_init(encode)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn each_dialect_encodes_once() {
        let (encodings, made) = (Encodings::default(), Cell::new(0));
        let get = |slot: usize| {
            encodings.get(slot, || {
                made.set(made.get() + 1);
                vec![u8::try_from(slot).unwrap()]
            })
        };
        for slot in [3, 0, 5, 0, 3, 5] {
            assert_eq!(usize::from(get(slot)[0]), slot);
        }
        assert_eq!(made.get(), 3);
    }
}
