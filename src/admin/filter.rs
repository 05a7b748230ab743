//! The word filter: a list of patterns, each with an action.
//!
//! Each line of its file is a pattern and an action, `replace`, `refuse` or `report`. A pattern matches whole words,
//! ignoring case; `*` matches any characters. `#` starts a comment.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::model::StartError;
use crate::model::limits::{FILTER_BYTES, FILTER_PATTERNS};
use crate::model::text::Escaped;

/// The longest pattern, and the longest prefix of a word that is matched, in characters: bounds the work per message.
const PATTERN_CHARS: usize = 64;

/// The action for a text that contains a matching word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Action {
    Replace,
    Refuse,
    Report,
}

/// A list of patterns with their actions.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// The patterns without `*`.
    words: HashMap<String, Action>,
    patterns: Vec<(Vec<char>, Action)>,
}

/// The result of filtering a text.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct FilterResult {
    pub(super) refused: bool,
    /// The text with matching words replaced by stars, if there were any.
    pub(super) replaced: Option<String>,
    /// The first word to report to the operators.
    pub(super) reported: Option<String>,
}

impl Filter {
    /// Reads a filter file.
    ///
    /// # Errors
    /// When it cannot be read, exceeds [`FILTER_BYTES`], or a line is invalid; the sentence names the line number.
    pub fn read(path: &Path) -> Result<Filter, StartError> {
        let refuse = |why: String| StartError::Config(format!("word-filter: {}: {why}", path.display()));
        let mut bytes = Vec::new();
        let read = File::open(path).and_then(|file| file.take(FILTER_BYTES as u64 + 1).read_to_end(&mut bytes));
        read.map_err(|e| refuse(format!("cannot be read: {e}")))?;
        if bytes.len() > FILTER_BYTES {
            return Err(refuse(format!("must have at most {FILTER_BYTES} bytes")));
        }
        let text = String::from_utf8(bytes).map_err(|_| refuse("is not valid UTF-8".to_owned()))?;
        Filter::parse(&text).map_err(refuse)
    }

    fn parse(text: &str) -> Result<Filter, String> {
        let mut filter = Filter::default();
        for (number, line) in (1..).zip(text.trim_start_matches('\u{FEFF}').lines()) {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            filter.add(line).map_err(|why| format!("line {number}: {why}"))?;
        }
        Ok(filter)
    }

    fn add(&mut self, line: &str) -> Result<(), String> {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [pattern, action] = words[..] else {
            return Err("must be a pattern and an action, such as: darn replace".to_owned());
        };
        let action = match action {
            "replace" => Action::Replace,
            "refuse" => Action::Refuse,
            "report" => Action::Report,
            other => return Err(format!("the action must be replace, refuse or report, not '{}'", Escaped(other))),
        };
        let pattern: Vec<char> = pattern.to_lowercase().chars().collect();
        if !pattern.iter().all(|c| c.is_alphanumeric() || *c == '*') || pattern.iter().all(|c| *c == '*') {
            return Err("a pattern has letters, digits and *, and is not * alone".to_owned());
        }
        if pattern.len() > PATTERN_CHARS {
            return Err(format!("a pattern has at most {PATTERN_CHARS} characters"));
        }
        if self.len() >= FILTER_PATTERNS {
            return Err(format!("there may be at most {FILTER_PATTERNS} patterns"));
        }
        if pattern.contains(&'*') {
            self.patterns.push((pattern, action));
        } else {
            self.words.insert(pattern.into_iter().collect(), action);
        }
        Ok(())
    }

    /// The number of patterns.
    pub fn len(&self) -> usize {
        self.words.len() + self.patterns.len()
    }

    /// Whether the list is empty.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Filters a text.
    pub(super) fn check(&self, text: &str) -> FilterResult {
        let mut result = FilterResult::default();
        let (mut out, mut changed, mut rest) = (String::new(), false, text);
        while let Some(start) = rest.find(char::is_alphanumeric) {
            let (before, from) = rest.split_at(start);
            let (word, after) = from.split_at(from.find(|c: char| !c.is_alphanumeric()).unwrap_or(from.len()));
            out.push_str(before);
            match self.action(word) {
                Some(Action::Replace) => {
                    out.extend(word.chars().map(|_| '*'));
                    changed = true;
                }
                action => {
                    result.refused |= action == Some(Action::Refuse);
                    if action == Some(Action::Report) {
                        result.reported.get_or_insert_with(|| word.to_owned());
                    }
                    out.push_str(word);
                }
            }
            rest = after;
        }
        out.push_str(rest);
        result.replaced = changed.then_some(out);
        result
    }

    fn action(&self, word: &str) -> Option<Action> {
        let word: String = word.chars().take(PATTERN_CHARS).flat_map(char::to_lowercase).collect();
        if let Some(action) = self.words.get(&word) {
            return Some(*action);
        }
        let chars: Vec<char> = if self.patterns.is_empty() { return None } else { word.chars().collect() };
        self.patterns.iter().find(|(pattern, _)| matches(pattern, &chars)).map(|(_, action)| *action)
    }
}

/// Whether a pattern with stars matches a word.
fn matches(pattern: &[char], word: &[char]) -> bool {
    let (mut p, mut w) = (0, 0);
    // Position of the last star, and the end of the characters it has been tried on.
    let mut star: Option<(usize, usize)> = None;
    while w < word.len() {
        if pattern.get(p) == Some(&'*') {
            star = Some((p, w));
            p += 1;
        } else if pattern.get(p) == Some(&word[w]) {
            p += 1;
            w += 1;
        } else if let Some((at, tried)) = star {
            star = Some((at, tried + 1));
            p = at + 1;
            w = tried + 1;
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn filter(text: &str) -> Filter {
        Filter::parse(text).unwrap()
    }

    #[test]
    fn a_pattern_matches_whole_words_ignoring_case() {
        let filter = filter("# list\n\nDarn replace\nsp*m refuse\n*leak* report\n");
        assert_eq!(filter.len(), 3);
        assert_eq!(filter.check("DARN, darned darn!").replaced.unwrap(), "****, darned ****!");
        assert!(filter.check("SPaaaM").refused && filter.check("x spm.").refused && !filter.check("spams").refused);
        assert_eq!(filter.check("a Bleaky pipe").reported.unwrap(), "Bleaky");
        assert_eq!(filter.check("all is well"), FilterResult::default());
    }

    #[test]
    fn an_invalid_line_is_named() {
        for (text, why) in [
            ("a replace\nb", "line 2: must be a pattern and an action"),
            ("a drop", "line 1: the action must be"),
            ("* refuse", "line 1: a pattern has letters"),
            ("a-b refuse", "line 1: a pattern has letters"),
        ] {
            let said = Filter::parse(text).unwrap_err();
            assert!(said.starts_with(why), "{said}");
        }
        let many: String = (0..=FILTER_PATTERNS).map(|n| format!("w{n} refuse\n")).collect();
        assert!(Filter::parse(&many).unwrap_err().contains("at most 500 patterns"));
    }

    proptest! {
        #[test]
        fn stars_match_like_the_naive_matcher(pattern in "[ab*]{0,8}", word in "[ab]{0,10}") {
            fn naive(p: &[char], w: &[char]) -> bool {
                match p.split_first() {
                    None => w.is_empty(),
                    Some(('*', p)) => (0..=w.len()).any(|n| naive(p, &w[n..])),
                    Some((c, p)) => w.first() == Some(c) && naive(p, &w[1..]),
                }
            }
            let (p, w): (Vec<char>, Vec<char>) = (pattern.chars().collect(), word.chars().collect());
            prop_assert_eq!(matches(&p, &w), naive(&p, &w));
        }

        #[test]
        fn a_text_without_listed_words_is_unchanged(text in "\\PC{0,60}") {
            let result = filter("qqqq replace\nq*q refuse").check(&text);
            prop_assert!(result.replaced.is_none_or(|new| new != text));
        }
    }
}
