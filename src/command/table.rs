//! The table of commands, joined from the families' lists. A new command needs a struct and a `Spec` in its family's file.

use super::{Spec, account, admin, groups, help, history, people, roles, session, talk};

/// The families. Of forms with the same name, the one of the earlier family is tried first.
const FAMILIES: [&[Spec]; 9] = [
    account::COMMANDS,
    groups::COMMANDS,
    help::COMMANDS,
    history::COMMANDS,
    people::COMMANDS,
    roles::COMMANDS,
    session::COMMANDS,
    talk::COMMANDS,
    admin::COMMANDS,
];

/// All commands in alphabetical order. The forms of one command are adjacent, and the first one that fits is used.
pub static COMMANDS: &[Spec] = &sorted::<{ count() }>();

const fn count() -> usize {
    let (mut total, mut family) = (0, 0);
    while family < FAMILIES.len() {
        total += FAMILIES[family].len();
        family += 1;
    }
    total
}

/// Joins the families with a stable insertion sort, which runs in the compiler.
const fn sorted<const N: usize>() -> [Spec; N] {
    let mut all = [FAMILIES[0][0]; N];
    let (mut len, mut family) = (0, 0);
    while family < FAMILIES.len() {
        let mut next = 0;
        while next < FAMILIES[family].len() {
            let spec = FAMILIES[family][next];
            let mut at = len;
            while at > 0 && comes_before(spec.name, all[at - 1].name) {
                all[at] = all[at - 1];
                at -= 1;
            }
            all[at] = spec;
            len += 1;
            next += 1;
        }
        family += 1;
    }
    all
}

/// Whether one word comes strictly before another in the order of bytes.
const fn comes_before(word: &str, other: &str) -> bool {
    let (word, other) = (word.as_bytes(), other.as_bytes());
    let mut at = 0;
    while at < word.len() && at < other.len() {
        if word[at] != other[at] {
            return word[at] < other[at];
        }
        at += 1;
    }
    word.len() < other.len()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::{Args, forms};
    use super::*;

    #[test]
    fn the_table_is_sorted_and_every_word_names_one_command() {
        assert!(COMMANDS.is_sorted_by_key(|spec| spec.name));
        let commands = COMMANDS.chunk_by(|one, next| one.name == next.name);
        let words: Vec<&str> = commands.clone().flat_map(|forms| forms[0].words()).collect();
        // Only the first form has aliases: they name all forms.
        assert!(commands.flat_map(|forms| &forms[1..]).all(|form| form.aliases.is_empty()));
        assert_eq!(words.iter().collect::<BTreeSet<_>>().len(), words.len());
        assert!(words.iter().all(|word| word.chars().all(|c| c.is_ascii_lowercase() || c == '_')));
        let named = |word| forms(word).iter().map(|spec| spec.name).collect::<Vec<_>>();
        assert_eq!(
            (named("GROUP_Msg"), named("g"), named("ban")),
            (vec!["group_msg"], vec!["group_msg"], vec!["ban", "ban"])
        );
        assert!(forms("nope").is_empty());
    }

    #[test]
    fn every_example_parses_and_every_usage_names_its_command() {
        for spec in COMMANDS {
            for line in [spec.usage, spec.example] {
                let (word, _) = line[1..].split_once(' ').unwrap_or((&line[1..], ""));
                assert_eq!(word, spec.name);
            }
            let rest = spec.example.split_once(' ').map_or("", |(_, rest)| rest);
            assert!((spec.parse)(&mut Args::new(rest)).is_some(), "{}", spec.example);
        }
    }

    #[test]
    fn help_texts_are_short_and_contain_no_word_of_errors() {
        for spec in COMMANDS {
            assert!(spec.help.chars().count() <= 70, "{}", spec.help);
            for text in [spec.usage, spec.help, spec.details, spec.example] {
                let lower = text.to_lowercase();
                assert!(!["fail", "error", "exist", "not"].iter().any(|word| lower.contains(word)), "{text}");
            }
        }
    }

    #[test]
    fn too_few_and_too_many_words_do_not_fit() {
        for (word, rest) in
            [("msg", "bob"), ("msg", ""), ("users", "x"), ("join_group", "a b c"), ("talk", "a b"), ("g", "g")]
        {
            let fits = |spec: &Spec| (spec.parse)(&mut Args::new(rest)).is_some();
            assert!(!forms(word).is_empty() && !forms(word).iter().any(fits), "/{word} {rest}");
        }
    }
}
