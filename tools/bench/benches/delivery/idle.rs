//! Many clients who are logged in and say nothing: what each of them holds, and that all can still be reached.

use std::io::Read;
use std::net::TcpStream;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::crowd::Crowd;
use crate::server::{Footprint, Process};

/// How long the whole server may take for one thing.
const PATIENCE: Duration = Duration::from_secs(60);

/// Logs in `count` clients, looks, tells all of them something, and sees them off.
pub(crate) fn measure(parlord: &Path, count: usize) {
    raise_descriptors();
    let options = ["--max-clients", &count.to_string(), "--max-unauthenticated", "512", "--log-level", "warn"];
    let server = Process::parlord(parlord, count, &options);
    let before = without_clients(&server);
    let start = Instant::now();
    let mut crowd = Crowd::gather(server.addr, count);
    println!("{count} logged in after {:.1} s, {:.1} s CPU", start.elapsed().as_secs_f64(), server.cpu().as_secs_f64());
    report(before, server.footprint(), count);
    for (question, answer) in [("/broadcast hello", "[Broadcast][u0]: hello"), ("/users", "u")] {
        let cpu = server.cpu();
        let took = ask(&mut crowd, question, answer, count);
        println!(
            "{question}: all {count} lines after {:.1} ms, {:?} CPU",
            took.as_secs_f64() * 1e3,
            server.cpu() - cpu
        );
    }
    report(before, server.footprint(), count);
    drop(crowd);
    let start = Instant::now();
    while server.footprint().threads > before.threads {
        assert!(start.elapsed() < PATIENCE, "threads of clients who left are still there");
        std::thread::sleep(Duration::from_millis(10));
    }
    println!("all threads ended after {:.1} s", start.elapsed().as_secs_f64());
    report(before, server.footprint(), count);
}

/// What the server holds when it serves nobody: it says where it listens a moment before it is all there, so one client
/// who has been greeted is taken off.
fn without_clients(server: &Process) -> Footprint {
    let mut greeted = TcpStream::connect(server.addr).unwrap();
    greeted.read_exact(&mut [0]).unwrap();
    let one = server.footprint();
    Footprint { threads: one.threads - 1, ..one }
}

/// The first client says something; returns how long it took until `count` lines like `answer` came, to whomever.
fn ask(crowd: &mut Crowd, question: &str, answer: &str, count: usize) -> Duration {
    let start = Instant::now();
    crowd.send(0, format!("{question}\n").as_bytes());
    let mut came = 0;
    while came < count {
        assert!(start.elapsed() < PATIENCE, "{question}: {came} of {count}");
        crowd.read_ready(Duration::from_secs(1), |_, line| came += usize::from(line.starts_with(answer.as_bytes())));
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

/// Every client is a descriptor here too.
fn raise_descriptors() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).unwrap();
}
