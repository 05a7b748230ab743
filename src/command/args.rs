//! A cursor over the words after a command.

use std::borrow::Cow;
use std::time::Duration;

use crate::model::limits::{REASON_CHARS, TOPIC_CHARS};
use crate::model::sanction::{duration, looks_like_duration};
use crate::model::{UserError, text};

/// The rest of the words after a command. Words are separated by white space; a message keeps the spaces inside it.
pub struct Args<'a> {
    rest: &'a str,
    error: Option<UserError>,
}

impl<'a> Args<'a> {
    /// All the words of `text`.
    pub fn new(text: &'a str) -> Args<'a> {
        Args { rest: text.trim_start(), error: None }
    }

    /// The next word.
    pub fn word(&mut self) -> Option<&'a str> {
        let (word, rest) = self.split();
        self.rest = rest;
        (!word.is_empty()).then_some(word)
    }

    /// The whole rest, safe to show; `None` if it would show nothing.
    pub fn text(&mut self) -> Option<Cow<'a, str>> {
        let text = std::mem::take(&mut self.rest);
        (!text.chars().all(text::draws_nothing)).then(|| shown(text))
    }

    /// The whole rest, safe to show, which stays.
    pub fn peek_text(&self) -> Cow<'a, str> {
        shown(self.rest)
    }

    /// The next word, which stays; empty if there is none.
    pub fn peek(&self) -> &'a str {
        self.split().0
    }

    fn split(&self) -> (&'a str, &'a str) {
        let (word, rest) = self.rest.split_once(char::is_whitespace).unwrap_or((self.rest, ""));
        (word, rest.trim_start())
    }

    /// The rest as a reason, cut to [`REASON_CHARS`]; `None` if nothing is left.
    pub fn reason(&mut self) -> Option<String> {
        self.text().map(|why| text::shorten(&why, REASON_CHARS))
    }

    /// The rest as a topic, cut to [`TOPIC_CHARS`]; `None` if nothing is left.
    pub fn topic(&mut self) -> Option<String> {
        self.text().map(|topic| text::shorten(&topic, TOPIC_CHARS))
    }

    /// The rest after this prefix, in any case, if it comes next.
    pub fn after(&mut self, beginning: &str) -> Option<Cow<'a, str>> {
        let (start, text) = self.rest.split_at_checked(beginning.len())?;
        if !start.eq_ignore_ascii_case(beginning) {
            return None;
        }
        self.rest = "";
        Some(shown(text.trim_start()))
    }

    /// The next word if `read` accepts it; otherwise it stays.
    pub fn word_as<T>(&mut self, read: impl FnOnce(&str) -> Option<T>) -> Option<T> {
        let (word, rest) = self.split();
        let made = read(word)?;
        self.rest = rest;
        Some(made)
    }

    /// A time that may be left out before a reason: how long, or `None` for good. A word that looks like a time and is none
    /// is an error, and so is a time in the wrong place: a reason must not swallow it.
    pub fn time(&mut self) -> Option<Option<Duration>> {
        let before = self.rest;
        let introduced = self.word_as(|word| word.eq_ignore_ascii_case("for").then_some(())).is_some();
        if self.word_as(|word| word.eq_ignore_ascii_case("forever").then_some(())).is_some() {
            return Some(None);
        }
        if looks_like_duration(self.peek()) {
            return self.given_time().map(Some);
        }
        if introduced {
            self.rest = before;
        }
        match self.rest.split_whitespace().next_back().filter(|last| duration(last).is_some()) {
            Some(last) => self.fail(UserError::BadTime(last.to_owned())),
            None => Some(None),
        }
    }

    /// The next word, which must be a time.
    pub fn given_time(&mut self) -> Option<Duration> {
        let word = self.word()?;
        duration(word).or_else(|| self.fail(UserError::BadTime(word.to_owned())))
    }

    /// What is wrong with the words, if there is more to say than how they are written.
    pub fn take_error(&mut self) -> Option<UserError> {
        self.error.take()
    }

    fn fail<T>(&mut self, error: UserError) -> Option<T> {
        self.error = Some(error);
        None
    }

    /// The next word, which must be `on` or `off`.
    pub fn switch(&mut self) -> Option<bool> {
        let word = self.word()?;
        let (on, off) = (word.eq_ignore_ascii_case("on"), word.eq_ignore_ascii_case("off"));
        (on || off).then_some(on)
    }

    /// Checks that nothing is left.
    pub fn end(&self) -> Option<()> {
        self.rest.trim_end().is_empty().then_some(())
    }

    /// The next word, which must be the last.
    pub fn only_word(&mut self) -> Option<&'a str> {
        let word = self.word()?;
        self.end()?;
        Some(word)
    }
}

/// Words as they may be shown; the white space between them may be of a kind that may not.
fn shown(words: &str) -> Cow<'_, str> {
    match words.chars().any(|c| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')) {
        true => text::clean(words).trim().to_owned().into(),
        false => words.trim_end().into(),
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
        assert_eq!(args.text(), Some("hi  there".into()));
        assert_eq!((args.word(), args.text(), args.end()), (None, None, Some(())));
        assert_eq!(Args::new("a b").only_word(), None);
        let mut args = Args::new("10 x Topic= a  b");
        assert_eq!(
            (args.word_as(|word| word.parse::<u8>().ok()), args.word_as(|word| word.parse::<u8>().ok())),
            (Some(10), None)
        );
        assert_eq!(
            (args.after("topic="), args.word(), args.after("topic="), args.end()),
            (None, Some("x"), Some("a  b".into()), Some(()))
        );
    }

    #[test]
    fn a_time_is_never_part_of_a_reason() {
        let parse = |words: &str| {
            let mut args = Args::new(words);
            args.time().map(|time| (time.map(|time| time.as_secs()), args.reason())).ok_or_else(|| args.take_error())
        };
        for (words, time, why) in [
            ("", None, ""),
            ("1w spam", Some(604_800), "spam"),
            ("for 1h30m 2 reasons", Some(5_400), "2 reasons"),
            ("FOREVER 3 strikes", None, "3 strikes"),
            ("for good behaviour", None, "for good behaviour"),
            ("spam", None, "spam"),
        ] {
            let why = Some(why.to_owned()).filter(|why| !why.is_empty());
            assert_eq!(parse(words), Ok((time, why)), "{words}");
        }
        for words in ["30", "1x spam", "-1d", "1.5h spam", "for 30 spam", "10 minutes", "spam 30m", "1month", "7dd"] {
            assert!(matches!(parse(words), Err(Some(UserError::BadTime(_)))), "{words}");
        }
    }

    #[test]
    fn any_white_space_ends_a_word_and_none_is_shown_raw() {
        for space in (0..=0x10_FFFF).filter_map(char::from_u32).filter(|c| c.is_whitespace()) {
            let line = format!("bob{space}hi{space}there{space}");
            let mut args = Args::new(&line);
            assert_eq!(args.word(), Some("bob"), "{space:?}");
            let text = args.text().unwrap();
            assert_eq!(text, text::clean(&text), "{space:?}");
            assert!(text.starts_with("hi") && text.trim_end_matches('\u{FFFD}').ends_with("there"), "{text:?}");
        }
        assert_eq!(Args::new("\u{3164}\u{AD} \u{200D}").text(), None);
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
