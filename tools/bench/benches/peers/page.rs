//! The measured part of docs/performance.md, which is between its two markers.
//!
//! Everything else on that page is written by hand and is left as it is.

use std::fmt::Write;

use crate::contender::Contender::{self, Parlord};
use crate::machine::{machine, version};
use crate::measurement::{Kind, Measurement};
use crate::results::{Results, Spread};
use crate::targets::{self, COST};

const SERVERS: &str = "
Beside the other servers runs a *bare loop* (`tools/bench/support/bare_loop.rs`): a thread per client that accepts every login and checks, bounds and logs nothing.
It is the least that a server of this kind can cost.
All run with flood control off and without encryption; *parlord* keeps messages in memory, *parlord, stored* has each one in its database before it is shown (`--durability commit`).
Each server is started anew for each run.
";

const COSTS: &str = "
## Cost of a delivery

Processor time of the server in microseconds for each message that reached a client: the median of the runs (minimum–maximum), and in the other servers' columns how Parlor's median compares to theirs.
*Window* is how many messages of each sender are in flight.
Where a protocol echoes a message to its sender, that is a delivery too.
Every text has 100 bytes.
";

const BROWSER: &str = "
## Browsers

One Parlor with 1,000 idle netcat clients and 1,000 idle WebSockets, and beside them a group of 100, once of netcat clients and once of WebSockets; processor time in microseconds per delivery, and deliveries per second.
A WebSocket gets JSON, which is about twice as long as a line.
";

const RATES: &str = "
## Throughput

Deliveries per second, the median of the runs.
The load tester runs on the same machine and takes its share, so this does not measure a server alone.
";

const LATENCY: &str = "
## Latency

A group in which ten members talk in turn at a steady rate: milliseconds from the moment a message was due to its arrival, over all deliveries.
";

const IDLE: &str = "
## Idle clients

Resident memory and threads of the server per client, and its processor time meanwhile, in percent of one processor.
";

const LOGINS: &str = "
## Logins

Clients that log in and leave at once, 16 at a time, with plain passwords where there are any.
";

const STUCK: &str = "
## Stuck readers

In a group of 200, 50 members stop reading; one of the others talks, with a window of 16.
";

const EVERYDAY: &str = "
## Everyday stress

Users who act at random: private messages, groups, broadcasts, lists, leaving, coming back.
";

/// The load average from which on other programs disturb the measurements.
const BUSY: f64 = 0.5;

/// The measured part, from the targets to the runs.
pub(crate) fn write(results: &Results) -> String {
    let mut page = String::new();
    targets(&mut page, results);
    servers(&mut page, results);
    let messages = |kind: Kind| matches!(kind, Kind::Group { .. } | Kind::Pairs { .. });
    let beside_idle = |kind: Kind| matches!(kind, Kind::BesideIdle { .. });
    let rates = |kind: Kind| matches!(kind, Kind::Rate { .. });
    let idle = |kind: Kind| matches!(kind, Kind::Idle { .. });
    let login = |kind: Kind| kind == Kind::Churn;
    table(&mut page, results, COSTS, messages, &[(COST, "")]);
    table(&mut page, results, RATES, messages, &[("deliveries_per_s", "")]);
    table(&mut page, results, BROWSER, beside_idle, &[(COST, "us of CPU each"), ("deliveries_per_s", "per second")]);
    table(&mut page, results, LATENCY, rates, &[("p50_ms", "p50"), ("p99_ms", "p99"), ("max_ms", "longest")]);
    let footprint = [("rss_per_client_kib", "KiB"), ("threads_per_client", "threads"), ("idle_cpu_percent", "CPU %")];
    table(&mut page, results, IDLE, idle, &footprint);
    let logins = [("logins_per_s", "per second"), ("cpu_per_login_us", "us of CPU each"), ("p99_ms", "p99 in ms")];
    table(&mut page, results, LOGINS, login, &logins);
    stuck(&mut page, results);
    let operations = [("operations_per_s", "per second"), ("success_percent", "% succeed"), ("p99_ms", "p99 in ms")];
    table(&mut page, results, EVERYDAY, |kind| kind == Kind::Mixed, &operations);
    failures(&mut page, results);
    runs(&mut page, results);
    page
}

fn targets(page: &mut String, results: &Results) {
    let all = targets::all(results);
    let met = all.iter().filter(|target| target.met).count();
    // Writing to a `String` cannot fail, here and below.
    let _ = writeln!(
        page,
        "\n## Targets\n\n{met} of {} are met.\nUnless stated otherwise, they are for the processor time per delivery.\n",
        all.len()
    );
    let _ = writeln!(page, "| wanted | is | met |\n| --- | --- | --- |");
    for target in all {
        let _ = writeln!(page, "| {} | {} | {} |", target.wanted, target.is, if target.met { "yes" } else { "**no**" });
    }
}

fn servers(page: &mut String, results: &Results) {
    let _ = writeln!(page, "\n## Machine and servers\n\nMeasured on: {}.", machine());
    let _ =
        writeln!(page, "The load of the machine before the first run was {:.1}{}.\n", results.load, busy(results.load));
    let _ = writeln!(page, "| server | version |\n| --- | --- |");
    for contender in results.contenders.iter().filter(|one| **one == Parlord || one.is_peer()) {
        let _ = writeln!(page, "| {} | {} |", contender.name(), version(*contender));
    }
    for (contender, why) in &results.absent {
        let _ = writeln!(page, "| {} | was not measured: {why} |", contender.name());
    }
    page.push_str(SERVERS);
}

/// What this load average means for the figures.
fn busy(load: f64) -> &'static str {
    if load < BUSY { "" } else { ": other programs were running, so the figures spread more than necessary" }
}

/// A table with these figures of one kind of measurement; nothing if none was made.
fn table(page: &mut String, results: &Results, head: &str, kind: impl Fn(Kind) -> bool, keys: &[(&str, &str)]) {
    let measured: Vec<_> = results.measured.iter().filter(|measured| kind(measured.measurement.kind)).collect();
    let has_column = |one: &Contender| measured.iter().any(|measured| measured.measurement.kind.applies_to(*one));
    let columns: Vec<Contender> = results.contenders.iter().copied().filter(has_column).collect();
    if measured.is_empty() {
        return;
    }
    page.push_str(head);
    let names: Vec<&str> = columns.iter().map(|one| one.name()).collect();
    let _ = writeln!(page, "\n| | {} |\n|{}", names.join(" | "), " --- |".repeat(columns.len() + 1));
    for measured in measured {
        for (key, what) in keys {
            let what = if what.is_empty() { String::new() } else { format!(": {what}") };
            let of = measured.median(Parlord, key).filter(|_| *key == COST);
            let cell = |one: &Contender| match measured.spread(*one, key) {
                Some(spread) if *one == Parlord => cell(spread, key, None),
                Some(spread) => cell(spread, key, of),
                None => "–".to_owned(),
            };
            let cells: Vec<String> = columns.iter().map(cell).collect();
            let _ = writeln!(page, "| {}{what} | {} |", measured.measurement.name, cells.join(" | "));
        }
    }
}

/// Median, minimum and maximum, and how Parlor's median compares to it; of a rate only the median.
fn cell(spread: Spread, key: &str, parlord: Option<f64>) -> String {
    let Spread { median, min, max } = spread;
    if key.ends_with("_per_s") {
        return thousands(median);
    }
    let digits = if key == COST { 3 } else { 2 };
    let ratio = parlord.map_or_else(String::new, |parlord| format!(", parlord x{:.2}", parlord / median));
    format!("{median:.digits$} ({min:.digits$}–{max:.digits$}){ratio}")
}

/// A whole number with thousands separators.
fn thousands(value: f64) -> String {
    let plain = format!("{value:.0}");
    let groups: Vec<&str> = plain.as_bytes().rchunks(3).rev().map(|group| str::from_utf8(group).unwrap()).collect();
    groups.join(",")
}

fn stuck(page: &mut String, results: &Results) {
    let Some(measured) = results.of(Kind::Slow) else { return };
    page.push_str(STUCK);
    let _ = writeln!(page, "\n| | parlord |\n| --- | --- |");
    for (key, what) in [
        ("without_messages_per_s", "messages per second without stuck members"),
        ("with_messages_per_s", "messages per second with them"),
        ("kept_percent", "percent of the rate kept"),
        ("cut", "stuck members disconnected"),
        ("last_cut_s", "seconds until the last was disconnected"),
        ("rss_per_stuck_kib", "KiB of memory per stuck member, at most"),
    ] {
        if let Some(spread) = measured.spread(Parlord, key) {
            let _ = writeln!(page, "| {what} | {} |", cell(spread, key, None));
        }
    }
}

fn failures(page: &mut String, results: &Results) {
    let mut lines: Vec<String> = Vec::new();
    for measured in &results.measured {
        let line = |(one, why): (Contender, &str)| format!("- {}, {}: {why}", measured.measurement.name, one.name());
        lines.extend(measured.failures().map(line));
    }
    lines.dedup();
    if !lines.is_empty() {
        let _ = writeln!(page, "\n## What could not be measured\n\n{}", lines.join("\n"));
    }
}

/// The calls of the load tester, so that each run can be repeated.
fn runs(page: &mut String, results: &Results) {
    let rounds = results.measured.iter().map(|measured| measured.measurement.rounds).max().unwrap_or(0);
    let _ = writeln!(page, "\n## Runs\n\nEach figure is the median of {rounds} runs, the servers taking turns.");
    let _ =
        writeln!(page, "The runs are these, each with `--json`, `--server`, `--server-pid` and `--protocol`:\n\n```");
    for Measurement { args, .. } in results.measured.iter().map(|measured| &measured.measurement) {
        let _ = writeln!(page, "parlor-bench {}", args.join(" "));
    }
    page.push_str("```\n");
}

const OPEN: &str = "<!-- bench-peers -->\n";
const CLOSE: &str = "<!-- /bench-peers -->\n";

/// `document` with everything between the two markers replaced by `measured`; `None` if it lacks a marker.
pub(crate) fn fill(document: &str, measured: &str) -> Option<String> {
    let (before, rest) = document.split_once(OPEN)?;
    let (_, after) = rest.split_once(CLOSE)?;
    Some(format!("{before}{OPEN}{measured}{CLOSE}{after}"))
}
