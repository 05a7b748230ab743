//! The text of a message: which run, which lane of it, and which message of the lane, filled up to the wanted size.

use std::io::Write;

/// The fewest bytes that a text has.
pub(crate) const SMALLEST: usize = HEAD;

/// `RRRRR LLLLL NNNNNNNNNN `, in digits.
const HEAD: usize = 5 + 1 + 5 + 1 + 10 + 1;

/// The most runs and lanes that there can be.
const MOST: u32 = 99_999;

/// Whose message a text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    /// The run, so that messages of an earlier one are not taken for those of this one.
    pub(crate) run: u32,
    /// The sender together with the place he speaks in.
    pub(crate) lane: u32,
    /// The message, counted from 0 in its lane.
    pub(crate) number: u32,
}

/// Makes and reads texts of one size.
#[derive(Clone, Debug)]
pub(crate) struct Payload {
    filler: Vec<u8>,
}

impl Payload {
    /// Texts of `size` bytes, or of [`SMALLEST`] if that is more.
    pub(crate) fn new(size: usize) -> Payload {
        Payload { filler: vec![b'x'; size.saturating_sub(HEAD)] }
    }

    /// Puts the text of a message in place of what is in `out`.
    pub(crate) fn write(&self, stamp: Stamp, out: &mut Vec<u8>) {
        out.clear();
        let Stamp { run, lane, number } = stamp;
        // Writing into memory cannot fail.
        let _ = write!(out, "{:05} {:05} {number:010} ", run % (MOST + 1), lane.min(MOST));
        out.extend_from_slice(&self.filler);
    }

    /// Whose message this is; `None` if it is not letter by letter what [`Payload::write`] makes.
    pub(crate) fn read(&self, text: &[u8]) -> Option<Stamp> {
        let (head, filler) = text.split_at_checked(HEAD)?;
        let spaced = head[5] == b' ' && head[11] == b' ' && head[22] == b' ';
        if !spaced || filler != self.filler {
            return None;
        }
        Some(Stamp { run: digits(&head[..5])?, lane: digits(&head[6..11])?, number: digits(&head[12..22])? })
    }
}

fn digits(text: &[u8]) -> Option<u32> {
    text.iter().try_fold(0u32, |number, digit| {
        let digit = digit.checked_sub(b'0').filter(|digit| *digit < 10)?;
        number.checked_mul(10)?.checked_add(digit.into())
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_text_says_whose_it_is(run in 0..=MOST, lane in 0..=MOST, number: u32, size in 0..300usize) {
            let (payload, mut text) = (Payload::new(size), Vec::new());
            let stamp = Stamp { run, lane, number };
            payload.write(stamp, &mut text);
            prop_assert_eq!(text.len(), size.max(SMALLEST));
            prop_assert_eq!(payload.read(&text), Some(stamp));
        }

        #[test]
        fn a_text_that_is_not_whole_is_nobodys(cut in 0..100usize, at in 0..100usize) {
            let (payload, mut text) = (Payload::new(100), Vec::new());
            payload.write(Stamp { run: 7, lane: 3, number: 99 }, &mut text);
            prop_assert_eq!(payload.read(&text[..cut]), None);
            text[at] = b'?';
            prop_assert_eq!(payload.read(&text), None);
        }

        #[test]
        fn no_text_at_all_makes_it_fail(text: Vec<u8>) {
            Payload::new(50).read(&text);
        }
    }
}
