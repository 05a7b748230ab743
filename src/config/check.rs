//! From what was asked for to what can be used: defaults filled in, addresses looked up, the message of the day read.
//!
//! Ranges of single values are checked earlier, where they are declared; here is what needs the system or two settings.

use std::fs::File;
use std::io::Read;
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::{Config, Settings};
use crate::model::limits::MOTD_BYTES;
use crate::model::text::{Escaped, clean};
use crate::model::{Limits, Retention, StartError, StoreAddress};

impl Settings {
    /// The file with the accounts, for who needs nothing else.
    pub fn users_file(&self) -> PathBuf {
        self.users.clone().unwrap_or_else(|| Config::default().users)
    }

    /// Where the store is, for tools that need nothing else.
    pub fn store_address(&self) -> StoreAddress {
        self.data.clone().unwrap_or_else(|| Config::default().data)
    }

    /// Fills in the defaults, looks up the addresses and reads the message of the day.
    ///
    /// # Errors
    /// [`StartError::Config`] with a sentence that names the setting.
    pub fn check(self) -> Result<Config, StartError> {
        let default = Config::default();
        let log_keep_days = size(self.log_keep_days, default.log_keep_days);
        Ok(Config {
            users: self.users_file(),
            data: self.store_address(),
            retention: self.retention(),
            limits: self.limits()?,
            listen: self.listen.map_or(Ok(default.listen), |names| addresses("listen", &names))?,
            web: self.web.map_or(Ok(default.web), |names| addresses("web", &names))?,
            metrics: self.metrics.map_or(Ok(default.metrics), |names| addresses("metrics", &names))?,
            web_origins: self.web_origin.unwrap_or(default.web_origins),
            trusted_proxies: self.trusted_proxy.unwrap_or(default.trusted_proxies),
            log_dir: self.log_dir.unwrap_or(default.log_dir),
            log_level: self.log_level.unwrap_or(default.log_level),
            log_keep_days,
            // Keeping fewer days than the default of the other setting is not a mistake: nothing is compressed then.
            log_compress_days: size(self.log_compress_days, default.log_compress_days).min(log_keep_days),
            registration: self.registration.unwrap_or(default.registration),
            guests: self.guests.unwrap_or(default.guests),
            duplicate_login: self.duplicate_login.unwrap_or(default.duplicate_login),
            word_filter: self.word_filter,
            motd: self.motd.map_or(Ok(default.motd), |path| message_of_the_day(&path))?,
            telnet: self.telnet.unwrap_or(default.telnet),
        })
    }

    fn retention(&self) -> Retention {
        let default = Retention::default();
        Retention {
            durability: self.durability.unwrap_or(default.durability),
            keep_days: self.keep_days.unwrap_or(default.keep_days),
            keep_messages: self.keep_messages.unwrap_or(default.keep_messages),
            keep_messages_per_group: self.keep_messages_per_group.unwrap_or(default.keep_messages_per_group),
        }
    }

    fn limits(&self) -> Result<Limits, StartError> {
        let default = Limits::default();
        let limits = Limits {
            max_unauthenticated: size(self.max_unauthenticated, default.max_unauthenticated),
            max_unauthenticated_per_address: size(
                self.max_unauthenticated_per_address,
                default.max_unauthenticated_per_address,
            ),
            max_clients: size(self.max_clients, default.max_clients),
            line_limit: size(self.line_limit, default.line_limit),
            outbox_items: size(self.outbox_items, default.outbox_items),
            outbox_bytes: size(self.outbox_bytes, default.outbox_bytes),
            outbox_age: self.outbox_age.map_or(default.outbox_age, seconds),
            login_timeout: self.login_timeout.map_or(default.login_timeout, seconds),
            idle_timeout: self.idle_timeout.map_or(default.idle_timeout, |secs| (secs > 0).then(|| seconds(secs))),
            max_groups: size(self.max_groups, default.max_groups),
            max_memberships: size(self.max_memberships, default.max_memberships),
            max_sessions_per_user: size(self.max_sessions_per_user, default.max_sessions_per_user),
            max_guests: size(self.max_guests, default.max_guests),
            burst: self.burst.unwrap_or(default.burst),
            rate: self.rate.unwrap_or(default.rate),
        };
        // A line that no outbox can hold would close everyone it is sent to.
        if limits.outbox_bytes < 2 * limits.line_limit {
            let (bytes, line) = (limits.outbox_bytes, limits.line_limit);
            return refuse(format!("outbox-bytes must be at least twice line-limit ({line}), not {bytes}"));
        }
        Ok(limits)
    }
}

fn size(said: Option<u32>, default: usize) -> usize {
    said.map_or(default, |number| number as usize)
}

fn seconds(number: u32) -> Duration {
    Duration::from_secs(number.into())
}

/// Looks the addresses up; a host name stands for the first address the system gives for it.
fn addresses(setting: &str, names: &[String]) -> Result<Vec<SocketAddr>, StartError> {
    let mut all = Vec::new();
    for name in names {
        let addr = match name.to_socket_addrs().map(|mut found| found.next()) {
            Ok(Some(addr)) => addr,
            Ok(None) => return refuse(format!("{setting}: no address is known for '{}'", Escaped(name))),
            Err(e) => return refuse(format!("{setting}: cannot look up '{}': {e}", Escaped(name))),
        };
        // Port 0 is a different free port each time.
        if addr.port() != 0 && all.contains(&addr) {
            return refuse(format!("{setting}: {addr} is given twice"));
        }
        all.push(addr);
    }
    Ok(all)
}

/// Reads and cleans the message of the day; a file without any text is none.
fn message_of_the_day(path: &Path) -> Result<Option<Arc<str>>, StartError> {
    let shown = path.display();
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(MOTD_BYTES as u64 + 1).read_to_end(&mut bytes));
    if let Err(e) = read {
        return refuse(format!("motd: cannot read {shown}: {e}"));
    }
    if bytes.len() > MOTD_BYTES {
        return refuse(format!("motd: {shown} must have at most {MOTD_BYTES} bytes"));
    }
    let Ok(text) = String::from_utf8(bytes) else {
        return refuse(format!("motd: {shown} is not valid UTF-8"));
    };
    let lines: Vec<String> = text.trim_end().lines().map(clean).collect();
    let text = lines.join("\n");
    // A control character grows to the three bytes of U+FFFD when it is cleaned.
    if text.len() > MOTD_BYTES {
        return refuse(format!("motd: {shown} must have at most {MOTD_BYTES} bytes without control characters"));
    }
    Ok((!text.is_empty()).then(|| text.into()))
}

fn refuse<T>(sentence: String) -> Result<T, StartError> {
    Err(StartError::Config(sentence))
}
