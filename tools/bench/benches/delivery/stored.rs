//! What a stored message costs: messages a second, processor time and delay, without a store, with commits, with fsync.

use std::path::Path;
use std::time::{Duration, Instant};

use rusqlite::Connection;

use crate::crowd::Crowd;
use crate::server::Process;
use crate::shape::Shape;

/// How long each shape talks.
const TIME: Duration = Duration::from_secs(2);

/// The most pairs that talk at the same time.
const PAIRS: usize = 50;

/// How many commits the bare ones are the mean of.
const COMMITS: u32 = 500;

/// Measures each durability with one and with many senders, and prints the table.
pub(crate) fn measure(binary: &Path) {
    let bare = [("commit", "NORMAL"), ("fsync", "FULL")].map(|(name, synchronous)| (name, bare_commit(synchronous)));
    for (name, time) in bare {
        println!("a bare commit of one message, {name}: {:.3} ms", time.as_secs_f64() * 1e3);
    }
    println!("{:<28} {:<8} {:>12} {:>16} {:>14}", "shape", "store", "messages/s", "CPU us/message", "ms/message");
    let stores: [(&str, &[&str]); 3] =
        [("none", &["--data", "none"]), ("commit", &["--durability", "commit"]), ("fsync", &[])];
    let mut servers = stores.map(|(name, options)| {
        let server = Process::parlord(binary, 2 * PAIRS, &[&["--log-level", "warn"], options].concat());
        let crowd = Crowd::gather(server.addr, 2 * PAIRS);
        (name, server, crowd)
    });
    for (pairs, window) in [(1, 1), (1, 16), (PAIRS, 1), (PAIRS, 16)] {
        let shape = Shape::pairs(pairs, window);
        for (name, server, crowd) in &mut servers {
            let outcome = shape.run(crowd, server, TIME);
            let (messages, time) = (outcome.messages as f64, outcome.time.as_secs_f64());
            let (rate, cpu) = (messages / time, outcome.cpu.as_secs_f64() * 1e6 / messages);
            // Only with one at a time is this the delay of each.
            let each = if (pairs, window) == (1, 1) { format!("{:.3}", time * 1e3 / messages) } else { String::new() };
            println!("{:<28} {name:<8} {rate:>12.0} {cpu:>16.1} {each:>14}", shape.name);
        }
    }
}

/// The mean time of a commit of one message, as SQLite alone does it.
fn bare_commit(synchronous: &str) -> Duration {
    let dir = tempfile::tempdir().unwrap();
    let conn = Connection::open(dir.path().join("bare.db")).unwrap();
    conn.pragma_update(None, "journal_mode", "WAL").unwrap();
    conn.pragma_update(None, "synchronous", synchronous).unwrap();
    conn.execute_batch("CREATE TABLE message (id INTEGER PRIMARY KEY, text TEXT)").unwrap();
    let text = "x".repeat(100);
    let start = Instant::now();
    for _ in 0..COMMITS {
        conn.prepare_cached("INSERT INTO message (text) VALUES (?1)").unwrap().execute([&text]).unwrap();
    }
    start.elapsed() / COMMITS
}
