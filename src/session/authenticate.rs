//! What a name and the secret behind it amount to: a user with his password or a token, a guest, or nobody.

use std::time::{Instant, SystemTime};

use super::{Session, Shared};
use crate::accounts::{Verdict, tokens};
use crate::model::{Name, Net};
use crate::store::Token;

/// What guests give as their name.
const GUEST: &str = "guest";

/// What became of a name and a secret.
pub(super) enum LoginOutcome {
    /// The user, and the token that he gave in place of his password, if he did.
    User(Name, Option<Token>),
    /// Somebody who wants no account.
    Guest,
    /// No such user, or not his secret.
    Wrong,
    /// Not looked at: too many wrong ones came from the address.
    TooMany,
    /// Not looked at in time.
    Late,
    /// Not looked at: the tokens cannot be read.
    Unreadable,
}

/// The tokens cannot be read; the log says why.
#[derive(Debug)]
pub(super) struct Unreadable;

impl Session<'_> {
    /// Whether this name is one with which somebody may log in.
    pub(super) fn knows(&self, typed: &[u8]) -> bool {
        self.is_guest(typed) || parse_name(typed).is_some_and(|name| self.shared.accounts.find(&name).is_some())
    }

    /// Looks at a secret, as often as the client's address may have one looked at.
    pub(super) fn judge(&self, name: &[u8], secret: &[u8], deadline: Instant) -> LoginOutcome {
        if self.is_guest(name) {
            return LoginOutcome::Guest;
        }
        let mut given = None;
        let verdict = self.shared.throttle.judged(self.net(), || match self.shared.token_of(name, secret) {
            Ok(Some(token)) => {
                let user = token.user;
                given = Some(token);
                Verdict::Right(user)
            }
            Ok(None) => self.shared.accounts.judge(name, secret, deadline),
            Err(Unreadable) => Verdict::Unreadable,
        });
        match verdict {
            Verdict::Right(name) => LoginOutcome::User(name, given),
            Verdict::Wrong => LoginOutcome::Wrong,
            Verdict::Late => LoginOutcome::Late,
            Verdict::TooMany => LoginOutcome::TooMany,
            Verdict::Unreadable => LoginOutcome::Unreadable,
        }
    }

    /// Whether the token that a session logged in with is still good; asked once others can see the session, so that a
    /// token which is revoked at the same time ends it one way or the other. Another one may have its name by now.
    pub(super) fn is_token_good(&self, given: &Token) -> Result<bool, Unreadable> {
        let tokens = self.shared.good_tokens(&given.user)?;
        Ok(tokens.iter().any(|token| tokens::same_digest(&token.secret, &given.secret)))
    }

    pub(super) fn net(&self) -> Net {
        Net::of(self.connection.link().peer().ip())
    }

    fn is_guest(&self, typed: &[u8]) -> bool {
        self.shared.guests && typed.trim_ascii().eq_ignore_ascii_case(GUEST.as_bytes())
    }
}

impl Shared {
    /// The token that a secret is, if its user has an account; under the name of the account.
    pub(super) fn token_of(&self, name: &[u8], secret: &[u8]) -> Result<Option<Token>, Unreadable> {
        let (Some(digest), Some(typed)) = (tokens::token_digest(secret), parse_name(name)) else { return Ok(None) };
        // Before it is known whether there is such a user, so that nobody learns that from a store that does not work.
        let tokens = self.good_tokens(&typed)?;
        // All are looked at, wherever the right one stands.
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
