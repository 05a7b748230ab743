//! Why something cannot be done in a group. Each sentence names the group, and what can be done instead where there is
//! something.

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use super::error::UserError;
use super::group::{EndAndReason, GroupRole};
use super::name::Name;
use super::text;

/// What a command about groups may answer instead of doing what was asked. Its `Display` is the line the user sees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GroupError {
    /// It takes this role, or a higher one.
    NeedsRole(Name, GroupRole),
    /// The other one has the same role or a higher one.
    Outranked(Name, Name, GroupRole),
    /// The other one is not in it.
    UserNotMember(Name, Name),
    /// The other one is in it already.
    UserAlreadyMember(Name, Name),
    /// The other one has this role already.
    RoleAlready(Name, Name, GroupRole),
    /// Nobody would own it.
    LastOwner(Name),
    /// Nobody kicks, bans or mutes himself.
    Yourself,
    /// It has as many members as it may.
    Full(Name, usize),
    /// It has more members than the new limit.
    LimitTooLow(Name, usize),
    /// He may not be in it: until when, and why.
    Banned(Name, Option<SystemTime>, Option<Arc<str>>),
    /// He may not talk in it: until when, and why.
    Muted(Name, Option<SystemTime>, Option<Arc<str>>),
    /// The other one is banned.
    UserBanned(Name, Name),
    /// The other one is not banned.
    NotBanned(Name, Name),
    /// The other one is not muted.
    NotMuted(Name, Name),
    /// Only owners and admins talk in it.
    AnnounceOnly(Name),
    /// It takes a password or an invitation.
    NeedsPassword(Name),
    /// The password is another one.
    WrongPassword(Name),
    /// Nobody invited him to it.
    NotInvited(String),
    /// As many bans and mutes as one group may have.
    TooManyBans(Name, usize),
    /// As many open invitations as one group may have.
    TooManyInvitations(Name, usize),
    /// He owns as many kept groups as one may.
    TooManyKept(usize),
    /// What is ephemeral is so from its beginning, and is not kept.
    Ephemeral(Name),
    /// Nothing that was said in it is kept.
    NoHistory(Name),
    /// Guests cannot do it.
    NotForGuests(Name),
    /// A room stays as it was made.
    RoomFixed(Name),
    /// There is no such room.
    NoSuchRoom(String),
    /// He is in no room.
    InNoRoom,
    /// He is in more than one room, and has to say which.
    WhichRoom,
}

impl fmt::Display for GroupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            GroupError::NeedsRole(group, GroupRole::Owner) => {
                write!(f, "Error: Only an owner of group '{group}' may do that.")
            }
            GroupError::NeedsRole(group, _) => {
                write!(f, "Error: Only an owner or admin of group '{group}' may do that.")
            }
            GroupError::Outranked(user, group, role) => {
                write!(f, "Error: User '{user}' is {} of group '{group}'; you may not do that to him.", Article(*role))
            }
            GroupError::UserNotMember(user, group) => {
                write!(f, "Error: User '{user}' is not a member of group '{group}'.")
            }
            GroupError::UserAlreadyMember(user, group) => {
                write!(f, "Error: User '{user}' is already a member of group '{group}'.")
            }
            GroupError::RoleAlready(user, group, role) => {
                write!(f, "Error: User '{user}' is already {} of group '{group}'.", Article(*role))
            }
            GroupError::LastOwner(group) => {
                write!(f, "Error: Group '{group}' would have no owner; /transfer gives it to another member.")
            }
            GroupError::Yourself => f.write_str("Error: You cannot do that to yourself; /leave_group leaves a group."),
            GroupError::TooManyBans(group, max) => {
                write!(f, "Error: Group '{group}' has {max} bans and mutes already, which is the limit.")
            }
            GroupError::TooManyInvitations(group, max) => {
                write!(f, "Error: Group '{group}' has {max} open invitations already, which is the limit.")
            }
            GroupError::TooManyKept(max) => write!(f, "Error: You own {max} kept groups already, which is the limit."),
            GroupError::Ephemeral(group) => {
                write!(f, "Error: Group '{group}' is ephemeral from its beginning or not at all, and is then not kept.")
            }
            GroupError::NoHistory(group) => write!(f, "Error: What is said in group '{group}' is not kept."),
            GroupError::NotForGuests(group) => {
                write!(f, "Error: Guests cannot do that in group '{group}'; it needs an account.")
            }
            other => other.write_door(f),
        }
    }
}

impl GroupError {
    /// What keeps somebody out, or silent.
    fn write_door(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            GroupError::LimitTooLow(group, members) => {
                write!(f, "Error: Group '{group}' has {members} members; its limit cannot be lower than that.")
            }
            GroupError::Full(group, limit) => write!(f, "Error: Group '{group}' is full: its limit is {limit}."),
            GroupError::Banned(group, until, reason) => {
                write!(f, "Error: You are banned from group '{group}'{}", EndAndReason(*until, reason.as_deref()))
            }
            GroupError::Muted(group, until, reason) => {
                write!(f, "Error: You are muted in group '{group}'{}", EndAndReason(*until, reason.as_deref()))
            }
            GroupError::UserBanned(user, group) => {
                write!(f, "Error: User '{user}' is banned from group '{group}'; /unban ends that.")
            }
            GroupError::NotBanned(user, group) => write!(f, "Error: User '{user}' is not banned from group '{group}'."),
            GroupError::NotMuted(user, group) => write!(f, "Error: User '{user}' is not muted in group '{group}'."),
            GroupError::AnnounceOnly(group) => write!(f, "Error: Only owners and admins may talk in group '{group}'."),
            GroupError::NeedsPassword(group) => {
                write!(f, "Error: Group '{group}' needs a password: /join_group {group} <password>.")
            }
            GroupError::WrongPassword(group) => write!(f, "Error: That is not the password of group '{group}'."),
            GroupError::NotInvited(typed) => {
                write!(f, "Error: You have no invitation to a group '{}'.", text::shorten(typed, 40))
            }
            GroupError::RoomFixed(group) => write!(f, "Error: Room '{group}' stays as it was made."),
            GroupError::NoSuchRoom(typed) => write!(f, "Error: Room '{}' does not exist.", text::shorten(typed, 40)),
            GroupError::WhichRoom => f.write_str("Error: You are in more than one room: /room leave <code>."),
            _ => f.write_str("Error: You are not in a room."),
        }
    }

    /// A word for programs that never changes, whatever the sentence says.
    pub fn code(&self) -> &'static str {
        match self {
            GroupError::NeedsRole(..) => "needs_group_role",
            GroupError::Outranked(..) => "outranked_in_group",
            GroupError::UserNotMember(..) => "user_not_member",
            GroupError::UserAlreadyMember(..) => "user_already_member",
            GroupError::RoleAlready(..) => "role_already",
            GroupError::LastOwner(_) => "last_owner",
            GroupError::Yourself => "yourself",
            GroupError::Full(..) => "group_full",
            GroupError::LimitTooLow(..) => "limit_too_low",
            GroupError::Banned(..) => "banned_from_group",
            GroupError::Muted(..) => "muted_in_group",
            GroupError::UserBanned(..) => "user_banned",
            GroupError::NotBanned(..) => "not_banned",
            GroupError::NotMuted(..) => "not_muted",
            GroupError::AnnounceOnly(_) => "announce_only",
            GroupError::NeedsPassword(_) => "needs_password",
            GroupError::WrongPassword(_) => "wrong_group_password",
            GroupError::NotInvited(_) => "not_invited",
            GroupError::TooManyBans(..) => "too_many_bans",
            GroupError::TooManyInvitations(..) => "too_many_invitations",
            GroupError::TooManyKept(_) => "too_many_kept",
            GroupError::Ephemeral(_) => "ephemeral",
            GroupError::NoHistory(_) => "no_history",
            GroupError::NotForGuests(_) => "group_not_for_guests",
            GroupError::RoomFixed(_) => "room_fixed",
            GroupError::NoSuchRoom(_) => "no_such_room",
            GroupError::InNoRoom => "in_no_room",
            GroupError::WhichRoom => "which_room",
        }
    }
}

impl From<GroupError> for UserError {
    fn from(why: GroupError) -> UserError {
        UserError::Group(why)
    }
}

/// A role with its article.
pub struct Article(pub GroupRole);

impl fmt::Display for Article {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let article = if self.0 == GroupRole::Member { "a" } else { "an" };
        write!(f, "{article} {}", self.0.as_str())
    }
}
