//! One line from a client: cleaned, then decided to be a command or text. Every door asks here, and nowhere else.
//!
//! The first character that a person would see decides. Key presses that a terminal sends as escape sequences, control
//! characters and characters that draw nothing never change the decision.

use std::borrow::Cow;

use super::text::{NotUtf8, clean, draws_nothing, harmless, is_printable_ascii};

const ESC: char = '\x1B';
/// The one-character forms of `ESC [` and `ESC O`.
const CSI: char = '\u{9B}';
const SS3: char = '\u{8F}';

/// A line, decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line<'a> {
    /// Nothing that anyone would see.
    Nothing,
    /// A command: what follows the slash. White space that may not be shown is still in it, because it separates words; it
    /// is cleaned where words are taken out.
    Command(Cow<'a, str>),
    /// Text for a conversation, clean and without white space around it.
    Text(Cow<'a, str>),
}

impl<'a> Line<'a> {
    /// Decides about the bytes of one line, without its line end.
    ///
    /// # Errors
    /// [`NotUtf8`] when the bytes are not valid UTF-8; they must not be shown then.
    pub fn decode(bytes: &'a [u8]) -> Result<Line<'a>, NotUtf8> {
        Ok(Line::of(std::str::from_utf8(bytes).map_err(|_| NotUtf8)?))
    }

    /// Decides about one line, without its line end.
    pub fn of(line: &'a str) -> Line<'a> {
        if is_printable_ascii(line.as_bytes()) {
            let line = line.trim();
            return match line.strip_prefix('/') {
                _ if line.is_empty() => Line::Nothing,
                Some(rest) if rest.starts_with('/') => Line::Text(rest.into()),
                Some(rest) => Line::Command(rest.into()),
                None => Line::Text(line.into()),
            };
        }
        let line = without_keys(line.trim_end_matches('\0'));
        let Some(rest) = skip_unseen(&line, is_unseen).strip_prefix('/') else { return Line::text(&clean(&line)) };
        match skip_unseen(rest, |c| !c.is_whitespace() && is_unseen(c)) {
            text if text.starts_with('/') => Line::text(&clean(text)),
            _ => Line::Command(separated(rest).into()),
        }
    }

    fn text(line: &str) -> Line<'a> {
        match line.chars().all(draws_nothing) {
            true => Line::Nothing,
            false => Line::Text(line.trim().to_owned().into()),
        }
    }
}

/// The first word of a command and what follows it. Characters that draw nothing are no part of the word.
pub fn split_word(command: &str) -> (Cow<'_, str>, &str) {
    let (word, rest) = command.split_once(char::is_whitespace).unwrap_or((command, ""));
    match word.is_ascii() {
        true => (word.into(), rest),
        false => (word.chars().filter(|c| !draws_nothing(*c)).collect::<String>().into(), rest),
    }
}

/// A name as typed before the login or in a request: without key presses, unseen characters and white space around it.
/// Other white space is a space. Bytes that are not UTF-8 are no name, and stay as they are.
pub fn clean_name(typed: &[u8]) -> Cow<'_, [u8]> {
    let Ok(text) = std::str::from_utf8(typed) else { return typed.trim_ascii().into() };
    if is_printable_ascii(typed) {
        return typed.trim_ascii().into();
    }
    let text = without_keys(text);
    let seen = text.chars().filter_map(|c| match c {
        c if c.is_whitespace() => Some(' '),
        c => (!is_unseen(c)).then_some(c),
    });
    seen.collect::<String>().trim().as_bytes().to_vec().into()
}

/// A secret as typed: without key presses, and without what programs put around it, a byte order mark and NULs. Nothing else
/// is changed.
pub fn clean_secret(typed: &[u8]) -> Cow<'_, [u8]> {
    let nul = |byte: &u8| *byte == 0;
    let start = typed.iter().take_while(|byte| nul(byte)).count();
    let end = typed.len() - typed[start..].iter().rev().take_while(|byte| nul(byte)).count();
    let typed = &typed[start..end];
    let typed = typed.strip_prefix("\u{FEFF}".as_bytes()).unwrap_or(typed);
    match std::str::from_utf8(typed).map(without_keys) {
        Ok(Cow::Owned(text)) => text.into_bytes().into(),
        Ok(Cow::Borrowed(_)) | Err(_) => typed.into(),
    }
}

/// Makes a command safe to split: like [`clean`], but white space stays what it is.
fn separated(command: &str) -> String {
    command.chars().filter_map(|c| if c.is_whitespace() { Some(c) } else { harmless(c) }).collect()
}

/// Removes each key press that a terminal has sent as an escape sequence: arrows, function keys, the marks around a paste.
pub fn without_keys(text: &str) -> Cow<'_, str> {
    let introduces = |c: char| matches!(c, ESC | CSI | SS3);
    let Some(first) = text.find(introduces) else { return text.into() };
    let (mut kept, mut rest) = (text[..first].to_owned(), &text[first..]);
    while let Some(at) = rest.find(introduces) {
        kept.push_str(&rest[..at]);
        rest = &rest[at..];
        let skip = key_length(rest);
        if skip == 0 {
            kept.extend(rest.chars().next());
        }
        rest = &rest[skip.max(rest.chars().next().map_or(0, char::len_utf8))..];
    }
    kept.push_str(rest);
    kept.into()
}

/// The length of the key press at the front of `text`; 0 if there is none.
fn key_length(text: &str) -> usize {
    // Some terminals put an ESC before the sequence of a key that is pressed together with Alt.
    if let Some(rest) = text.strip_prefix(ESC).filter(|rest| rest.starts_with(ESC)) {
        return match key_length(rest) {
            0 => 0,
            length => length + 1,
        };
    }
    let length = |rest: &str| text.len() - rest.len();
    if let Some(rest) = text.strip_prefix("\x1B[").or_else(|| text.strip_prefix(CSI)) {
        // The function keys of a Linux console.
        if let Some(rest) = rest.strip_prefix('[') {
            return rest.strip_prefix(|c: char| c.is_ascii_uppercase()).map_or(0, length);
        }
        let after = rest.trim_start_matches(|c| matches!(c, '0'..='?'));
        let parameters = &rest[..rest.len() - after.len()];
        let is_key = |c: char| match c {
            'A'..='I' | 'O'..='S' | 'Z' | 'c' | 'n' | 't' | 'u' | 'y' | '~' => true,
            'M' | 'm' => parameters.starts_with('<'),
            _ => false,
        };
        return after.strip_prefix(is_key).map_or(0, length);
    }
    let Some(rest) = text.strip_prefix("\x1BO").or_else(|| text.strip_prefix(SS3)) else { return 0 };
    let after = rest.trim_start_matches(|c: char| c.is_ascii_digit());
    after.strip_prefix(|c| matches!(c, 'A'..='S' | 'X' | 'j'..='y')).map_or(0, length)
}

/// What is left of `text` from the first character that is not `unseen`, and in no escape sequence.
fn skip_unseen(text: &str, unseen: impl Fn(char) -> bool) -> &str {
    let mut rest = text;
    loop {
        rest = rest.trim_start_matches(|c| c != ESC && c != CSI && unseen(c));
        match rest.chars().next() {
            Some(c @ (ESC | CSI)) => rest = &rest[sequence_length(rest).max(c.len_utf8())..],
            _ => return rest,
        }
    }
}

/// The length of the escape sequence of any kind at the front of `text`; 0 if there is none that is complete.
fn sequence_length(text: &str) -> usize {
    if let Some(rest) = text.strip_prefix("\x1B[").or_else(|| text.strip_prefix(CSI)) {
        let after = rest.trim_start_matches(|c| matches!(c, ' '..='?'));
        // A slash may be an intermediate character, but here it begins a command.
        return match after.strip_prefix(|c| matches!(c, '@'..='~')) {
            Some(after) if !rest[..rest.len() - after.len()].contains('/') => text.len() - after.len(),
            _ => 0,
        };
    }
    let Some(rest) = text.strip_prefix("\x1B]") else { return 0 };
    rest.find('\x07').map_or(0, |end| text.len() - rest.len() + end + 1)
}

fn is_unseen(c: char) -> bool {
    c.is_control() || draws_nothing(c)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const UNSEEN: [&str; 22] = [
        "\x1B[A",
        "\x1B[1;5C",
        "\x1BOP",
        "\x1B\x1B[D",
        "\x1B[[B",
        "\x1B[200~",
        "\x1B[201~",
        "\x1B[31m",
        "\x1B[<0;12;3M",
        "\x1B]0;title\x07",
        "\x1B",
        "\x04",
        "\0",
        "\u{9B}A",
        "\u{AD}",
        "\u{FEFF}",
        "\u{200B}",
        "\u{200D}",
        "\u{3164}",
        "\u{2800}",
        " ",
        "\u{3000}",
    ];

    fn unseen() -> impl Strategy<Value = String> {
        proptest::collection::vec(proptest::sample::select(UNSEEN.to_vec()), 0..6).prop_map(|parts| parts.concat())
    }

    #[test]
    fn a_key_press_is_removed_whole() {
        for key in &UNSEEN[..7] {
            assert_eq!(without_keys(&format!("a{key}b")), "ab", "{key:?}");
        }
        for text in ["\x1B[31mred\x1B[0m", "\x1Bx", "\x1B[", "\x1B", "\u{9B}1m", "a[Ab"] {
            assert_eq!(without_keys(text), text);
        }
    }

    #[test]
    fn the_first_visible_character_decides() {
        for prefix in UNSEEN {
            assert_eq!(Line::of(&format!("{prefix}/msg bob hi")), Line::Command("msg bob hi".into()), "{prefix:?}");
            assert_eq!(
                Line::of(&format!("/{prefix}/msg bob")),
                match prefix.trim().is_empty() {
                    true => Line::Command(format!("{prefix}/msg bob").into()),
                    false => Line::Text("/msg bob".into()),
                }
            );
        }
        assert_eq!(Line::of("x/msg bob"), Line::Text("x/msg bob".into()));
        assert_eq!(Line::of("//etc/hosts "), Line::Text("/etc/hosts".into()));
        assert_eq!(Line::of("\u{FEFF}//ünder"), Line::Text("/ünder".into()));
    }

    #[test]
    fn a_line_that_draws_nothing_is_nothing() {
        for nothing in ["", " ", "\x1B[A", "\u{3164}", "\u{FE0F}", "\0\0", "\u{200D}\u{A0}", "\u{115F}", "\u{2800}"] {
            assert_eq!(Line::of(nothing), Line::Nothing, "{nothing:?}");
        }
        assert_eq!(Line::of("hi\0\0"), Line::Text("hi".into()));
    }

    #[test]
    fn names_and_secrets_lose_what_programs_add() {
        for typed in ["\u{FEFF}alice", "alice\0\0\0", " alice\t", "\x1B[Aalice", "al\u{AD}ice", "\0alice"] {
            assert_eq!(clean_name(typed.as_bytes()), "alice".as_bytes(), "{typed:?}");
        }
        assert_eq!(clean_name("a\u{A0}b".as_bytes()), "a b".as_bytes());
        for typed in ["\u{FEFF}pass word ", "pass word \0\0", "\0pass word ", "pass\x1B[D word "] {
            assert_eq!(clean_secret(typed.as_bytes()), "pass word ".as_bytes(), "{typed:?}");
        }
        assert_eq!(clean_secret(b"\xFFx\0"), &b"\xFFx"[..]);
    }

    proptest! {
        #[test]
        fn no_unseen_prefix_changes_the_decision(prefix in unseen(), command: bool, rest in "[a-z][a-z é/]{0,20}") {
            let line = if command { format!("/{rest}") } else { rest };
            let alone = Line::of(&line);
            let text = format!("{prefix}{line}");
            let prefixed = Line::of(&text);
            prop_assert_eq!(matches!(alone, Line::Command(_)), matches!(prefixed, Line::Command(_)));
            if let (Line::Command(alone), Line::Command(prefixed)) = (alone, prefixed) {
                prop_assert_eq!(alone.trim_end(), prefixed.trim_end());
            }
        }

        #[test]
        fn any_line_is_decided_and_safe(line in any::<String>()) {
            match Line::of(&line) {
                Line::Nothing => {}
                Line::Text(text) => prop_assert!(text == clean(&text) && !text.chars().all(draws_nothing)),
                Line::Command(rest) => prop_assert!(rest.chars().all(|c| c.is_whitespace() || harmless(c) == Some(c))),
            }
        }
    }
}
