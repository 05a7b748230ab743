//! Sanitising text from clients: decoded and cleaned here, once, and trusted afterwards.
//!
//! No user can forge a line, an escape sequence or a right-to-left override in a terminal or in a log.

use std::borrow::Cow;
use std::fmt;

/// Replaces a character that may not be shown.
const REPLACEMENT: char = '\u{FFFD}';

/// The bytes were not valid UTF-8.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotUtf8;

/// Decodes and cleans one line from a client, without its line end.
///
/// # Errors
/// [`NotUtf8`] when the bytes are not valid UTF-8; they must not be shown then.
pub fn decode(bytes: &[u8]) -> Result<Cow<'_, str>, NotUtf8> {
    let text = std::str::from_utf8(bytes).map_err(|_| NotUtf8)?;
    Ok(if is_printable_ascii(bytes) { Cow::Borrowed(text) } else { Cow::Owned(clean(text)) })
}

/// Whether every byte is a printable ASCII character, so that there is nothing to clean.
pub(super) fn is_printable_ascii(bytes: &[u8]) -> bool {
    // Without an early exit the loop has no branch and is vectorised.
    bytes.iter().fold(true, |plain, byte| plain & matches!(byte, b' '..=b'~'))
}

/// Whether a character draws nothing: white space, what Unicode calls default-ignorable, and the few others without ink.
pub fn draws_nothing(c: char) -> bool {
    match c {
        '!'..='~' => false,
        // Default_Ignorable_Code_Point (Unicode 16, DerivedCoreProperties.txt).
        '\u{AD}' | '\u{34F}' | '\u{61C}' | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}' => true,
        '\u{180B}'..='\u{180F}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' => true,
        '\u{2060}'..='\u{206F}' | '\u{3164}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{FFA0}' => true,
        '\u{FFF0}'..='\u{FFF8}' | '\u{1BCA0}'..='\u{1BCA3}' | '\u{1D173}'..='\u{1D17A}' => true,
        '\u{E0000}'..='\u{E0FFF}' => true,
        // Interlinear annotation, the empty Braille cell, a note without a head, and the filler of the Khitan script.
        '\u{FFF9}'..='\u{FFFB}' | '\u{2800}' | '\u{1D159}' | '\u{16FE4}' => true,
        other => other.is_whitespace(),
    }
}

/// Makes text safe to show: control characters become U+FFFD, tabs become spaces, invisible direction marks are removed.
pub fn clean(text: &str) -> String {
    text.chars().filter_map(harmless).collect()
}

/// What a character is shown as; `None` if it is removed.
pub(super) fn harmless(c: char) -> Option<char> {
    match c {
        '\t' => Some(' '),
        '\0'..='\x1F' | '\x7F'..='\u{9F}' | '\u{2028}' | '\u{2029}' => Some(REPLACEMENT),
        '\u{61C}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' => None,
        '\u{FEFF}' | '\u{200B}' | '\u{2060}' | '\u{E0000}'..='\u{E007F}' => None,
        other => Some(other),
    }
}

/// The first `max` characters of `text`, followed by `…` if it was longer: for quoting input in an answer.
pub fn shorten(text: &str, max: usize) -> String {
    match text.char_indices().nth(max) {
        None => text.to_owned(),
        Some((cut, _)) => format!("{}…", &text[..cut]),
    }
}

/// A text as a JSON string, with everything escaped that a terminal could act on.
pub fn quote(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quote_into(&mut quoted, text);
    quoted
}

/// Appends what [`quote`] makes of a text.
pub fn quote_into(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') => {
                // Writing to a string does not fail.
                let _ = fmt::Write::write_fmt(out, format_args!("\\u{:04x}", u32::from(c)));
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

/// Shows client text inside a log line, with everything except printable ASCII escaped, so that an event stays one line.
pub struct Escaped<'a>(pub &'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            match c {
                ' '..='~' if c != '\\' => fmt::Write::write_char(f, c)?,
                other => write!(f, "{}", other.escape_default())?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn forbidden(c: char) -> bool {
        c.is_control()
            || matches!(
                c,
                '\u{2028}' | '\u{2029}' | '\u{61C}' | '\u{200E}' | '\u{200F}' | '\u{FEFF}' | '\u{200B}' | '\u{2060}'
            )
            || ('\u{202A}'..='\u{202E}').contains(&c)
            || ('\u{2066}'..='\u{2069}').contains(&c)
            || ('\u{E0000}'..='\u{E007F}').contains(&c)
    }

    #[test]
    fn no_code_point_lets_a_forbidden_one_through() {
        for c in (0..=0x10_FFFF).filter_map(char::from_u32) {
            let out = clean(&c.to_string());
            assert!(!out.chars().any(forbidden), "{c:?} became {out:?}");
            assert!(forbidden(c) || out.chars().eq([c]), "{c:?} was changed to {out:?}");
        }
    }

    #[test]
    fn joiners_and_inner_spaces_are_kept() {
        assert_eq!(decode("a  b\tc".as_bytes()).unwrap(), "a  b c");
        assert_eq!(decode("\u{1F468}\u{200D}\u{1F469}".as_bytes()).unwrap(), "\u{1F468}\u{200D}\u{1F469}");
        assert_eq!(decode("\x1B[31mred".as_bytes()).unwrap(), "\u{FFFD}[31mred");
        assert_eq!(decode(&[0xC3, 0x28]), Err(NotUtf8));
    }

    #[test]
    fn quotes_are_bounded_and_log_text_is_one_line() {
        assert_eq!(shorten("abc", 3), "abc");
        assert_eq!(shorten("äbcd", 2), "äb…");
        assert_eq!(Escaped("a\nb\u{1B}[0m\\").to_string(), "a\\nb\\u{1b}[0m\\\\");
    }

    proptest! {
        #[test]
        fn any_bytes_decode_to_safe_text_or_are_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            match decode(&bytes) {
                Ok(text) => prop_assert!(!text.chars().any(forbidden)),
                Err(NotUtf8) => prop_assert!(std::str::from_utf8(&bytes).is_err()),
            }
        }

        #[test]
        fn cleaning_is_idempotent(text in any::<String>()) {
            let once = clean(&text);
            prop_assert_eq!(clean(&once), once);
        }
    }
}
