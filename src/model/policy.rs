//! Choices an operator or a user makes: each a closed list, read by its lower-case word.

use std::fmt;

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

/// Who may make an account for himself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Registration {
    /// Nobody; the operator makes the accounts.
    #[default]
    Closed,
    /// Everybody.
    Open,
    /// Who has an invitation.
    Invite,
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

/// What a message survives once its sender is told that it was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Durability {
    /// A loss of power: the disk has it.
    #[default]
    Fsync,
    /// A crash of the server; the system may take some seconds to bring it to the disk.
    Commit,
}

/// How messages are kept. A bound of 0 is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Retention {
    /// What a message survives.
    pub durability: Durability,
    /// Days after which a message goes (setting `keep-days`).
    pub keep_days: u32,
    /// Messages on the whole server; beyond it the oldest goes (setting `keep-messages`).
    pub keep_messages: u32,
    /// Messages in one group; beyond it its oldest goes (setting `keep-messages-per-group`).
    pub keep_messages_per_group: u32,
}

/// In which dialect a user is told things.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// Text for people.
    #[default]
    Plain,
    /// One tagged line per event, for programs.
    Machine,
}

/// Before which messages the bell of a user's terminal rings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Bell {
    /// Before none.
    #[default]
    Off,
    /// Before those that mention him.
    Mentions,
    /// Before all that others say.
    All,
}

/// How one session is told things.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct OutputFormat {
    /// In which dialect.
    pub mode: Mode,
    /// Whether text for people shows the ids of messages; lines for programs always do.
    pub ids: bool,
    /// Before which messages text for people rings the bell.
    pub bell: Bell,
}

impl Mode {
    /// The mode of this name, in any case.
    pub fn named(word: &str) -> Option<Mode> {
        [Mode::Plain, Mode::Machine].into_iter().find(|mode| mode.as_str().eq_ignore_ascii_case(word))
    }

    fn as_str(self) -> &'static str {
        match self {
            Mode::Plain => "plain",
            Mode::Machine => "machine",
        }
    }
}

impl Bell {
    /// The bell of this name, in any case.
    pub fn named(word: &str) -> Option<Bell> {
        [Bell::Off, Bell::Mentions, Bell::All].into_iter().find(|bell| bell.as_str().eq_ignore_ascii_case(word))
    }

    fn as_str(self) -> &'static str {
        match self {
            Bell::Off => "off",
            Bell::Mentions => "mentions",
            Bell::All => "all",
        }
    }
}

impl fmt::Display for Bell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
