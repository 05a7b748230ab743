//! Why something cannot be done, as the line that the user sees and as a code for programs.
//!
//! Each error is one row of a table: its meaning, its code, its sentence. A variant without a code or a sentence does not
//! compile. Codes never change; sentences may.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::group::{Article, EndAndReason, GroupRole};
use super::message::MessageId;
use super::name::{BadName, Name};
use super::role::Role;
use super::sanction::{Because, HumanDuration, Penalty};
use super::text;

/// Declares an enum of errors with its codes and sentences. Below `in` stand the errors of other tables that it may hold;
/// they keep their own codes and sentences.
macro_rules! errors {
    (
        $(#[$meta:meta])*
        pub enum $Error:ident {
            $($(#[$doc:meta])* $Variant:ident $(($($field:ident: $Type:ty),+))? = $code:literal, $sentence:literal $(, $arg:expr)*;)+
        }
        $(in { $($(#[$outer_doc:meta])* $Outer:ident($Inner:ty);)+ })?
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub enum $Error {
            $($(#[$doc])* $Variant $(($($Type),+))?,)+
            $($($(#[$outer_doc])* $Outer($Inner),)+)?
        }

        impl fmt::Display for $Error {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self {
                    $($Error::$Variant $(($($field),+))? => write!(f, $sentence $(, $arg)*),)+
                    $($($Error::$Outer(inner) => inner.fmt(f),)+)?
                }
            }
        }

        impl $Error {
            /// A word for programs that never changes, whatever the sentence says.
            pub fn code(&self) -> &'static str {
                match self {
                    $($Error::$Variant { .. } => $code,)+
                    $($($Error::$Outer(inner) => inner.code(),)+)?
                }
            }

            /// Every code there is.
            pub fn codes() -> Vec<&'static str> {
                [&[$($code),+][..] $($(, &<$Inner>::codes())+)?].concat()
            }
        }

        $($(impl From<$Inner> for $Error {
            fn from(inner: $Inner) -> $Error {
                $Error::$Outer(inner)
            }
        })+)?
    };
}

errors! {
    /// Why a command was not carried out. Its `Display` is the line the user sees.
    pub enum UserError {
        /// Nobody has an account of this name.
        NoSuchUser(typed: String) = "no_such_user", "Error: User '{}' does not exist.", quote(typed);
        /// The account exists, but none of its sessions is here.
        NotOnline(user: Name) = "not_online", "Error: User '{user}' is not online.";
        /// No group of this name.
        NoSuchGroup(typed: String) = "no_such_group", "Error: Group '{}' does not exist.", quote(typed);
        /// The name of the new group is taken.
        GroupExists(group: Name) = "group_exists", "Error: Group '{group}' already exists.";
        /// The user is in this group already.
        AlreadyMember(group: Name) = "already_member", "Error: You are already a member of group '{group}'.";
        /// The user is not in this group.
        NotMember(group: Name) = "not_member", "Error: You are not a member of group '{group}'.";
        /// The server holds as many groups as it may.
        TooManyGroups(max: usize) = "too_many_groups", "Error: The server already has {max} groups, which is the limit.";
        /// The user is in as many groups as one may be.
        TooManyMemberships(max: usize) = "too_many_memberships", "Error: You are already in {max} groups, which is the limit.";
        /// A text that was to be the name of a new group is none.
        BadGroupName(typed: String, why: BadName) = "bad_group_name", "Error: The group name '{}' {why}.", quote(typed);
        /// The words after the command do not fit it; holds the command's usage.
        Usage(forms: Vec<&'static str>) = "usage", "Usage: {}", forms.join(" or ");
        /// No such command; holds what was typed and, if one is near, what may have been meant.
        UnknownCommand(typed: String, near: Option<&'static str>) = "unknown_command",
            "Error: Unknown command '/{}'.{} /help lists all commands.", quote(typed), DidYouMean(*near);
        /// A text without a command, and no conversation chosen to send it to.
        NoConversation = "no_conversation",
            "Error: Not sent: use /msg <username> <message>, or choose a conversation with /talk.";
        /// The user has neither sent nor received a private message.
        NobodyToReply = "nobody_to_reply",
            "Error: There is nobody to reply to yet; start with /msg <username> <message>.";
        /// Users cannot ignore themselves.
        CannotIgnoreSelf = "cannot_ignore_self", "Error: You cannot ignore yourself.";
        /// The user ignores as many users as one may.
        TooManyIgnored(max: usize) = "too_many_ignored", "Error: You already ignore {max} users, which is the limit.";
        /// The user does not ignore this one.
        NotIgnored(user: Name) = "not_ignored", "Error: You are not ignoring '{user}'.";

        /// The password that was asked for is another one.
        WrongPassword = "wrong_password", "Error: That is not your password; nothing was changed.";
        /// Too many wrong passwords came from the user's address; this one was not looked at.
        TooManyAttempts = "too_many_attempts",
            "Error: Too many wrong passwords from your address; try again in a minute.";
        /// The user has changed their password less than a minute ago.
        PasswordJustChanged = "password_just_changed",
            "Error: You changed your password a moment ago; try again in a minute.";
        /// The new password was not typed twice in the same way.
        PasswordsDiffer = "passwords_differ", "Error: The new passwords do not match; nothing was changed.";
        /// The new password cannot be used; why follows on "the new password".
        BadPassword(why: String) = "bad_password", "Error: The new password {why}; nothing was changed.";
        /// Guests have no account to change.
        NotForGuests = "not_for_guests", "Error: Guests cannot do that; it needs an account.";
        /// Only a session that logged in with the password may do it.
        NotWithToken = "not_with_token",
            "Error: You logged in with a token; log in with your password to create one.";
        /// A text that was to be the name of a token is none.
        BadTokenName(typed: String, why: BadName) = "bad_token_name", "Error: The token name '{}' {why}.", quote(typed);
        /// The user has a token of this name.
        TokenExists(name: Name) = "token_exists", "Error: Token '{name}' already exists; /token revoke removes it.";
        /// The user has no token of this name.
        NoSuchToken(typed: String) = "no_such_token", "Error: Token '{}' does not exist.", quote(typed);
        /// The user has as many tokens as one may have.
        TooManyTokens(max: usize) = "too_many_tokens", "Error: You already have {max} tokens, which is the limit.";

        /// It did not get its turn in time.
        Busy = "busy", "Error: The server is busy and nothing was changed; try again.";
        /// It cannot be stored; the log says why.
        Unavailable = "unavailable", "Error: The server cannot store that now; try again later, or ask its operator.";
        /// A line over the limit: its length as far as it was counted, and the limit, both in bytes.
        LineTooLong(bytes: u64, max: usize) = "line_too_long",
            "Error: That line was dropped: it has {bytes} bytes, and the limit is {max}.";
        /// The word after `/tag` is not a valid tag.
        BadTag = "bad_tag", "Error: A tag has 1 to 32 letters, digits, '_', '.' or '-': /tag <tag> <line>.";
        /// A line that is not UTF-8.
        NotUtf8 = "not_utf8", "Error: That line was dropped: it is not valid UTF-8.";
        /// The message reached those who are here, but is stored nowhere; says why.
        NotSaved(why: String) = "not_saved", "Error: Your message was delivered but not saved: {why}.";
        /// The message reached nobody, or not everybody, through a fault in the server.
        Lost = "lost", "Error: A fault in the server lost your message; please send it again.";
        /// The log cannot be read; says why.
        NotReadable(why: String) = "not_readable",
            "Error: Earlier messages cannot be read now: {why}. Try /history later.";
        /// A message to a user who is offline is lost, because it could not be stored; says why.
        NotKept(user: Name, why: String) = "not_kept",
            "Error: User '{user}' is not online, and your message could not be kept: {why}. Try again later.";
        /// A change that is made as soon as it can be stored; says why it could not.
        NotStoredYet(why: String) = "not_stored_yet",
            "Error: Not stored yet: {why}. It will be stored as soon as possible; no need to repeat it.";
        /// No message of this id, or none that the user may see.
        NoSuchMessage(id: MessageId) = "no_such_message",
            "Error: Message {id} does not exist, or you may not see it.";
        /// Somebody else wrote this message.
        NotYours(id: MessageId) = "not_yours", "Error: Message {id} is not yours; only its author can delete it.";
        /// This message was not said privately to the user.
        NotToYou(id: MessageId) = "not_to_you", "Error: Message {id} is not a private message to you.";
        /// A guest asked for something that is kept for accounts only.
        GuestsHaveNone = "guests_have_none",
            "Error: Nothing is kept for guests; this needs an account.";

        /// An operator has muted the user: until when, and why.
        Muted(until: Option<SystemTime>, why: String) = "muted",
            "Error: You are muted{}, so this was not sent{}.", TimeLeft(*until), Because(why);
        /// The word filter does not let this be said.
        Filtered = "filtered", "Error: Not sent: your message contains a blocked word.";
        /// It takes a higher role than the user's.
        NeedsRole(role: Role) = "needs_role", "Error: That needs the role {role}; nothing was changed.";
        /// The target is an operator of the same rank or a higher one.
        Outranked(user: Name) = "outranked",
            "Error: User '{user}' is an operator of your rank or higher; nothing was changed.";
        /// No session of this number, and nobody of this name who is here.
        NoSuchSession(typed: String) = "no_such_session",
            "Error: '{}' is neither a user who is online nor a session; /sessions lists them.", quote(typed);
        /// A text that was to be an address or a network is none, or one that is far too wide.
        BadNet(typed: String) = "bad_network",
            "Error: '{}' is not an address or a network; the widest are /8 and, for IPv6, /16.", quote(typed);
        /// A guest's name is the next guest's too, so it cannot be banned or muted.
        GuestByAddress = "guest_by_address", "Error: Guest names are reused; /ban addr bans the address instead.";
        /// There is no such penalty to lift.
        NoSanction(penalty: Penalty, whom: String) = "no_sanction",
            "Error: There is no {} of '{}'; /bans lists them.", penalty.as_str(), quote(whom);
        /// As many penalties hold as there may be.
        TooManySanctions(max: usize) = "too_many_sanctions",
            "Error: There are already {max} bans and mutes, which is the limit.";
        /// No open report of this number.
        NoSuchReport(number: u64) = "no_such_report", "Error: Report {number} does not exist; /reports lists them.";
        /// As many reports are open as there may be.
        TooManyReports(max: usize) = "too_many_reports", "Error: There are already {max} open reports, which is the limit.";
        /// A shutdown is scheduled already.
        AlreadyStopping = "stopping_already",
            "Error: A shutdown is already scheduled; /shutdown cancel cancels it.";
        /// No shutdown is scheduled.
        NotStopping = "nothing_to_cancel", "Error: No shutdown is scheduled; there is nothing to cancel.";
        /// Not everything could be reloaded, and what could not is unchanged; says why.
        NotReloaded(why: String) = "not_reloaded", "Error: Not everything was reloaded: {why}.";
        /// The log cannot be shown; says why.
        NoLog(why: String) = "no_log", "Error: The log cannot be shown: {why}.";
    } in {
        /// A user keeps the old name.
        NotRenamed(RenameError);
        /// Something that cannot be done in a group.
        Group(GroupError);
    }
}

errors! {
    /// Why a user was not renamed.
    pub enum RenameError {
        /// Guests have no account.
        Guest = "guest_without_account", "Error: Guests have no account; nobody was renamed.";
        /// The new name is none.
        BadName(typed: String, why: BadName) = "bad_new_name",
            "Error: The new name '{}' {why}; nobody was renamed.", quote(typed);
        /// The new name is one of those that guests get.
        GuestName(name: Name) = "guest_name", "Error: The new name '{name}' is reserved for guests; nobody was renamed.";
        /// The user has that name already.
        Same(name: Name) = "same_name", "Error: User '{name}' already has that name.";
        /// Somebody has the new name.
        Taken(name: Name) = "name_taken", "Error: The name '{name}' is taken; nobody was renamed.";
        /// Somebody had the new name; that account was deleted or renamed.
        Deleted(name: Name) = "name_deleted",
            "Error: The name '{name}' belongs to a deleted or renamed account; nobody was renamed. `parlord user remove {name}` and /reload free it.";
        /// Nobody has the new name, but something is kept under it.
        Traces(name: Name) = "name_has_traces",
            "Error: Messages or bans are still stored for the name '{name}'; nobody was renamed. `parlord erase --user {name}` and /unban delete them.";
        /// The user to rename is the operator who asks, whose own session would have to end first.
        Yourself = "rename_yourself",
            "Error: Your own sessions would have to end first; ask another admin, or use `parlord ctl rename`.";
        /// Not all sessions of the user ended in time.
        StillHere(name: Name) = "still_here",
            "Error: Not all sessions of '{name}' ended in time; nobody was renamed. Try again.";
        /// It cannot be stored, or the users file cannot be rewritten; says why.
        Failed(why: String) = "not_renamed", "Error: Nobody was renamed: {why}.";
    }
}

errors! {
    /// Why something cannot be done in a group. Each sentence names the group and, where something can be done about it, the
    /// command for that.
    pub enum GroupError {
        /// It takes this role, or a higher one.
        NeedsRole(group: Name, role: GroupRole) = "needs_group_role",
            "Error: Only {} of group '{group}' may do that.", AtLeast(*role);
        /// The other one has the same role or a higher one.
        Outranked(user: Name, group: Name, role: GroupRole) = "outranked_in_group",
            "Error: User '{user}' is {} of group '{group}'; you may not do that to them.", Article(*role);
        /// The other one is not in it.
        UserNotMember(user: Name, group: Name) = "user_not_member",
            "Error: User '{user}' is not a member of group '{group}'.";
        /// The other one is in it already.
        UserAlreadyMember(user: Name, group: Name) = "user_already_member",
            "Error: User '{user}' is already a member of group '{group}'.";
        /// The other one has this role already.
        RoleAlready(user: Name, group: Name, role: GroupRole) = "role_already",
            "Error: User '{user}' is already {} of group '{group}'.", Article(*role);
        /// Nobody would own it.
        LastOwner(group: Name) = "last_owner",
            "Error: Group '{group}' would have no owner; /transfer gives it to another member.";
        /// Nobody kicks, bans or mutes themselves.
        Yourself = "yourself", "Error: You cannot do that to yourself; /leave_group leaves a group.";
        /// It has as many members as it may.
        Full(group: Name, limit: usize) = "group_full", "Error: Group '{group}' is full: its limit is {limit}.";
        /// It has more members than the new limit.
        LimitTooLow(group: Name, members: usize) = "limit_too_low",
            "Error: Group '{group}' has {members} members; its limit cannot be lower than that.";
        /// The user may not be in it: until when, and why.
        Banned(group: Name, until: Option<SystemTime>, reason: Option<Arc<str>>) = "banned_from_group",
            "Error: You are banned from group '{group}'{}", EndAndReason(*until, reason.as_deref());
        /// The user may not talk in it: until when, and why.
        Muted(group: Name, until: Option<SystemTime>, reason: Option<Arc<str>>) = "muted_in_group",
            "Error: You are muted in group '{group}'{}", EndAndReason(*until, reason.as_deref());
        /// The other one is banned.
        UserBanned(user: Name, group: Name) = "user_banned",
            "Error: User '{user}' is banned from group '{group}'; /unban lifts the ban.";
        /// The other one is not banned.
        NotBanned(user: Name, group: Name) = "not_banned", "Error: User '{user}' is not banned from group '{group}'.";
        /// The other one is not muted.
        NotMuted(user: Name, group: Name) = "not_muted", "Error: User '{user}' is not muted in group '{group}'.";
        /// Only owners and admins talk in it.
        AnnounceOnly(group: Name) = "announce_only", "Error: Only owners and admins may talk in group '{group}'.";
        /// It takes a password or an invitation.
        NeedsPassword(group: Name) = "needs_password",
            "Error: Group '{group}' needs a password: /join_group {group} <password>.";
        /// The password is another one.
        WrongPassword(group: Name) = "wrong_group_password", "Error: That is not the password of group '{group}'.";
        /// The user has no invitation to it.
        NotInvited(typed: String) = "not_invited", "Error: You have no invitation to group '{}'.", quote(typed);
        /// As many bans and mutes as one group may have.
        TooManyBans(group: Name, max: usize) = "too_many_bans",
            "Error: Group '{group}' already has {max} bans and mutes, which is the limit.";
        /// As many open invitations as one group may have.
        TooManyInvitations(group: Name, max: usize) = "too_many_invitations",
            "Error: Group '{group}' already has {max} open invitations, which is the limit.";
        /// The user owns as many kept groups as one may.
        TooManyKept(max: usize) = "too_many_kept", "Error: You already own {max} kept groups, which is the limit.";
        /// A group is ephemeral from its beginning or not at all, and then is not kept.
        Ephemeral(group: Name) = "ephemeral",
            "Error: Group '{group}' can only be ephemeral from its creation, and then is not kept.";
        /// Nothing that was said in it is kept.
        NoHistory(group: Name) = "no_history", "Error: Messages in group '{group}' are not kept.";
        /// Guests cannot do it.
        NotForGuests(group: Name) = "group_not_for_guests",
            "Error: Guests cannot do that in group '{group}'; it needs an account.";
        /// A room stays as it was made.
        RoomFixed(group: Name) = "room_fixed", "Error: Room '{group}' cannot be changed.";
        /// There is no such room.
        NoSuchRoom(typed: String) = "no_such_room", "Error: Room '{}' does not exist.", quote(typed);
        /// The user is in no room.
        InNoRoom = "in_no_room", "Error: You are not in a room.";
        /// The user is in more than one room, and has to say which.
        WhichRoom = "which_room", "Error: You are in more than one room; use /room leave <code>.";
    }
}

/// The longest piece of their own typing that an error quotes back to a user, in characters.
const QUOTE: usize = 40;

fn quote(typed: &str) -> String {
    text::shorten(typed, QUOTE)
}

/// A command that may have been meant, behind an unknown one.
struct DidYouMean(Option<&'static str>);

impl fmt::Display for DidYouMean {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.map_or(Ok(()), |near| write!(f, " Did you mean /{near}?"))
    }
}

/// The holders of a role in a group, or of a higher one.
struct AtLeast(GroupRole);

impl fmt::Display for AtLeast {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            GroupRole::Owner => "an owner",
            GroupRole::Admin | GroupRole::Member => "an owner or admin",
        })
    }
}

/// How much longer something holds, behind what it is; nothing where it holds for good.
struct TimeLeft(Option<SystemTime>);

impl fmt::Display for TimeLeft {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A duration, because a date would have to be in the words of a dialect.
        let left = self.0.map(|until| until.duration_since(SystemTime::now()).unwrap_or_default());
        left.map_or(Ok(()), |left| write!(f, " for another {}", HumanDuration(round_up(left))))
    }
}

/// Rounds up to whole seconds below two minutes, then to whole minutes, hours and days.
fn round_up(time: Duration) -> Duration {
    let seconds = time.as_secs() + u64::from(time.subsec_nanos() > 0);
    let unit = match seconds {
        0..120 => 1,
        120..7_200 => 60,
        7_200..172_800 => 3_600,
        172_800.. => 86_400,
    };
    Duration::from_secs(seconds.div_ceil(unit) * unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_left_is_rounded_up_to_whole_units() {
        for (millis, said) in [(1, "1s"), (59_001, "1m"), (119_000, "119s"), (121_000, "3m"), (86_400_000, "1d")] {
            assert_eq!(HumanDuration(round_up(Duration::from_millis(millis))).to_string(), said, "{millis}");
        }
    }

    #[test]
    fn no_two_errors_share_a_code() {
        let mut codes = UserError::codes();
        assert!(codes.len() > 90 && codes.contains(&"not_renamed") && codes.contains(&"which_room"));
        codes.sort_unstable();
        assert!(codes.windows(2).all(|two| two[0] != two[1]), "{codes:?}");
    }
}
