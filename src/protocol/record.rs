//! Tagged events: the tag of each, its fields and their order, declared once for machine mode and JSON.
//!
//! Tags, names of fields and their order never change; new ones may come. How a value is written is up to the
//! [`Encoder`]: one writes lines for scripts, the other one objects for browsers. Where the two forms differ, the table
//! says so with [`Encoder::line`] and [`Encoder::object`].

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use super::json::Object;
use super::machine::Line;
use crate::model::{
    AdminAnswer, Bell, Cell, Event, EventKind, GroupInfo, GroupNews, GroupSettings, LoginError, Message, MessageId,
    Name, Online, Outcome, OutputFormat, Penalty, Profile, Question, QuitReason, Roster, SanctionTerms, Scope, Table,
    Tag, Target, TokenShown,
};

/// The value of a field.
#[derive(Clone, Copy)]
pub(super) enum Value<'v> {
    /// No value: empty in a line, `null` in an object.
    None,
    Text(&'v str),
    Number(u64),
    Flag(bool),
    /// A time in UTC, to the microsecond.
    Time(SystemTime),
    /// A time in a table, which an object has to the second.
    Moment(SystemTime),
    Names(&'v [Name]),
    /// A single word that is put together only when it is written.
    Word(&'v dyn fmt::Display),
}

/// Writes the records of one event.
pub(super) trait Encoder: Sized {
    /// Begins a record.
    fn tag(&mut self, tag: &str) -> &mut Self;

    /// Adds a field.
    fn field<'v>(&mut self, name: &str, value: impl Into<Value<'v>>) -> &mut Self;

    /// Adds one record per item: an array called `name` within an object; lines with this tag.
    fn records<T>(&mut self, name: &str, tag: &str, items: &[T], write: impl Fn(&mut Self, &T)) -> &mut Self;

    /// Adds what only a line has.
    fn line(&mut self, write: impl FnOnce(&mut Line)) -> &mut Self;

    /// Adds what only an object has.
    fn object(&mut self, write: impl FnOnce(&mut Object)) -> &mut Self;

    /// Begins the record of an event that says when it happened and, if it is in the log, its id.
    fn stamped(&mut self, tag: &str, event: &Event) -> &mut Self {
        self.tag(tag);
        if event.id > MessageId(0) {
            self.field("id", event.id);
        }
        self.field("at", event.at)
    }

    /// Adds a field that a line leaves out where there is no value.
    fn known<'v>(&mut self, name: &str, value: Option<impl Into<Value<'v>>>) -> &mut Self {
        match value {
            Some(value) => self.field(name, value),
            None => self.object(|object| {
                object.field(name, Value::None);
            }),
        }
    }
}

/// Writes the records of an event; none of one that is never told, or that is several.
pub(super) fn write<E: Encoder>(event: &Event, to: &mut E) {
    match &event.kind {
        EventKind::PrivateMessage { from, text } => {
            to.stamped("private", event).field("from", from).field("text", text)
        }
        EventKind::PrivateMessageSent { to: user, text } => {
            to.stamped("sent", event).field("to", user).field("text", text)
        }
        EventKind::Broadcast { from, text } => to.stamped("broadcast", event).field("from", from).field("text", text),
        EventKind::GroupMessage { group, from, text } => {
            to.stamped("group", event).field("group", group).field("from", from).field("text", text)
        }
        EventKind::Action { from, scope, text, own } => {
            match scope {
                Scope::User(user) if *own => to.stamped("sent", event).field("to", user),
                Scope::User(_) => to.stamped("private", event).field("from", from),
                Scope::Group(group) => to.stamped("group", event).field("group", group).field("from", from),
                Scope::Everybody => to.stamped("broadcast", event).field("from", from),
            };
            to.field("action", true).field("text", text)
        }
        EventKind::Typing { from, scope } => to.tag("typing").field("from", from).field("to", Value::Word(scope)),
        EventKind::TypingWanted { wanted } => to.tag("typings").field("wanted", *wanted),

        EventKind::AskName => to.tag("ask").field("what", "name"),
        EventKind::AskPassword | EventKind::Ask(Question::Password) => to.tag("ask").field("what", "password"),
        EventKind::Ask(Question::OldPassword) => to.tag("ask").field("what", "old_password"),
        EventKind::Ask(Question::NewPassword) => to.tag("ask").field("what", "new_password"),
        EventKind::Ask(Question::SameAgain) => to.tag("ask").field("what", "same_again"),
        EventKind::Welcome { motd } => to.tag("welcome").field("text", motd.as_deref()),
        EventKind::YouAreGuest { name } => to.tag("guest").field("name", name),
        EventKind::LoginFailed(why) => {
            to.tag("login_failed").field("code", &underscored(why.as_str()));
            match why {
                LoginError::TooManySessions { limit }
                | LoginError::TooManyGuests { limit }
                | LoginError::TooManyConnections { limit } => to.field("limit", *limit),
                LoginError::Banned { until, why } => to.field("until", *until).field("text", why),
                LoginError::WrongNameOrPassword
                | LoginError::AlreadyLoggedIn
                | LoginError::TooManyAttempts
                | LoginError::TokensUnreadable => to,
            }
        }
        EventKind::AddressBanned { until, why } => to.tag("address_banned").field("until", *until).field("text", why),
        EventKind::RegistrationFailed(why) => to.tag("registration_failed").field("code", &underscored(why.as_str())),
        EventKind::HowToLeave { logged_in: _ } => to.tag("how_to_leave"),
        EventKind::StillHere => to.tag("alive"),
        EventKind::Closed { reason } => {
            to.tag("closed").field("reason", &underscored(reason.as_str()));
            if let QuitReason::Renamed(name) = reason { to.field("name", name) } else { to }
        }

        EventKind::UserJoined { user } => to.stamped("joined", event).field("user", user),
        EventKind::UserLeft { user } => to.stamped("left", event).field("user", user),
        EventKind::MemberJoined { group, user } => {
            to.stamped("member_joined", event).field("group", group).field("user", user)
        }
        EventKind::MemberLeft { group, user } => {
            to.stamped("member_left", event).field("group", group).field("user", user)
        }
        EventKind::GroupCreated { group } => to.stamped("group_created", event).field("group", group),
        EventKind::YouJoined { group } => to.stamped("group_joined", event).field("group", group),
        EventKind::YouLeft { group, gone } => {
            to.stamped("group_left", event).field("group", group).field("gone", *gone)
        }
        EventKind::Group { group, news } => write_group_news(event, group, news, to),

        EventKind::Users { users } => to
            .tag("users")
            .line(|line| {
                let all: Vec<Name> = users.iter().map(|(name, _)| *name).collect();
                let away: Vec<Name> = users.iter().filter(|(_, away)| away.is_some()).map(|(name, _)| *name).collect();
                line.field("names", &*all).field("away", &*away);
            })
            .object(|object| {
                object.list("users", users, |user, (name, away)| {
                    user.field("name", name).field("away", away.as_deref());
                });
            }),
        EventKind::WhoIs(profile) => write_profile(profile, to),
        EventKind::YouAreAway { away } => to.tag("away").field("text", away.as_deref()),
        EventKind::UserIsAway { user, away } => to.tag("user_away").field("user", user).field("text", away),
        EventKind::StoredFor { user } => to.tag("kept").field("user", user),
        EventKind::Groups { groups } => {
            let names: Vec<Name> = groups.iter().map(|(name, _)| *name).collect();
            to.tag("groups").field("names", &*names).object(|object| {
                let with_topic: Vec<_> = groups.iter().filter(|(_, topic)| topic.is_some()).collect();
                object.list("topics", &with_topic, |item, (group, topic)| {
                    item.field("group", group).field("text", topic.as_deref());
                });
            })
        }
        EventKind::GroupsUsers { rosters, first } => to
            .tag("groups_users")
            .field("first", *first)
            .line(|line| {
                line.field("groups", Value::Word(&Rosters(rosters)));
            })
            .object(|object| {
                object.list("groups", rosters, |roster, (group, members)| {
                    roster.field("group", group).field("members", &**members);
                });
            }),
        EventKind::TalkTarget { target } => to.tag("talking").field("to", target.as_ref()),
        EventKind::WhoAmI { name, peer, sessions, groups, target } => to
            .tag("whoami")
            .field("name", name)
            .field("peer", peer)
            .field("sessions", *sessions)
            .field("groups", &**groups)
            .field("talking", target.as_ref()),
        EventKind::Pong { text } => to.tag("pong").field("text", text),
        EventKind::Help { lines } => to.tag("help").field("text", &lines.join("\n")),
        EventKind::Mode { format: OutputFormat { mode, ids, bell } } => to
            .tag("mode")
            .field("name", Value::Word(mode))
            .line(|line| {
                if *ids {
                    line.field("ids", true);
                }
                if *bell != Bell::Off {
                    line.field("bell", Value::Word(bell));
                }
            })
            .object(|object| {
                object.field("ids", *ids).field("bell", Value::Word(bell));
            }),
        EventKind::Ignored { whom, ignored: true } => to.tag("ignored").field("user", whom),
        EventKind::Ignored { whom, ignored: false } => to.tag("unignored").field("user", whom),
        EventKind::IgnoredUsers { names } => to.tag("ignores").field("names", &**names),
        EventKind::PasswordChanged => to.tag("password_changed"),
        EventKind::Cancelled => to.tag("cancelled"),
        EventKind::TokenMade { name, secret, expires } => {
            to.tag("token_made").field("name", name).field("expires", *expires).field("text", secret)
        }
        EventKind::Tokens { tokens } => to
            .tag("tokens")
            .line(|line| {
                line.field("tokens", Value::Word(&Tokens(tokens)));
            })
            .object(|object| {
                object.list("tokens", tokens, |token, TokenShown { name, made, expires }| {
                    token.field("name", name).field("made", *made).field("expires", *expires);
                });
            }),
        EventKind::TokenRevoked { name } => to.tag("token_revoked").field("name", name),
        EventKind::Refused(error) => to.tag("error").field("code", error.code()).field("text", &error.to_string()),

        EventKind::Received { by, id } => to.tag("received").field("id", *id).field("by", by),
        EventKind::Read { by, id } => to.tag("read").field("id", *id).field("by", by),
        EventKind::YouRead { id } => to.tag("you_read").field("id", *id),
        EventKind::Accepted => to.tag("ok"),
        EventKind::Receipts { wanted } => to.tag("receipts").field("wanted", *wanted),
        EventKind::Deleted { by, id } => to.tag("deleted").field("id", *id).field("by", by),
        EventKind::Missed { count } => to.tag("missed").field("count", *count),
        EventKind::MissedMore { count } => to.tag("missed_more").field("count", *count),
        EventKind::PastMessages { reader, messages, gone } => to
            .object(|object| {
                object.tag("past");
            })
            .records("messages", "past", messages, |record, message| write_past(message, reader, gone, record)),
        EventKind::HistoryHeader { scope, before, count } => to
            .tag("history")
            .field("of", Value::Word(&Of(*scope)))
            .line(|line| {
                line.known("before", *before);
            })
            .field("count", *count)
            .object(|object| {
                object.field("before", *before);
            }),
        EventKind::HistoryMore { scope, count, before } => to
            .tag("earlier")
            .field("of", Value::Word(&Of(*scope)))
            .line(|line| {
                line.field("before", *before);
            })
            .field("count", *count)
            .object(|object| {
                object.field("before", *before);
            }),
        EventKind::SearchHeader { scope, count } => {
            to.tag("found").field("of", Value::Word(&Of(*scope))).field("count", *count)
        }
        EventKind::SearchIncomplete { end } => to.tag("search_incomplete").field("why", end.as_str()),
        EventKind::Cleared { scope } => to.tag("cleared").field("of", Value::Word(&Of(*scope))),

        EventKind::Announced { text } => to.stamped("announcement", event).field("text", text),
        EventKind::GroupDropped { group, why } => {
            to.stamped("group_dropped", event).field("group", group).field("text", why)
        }
        EventKind::Renamed { from, to: name } => to.stamped("renamed", event).field("user", from).field("name", name),
        EventKind::YouAreMuted { muted, until, why } => {
            to.tag("you_muted").field("muted", *muted).field("until", *until).field("text", why)
        }
        EventKind::SessionEnded { why } => to.tag("dismissed").field("text", why),
        EventKind::ShutdownScheduled { after, why } => {
            to.tag("stopping").field("seconds", after.as_secs()).field("text", why)
        }
        EventKind::ShutdownCancelled => to.tag("goes_on"),
        EventKind::ReportFiled(report) => to
            .tag("report")
            .field("number", report.number)
            .field("by", report.by.as_ref())
            .field("about", &report.about)
            .field("text", &report.why),
        EventKind::AdminReply(AdminAnswer::Done(outcome)) => {
            to.tag("done");
            write_outcome("what", outcome, to)
        }
        EventKind::AdminReply(AdminAnswer::Table(table)) => {
            to.tag("table").field("of", table.of).line(|line| {
                line.field("count", table.rows.len());
            });
            write_rows(table, to)
        }

        EventKind::Nothing | EventKind::Batch { events: _ } => to,
    };
}

fn write_group_news<'e, E: Encoder>(event: &Event, group: &Name, news: &GroupNews, to: &'e mut E) -> &'e mut E {
    match news {
        GroupNews::Role { user, role, by } => to
            .stamped("role", event)
            .field("group", group)
            .field("user", user)
            .field("role", role.as_str())
            .known("by", by.as_ref()),
        GroupNews::Kicked { user, by, reason, you: _ } => to
            .stamped("kicked", event)
            .field("group", group)
            .field("user", user)
            .field("by", by)
            .field("text", reason.as_deref()),
        GroupNews::Sanctioned { user, penalty, terms, you: _ } => {
            to.stamped(imposed(*penalty), event).field("group", group).field("user", user);
            write_terms(terms, to)
        }
        GroupNews::Lifted { user, penalty, by, you: _ } => {
            let tag = match penalty {
                Penalty::Ban => "unbanned",
                Penalty::Mute => "unmuted",
            };
            to.stamped(tag, event).field("group", group).field("user", user).field("by", by)
        }
        GroupNews::Bans { all, first } => {
            to.line(|line| {
                if *first {
                    line.tag("bans").field("group", group);
                }
            });
            to.object(|object| {
                object.tag("bans").field("group", group).field("first", *first);
            });
            to.records("bans", "ban", all, |record, ban| {
                record.line(|line| {
                    line.field("group", group);
                });
                record.field("user", &ban.user).field("what", imposed(ban.penalty));
                write_terms(&ban.terms, record);
            })
        }
        GroupNews::YouInvited { user } => to.tag("you_invited").field("group", group).field("user", user),
        GroupNews::Invited { by } => to.stamped("invited", event).field("group", group).field("by", by),
        GroupNews::Changed { by, settings } => {
            to.stamped("group_changed", event).field("group", group).field("by", by);
            write_settings(settings, to)
        }
        GroupNews::GroupInfo(info) => {
            let GroupInfo { settings, members, owners, admins, role } = &**info;
            to.tag("group_info")
                .field("group", group)
                .field("members", *members)
                .field("owners", &**owners)
                .field("admins", &**admins)
                .field("role", role.map(|role| role.as_str()));
            write_settings(settings, to)
        }
        GroupNews::RoomCreated { limit, topic } => to
            .stamped("room_created", event)
            .field("group", group)
            .field("count", 1_usize)
            .field("limit", *limit)
            .field("text", topic.as_deref()),
        GroupNews::RoomJoined { count, limit, topic } => to
            .stamped("room_joined", event)
            .field("group", group)
            .field("count", *count)
            .field("limit", *limit)
            .field("text", topic.as_deref()),
        GroupNews::RoomEntered { user, count, limit } => to
            .stamped("member_joined", event)
            .field("group", group)
            .field("user", user)
            .field("count", *count)
            .field("limit", *limit),
        GroupNews::YouLeftRoom { gone } => to.stamped("room_left", event).field("group", group).field("gone", *gone),
        GroupNews::RoomLeft { user, count, limit } => to
            .stamped("member_left", event)
            .field("group", group)
            .field("user", user)
            .field("count", *count)
            .field("limit", *limit),
    }
}

fn imposed(penalty: Penalty) -> &'static str {
    match penalty {
        Penalty::Ban => "banned",
        Penalty::Mute => "muted",
    }
}

fn write_terms<'e, E: Encoder>(terms: &SanctionTerms, to: &'e mut E) -> &'e mut E {
    let SanctionTerms { by, reason, until } = terms;
    to.field("by", by).field("until", *until).field("text", reason.as_deref())
}

fn write_settings<'e, E: Encoder>(settings: &GroupSettings, to: &'e mut E) -> &'e mut E {
    let GroupSettings { limit, private, announce, keep, ephemeral, room, topic, password } = settings;
    to.field("limit", *limit)
        .field("private", *private)
        .field("password", password.is_some())
        .field("announce", *announce)
        .field("keep", *keep)
        .field("ephemeral", *ephemeral)
        .field("room", *room)
        .field("text", topic.as_deref())
}

fn write_profile<'e, E: Encoder>(profile: &Profile, to: &'e mut E) -> &'e mut E {
    let Profile { name, online, last_seen } = profile;
    to.tag("whois").field("name", name).field("online", online.is_some());
    let Some(Online { since, idle, away, shared }) = online else { return to.known("last_seen", *last_seen) };
    to.field("since", *since)
        .field("idle", idle.as_secs())
        .field("shared", &**shared)
        .line(|line| {
            line.known("text", away.as_deref());
        })
        .object(|object| {
            object.field("away", away.as_deref());
        })
}

/// A message of the log; `gone` are the names that belong to no account any more.
fn write_past<E: Encoder>(message: &Message, reader: &Name, gone: &[Name], to: &mut E) {
    let Message { id, said, deleted } = message;
    to.field("id", *id).field("at", said.at).field("from", &said.from);
    match &said.scope {
        Scope::User(user) => to.field("to", user),
        Scope::Group(group) => to.field("group", group),
        Scope::Everybody => to,
    };
    let named = |name: &&Name| **name == said.from || said.scope == Scope::User(**name);
    let gone: Vec<Name> = gone.iter().filter(named).copied().collect();
    if !gone.is_empty() {
        to.field("gone", &*gone);
    }
    if said.action && !deleted {
        to.field("action", true);
    }
    if *deleted {
        to.field("deleted", true)
    } else {
        to.field("text", &said.text)
    };
    // Only its author is shown the tag.
    if let Some(tag) = said.tag.as_ref().filter(|_| said.from == *reader) {
        to.object(|object| {
            object.field("tag", tag);
        });
    }
}

/// The outcome of an operator's command: its word in the field `name`, and its details.
pub(super) fn write_outcome<'e, E: Encoder>(name: &str, outcome: &Outcome, to: &'e mut E) -> &'e mut E {
    match outcome {
        Outcome::Disconnected { whom, sessions } => {
            to.field(name, "disconnected").field("whom", whom).field("sessions", *sessions)
        }
        Outcome::Sanctioned { penalty, whom, until, sessions } => to
            .field(name, penalty.as_str())
            .field("whom", whom)
            .field("until", until.map(Value::Moment))
            .field("sessions", *sessions),
        Outcome::Lifted { penalty, whom } => {
            to.field(name, "lifted").field("penalty", penalty.as_str()).field("whom", whom)
        }
        Outcome::Renamed { from, to: new, sessions } => {
            to.field(name, "renamed").field("user", from).field("name", new).field("sessions", *sessions)
        }
        Outcome::Announced { sessions } => to.field(name, "announced").field("sessions", *sessions),
        Outcome::Deleted { id, from } => to.field(name, "deleted").field("id", *id).field("from", from),
        Outcome::Dropped { group, members } => {
            to.field(name, "dropped").field("group", group).field("members", *members)
        }
        Outcome::Reloaded { users, words } => {
            to.field(name, "reloaded").field("users", *users).field("patterns", *words)
        }
        Outcome::ShutdownScheduled { after } => {
            to.field(name, "stopping").field("seconds", after.map_or(0, |after| after.as_secs()))
        }
        Outcome::ShutdownCancelled => to.field(name, "goes_on"),
        Outcome::Reported { number, operators } => {
            to.field(name, "reported").field("number", *number).field("operators", *operators)
        }
        Outcome::ReportDone { number } => to.field(name, "report_done").field("number", *number),
    }
}

pub(super) fn write_rows<'e, E: Encoder>(table: &Table, to: &'e mut E) -> &'e mut E {
    let Table { of, columns, rows } = table;
    to.records("rows", "row", rows, |record, row| {
        record.line(|line| {
            line.field("of", *of);
        });
        for (name, cell) in columns.iter().zip(row) {
            record.field(name, cell);
        }
    })
}

/// Fixed words as one word.
fn underscored(words: &str) -> String {
    words.replace(' ', "_")
}

/// A conversation as `/history` takes it.
struct Of(Option<Scope>);

impl fmt::Display for Of {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            None => f.write_str("all"),
            Some(scope) => scope.fmt(f),
        }
    }
}

/// Groups with semicolons between them, each with a colon before its members.
struct Rosters<'a>(&'a [Roster]);

impl fmt::Display for Rosters<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, (group, members)) in self.0.iter().enumerate() {
            write!(f, "{}{group}:", if n == 0 { "" } else { ";" })?;
            for (n, member) in members.iter().enumerate() {
                write!(f, "{}{member}", if n == 0 { "" } else { "," })?;
            }
        }
        Ok(())
    }
}

/// Tokens with commas between them, behind each a semicolon and its end.
struct Tokens<'a>(&'a [TokenShown]);

impl fmt::Display for Tokens<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, TokenShown { name, made: _, expires }) in self.0.iter().enumerate() {
            write!(f, "{}{name};", if n == 0 { "" } else { "," })?;
            expires.map_or(Ok(()), |at| f.write_str(&super::utc(at, super::MICROSECONDS)))?;
        }
        Ok(())
    }
}

impl<'v> From<&'v str> for Value<'v> {
    fn from(text: &'v str) -> Value<'v> {
        Value::Text(text)
    }
}

impl<'v> From<&'v String> for Value<'v> {
    fn from(text: &'v String) -> Value<'v> {
        Value::Text(text)
    }
}

impl<'v> From<&'v Arc<str>> for Value<'v> {
    fn from(text: &'v Arc<str>) -> Value<'v> {
        Value::Text(text)
    }
}

impl<'v> From<&'v Name> for Value<'v> {
    fn from(name: &'v Name) -> Value<'v> {
        Value::Text(name.as_str())
    }
}

impl<'v> From<&'v Tag> for Value<'v> {
    fn from(tag: &'v Tag) -> Value<'v> {
        Value::Text(tag.as_str())
    }
}

impl<'v> From<&'v [Name]> for Value<'v> {
    fn from(names: &'v [Name]) -> Value<'v> {
        Value::Names(names)
    }
}

impl<'v> From<&'v Target> for Value<'v> {
    fn from(target: &'v Target) -> Value<'v> {
        Value::Word(target)
    }
}

impl From<MessageId> for Value<'_> {
    fn from(id: MessageId) -> Self {
        Value::Number(id.0)
    }
}

impl From<u64> for Value<'_> {
    fn from(number: u64) -> Self {
        Value::Number(number)
    }
}

impl From<usize> for Value<'_> {
    fn from(count: usize) -> Self {
        Value::Number(count as u64)
    }
}

impl From<bool> for Value<'_> {
    fn from(flag: bool) -> Self {
        Value::Flag(flag)
    }
}

impl From<SystemTime> for Value<'_> {
    fn from(at: SystemTime) -> Self {
        Value::Time(at)
    }
}

impl<'v> From<&'v Cell> for Value<'v> {
    fn from(cell: &'v Cell) -> Value<'v> {
        match cell {
            Cell::Text(text) => Value::Text(text),
            Cell::Number(number) => Value::Number(*number),
            Cell::Time(at) => at.map_or(Value::None, Value::Moment),
        }
    }
}

impl<'v, T: Into<Value<'v>>> From<Option<T>> for Value<'v> {
    fn from(value: Option<T>) -> Value<'v> {
        value.map_or(Value::None, Into::into)
    }
}
