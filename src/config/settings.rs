//! The declarations of all settings: name, help, default and form, at one field each.
//!
//! A field is called like its setting. Its doc comment is the help, and also the text in the manual. Parsers check one value
//! each and touch neither disk nor network. Settings that lower floors read are declared in the model and flattened into
//! [`Config`]: [`Retention`], [`LogSettings`] and [`Limits`].

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use clap::builder::{PathBufValueParser, TypedValueParser};
use clap::{ArgAction, Args};

use crate::model::setting::{defaults, number, switch};
use crate::model::{
    DuplicateLogin, Limits, LogSettings, Net, Registration, Retention, StoreAddress, TelnetMode, WebOrigin,
};

/// All settings, as given by command line, environment, file and defaults.
#[derive(Debug, Clone, PartialEq, Args)]
#[group(skip)]
pub struct Config {
    /// Address and port to listen on; can be repeated, and port 0 picks a free one.
    #[arg(long, value_name = "ADDR", value_delimiter = ',', default_value = "127.0.0.1:12345")]
    pub listen: Vec<Address>,

    /// Address and port of the web page; can be repeated.
    #[arg(long, value_name = "ADDR", value_delimiter = ',')]
    pub web: Vec<Address>,

    /// Scheme and host of the web page behind a reverse proxy, as browsers reach it; can be repeated.
    #[arg(long, value_name = "ORIGIN", value_delimiter = ',', value_parser = WebOrigin::parse)]
    pub web_origin: Vec<WebOrigin>,

    /// Reverse proxy whose X-Forwarded-For header is trusted (address or CIDR); can be repeated.
    #[arg(long, value_name = "ADDR", value_delimiter = ',', value_parser = Net::exactly)]
    pub trusted_proxy: Vec<Net>,

    /// Address and port of the metrics for Prometheus; can be repeated.
    #[arg(long, value_name = "ADDR", value_delimiter = ',')]
    pub metrics: Vec<Address>,

    /// File with the accounts.
    #[arg(long, value_name = "FILE", default_value = "users.txt")]
    pub users: PathBuf,

    /// Who may create an account, with /register at the login.
    #[arg(long, value_name = "POLICY", default_value = "closed")]
    pub registration: Registration,

    /// Characters that a new password must have at least; passwords in the users file may be shorter.
    #[arg(long, value_name = "N", default_value = "8", value_parser = number::<usize>(1..=128))]
    pub min_password_length: usize,

    /// Whether a users file without users is taken when it is read again: on or off.
    #[arg(long, value_name = "SWITCH", default_value = "off", value_parser = switch)]
    #[arg(action = ArgAction::Set, num_args = 0..=1, require_equals = true, default_missing_value = "on")]
    pub allow_empty_users: bool,

    /// Whether people may log in as guest, without an account: on or off.
    #[arg(long, value_name = "SWITCH", default_value = "off", value_parser = switch)]
    #[arg(action = ArgAction::Set, num_args = 0..=1, require_equals = true, default_missing_value = "on")]
    pub guests: bool,

    /// What happens when a user who is logged in logs in again.
    #[arg(long, value_name = "POLICY", default_value = "refuse")]
    pub duplicate_login: DuplicateLogin,

    /// Text shown after the login: a UTF-8 file of at most 16 KiB.
    #[arg(long, value_name = "FILE")]
    pub motd: Option<PathBuf>,

    /// List of words that are replaced, refused or reported.
    #[arg(long, value_name = "FILE")]
    pub word_filter: Option<PathBuf>,

    /// Which clients are treated as telnet, so that their terminal hides the password.
    #[arg(long, value_name = "MODE", default_value = "auto")]
    pub telnet: TelnetMode,

    /// Folder of the database; none keeps the last messages in memory, and nothing on disk.
    #[arg(long, value_name = "DIR", help_heading = "Data", default_value = "data")]
    #[arg(value_parser = PathBufValueParser::new().try_map(StoreAddress::parse))]
    pub data: StoreAddress,

    /// How messages are kept there.
    #[command(flatten)]
    pub retention: Retention,

    /// What is logged, and where.
    #[command(flatten)]
    pub logs: LogSettings,

    /// The bounds of the server.
    #[command(flatten)]
    pub limits: Limits,
}

impl Default for Config {
    fn default() -> Config {
        defaults()
    }
}

/// An address or a host name, with a port. [`resolve`](super::resolve) looks it up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address(pub(super) String);

impl FromStr for Address {
    type Err = &'static str;

    /// Checks the form alone.
    fn from_str(text: &str) -> Result<Address, &'static str> {
        let formed = text.rsplit_once(':').is_some_and(|(host, port)| {
            let bracketed = host.starts_with('[') && host.ends_with(']');
            !host.is_empty() && (bracketed || !host.contains(':')) && port.parse::<u16>().is_ok()
        });
        let address = formed.then(|| Address(text.to_owned()));
        address.ok_or("must be an address and a port, such as 127.0.0.1:12345, [::1]:12345 or 0.0.0.0:12345")
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}
