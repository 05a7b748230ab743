//! The command line.

use std::net::{SocketAddr, ToSocketAddrs};
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::connections::ConnectOptions;

const EXAMPLES: &str = "\
Examples:
  parlor-bench fanout --members 1000 --make-users users.txt      write the users this run needs, and exit
  parlord --users users.txt --data none --rate 0                 start a server for them
  parlor-bench fanout --members 10,100,1000 --senders 1,10
  parlor-bench pairs --pairs 50 --server-pid $(pidof parlord)    include the server's resource usage
  parlor-bench rate --members 100 --rate 50 --plot latency.svg   latency from each message's scheduled time
  parlor-bench idle --clients 10000 --server-pid PID
  parlor-bench mixed --clients 35 --time 60 --json

Every run is verified: each recipient gets each message exactly once and in its sender's order, and all members of a
group see the same order.
Exit codes: 0 everything was right, 1 the run could not be made, 2 wrong usage, 3 the server did something wrong.";

/// Put load on a chat server, verify every delivery, and measure
#[derive(Debug, Parser)]
#[command(name = "parlor-bench", version, after_help = EXAMPLES)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) scenario: Scenario,
    #[command(flatten)]
    pub(crate) common: Common,
}

/// The kinds of load.
#[derive(Debug, Subcommand)]
pub(crate) enum Scenario {
    /// Groups: some members send, every member receives
    Fanout(Fanout),
    /// Private messages: one user of each pair sends to the other
    Pairs(Pairs),
    /// A group at a steady rate: latency from the moment each message was scheduled
    Rate(Rate),
    /// Clients that send nothing: what each one costs the server
    Idle(Idle),
    /// Clients that log in and leave at once: logins per second
    Churn(Churn),
    /// Group members that stop reading: how they affect the others, and when they are disconnected
    Slow(Slow),
    /// Everyday stress: users run random commands (Parlor only)
    Mixed(Mixed),
}

/// Options of `fanout`.
#[derive(Debug, Args)]
pub(crate) struct Fanout {
    /// Members of each group; with several sizes, each is measured in turn
    #[arg(long, value_name = "N,…", value_delimiter = ',', default_value = "100")]
    pub(crate) members: Vec<usize>,
    /// How many members of each group send
    #[arg(long, value_name = "N,…", value_delimiter = ',', default_value = "1")]
    pub(crate) senders: Vec<usize>,
    /// How many messages each sender has in flight
    #[arg(long, value_name = "N,…", value_delimiter = ',', default_value = "16")]
    pub(crate) window: Vec<usize>,
    /// How many groups are active at the same time
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) groups: usize,
}

/// Options of `pairs`.
#[derive(Debug, Args)]
pub(crate) struct Pairs {
    /// How many pairs; with several numbers, each is measured in turn
    #[arg(long, value_name = "N,…", value_delimiter = ',', default_value = "50")]
    pub(crate) pairs: Vec<usize>,
    /// How many messages each sender has in flight
    #[arg(long, value_name = "N,…", value_delimiter = ',', default_value = "1")]
    pub(crate) window: Vec<usize>,
}

/// Options of `rate`.
#[derive(Debug, Args)]
pub(crate) struct Rate {
    /// Members of the group
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub(crate) members: usize,
    /// How many of them send, taking turns
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub(crate) senders: usize,
    /// Messages per second, all senders together
    #[arg(long, value_name = "PER_SECOND", default_value_t = 50.0)]
    pub(crate) rate: f64,
}

/// Options of `idle`.
#[derive(Debug, Args)]
pub(crate) struct Idle {
    /// How many clients
    #[arg(long, value_name = "N", default_value_t = 1000)]
    pub(crate) clients: usize,
}

/// Options of `churn`.
#[derive(Debug, Args)]
pub(crate) struct Churn {
    /// How many users take turns logging in, --at-once of them at any moment
    #[arg(long, value_name = "N", default_value_t = 1000)]
    pub(crate) clients: usize,
}

/// Options of `slow`.
#[derive(Debug, Args)]
pub(crate) struct Slow {
    /// Members of the group, including the stuck ones
    #[arg(long, value_name = "N", default_value_t = 200)]
    pub(crate) members: usize,
    /// How many of them never read
    #[arg(long, value_name = "N", default_value_t = 50)]
    pub(crate) stuck: usize,
    /// How many members send
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) senders: usize,
    /// How many messages each sender has in flight
    #[arg(long, value_name = "N", default_value_t = 16)]
    pub(crate) window: usize,
}

/// Options of `mixed`.
#[derive(Debug, Args)]
pub(crate) struct Mixed {
    /// How many users
    #[arg(long, value_name = "N", default_value_t = 35)]
    pub(crate) clients: usize,
    /// How long each user pauses after each command, in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 0)]
    pub(crate) pause: u64,
    /// Seed of the random choices: the same number gives the same choices
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) seed: u64,
}

/// Options of every scenario.
#[derive(Debug, Args)]
#[command(next_help_heading = "For every scenario")]
pub(crate) struct Common {
    /// The server's address
    #[arg(long, global = true, value_name = "HOST:PORT", default_value = "127.0.0.1:12345", value_parser = address)]
    pub(crate) server: SocketAddr,
    /// The protocol the server speaks
    #[arg(long, global = true, value_enum, default_value_t = ProtocolKind::Parlor)]
    pub(crate) protocol: ProtocolKind,
    /// The server's process on this machine; adds its CPU time, memory and threads to the report
    #[arg(long, global = true, value_name = "PID")]
    pub(crate) server_pid: Option<u32>,
    /// A Parlor users file with the users to log in as, instead of those --make-users writes
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) users: Option<PathBuf>,
    /// Write a users file with as many users as this run needs, then exit
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) make_users: Option<PathBuf>,
    /// How long each run takes, in seconds
    #[arg(long, global = true, value_name = "SECONDS", default_value = "5", value_parser = seconds)]
    pub(crate) time: Duration,
    /// Size of each message's text in bytes; at least 23
    #[arg(long, global = true, value_name = "BYTES", default_value_t = 100)]
    pub(crate) size: usize,
    /// Print one JSON object instead of the table
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Plot latencies and throughput to this SVG file
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) plot: Option<PathBuf>,
    /// How many clients log in, or join a group, at the same time
    #[arg(long, global = true, value_name = "N", default_value_t = 32, value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) at_once: u16,
    /// How many loopback addresses to connect from, 127.0.0.1 and up; each address has its own ports
    #[arg(long, global = true, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..))]
    pub(crate) sources: u8,
    /// How long to wait for the server before giving up, in seconds
    #[arg(long, global = true, value_name = "SECONDS", default_value = "20", value_parser = seconds)]
    pub(crate) patience: Duration,
}

/// The protocols a server can speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ProtocolKind {
    /// Parlor's plain text lines
    Parlor,
    /// Parlor's WebSocket with JSON; --server is the address of the web page
    Web,
    /// IRC; a group is a channel
    Irc,
    /// NATS; each group and each user is a subject
    Nats,
    /// Redis pub/sub; each group and each user is a channel
    Redis,
}

impl ProtocolKind {
    /// The name used on the command line.
    pub(crate) fn name(self) -> &'static str {
        match self {
            ProtocolKind::Parlor => "parlor",
            ProtocolKind::Web => "web",
            ProtocolKind::Irc => "irc",
            ProtocolKind::Nats => "nats",
            ProtocolKind::Redis => "redis",
        }
    }
}

impl Common {
    /// Where and how the clients connect.
    pub(crate) fn connect_options(&self) -> ConnectOptions {
        ConnectOptions {
            target: self.server,
            sources: self.sources,
            at_once: self.at_once.into(),
            patience: self.patience,
        }
    }
}

fn address(text: &str) -> Result<SocketAddr, String> {
    let mut found = text.to_socket_addrs().map_err(|error| format!("{error}; write HOST:PORT"))?;
    found.next().ok_or_else(|| "no such host".to_owned())
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "write a number of seconds".to_owned())?;
    let bounded = (0.01..=86_400.0).contains(&seconds);
    if bounded { Ok(Duration::from_secs_f64(seconds)) } else { Err("it must be from 0.01 to 86400".to_owned()) }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
        let cli = Cli::parse_from(["parlor-bench", "fanout", "--members", "10,100", "--server", "127.0.0.1:7"]);
        assert_eq!(cli.common.server.port(), 7);
        assert!(matches!(cli.scenario, Scenario::Fanout(Fanout { members, .. }) if members == [10, 100]));
    }

    #[test]
    fn invalid_values_are_refused() {
        for wrong in ["--time=0", "--time=x", "--server=nowhere", "--at-once=0", "--sources=0", "--members=x"] {
            assert!(Cli::try_parse_from(["parlor-bench", "fanout", wrong]).is_err(), "{wrong}");
        }
    }
}
