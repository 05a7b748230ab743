//! The wording of what happens in groups, beside what is said in them.

use std::fmt::{self, Write};
use std::sync::Arc;

use super::Names;
use crate::model::{
    Article, EndAndReason, GroupInfo, GroupNews, GroupRole, GroupSanction, GroupSettings, Name, Penalty,
};

pub(super) fn write(out: &mut String, group: &Name, news: &GroupNews) -> fmt::Result {
    match news {
        GroupNews::Role { user, role, by } => {
            write!(out, "*** {user} is {} of the group {group} now", Article(*role))?;
            match by {
                Some(by) => write!(out, ", by {by}."),
                None => out.write_str("."),
            }
        }
        GroupNews::Kicked { user, by, reason, you } => {
            let terms = EndAndReason(None, reason.as_deref());
            write!(out, "*** {} kicked from the group {group} by {by}{terms}", Whose(user, *you))
        }
        GroupNews::Sanctioned { user, penalty, ruling, you } => {
            let (terms, by) = (EndAndReason(ruling.until, ruling.reason.as_deref()), ruling.by);
            let deed = match penalty {
                Penalty::Ban => "banned from",
                Penalty::Mute => "muted in",
            };
            write!(out, "*** {} {deed} the group {group} by {by}{terms}", Whose(user, *you))
        }
        GroupNews::Lifted { user, penalty, by, you } => {
            let (subject, verb) = if *you { ("You".to_owned(), "are") } else { (user.to_string(), "is") };
            let deed = match penalty {
                Penalty::Ban => "banned from",
                Penalty::Mute => "muted in",
            };
            write!(out, "*** {subject} {verb} no longer {deed} the group {group}, by {by}.")
        }
        GroupNews::Bans { all, first } => write_bans(out, group, all, *first),
        GroupNews::YouInvited { user } => write!(out, "You invited {user} to the group {group}."),
        GroupNews::Invited { by } => {
            write!(out, "*** {by} invites you to the group {group}; /accept #{group} joins it.")
        }
        GroupNews::Changed { by, settings } => {
            write!(out, "*** {by} changed the group {group}: {}", Shown(settings))
        }
        GroupNews::GroupInfo(portrait) => write_portrait(out, group, portrait),
        room => write_room(out, group, room),
    }
}

fn write_room(out: &mut String, group: &Name, news: &GroupNews) -> fmt::Result {
    match news {
        GroupNews::RoomCreated { limit, topic } => {
            write!(out, "Room {group} created (1/{limit}); others come in with /room join {group}.{}", About(topic))
        }
        GroupNews::RoomJoined { count, limit, topic } => {
            write!(out, "You joined the room {group} ({count}/{limit}).{}", About(topic))
        }
        GroupNews::RoomEntered { user, count, limit } => write!(out, "*** {user} has joined ({count}/{limit})."),
        GroupNews::YouLeftRoom { gone: false } => write!(out, "You left the room {group}."),
        GroupNews::YouLeftRoom { gone: true } => write!(out, "You left the room {group}. It is empty now, and gone."),
        GroupNews::RoomLeft { user, count, limit } => write!(out, "*** {user} has left ({count}/{limit})."),
        // All others are written before it comes to this.
        _ => Ok(()),
    }
}

/// The subject of a sentence about something that was done to somebody.
struct Whose<'a>(&'a Name, bool);

impl fmt::Display for Whose<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.1 { f.write_str("You were") } else { write!(f, "{} was", self.0) }
    }
}

fn write_bans(out: &mut String, group: &Name, all: &[GroupSanction], first: bool) -> fmt::Result {
    let mut end = "";
    if first {
        if all.is_empty() {
            return write!(out, "Nobody is banned or muted in the group {group}.");
        }
        write!(out, "Bans and mutes of the group {group}:")?;
        end = "\n";
    }
    all.iter().try_for_each(|GroupSanction { user, penalty, ruling }| {
        let deed = match penalty {
            Penalty::Ban => "banned",
            Penalty::Mute => "muted",
        };
        let terms = EndAndReason(ruling.until, ruling.reason.as_deref());
        write!(out, "{}{user}: {deed} by {}{terms}", std::mem::replace(&mut end, "\n"), ruling.by)
    })
}

fn write_portrait(out: &mut String, group: &Name, portrait: &GroupInfo) -> fmt::Result {
    let GroupInfo { settings, members, owners, admins, role } = portrait;
    write!(out, "Group {group}: members: {members}")?;
    settings.limit.map_or(Ok(()), |limit| write!(out, "/{limit}"))?;
    write!(out, ", owners: {}, admins: {}", Names(owners), Names(admins))?;
    role.map_or(Ok(()), |role: GroupRole| write!(out, ", you are {}", Article(role)))?;
    write!(out, ". {}", Shown(settings))
}

/// What the owners of a group chose, as the end of a line.
struct Shown<'a>(&'a GroupSettings);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let GroupSettings { limit, private, announce, keep, ephemeral, topic, password, .. } = self.0;
        let mut words = Vec::new();
        words.extend(limit.map(|limit| format!("limit {limit}")));
        words.push(if *private { "private" } else { "public" }.to_owned());
        words.extend(password.as_ref().map(|_| "with a password".to_owned()));
        words.extend(announce.then(|| "only owners and admins talk".to_owned()));
        words.extend(keep.then(|| "kept".to_owned()));
        words.extend(ephemeral.then(|| "ephemeral".to_owned()));
        write!(f, "{}.{}", words.join(", "), About(topic))
    }
}

/// What something is about, behind a sentence, if it is about anything.
struct About<'a>(&'a Option<Arc<str>>);

impl fmt::Display for About<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.as_ref().map_or(Ok(()), |topic| write!(f, " Topic: {topic}"))
    }
}
