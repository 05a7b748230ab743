//! The command line.

use std::net::{SocketAddr, ToSocketAddrs};
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::fleet::Goal;

const EXAMPLES: &str = "\
Examples:
  parlor-bench fanout --members 1000 --make-users users.txt      write the users that this run needs, and end
  parlord --users users.txt --data none --rate 0                 a server for them
  parlor-bench fanout --members 10,100,1000 --senders 1,10
  parlor-bench pairs --pairs 50 --server-pid $(pidof parlord)    with what the server uses
  parlor-bench rate --members 100 --rate 50 --plot latency.svg   latency from when messages were to be sent
  parlor-bench idle --clients 10000 --server-pid PID
  parlor-bench mixed --clients 35 --time 60 --json

Everything that is measured is verified as well: every recipient gets every message exactly once, in its sender's order,
and all members of a group get one order.
Exit codes: 0 all was right, 1 the run could not be made, 2 wrong usage, 3 the server did something wrong.";

/// Puts load on a chat server, verifies what comes back, and measures
#[derive(Debug, Parser)]
#[command(name = "parlor-bench", version, after_help = EXAMPLES)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) scenario: Scenario,
    #[command(flatten)]
    pub(crate) common: Common,
}

/// What is done to the server.
#[derive(Debug, Subcommand)]
pub(crate) enum Scenario {
    /// Groups: some members talk, all get it
    Fanout(Fanout),
    /// Private talk: one of each pair talks to the other
    Pairs(Pairs),
    /// A group at a steady rate: how late deliveries are, counted from when their messages were to be sent
    Rate(Rate),
    /// Clients who say nothing: what each of them holds
    Idle(Idle),
    /// Clients who log in and leave at once: logins per second
    Churn(Churn),
    /// Readers who are stuck in a group: what the others notice of them, and when they are cut
    Slow(Slow),
    /// Everyday stress: users who do random things (Parlor only)
    Mixed(Mixed),
}

/// Options of `fanout`.
#[derive(Debug, Args)]
pub(crate) struct Fanout {
    /// Members of each group; several sizes are measured in turn
    #[arg(long, value_name = "N,…", value_delimiter = ',', default_value = "100")]
    pub(crate) members: Vec<usize>,
    /// How many members of each group talk
    #[arg(long, value_name = "N,…", value_delimiter = ',', default_value = "1")]
    pub(crate) senders: Vec<usize>,
    /// How many messages of each talker are on their way to somebody
    #[arg(long, value_name = "N,…", value_delimiter = ',', default_value = "16")]
    pub(crate) window: Vec<usize>,
    /// How many groups talk at the same time
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) groups: usize,
}

/// Options of `pairs`.
#[derive(Debug, Args)]
pub(crate) struct Pairs {
    /// How many pairs; several numbers are measured in turn
    #[arg(long, value_name = "N,…", value_delimiter = ',', default_value = "50")]
    pub(crate) pairs: Vec<usize>,
    /// How many messages of each talker are on their way
    #[arg(long, value_name = "N,…", value_delimiter = ',', default_value = "1")]
    pub(crate) window: Vec<usize>,
}

/// Options of `rate`.
#[derive(Debug, Args)]
pub(crate) struct Rate {
    /// Members of the group
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub(crate) members: usize,
    /// How many of them talk, in turn
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub(crate) senders: usize,
    /// Messages per second, of all together
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
    /// How many users take turns; --at-once of them are logging in at any moment
    #[arg(long, value_name = "N", default_value_t = 1000)]
    pub(crate) clients: usize,
}

/// Options of `slow`.
#[derive(Debug, Args)]
pub(crate) struct Slow {
    /// Members of the group, those who are stuck included
    #[arg(long, value_name = "N", default_value_t = 200)]
    pub(crate) members: usize,
    /// How many of them never read
    #[arg(long, value_name = "N", default_value_t = 50)]
    pub(crate) stuck: usize,
    /// How many members talk
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) senders: usize,
    /// How many messages of each talker are on their way
    #[arg(long, value_name = "N", default_value_t = 16)]
    pub(crate) window: usize,
}

/// Options of `mixed`.
#[derive(Debug, Args)]
pub(crate) struct Mixed {
    /// How many users
    #[arg(long, value_name = "N", default_value_t = 35)]
    pub(crate) clients: usize,
    /// How long each user rests after each thing he does, in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 0)]
    pub(crate) pause: u64,
    /// Where chance begins: the same number leads to the same choices
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
    /// What the server speaks
    #[arg(long, global = true, value_enum, default_value_t = Language::Parlor)]
    pub(crate) protocol: Language,
    /// The server's process on this machine: adds its processor time, memory and threads
    #[arg(long, global = true, value_name = "PID")]
    pub(crate) server_pid: Option<u32>,
    /// A users file of Parlor with the users to play, instead of those that --make-users makes
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) users: Option<PathBuf>,
    /// Write a users file with as many users as this run needs, for the server to start with, and end
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) make_users: Option<PathBuf>,
    /// How long each run takes, in seconds
    #[arg(long, global = true, value_name = "SECONDS", default_value = "5", value_parser = seconds)]
    pub(crate) time: Duration,
    /// Bytes of each message's text; at least 23
    #[arg(long, global = true, value_name = "BYTES", default_value_t = 100)]
    pub(crate) size: usize,
    /// Print one JSON object in place of the table
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Draw latencies and throughput into this SVG file
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) plot: Option<PathBuf>,
    /// How many clients log in, or enter a group, at the same time
    #[arg(long, global = true, value_name = "N", default_value_t = 32, value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) at_once: u16,
    /// From how many loopback addresses clients come, 127.0.0.1 and those after it; a port is used once per address
    #[arg(long, global = true, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..))]
    pub(crate) sources: u8,
    /// How long any wait for the server may take, in seconds
    #[arg(long, global = true, value_name = "SECONDS", default_value = "20", value_parser = seconds)]
    pub(crate) patience: Duration,
}

/// What a server speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Language {
    /// Parlor's plain lines
    Parlor,
    /// Parlor's WebSocket, with JSON; the server's address is that of its web page
    Web,
    /// IRC; a group is a channel
    Irc,
    /// NATS; a group is a subject, and so is each user
    Nats,
    /// Redis publish and subscribe; a group is a channel, and so is each user
    Redis,
}

impl Language {
    /// Its name on the command line.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Language::Parlor => "parlor",
            Language::Web => "web",
            Language::Irc => "irc",
            Language::Nats => "nats",
            Language::Redis => "redis",
        }
    }
}

impl Common {
    /// Where the clients go, and how patient they are.
    pub(crate) fn goal(&self) -> Goal {
        Goal { target: self.server, sources: self.sources, at_once: self.at_once.into(), patience: self.patience }
    }
}

fn address(text: &str) -> Result<SocketAddr, String> {
    let mut found = text.to_socket_addrs().map_err(|error| format!("{error}; write HOST:PORT"))?;
    found.next().ok_or_else(|| "there is no such host".to_owned())
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
    fn the_command_line_holds_together() {
        Cli::command().debug_assert();
        let cli = Cli::parse_from(["parlor-bench", "fanout", "--members", "10,100", "--server", "127.0.0.1:7"]);
        assert_eq!(cli.common.server.port(), 7);
        assert!(matches!(cli.scenario, Scenario::Fanout(Fanout { members, .. }) if members == [10, 100]));
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        for wrong in ["--time=0", "--time=x", "--server=nowhere", "--at-once=0", "--sources=0", "--members=x"] {
            assert!(Cli::try_parse_from(["parlor-bench", "fanout", wrong]).is_err(), "{wrong}");
        }
    }
}
