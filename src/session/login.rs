//! Logging in, at any door: is this the user's secret, may they come in, and what a refusal costs.
//!
//! An unknown name and a wrong password get the same answer after the same time.

use std::sync::Arc;
use std::time::{Instant, SystemTime};

use log::Level;

use super::connection::{HubHandle, Unwritten};
use super::registration::note_registration_failed;
use super::{Session, Shared, next_step};
use crate::accounts::{Verification, tokens};
use crate::hub::{AttachError, NewSession, Presence};
use crate::log_limit::{self, Who};
use crate::model::limits::{LOGIN_COST, LOGIN_FAILURE_DELAY, RECIPIENTS_PER_TOKEN, STALE_SESSION_CHECK};
use crate::model::{DuplicateLogin, EventKind, LoginError, Name, Net, Peer, QuitReason, RegistrationError, Sanction};
use crate::store::{Device, Token};

/// The name that guests give.
const GUEST: &str = "guest";

/// A secret and what looking at it has shown.
pub(super) struct Guess {
    pub(super) secret: Vec<u8>,
    outcome: LoginOutcome,
}

impl Guess {
    /// Whether it lets somebody in.
    pub(super) fn is_right(&self) -> bool {
        match self.outcome {
            LoginOutcome::User(..) | LoginOutcome::Guest => true,
            LoginOutcome::Wrong | LoginOutcome::TooMany | LoginOutcome::Late | LoginOutcome::Unreadable => false,
        }
    }
}

/// The result of checking a name and a secret.
pub(super) enum LoginOutcome {
    /// This user, with the token that was given in place of a password, if any.
    User(Name, Option<Token>),
    /// Somebody without an account.
    Guest,
    /// No such user, or not their secret.
    Wrong,
    /// Not looked at: too many wrong ones came from the address.
    TooMany,
    /// Not looked at before the deadline.
    Late,
    /// Not looked at: the tokens cannot be read.
    Unreadable,
}

/// The tokens cannot be read; the log says why.
#[derive(Debug)]
pub(super) struct Unreadable;

impl Session<'_> {
    /// Logs in with a name and a secret. `early` is an earlier look at what may have been the secret.
    pub(super) fn log_in(&mut self, name: &[u8], secret: &[u8], early: Option<Guess>) -> Result<Presence, QuitReason> {
        let asked = Instant::now();
        let outcome = match early {
            Some(guess) if guess.secret == secret => guess.outcome,
            _ => self.verify(name, secret),
        };
        match outcome {
            LoginOutcome::User(name, token) => {
                let by_password = token.is_none();
                let presence = self.attach(name, token)?;
                if by_password {
                    self.shared.accounts.renew_hash(&name, secret, self.login_by);
                }
                Ok(presence)
            }
            LoginOutcome::Guest => self.attach_guest(),
            LoginOutcome::Wrong => Err(self.refuse(asked, LoginError::WrongNameOrPassword)),
            LoginOutcome::TooMany => Err(self.refuse(asked, LoginError::TooManyAttempts)),
            LoginOutcome::Late => Err(QuitReason::LoginTimeout),
            LoginOutcome::Unreadable => Err(self.refuse(asked, LoginError::TokensUnreadable)),
        }
    }

    /// Looks at a secret that may not be complete yet.
    pub(super) fn guess(&self, name: &[u8], secret: &[u8]) -> Guess {
        Guess { secret: secret.to_vec(), outcome: self.verify(name, secret) }
    }

    /// Whether somebody can log in with this name.
    pub(super) fn knows(&self, typed: &[u8]) -> bool {
        self.is_guest(typed) || parse_name(typed).is_some_and(|name| self.shared.accounts.find(&name).is_some())
    }

    /// Verifies a name and a secret, if the client's address has attempts left.
    pub(super) fn verify(&self, name: &[u8], secret: &[u8]) -> LoginOutcome {
        if self.is_guest(name) {
            return LoginOutcome::Guest;
        }
        let (accounts, mut given) = (&self.shared.accounts, None);
        let verdict = accounts.guesses().attempt(self.net(), || match self.shared.token_of(name, secret) {
            Ok(Some(token)) => {
                let user = token.user;
                given = Some(token);
                Verification::Verified(user)
            }
            Ok(None) => accounts.verify(name, secret, self.login_by),
            Err(Unreadable) => Verification::Unavailable,
        });
        match verdict {
            Verification::Verified(name) => LoginOutcome::User(name, given),
            Verification::Wrong => LoginOutcome::Wrong,
            Verification::TimedOut => LoginOutcome::Late,
            Verification::Throttled => LoginOutcome::TooMany,
            Verification::Unavailable => LoginOutcome::Unreadable,
        }
    }

    pub(super) fn net(&self) -> Net {
        Net::of(self.connection.peer().ip())
    }

    fn is_guest(&self, typed: &[u8]) -> bool {
        self.shared.guests && typed.trim_ascii().eq_ignore_ascii_case(GUEST.as_bytes())
    }
}

/// Attaching to the hub, once it is known who it is.
impl Session<'_> {
    /// Attaches a user, who gave this token if they gave one.
    pub(super) fn attach(&mut self, name: Name, token: Option<Token>) -> Result<Presence, QuitReason> {
        let (asked, who) = (Instant::now(), self.registration(name, token.as_ref().map(|token| token.name)));
        self.pay_for_login(name);
        let patience = Instant::now() + STALE_SESSION_CHECK;
        if let Some(Sanction { until, reason: why, .. }) = self.shared.hub.ban_of(&name, SystemTime::now()) {
            return Err(self.refuse(asked, LoginError::Banned { until, why }));
        }
        loop {
            match self.shared.hub.attach(&who, self.shared.duplicate_login) {
                Ok(presence) => {
                    if self.shared.accounts.is_deleted(&name) {
                        presence.client().close(QuitReason::Deleted);
                    } else if self.shared.hub.ban_of(&name, SystemTime::now()).is_some() {
                        // The ban came between the look and the registration, and found no session to end.
                        presence.client().close(QuitReason::Banned);
                    }
                    match token.map_or(Ok(true), |token| self.is_token_good(&token)) {
                        Ok(true) => {}
                        Ok(false) => presence.client().close(QuitReason::Revoked),
                        Err(Unreadable) => {
                            presence.leave(QuitReason::LoginFailed);
                            return Err(self.refuse(asked, LoginError::TokensUnreadable));
                        }
                    }
                    return Ok(self.begin(presence));
                }
                // A session whose client is gone notices by itself; it only needs a moment to leave.
                Err(AttachError::AlreadyLoggedIn(others)) => {
                    if !others.iter().all(|other| other.is_detached_by(patience)) {
                        return Err(self.refuse(asked, LoginError::AlreadyLoggedIn));
                    }
                }
                Err(AttachError::TooManySessions(limit)) => {
                    return Err(self.refuse(asked, LoginError::TooManySessions { limit }));
                }
                // As if the login had come a moment later: then nobody has that name.
                Err(AttachError::Renamed) => return Err(self.refuse(asked, LoginError::WrongNameOrPassword)),
                Err(AttachError::Full) => return Err(QuitReason::ServerFull),
                Err(AttachError::Closing) => return Err(QuitReason::Shutdown),
            }
        }
    }

    /// Attaches a guest, under the first name that no guest has.
    fn attach_guest(&mut self) -> Result<Presence, QuitReason> {
        let (asked, limit) = (Instant::now(), self.shared.hub.limits().max_guests);
        let mut paid = false;
        loop {
            let mut names = (1..=limit).filter_map(|n| format!("guest-{n}").parse().ok());
            let Some(name) = names.find(|name| self.shared.hub.is_free_for_guest(name)) else {
                return Err(self.refuse(asked, LoginError::TooManyGuests { limit }));
            };
            if !std::mem::replace(&mut paid, true) {
                self.pay_for_login(name);
            }
            match self.shared.hub.attach(&self.registration(name, None), DuplicateLogin::Refuse) {
                Ok(presence) => return Ok(self.begin(presence)),
                // Another guest was quicker.
                Err(AttachError::AlreadyLoggedIn(_) | AttachError::TooManySessions(_) | AttachError::Renamed) => {}
                Err(AttachError::Full) => return Err(QuitReason::ServerFull),
                Err(AttachError::Closing) => return Err(QuitReason::Shutdown),
            }
        }
    }

    fn registration(&self, name: Name, device: Device) -> NewSession {
        let (peer, handle) = (self.connection.peer(), Arc::new(HubHandle(Arc::clone(self.connection))));
        NewSession { id: self.id, name, device, peer, handle }
    }

    fn begin(&mut self, presence: Presence) -> Presence {
        let client = presence.client();
        match client.device {
            None if client.name.is_guest() => {
                log_limit::note(Level::Info, "login", Who::Guest(client.name, client.peer), "");
            }
            None => log::info!("login user={} {}", client.name, Peer(client.peer)),
            Some(token) => log::info!("login user={} {} token={token}", client.name, Peer(client.peer)),
        }
        self.shared.admin.note_login("ok");
        self.source.begin_chat();
        presence
    }

    /// Everyone is told who comes and goes, so a login costs what a broadcast costs; a budget overdrawn before is waited for.
    fn pay_for_login(&self, name: Name) {
        let Some(budgets) = &self.shared.budgets else { return };
        let budget = budgets.of(name);
        if let Some(debt) = budget.debt() {
            self.connection.pause((Instant::now() + debt).min(self.login_by));
        }
        budget.spend(LOGIN_COST * (1 + self.shared.hub.session_count() / RECIPIENTS_PER_TOKEN));
    }

    /// Whether the token of a login is still good. It is asked once others can see the session: a token that is revoked at
    /// the same time thus ends it one way or the other. Another token may have its name by now.
    fn is_token_good(&self, given: &Token) -> Result<bool, Unreadable> {
        let tokens = self.shared.good_tokens(&given.user)?;
        Ok(tokens.iter().any(|token| tokens::same_digest(&token.secret, &given.secret)))
    }
}

/// Telling a client something before it is logged in.
impl Session<'_> {
    /// Refuses a login: notes it, delays the answer, tells the client, and returns the reason with which the session ends.
    pub(super) fn refuse(&self, asked: Instant, why: LoginError) -> QuitReason {
        let who = Who::Stranger(self.connection.peer());
        log_limit::note(Level::Info, "login failed", who, &format!("reason=\"{}\"", why.as_str()));
        self.shared.admin.note_login(why.as_str());
        self.end_refused(asked, EventKind::LoginFailed(why))
    }

    /// Like [`Session::refuse`], for a registration.
    pub(super) fn refuse_registration(&self, asked: Instant, why: RegistrationError) -> QuitReason {
        note_registration_failed(self.connection.peer(), why.as_str());
        self.shared.admin.note_login("not registered");
        self.end_refused(asked, EventKind::RegistrationFailed(why))
    }

    fn end_refused(&self, asked: Instant, answer: EventKind) -> QuitReason {
        match self.delay_refusal(asked).and_then(|()| self.say(answer)) {
            Ok(()) => QuitReason::LoginFailed,
            Err(reason) => reason,
        }
    }

    /// Waits until the time at which a login that was asked for at `asked` is refused, whatever the reason.
    fn delay_refusal(&self, asked: Instant) -> Result<(), QuitReason> {
        self.connection.pause(next_step(asked, LOGIN_FAILURE_DELAY, Instant::now()));
        self.connection.closing().map_or(Ok(()), Err)
    }

    /// Tells the client something at once.
    pub(super) fn say(&self, kind: EventKind) -> Result<(), QuitReason> {
        self.connection.queue(kind);
        self.flush()
    }

    /// Writes what is queued. A client that does not read its questions gets no more time than one that does not answer.
    pub(super) fn flush(&self) -> Result<(), QuitReason> {
        let written = self.connection.write_all(None, Some(self.login_by), true);
        written.map_err(|Unwritten| self.connection.closing().unwrap_or(QuitReason::Lost))
    }

    /// Notes that the client has closed its side: an unterminated rest is its answer. The second time there is none.
    pub(super) fn note_end(&mut self) -> Result<(), QuitReason> {
        if std::mem::replace(&mut self.ended, true) {
            return Err(QuitReason::Eof);
        }
        self.source.finish();
        Ok(())
    }
}

impl Shared {
    /// The token that a secret is, if its user has an account; under the name of the account.
    pub(super) fn token_of(&self, name: &[u8], secret: &[u8]) -> Result<Option<Token>, Unreadable> {
        let (Some(digest), Some(typed)) = (tokens::token_digest(secret), parse_name(name)) else { return Ok(None) };
        // Before it is known whether there is such a user, so that nobody learns that from a store that does not work.
        let tokens = self.good_tokens(&typed)?;
        // All are looked at, wherever the right one is.
        let same = |found, token: Token| if tokens::same_digest(&token.secret, &digest) { Some(token) } else { found };
        let found = tokens.into_iter().fold(None, same);
        Ok(found.and_then(|token| self.accounts.find(&typed).map(|user| Token { user, ..token })))
    }

    /// The tokens of a user that are good now.
    fn good_tokens(&self, user: &Name) -> Result<Vec<Token>, Unreadable> {
        let now = SystemTime::now();
        let mut tokens = self.hub.tokens(user).map_err(|e| {
            log::error!("tokens unreadable error=\"{e}\"");
            Unreadable
        })?;
        tokens.retain(|token| token.expires.is_none_or(|expires| now < expires));
        Ok(tokens)
    }
}

fn parse_name(typed: &[u8]) -> Option<Name> {
    std::str::from_utf8(typed.trim_ascii()).ok()?.parse().ok()
}
