//! A server in a process of its own, and what the kernel says it uses.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// The daemon: the one that the environment variable `PARLORD` names, or else this workspace's.
pub(crate) static PARLORD: LazyLock<PathBuf> = LazyLock::new(|| match std::env::var_os("PARLORD") {
    Some(path) => path.into(),
    None => build_parlord(),
});

/// Builds `parlord` beside the load tester, in the same profile; a moment if it is up to date.
///
/// Cargo builds the programs of a test's own package only, so this one has to be asked for.
fn build_parlord() -> PathBuf {
    let bench = Path::new(env!("CARGO_BIN_EXE_parlor-bench"));
    let mut build = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    build.args(["build", "--quiet", "--package", "parlor", "--bin", "parlord", "--target-dir"]);
    build.arg(bench.ancestors().nth(2).unwrap());
    if !cfg!(debug_assertions) {
        build.arg("--release");
    }
    assert!(build.current_dir(env!("CARGO_MANIFEST_DIR")).status().unwrap().success(), "parlord cannot be built");
    bench.with_file_name("parlord")
}

/// What Linux counts processor time in, on every machine: a hundredth of a second.
const TICK: Duration = Duration::from_millis(10);

/// How long a server may take until it listens.
const PATIENCE: Duration = Duration::from_secs(20);

/// A running server; killed when dropped.
pub(crate) struct Process {
    pub(crate) addr: SocketAddr,
    child: Child,
    /// Its users file and its logs.
    dir: Option<TempDir>,
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
        let accounts: String = (0..users).map(|n| format!("{}:pw\n", user(n))).collect();
        Process::parlord_with(binary, &accounts, options)
    }

    /// This `parlord` with this text as its users file, in a folder of its own.
    pub(crate) fn parlord_with(binary: &Path, users: &str, options: &[&str]) -> Process {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("users.txt"), users).unwrap();
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
        let mut process = Process { addr, child, dir: Some(dir) };
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

    /// Everything in its log so far.
    pub(crate) fn log(&self) -> String {
        let dir = self.dir.as_ref().unwrap();
        fs::read_to_string(dir.path().join("logs/parlord.log")).unwrap_or_default()
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
        Process { addr, child, dir }
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
