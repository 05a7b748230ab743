//! What an owner chooses for his group, as words: `limit=50 private topic=…`.

use std::sync::Arc;
use std::time::{Instant, SystemTime};

use super::account::refusal;
use super::{Args, Command, Context, Role, Spec};
use crate::model::limits::{GROUP_LIMIT_MAX, PASSWORD_COST, TOPIC_CHARS};
use crate::model::{EventKind, GroupNews, GroupPassword, GroupSetting, UserError, text};

pub(super) const GROUP: Spec = Spec {
    name: "group",
    aliases: &[],
    role: Role::User,
    usage: "/group <group> [limit=N] [private] [announce] [keep] [password=P] [topic=T]",
    help: "show a group, or change it; owners do, and admins its topic",
    details: "Any of the words, topic=<text> last, for it runs to the end of the line. A minus takes one back, as in -private or -limit. Alone it shows the group. private: outsiders learn of it only by invitation or password. announce: only owners and admins talk. keep: the group is there while nobody is, with its members, roles, bans and all that was said. limit: at most so many members.",
    example: "/group rust limit=50 -private topic=all about crabs",
    parse: |args| {
        let group = args.word()?.to_owned();
        Some(Box::new(Group { group, wish: GroupSettingsPatch::parse(args)? }))
    },
};

struct Group {
    group: String,
    wish: GroupSettingsPatch,
}

/// What is to be changed, with the password still as it was typed.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct GroupSettingsPatch {
    changes: Vec<GroupSetting>,
    password: Option<String>,
}

impl GroupSettingsPatch {
    /// Reads all the words that are left.
    pub(super) fn parse(args: &mut Args<'_>) -> Option<GroupSettingsPatch> {
        let mut wish = GroupSettingsPatch::default();
        while args.end().is_none() {
            if let Some(topic) = args.after("topic=") {
                let topic: Arc<str> = text::shorten(topic, TOPIC_CHARS).into();
                wish.changes.push(GroupSetting::Topic((!topic.is_empty()).then_some(topic)));
            } else {
                wish.take(args.word()?)?;
            }
        }
        Some(wish)
    }

    fn take(&mut self, word: &str) -> Option<()> {
        let off = word.strip_prefix('-');
        let (name, value) =
            off.unwrap_or(word).split_once('=').map_or((off.unwrap_or(word), None), |(n, v)| (n, Some(v)));
        if off.is_some() && value.is_some() {
            return None;
        }
        let switch = || match value {
            None => Some(off.is_none()),
            Some(value) if value.eq_ignore_ascii_case("on") => Some(true),
            Some(value) => value.eq_ignore_ascii_case("off").then_some(false),
        };
        let is_off = off.is_some() || value.is_some_and(|value| value.eq_ignore_ascii_case("off"));
        let change = match name.to_ascii_lowercase().as_str() {
            "private" => GroupSetting::Private(switch()?),
            "announce" => GroupSetting::Announce(switch()?),
            "keep" => GroupSetting::Keep(switch()?),
            "ephemeral" => GroupSetting::Ephemeral(switch()?),
            "limit" if is_off => GroupSetting::Limit(None),
            "limit" => {
                GroupSetting::Limit(Some(value?.parse().ok().filter(|limit| (1..=GROUP_LIMIT_MAX).contains(limit))?))
            }
            "topic" if off.is_some() => GroupSetting::Topic(None),
            // Any word may be a password, also "off".
            "password" if off.is_some() => {
                self.password = None;
                GroupSetting::Password(None)
            }
            "password" => {
                self.password = Some(value.filter(|value| !value.is_empty())?.to_owned());
                return Some(());
            }
            _ => return None,
        };
        self.changes.push(change);
        Some(())
    }

    /// The changes, with what may be said of the topic, and with the password hashed; that takes its time, and is done before
    /// anything is looked at.
    pub(super) fn prepared(self, context: &mut Context<'_>) -> Result<Vec<GroupSetting>, UserError> {
        let GroupSettingsPatch { mut changes, password } = self;
        for change in &mut changes {
            if let GroupSetting::Topic(Some(topic)) = change {
                *topic = context.shown(Arc::clone(topic))?;
            }
        }
        if let Some(password) = password {
            context.cost += PASSWORD_COST;
            // Others shall not wait for what they are to be sent.
            context.settle();
            let deadline = Instant::now() + context.hub.limits().login_timeout;
            let hash = context.accounts.hash_phrase(&password, deadline).map_err(|why| refusal(why, context))?;
            changes.push(GroupSetting::Password(Some(GroupPassword::hashed(&hash))));
        }
        Ok(changes)
    }

    /// Whether nothing is to be changed.
    fn is_empty(&self) -> bool {
        self.changes.is_empty() && self.password.is_none()
    }
}

impl Command for Group {
    fn execute(self: Box<Self>, context: &mut Context<'_>) -> Result<(), UserError> {
        let group = context.group(&self.group)?;
        if self.wish.is_empty() {
            let (group, portrait) = context.hub.group_info(context.me, &group, SystemTime::now())?;
            context.reply(EventKind::Group { group, news: GroupNews::GroupInfo(Box::new(portrait)) });
            return Ok(());
        }
        let changes = self.wish.prepared(context)?;
        context.hub.change_settings(context.me, &group, &changes, SystemTime::now(), context.flush_list)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wish(text: &str) -> Option<GroupSettingsPatch> {
        GroupSettingsPatch::parse(&mut Args::new(text))
    }

    #[test]
    fn every_setting_has_its_word_and_a_minus_takes_it_back() {
        let changes = |text: &str| wish(text).unwrap().changes;
        assert_eq!(
            changes("limit=5 PRIVATE keep"),
            [GroupSetting::Limit(Some(5)), GroupSetting::Private(true), GroupSetting::Keep(true)]
        );
        assert_eq!(
            changes("-limit private=off keep=ON"),
            [GroupSetting::Limit(None), GroupSetting::Private(false), GroupSetting::Keep(true)]
        );
        assert_eq!(changes("-announce ephemeral"), [GroupSetting::Announce(false), GroupSetting::Ephemeral(true)]);
        assert_eq!(changes("limit=off -topic"), [GroupSetting::Limit(None), GroupSetting::Topic(None)]);
        assert_eq!(
            changes("keep topic=a  b -private"),
            [GroupSetting::Keep(true), GroupSetting::Topic(Some("a  b -private".into()))]
        );
        assert_eq!(changes("topic="), [GroupSetting::Topic(None)]);
        assert_eq!(wish("password=off").unwrap().password.as_deref(), Some("off"));
        let taken_back = wish("password=x -password").unwrap();
        assert_eq!((taken_back.password, taken_back.changes), (None, vec![GroupSetting::Password(None)]));
        assert_eq!(wish(""), Some(GroupSettingsPatch::default()));
    }

    #[test]
    fn unknown_words_and_values_are_none() {
        for text in [
            "b",
            "limit",
            "limit=",
            "limit=0",
            "limit=x",
            "limit=100001",
            "private=yes",
            "-private=on",
            "password",
            "password=",
            "-",
            "=",
            "topic",
        ] {
            assert_eq!(wish(text), None, "{text}");
        }
    }
}
