//! The command line: what `parlord` does besides serving. One file per family of commands.

pub mod ctl;
pub mod invite;
pub mod output;
pub mod store;
pub mod user;

pub use store::StoreCommand;
pub use user::UserCommand;
