//! Mentions of a user in a text.

use super::name::Name;

/// Whether the text contains the name as a whole word, ignoring case: `alice`, `@Alice` and `alice's`, but neither
/// `malice` nor `alice2`. A dot may end a name or a sentence, so `alice.` counts; `alice.b` is a different user.
pub fn mentions(text: &str, name: &Name) -> bool {
    text.split(|c| !belongs(c)).any(|word| is_name(word, name.as_str()))
}

/// Whether a character can be part of a word.
fn belongs(c: char) -> bool {
    c.is_alphanumeric() || is_mark(c)
}

/// Characters allowed in a name after its first one, besides letters and digits.
fn is_mark(c: char) -> bool {
    matches!(c, '_' | '.' | '-')
}

fn is_name(word: &str, name: &str) -> bool {
    let word = word.trim_start_matches(is_mark);
    let (Some(start), Some(rest)) = (word.get(..name.len()), word.get(name.len()..)) else { return false };
    start.eq_ignore_ascii_case(name) && rest.chars().all(is_mark)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_mention_is_a_whole_word_in_any_case() {
        let (alice, dotted) = ("alice".parse().unwrap(), "a.b-".parse().unwrap());
        let yes = [
            "alice",
            "@Alice: hi",
            "hi ALICE.",
            "(alice)",
            "_alice_",
            "alice's turn",
            "x,alice,y",
            "...alice...",
            "→alice←",
        ];
        let no = ["", "malice", "alice2", "alice-b", "b.alice", "alic", "aliceé", "éalice", "al ice", "2alice"];
        assert_eq!(yes.map(|text| mentions(text, &alice)), [true; 9]);
        assert_eq!(no.map(|text| mentions(text, &alice)), [false; 10]);
        assert!(mentions("ask A.B- now", &dotted) && mentions("a.b-.", &dotted) && !mentions("a.b", &dotted));
    }

    /// The same rule, tried at each position of the text.
    fn naive(text: &str, name: &str) -> bool {
        let chars: Vec<char> = text.chars().collect();
        let name: Vec<char> = name.chars().collect();
        let at = |at: usize| chars.get(at).copied().unwrap_or(' ');
        (0..chars.len()).any(|start| {
            let here = (0..name.len()).all(|n| at(start + n).eq_ignore_ascii_case(&name[n]));
            let before = (0..start).rev().map(at).find(|c| !is_mark(*c)).unwrap_or(' ');
            let after = (start + name.len()..chars.len()).map(at).find(|c| !is_mark(*c)).unwrap_or(' ');
            here && !before.is_alphanumeric() && !after.is_alphanumeric()
        })
    }

    proptest! {
        #[test]
        fn the_matcher_agrees_with_the_naive_one(text in "[aAbB_. @é-]{0,24}", name in "[aAb][ab_.-]{0,3}") {
            let who: Name = name.parse().unwrap();
            prop_assert_eq!(mentions(&text, &who), naive(&text, &name), "{} in {:?}", name, text);
        }

        #[test]
        fn surrounding_text_does_not_hide_a_mention(before in ".*", after in ".*", name in "[a-zA-Z0-9][a-zA-Z0-9_.-]{0,31}") {
            if let Ok(who) = name.parse::<Name>() {
                let text = format!("{before} @{}! {after}", name.to_ascii_uppercase());
                prop_assert!(mentions(&text, &who));
            }
        }
    }
}
