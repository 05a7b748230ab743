//! A server in a process of its own, and what the kernel says it uses.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// What Linux counts processor time in, on every machine: a hundredth of a second.
const TICK: Duration = Duration::from_millis(10);

/// How long a server may take until it listens.
const PATIENCE: Duration = Duration::from_secs(20);

/// A running server; killed when dropped.
pub(crate) struct Process {
    pub(crate) addr: SocketAddr,
    child: Child,
    /// Its users file and its logs.
    _dir: Option<TempDir>,
}

/// What a process holds.
#[derive(Clone, Copy)]
pub(crate) struct Footprint {
    pub(crate) threads: u64,
    pub(crate) rss_kib: u64,
    pub(crate) virtual_kib: u64,
    pub(crate) regions: usize,
}

impl Process {
    /// This `parlord`, for `users` users named as [`user`] says, with these options.
    pub(crate) fn parlord(binary: &Path, users: usize, options: &[&str]) -> Process {
        let dir = tempfile::tempdir().unwrap();
        let accounts: String = (0..users).map(|n| format!("{}:pw\n", user(n))).collect();
        fs::write(dir.path().join("users.txt"), accounts).unwrap();
        let mut command = Command::new(binary);
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("PARLOR_")) {
            command.env_remove(name);
        }
        command.args(["--rate", "0", "--listen", "127.0.0.1:0"]).args(options);
        command.current_dir(dir.path());
        Process::start(command, Some(dir))
    }

    /// The bare loop: this very program, called with the argument `floor`.
    pub(crate) fn floor() -> Process {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.arg("floor");
        Process::start(command, None)
    }

    /// A server that is told to listen here, and does so sooner or later; its folder goes with it.
    pub(crate) fn elsewhere(mut command: Command, addr: SocketAddr, dir: TempDir) -> Result<Process, String> {
        command.current_dir(dir.path()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let child = command.spawn().map_err(|error| error.to_string())?;
        let mut process = Process { addr, child, _dir: Some(dir) };
        let deadline = Instant::now() + PATIENCE;
        while TcpStream::connect(addr).is_err() {
            if let Some(status) = process.child.try_wait().unwrap() {
                return Err(format!("it ended at its start, {status}"));
            }
            if Instant::now() > deadline {
                return Err("it does not listen".to_owned());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(process)
    }

    /// Its number.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    fn start(mut command: Command, dir: Option<TempDir>) -> Process {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let addr = line.trim().strip_prefix("listening on ").expect("the server does not listen").parse().unwrap();
        Process { addr, child, _dir: dir }
    }

    /// The processor time it has used so far, in user and kernel mode, that of its ended threads included.
    pub(crate) fn cpu(&self) -> Duration {
        let stat = self.proc("stat");
        // The name of the program, in brackets, may hold spaces.
        let fields: Vec<&str> = stat.rsplit_once(") ").unwrap().1.split(' ').collect();
        let ticks: u32 = fields[11..=12].iter().map(|field| field.parse::<u32>().unwrap()).sum();
        TICK * ticks
    }

    /// What it holds now.
    pub(crate) fn footprint(&self) -> Footprint {
        let status = self.proc("status");
        let number = |key: &str| {
            let value = status.lines().find_map(|line| line.strip_prefix(key)).unwrap();
            value.split_whitespace().next().unwrap().parse().unwrap()
        };
        Footprint {
            threads: number("Threads:"),
            rss_kib: number("VmRSS:"),
            virtual_kib: number("VmSize:"),
            regions: self.proc("maps").lines().count(),
        }
    }

    fn proc(&self, file: &str) -> String {
        fs::read_to_string(format!("/proc/{}/{file}", self.child.id())).unwrap()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The name of a user by his number.
pub(crate) fn user(n: usize) -> String {
    format!("u{n}")
}
