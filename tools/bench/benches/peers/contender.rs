//! The servers to measure and how each is started: without storage, flood control or limits in the way.

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::Command;

use crate::idle_clients::{self, IDLE_CLIENTS, IdleClients};
use crate::server::{PARLORD, Server};

/// Options of every `parlord`.
const PARLORD_OPTIONS: &[&str] = &["--max-unauthenticated", "512", "--log-level", "warn"];

/// How many clients a server accepts beyond those that are measured.
const SPARE_CLIENTS: usize = 64;

/// A server that can be measured.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Contender {
    BareLoop,
    Parlord,
    /// Parlor with a database that stores each message before it is shown.
    Stored,
    /// Parlor with idle clients on TCP and on WebSockets, measured on TCP.
    Netcat,
    /// The same, measured on WebSockets.
    Browser,
    Ngircd,
    Inspircd,
    Nats,
    Redis,
}

/// A server that was started.
pub(crate) struct Started {
    pub(crate) server: Server,
    /// The address at which it is measured.
    pub(crate) addr: SocketAddr,
    _idle: Option<IdleClients>,
}

impl Contender {
    /// All, in the order of the tables.
    pub(crate) fn all() -> Vec<Contender> {
        use Contender::*;
        vec![Parlord, Stored, Netcat, Browser, BareLoop, Ngircd, Inspircd, Nats, Redis]
    }

    /// The name in the tables.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Contender::BareLoop => "bare loop",
            Contender::Parlord => "parlord",
            Contender::Stored => "parlord, stored",
            Contender::Netcat => "parlord, netcat",
            Contender::Browser => "parlord, WebSocket",
            Contender::Ngircd => "ngircd",
            Contender::Inspircd => "inspircd",
            Contender::Nats => "nats-server",
            Contender::Redis => "redis-server",
        }
    }

    /// Whether it is another project's server.
    pub(crate) fn is_peer(self) -> bool {
        matches!(self, Contender::Ngircd | Contender::Inspircd | Contender::Nats | Contender::Redis)
    }

    /// The Debian package of another project's server, which is also the name of its program.
    pub(crate) fn package(self) -> Option<&'static str> {
        self.is_peer().then(|| self.name())
    }

    /// The protocol, as the load tester names it.
    pub(crate) fn protocol(self) -> &'static str {
        match self {
            Contender::BareLoop | Contender::Parlord | Contender::Stored | Contender::Netcat => "parlor",
            Contender::Browser => "web",
            Contender::Ngircd | Contender::Inspircd => "irc",
            Contender::Nats => "nats",
            Contender::Redis => "redis",
        }
    }

    /// Further options for the load tester.
    pub(crate) fn bench_options(self) -> &'static [&'static str] {
        match self {
            // Its accept queue holds ten connections; more are lost if it stays full.
            Contender::Ngircd => &["--at-once", "8"],
            // It registers waiting clients once per second, so many have to wait at once.
            Contender::Inspircd => &["--at-once", "500"],
            Contender::BareLoop
            | Contender::Parlord
            | Contender::Stored
            | Contender::Netcat
            | Contender::Browser
            | Contender::Nats
            | Contender::Redis => &[],
        }
    }

    /// Starts it for this many clients.
    ///
    /// # Errors
    /// Why it cannot be started.
    pub(crate) fn start(self, clients: usize) -> Result<Started, String> {
        let alone = |server: Server| Started { addr: server.addr, server, _idle: None };
        match self {
            Contender::BareLoop => Ok(alone(Server::bare_loop())),
            Contender::Parlord => Ok(alone(start_parlord(clients, &["--data", "none"]))),
            Contender::Stored => Ok(alone(start_parlord(clients, &["--durability", "commit"]))),
            Contender::Netcat | Contender::Browser => {
                let (web, max_clients) = (unused(), (clients + 2 * IDLE_CLIENTS + SPARE_CLIENTS).to_string());
                let options = [&["--max-clients", &max_clients, "--data", "none"], PARLORD_OPTIONS].concat();
                let (server, idle) = idle_clients::start(&PARLORD, clients, &options, web)?;
                let addr = if self == Contender::Browser { web } else { server.addr };
                Ok(Started { server, addr, _idle: Some(idle) })
            }
            Contender::Ngircd | Contender::Inspircd | Contender::Nats | Contender::Redis => {
                self.start_peer(clients).map(alone)
            }
        }
    }

    /// Starts another project's server.
    fn start_peer(self, clients: usize) -> Result<Server, String> {
        let (dir, addr) = (tempfile::tempdir().unwrap(), unused());
        let (port, max_clients) = (addr.port().to_string(), (clients + SPARE_CLIENTS).to_string());
        let mut command = Command::new(program(self.name()));
        let config = dir.path().join("server.conf");
        match self {
            Contender::Ngircd => {
                fs::write(&config, ngircd_config(&port)).unwrap();
                command.args(["-n", "-f"]).arg(config);
            }
            Contender::Inspircd => {
                fs::write(&config, inspircd_config(&port, &max_clients, dir.path())).unwrap();
                command.args(["--nofork", "--runasroot", "--config"]).arg(config);
            }
            Contender::Nats => drop(command.args(["-a", "127.0.0.1", "-p", &port])),
            Contender::Redis => {
                command.args(["--bind", "127.0.0.1", "--port", &port, "--save", "", "--appendonly", "no"]);
                command.args(["--maxclients", &max_clients, "--client-output-buffer-limit", "pubsub", "0", "0", "0"]);
            }
            Contender::BareLoop | Contender::Parlord | Contender::Stored | Contender::Netcat | Contender::Browser => {
                return Err("it is no other project's server".to_owned());
            }
        }
        Server::start_at(command, addr, dir)
    }
}

/// Starts Parlor for this many clients.
fn start_parlord(clients: usize, options: &[&str]) -> Server {
    let clients = clients + SPARE_CLIENTS;
    let max_clients = clients.to_string();
    Server::parlord(&PARLORD, clients, &[&["--max-clients", &max_clients], PARLORD_OPTIONS, options].concat())
}

/// The path of a program; daemons are not in every user's PATH.
pub(crate) fn program(name: &str) -> String {
    let paths = ["/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin"].map(|dir| format!("{dir}/{name}"));
    paths.into_iter().find(|path| Path::new(path).exists()).unwrap_or_else(|| name.to_owned())
}

/// An address on which nothing listens now.
fn unused() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

fn ngircd_config(port: &str) -> String {
    format!(
        "[Global]\nName = irc.bench.local\nInfo = bench\nListen = 127.0.0.1\nPorts = {port}\n\
         [Limits]\nMaxConnections = 0\nMaxConnectionsIP = 0\nMaxJoins = 0\nMaxPenaltyTime = 0\nMaxNickLength = 31\n\
         PingTimeout = 600\nPongTimeout = 600\n[Options]\nIdent = no\nPAM = no\nDNS = no\nSyslogFacility = local0\n"
    )
}

fn inspircd_config(port: &str, clients: &str, dir: &Path) -> String {
    let pid = dir.join("inspircd.pid");
    format!(
        "<server name=\"irc.bench.local\" description=\"bench\" network=\"bench\">\n\
         <admin name=\"bench\" nick=\"bench\" email=\"bench@bench.local\">\n\
         <bind address=\"127.0.0.1\" port=\"{port}\" type=\"clients\">\n\
         <connect name=\"all\" allow=\"*\" timeout=\"60\" pingfreq=\"600\" hardsendq=\"100M\" softsendq=\"100M\" \
         recvq=\"100M\" threshold=\"1000000000\" commandrate=\"1000000000\" fakelag=\"no\" localmax=\"{clients}\" \
         globalmax=\"{clients}\" limit=\"{clients}\" maxchans=\"1000\" useident=\"no\" maxconnwarn=\"no\" \
         resolvehostnames=\"no\" modes=\"\">\n\
         <performance netbuffersize=\"10240\" somaxconn=\"4096\" softlimit=\"{clients}\" quietbursts=\"yes\">\n\
         <limits maxnick=\"31\" maxchan=\"64\" maxident=\"32\">\n<pid file=\"{}\">\n",
        pid.display()
    )
}
