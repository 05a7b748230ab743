//! Choices of operators and users, each a closed list of words, and the settings of store and log.

use std::fmt;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use log::LevelFilter;

use super::setting::{bytes_or_none, defaults, level, number};

/// Policy for a login of a user who is already online.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum DuplicateLogin {
    /// Refuse the second login, unless the first session turns out to be dead.
    Refuse,
    /// Keep both. Every session gets what is sent to the user, and a copy of what the user sends from another session.
    Allow,
    /// Tell the first session and close it.
    Replace,
}

/// Policy for creating accounts from the chat.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Registration {
    /// Only the operator creates accounts.
    Closed,
    /// Anybody may register.
    Open,
    /// Registration needs an invitation.
    Invite,
}

/// Whether a client is treated as telnet, so that the terminal can be told to hide the password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum TelnetMode {
    /// Clients that send telnet commands.
    Auto,
    /// Every client.
    Always,
    /// No client; telnet commands in the input are still filtered out.
    Never,
}

/// The failure that an acknowledged message survives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Durability {
    /// A power failure: the message is on the disk.
    Fsync,
    /// A crash of the server; the operating system writes to the disk within seconds.
    Commit,
}

/// The settings of how long messages are kept. A limit of 0 means no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Args)]
#[command(next_help_heading = "Data")]
#[group(skip)]
pub struct Retention {
    /// The failure that an acknowledged message survives.
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

/// The settings of the log: what is logged, where, and how long it is kept.
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

    /// Bytes of one day's log, beyond which it takes only warnings and errors, and no more than these; 0 for no limit.
    #[arg(long, value_name = "BYTES", default_value = "268435456", value_parser = bytes_or_none)]
    pub log_day_bytes: u64,

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
