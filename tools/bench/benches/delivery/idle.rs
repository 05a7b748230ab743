//! Many clients that are logged in and send nothing: what each one costs, and that all can still be reached.

use std::io::Read;
use std::net::TcpStream;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::clients::Clients;
use crate::server::{Footprint, Server};

/// How long to wait for the server before giving up.
const PATIENCE: Duration = Duration::from_secs(60);

/// Logs in `count` clients, measures, writes to all of them, and disconnects them.
pub(crate) fn measure(parlord: &Path, count: usize) {
    raise_descriptor_limit();
    let options = ["--max-clients", &count.to_string(), "--max-unauthenticated", "512", "--log-level", "warn"];
    let server = Server::parlord(parlord, count, &options);
    let before = without_clients(&server);
    let start = Instant::now();
    let mut clients = Clients::log_in(server.addr, count);
    println!("{count} logged in after {:.1} s, {:.1} s CPU", start.elapsed().as_secs_f64(), server.cpu().as_secs_f64());
    report(before, server.footprint(), count);
    for (question, answer) in [("/broadcast hello", "[Broadcast][u0]: hello"), ("/users", "u")] {
        let cpu = server.cpu();
        let took = ask(&mut clients, question, answer, count);
        println!(
            "{question}: all {count} lines after {:.1} ms, {:?} CPU",
            took.as_secs_f64() * 1e3,
            server.cpu() - cpu
        );
    }
    report(before, server.footprint(), count);
    drop(clients);
    let start = Instant::now();
    while server.footprint().threads > before.threads {
        assert!(start.elapsed() < PATIENCE, "the threads of disconnected clients are still there");
        std::thread::sleep(Duration::from_millis(10));
    }
    println!("all threads ended after {:.1} s", start.elapsed().as_secs_f64());
    report(before, server.footprint(), count);
}

/// The footprint of the server without clients. It says where it listens a moment before it has started completely, so
/// this measures with one client that has its prompt, and subtracts that client's thread.
fn without_clients(server: &Server) -> Footprint {
    let mut prompted = TcpStream::connect(server.addr).unwrap();
    prompted.read_exact(&mut [0]).unwrap();
    let one = server.footprint();
    Footprint { threads: one.threads - 1, ..one }
}

/// Sends a line from the first client. Returns how long it took until `count` lines that begin with `answer` arrived, at
/// any clients.
fn ask(clients: &mut Clients, question: &str, answer: &str, count: usize) -> Duration {
    let start = Instant::now();
    clients.send(0, format!("{question}\n").as_bytes());
    let mut arrived = 0;
    while arrived < count {
        assert!(start.elapsed() < PATIENCE, "{question}: {arrived} of {count}");
        clients
            .read_ready(Duration::from_secs(1), |_, line| arrived += usize::from(line.starts_with(answer.as_bytes())));
    }
    start.elapsed()
}

fn report(before: Footprint, now: Footprint, count: usize) {
    let each = |now: u64, before: u64| now.saturating_sub(before) as f64 / count as f64;
    println!(
        "  threads {}, RSS {} MiB ({:.1} KiB a client), virtual {} MiB, regions {} ({:.2} a client)",
        now.threads,
        now.rss_kib / 1024,
        each(now.rss_kib, before.rss_kib),
        now.virtual_kib / 1024,
        now.regions,
        each(now.regions as u64, before.regions as u64),
    );
}

/// Raises the limit on open descriptors: each client needs one here, too.
fn raise_descriptor_limit() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).unwrap();
}
