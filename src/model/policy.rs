//! Choices an operator makes: each a closed list, read from settings by its lower-case word.

use clap::ValueEnum;

/// What happens when a user who is here logs in a second time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum DuplicateLogin {
    /// The second login is refused, unless the first session turns out to be dead.
    #[default]
    Refuse,
    /// Both stay: every session gets what is sent to the user, and a copy of what he says in another.
    Allow,
    /// The first session is told and closed.
    Replace,
}

/// Whether a client is treated as telnet, so that his terminal hides the password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum TelnetMode {
    /// When he shows himself as one.
    #[default]
    Auto,
    /// Every client.
    Always,
    /// No client; telnet commands are still filtered out.
    Never,
}
