//! The text of a message: run, stream and sequence number, padded to the requested size.

use std::io::Write;

/// The smallest text, in bytes.
pub(crate) const MIN_SIZE: usize = HEADER;

/// Length of the header `RRRRR SSSSS NNNNNNNNNN `, in digits.
const HEADER: usize = 5 + 1 + 5 + 1 + 10 + 1;

/// The highest run and stream number: five digits.
const MAX_NUMBER: u32 = 99_999;

/// Identifies a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    /// The run, so that messages of an earlier run are told apart.
    pub(crate) run: u32,
    /// The stream: one sender in one destination.
    pub(crate) stream: u32,
    /// The position in its stream, counted from 0.
    pub(crate) sequence: u32,
}

/// Writes and reads texts of one size.
#[derive(Clone, Debug)]
pub(crate) struct Payload {
    filler: Vec<u8>,
}

impl Payload {
    /// Texts of `size` bytes, but at least [`MIN_SIZE`].
    pub(crate) fn new(size: usize) -> Payload {
        Payload { filler: vec![b'x'; size.saturating_sub(HEADER)] }
    }

    /// Replaces the contents of `out` with the text of a message.
    pub(crate) fn write(&self, stamp: Stamp, out: &mut Vec<u8>) {
        out.clear();
        let Stamp { run, stream, sequence } = stamp;
        // Writing to a `Vec` cannot fail.
        let _ = write!(out, "{:05} {:05} {sequence:010} ", run % (MAX_NUMBER + 1), stream.min(MAX_NUMBER));
        out.extend_from_slice(&self.filler);
    }

    /// Identifies a text; `None` unless it is byte for byte as [`Payload::write`] makes it.
    pub(crate) fn read(&self, text: &[u8]) -> Option<Stamp> {
        let (header, filler) = text.split_at_checked(HEADER)?;
        let spaced = header[5] == b' ' && header[11] == b' ' && header[22] == b' ';
        if !spaced || filler != self.filler {
            return None;
        }
        Some(Stamp { run: digits(&header[..5])?, stream: digits(&header[6..11])?, sequence: digits(&header[12..22])? })
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
        fn every_text_identifies_its_message(run in 0..=MAX_NUMBER, stream in 0..=MAX_NUMBER, sequence: u32, size in 0..300usize) {
            let (payload, mut text) = (Payload::new(size), Vec::new());
            let stamp = Stamp { run, stream, sequence };
            payload.write(stamp, &mut text);
            prop_assert_eq!(text.len(), size.max(MIN_SIZE));
            prop_assert_eq!(payload.read(&text), Some(stamp));
        }

        #[test]
        fn a_damaged_text_is_rejected(cut in 0..100usize, at in 0..100usize) {
            let (payload, mut text) = (Payload::new(100), Vec::new());
            payload.write(Stamp { run: 7, stream: 3, sequence: 99 }, &mut text);
            prop_assert_eq!(payload.read(&text[..cut]), None);
            text[at] = b'?';
            prop_assert_eq!(payload.read(&text), None);
        }

        #[test]
        fn reading_any_bytes_never_panics(text: Vec<u8>) {
            Payload::new(50).read(&text);
        }
    }
}
