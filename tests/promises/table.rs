//! The table of promises, and where a long run leaves its figures until they are written into docs/reliability.md.

use std::fmt::Write as _;
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::PathBuf;

/// One promise: its number, what it says, what the long test does, and the figure that is promised.
pub struct Promise(pub &'static str, &'static str, &'static str, pub &'static str);

/// All that is promised so far. *Clean* is explained in docs/reliability.md.
pub const PROMISES: &[Promise] = &[
    Promise(
        "1",
        "A flood that never logs in harms nobody",
        "1,000 silent connections from 250 addresses",
        "clean; all closed by 31 s; 20 of 20 fresh logins within 1 s; back to base",
    ),
    Promise("2", "A slow login gains nothing", "200 clients, a byte every 5 s", "all gone at 30 s ± 1 s"),
    Promise(
        "3",
        "One address cannot take the server",
        "200 connections from one address",
        "8 admitted, the rest told why; another address is in within 200 ms",
    ),
    Promise(
        "4",
        "Connections leave nothing behind",
        "connect and abort, 100,000 times",
        "threads and descriptors as before; at most 20 bytes of RSS each",
    ),
    Promise(
        "5",
        "Guessing is slow, and the owner is never locked out",
        "100 guessers at one address, 60 s",
        "at most 13 guesses checked; the owner is in from elsewhere within 2 s",
    ),
    Promise("6", "Names cannot be probed", "300 failing logins of each kind", "the same bytes; medians within 5 %"),
    Promise(
        "7",
        "Hashing is no weapon",
        "500 wrong logins at once",
        "RSS at most base + permits x 19 MiB + 16 MB; clean",
    ),
    Promise(
        "8",
        "Endless lines cost nothing",
        "16 MiB without a line end; every split of a recorded session",
        "closed; RSS within 3 MB; the same output for every split",
    ),
    Promise(
        "9",
        "No forged lines, no escapes",
        "every byte and code point, 1,000,000 random lines",
        "no forbidden code point reaches a peer",
    ),
    Promise(
        "10",
        "Telnet commands leave the next line whole",
        "100,000 random streams of telnet commands",
        "the next command works; a client that sends none gets none",
    ),
    Promise("11", "Half a command never runs", "1,000 connections reset in the middle of a line", "0 ran"),
    Promise(
        "12",
        "A flooder slows down nobody else",
        "1 flooder, 200 listeners",
        "the flooder's rate within 5 % of the limit; nobody disconnected; clean",
    ),
    Promise(
        "13",
        "Clients that never read are cut, and memory stays bounded",
        "50 of 200 stuck, 5,000 broadcasts",
        "cut within 10 s of overflow; RSS at most 50 x 320 KiB + 5 MB; the others get all in order",
    ),
    Promise(
        "13b",
        "A client that asks faster than it reads is slowed, not cut",
        "10,000 `/users` at once, read at 50 KB/s",
        "all answers; the outbox within its bound",
    ),
    Promise("14", "Drip readers are cut", "20 readers of 2 KiB every 300 ms", "gone within 25 s of falling behind"),
    Promise(
        "15",
        "Stuck clients can be closed",
        "100 clients with full sockets are closed",
        "their threads end within 250 ms",
    ),
    Promise(
        "16",
        "Vanished peers disappear",
        "the cable is pulled (network namespace, veth down)",
        "gone in 150 s idle, in 65 s with data",
    ),
    Promise(
        "17",
        "Running out of descriptors and threads is survived",
        "64 descriptors; 80 tasks",
        "clean; accepting under 2 % of a core; at most 4 log lines; logins work 1.5 s after release",
    ),
    Promise(
        "18",
        "A full log disk does not matter to the chat",
        "log folder full, read-only, removed; 10 min",
        "clean; logging is back within 5 s",
    ),
    Promise(
        "19",
        "A bad users.txt harms nothing",
        "500 bad files while running; 1,000 kill -9 during rewrites",
        "refused as a whole, with the line; on the disk the old or the new file",
    ),
    Promise(
        "20",
        "A panic costs one session",
        "500 panics each while accepting, reading, executing and writing, and under the central lock",
        "clean; the ghost is gone within 100 ms; the hub's invariants hold",
    ),
    Promise(
        "21",
        "A stop is clean",
        "SIGTERM with 100 stuck clients, 50 times",
        "exit 0 within 5 s; everybody is told; the port is free within 1 s",
    ),
    Promise(
        "22",
        "One session per name, whole groups, one order",
        "100 logins of one name at once, 500 times; 8 threads x 10,000 operations",
        "exactly 1; 0 violations; all orders equal",
    ),
    Promise(
        "22b",
        "A group never has more members than its limit",
        "200 clients join a group of 50 at once, 100 rounds",
        "never 51",
    ),
    Promise(
        "23",
        "Logs hold no secrets and cannot be forged",
        "marked strings as password, name and message",
        "0 in the log; one event is one line",
    ),
    Promise(
        "24",
        "Nothing grows slowly",
        "clients that come, talk and go; 10 min",
        "at most 64 KiB an hour over the noise of a run",
    ),
    Promise(
        "25",
        "What was acknowledged is stored, over kill -9",
        "300 kills at 500 messages a second",
        "lost, twice, out of order: 0",
    ),
    Promise("26", "… and over a loss of power", "the disk loses what was not synced, 20 times", "lost: 0"),
    Promise(
        "27",
        "A failing store is reported, and the chat goes on",
        "a full disk under the database; one whose writes and syncs fail (EIO)",
        "no false acknowledgement; back within 5 s",
    ),
    Promise(
        "28",
        "No cross-site use, no script injection in the web page",
        "200 variants of Origin and Host; 60 strings that would run",
        "only listed origins pass; 0 scripts run",
    ),
];

/// Figures of the last long run, one a line: row and text.
fn recorded() -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("promises.tsv")
}

/// Keeps a figure of a long run. Several tests may do so at once: a line is one write.
pub fn record(row: &str, what: &str) {
    let file = OpenOptions::new().create(true).append(true).open(recorded());
    file.unwrap().write_all(format!("{row}\t{what}\n").as_bytes()).unwrap();
}

/// The row that a figure belongs to; a row may have parts, such as `17 (threads)`.
pub fn promise(row: &str) -> &'static Promise {
    let number = row.split(' ').next().unwrap_or(row);
    let found = PROMISES.iter().find(|promise| promise.0 == number);
    found.unwrap_or_else(|| panic!("there is no promise {row}"))
}

impl Promise {
    /// The beginning of its line in the table, up to its figure.
    pub fn line(&self) -> String {
        let Promise(row, promise, load, figure) = self;
        format!("| {row} | {promise} | {load} | {figure} | ")
    }
}

/// The table with the figures of the last long run, if there was one.
pub fn filled() -> Option<String> {
    let figures = fs::read_to_string(recorded()).ok()?;
    let mut table = String::from("| # | promise | test | promised | measured |\n| --- | --- | --- | --- | --- |\n");
    for promise in PROMISES {
        let of_row = figures.lines().filter_map(|line| line.split_once('\t'));
        let mut seen: Vec<String> = Vec::new();
        for (row, what) in of_row.filter(|(row, _)| row.split(' ').next() == Some(promise.0)) {
            let part = row.split_once(' ').map_or(String::new(), |(_, part)| format!("{part} "));
            seen.push(format!("{part}{what}"));
        }
        let measured = if seen.is_empty() { "not shown".to_owned() } else { seen.join("; ") };
        writeln!(table, "{}{measured} |", promise.line()).unwrap();
    }
    Some(table)
}
