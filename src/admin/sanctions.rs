//! Ending sessions, and banning and muting users and addresses, which affects live sessions at once.

use std::time::{Duration, SystemTime};

use super::{Actor, Admin, BanTarget};
use crate::accounts::Accounts;
use crate::hub::ClientId;
use crate::model::{EventKind, Name, Outcome, Penalty, QuitReason, Role, Sanction, SanctionTarget, UserError};

impl Admin {
    /// Ends one session, typed as `session:5`, or all sessions of a user. Anything else is the name of a user, even a number.
    pub(super) fn disconnect(&self, typed: &str, why: &str, rank: Role) -> Result<Outcome, UserError> {
        let all = self.hub.list_sessions();
        let user: Option<Name> = typed.parse().ok();
        let number = |text: &str| text.parse().ok().map(ClientId);
        let session = typed
            .split_at_checked("session:".len())
            .and_then(|(word, rest)| if word.eq_ignore_ascii_case("session:") { number(rest) } else { None });
        let chosen = |id: ClientId, name: Name| session.map_or(user == Some(name), |session| session == id);
        let found = all.iter().find(|found| chosen(found.id, found.user));
        let found = found.ok_or_else(|| UserError::NoSuchSession(typed.to_owned()))?;
        self.expect_below(&found.user, rank)?;
        let sessions = self.hub.end_sessions(|client| chosen(client.id, client.name), QuitReason::Kicked, why);
        let whom = session.map_or_else(|| found.user.to_string(), |session| session.to_string());
        Ok(Outcome::Disconnected { whom, sessions })
    }

    /// Bans or mutes. The sanction is in force before sessions are ended for it, so nobody slips in between.
    pub(super) fn impose(
        &self,
        penalty: Penalty,
        on: &BanTarget,
        time: Option<Duration>,
        why: String,
        (by, rank): (&Actor, Role),
        accounts: &Accounts,
    ) -> Result<Outcome, UserError> {
        let subject = self.subject(on, accounts)?;
        if let SanctionTarget::User(user) = &subject {
            self.expect_below(user, rank)?;
        }
        let made = SystemTime::now();
        let until = time.map(|time| made + time);
        let imposed =
            self.hub.impose(Sanction { penalty, subject, by: by.to_string(), reason: why.clone(), made, until });
        if let Err(refused @ UserError::TooManySanctions(_)) = imposed {
            return Err(refused);
        }
        let sessions = self.enforce(penalty, &subject, until, &why);
        // It is in force, stored or not.
        imposed.map(|()| Outcome::Sanctioned { penalty, whom: subject.shown(), until, sessions })
    }

    pub(super) fn lift(&self, penalty: Penalty, on: &BanTarget, why: String) -> Result<Outcome, UserError> {
        let none = || UserError::NoSanction(penalty, on.to_string());
        let subject = match on {
            // The account may have been deleted since.
            BanTarget::User(typed) => SanctionTarget::User(typed.parse().map_err(|_| none())?),
            BanTarget::Net(typed) => net(typed)?,
        };
        if !self.hub.lift(penalty, subject, SystemTime::now()).map_err(|e| UserError::NotStoredYet(e.to_string()))? {
            return Err(none());
        }
        if let (Penalty::Mute, SanctionTarget::User(user)) = (penalty, subject) {
            self.hub.tell_users(&[user], EventKind::YouAreMuted { muted: false, until: None, why });
        }
        Ok(Outcome::Lifted { penalty, whom: subject.shown() })
    }

    /// Applies a sanction to live sessions; returns how many end for it.
    fn enforce(&self, penalty: Penalty, subject: &SanctionTarget, until: Option<SystemTime>, why: &str) -> usize {
        match (penalty, subject) {
            (Penalty::Mute, SanctionTarget::User(user)) => {
                self.hub.tell_users(&[*user], EventKind::YouAreMuted { muted: true, until, why: why.to_owned() });
                0
            }
            (_, SanctionTarget::User(user)) => {
                self.hub.end_sessions(|client| client.name == *user, QuitReason::Banned, why)
            }
            (_, SanctionTarget::Net(net)) => {
                let waiting = self.control.get().map_or(0, |control| control.dismiss(net));
                waiting + self.hub.end_sessions(|client| net.contains(client.peer.ip()), QuitReason::Banned, why)
            }
        }
    }

    fn subject(&self, on: &BanTarget, accounts: &Accounts) -> Result<SanctionTarget, UserError> {
        match on {
            BanTarget::Net(typed) => net(typed),
            BanTarget::User(typed) => {
                let name: Option<Name> = typed.parse().ok();
                if name.is_some_and(|name| name.is_guest()) {
                    return Err(UserError::GuestByAddress);
                }
                let user = name.and_then(|name| accounts.find(&name));
                user.map(SanctionTarget::User).ok_or_else(|| UserError::NoSuchUser(typed.clone()))
            }
        }
    }

    /// Operators act only on users of a lower role; admins on anybody.
    pub(super) fn expect_below(&self, user: &Name, rank: Role) -> Result<(), UserError> {
        let allowed = rank == Role::Admin || self.hub.role(user) < rank;
        if allowed { Ok(()) } else { Err(UserError::Outranked(*user)) }
    }
}

fn net(typed: &str) -> Result<SanctionTarget, UserError> {
    typed.parse().map(SanctionTarget::Net).map_err(|_| UserError::BadNet(typed.to_owned()))
}
