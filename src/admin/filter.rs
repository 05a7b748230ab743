//! The word filter: a plain list of patterns, each with what is to happen when a word fits.
//!
//! A line is a pattern and an action, `replace`, `refuse` or `report`. A pattern fits a whole word, in any case; `*` in it
//! stands for any characters. `#` begins a comment.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::model::StartError;
use crate::model::limits::{FILTER_BYTES, FILTER_PATTERNS};
use crate::model::text::Escaped;

/// The longest pattern, and as much of a word as is looked at, in characters: so that no line takes long to judge.
const LONGEST: usize = 64;

/// What becomes of something that holds a word of the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Action {
    Replace,
    Refuse,
    Report,
}

/// A list of patterns.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Those without a `*`.
    words: HashMap<String, Action>,
    patterns: Vec<(Vec<char>, Action)>,
}

/// What the list says about a text.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Verdict {
    pub(super) refused: bool,
    /// The text with stars in place of words, if some are to be replaced.
    pub(super) replaced: Option<String>,
    /// The word of which operators are to hear.
    pub(super) reported: Option<String>,
}

impl Filter {
    /// Reads a list.
    ///
    /// # Errors
    /// When it cannot be read, is too long, or a line of it is wrong; the text names the line.
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
        if pattern.len() > LONGEST {
            return Err(format!("a pattern has at most {LONGEST} characters"));
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

    /// How many patterns there are.
    pub fn len(&self) -> usize {
        self.words.len() + self.patterns.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(super) fn judge(&self, text: &str) -> Verdict {
        let mut verdict = Verdict::default();
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
                    verdict.refused |= action == Some(Action::Refuse);
                    if action == Some(Action::Report) {
                        verdict.reported.get_or_insert_with(|| word.to_owned());
                    }
                    out.push_str(word);
                }
            }
            rest = after;
        }
        out.push_str(rest);
        verdict.replaced = changed.then_some(out);
        verdict
    }

    fn action(&self, word: &str) -> Option<Action> {
        let word: String = word.chars().take(LONGEST).flat_map(char::to_lowercase).collect();
        if let Some(action) = self.words.get(&word) {
            return Some(*action);
        }
        let chars: Vec<char> = if self.patterns.is_empty() { return None } else { word.chars().collect() };
        self.patterns.iter().find(|(pattern, _)| fits(pattern, &chars)).map(|(_, action)| *action)
    }
}

/// Whether a word is what a pattern with stars says.
fn fits(pattern: &[char], word: &[char]) -> bool {
    let (mut p, mut w) = (0, 0);
    // Where the last star was, and up to where it has been tried to stand for characters.
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
    fn a_pattern_fits_whole_words_in_any_case() {
        let filter = filter("# list\n\nDarn replace\nsp*m refuse\n*leak* report\n");
        assert_eq!(filter.len(), 3);
        assert_eq!(filter.judge("DARN, darned darn!").replaced.unwrap(), "****, darned ****!");
        assert!(filter.judge("SPaaaM").refused && filter.judge("x spm.").refused && !filter.judge("spams").refused);
        assert_eq!(filter.judge("a Bleaky pipe").reported.unwrap(), "Bleaky");
        assert_eq!(filter.judge("all is well"), Verdict::default());
    }

    #[test]
    fn a_wrong_line_is_named() {
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
        fn stars_mean_what_the_simple_rule_says(pattern in "[ab*]{0,8}", word in "[ab]{0,10}") {
            fn simple(p: &[char], w: &[char]) -> bool {
                match p.split_first() {
                    None => w.is_empty(),
                    Some(('*', p)) => (0..=w.len()).any(|n| simple(p, &w[n..])),
                    Some((c, p)) => w.first() == Some(c) && simple(p, &w[1..]),
                }
            }
            let (p, w): (Vec<char>, Vec<char>) = (pattern.chars().collect(), word.chars().collect());
            prop_assert_eq!(fits(&p, &w), simple(&p, &w));
        }

        #[test]
        fn a_text_without_words_of_the_list_stays_as_it_is(text in "\\PC{0,60}") {
            let verdict = filter("qqqq replace\nq*q refuse").judge(&text);
            prop_assert!(verdict.replaced.is_none_or(|new| new != text));
        }
    }
}
