//! Who may come in: the users file, what it keeps of passwords, who guesses too often, and how an operator edits it.
//!
//! Nothing here may know a client, a connection or an event. No secret leaves this folder: not in an error, not in a
//! `Debug`, not on a screen.
//!
//! Reading order: `file` is the format, `secret` one password, `verify` the judge, `permits` what holds him back when
//! many ask at once, `throttle` what holds back who asks too often; `change` is what users do to their own accounts, `rename` what operators do to one,
//! `phrase` is for the passwords of groups, `keys` are the secrets that the server makes; `disk`, `edit` and `cli` are the operator's side.

mod change;
mod disk;
pub mod edit;
mod file;
mod group_password;
mod hash_slots;
mod rename;
mod secret;
mod throttle;
pub mod tokens;
mod verify;

pub use change::{AccountError, NewSecret};
pub use throttle::Throttle;
pub use verify::{Accounts, Verdict};
