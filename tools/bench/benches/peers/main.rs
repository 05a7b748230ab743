//! The same load on Parlor, on the bare loop and on other servers, one after the other on this machine.
//!
//! `make bench-peers` installs the other servers, measures, and fills docs/performance.md between its two markers. It
//! takes about half an hour.
//!
//! - `--quick`: one short run of each, for looking whether all works; writes nothing.
//! - `--only TEXT`: only the measurements with this in their names; writes nothing.
//! - `--no-install`: whoever is missing is left out.
//! - `floor`: the bare loop alone, as a server; the first line it prints says where it listens.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a measurement that cannot go on stops, and its result is what it prints"
)]

#[path = "../../support/bare_loop.rs"]
mod bare_loop;
mod contender;
mod doors;
mod install;
mod machine;
mod measure;
mod page;
mod results;
#[path = "../../support/server.rs"]
#[allow(dead_code, reason = "other benches need other parts of it")]
mod server;
mod targets;

use std::fs;
use std::path::Path;

use contender::Contender;
use measure::Measure;
use results::Results;

/// What the command line asks for.
#[derive(Default)]
struct Options {
    quick: bool,
    only: String,
    no_install: bool,
}

fn main() {
    // Cargo adds `--bench` of its own accord.
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    if args == ["floor"] {
        return bare_loop::serve();
    }
    let options = Options::parse(&args);
    let (contenders, absent) = install::present(Contender::all(), !options.no_install);
    let measures: Vec<Measure> =
        Measure::all(options.quick).into_iter().filter(|measure| measure.name.contains(&options.only)).collect();
    let mut results = Results::new(contenders, absent);
    for measure in measures {
        results.measure(measure);
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
