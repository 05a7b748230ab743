//! The table of commands: a new one is a struct in its family's file and a line here.

use super::{
    Spec, account, groups, help, history, ignore, look, receipts, roles, rooms, session, settings, talk, token, typing,
};

/// All commands, in alphabetical order.
pub const COMMANDS: &[Spec] = &[
    rooms::ACCEPT,
    session::AWAY,
    session::BACK,
    roles::BAN,
    roles::BANS,
    talk::BROADCAST,
    history::CLEAR,
    groups::CREATE_GROUP,
    history::DELETE,
    account::DELETE_ACCOUNT,
    roles::DEMOTE,
    settings::GROUP,
    groups::GROUP_MSG,
    look::GROUPS,
    look::GROUPS_USERS,
    help::HELP,
    history::HISTORY,
    ignore::IGNORE,
    rooms::INVITE,
    groups::JOIN_GROUP,
    roles::KICK,
    groups::LEAVE_GROUP,
    talk::ME,
    session::MODE,
    talk::MSG,
    roles::MUTE,
    account::PASSWD,
    session::PING,
    roles::PROMOTE,
    session::QUIT,
    receipts::READ,
    receipts::RECEIPTS,
    talk::REPLY,
    rooms::ROOM,
    history::SEARCH,
    talk::TALK,
    token::TOKEN,
    roles::TRANSFER,
    typing::TYPING,
    roles::UNBAN,
    ignore::UNIGNORE,
    roles::UNMUTE,
    look::USERS,
    look::WHOAMI,
    look::WHOIS,
];

/// The command that a word after the slash names, in any case.
pub fn find(word: &str) -> Option<&'static Spec> {
    COMMANDS.iter().find(|spec| spec.words().any(|name| name.eq_ignore_ascii_case(word)))
}

impl Spec {
    /// Its name and its aliases.
    pub fn words(&self) -> impl Iterator<Item = &'static str> {
        std::iter::once(self.name).chain(self.aliases.iter().copied())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::Args;
    use super::*;

    #[test]
    fn the_table_is_sorted_and_every_word_names_one_command() {
        assert!(COMMANDS.is_sorted_by_key(|spec| spec.name));
        let words: Vec<&str> = COMMANDS.iter().flat_map(Spec::words).collect();
        assert_eq!(words.iter().collect::<BTreeSet<_>>().len(), words.len());
        assert!(words.iter().all(|word| word.chars().all(|c| c.is_ascii_lowercase() || c == '_')));
        assert_eq!(find("GROUP_Msg").map(|spec| spec.name), Some("group_msg"));
        assert!(find("nope").is_none());
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
    fn what_help_says_is_short_and_sets_off_no_script() {
        for spec in COMMANDS {
            assert!(spec.help.chars().count() <= 70, "{}", spec.help);
            for text in [spec.usage, spec.help, spec.details, spec.example] {
                let lower = text.to_lowercase();
                assert!(!["fail", "error", "exist", "not"].iter().any(|word| lower.contains(word)), "{text}");
            }
        }
    }

    #[test]
    fn wrong_arity_is_answered_with_the_usage() {
        for (word, rest) in
            [("msg", "bob"), ("msg", ""), ("users", "x"), ("join_group", "a b c"), ("talk", "a b"), ("g", "g")]
        {
            let spec = find(word).unwrap();
            assert!((spec.parse)(&mut Args::new(rest)).is_none(), "/{word} {rest}");
        }
    }
}
