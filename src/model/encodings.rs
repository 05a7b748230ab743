//! The encoded bytes of an event, cached for all its recipients.

use std::sync::OnceLock;

macro_rules! slots {
    ($($(#[$doc:meta])* $Slot:ident,)+) => {
        /// A cache entry of an event. Each dialect owns one, so that no two can collide.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Slot {
            $($(#[$doc])* $Slot,)+
        }

        const SLOTS: usize = [$(Slot::$Slot),+].len();
    };
}

slots! {
    /// Text for people.
    Plain,
    /// Text for people, with CRLF.
    PlainCrlf,
    /// Text for people, with ids.
    PlainIds,
    /// Text for people, with ids and CRLF.
    PlainCrlfIds,
    /// Tagged lines.
    Machine,
    /// Objects.
    Json,
}

/// The bytes of one event in each dialect that was needed so far. Usually all recipients use the same one, so the first
/// is stored in place.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Encodings {
    first: OnceLock<(Slot, Vec<u8>)>,
    others: OnceLock<Box<[OnceLock<Vec<u8>>; SLOTS]>>,
}

impl Encodings {
    /// The bytes for `slot`, made by `encode` the first time.
    pub(super) fn get(&self, slot: Slot, encode: impl Fn() -> Vec<u8>) -> &[u8] {
        let (taken, bytes) = self.first.get_or_init(|| (slot, encode()));
        if *taken == slot {
            return bytes;
        }
        let others = self.others.get_or_init(Box::default);
        others[slot as usize].get_or_init(encode)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn each_dialect_encodes_once() {
        let (encodings, made) = (Encodings::default(), Cell::new(0));
        let get = |slot: Slot| {
            encodings.get(slot, || {
                made.set(made.get() + 1);
                vec![slot as u8]
            })
        };
        for slot in [Slot::PlainIds, Slot::Plain, Slot::Json, Slot::Plain, Slot::PlainIds, Slot::Json] {
            assert_eq!(get(slot), [slot as u8]);
        }
        assert_eq!(made.get(), 3);
    }
}
