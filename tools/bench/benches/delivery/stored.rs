//! What a stored message costs: rate, CPU time and latency without a store, with commits, and with fsync.

use std::path::Path;
use std::time::{Duration, Instant};

use rusqlite::Connection;

use crate::clients::Clients;
use crate::server::Server;
use crate::workload::Workload;

/// How long each workload sends.
const TIME: Duration = Duration::from_secs(2);

/// The most pairs at the same time.
const PAIRS: usize = 50;

/// How many bare commits are averaged.
const COMMITS: u32 = 500;

/// Measures each durability with one sender and with many, and prints a table.
pub(crate) fn measure(binary: &Path) {
    let bare = [("commit", "NORMAL"), ("fsync", "FULL")].map(|(name, synchronous)| (name, bare_commit(synchronous)));
    for (name, time) in bare {
        println!("a bare commit of one message, {name}: {:.3} ms", time.as_secs_f64() * 1e3);
    }
    println!("{:<28} {:<8} {:>12} {:>16} {:>14}", "workload", "store", "messages/s", "CPU us/message", "ms/message");
    let stores: [(&str, &[&str]); 3] =
        [("none", &["--data", "none"]), ("commit", &["--durability", "commit"]), ("fsync", &[])];
    let mut servers = stores.map(|(name, options)| {
        let server = Server::parlord(binary, 2 * PAIRS, &[&["--log-level", "warn"], options].concat());
        let clients = Clients::log_in(server.addr, 2 * PAIRS);
        (name, server, clients)
    });
    for (pairs, window) in [(1, 1), (1, 16), (PAIRS, 1), (PAIRS, 16)] {
        let workload = Workload::pairs(pairs, window);
        for (name, server, clients) in &mut servers {
            let outcome = workload.run(clients, server, TIME);
            let (messages, time) = (outcome.messages as f64, outcome.time.as_secs_f64());
            let (rate, cpu) = (messages / time, outcome.cpu.as_secs_f64() * 1e6 / messages);
            // Only with one message at a time is this the latency of each.
            let each = if (pairs, window) == (1, 1) { format!("{:.3}", time * 1e3 / messages) } else { String::new() };
            println!("{:<28} {name:<8} {rate:>12.0} {cpu:>16.1} {each:>14}", workload.name);
        }
    }
}

/// The mean time SQLite alone takes to commit one message.
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
