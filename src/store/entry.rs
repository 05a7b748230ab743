//! Entries, which are appended to the store: each is one change, in the one order in which all of them happened.

use std::time::SystemTime;

use crate::model::{
    Draft, GroupRole, GroupSanction, GroupSettings, MessageId, Name, Penalty, Report, Role, Sanction, SanctionTarget,
    SanctionTerms, Scope,
};

/// A device with a position of its own: the name of the login token it uses, or `None` for the password.
pub type Device = Option<Name>;

/// The digest of a random secret. Whoever reads the store cannot use the secret.
pub type Digest = [u8; 32];

/// A login token: a random secret that works like the user's password until it expires or is revoked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// The user.
    pub user: Name,
    /// The user's name for it; also the name of the device that uses it.
    pub name: Name,
    /// The digest of the secret.
    pub secret: Digest,
    /// When it was created.
    pub made: SystemTime,
    /// When it expires; `None` for never.
    pub expires: Option<SystemTime>,
}

/// A kept group: one that outlives its members' sessions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptGroup {
    /// The name as it was given.
    pub name: Name,
    /// The settings that its owners chose.
    pub settings: GroupSettings,
    /// The members with their roles and ranks, in the order of their names.
    pub members: Vec<(Name, GroupRole, u64)>,
    /// Bans and mutes, expired ones included, in the order of their users.
    pub sanctions: Vec<GroupSanction>,
}

/// A delivery position: how much of the log a device has got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Position {
    /// It is here and gets everything as it comes. If the server ends without an [`Entry::Delivered`] that says otherwise, it
    /// has got everything there was.
    Here,
    /// It has got everything up to this message, and is owed what follows.
    Upto(MessageId),
}

impl Position {
    /// The position of a device that was never here.
    pub const NOTHING: Position = Position::Upto(MessageId(0));

    /// Whether the device has got this message.
    pub fn has(self, id: MessageId) -> bool {
        match self {
            Position::Here => true,
            Position::Upto(upto) => id <= upto,
        }
    }
}

/// One change. Each may be appended twice in a row without harm, except for messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// A message, which gets the next id. Messages between guests get an id and are not kept.
    Said(Draft),
    /// A user became a member of a group and may see its messages after `after`.
    Entered {
        /// The user.
        user: Name,
        /// The group.
        group: Name,
        /// The last message that was delivered before.
        after: MessageId,
    },
    /// A user is no longer a member: of one group, or of all groups that are not kept.
    Left {
        /// The user.
        user: Name,
        /// The group; `None` for all that are not kept.
        group: Option<Name>,
        /// The last message there that the user may see.
        upto: MessageId,
    },
    /// A group was made. Whatever is stored under its name belongs to an earlier group, which has ended: nobody is a member,
    /// and the messages of its members are another conversation.
    GroupMade {
        /// The group.
        group: Name,
    },
    /// A group is kept from now on, or has other settings.
    GroupKept {
        /// The group.
        group: Name,
        /// The settings that its owners chose.
        settings: GroupSettings,
    },
    /// A group is no longer kept: its settings, members, bans and mutes are deleted, its messages stay.
    GroupGone {
        /// The group.
        group: Name,
    },
    /// A member of a kept group has this role.
    Member {
        /// The group.
        group: Name,
        /// The member.
        user: Name,
        /// The role.
        role: GroupRole,
        /// Smaller for members who joined earlier.
        rank: u64,
    },
    /// A sanction holds for a user in a kept group.
    MemberSanctioned {
        /// The group.
        group: Name,
        /// The user.
        user: Name,
        /// Ban or mute.
        penalty: Penalty,
        /// Who imposed it, why, and until when.
        terms: SanctionTerms,
    },
    /// That sanction no longer holds.
    MemberLifted {
        /// The group.
        group: Name,
        /// The user.
        user: Name,
        /// Ban or mute.
        penalty: Penalty,
    },
    /// The delivery position of a device; also when its user was last here. Nothing is kept of a device whose token does not
    /// exist, because its session may end after the token was revoked.
    Delivered {
        /// The user.
        user: Name,
        /// The device.
        device: Device,
        /// Its position.
        position: Position,
        /// When that was so.
        at: SystemTime,
    },
    /// A user cleared their view of a conversation, or of all, up to `upto`.
    Cleared {
        /// The user.
        user: Name,
        /// The conversation; `None` for all of the user's.
        scope: Option<Scope>,
        /// The last message that is cleared.
        upto: MessageId,
    },
    /// A user ignores another from now on and sees none of their messages, old or new; or no longer does.
    Ignored {
        /// The user.
        user: Name,
        /// The other one.
        whom: Name,
        /// Whether they are ignored.
        ignored: bool,
    },
    /// A message loses its text, for everybody.
    Deleted {
        /// Its id.
        id: MessageId,
    },
    /// A login token is good from now on. It replaces one of the same user and name.
    TokenMade(Token),
    /// A login token is no longer good, and the position of its device is deleted.
    TokenRevoked {
        /// The user.
        user: Name,
        /// The name of the token.
        name: Name,
    },
    /// An invitation: whoever has the secret may register, once.
    Invited {
        /// The digest of the secret.
        invite: Digest,
        /// When it expires.
        expires: SystemTime,
    },
    /// A user has this server role from now on.
    Role {
        /// The user.
        user: Name,
        /// The role; [`Role::User`] takes away any other.
        role: Role,
    },
    /// A sanction holds on the server. It replaces one of the same kind on the same target.
    Sanctioned(Sanction),
    /// A sanction no longer holds.
    Lifted {
        /// Ban or mute.
        penalty: Penalty,
        /// The target.
        subject: SanctionTarget,
    },
    /// A report was filed under its number.
    Reported(Report),
    /// A report is done.
    ReportDone {
        /// Its number.
        number: u64,
    },
    /// A user has another name from now on, which nobody had: everything that is kept of them and about them is kept under
    /// it. The users file may not have it yet, which is noted until [`Entry::RenameSettled`].
    Renamed {
        /// The old name.
        from: Name,
        /// The new name; it may differ from the old one in case alone.
        to: Name,
    },
    /// The users file has the new name, or the renaming was undone.
    RenameSettled {
        /// The old name.
        from: Name,
        /// The new name.
        to: Name,
    },
    /// A name belongs to a new account. Whatever is left of an earlier one of that name ends, as with [`Entry::AccountEnded`].
    AccountMade {
        /// The user.
        user: Name,
    },
    /// There is an account of this name. It is the one that the store knows; or a new one, if that has ended. If the store has
    /// never heard of the name, what is stored under it is the account's.
    AccountSeen {
        /// The user.
        user: Name,
    },
    /// There is no account of this name any more. Its messages stay readable for others, under the name; everything else that
    /// is kept for it or imposed on it is deleted, and nothing passes to the next account of the name.
    AccountEnded {
        /// The user.
        user: Name,
    },
    /// An account was deleted. Its unread private messages, the private messages to it, its role, and everything kept for it
    /// are deleted. Its delivered messages stay, and so do sanctions on it.
    Forgotten {
        /// The user.
        user: Name,
    },
}
