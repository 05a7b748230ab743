//! Choices of operators and users: closed lists, each read by its lower-case word, and the settings made of them.

use std::fmt;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use log::LevelFilter;

use super::setting::{defaults, level, number};

/// What happens when a user who is logged in logs in again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum DuplicateLogin {
    /// The second login is refused, unless the first session turns out to be dead.
    Refuse,
    /// Both stay: every session gets what is sent to the user, and a copy of what they say in another.
    Allow,
    /// The first session is told and closed.
    Replace,
}

/// Who may create an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Registration {
    /// Nobody; the operator creates the accounts.
    Closed,
    /// Everybody.
    Open,
    /// Everybody with an invitation.
    Invite,
}

/// Whether a client is treated as telnet, so that its terminal hides the password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum TelnetMode {
    /// Clients that turn out to be telnet.
    Auto,
    /// Every client.
    Always,
    /// No client; telnet commands are still filtered out.
    Never,
}

/// What a message survives once its sender is told that it was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Durability {
    /// A loss of power: the message is on disk.
    Fsync,
    /// A crash of the server; the system may take some seconds to write it to disk.
    Commit,
}

/// How messages are kept: settings. A bound of 0 is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Args)]
#[command(next_help_heading = "Data")]
#[group(skip)]
pub struct Retention {
    /// What an acknowledged message survives.
    #[arg(long, value_name = "WHAT", default_value = "fsync")]
    pub durability: Durability,

    /// Days after which a message is deleted; 0 for never.
    #[arg(long, value_name = "DAYS", default_value = "0", value_parser = number::<u32>(0..=36_500))]
    pub keep_days: u32,

    /// Messages kept on the whole server, beyond which the oldest are deleted; 0 for no limit.
    #[arg(long, value_name = "N", default_value = "0", value_parser = number::<u32>(0..=u32::MAX))]
    pub keep_messages: u32,

    /// Messages kept in each group, beyond which its oldest are deleted; 0 for no limit.
    #[arg(long, value_name = "N", default_value = "0", value_parser = number::<u32>(0..=u32::MAX))]
    pub keep_messages_per_group: u32,
}

impl Default for Retention {
    fn default() -> Retention {
        defaults()
    }
}

/// What is logged, where, and for how long it is kept: settings.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
#[command(next_help_heading = "Logs")]
#[group(skip)]
pub struct LogSettings {
    /// Folder of the log files; it is created if missing.
    #[arg(long, value_name = "DIR", default_value = "logs")]
    pub log_dir: PathBuf,

    /// Least important level that is logged: off, error, warn, info, debug or trace; the console shows at most info.
    #[arg(long, value_name = "LEVEL", default_value = "debug", value_parser = level)]
    pub log_level: LevelFilter,

    /// Days after which a log file is deleted.
    #[arg(long, value_name = "DAYS", default_value = "30", value_parser = number::<u32>(1..=36_500))]
    pub log_keep_days: u32,

    /// Days after which a log file is compressed.
    #[arg(long, value_name = "DAYS", default_value = "7", value_parser = number::<u32>(0..=36_500))]
    pub log_compress_days: u32,
}

impl Default for LogSettings {
    fn default() -> LogSettings {
        defaults()
    }
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
