//! The settings, each declared once: name, unit, range and help. Flags, environment and file are read from this one list,
//! and the manual's table is made of it.
//!
//! What stands here is what was asked for, checked value by value; it must not touch the file system or the network.
//! A help text ends with its default, `(default …)`; a test holds that to [`Config::default`](super::Config).

use std::any::TypeId;
use std::ops::RangeInclusive;
use std::path::PathBuf;

use clap::builder::{PathBufValueParser, TypedValueParser};
use clap::{Arg, ArgAction, Args, Command};
use log::LevelFilter;

use crate::model::limits::FLOOD_BYTES;
use crate::model::{DuplicateLogin, Durability, Net, Registration, StoreAddress, TelnetMode, WebOrigin};

const DATA: &str = "Data";
const LOGS: &str = "Logs";
const LIMITS: &str = "Limits";

/// What one source (flags, environment, file) says about each setting; `None` where it says nothing.
#[derive(Debug, Clone, Default, PartialEq, Args)]
#[group(skip)]
pub struct Settings {
    /// Address and port to listen on; may be given several times, port 0 picks a free one (default 127.0.0.1:12345)
    #[arg(long, global = true, value_name = "ADDR", value_delimiter = ',', value_parser = address)]
    pub listen: Option<Vec<String>>,

    /// Address and port of the web page; may be given several times (default none)
    #[arg(long, global = true, value_name = "ADDR", value_delimiter = ',', value_parser = address)]
    pub web: Option<Vec<String>>,

    /// Scheme and host under which browsers reach the web page, where a proxy stands before it (default none)
    #[arg(long, global = true, value_name = "ORIGIN", value_delimiter = ',', value_parser = WebOrigin::parse)]
    pub web_origin: Option<Vec<WebOrigin>>,

    /// Address or network of a proxy before the web page that is believed whom it asks for; may be given several times (default none)
    #[arg(long, global = true, value_name = "ADDR", value_delimiter = ',', value_parser = Net::exactly)]
    pub trusted_proxy: Option<Vec<Net>>,

    /// Address and port of the metrics for Prometheus; may be given several times (default none)
    #[arg(long, global = true, value_name = "ADDR", value_delimiter = ',', value_parser = address)]
    pub metrics: Option<Vec<String>>,

    /// The file with the accounts (default users.txt)
    #[arg(long, global = true, value_name = "FILE")]
    pub users: Option<PathBuf>,

    /// Who may make an account for himself, with /register at the login (default closed)
    #[arg(long, global = true, value_name = "POLICY")]
    pub registration: Option<Registration>,

    /// Whether people may log in as guest, without an account: on or off (default off)
    #[arg(long, global = true, value_name = "SWITCH", value_parser = switch)]
    #[arg(num_args = 0..=1, require_equals = true, default_missing_value = "on")]
    pub guests: Option<bool>,

    /// What to do when a user who is here logs in a second time (default refuse)
    #[arg(long, global = true, value_name = "POLICY")]
    pub duplicate_login: Option<DuplicateLogin>,

    /// A text shown after the login: a UTF-8 file of at most 16 KiB (default none)
    #[arg(long, global = true, value_name = "FILE")]
    pub motd: Option<PathBuf>,

    /// A list of words that are replaced, refused or reported when they are said (default none)
    #[arg(long, global = true, value_name = "FILE")]
    pub word_filter: Option<PathBuf>,

    /// Which clients are treated as telnet, so that their terminal hides the password (default auto)
    #[arg(long, global = true, value_name = "MODE")]
    pub telnet: Option<TelnetMode>,

    /// The folder of the database with messages and all that is kept; none keeps the last messages in memory (default data)
    #[arg(long, global = true, value_name = "DIR", help_heading = DATA, value_parser = PathBufValueParser::new().try_map(StoreAddress::parse))]
    pub data: Option<StoreAddress>,

    /// What a message survives once it is sent: a loss of power, or a crash of the server alone (default fsync)
    #[arg(long, global = true, value_name = "WHAT", help_heading = DATA)]
    pub durability: Option<Durability>,

    /// Days after which a message is deleted; 0 for never (default 0)
    #[arg(long, global = true, value_name = "DAYS", help_heading = DATA, value_parser = within(0..=36_500))]
    pub keep_days: Option<u32>,

    /// Messages that are kept, of the whole server, the oldest going first; 0 for no limit (default 0)
    #[arg(long, global = true, value_name = "N", help_heading = DATA, value_parser = within(0..=u32::MAX))]
    pub keep_messages: Option<u32>,

    /// Messages that are kept of each group, its oldest going first; 0 for no limit (default 0)
    #[arg(long, global = true, value_name = "N", help_heading = DATA, value_parser = within(0..=u32::MAX))]
    pub keep_messages_per_group: Option<u32>,

    /// The folder of the log files (default logs)
    #[arg(long, global = true, value_name = "DIR", help_heading = LOGS)]
    pub log_dir: Option<PathBuf>,

    /// How much goes to the files: off, error, warn, info, debug or trace; the console shows info at the most (default debug)
    #[arg(long, global = true, value_name = "LEVEL", help_heading = LOGS, value_parser = level)]
    pub log_level: Option<LevelFilter>,

    /// Days after which a log file is deleted (default 30)
    #[arg(long, global = true, value_name = "DAYS", help_heading = LOGS, value_parser = within(1..=36_500))]
    pub log_keep_days: Option<u32>,

    /// Days after which a log file is compressed (default 7)
    #[arg(long, global = true, value_name = "DAYS", help_heading = LOGS, value_parser = within(0..=36_500))]
    pub log_compress_days: Option<u32>,

    /// Logged-in clients; lowered at the start to what the process may have (default 4096)
    #[arg(long, global = true, value_name = "N", help_heading = LIMITS, value_parser = within(1..=1_000_000))]
    pub max_clients: Option<u32>,

    /// Connections that have not logged in yet, in all (default 256)
    #[arg(long, global = true, value_name = "N", help_heading = LIMITS, value_parser = within(1..=1_000_000))]
    pub max_unauthenticated: Option<u32>,

    /// Connections that have not logged in yet, from one address; this machine is exempt (default 8)
    #[arg(long, global = true, value_name = "N", help_heading = LIMITS, value_parser = within(1..=1_000_000))]
    pub max_unauthenticated_per_address: Option<u32>,

    /// Seconds from the connection to the finished login (default 30)
    #[arg(long, global = true, value_name = "SECS", help_heading = LIMITS, value_parser = within(1..=3_600))]
    pub login_timeout: Option<u32>,

    /// Seconds from one line of a client to his next; 0 for no limit (default 0)
    #[arg(long, global = true, value_name = "SECS", help_heading = LIMITS, value_parser = within(0..=31_536_000))]
    pub idle_timeout: Option<u32>,

    /// The longest line, in bytes with its line end (default 4096)
    #[arg(long, global = true, value_name = "BYTES", help_heading = LIMITS, value_parser = within(64..=LINE_MAX))]
    pub line_limit: Option<u32>,

    /// Commands per second a user may go on sending before he is slowed; 0 for no limit (default 100)
    #[arg(long, global = true, value_name = "PER_SEC", help_heading = LIMITS, value_parser = within(0..=1_000_000))]
    pub rate: Option<u32>,

    /// Commands a user may send at once before he is slowed (default 2000)
    #[arg(long, global = true, value_name = "N", help_heading = LIMITS, value_parser = within(1..=1_000_000))]
    pub burst: Option<u32>,

    /// Messages that may wait for a client before he is closed as too slow (default 1024)
    #[arg(long, global = true, value_name = "N", help_heading = LIMITS, value_parser = within(16..=1_000_000))]
    pub outbox_items: Option<u32>,

    /// Bytes that may wait for a client before he is closed as too slow; at least twice the line limit (default 262144)
    #[arg(long, global = true, value_name = "BYTES", help_heading = LIMITS, value_parser = within(65_536..=1 << 30))]
    pub outbox_bytes: Option<u32>,

    /// Seconds a message may wait for a client before he is closed as too slow (default 20)
    #[arg(long, global = true, value_name = "SECS", help_heading = LIMITS, value_parser = within(1..=3_600))]
    pub outbox_age: Option<u32>,

    /// Groups on the server (default 10000)
    #[arg(long, global = true, value_name = "N", help_heading = LIMITS, value_parser = within(1..=10_000_000))]
    pub max_groups: Option<u32>,

    /// Groups one user may be in (default 2000)
    #[arg(long, global = true, value_name = "N", help_heading = LIMITS, value_parser = within(1..=10_000_000))]
    pub max_memberships: Option<u32>,

    /// Sessions one user may have at the same time, where duplicate-login allows several (default 16)
    #[arg(long, global = true, value_name = "N", help_heading = LIMITS, value_parser = within(1..=1_000_000))]
    pub max_sessions_per_user: Option<u32>,

    /// Guests who may be here at the same time (default 100)
    #[arg(long, global = true, value_name = "N", help_heading = LIMITS, value_parser = within(1..=10_000))]
    pub max_guests: Option<u32>,
}

/// A longer line would be closed as a flood before it could end.
const LINE_MAX: u32 = FLOOD_BYTES as u32;

impl Settings {
    /// These settings, and where they say nothing, the other ones.
    #[must_use]
    pub fn or(self, other: Settings) -> Settings {
        Settings {
            listen: self.listen.or(other.listen),
            web: self.web.or(other.web),
            web_origin: self.web_origin.or(other.web_origin),
            trusted_proxy: self.trusted_proxy.or(other.trusted_proxy),
            metrics: self.metrics.or(other.metrics),
            users: self.users.or(other.users),
            registration: self.registration.or(other.registration),
            guests: self.guests.or(other.guests),
            duplicate_login: self.duplicate_login.or(other.duplicate_login),
            motd: self.motd.or(other.motd),
            word_filter: self.word_filter.or(other.word_filter),
            telnet: self.telnet.or(other.telnet),
            data: self.data.or(other.data),
            durability: self.durability.or(other.durability),
            keep_days: self.keep_days.or(other.keep_days),
            keep_messages: self.keep_messages.or(other.keep_messages),
            keep_messages_per_group: self.keep_messages_per_group.or(other.keep_messages_per_group),
            log_dir: self.log_dir.or(other.log_dir),
            log_level: self.log_level.or(other.log_level),
            log_keep_days: self.log_keep_days.or(other.log_keep_days),
            log_compress_days: self.log_compress_days.or(other.log_compress_days),
            max_clients: self.max_clients.or(other.max_clients),
            max_unauthenticated: self.max_unauthenticated.or(other.max_unauthenticated),
            max_unauthenticated_per_address: self
                .max_unauthenticated_per_address
                .or(other.max_unauthenticated_per_address),
            login_timeout: self.login_timeout.or(other.login_timeout),
            idle_timeout: self.idle_timeout.or(other.idle_timeout),
            line_limit: self.line_limit.or(other.line_limit),
            rate: self.rate.or(other.rate),
            burst: self.burst.or(other.burst),
            outbox_items: self.outbox_items.or(other.outbox_items),
            outbox_bytes: self.outbox_bytes.or(other.outbox_bytes),
            outbox_age: self.outbox_age.or(other.outbox_age),
            max_groups: self.max_groups.or(other.max_groups),
            max_memberships: self.max_memberships.or(other.max_memberships),
            max_sessions_per_user: self.max_sessions_per_user.or(other.max_sessions_per_user),
            max_guests: self.max_guests.or(other.max_guests),
        }
    }
}

/// The definitions that `T` holds, in the order of declaration.
pub(super) fn definitions<T: Args>() -> Vec<Arg> {
    let command = T::augment_args(Command::new("parlord").disable_help_flag(true));
    command.get_arguments().cloned().collect()
}

/// The name of a setting, as in the file and after `--`.
pub(super) fn name(arg: &Arg) -> &str {
    arg.get_long().unwrap_or_default()
}

/// The environment variable of a setting.
pub(super) fn variable(name: &str) -> String {
    format!("PARLOR_{}", name.to_uppercase().replace('-', "_"))
}

/// Whether the file writes the setting as a number, without quotes.
pub(super) fn is_number(arg: &Arg) -> bool {
    arg.get_value_parser().type_id() == TypeId::of::<u32>()
}

/// Whether the file may write the setting as `true` or `false`.
pub(super) fn is_switch(arg: &Arg) -> bool {
    arg.get_value_parser().type_id() == TypeId::of::<bool>()
}

/// Whether the setting takes several values.
pub(super) fn is_list(arg: &Arg) -> bool {
    matches!(arg.get_action(), ArgAction::Append)
}

/// The help text of a setting and, apart from it, its default.
pub(super) fn help_and_default(arg: &Arg) -> (String, String) {
    let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
    match help.rsplit_once(" (default ") {
        Some((what, default)) => (what.to_owned(), default.trim_end_matches(')').to_owned()),
        None => (help, String::new()),
    }
}

fn within(range: RangeInclusive<u32>) -> impl Fn(&str) -> Result<u32, String> + Clone + Send + Sync {
    move |text| match text.parse() {
        Ok(number) if range.contains(&number) => Ok(number),
        _ => Err(format!("must be a whole number from {} to {}", range.start(), range.end())),
    }
}

fn switch(text: &str) -> Result<bool, String> {
    match text {
        "on" | "true" => Ok(true),
        "off" | "false" => Ok(false),
        _ => Err("must be on or off".to_owned()),
    }
}

fn level(text: &str) -> Result<LevelFilter, String> {
    text.parse().map_err(|_| "must be off, error, warn, info, debug or trace".to_owned())
}

/// Only the form is checked here: a host name is looked up once all sources are put together.
fn address(text: &str) -> Result<String, String> {
    let formed = text.rsplit_once(':').is_some_and(|(host, port)| {
        let bracketed = host.starts_with('[') && host.ends_with(']');
        !host.is_empty() && (bracketed || !host.contains(':')) && port.parse::<u16>().is_ok()
    });
    if formed {
        Ok(text.to_owned())
    } else {
        Err("must be an address and a port, such as 127.0.0.1:12345, [::1]:12345 or 0.0.0.0:12345".to_owned())
    }
}
