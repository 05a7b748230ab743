//! What happens in groups, for browsers and programs.

use super::object::Object;
use crate::model::{Event, GroupInfo, GroupNews, GroupSanction, GroupSettings, Name, Penalty, SanctionTerms};

pub(super) fn write(event: &Event, group: &Name, news: &GroupNews) -> Option<Object> {
    let stamped = |tag: &str| Object::new(tag).stamp(event).word("group", group);
    Some(match news {
        GroupNews::Role { user, role, by } => {
            stamped("role").word("user", user).word("role", role.as_str()).some_word("by", *by)
        }
        GroupNews::Kicked { user, by, reason, .. } => {
            stamped("kicked").word("user", user).word("by", by).some_text("text", reason.as_deref())
        }
        GroupNews::Sanctioned { user, penalty, ruling, .. } => {
            ruled(stamped(deed(*penalty)).word("user", user), ruling)
        }
        GroupNews::Lifted { user, penalty, by, .. } => {
            stamped(&format!("un{}", deed(*penalty))).word("user", user).word("by", by)
        }
        GroupNews::Bans { all, first } => {
            Object::new("bans").word("group", group).flag("first", *first).list("bans", all.iter().map(ban))
        }
        GroupNews::YouInvited { user } => Object::new("you_invited").word("group", group).word("user", user),
        GroupNews::Invited { by } => stamped("invited").word("by", by),
        GroupNews::Changed { by, settings } => chosen(stamped("group_changed").word("by", by), settings),
        GroupNews::GroupInfo(portrait) => write_portrait(group, portrait),
        GroupNews::RoomCreated { limit, topic } => {
            room(stamped("room_created"), 1, *limit).some_text("text", topic.as_deref())
        }
        GroupNews::RoomJoined { count, limit, topic } => {
            room(stamped("room_joined"), *count, *limit).some_text("text", topic.as_deref())
        }
        GroupNews::RoomEntered { user, count, limit } => {
            room(stamped("member_joined").word("user", user), *count, *limit)
        }
        GroupNews::YouLeftRoom { gone } => stamped("room_left").flag("gone", *gone),
        GroupNews::RoomLeft { user, count, limit } => room(stamped("member_left").word("user", user), *count, *limit),
    })
}

fn room(object: Object, count: usize, limit: usize) -> Object {
    object.count("count", count).count("limit", limit)
}

fn deed(penalty: Penalty) -> &'static str {
    match penalty {
        Penalty::Ban => "banned",
        Penalty::Mute => "muted",
    }
}

fn ruled(object: Object, SanctionTerms { by, reason, until }: &SanctionTerms) -> Object {
    object.word("by", by).time("until", *until).some_text("text", reason.as_deref())
}

fn ban(GroupSanction { user, penalty, ruling }: &GroupSanction) -> String {
    ruled(Object::inner("user", user).word("what", deed(*penalty)), ruling).end()
}

fn write_portrait(group: &Name, GroupInfo { settings, members, owners, admins, role }: &GroupInfo) -> Object {
    let object = Object::new("group_info").word("group", group).count("members", *members);
    let object = object.names("owners", owners).names("admins", admins);
    chosen(object.some_word("role", role.map(|role| role.as_str())), settings)
}

/// What the owners of a group chose.
fn chosen(object: Object, settings: &GroupSettings) -> Object {
    let GroupSettings { limit, private, announce, keep, ephemeral, room, topic, password } = settings;
    object
        .some_number("limit", limit.and_then(|limit| u64::try_from(limit).ok()))
        .flag("private", *private)
        .flag("password", password.is_some())
        .flag("announce", *announce)
        .flag("keep", *keep)
        .flag("ephemeral", *ephemeral)
        .flag("room", *room)
        .some_text("text", topic.as_deref())
}
