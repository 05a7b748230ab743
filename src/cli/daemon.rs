//! `parlord` itself, and `parlord check`: from the settings to a running server, or to whether one could start.

use std::fmt::Display;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::output::say;
use super::signals::SignalWatch;
use crate::accounts::Accounts;
use crate::admin::Filter;
use crate::config::Config;
use crate::log_limit;
use crate::logging;
use crate::model::{MessageId, StartError};
use crate::server::{self, Server};
use crate::store;

/// `parlord check`: reads everything that a start would read, and changes nothing.
///
/// # Errors
/// Why a server could not start with these settings.
pub(super) fn check(config: &Config) -> Result<(), StartError> {
    let accounts = Accounts::load(&config.users)?;
    config.word_filter.as_deref().map_or(Ok(Filter::default()), Filter::read)?;
    let tools = store::tools(&config.data);
    let data = match &tools {
        None => "messages in memory".to_owned(),
        Some(tools) => match tools.inspect()? {
            None => format!("{}: no messages yet", config.data),
            Some(messages) => format!("{}: {messages} messages{}", config.data, damage(&tools.damaged()?)),
        },
    };
    let mut renamings = String::new();
    for (from, to) in tools.map_or_else(|| Ok(Vec::new()), |tools| tools.renamings())? {
        if accounts.is_rename_left(&from, &to)? {
            renamings
                .push_str(&format!("; renaming {from} to {to} was interrupted and will be finished at the next start"));
        }
    }
    print(format_args!("settings in order; {}: {} users; {data}{renamings}", config.users.display(), accounts.len()));
    Ok(())
}

/// The clause of `parlord check` about messages with values that cannot be read.
fn damage(messages: &[MessageId]) -> String {
    let Some(first) = messages.first() else { return String::new() };
    let more = match messages.len() - 1 {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!(", {} of them damaged ({first}{more})", messages.len())
}

/// Serves until a signal or an operator stops the server.
///
/// # Errors
/// Why it cannot start or go on.
pub(super) fn serve(config: &Config, signals: &SignalWatch) -> Result<(), StartError> {
    let logging = logging::start(&config.logs)?;
    signals.log_is_running(&logging);
    log_panics();
    let mut config = config.clone();
    server::fit_to_process(&mut config);
    let served = Server::bind(&config).and_then(|server| {
        let reopen = logging.clone();
        server.handle().on_reload(move || reopen.reopen());
        let logs = config.logs.clone();
        server.handle().on_log_tail(move |lines| logging::tail(&logs, lines));
        signals.is_ready(server.handle());
        announce(&server, &config);
        server.run()?;
        log_limit::finish();
        log::info!("stopped");
        Ok(())
    });
    logging.stop();
    served
}

/// Prints and logs the addresses. Programs that start a server wait for the first line.
fn announce(server: &Server, config: &Config) {
    let addresses = server.addresses();
    for address in &addresses {
        log::info!("listening addr={address}");
        print(format_args!("listening on {address}"));
    }
    if server.users() == 0 {
        log::warn!("nobody can log in: {} is empty; `parlord user add NAME` adds a user", config.users.display());
    }
    if rustix::process::geteuid().is_root() {
        log::warn!("running as root: give parlord a user of its own, because a fault in it would be one in everything");
    }
    let open = addresses.iter().any(|address| !address.ip().is_loopback());
    let plain = server.plain_passwords();
    if open && plain > 0 {
        log::warn!(
            "{plain} passwords in {} are plain text while others can connect: `parlord user hash` hashes them",
            config.users.display()
        );
    }
    for address in server.web_addresses() {
        log::info!("web page addr={address}");
        print(format_args!("web page: http://{}/", reachable(address)));
        if !address.ip().is_loopback() {
            log::warn!(
                "the web page at {address} can be reached by others without TLS: passwords cross the network as plain text"
            );
        }
    }
    for address in server.metrics_addresses() {
        log::info!("metrics addr={address}");
        print(format_args!("metrics: http://{}/metrics", reachable(address)));
    }
    if let Some(address) = addresses.first() {
        let (host, port) = (reachable(*address).ip(), address.port());
        print(format_args!("connect with: nc {host} {port}   (or telnet {host} {port}; Ctrl-C here stops the server)"));
    }
}

/// Prints a line. Standard output may be closed, and that is no reason to stop serving.
fn print(line: impl Display) {
    let _ = say(&mut io::stdout(), format_args!("{line}\n"));
}

/// Logs where a panic happened, and nothing else: its message may contain what a user typed.
fn log_panics() {
    std::panic::set_hook(Box::new(|info| {
        let place = info.location().map(ToString::to_string).unwrap_or_default();
        log::error!("panic at={place}");
    }));
}

/// An address at which this machine reaches a listener: a listener at all addresses is at the loopback one too.
fn reachable(address: SocketAddr) -> SocketAddr {
    match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => (Ipv4Addr::LOCALHOST, address.port()).into(),
        IpAddr::V6(ip) if ip.is_unspecified() => (Ipv6Addr::LOCALHOST, address.port()).into(),
        _ => address,
    }
}
