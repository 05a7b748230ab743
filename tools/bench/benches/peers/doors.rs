//! One Parlor with both doors open and silent clients at each, beside whom somebody is measured at one of them.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::results::BENCH;
use crate::server::{Process, user};

/// How many say nothing at each door.
pub(crate) const SILENT: usize = 1000;

/// How long they may take to come in.
const PATIENCE: Duration = Duration::from_secs(60);

/// Silent clients of both doors; gone when dropped.
pub(crate) struct Silent {
    children: Vec<Child>,
    users: TempDir,
}

/// Starts Parlor with these options and both doors, lets the silent clients in, and gives the address of the web door.
pub(crate) fn open(
    binary: &Path,
    clients: usize,
    options: &[&str],
    web: SocketAddr,
) -> Result<(Process, Silent), String> {
    let address = web.to_string();
    let server = Process::parlord(binary, clients + 2 * SILENT, &[options, &["--web", &address]].concat());
    let users = tempfile::tempdir().unwrap();
    let mut silent = Silent { children: Vec::new(), users };
    for (n, (protocol, address)) in [("parlor", server.addr.to_string()), ("web", address)].into_iter().enumerate() {
        let first = clients + n * SILENT;
        silent.enter(protocol, &address, first);
        let deadline = Instant::now() + PATIENCE;
        // Each client has a thread, and the server some of its own from the start.
        while server.footprint().threads < ((n + 1) * SILENT) as u64 {
            if Instant::now() > deadline {
                return Err(format!("{SILENT} silent clients do not come in with {protocol}"));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }
    Ok((server, silent))
}

impl Silent {
    fn enter(&mut self, protocol: &str, server: &str, first: usize) {
        let accounts: String = (first..first + SILENT).map(|n| format!("{}:pw\n", user(n))).collect();
        let path = self.users.path().join(protocol);
        fs::write(&path, accounts).unwrap();
        let mut command = Command::new(BENCH);
        command.args(["idle", "--time", "3600", "--patience", "60", "--clients", &SILENT.to_string()]);
        command.args(["--protocol", protocol, "--server", server, "--users"]).arg(path);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        self.children.push(command.spawn().unwrap());
    }
}

impl Drop for Silent {
    fn drop(&mut self) {
        for child in &mut self.children {
            // It may have ended already.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
