//! What happens in groups, for programs.

use std::fmt::{self, Write};

use super::{Names, Stamp, Text, Until};
use crate::model::{GroupInfo, GroupNews, GroupSanction, GroupSettings, Name, Penalty};

pub(super) fn write(out: &mut String, stamp: &Stamp<'_>, group: &Name, news: &GroupNews) -> fmt::Result {
    match news {
        GroupNews::Role { user, role, by } => {
            write!(out, "role{stamp} group={group} user={user} role={}", role.as_str())?;
            by.map_or(Ok(()), |by| write!(out, " by={by}"))
        }
        GroupNews::Kicked { user, by, reason, .. } => {
            write!(out, "kicked{stamp} group={group} user={user} by={by} text={}", Reason(reason.as_deref()))
        }
        GroupNews::Sanctioned { user, penalty, ruling, .. } => {
            let (by, until, reason) = (ruling.by, Until(ruling.until), Reason(ruling.reason.as_deref()));
            write!(out, "{}{stamp} group={group} user={user} by={by} until={until} text={reason}", deed(*penalty))
        }
        GroupNews::Lifted { user, penalty, by, .. } => {
            write!(out, "un{}{stamp} group={group} user={user} by={by}", deed(*penalty))
        }
        GroupNews::Bans { all, first } => write_bans(out, group, all, *first),
        GroupNews::YouInvited { user } => write!(out, "you_invited group={group} user={user}"),
        GroupNews::Invited { by } => write!(out, "invited{stamp} group={group} by={by}"),
        GroupNews::Changed { by, settings } => {
            write!(out, "group_changed{stamp} group={group} by={by}{}", Shown(settings))
        }
        GroupNews::GroupInfo(portrait) => {
            let GroupInfo { settings, members, owners, admins, role } = &**portrait;
            let role = role.map_or("", |role| role.as_str());
            write!(
                out,
                "group_info group={group} members={members} owners={} admins={}",
                Names(owners),
                Names(admins)
            )?;
            write!(out, " role={role}{}", Shown(settings))
        }
        room => write_room(out, stamp, group, room),
    }
}

fn write_room(out: &mut String, stamp: &Stamp<'_>, group: &Name, news: &GroupNews) -> fmt::Result {
    match news {
        GroupNews::RoomCreated { limit, topic } => {
            let topic = Reason(topic.as_deref());
            write!(out, "room_created{stamp} group={group} count=1 limit={limit} text={topic}")
        }
        GroupNews::RoomJoined { count, limit, topic } => {
            let topic = Reason(topic.as_deref());
            write!(out, "room_joined{stamp} group={group} count={count} limit={limit} text={topic}")
        }
        GroupNews::RoomEntered { user, count, limit } => {
            write!(out, "member_joined{stamp} group={group} user={user} count={count} limit={limit}")
        }
        GroupNews::YouLeftRoom { gone } => write!(out, "room_left{stamp} group={group} gone={gone}"),
        GroupNews::RoomLeft { user, count, limit } => {
            write!(out, "member_left{stamp} group={group} user={user} count={count} limit={limit}")
        }
        // All others are written before it comes to this.
        _ => Ok(()),
    }
}

fn deed(penalty: Penalty) -> &'static str {
    match penalty {
        Penalty::Ban => "banned",
        Penalty::Mute => "muted",
    }
}

/// A line that opens the list, then one for each.
fn write_bans(out: &mut String, group: &Name, all: &[GroupSanction], first: bool) -> fmt::Result {
    let mut end = "";
    if first {
        write!(out, "bans group={group}")?;
        end = "\n";
    }
    all.iter().try_for_each(|GroupSanction { user, penalty, ruling }| {
        let (by, until, reason) = (ruling.by, Until(ruling.until), Reason(ruling.reason.as_deref()));
        let end = std::mem::replace(&mut end, "\n");
        write!(out, "{end}ban group={group} user={user} what={} by={by} until={until} text={reason}", deed(*penalty))
    })
}

/// A reason or a topic, which may be none.
struct Reason<'a>(Option<&'a str>);

impl fmt::Display for Reason<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Text(self.0.unwrap_or_default()).fmt(f)
    }
}

/// What the owners of a group chose.
struct Shown<'a>(&'a GroupSettings);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let GroupSettings { limit, private, announce, keep, ephemeral, room, topic, password } = self.0;
        f.write_str(" limit=")?;
        limit.map_or(Ok(()), |limit| write!(f, "{limit}"))?;
        write!(f, " private={private} password={} announce={announce} keep={keep}", password.is_some())?;
        write!(f, " ephemeral={ephemeral} room={room} text={}", Reason(topic.as_deref()))
    }
}
