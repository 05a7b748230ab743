//! Passwords of groups: hashed and compared as those of accounts are, in the same turn; what is kept of them is for who
//! asked.

use std::time::Instant;

use super::secret::Secret;
use super::{AccountError, Accounts};

impl Accounts {
    /// What is to be kept of a password.
    ///
    /// # Errors
    /// As [`Accounts::new_secret`].
    pub fn hash_phrase(&self, phrase: &str, deadline: Instant) -> Result<String, AccountError> {
        self.new_secret(phrase.as_bytes(), deadline).map(|secret| secret.0)
    }

    /// Whether a guess is the password of which this was kept; `None` when it was not its turn until the deadline.
    pub fn is_phrase(&self, kept: &str, guess: &str, deadline: Instant) -> Option<bool> {
        let secret = Secret::parse(kept).ok()?;
        let mut permit = self.permits.take(deadline)?;
        secret.hash().and_then(|hash| hash.is_of(guess.as_bytes(), &mut permit.memory))
    }
}
