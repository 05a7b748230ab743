//! What an owner chooses for his group, as words: `limit=50 private topic=…`.

use std::sync::Arc;
use std::time::{Instant, SystemTime};

use super::account::refusal;
use super::{Args, Command, Context, Role, Spec};
use crate::model::limits::{GROUP_LIMIT_MAX, PASSWORD_COST, TOPIC_CHARS};
use crate::model::{Change, EventKind, GroupNews, GroupPassword, UserError, text};

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
        Some(Box::new(Group { group, wish: Wish::parse(args)? }))
    },
};

struct Group {
    group: String,
    wish: Wish,
}

/// What is to be changed, with the password still as it was typed.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Wish {
    changes: Vec<Change>,
    password: Option<String>,
}

impl Wish {
    /// Reads all the words that are left.
    pub(super) fn parse(args: &mut Args<'_>) -> Option<Wish> {
        let mut wish = Wish::default();
        while args.end().is_none() {
            if let Some(topic) = args.after("topic=") {
                let topic: Arc<str> = text::shorten(topic, TOPIC_CHARS).into();
                wish.changes.push(Change::Topic((!topic.is_empty()).then_some(topic)));
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
            "private" => Change::Private(switch()?),
            "announce" => Change::Announce(switch()?),
            "keep" => Change::Keep(switch()?),
            "ephemeral" => Change::Ephemeral(switch()?),
            "limit" if is_off => Change::Limit(None),
            "limit" => Change::Limit(Some(value?.parse().ok().filter(|limit| (1..=GROUP_LIMIT_MAX).contains(limit))?)),
            "topic" if off.is_some() => Change::Topic(None),
            // Any word may be a password, also "off".
            "password" if off.is_some() => {
                self.password = None;
                Change::Password(None)
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
    pub(super) fn prepared(self, context: &mut Context<'_>) -> Result<Vec<Change>, UserError> {
        let Wish { mut changes, password } = self;
        for change in &mut changes {
            if let Change::Topic(Some(topic)) = change {
                *topic = context.shown(Arc::clone(topic))?;
            }
        }
        if let Some(password) = password {
            context.cost += PASSWORD_COST;
            // Others shall not wait for what they are to be sent.
            context.settle();
            let deadline = Instant::now() + context.hub.limits().login;
            let hash = context.accounts.hash_phrase(&password, deadline).map_err(|why| refusal(why, context))?;
            changes.push(Change::Password(Some(GroupPassword::hashed(&hash))));
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
            let (group, portrait) = context.hub.portrait(context.me, &group, SystemTime::now())?;
            context.reply(EventKind::Group { group, news: GroupNews::Portrait(Box::new(portrait)) });
            return Ok(());
        }
        let changes = self.wish.prepared(context)?;
        context.hub.set(context.me, &group, &changes, SystemTime::now(), context.touched)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wish(text: &str) -> Option<Wish> {
        Wish::parse(&mut Args::new(text))
    }

    #[test]
    fn every_setting_has_its_word_and_a_minus_takes_it_back() {
        let changes = |text: &str| wish(text).unwrap().changes;
        assert_eq!(
            changes("limit=5 PRIVATE keep"),
            [Change::Limit(Some(5)), Change::Private(true), Change::Keep(true)]
        );
        assert_eq!(
            changes("-limit private=off keep=ON"),
            [Change::Limit(None), Change::Private(false), Change::Keep(true)]
        );
        assert_eq!(changes("-announce ephemeral"), [Change::Announce(false), Change::Ephemeral(true)]);
        assert_eq!(changes("limit=off -topic"), [Change::Limit(None), Change::Topic(None)]);
        assert_eq!(
            changes("keep topic=a  b -private"),
            [Change::Keep(true), Change::Topic(Some("a  b -private".into()))]
        );
        assert_eq!(changes("topic="), [Change::Topic(None)]);
        assert_eq!(wish("password=off").unwrap().password.as_deref(), Some("off"));
        let taken_back = wish("password=x -password").unwrap();
        assert_eq!((taken_back.password, taken_back.changes), (None, vec![Change::Password(None)]));
        assert_eq!(wish(""), Some(Wish::default()));
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
