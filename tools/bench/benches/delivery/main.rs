//! What a delivered message costs the server, compared with the least it could cost.
//!
//! `make bench` prints the CPU time of `parlord` per delivery for several workloads, that of the bare loop in the same
//! run, and the ratio. Times differ between machines and from hour to hour; ratios hardly do.
//!
//! - `--quick`: one short run of each workload.
//! - `--only TEXT`: only the workloads with this text in their names.
//! - `--against FILE`: also measure another `parlord`, such as that of the last commit.
//! - `--commit`: also measure `parlord` with a store whose durability is `commit`.
//! - `stored`: what a stored message costs, with and without fsync, compared with one in memory.
//! - `idle N`: logs in N clients that send nothing, and prints what they cost.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a measurement that cannot continue panics, and its result is what it prints"
)]

#[path = "../../support/bare_loop.rs"]
mod bare_loop;
mod clients;
mod idle;
#[path = "../../support/server.rs"]
#[allow(dead_code, reason = "each bench uses its own part of it")]
mod server;
mod stored;
mod workload;

use std::path::{Path, PathBuf};
use std::time::Duration;

use clients::Clients;
use server::{PARLORD, Server};
use workload::{GROUPS, Outcome, Workload, group};

/// The command line.
struct Options {
    rounds: usize,
    time: Duration,
    only: String,
    against: Option<PathBuf>,
    commit: bool,
}

/// A server under test with its clients, ready for any workload.
struct Candidate {
    name: String,
    server: Server,
    clients: Clients,
}

fn main() {
    // Cargo adds `--bench`.
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["bare-loop"] => bare_loop::serve(),
        ["stored"] => stored::measure(&PARLORD),
        ["idle", count] => idle::measure(&PARLORD, count.parse().expect("idle takes a number")),
        ref options => compare(&Options::parse(options)),
    }
}

impl Options {
    fn parse(args: &[&str]) -> Options {
        let time = Duration::from_millis(800);
        let mut options = Options { rounds: 5, time, only: String::new(), against: None, commit: false };
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            let mut value = || args.next().expect("an option needs a value");
            match *arg {
                "--quick" => (options.rounds, options.time) = (1, Duration::from_millis(300)),
                "--only" => options.only = value().to_string(),
                "--against" => options.against = Some(PathBuf::from(value())),
                "--commit" => options.commit = true,
                other => panic!("unknown option {other}"),
            }
        }
        options
    }
}

/// Measures all workloads, with the servers taking turns, and prints a table.
fn compare(options: &Options) {
    let users = GROUPS[GROUPS.len() - 1];
    let parlord = |path: &Path| {
        // Early versions have no store.
        let memory: &[&str] = if has_option(path, "--data") { &["--data", "none"] } else { &[] };
        Server::parlord(path, users, &[&["--log-level", "warn"], memory].concat())
    };
    let mut candidates = vec![Candidate::new("bare loop", Server::bare_loop())];
    candidates.push(Candidate::new("parlord", parlord(&PARLORD)));
    candidates.extend(options.against.as_deref().map(|path| Candidate::new("other", parlord(path))));
    let stored = || Server::parlord(&PARLORD, users, &["--log-level", "warn", "--durability", "commit"]);
    candidates.extend(options.commit.then(|| Candidate::new("commit", stored())));
    println!("server CPU per delivery in us: median of {} (min-max), and ratio to the bare loop", options.rounds);
    print!("{:<36}", "workload");
    candidates.iter().for_each(|candidate| print!(" {:>26}", candidate.name));
    println!();
    for workload in Workload::all().iter().filter(|workload| workload.name.contains(&options.only)) {
        let mut costs = vec![Vec::new(); candidates.len()];
        for _ in 0..options.rounds {
            for (candidate, costs) in candidates.iter_mut().zip(&mut costs) {
                costs.push(workload.run(&mut candidate.clients, &candidate.server, options.time).cost());
            }
        }
        print_row(&workload.name, costs);
    }
}

/// Whether a `parlord` has this option.
fn has_option(binary: &Path, option: &str) -> bool {
    let help = std::process::Command::new(binary).arg("--help").output().unwrap();
    String::from_utf8_lossy(&help.stdout).contains(option)
}

fn print_row(name: &str, costs: Vec<Vec<f64>>) {
    print!("{name:<36}");
    let mut bare_loop = None;
    for mut costs in costs {
        costs.sort_by(f64::total_cmp);
        let (median, min, max) = (costs[costs.len() / 2], costs[0], costs[costs.len() - 1]);
        let ratio = median / *bare_loop.get_or_insert(median);
        print!(" {:>26}", format!("{median:.3} ({min:.3}-{max:.3}) x{ratio:.2}"));
    }
    println!();
}

impl Candidate {
    /// Logs in all clients and creates the groups.
    fn new(name: &str, server: Server) -> Candidate {
        let mut clients = Clients::log_in(server.addr, GROUPS[GROUPS.len() - 1]);
        for members in GROUPS {
            let group = group(members);
            clients.ask_all(0..1, &format!("/create_group {group}"), &format!("Group {group}"));
            clients.ask_all(1..members, &format!("/join_group {group}"), "You joined");
        }
        Candidate { name: name.to_owned(), server, clients }
    }
}

impl Outcome {
    /// CPU time per delivery, in microseconds.
    fn cost(&self) -> f64 {
        self.cpu.as_secs_f64() * 1e6 / self.deliveries as f64
    }
}
