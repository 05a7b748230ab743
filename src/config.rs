//! What an operator can choose: flags over environment over file over default.
//!
//! [`Options`] is the command line's part, which `parlord` flattens into its own; [`Options::load`] adds the other sources
//! and checks the whole. It must not know accounts, logging or the server: they are handed a finished [`Config`].

mod check;
mod settings;
mod sources;
mod table;

use std::ffi::OsString;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use log::LevelFilter;

use crate::model::{
    DuplicateLogin, Limits, Net, Registration, Retention, StartError, StoreAddress, TelnetMode, WebOrigin,
};

pub use settings::Settings;
pub use table::settings_table;

/// For the end of `parlord --help`: the ways to give a setting.
pub const SOURCES_HELP: &str = "\
Every option can also be an environment variable (PARLOR_LINE_LIMIT for --line-limit; empty counts as not set) and,
except --config, a line of the configuration file (line-limit = 4096). The command line goes before the environment,
the environment before the file, the file before the default. Paths begin at the working directory.";

/// The options of the command line that are settings, or say where settings are.
#[derive(Debug, Clone, Default, PartialEq, Args)]
#[group(skip)]
pub struct Options {
    /// A TOML file with settings, named as the options here (default none)
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// The settings themselves.
    #[command(flatten)]
    pub settings: Settings,
}

impl Options {
    /// Adds the environment and the file to these options, then checks the whole.
    ///
    /// # Errors
    /// [`StartError::Config`] with a sentence that names the setting and where it stands.
    pub fn load(self, environment: impl IntoIterator<Item = (OsString, OsString)>) -> Result<Config, StartError> {
        self.gather(environment)?.check()
    }

    /// Adds the environment and the file to these options; enough for who needs only one or two settings.
    ///
    /// # Errors
    /// [`StartError::Config`] when either holds an unknown name or a value that cannot be.
    pub fn gather(self, environment: impl IntoIterator<Item = (OsString, OsString)>) -> Result<Settings, StartError> {
        let all = self.or(sources::environment(environment)?);
        match all.config {
            None => Ok(all.settings),
            Some(path) => Ok(all.settings.or(sources::file(&path)?)),
        }
    }

    fn or(self, other: Options) -> Options {
        Options { config: self.config.or(other.config), settings: self.settings.or(other.settings) }
    }
}

/// All settings, checked and complete.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// Where to listen; never empty.
    pub listen: Vec<SocketAddr>,
    /// Where the metrics are; empty for nowhere.
    pub metrics: Vec<SocketAddr>,
    /// Where the web page is; empty for nowhere.
    pub web: Vec<SocketAddr>,
    /// Where browsers may come from, besides these addresses themselves.
    pub web_origins: Vec<WebOrigin>,
    /// The proxies that are believed whose requests they bring.
    pub trusted_proxies: Vec<Net>,
    /// The file with the accounts.
    pub users: PathBuf,
    /// Where the store is.
    pub data: StoreAddress,
    /// How messages are kept there.
    pub retention: Retention,
    /// The folder of the log files.
    pub log_dir: PathBuf,
    /// How much is logged.
    pub log_level: LevelFilter,
    /// Days after which a log file is deleted, at least 1.
    pub log_keep_days: usize,
    /// Days after which a log file is compressed, at most `log_keep_days`.
    pub log_compress_days: usize,
    /// The bounds of the server.
    pub limits: Limits,
    /// Who may make an account for himself.
    pub registration: Registration,
    /// Whether people may come in without an account.
    pub guests: bool,
    /// What happens when a user who is here logs in a second time.
    pub duplicate_login: DuplicateLogin,
    /// The file of the word filter, if there is one.
    pub word_filter: Option<PathBuf>,
    /// The text shown after the login: clean lines joined by `\n`, none at the end, at most 16 KiB.
    pub motd: Option<Arc<str>>,
    /// Whether a client is treated as telnet.
    pub telnet: TelnetMode,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            listen: vec![SocketAddr::from((Ipv4Addr::LOCALHOST, 12345))],
            web: Vec::new(),
            metrics: Vec::new(),
            web_origins: Vec::new(),
            trusted_proxies: Vec::new(),
            users: PathBuf::from("users.txt"),
            data: StoreAddress::Folder(PathBuf::from("data")),
            retention: Retention::default(),
            log_dir: PathBuf::from("logs"),
            log_level: LevelFilter::Debug,
            log_keep_days: 30,
            log_compress_days: 7,
            limits: Limits::default(),
            registration: Registration::default(),
            guests: false,
            duplicate_login: DuplicateLogin::default(),
            word_filter: None,
            motd: None,
            telnet: TelnetMode::default(),
        }
    }
}

#[cfg(test)]
mod tests;
