//! An account that somebody makes for himself: `/register` in place of a name, then a password twice.

use std::time::{Instant, SystemTime};

use super::{Session, Shared};
use crate::accounts::{AccountError, tokens};
use crate::hub::Presence;
use crate::model::{EventKind, Name, Origin, Peer, Question, QuitReason, Registration, RegistrationError};
use crate::store::{Digest, Store, StoreError};

/// The word that stands before the wanted name.
const WORD: &str = "/register";

/// What somebody asks for.
pub(super) struct Request {
    pub(super) name: Name,
    /// The digest of his invitation, where one is needed.
    invite: Option<Digest>,
}

/// The words after `/register`, if that is what was typed in place of a name.
pub(super) fn words_of(typed: &[u8]) -> Option<String> {
    let typed = String::from_utf8_lossy(typed.trim_ascii()).into_owned();
    let (word, rest) = typed.split_once(' ').unwrap_or((&typed, ""));
    word.eq_ignore_ascii_case(WORD).then(|| rest.to_owned())
}

impl Session<'_> {
    /// Makes an account and logs its user in.
    ///
    /// # Errors
    /// Why the connection is to be closed instead.
    pub(super) fn sign_up(&mut self, words: &str) -> Result<Presence, QuitReason> {
        // Who thinks of a password needs more time than who knows one.
        self.login_by = Instant::now() + self.shared.hub.limits().login_timeout;
        let deadline = self.login_by;
        let origin = self.origin();
        let signup = AccountRegistration { shared: self.shared, origin, by: deadline };
        let request = match signup.check_request(words) {
            Ok(request) => request,
            Err(why) => return self.refuse_registration(Instant::now(), why),
        };
        let password = self.ask_hidden(EventKind::AskPassword, deadline, |_, _| false)?;
        let again = self.ask_hidden(EventKind::Ask(Question::SameAgain), deadline, |_, _| false)?;
        self.choose_dialect();
        let asked = Instant::now();
        let made = if password == again {
            signup.make_account(&request, &password)
        } else {
            Err(RegistrationError::PasswordsDiffer)
        };
        match made {
            Ok(()) => {
                log::info!("registered user={} {}", request.name, Peer(self.connection.link().peer()));
                self.enter(request.name, None)
            }
            Err(why) => self.refuse_registration(asked, why),
        }
    }
}

/// The making of an account, at whatever door it is asked for.
pub(super) struct AccountRegistration<'a> {
    pub(super) shared: &'a Shared,
    pub(super) origin: Origin,
    /// Until when it has to be made.
    pub(super) by: Instant,
}

impl AccountRegistration<'_> {
    /// What the words after `/register` ask for.
    pub(super) fn check_request(&self, words: &str) -> Result<Request, RegistrationError> {
        let mut words = words.split_ascii_whitespace();
        let (name, invite) = (words.next(), words.next());
        let needs_invite = match self.shared.registration {
            Registration::Closed => return Err(RegistrationError::Closed),
            Registration::Open => false,
            Registration::Invite => true,
        };
        let name = name.filter(|_| words.next().is_none()).ok_or(RegistrationError::Usage)?;
        let name: Name = name.parse().map_err(RegistrationError::BadName)?;
        if name.is_guest() {
            return Err(RegistrationError::GuestName);
        }
        if needs_invite && invite.is_none() {
            return Err(RegistrationError::NeedsInvite);
        }
        Ok(Request { name, invite: invite.filter(|_| needs_invite).map(tokens::invite_digest) })
    }

    /// Makes the account, as often as the client's address may. What tells him whether a name is taken or an invitation
    /// good counts as a wrong password does.
    pub(super) fn make_account(&self, request: &Request, password: &[u8]) -> Result<(), RegistrationError> {
        let (origin, now) = (self.origin, Instant::now());
        if !self.shared.registrations.take(origin, now) {
            return Err(RegistrationError::TooMany);
        }
        let made = if self.shared.throttle.take(origin, now) {
            let made = self.add_account(request, password);
            if !matches!(made, Err(RegistrationError::Taken | RegistrationError::BadInvite)) {
                self.shared.throttle.give_back(origin);
            }
            made
        } else {
            Err(RegistrationError::TooManyAttempts)
        };
        if made.is_err() {
            self.shared.registrations.give_back(origin);
        }
        made
    }

    fn add_account(&self, request: &Request, password: &[u8]) -> Result<(), RegistrationError> {
        let Request { name, invite } = request;
        let accounts = &self.shared.accounts;
        // Who was taken out of the users file while he was here is still here, and is still called so.
        if accounts.is_taken(name) || self.shared.hub.is_here(name) {
            return Err(RegistrationError::Taken);
        }
        let secret = accounts.new_secret(password, self.by).map_err(refusal)?;
        let sure = || {
            // Or who has none could make the server forget somebody.
            self.expect_invited(invite, |store, invite| store.is_invited(invite, SystemTime::now()))?;
            // An earlier owner of the name may have been taken out of the users file. His messages are not the new
            // one's, nor may his tokens open the new one's account.
            self.shared.hub.forget_user(*name).map_err(|_| AccountError::Unavailable)?;
            // Used up last of all: who loses a race for the name, or mistypes, still has his invitation.
            self.expect_invited(invite, |store, invite| store.redeem(invite, SystemTime::now()))
        };
        accounts.register(name, secret, self.by, sure).map_err(refusal)
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
            Ok(false) => Err(AccountError::Forbidden),
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
        AccountError::Taken | AccountError::Gone => RegistrationError::Taken,
        AccountError::Forbidden => RegistrationError::BadInvite,
        AccountError::Full => RegistrationError::Full,
        AccountError::Late => RegistrationError::Busy,
        AccountError::Unavailable => RegistrationError::Unavailable,
        AccountError::Broken(why) => {
            log::error!("users unchanged: {why}");
            RegistrationError::Unavailable
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_word_stands_alone_and_in_any_case() {
        assert_eq!(words_of(b"/register zoe").as_deref(), Some("zoe"));
        assert_eq!(words_of(b" /REGISTER  zoe abc ").as_deref(), Some(" zoe abc"));
        assert_eq!(words_of(b"/register").as_deref(), Some(""));
        assert_eq!(words_of(b"/registered zoe"), None);
        assert_eq!(words_of(b"register zoe"), None);
        assert_eq!(words_of(b"zoe"), None);
    }
}
