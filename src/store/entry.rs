//! What is appended to the store: each entry one change, in the one order in which all of them happened.

use std::time::SystemTime;

use crate::model::{
    Draft, GroupRole, GroupSanction, GroupSettings, MessageId, Name, Penalty, Report, Role, Sanction, SanctionTarget,
    SanctionTerms, Scope,
};

/// A device that keeps its own place in the log: the name of the login token it uses, or none for the password.
pub type Device = Option<Name>;

/// What is kept of a random secret, so that nobody who reads the store can use it.
pub type Digest = [u8; 32];

/// A login token: a random secret that is as good as its user's password, until it expires or is revoked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// Whose it is.
    pub user: Name,
    /// What its user calls it; also the name of the device that uses it.
    pub name: Name,
    /// The digest of the secret.
    pub secret: Digest,
    /// When it was made.
    pub made: SystemTime,
    /// When it ceases to be good; `None` for never.
    pub expires: Option<SystemTime>,
}

/// A group that outlives its members' sessions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptGroup {
    /// As it was made.
    pub name: Name,
    /// What its owners chose.
    pub settings: GroupSettings,
    /// Who is in it, what he is there, and his rank; in the order of their names.
    pub members: Vec<(Name, GroupRole, u64)>,
    /// Bans and mutes, also those that have ended; in the order of their users.
    pub sanctions: Vec<GroupSanction>,
}

/// Up to where a device has got what is for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Position {
    /// It is here and gets everything as it comes. When the server ends without an [`Entry::Reading`] that says
    /// otherwise, it has got everything there was.
    Here,
    /// It has got everything up to this message, and is owed what follows.
    Upto(MessageId),
}

impl Position {
    /// Of a device that never was here.
    pub const NOTHING: Position = Position::Upto(MessageId(0));

    /// Whether it has got this message.
    pub fn has(self, id: MessageId) -> bool {
        match self {
            Position::Here => true,
            Position::Upto(upto) => id <= upto,
        }
    }
}

/// One change. Each may be appended twice in a row without harm, except for what was said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// Somebody said something; it gets the next id. What one guest says to another is kept nowhere.
    Said(Draft),
    /// A user became a member of a group: he may see what is said there after `after`.
    Entered {
        /// Who.
        user: Name,
        /// Which group.
        group: Name,
        /// The last message that was delivered before.
        after: MessageId,
    },
    /// A user is no member any more: of one group, or of any that is not kept.
    Left {
        /// Who.
        user: Name,
        /// Which group; `None` for all of his that are not kept.
        group: Option<Name>,
        /// The last message that he may see there.
        upto: MessageId,
    },
    /// A group is kept from now on, or has other settings.
    GroupKept {
        /// Which.
        group: Name,
        /// What its owners chose.
        settings: GroupSettings,
    },
    /// A group is kept no more: its settings, members, bans and mutes vanish, and what was said in it stays.
    GroupGone {
        /// Which.
        group: Name,
    },
    /// What a user is in a kept group.
    Member {
        /// Which group.
        group: Name,
        /// Who.
        user: Name,
        /// What he is.
        role: GroupRole,
        /// Smaller for who has been in it for longer.
        rank: u64,
    },
    /// Something is withheld from a user in a kept group.
    MemberSanctioned {
        /// Which group.
        group: Name,
        /// From whom.
        user: Name,
        /// What.
        penalty: Penalty,
        /// By whom, why and how long.
        ruling: SanctionTerms,
    },
    /// It is withheld from him no more.
    MemberLifted {
        /// Which group.
        group: Name,
        /// To whom.
        user: Name,
        /// What.
        penalty: Penalty,
    },
    /// How far a device of a user has got; also when its user was last here. Of a device without a token nothing is kept:
    /// its session may end after the token was revoked.
    Reading {
        /// Whose.
        user: Name,
        /// Which of his devices.
        device: Device,
        /// How far.
        position: Position,
        /// When this was so.
        at: SystemTime,
    },
    /// A user wants to see no more of a conversation, or of any, as it was up to `upto`.
    Cleared {
        /// Who.
        user: Name,
        /// Which conversation; `None` for all of his.
        scope: Option<Scope>,
        /// The last message to vanish from his view.
        upto: MessageId,
    },
    /// A user hears nothing of another one from now on, or hears him again: he sees no message of his, old or new.
    Ignored {
        /// Who.
        user: Name,
        /// Of whom.
        whom: Name,
        /// Whether he ignores him.
        ignored: bool,
    },
    /// A message loses its text, for everybody.
    Deleted {
        /// Which.
        id: MessageId,
    },
    /// A login token is good from now on, in place of one of the same user and name.
    TokenMade(Token),
    /// A login token is good no more, and its device keeps no place in the log.
    TokenRevoked {
        /// Whose.
        user: Name,
        /// What he called it.
        name: Name,
    },
    /// Who has this secret may register, once.
    Invited {
        /// The digest of the secret.
        invite: Digest,
        /// When it ceases to be good.
        expires: SystemTime,
    },
    /// A user has this server role from now on.
    Role {
        /// Who.
        user: Name,
        /// Which; [`Role::User`] takes away what he had.
        role: Role,
    },
    /// A penalty holds, in place of one of the same kind upon the same.
    Sanctioned(Sanction),
    /// A penalty holds no more.
    Lifted {
        /// Which.
        penalty: Penalty,
        /// Upon whom.
        subject: SanctionTarget,
    },
    /// Somebody told the operators of something; its number is its own.
    Reported(Report),
    /// A report needs nobody any more.
    ReportDone {
        /// Its number.
        number: u64,
    },
    /// A user has another name from now on, which is nobody's: everything that is kept of him and about him is kept under
    /// that. The users file may not say so yet, and until [`Entry::RenameSettled`] that is noted.
    Renamed {
        /// His name so far.
        from: Name,
        /// His name now; the same in other letters is another one, too.
        to: Name,
    },
    /// The users file says what [`Entry::Renamed`] said, or that was taken back.
    RenameSettled {
        /// His name before.
        from: Name,
        /// His name after.
        to: Name,
    },
    /// An account is gone: what it said and nobody was given yet, what was said to it privately, and all that was kept
    /// for it vanish, its role too. What it said and was delivered stays, and so does what operators laid upon it.
    Forgotten {
        /// Whose.
        user: Name,
    },
}
