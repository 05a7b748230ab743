//! Parlor with idle clients on TCP and on WebSockets, beside which another group is measured.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::results::BENCH;
use crate::server::{Server, user};

/// How many clients are idle on each of the two.
pub(crate) const IDLE_CLIENTS: usize = 1000;

/// How long their logins may take.
const LOGIN_TIMEOUT: Duration = Duration::from_secs(60);

/// Load testers that hold the idle clients; killed when dropped.
pub(crate) struct IdleClients {
    children: Vec<Child>,
    users: TempDir,
}

/// Starts Parlor with these options and its web page at `web`, and logs in the idle clients.
///
/// # Errors
/// Not all of them are logged in after a while.
pub(crate) fn start(
    binary: &Path,
    clients: usize,
    options: &[&str],
    web: SocketAddr,
) -> Result<(Server, IdleClients), String> {
    let address = web.to_string();
    let server = Server::parlord(binary, clients + 2 * IDLE_CLIENTS, &[options, &["--web", &address]].concat());
    let users = tempfile::tempdir().unwrap();
    let mut idle = IdleClients { children: Vec::new(), users };
    for (n, (protocol, address)) in [("parlor", server.addr.to_string()), ("web", address)].into_iter().enumerate() {
        let first = clients + n * IDLE_CLIENTS;
        idle.log_in(protocol, &address, first);
        let deadline = Instant::now() + LOGIN_TIMEOUT;
        // Each client has a thread, and the server has a few of its own.
        while server.footprint().threads < ((n + 1) * IDLE_CLIENTS) as u64 {
            if Instant::now() > deadline {
                return Err(format!("{IDLE_CLIENTS} idle clients cannot log in with {protocol}"));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }
    Ok((server, idle))
}

impl IdleClients {
    fn log_in(&mut self, protocol: &str, server: &str, first: usize) {
        let accounts: String = (first..first + IDLE_CLIENTS).map(|n| format!("{}:pw\n", user(n))).collect();
        let path = self.users.path().join(protocol);
        fs::write(&path, accounts).unwrap();
        let mut command = Command::new(BENCH);
        command.args(["idle", "--time", "3600", "--patience", "60", "--clients", &IDLE_CLIENTS.to_string()]);
        command.args(["--protocol", protocol, "--server", server, "--users"]).arg(path);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        self.children.push(command.spawn().unwrap());
    }
}

impl Drop for IdleClients {
    fn drop(&mut self) {
        for child in &mut self.children {
            // It may have exited already.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
