//! Words, as the search compares them: without case, accents and width, and as parts of words, because many languages write
//! no spaces between theirs.

use std::collections::BTreeSet;

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Stands behind the end of a word in its pieces. Nobody types it.
const END: char = '\u{E000}';

/// The most pieces of a search that are looked up; whether the rest fits is seen in each message that is found.
const PIECES_SOUGHT: usize = 32;

/// The text as it is compared: compatible forms become one (full and half width, ligatures), accents and case go.
fn fold(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    text.nfkd().filter(|c| !is_combining_mark(*c)).flat_map(char::to_lowercase).collect()
}

/// Whether a character stands between words. Symbols such as emoji are words.
fn separates(c: char) -> bool {
    match c {
        '\0'..='\x7F' => !c.is_ascii_alphanumeric(),
        // Quotes, dashes, dots and brackets, also of East Asian writing, and what joins characters.
        '¡' | '«' | '·' | '»' | '¿' | '\u{200B}'..='\u{206F}' => true,
        '\u{3001}'..='\u{3003}' | '\u{3008}'..='\u{3011}' | '\u{3014}'..='\u{301F}' => true,
        _ => c.is_whitespace() || c.is_control(),
    }
}

fn words(folded: &str) -> impl Iterator<Item = &str> {
    folded.split(separates).filter(|word| !word.is_empty())
}

/// All pieces of the words of a text, separated by spaces: three characters from each one on, with [`END`] behind the last.
pub(super) fn pieces(text: &str) -> String {
    let folded = fold(text);
    let mut all: BTreeSet<[char; 3]> = BTreeSet::new();
    for word in words(&folded) {
        let (mut first, mut second) = (None, None);
        for next in word.chars().chain([END, END]) {
            if let (Some(first), Some(second)) = (first, second) {
                all.insert([first, second, next]);
            }
            (first, second) = (second, Some(next));
        }
    }
    let mut line = String::with_capacity(all.len() * 4);
    for piece in all {
        line.extend(piece);
        line.push(' ');
    }
    line
}

/// What somebody searches for.
pub(super) struct Wanted {
    words: Vec<String>,
}

impl Wanted {
    /// All words of a text; `None` if it has none. Nothing that a user types is an operator.
    pub(super) fn parse(typed: &str) -> Option<Wanted> {
        let words: Vec<String> = words(&fold(typed)).map(str::to_owned).collect();
        (!words.is_empty()).then_some(Wanted { words })
    }

    /// Whether a text has all of them. A single letter or digit must be a word of its own, all others may be part of one.
    pub(super) fn is_in(&self, text: &str) -> bool {
        let folded = fold(text);
        self.words.iter().all(|wanted| match wanted.as_bytes() {
            [_] => words(&folded).any(|word| word == wanted),
            _ => words(&folded).any(|word| word.contains(wanted.as_str())),
        })
    }

    /// The query for the index of [`pieces`] that every such text answers.
    pub(super) fn query(&self) -> String {
        let mut all: BTreeSet<String> = BTreeSet::new();
        for word in &self.words {
            let chars: Vec<char> = word.chars().collect();
            match chars[..] {
                [one] if one.is_ascii() => drop(all.insert(format!("\"{one}{END}{END}\""))),
                [_] | [_, _] => drop(all.insert(format!("\"{word}\" *"))),
                _ => all.extend(chars.windows(3).map(|piece| format!("\"{}\"", String::from_iter(piece)))),
            }
        }
        let sought: Vec<String> = all.into_iter().take(PIECES_SOUGHT).collect();
        sought.join(" AND ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finds(text: &str, typed: &str) -> bool {
        Wanted::parse(typed).is_some_and(|wanted| wanted.is_in(text))
    }

    #[test]
    fn words_without_spaces_and_parts_of_words_are_found() {
        for (text, typed) in [
            ("今天天气很好", "天气"),
            ("今天天气很好", "好"),
            ("cake 🎉 at four", "🎉"),
            ("party🎉", "🎉"),
            ("👍🏽", "👍"),
            ("ＦＵＬＬ　ｗｉｄｔｈ", "full WIDTH"),
            ("full width", "ｗｉｄ"),
            ("ｶﾀｶﾅ", "カタカナ"),
            ("Crème brûlée", "BRULEE creme"),
            ("Straßenbahn", "straßen"),
            ("unbelievable", "believ"),
            ("สวัสดีครับ", "ครับ"),
            ("don't panic", "don't"),
            ("plan b", "b"),
        ] {
            assert!(finds(text, typed), "{typed} in {text}");
        }
        for (text, typed) in [("baby", "b"), ("天气", "气天"), ("soup", "soap"), ("a b", "ab"), ("soup", " ,.! ")] {
            assert!(!finds(text, typed), "{typed} in {text}");
        }
    }

    #[test]
    fn pieces_are_three_characters_from_each_one_on() {
        let shown = |text| pieces(text).replace(END, "$");
        assert_eq!(shown("Ab, ab"), "ab$ b$$ ");
        assert_eq!(shown("天气 soup"), "oup p$$ sou up$ 天气$ 气$$ ");
        assert_eq!(shown("..."), "");
        assert_eq!(
            Wanted::parse("天 soups b").unwrap().query().replace(END, "$"),
            "\"b$$\" AND \"oup\" AND \"sou\" AND \"ups\" AND \"天\" *"
        );
    }
}
