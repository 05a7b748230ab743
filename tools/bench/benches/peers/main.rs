//! Puts the same load on Parlor, on the bare loop and on other servers, one after the other on this machine.
//!
//! `make bench-peers` installs the other servers, measures, and fills docs/performance.md between its two markers. It
//! takes about half an hour.
//!
//! - `--quick`: one short run of each measurement, to see whether everything works; writes nothing.
//! - `--only TEXT`: only the measurements with this text in their names; writes nothing.
//! - `--no-install`: skip servers that are not installed.
//! - `bare-loop`: only run the bare loop as a server; the first line it prints says where it listens.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a measurement that cannot continue panics, and its result is what it prints"
)]

#[path = "../../support/bare_loop.rs"]
mod bare_loop;
mod contender;
mod idle_clients;
mod install;
mod machine;
mod measurement;
mod page;
mod results;
#[path = "../../support/server.rs"]
#[allow(dead_code, reason = "each bench uses its own part of it")]
mod server;
mod targets;

use std::fs;
use std::path::Path;

use contender::Contender;
use measurement::Measurement;
use results::Results;

/// The command line.
#[derive(Default)]
struct Options {
    quick: bool,
    only: String,
    no_install: bool,
}

fn main() {
    // Cargo adds `--bench`.
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    if args == ["bare-loop"] {
        return bare_loop::serve();
    }
    let options = Options::parse(&args);
    let (contenders, absent) = install::find_or_install(Contender::all(), !options.no_install);
    let measurements: Vec<Measurement> = Measurement::all(options.quick)
        .into_iter()
        .filter(|measurement| measurement.name.contains(&options.only))
        .collect();
    let mut results = Results::new(contenders, absent);
    for measurement in measurements {
        results.measure(measurement);
    }
    let measured = page::write(&results);
    if options.quick || !options.only.is_empty() {
        return println!("{measured}");
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/performance.md");
    let document = fs::read_to_string(&path).unwrap();
    let filled = page::fill(&document, &measured).expect("docs/performance.md has its two markers bench-peers");
    fs::write(path, filled).unwrap();
    println!("docs/performance.md is written");
}

impl Options {
    fn parse(args: &[String]) -> Options {
        let mut options = Options::default();
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            match arg.as_str() {
                "--quick" => options.quick = true,
                "--no-install" => options.no_install = true,
                "--only" => options.only = args.next().expect("--only takes a text").clone(),
                other => panic!("unknown option {other}"),
            }
        }
        options
    }
}
