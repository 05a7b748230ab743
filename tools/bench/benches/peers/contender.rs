//! The servers that are measured, and how each is started: nothing stored, no flood control, no limits in the way.

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::Command;

use crate::doors::{self, SILENT, Silent};
use crate::server::{PARLORD, Process};

/// A server that can be measured.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Contender {
    BareLoop,
    Parlord,
    /// Parlor with a database, each message in it before it is shown.
    Stored,
    /// Parlor with both doors open, measured at the one for netcat.
    Netcat,
    /// The same, at the one for browsers.
    Browser,
    Ngircd,
    Inspircd,
    Nats,
    Redis,
}

/// A server that was started.
pub(crate) struct Started {
    pub(crate) server: Process,
    /// Where it is measured.
    pub(crate) addr: SocketAddr,
    _silent: Option<Silent>,
}

impl Contender {
    /// All, in the order of the tables.
    pub(crate) fn all() -> Vec<Contender> {
        use Contender::*;
        vec![Parlord, Stored, Netcat, Browser, BareLoop, Ngircd, Inspircd, Nats, Redis]
    }

    /// Its name in the tables.
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

    /// Whether it is somebody else's.
    pub(crate) fn is_peer(self) -> bool {
        self.package().is_some()
    }

    /// The Debian package that it comes in, if it is not ours; its program has the same name.
    pub(crate) fn package(self) -> Option<&'static str> {
        self.is_foreign().then(|| self.name())
    }

    fn is_foreign(self) -> bool {
        matches!(self, Contender::Ngircd | Contender::Inspircd | Contender::Nats | Contender::Redis)
    }

    /// What it speaks, as the load tester calls it.
    pub(crate) fn protocol(self) -> &'static str {
        match self {
            Contender::BareLoop | Contender::Parlord | Contender::Stored | Contender::Netcat => "parlor",
            Contender::Browser => "web",
            Contender::Ngircd | Contender::Inspircd => "irc",
            Contender::Nats => "nats",
            Contender::Redis => "redis",
        }
    }

    /// What the load tester is told beside that.
    pub(crate) fn manners(self) -> &'static [&'static str] {
        match self {
            // Ten connections may wait to be accepted; the next ones are lost if that lasts.
            Contender::Ngircd => &["--at-once", "8"],
            // It lets in once a second who waits, so many have to.
            Contender::Inspircd => &["--at-once", "500"],
            _ => &[],
        }
    }

    /// Starts it for so many clients.
    pub(crate) fn start(self, clients: usize) -> Result<Started, String> {
        if !matches!(self, Contender::Netcat | Contender::Browser) {
            return self.start_alone(clients).map(|server| Started { addr: server.addr, server, _silent: None });
        }
        let (web, many) = (unused(), (clients + 2 * SILENT + 64).to_string());
        let options = ["--max-clients", &many, "--max-unauthenticated", "512", "--log-level", "warn", "--data", "none"];
        let (server, silent) = doors::open(&PARLORD, clients, &options, web)?;
        let addr = if self == Contender::Browser { web } else { server.addr };
        Ok(Started { server, addr, _silent: Some(silent) })
    }

    fn start_alone(self, clients: usize) -> Result<Process, String> {
        let clients = clients + 64;
        let many = clients.to_string();
        let limits = ["--max-clients", &many, "--max-unauthenticated", "512", "--log-level", "warn"];
        match self {
            Contender::BareLoop => return Ok(Process::floor()),
            Contender::Parlord => {
                return Ok(Process::parlord(&PARLORD, clients, &[&limits[..], &["--data", "none"]].concat()));
            }
            Contender::Stored => {
                let commit = [&limits[..], &["--durability", "commit"]].concat();
                return Ok(Process::parlord(&PARLORD, clients, &commit));
            }
            _ => {}
        }
        let (dir, addr) = (tempfile::tempdir().unwrap(), unused());
        let mut command = Command::new(program(self.name()));
        let port = addr.port().to_string();
        match self {
            Contender::Ngircd => {
                fs::write(dir.path().join("ngircd.conf"), ngircd(&port)).unwrap();
                command.args(["-n", "-f"]).arg(dir.path().join("ngircd.conf"));
            }
            Contender::Inspircd => {
                fs::write(dir.path().join("inspircd.conf"), inspircd(&port, &many, dir.path())).unwrap();
                command.args(["--nofork", "--runasroot", "--config"]).arg(dir.path().join("inspircd.conf"));
            }
            Contender::Nats => drop(command.args(["-a", "127.0.0.1", "-p", &port])),
            _ => {
                command.args(["--bind", "127.0.0.1", "--port", &port, "--save", "", "--appendonly", "no"]);
                command.args(["--maxclients", &many, "--client-output-buffer-limit", "pubsub", "0", "0", "0"]);
            }
        }
        Process::elsewhere(command, addr, dir)
    }
}

/// Where a program is: daemons are not always in everybody's path.
pub(crate) fn program(name: &str) -> String {
    let places = ["/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin"].map(|dir| format!("{dir}/{name}"));
    places.into_iter().find(|place| Path::new(place).exists()).unwrap_or_else(|| name.to_owned())
}

/// An address that nobody listens on at this moment.
fn unused() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

fn ngircd(port: &str) -> String {
    format!(
        "[Global]\nName = irc.bench.local\nInfo = bench\nListen = 127.0.0.1\nPorts = {port}\n\
         [Limits]\nMaxConnections = 0\nMaxConnectionsIP = 0\nMaxJoins = 0\nMaxPenaltyTime = 0\nMaxNickLength = 31\n\
         PingTimeout = 600\nPongTimeout = 600\n[Options]\nIdent = no\nPAM = no\nDNS = no\nSyslogFacility = local0\n"
    )
}

fn inspircd(port: &str, clients: &str, dir: &Path) -> String {
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
