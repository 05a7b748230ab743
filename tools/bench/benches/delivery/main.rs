//! What a delivered message costs the server, beside the least it could cost.
//!
//! `cargo bench --bench delivery` prints the processor time of `parlord` per delivery for several shapes of traffic, that
//! of a bare loop in the same run, and the ratio; times differ from machine to machine and hour to hour, ratios hardly.
//!
//! - `--quick`: one short run of each shape.
//! - `--only TEXT`: only the shapes with this in their names.
//! - `--against FILE`: another `parlord` beside it, such as that of the last commit.
//! - `--commit`: the same `parlord` beside it, with a store whose durability is `commit`.
//! - `stored`: what a stored message costs, with and without fsync, beside one that is kept in memory.
//! - `idle N`: logs in N clients who say nothing, and prints what they hold.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a measurement that cannot go on stops, and its result is what it prints"
)]

#[path = "../../support/bare_loop.rs"]
mod bare_loop;
mod crowd;
mod idle;
#[path = "../../support/server.rs"]
#[allow(dead_code, reason = "other benches need other parts of it")]
mod server;
mod shape;
mod stored;

use std::path::{Path, PathBuf};
use std::time::Duration;

use crowd::Crowd;
use server::{PARLORD, Process};
use shape::{GROUPS, Outcome, Shape, group};

/// What the command line asks for.
struct Options {
    rounds: usize,
    time: Duration,
    only: String,
    against: Option<PathBuf>,
    commit: bool,
}

/// A server with its clients, ready for any shape.
struct Contender {
    name: String,
    server: Process,
    crowd: Crowd,
}

fn main() {
    // Cargo adds `--bench` of its own accord.
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["floor"] => bare_loop::serve(),
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
            let mut value = || args.next().expect("an option lacks its value");
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

/// Measures all shapes, the servers taking turns, and prints the table.
fn compare(options: &Options) {
    let users = GROUPS[GROUPS.len() - 1];
    let parlord = |path: &Path| {
        // An older one knows no store, and so has none.
        let memory: &[&str] = if knows(path, "--data") { &["--data", "none"] } else { &[] };
        Process::parlord(path, users, &[&["--log-level", "warn"], memory].concat())
    };
    let mut contenders = vec![Contender::new("floor", Process::floor())];
    contenders.push(Contender::new("parlord", parlord(&PARLORD)));
    contenders.extend(options.against.as_deref().map(|path| Contender::new("other", parlord(path))));
    let stored = || Process::parlord(&PARLORD, users, &["--log-level", "warn", "--durability", "commit"]);
    contenders.extend(options.commit.then(|| Contender::new("commit", stored())));
    println!("server CPU per delivery in us: median of {} (min-max), and ratio to the bare loop", options.rounds);
    print!("{:<36}", "shape");
    contenders.iter().for_each(|contender| print!(" {:>26}", contender.name));
    println!();
    for shape in Shape::all().iter().filter(|shape| shape.name.contains(&options.only)) {
        let mut costs = vec![Vec::new(); contenders.len()];
        for _ in 0..options.rounds {
            for (contender, costs) in contenders.iter_mut().zip(&mut costs) {
                costs.push(shape.run(&mut contender.crowd, &contender.server, options.time).cost());
            }
        }
        print_row(&shape.name, costs);
    }
}

/// Whether a binary has an option of this name.
fn knows(binary: &Path, option: &str) -> bool {
    let help = std::process::Command::new(binary).arg("--help").output().unwrap();
    String::from_utf8_lossy(&help.stdout).contains(option)
}

fn print_row(name: &str, costs: Vec<Vec<f64>>) {
    print!("{name:<36}");
    let mut floor = None;
    for mut costs in costs {
        costs.sort_by(f64::total_cmp);
        let (median, min, max) = (costs[costs.len() / 2], costs[0], costs[costs.len() - 1]);
        let ratio = median / *floor.get_or_insert(median);
        print!(" {:>26}", format!("{median:.3} ({min:.3}-{max:.3}) x{ratio:.2}"));
    }
    println!();
}

impl Contender {
    /// Logs everybody in and makes the groups.
    fn new(name: &str, server: Process) -> Contender {
        let mut crowd = Crowd::gather(server.addr, GROUPS[GROUPS.len() - 1]);
        for members in GROUPS {
            let group = group(members);
            crowd.each_asks(0..1, &format!("/create_group {group}"), &format!("Group {group}"));
            crowd.each_asks(1..members, &format!("/join_group {group}"), "You joined");
        }
        Contender { name: name.to_owned(), server, crowd }
    }
}

impl Outcome {
    /// Processor time per delivery, in microseconds.
    fn cost(&self) -> f64 {
        self.cpu.as_secs_f64() * 1e6 / self.deliveries as f64
    }
}
