//! The last step of a login: a place in the hub for who has shown who he is.

use std::sync::Arc;
use std::time::{Instant, SystemTime};

use super::Session;
use super::authenticate::Unreadable;
use super::connection::WirePort;
use crate::hub::{AttachError, NewSession, Presence};
use crate::model::limits::{LOGIN_COST, RECIPIENTS_PER_TOKEN, STALE_SESSION_CHECK};
use crate::model::{DuplicateLogin, EventKind, Name, Peer, QuitReason, Sanction};
use crate::store::{Device, Token};

impl Session<'_> {
    /// Registers a user, who gave this token if he gave one.
    pub(super) fn enter(&mut self, name: Name, token: Option<Token>) -> Result<Presence, QuitReason> {
        let (asked, who) = (Instant::now(), self.new_session(name, token.as_ref().map(|token| token.name)));
        self.pay_for_login(name);
        let patience = Instant::now() + STALE_SESSION_CHECK;
        if let Some(Sanction { until, reason: why, .. }) = self.shared.hub.ban_of(&name, SystemTime::now()) {
            return self.refuse(asked, EventKind::YouAreBanned { until, why });
        }
        loop {
            match self.shared.hub.attach(&who, self.shared.duplicate_login) {
                Ok(presence) => {
                    if self.shared.accounts.is_deleted(&name) {
                        presence.client().close(QuitReason::Deleted);
                    } else if self.shared.hub.ban_of(&name, SystemTime::now()).is_some() {
                        // It came between the look and the registration, and found no session to end.
                        presence.client().close(QuitReason::Banned);
                    }
                    match token.map_or(Ok(true), |token| self.is_token_good(&token)) {
                        Ok(true) => {}
                        Ok(false) => presence.client().close(QuitReason::Revoked),
                        Err(Unreadable) => {
                            presence.leave(QuitReason::LoginFailed);
                            return self.refuse(asked, EventKind::TokensUnreadable);
                        }
                    }
                    return Ok(self.begin(presence));
                }
                // A session whose client is gone notices it by itself; it only needs a moment to leave.
                Err(AttachError::AlreadyLoggedIn(others)) => {
                    if !others.iter().all(|other| other.is_detached_by(patience)) {
                        return self.refuse(asked, EventKind::AlreadyLoggedIn);
                    }
                }
                Err(AttachError::TooManySessions(limit)) => {
                    return self.refuse(asked, EventKind::TooManySessions { limit });
                }
                // As if he had come a moment later: then nobody has that name.
                Err(AttachError::Renamed) => return self.refuse(asked, EventKind::LoginRefused),
                Err(AttachError::Full) => return Err(QuitReason::ServerFull),
                Err(AttachError::Closing) => return Err(QuitReason::Shutdown),
            }
        }
    }

    /// Registers a guest, under the first name that no guest has.
    pub(super) fn enter_as_guest(&mut self) -> Result<Presence, QuitReason> {
        let (asked, limit) = (Instant::now(), self.shared.hub.limits().max_guests);
        let mut paid = false;
        loop {
            let mut names = (1..=limit).filter_map(|n| format!("guest-{n}").parse().ok());
            let Some(name) = names.find(|name| !self.shared.hub.is_here(name)) else {
                return self.refuse(asked, EventKind::TooManyGuests { limit });
            };
            if !std::mem::replace(&mut paid, true) {
                self.pay_for_login(name);
            }
            match self.shared.hub.attach(&self.new_session(name, None), DuplicateLogin::Refuse) {
                Ok(presence) => return Ok(self.begin(presence)),
                // Another guest was quicker.
                Err(AttachError::AlreadyLoggedIn(_) | AttachError::TooManySessions(_) | AttachError::Renamed) => {}
                Err(AttachError::Full) => return Err(QuitReason::ServerFull),
                Err(AttachError::Closing) => return Err(QuitReason::Shutdown),
            }
        }
    }

    fn new_session(&self, name: Name, device: Device) -> NewSession {
        let (peer, handle) = (self.connection.link().peer(), Arc::new(WirePort(Arc::clone(self.connection))));
        NewSession { id: self.id, name, device, peer, handle }
    }

    fn begin(&mut self, presence: Presence) -> Presence {
        let client = presence.client();
        match client.device {
            None => log::info!("login user={} {}", client.name, Peer(client.peer)),
            Some(token) => log::info!("login user={} {} token={token}", client.name, Peer(client.peer)),
        }
        self.shared.admin.note_login("ok");
        self.source.begin_chat();
        presence
    }

    /// Everybody is told who comes and goes, so that is paid for like a broadcast; what was overdrawn before comes first.
    fn pay_for_login(&self, name: Name) {
        let Some(budgets) = &self.shared.budgets else { return };
        let budget = budgets.of(name);
        if let Some(debt) = budget.debt() {
            self.connection.pause((Instant::now() + debt).min(self.login_by));
        }
        budget.charge(LOGIN_COST * (1 + self.shared.hub.session_count() / RECIPIENTS_PER_TOKEN));
    }
}
