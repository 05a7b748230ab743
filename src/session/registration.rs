//! Registering an account at any door: `/register` in place of a name, then a password twice.

use std::net::SocketAddr;
use std::time::{Instant, SystemTime};

use log::Level;

use super::{Session, Shared};
use crate::accounts::{AccountError, tokens};
use crate::hub::Presence;
use crate::log_limit::{self, Who};
use crate::model::line::clean_name;
use crate::model::{Name, Net, Peer, QuitReason, Registration, RegistrationError};
use crate::store::{Digest, Store, StoreError};

/// The word before the wanted name.
const WORD: &str = "/register";

/// A request for an account.
pub(super) struct Request {
    pub(super) name: Name,
    /// The digest of the invitation, where one is needed.
    invite: Option<Digest>,
}

/// Logs that somebody could not register.
pub(super) fn note_registration_failed(peer: SocketAddr, why: &str) {
    log_limit::note(Level::Info, "registration failed", Who::Stranger(peer), &format!("reason=\"{why}\""));
}

/// The words after `/register`, if that was typed in place of a name.
pub(super) fn words_of(typed: &[u8]) -> Option<String> {
    let typed = String::from_utf8_lossy(&clean_name(typed)).into_owned();
    let (word, rest) = typed.split_once(' ').unwrap_or((&typed, ""));
    word.eq_ignore_ascii_case(WORD).then(|| rest.to_owned())
}

impl Session<'_> {
    /// Begins a registration: checks what was asked for, and gives time to think of a password.
    ///
    /// # Errors
    /// Why the connection is to be closed instead.
    pub(super) fn begin_registration(&mut self, words: &str) -> Result<Request, QuitReason> {
        self.login_by = Instant::now() + self.shared.hub.limits().login_timeout;
        let request = self.account_registration().check_words(words);
        request.map_err(|why| self.refuse_registration(Instant::now(), why))
    }

    /// Registers the account with a password that was given twice, and logs its user in.
    ///
    /// # Errors
    /// Why the connection is to be closed instead.
    pub(super) fn finish_registration(
        &mut self,
        request: &Request,
        password: &[u8],
        again: &[u8],
    ) -> Result<Presence, QuitReason> {
        let asked = Instant::now();
        let registered = match password == again {
            true => self.account_registration().register(request, password),
            false => Err(RegistrationError::PasswordsDiffer),
        };
        match registered {
            Ok(()) => {
                log::info!("registered user={} {}", request.name, Peer(self.connection.peer()));
                self.attach(request.name, None)
            }
            Err(why) => Err(self.refuse_registration(asked, why)),
        }
    }

    fn account_registration(&self) -> AccountRegistration<'_> {
        AccountRegistration { shared: self.shared, net: self.net(), by: self.login_by }
    }
}

/// The registration of an account, wherever it is asked for.
pub(super) struct AccountRegistration<'a> {
    pub(super) shared: &'a Shared,
    pub(super) net: Net,
    /// When it has to be done.
    pub(super) by: Instant,
}

impl AccountRegistration<'_> {
    /// Parses and checks the words after `/register`: a name, and an invitation where one is needed or one was given.
    ///
    /// Nothing is cut off: a name with a space in it is refused as a whole.
    pub(super) fn check_words(&self, words: &str) -> Result<Request, RegistrationError> {
        let words = words.trim();
        let (name, invite) = match words.rsplit_once(char::is_whitespace) {
            Some((name, last)) if self.needs_invite() || tokens::is_invite(last) => (name.trim_end(), Some(last)),
            _ => (words, None),
        };
        self.check(name, invite)
    }

    /// Checks a name and an invitation.
    pub(super) fn check(&self, name: &str, invite: Option<&str>) -> Result<Request, RegistrationError> {
        if self.shared.registration == Registration::Closed {
            return Err(RegistrationError::Closed);
        }
        if name.is_empty() {
            return Err(RegistrationError::Usage);
        }
        let name: Name = name.parse().map_err(RegistrationError::BadName)?;
        if name.is_guest() {
            return Err(RegistrationError::GuestName);
        }
        if self.needs_invite() && invite.is_none() {
            return Err(RegistrationError::NeedsInvite);
        }
        Ok(Request { name, invite: invite.filter(|_| self.needs_invite()).map(tokens::invite_digest) })
    }

    fn needs_invite(&self) -> bool {
        match self.shared.registration {
            Registration::Invite => true,
            Registration::Open | Registration::Closed => false,
        }
    }

    /// Registers the account, as often as the client's address may. A refusal that reveals whether a name is taken or an
    /// invitation is good counts like a wrong password.
    pub(super) fn register(&self, request: &Request, password: &[u8]) -> Result<(), RegistrationError> {
        let (net, now) = (self.net, Instant::now());
        if !self.shared.registrations.take(net, now) {
            return Err(RegistrationError::TooMany);
        }
        let done = if self.shared.accounts.guesses().take(net, now) {
            let done = self.add_account(request, password);
            if !matches!(done, Err(RegistrationError::Taken | RegistrationError::BadInvite)) {
                self.shared.accounts.guesses().refund(net);
            }
            done
        } else {
            Err(RegistrationError::TooManyAttempts)
        };
        if done.is_err() {
            self.shared.registrations.refund(net);
        }
        done
    }

    fn add_account(&self, request: &Request, password: &[u8]) -> Result<(), RegistrationError> {
        let Request { name, invite } = request;
        let accounts = &self.shared.accounts;
        // A user who was removed from the users file while online still has the name.
        if accounts.is_taken(name) || self.shared.hub.is_here(name) {
            return Err(RegistrationError::Taken);
        }
        let secret = accounts.hash_password(password, self.by).map_err(refusal)?;
        let confirm = || {
            // Before anything is forgotten, or somebody without an invitation could make the server forget a user.
            self.expect_invited(invite, |store, invite| store.is_invited(invite, SystemTime::now()))?;
            // An earlier owner of the name may have been removed from the users file. The new one must get neither their
            // messages nor their tokens.
            self.shared.hub.make_account(*name).map_err(|_| AccountError::Unavailable)?;
            // Last of all: whoever loses a race for the name, or mistypes, keeps their invitation.
            self.expect_invited(invite, |store, invite| store.redeem(invite, SystemTime::now()))
        };
        accounts.register(name, secret, self.by, confirm).map_err(refusal)
    }

    /// Asks the store about an invitation, where one is needed.
    fn expect_invited(
        &self,
        invite: &Option<Digest>,
        ask: impl FnOnce(&dyn Store, &Digest) -> Result<bool, StoreError>,
    ) -> Result<(), AccountError> {
        let Some(invite) = invite else { return Ok(()) };
        match ask(self.shared.hub.store(), invite) {
            Ok(true) => Ok(()),
            Ok(false) => Err(AccountError::Refused),
            Err(e) => {
                log::error!("invitation unreadable error=\"{e}\"");
                Err(AccountError::Unavailable)
            }
        }
    }
}

fn refusal(why: AccountError) -> RegistrationError {
    match why {
        AccountError::BadPassword(why) => RegistrationError::BadPassword(why),
        AccountError::Taken | AccountError::NotFound => RegistrationError::Taken,
        AccountError::Refused => RegistrationError::BadInvite,
        AccountError::Full => RegistrationError::Full,
        AccountError::TimedOut => RegistrationError::Busy,
        AccountError::Unavailable => RegistrationError::Unavailable,
        AccountError::UsersFile(why) => {
            log::error!("users unchanged: {why}");
            RegistrationError::Unavailable
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn register_is_a_word_of_its_own_in_any_case() {
        assert_eq!(words_of(b"/register zoe").as_deref(), Some("zoe"));
        assert_eq!(words_of(b" /REGISTER  zoe abc ").as_deref(), Some(" zoe abc"));
        assert_eq!(words_of(b"/register").as_deref(), Some(""));
        assert_eq!(words_of(b"/registered zoe"), None);
        assert_eq!(words_of(b"register zoe"), None);
        assert_eq!(words_of(b"zoe"), None);
    }
}
