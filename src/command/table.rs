//! The table of commands. A new command is a struct and a `Spec` in its family's file, and a line here.

use super::{Spec, account, admin, groups, help, history, people, roles, session, talk};

/// All commands in alphabetical order. The forms of one command are adjacent, and the first one that fits is used.
pub const COMMANDS: &[Spec] = &[
    groups::ACCEPT,
    admin::ANNOUNCE,
    people::AWAY,
    people::BACK,
    roles::BAN,
    admin::BAN,
    roles::BANS,
    admin::BANS,
    talk::BROADCAST,
    history::CLEAR,
    groups::CREATE_GROUP,
    history::DELETE,
    account::DELETE_ACCOUNT,
    roles::DEMOTE,
    admin::DISCONNECT,
    admin::DROP_GROUP,
    groups::GROUP,
    groups::GROUP_MSG,
    groups::GROUPS,
    admin::ALL_GROUPS,
    groups::GROUPS_USERS,
    help::HELP,
    history::HISTORY,
    people::IGNORE,
    groups::INVITE,
    groups::JOIN_GROUP,
    roles::KICK,
    groups::LEAVE_GROUP,
    admin::LOG,
    talk::ME,
    session::MODE,
    talk::MSG,
    roles::MUTE,
    admin::MUTE,
    account::PASSWD,
    session::PING,
    roles::PROMOTE,
    session::QUIT,
    history::READ,
    history::RECEIPTS,
    admin::RELOAD,
    admin::RENAME,
    talk::REPLY,
    people::REPORT,
    admin::REPORTS,
    groups::ROOM,
    history::SEARCH,
    admin::SESSIONS,
    admin::SHUTDOWN,
    admin::STATS,
    talk::TALK,
    account::TOKEN,
    roles::TRANSFER,
    talk::TYPING,
    roles::UNBAN,
    admin::UNBAN,
    people::UNIGNORE,
    roles::UNMUTE,
    admin::UNMUTE,
    people::USERS,
    people::WHOAMI,
    people::WHOIS,
];

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
