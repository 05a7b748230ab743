//! A cursor over the words after a command.

use crate::model::limits::{REASON_CHARS, TOPIC_CHARS};
use crate::model::text;

/// The rest of the words after a command. Words are separated by spaces; a message keeps the spaces inside it.
pub struct Args<'a> {
    rest: &'a str,
}

impl<'a> Args<'a> {
    /// All the words of `text`.
    pub fn new(text: &'a str) -> Args<'a> {
        Args { rest: text.trim() }
    }

    /// The next word.
    pub fn word(&mut self) -> Option<&'a str> {
        let (word, rest) = self.rest.split_once(' ').unwrap_or((self.rest, ""));
        self.rest = rest.trim_start();
        (!word.is_empty()).then_some(word)
    }

    /// The whole rest, as written; at least one character.
    pub fn text(&mut self) -> Option<&'a str> {
        let text = std::mem::take(&mut self.rest);
        (!text.is_empty()).then_some(text)
    }

    /// The rest as a reason, cut to [`REASON_CHARS`]; `None` if nothing is left.
    pub fn reason(&mut self) -> Option<String> {
        self.text().map(|why| text::shorten(why, REASON_CHARS))
    }

    /// The rest as a topic, cut to [`TOPIC_CHARS`]; `None` if nothing is left.
    pub fn topic(&mut self) -> Option<String> {
        self.text().map(|topic| text::shorten(topic, TOPIC_CHARS))
    }

    /// The rest after this prefix, in any case, if it comes next.
    pub fn after(&mut self, beginning: &str) -> Option<&'a str> {
        let (start, text) = self.rest.split_at_checked(beginning.len())?;
        if !start.eq_ignore_ascii_case(beginning) {
            return None;
        }
        self.rest = "";
        Some(text.trim_start())
    }

    /// The next word if `read` accepts it; otherwise it stays.
    pub fn word_as<T>(&mut self, read: impl FnOnce(&str) -> Option<T>) -> Option<T> {
        let (word, rest) = self.rest.split_once(' ').unwrap_or((self.rest, ""));
        let made = read(word)?;
        self.rest = rest.trim_start();
        Some(made)
    }

    /// The next word, which must be `on` or `off`.
    pub fn switch(&mut self) -> Option<bool> {
        let word = self.word()?;
        let (on, off) = (word.eq_ignore_ascii_case("on"), word.eq_ignore_ascii_case("off"));
        (on || off).then_some(on)
    }

    /// Checks that nothing is left.
    pub fn end(&self) -> Option<()> {
        self.rest.is_empty().then_some(())
    }

    /// The next word, which must be the last.
    pub fn only_word(&mut self) -> Option<&'a str> {
        let word = self.word()?;
        self.end()?;
        Some(word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn words_end_at_spaces_and_texts_keep_theirs() {
        let mut args = Args::new("  bob   hi  there ");
        assert_eq!(args.word(), Some("bob"));
        assert_eq!(args.text(), Some("hi  there"));
        assert_eq!((args.word(), args.text(), args.end()), (None, None, Some(())));
        assert_eq!(Args::new("a b").only_word(), None);
        let mut args = Args::new("10 x Topic= a  b");
        assert_eq!(
            (args.word_as(|word| word.parse::<u8>().ok()), args.word_as(|word| word.parse::<u8>().ok())),
            (Some(10), None)
        );
        assert_eq!(
            (args.after("topic="), args.word(), args.after("topic="), args.end()),
            (None, Some("x"), Some("a  b"), Some(()))
        );
    }

    proptest! {
        #[test]
        fn the_words_together_are_the_whole_text(text in "[a-z /]{0,40}") {
            let mut args = Args::new(&text);
            let words: Vec<&str> = std::iter::from_fn(|| args.word()).collect();
            prop_assert_eq!(words, text.split_whitespace().collect::<Vec<_>>());
            prop_assert!(args.end().is_some());
        }
    }
}
