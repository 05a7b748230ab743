//! The daemon: command line, configuration, logging, server, exit code, and nothing else.

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};
use parlor::accounts::Accounts;
use parlor::admin::Filter;
use parlor::cli::{self, StoreCommand, UserCommand};
use parlor::config::{self, Config, Options, SOURCES_HELP};
use parlor::logging;
use parlor::model::{StartError, StoreAddress};
use parlor::server::{self, Server};
use parlor::store::{self, Entry};

const EXAMPLES: &str = "\
Examples:
  parlord                                     serve 127.0.0.1:12345 with ./users.txt, ./data and ./logs
  parlord --listen 0.0.0.0:12345 --motd hello.txt
  parlord check --config parlor.toml          are settings, users file and database in order?
  parlord user add zoe                        asks for the password
  echo secret123 | parlord user add zoe
Then, from anywhere: nc HOST 12345, or telnet HOST 12345.

Signals: TERM and INT tell everybody and stop; HUP reads the users file and the word filter again and opens the logs anew.
Exit codes: 0 stopped cleanly, 1 could not start or go on, 2 wrong usage or (check) not in order.";

/// A chat server for people who have nothing but nc or telnet
#[derive(Parser)]
#[command(name = "parlord", version, about, after_help = format!("{SOURCES_HELP}\n\n{EXAMPLES}"))]
struct Cli {
    #[command(flatten)]
    options: Options,
    #[command(subcommand)]
    command: Option<Verb>,
}

#[derive(Subcommand)]
enum Verb {
    /// Check the settings, the users file and the database, and say whether they are in order (exit code 0 or 2)
    Check,
    /// Show or change the users file; each change is made whole or not at all
    #[command(subcommand)]
    User(UserCommand),
    #[command(flatten)]
    Store(StoreCommand),
    /// Do what operators do, without a chat session: `parlord ctl sessions`, `parlord ctl ban user bob 7d spam`
    ///
    /// The words are those of the chat without the slash, see docs/commands.md; `top` shows live sessions and rates. It
    /// speaks with the server that works in the data folder, and only its owner may.
    Ctl {
        /// What to do
        #[arg(required = true, value_name = "COMMAND")]
        words: Vec<String>,
        /// Give the answer as one JSON object
        #[arg(long)]
        json: bool,
        /// With `top`: show one page and end
        #[arg(long)]
        once: bool,
    },
    /// Print an invitation, with which somebody can register once where `--registration invite` is set
    Invite {
        /// How many days it is good for
        #[arg(long, value_name = "DAYS", default_value_t = 7, value_parser = clap::value_parser!(u16).range(1..=365))]
        days: u16,
    },
}

fn main() -> ExitCode {
    let command_line: Vec<OsString> = std::env::args_os().collect();
    // Wrong usage and --help end the process here, whatever the other sources say.
    let given = Cli::command().get_matches_from(&command_line);
    let failure = if given.subcommand_name() == Some("check") { 2 } else { 1 };
    let all = config::add_sources(&given, command_line, std::env::vars_os());
    match all.and_then(|all| run(Cli::parse_from(all))) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nobody may be there to read it; the exit code says it too.
            let _ = writeln!(io::stderr(), "parlord: {error}");
            ExitCode::from(failure)
        }
    }
}

fn run(Cli { options: Options { settings: config, .. }, command }: Cli) -> Result<(), StartError> {
    let address = &config.data;
    match command {
        None => config.check().and_then(|()| serve(&config)),
        Some(Verb::Check) => config.check().and_then(|()| check(&config)),
        Some(Verb::User(command)) => user(&command, &config.users, address),
        Some(Verb::Store(command)) => cli::store::run(&command, address, &mut io::stdout(), &mut cli::output::ask_name),
        Some(Verb::Ctl { words, json, once }) => ctl(address.folder(), &words, json, once),
        Some(Verb::Invite { days }) => invite(address, days),
    }
}

fn check(config: &Config) -> Result<(), StartError> {
    let accounts = Accounts::load(&config.users)?;
    config.word_filter.as_deref().map_or(Ok(Filter::default()), Filter::read)?;
    let tools = store::tools(&config.data);
    let data = match &tools {
        None => "messages in memory".to_owned(),
        Some(tools) => match tools.inspect()? {
            None => format!("{}: no messages yet", config.data),
            Some(messages) => format!("{}: {messages} messages", config.data),
        },
    };
    let mut renamings = String::new();
    for (from, to) in tools.map_or_else(|| Ok(Vec::new()), |tools| tools.renamings())? {
        if accounts.is_rename_left(&from, &to)? {
            renamings.push_str(&format!(
                "; the renaming of {from} to {to} was interrupted, and is finished at the next start"
            ));
        }
    }
    say(&format!("settings in order; {}: {} users; {data}{renamings}", config.users.display(), accounts.len()));
    Ok(())
}

fn user(command: &UserCommand, file: &Path, address: &StoreAddress) -> Result<(), StartError> {
    cli::user::run(command, file, &mut io::stdout(), &mut cli::output::ask_password)?;
    let UserCommand::Role { name, role } = *command else { return Ok(()) };
    let none = || StartError::Config("there is nowhere to keep a role: the setting data is none".to_owned());
    let tools = store::tools(address).ok_or_else(none)?;
    tools.create()?;
    tools.append(&[Entry::Role { user: name, role }])?;
    say(&format!("{name} has the role of {role} from now on."));
    Ok(())
}

fn ctl(data: Option<&Path>, words: &[String], json: bool, once: bool) -> Result<(), StartError> {
    match words {
        [word] if word == "top" && !json => cli::ctl::top(data, once, &mut io::stdout()),
        _ => cli::ctl::ctl(data, words, json, &mut io::stdout()),
    }
}

fn invite(address: &StoreAddress, days: u16) -> Result<(), StartError> {
    let none = || StartError::Config("there is nowhere to keep an invitation: the setting data is none".to_owned());
    let tools = store::tools(address).ok_or_else(none)?;
    cli::invite::run(|entry| tools.append(&[entry]), days, &mut io::stdout())
}

fn serve(config: &Config) -> Result<(), StartError> {
    let logging = logging::start(&config.logs)?;
    log_panics();
    let mut config = config.clone();
    server::fit_to_process(&mut config);
    let served = Server::bind(&config).and_then(|server| {
        let reopen = logging.clone();
        server::watch(server.handle(), move || reopen.reopen())?;
        let logs = config.logs.clone();
        server.handle().on_log(move |lines| logging::tail(&logs, lines));
        announce(&server, &config);
        server.run()?;
        log::info!("stopped");
        Ok(())
    });
    logging.stop();
    served
}

/// Says where it listens: the first line is for programs that wait for it.
fn announce(server: &Server, config: &Config) {
    let addresses = server.addresses();
    for address in &addresses {
        log::info!("listening addr={address}");
        say(&format!("listening on {address}"));
    }
    if server.users() == 0 {
        log::warn!("nobody can log in: {} is empty; `parlord user add NAME` adds a user", config.users.display());
    }
    let open = addresses.iter().any(|address| !address.ip().is_loopback());
    let plain = server.plain_secrets();
    if open && plain > 0 {
        log::warn!(
            "{plain} passwords in {} are plain text while others can connect: `parlord user hash` hashes them",
            config.users.display()
        );
    }
    for address in server.web_addresses() {
        log::info!("web page addr={address}");
        say(&format!("web page: http://{address}/"));
        if !address.ip().is_loopback() {
            log::warn!(
                "the web page at {address} can be reached by others without TLS: passwords cross the network as plain text"
            );
        }
    }
    for address in server.metrics_addresses() {
        log::info!("metrics addr={address}");
        say(&format!("metrics: http://{address}/metrics"));
    }
    if let Some(address) = addresses.first() {
        let (host, port) = (address.ip(), address.port());
        say(&format!("connect with: nc {host} {port}   (or telnet {host} {port}; Ctrl-C here stops the server)"));
    }
}

/// A line on the standard output; it may be closed, and that is no reason to stop serving.
fn say(line: &str) {
    let _ = writeln!(io::stdout(), "{line}");
}

/// A panic is logged by its place alone: what it would say may hold what a user typed.
fn log_panics() {
    std::panic::set_hook(Box::new(|info| {
        let place = info.location().map(ToString::to_string).unwrap_or_default();
        log::error!("panic at={place}");
    }));
}
