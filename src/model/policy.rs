//! Choices of operators and users, each a closed list of words.

use std::fmt;

use clap::ValueEnum;

/// Policy for a login of a user who is already online.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum DuplicateLogin {
    /// Refuse the second login, unless the first session turns out to be dead.
    #[default]
    Refuse,
    /// Keep both. Every session gets what is sent to the user, and a copy of what the user sends from another session.
    Allow,
    /// Tell the first session and close it.
    Replace,
}

/// Policy for creating accounts from the chat.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Registration {
    /// Only the operator creates accounts.
    #[default]
    Closed,
    /// Anybody may register.
    Open,
    /// Registration needs an invitation.
    Invite,
}

/// Whether a client is treated as telnet, so that the terminal can be told to hide the password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum TelnetMode {
    /// Clients that send telnet commands.
    #[default]
    Auto,
    /// Every client.
    Always,
    /// No client; telnet commands in the input are still filtered out.
    Never,
}

/// The failure that an acknowledged message survives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Durability {
    /// A power failure: the message is on the disk.
    #[default]
    Fsync,
    /// A crash of the server; the operating system writes to the disk within seconds.
    Commit,
}

/// How long messages are kept. A limit of 0 means no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Retention {
    /// The failure that an acknowledged message survives.
    pub durability: Durability,
    /// Days after which a message is deleted (setting `keep-days`).
    pub keep_days: u32,
    /// Messages on the whole server, beyond which the oldest are deleted (setting `keep-messages`).
    pub keep_messages: u32,
    /// Messages in one group, beyond which its oldest are deleted (setting `keep-messages-per-group`).
    pub keep_messages_per_group: u32,
}

/// The kind of output a session has chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// Text for people.
    #[default]
    Plain,
    /// One tagged line per event, for programs.
    Machine,
}

/// Which messages ring the terminal's bell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Bell {
    /// None.
    #[default]
    Off,
    /// Messages that mention the user.
    Mentions,
    /// All messages of others.
    All,
}

/// How events are written to one session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct OutputFormat {
    /// Text for people, or lines for programs.
    pub mode: Mode,
    /// Whether text for people shows message ids; lines for programs always do.
    pub ids: bool,
    /// Which messages ring the bell in text for people.
    pub bell: Bell,
}

impl Mode {
    /// Parses a mode, ignoring case.
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
    /// Parses a bell setting, ignoring case.
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
