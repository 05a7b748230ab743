//! The sentences for a user when something cannot be done.

mod lost;
mod order;
mod rename;

use std::fmt;
use std::time::SystemTime;

use super::message::MessageId;
use super::name::{BadName, Name};
use super::refusal::GroupError;
use super::role::Role;
use super::sanction::Penalty;
use super::text;
pub use rename::RenameError;

/// What a command may answer instead of doing what was asked. Its `Display` is the line the user sees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UserError {
    /// Nobody has an account of this name.
    NoSuchUser(String),
    /// The account exists, its owner is away.
    NotOnline(Name),
    /// No group of this name.
    NoSuchGroup(String),
    /// The name of the new group is taken.
    GroupExists(Name),
    /// He is in this group already.
    AlreadyMember(Name),
    /// He is not in this group.
    NotMember(Name),
    /// The server holds as many groups as it may.
    TooManyGroups(usize),
    /// He is in as many groups as one may be.
    TooManyMemberships(usize),
    /// A text that was to be the name of a new group is none.
    BadGroupName(String, BadName),
    /// The words after the command do not fit it; holds the command's usage.
    Usage(Vec<&'static str>),
    /// No such command; holds what was typed and, if one is near, what may have been meant.
    UnknownCommand(String, Option<&'static str>),
    /// A text without a command, and no conversation chosen to send it to.
    NoConversation,
    /// Nobody has written to him, and he has written to nobody.
    NobodyToReply,
    /// He wants to ignore himself.
    CannotIgnoreSelf,
    /// He ignores as many users as one may.
    TooManyIgnored(usize),
    /// He does not ignore this user.
    NotIgnored(Name),
    /// The password that was asked for is another one.
    WrongPassword,
    /// Too many wrong passwords came from his address; this one was not looked at.
    TooManyAttempts,
    /// The new password was not typed twice in the same way.
    PasswordsDiffer,
    /// The new password is none; what is wrong with it follows on "the new password".
    BadPassword(String),
    /// Guests have no account to change.
    NotForGuests,
    /// Only who logged in with his password may do it.
    NotWithToken,
    /// A text that was to be the name of a token is none.
    BadTokenName(String, BadName),
    /// He has a token of this name.
    TokenExists(Name),
    /// He has no token of this name.
    NoSuchToken(String),
    /// He has as many tokens as one may have.
    TooManyTokens(usize),
    /// It was not his turn in time.
    Busy,
    /// It cannot be stored; the log says why.
    Unavailable,
    /// A line over the limit: its length as far as it was counted, and the limit, both in bytes.
    LineTooLong(u64, usize),
    /// A line that is not UTF-8.
    NotUtf8,
    /// What he said reached those who are here, but is stored nowhere; says why.
    NotSaved(String),
    /// What he said reached nobody, or not everybody, through a fault in the server.
    Lost,
    /// What was said before cannot be shown; says why.
    NotReadable(String),
    /// What he said to a user who is offline is lost, because it could not be stored; says why.
    NotKept(Name, String),
    /// A change that is made as soon as it can be stored; says why it could not.
    NotStoredYet(String),
    /// No message of this id, or none that he may see.
    NoSuchMessage(MessageId),
    /// Somebody else wrote this message.
    NotYours(MessageId),
    /// This message was not said privately to him.
    NotToYou(MessageId),
    /// An operator has muted him: until when, and why.
    Muted(Option<SystemTime>, String),
    /// The word filter does not let this be said.
    Filtered,
    /// An act that takes a higher role than his.
    NeedsRole(Role),
    /// The operator acts on somebody of his own rank or above.
    Outranked(Name),
    /// No session of this number, and nobody of this name who is here.
    NoSuchSession(String),
    /// A text that was to be an address or a network is none, or one that is far too wide.
    BadNet(String),
    /// A guest's name is the next guest's too, so no penalty can be laid upon it.
    GuestByAddress,
    /// No such penalty holds upon this.
    NoSanction(Penalty, String),
    /// As many penalties hold as there may be.
    TooManySanctions(usize),
    /// No report of this number waits for anybody.
    NoSuchReport(u64),
    /// As many reports wait as there may be.
    TooManyReports(usize),
    /// The server is to stop already, or is not to be stopped at all.
    Countdown(bool),
    /// What was to be read again is as it was; says why.
    NotReloaded(String),
    /// The log cannot be shown; says why.
    NoLog(String),
    /// A user keeps his name.
    NotRenamed(RenameError),
    /// A guest asked for something that only an account has.
    GuestsHaveNone,
    /// Something that cannot be done in a group.
    Group(GroupError),
}

/// The longest piece of his own typing that an error quotes back to a user, in characters.
const QUOTE: usize = 40;

impl fmt::Display for UserError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let quote = |typed: &str| text::shorten(typed, QUOTE);
        match self {
            UserError::NoSuchUser(typed) => write!(f, "Error: User '{}' does not exist.", quote(typed)),
            UserError::NotOnline(user) => write!(f, "Error: User '{user}' is not online."),
            UserError::NoSuchGroup(typed) => write!(f, "Error: Group '{}' does not exist.", quote(typed)),
            UserError::GroupExists(group) => write!(f, "Error: Group '{group}' already exists."),
            UserError::AlreadyMember(group) => write!(f, "Error: You are already a member of group '{group}'."),
            UserError::NotMember(group) => write!(f, "Error: You are not a member of group '{group}'."),
            UserError::TooManyGroups(max) => write!(f, "Error: The server holds its limit of {max} groups already."),
            UserError::TooManyMemberships(max) => write!(f, "Error: You are in {max} groups already, which is the limit."),
            UserError::BadGroupName(typed, why) => write!(f, "Error: The group name '{}' {why}.", quote(typed)),
            UserError::Group(why) => write!(f, "{why}"),
            UserError::NotRenamed(why) => why.write(f, &quote),
            UserError::Usage(forms) => write!(f, "Usage: {}", forms.join(" or ")),
            UserError::UnknownCommand(typed, near) => {
                write!(f, "Error: Unknown command '/{}'.", quote(typed))?;
                if let Some(near) = near {
                    write!(f, " Did you mean /{near}?")?;
                }
                f.write_str(" /help lists them all.")
            }
            UserError::NoConversation => f.write_str(
                "Error: Nobody was told: begin with a command such as /msg <username> <message>, or choose whom to talk to with /talk <username|#group>.",
            ),
            UserError::NobodyToReply => f.write_str(
                "Error: Nobody has written to you, and you have written to nobody; begin with /msg <username> <message>.",
            ),
            UserError::CannotIgnoreSelf => f.write_str("Error: You cannot ignore yourself."),
            UserError::TooManyIgnored(max) => write!(f, "Error: You ignore {max} users already, which is the limit."),
            UserError::NotIgnored(user) => write!(f, "Error: You do not ignore '{user}'."),
            UserError::LineTooLong(..)
            | UserError::NotUtf8
            | UserError::NotSaved(_)
            | UserError::Lost
            | UserError::NotReadable(_)
            | UserError::NotKept(..)
            | UserError::NotStoredYet(_)
            | UserError::NoSuchMessage(_)
            | UserError::NotYours(_)
            | UserError::NotToYou(_)
            | UserError::GuestsHaveNone => self.write_lost(f),
            other => other.write_account(f, &quote),
        }
    }
}

impl UserError {
    /// What concerns passwords and tokens.
    fn write_account(&self, f: &mut fmt::Formatter<'_>, quote: &dyn Fn(&str) -> String) -> fmt::Result {
        match self {
            UserError::WrongPassword => f.write_str("Error: That is not your password; nothing was changed."),
            UserError::TooManyAttempts => {
                f.write_str("Error: Too many wrong passwords came from your address; try again in a minute.")
            }
            UserError::PasswordsDiffer => {
                f.write_str("Error: The two new passwords are not the same; nothing was changed.")
            }
            UserError::BadPassword(why) => write!(f, "Error: The new password {why}; nothing was changed."),
            UserError::NotForGuests => f.write_str("Error: Guests cannot do that; it needs an account."),
            UserError::NotWithToken => {
                f.write_str("Error: You logged in with a token; log in with your password to make one.")
            }
            UserError::BadTokenName(typed, why) => write!(f, "Error: The token name '{}' {why}.", quote(typed)),
            UserError::TokenExists(name) => write!(f, "Error: Token '{name}' already exists; /token revoke ends it."),
            UserError::NoSuchToken(typed) => write!(f, "Error: Token '{}' does not exist.", quote(typed)),
            UserError::TooManyTokens(max) => write!(f, "Error: You have {max} tokens already, which is the limit."),
            UserError::Busy => f.write_str("Error: The server is busy, nothing was changed; try again."),
            UserError::Unavailable => {
                f.write_str("Error: The server cannot store that now; try again later, or ask its operator.")
            }
            other => other.write_order(f, quote),
        }
    }

    /// A word for programs that never changes, whatever the sentence says.
    pub fn code(&self) -> &'static str {
        match self {
            UserError::NoSuchUser(_) => "no_such_user",
            UserError::NotOnline(_) => "not_online",
            UserError::NoSuchGroup(_) => "no_such_group",
            UserError::GroupExists(_) => "group_exists",
            UserError::AlreadyMember(_) => "already_member",
            UserError::NotMember(_) => "not_member",
            UserError::TooManyGroups(_) => "too_many_groups",
            UserError::TooManyMemberships(_) => "too_many_memberships",
            UserError::BadGroupName(..) => "bad_group_name",
            UserError::Usage(_) => "usage",
            UserError::UnknownCommand(..) => "unknown_command",
            UserError::NoConversation => "no_conversation",
            UserError::NobodyToReply => "nobody_to_reply",
            UserError::CannotIgnoreSelf => "cannot_ignore_self",
            UserError::TooManyIgnored(_) => "too_many_ignored",
            UserError::NotIgnored(_) => "not_ignored",
            UserError::WrongPassword => "wrong_password",
            UserError::TooManyAttempts => "too_many_attempts",
            UserError::PasswordsDiffer => "passwords_differ",
            UserError::BadPassword(_) => "bad_password",
            UserError::NotForGuests => "not_for_guests",
            UserError::NotWithToken => "not_with_token",
            UserError::BadTokenName(..) => "bad_token_name",
            UserError::TokenExists(_) => "token_exists",
            UserError::NoSuchToken(_) => "no_such_token",
            UserError::TooManyTokens(_) => "too_many_tokens",
            UserError::Busy => "busy",
            UserError::Unavailable => "unavailable",
            UserError::LineTooLong(..) => "line_too_long",
            UserError::NotUtf8 => "not_utf8",
            UserError::NotSaved(_) => "not_saved",
            UserError::Lost => "lost",
            UserError::NotReadable(_) => "not_readable",
            UserError::NotKept(..) => "not_kept",
            UserError::NotStoredYet(_) => "not_stored_yet",
            UserError::NoSuchMessage(_) => "no_such_message",
            UserError::NotYours(_) => "not_yours",
            UserError::NotToYou(_) => "not_to_you",
            UserError::GuestsHaveNone => "guests_have_none",
            UserError::Muted(..) => "muted",
            UserError::Filtered => "filtered",
            UserError::NeedsRole(_) => "needs_role",
            UserError::Outranked(_) => "outranked",
            UserError::NoSuchSession(_) => "no_such_session",
            UserError::BadNet(_) => "bad_network",
            UserError::GuestByAddress => "guest_by_address",
            UserError::NoSanction(..) => "no_sanction",
            UserError::TooManySanctions(_) => "too_many_sanctions",
            UserError::NoSuchReport(_) => "no_such_report",
            UserError::TooManyReports(_) => "too_many_reports",
            UserError::Countdown(true) => "stopping_already",
            UserError::Countdown(false) => "nothing_to_cancel",
            UserError::NotReloaded(_) => "not_reloaded",
            UserError::NoLog(_) => "no_log",
            UserError::NotRenamed(why) => why.code(),
            UserError::Group(why) => why.code(),
        }
    }
}
