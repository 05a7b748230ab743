//! A server in a process of its own, and its resource usage as the kernel reports it.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// The daemon: the one in the environment variable `PARLORD`, or else this workspace's.
pub(crate) static PARLORD: LazyLock<PathBuf> = LazyLock::new(|| match std::env::var_os("PARLORD") {
    Some(path) => path.into(),
    None => build_parlord(),
});

/// Builds `parlord` beside the load tester, in the same profile.
///
/// Cargo builds only the binaries of the package under test, so this one has to be requested.
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

/// The unit in which Linux counts CPU time: a hundredth of a second on every architecture.
const TICK: Duration = Duration::from_millis(10);

/// How long a server may take to listen.
const START_TIMEOUT: Duration = Duration::from_secs(20);

/// A running server; killed when dropped.
pub(crate) struct Server {
    /// Where it listens.
    pub(crate) addr: SocketAddr,
    child: Child,
    /// The folder of its files, deleted with it.
    dir: Option<TempDir>,
}

/// The resources a process holds at one moment.
#[derive(Clone, Copy)]
pub(crate) struct Footprint {
    /// Number of threads.
    pub(crate) threads: u64,
    /// Resident memory, in KiB.
    pub(crate) rss_kib: u64,
    /// Virtual memory, in KiB.
    pub(crate) virtual_kib: u64,
    /// Memory mappings.
    pub(crate) regions: usize,
}

impl Server {
    /// Starts this `parlord` with `users` users named by [`user`].
    pub(crate) fn parlord(binary: &Path, users: usize, options: &[&str]) -> Server {
        let accounts: String = (0..users).map(|n| format!("{}:pw\n", user(n))).collect();
        Server::parlord_with(binary, &accounts, options)
    }

    /// Starts this `parlord` in a folder of its own, with this users file.
    pub(crate) fn parlord_with(binary: &Path, users: &str, options: &[&str]) -> Server {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("users.txt"), users).unwrap();
        let mut command = Command::new(binary);
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("PARLOR_")) {
            command.env_remove(name);
        }
        command.args(["--rate", "0", "--listen", "127.0.0.1:0"]).args(options);
        command.current_dir(dir.path());
        Server::start(command, Some(dir))
    }

    /// Starts the bare loop: this very program with the argument `bare-loop`.
    pub(crate) fn bare_loop() -> Server {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.arg("bare-loop");
        Server::start(command, None)
    }

    /// Starts a server that was told to listen at `addr`, and waits until it does.
    ///
    /// # Errors
    /// It cannot be started, exits, or does not listen in time.
    pub(crate) fn start_at(mut command: Command, addr: SocketAddr, dir: TempDir) -> Result<Server, String> {
        command.current_dir(dir.path()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let child = command.spawn().map_err(|error| error.to_string())?;
        let mut server = Server { addr, child, dir: Some(dir) };
        let deadline = Instant::now() + START_TIMEOUT;
        while TcpStream::connect(addr).is_err() {
            if let Some(status) = server.child.try_wait().unwrap() {
                return Err(format!("it exited at its start, {status}"));
            }
            if Instant::now() > deadline {
                return Err("it does not listen".to_owned());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(server)
    }

    /// Starts a server whose first line says where it listens.
    fn start(mut command: Command, dir: Option<TempDir>) -> Server {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let addr = line.trim().strip_prefix("listening on ").expect("the server does not listen").parse().unwrap();
        Server { addr, child, dir }
    }

    /// Its PID.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The contents of its log file.
    pub(crate) fn log(&self) -> String {
        let dir = self.dir.as_ref().unwrap();
        fs::read_to_string(dir.path().join("logs/parlord.log")).unwrap_or_default()
    }

    /// The CPU time it has used so far, user and kernel mode, including threads that have exited.
    pub(crate) fn cpu(&self) -> Duration {
        let stat = self.proc("stat");
        // The program name, in parentheses, may contain spaces.
        let fields: Vec<&str> = stat.rsplit_once(") ").unwrap().1.split(' ').collect();
        let ticks: u32 = fields[11..=12].iter().map(|field| field.parse::<u32>().unwrap()).sum();
        TICK * ticks
    }

    /// The resources it holds now.
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

impl Drop for Server {
    fn drop(&mut self) {
        // It may have exited already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The name of user number `n`.
pub(crate) fn user(n: usize) -> String {
    format!("u{n}")
}
