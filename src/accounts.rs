//! Floor 1, accounts: the users file, how passwords are kept and verified, and how many attempts an address has.
//!
//! This folder knows no client, no connection and no event. No secret leaves it: not in an error, not in a `Debug`, not on
//! a screen.
//!
//! Reading order: `file` is the format of the users file and `disk` its safe replacement; `foreign` recognises what other programs keep in place
//! of a password, `hash` is one password; `users`
//! holds the accounts in use; `verify` checks passwords, and `throttle` limits who may try; `change` is what users do to
//! their own accounts, `edit` and `rename` what operators do; `tokens` generates secrets.

mod change;
mod disk;
pub(crate) mod edit;
mod file;
mod foreign;
mod hash;
mod rename;
mod throttle;
pub mod tokens;
mod users;
mod verify;

pub(crate) use change::AccountError;
pub(crate) use throttle::Throttle;
pub use users::{AccountRules, Accounts};
pub(crate) use verify::Verification;
