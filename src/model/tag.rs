//! Tags: short words that a client gives its lines, to recognise what answers them.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// The longest tag, in bytes (all of them ASCII).
pub const MAX_TAG: usize = 32;

/// A tag: 1 to [`MAX_TAG`] letters, digits, `_`, `.` or `-`. The server compares none and gives them no meaning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tag(Arc<str>);

/// A text that is no tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BadTag;

impl Tag {
    /// The tag as it was given.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Tag {
    type Err = BadTag;

    fn from_str(text: &str) -> Result<Tag, BadTag> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-');
        let good = (1..=MAX_TAG).contains(&text.len()) && text.bytes().all(allowed);
        if good { Ok(Tag(text.into())) } else { Err(BadTag) }
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_short_and_has_nothing_to_escape() {
        let longest = "x".repeat(MAX_TAG);
        for good in ["7", "k3f9-17", "_.-", "A", &longest] {
            assert_eq!(good.parse::<Tag>().unwrap().as_str(), good);
        }
        let too_long = "x".repeat(MAX_TAG + 1);
        for bad in ["", " ", "a b", "a\"", "é", "a\u{200B}", "<b>", "a/b", &too_long] {
            assert_eq!(bad.parse::<Tag>(), Err(BadTag), "{bad:?}");
        }
    }
}
