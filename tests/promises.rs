//! Promises under load, faults and bad input: one test per promise, numbered as in the table of promises.
//!
//! Each has a quick version, and with `TORTURE=1` in the environment a long one with the figures of the table.
//! All load stays on loopback and is bounded in count and time. No test sleeps; a load with a rate is [`paced`].

mod breaking;
mod capacity;
mod exhaustion;
mod failing_disk;
mod faults;
mod floods;
mod full_disk;
mod input;
mod killing;
mod long;
mod order;
mod power_loss;
mod readers;
mod secrets;
pub mod table;

use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam_channel::{RecvTimeoutError, Sender, bounded, never};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use socket2::{Domain, Socket, Type};

use crate::support::{Daemon, PATIENCE, TestClient, WELCOME, password};

/// Whether the long versions run.
pub fn torture() -> bool {
    std::env::var_os("TORTURE").is_some()
}

/// `quick` in a quick run, `long` in a long one.
pub fn scale<T>(quick: T, long: T) -> T {
    if torture() { long } else { quick }
}

/// Prints a measurement beside the promised figure; a long run also records it for the table.
pub fn figure(row: &str, what: &str) {
    let promised = table::promise(row).3;
    if torture() {
        table::record(row, what);
    }
    let form = scale("in quick form", "in full");
    // Losing this line without a terminal does no harm.
    let _ = writeln!(std::io::stderr(), "promise {row} {form}: {what} (promised in full: {promised})");
}

/// A number of bytes in a figure.
pub fn mb(bytes: usize) -> String {
    format!("{:.1} MB", bytes as f64 / 1e6)
}

/// Records that a test cannot run here, and why; the table of a long run shows it.
pub fn cannot_run(row: &str, why: &str) {
    figure(row, &format!("not shown: {why}"));
}

/// Waits for the next moment of a load's schedule. No result depends on how long this takes.
pub fn paced(at: Instant) {
    let end = never::<()>().recv_deadline(at);
    assert_eq!(end, Err(RecvTimeoutError::Timeout));
}

/// The 99th percentile.
pub fn p99(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times.get((times.len() * 99).div_ceil(100).saturating_sub(1)).copied().unwrap_or_default()
}

/// Random numbers that are the same in every run.
pub struct Dice(pub u64);

impl Dice {
    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    pub fn below(&mut self, n: usize) -> usize {
        usize::try_from(self.next() % n as u64).unwrap()
    }
}

/// Two clients that exchange 20 numbered messages a second, and fail if one is lost, duplicated or out of order.
pub struct Canary {
    stop: Sender<()>,
    running: JoinHandle<Tally>,
}

/// The measurements of a canary pair.
#[derive(Debug, Clone, Copy)]
pub struct Tally {
    pub messages: usize,
    pub p99: Duration,
}

impl Canary {
    /// Logs `user998` and `user999` in and lets them talk.
    pub fn start(addr: SocketAddr) -> Canary {
        let pair = ["user998", "user999"].map(|name| login(addr, name));
        let (stop, stopped) = bounded(0);
        let running = std::thread::spawn(move || {
            let (mut pair, mut times) = (pair, Vec::new());
            let start = Instant::now();
            loop {
                let due = start + Duration::from_millis(50) * u32::try_from(times.len()).unwrap();
                if stopped.recv_deadline(due) != Err(RecvTimeoutError::Timeout) {
                    break;
                }
                say_one(&mut pair, times.len());
                times.push(due.elapsed());
            }
            for canary in &mut pair {
                canary.send("/ping canary over");
                assert_eq!(canary.line_with("canary"), "Pong: canary over");
            }
            Tally { messages: times.len(), p99: p99(times) }
        });
        Canary { stop, running }
    }

    /// Ends the exchange, and fails if it was not complete.
    pub fn finish(self) -> Tally {
        drop(self.stop);
        match self.running.join() {
            Ok(tally) => tally,
            Err(panic) => std::panic::resume_unwind(panic),
        }
    }

    /// Measures a pair while nothing else happens.
    pub fn undisturbed(addr: SocketAddr) -> Tally {
        let canary = Canary::start(addr);
        paced(Instant::now() + scale(Duration::from_millis(300), Duration::from_secs(10)));
        canary.finish()
    }
}

impl Tally {
    /// Compares with a pair that ran without the fault; times count in long runs only.
    pub fn assert_clean(&self, row: &str, before: &Tally) {
        let Tally { messages, p99, .. } = self;
        figure(row, &format!("clean: {messages} messages beside it, p99 {p99:.1?}, without {:.1?}", before.p99));
        let limit = (before.p99 * 2).max(Duration::from_millis(20));
        assert!(!torture() || self.p99 <= limit, "p99 {:?}, allowed {limit:?}", self.p99);
    }
}

fn say_one(pair: &mut [TestClient; 2], number: usize) {
    let names = ["user998", "user999"];
    let (from, to) = (number % 2, 1 - number % 2);
    pair[from].send(&format!("/msg {} canary {number}", names[to]));
    assert_eq!(pair[to].line_with("canary"), format!("[{}]: canary {number}", names[from]));
    assert_eq!(pair[from].line_with("canary"), format!("[to {}]: canary {number}", names[to]));
}

/// Logs a client in with one write. Later arrivals of others are left unread.
pub fn login(addr: SocketAddr, name: &str) -> TestClient {
    login_over(TestClient::connect(addr), name)
}

/// Like [`login`], on a fresh connection.
pub fn login_over(mut client: TestClient, name: &str) -> TestClient {
    client.send_raw(format!("{name}\n{}\n", password(name)));
    client.expect_bytes(format!("Enter username: Enter password: {WELCOME}\n"));
    client.line();
    client
}

/// A connection with a small receive buffer, so that it fills quickly when the client does not read.
pub fn connect_small(addr: SocketAddr) -> TestClient {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    socket.connect(&addr.into()).unwrap();
    TestClient::over(socket.into())
}

/// Many connections read by one thread.
pub struct Crowd {
    members: Vec<Member>,
}

struct Member {
    stream: TcpStream,
    unread: Vec<u8>,
    open: bool,
}

impl Crowd {
    pub fn of(clients: impl IntoIterator<Item = TestClient>) -> Crowd {
        let member = |client: TestClient| {
            let (stream, unread) = client.into_parts();
            stream.set_nonblocking(true).unwrap();
            Member { stream, unread, open: true }
        };
        Crowd { members: clients.into_iter().map(member).collect() }
    }

    /// The number of connections that the server has not closed.
    pub fn open(&self) -> usize {
        self.members.iter().filter(|member| member.open).count()
    }

    pub fn is_open(&self, who: usize) -> bool {
        self.members[who].open
    }

    /// Sends the same bytes to all open connections; bytes that do not fit are dropped.
    pub fn send(&mut self, bytes: &[u8]) {
        for member in self.members.iter_mut().filter(|member| member.open) {
            // A connection that has ended says so when it is read.
            let _ = member.stream.write(bytes);
        }
    }

    /// Waits until `until` or until input arrives, reads it, and passes on the complete lines.
    pub fn read(&mut self, until: Instant, mut each: impl FnMut(usize, &str)) {
        let left = Timespec::try_from(until.saturating_duration_since(Instant::now())).unwrap();
        let open: Vec<usize> = (0..self.members.len()).filter(|n| self.members[*n].open).collect();
        let mut waiting: Vec<PollFd<'_>> =
            open.iter().map(|n| PollFd::new(&self.members[*n].stream, PollFlags::IN)).collect();
        poll(&mut waiting, Some(&left)).unwrap();
        let ready: Vec<bool> = waiting.iter().map(|fd| !fd.revents().is_empty()).collect();
        for (n, _) in open.into_iter().zip(ready).filter(|(_, ready)| *ready) {
            self.members[n].read();
            self.members[n].lines(|line| each(n, line));
        }
    }

    /// Reads until `done` says so; fails when that never happens.
    pub fn read_until(&mut self, what: &str, mut each: impl FnMut(usize, &str), mut done: impl FnMut(&Crowd) -> bool) {
        let deadline = Instant::now() + PATIENCE * scale(1, 10);
        while !done(self) {
            assert!(Instant::now() < deadline, "never happened: {what}");
            self.read(Instant::now() + Duration::from_millis(50), &mut each);
        }
    }

    /// The incomplete line that each connection has received.
    pub fn unread(&self) -> impl Iterator<Item = &[u8]> {
        self.members.iter().map(|member| &member.unread[..])
    }
}

impl Member {
    fn read(&mut self) {
        let mut buffer = [0; 65536];
        match self.stream.read(&mut buffer) {
            Ok(0) => self.open = false,
            Ok(n) => self.unread.extend_from_slice(&buffer[..n]),
            Err(e) if e.kind() == ErrorKind::WouldBlock => {}
            Err(_) => self.open = false,
        }
    }

    fn lines(&mut self, mut each: impl FnMut(&str)) {
        let Some(end) = self.unread.iter().rposition(|b| *b == b'\n') else { return };
        let whole: Vec<u8> = self.unread.drain(..=end).collect();
        whole[..end].split(|b| *b == b'\n').for_each(|line| each(&String::from_utf8_lossy(line)));
    }
}

/// The resources of a process at one moment.
#[derive(Debug, Clone, Copy)]
pub struct Usage {
    pub threads: usize,
    pub descriptors: usize,
    pub rss: usize,
}

impl Usage {
    pub fn of(daemon: &Daemon) -> Usage {
        let proc = format!("/proc/{}", daemon.child.id());
        let count = |what: &str| fs::read_dir(format!("{proc}/{what}")).unwrap().count();
        let pages: usize =
            fs::read_to_string(format!("{proc}/statm")).unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        Usage { threads: count("task"), descriptors: count("fd"), rss: pages * 4096 }
    }

    /// The resources of the process once they no longer change.
    pub fn settled(daemon: &Daemon) -> Usage {
        let mut last = Usage::of(daemon);
        let mut same = 0;
        while same < 40 {
            paced(Instant::now() + Duration::from_millis(10));
            let now = Usage::of(daemon);
            same = if (now.threads, now.descriptors) == (last.threads, last.descriptors) { same + 1 } else { 0 };
            last = now;
        }
        last
    }

    /// Waits until the process has as many threads and descriptors as then, and at most 5 MB more memory.
    pub fn await_back(self, row: &str, daemon: &Daemon) {
        let (start, mut now) = (Instant::now(), Usage::of(daemon));
        let limit = scale(PATIENCE, Duration::from_secs(5));
        while (now.threads, now.descriptors) != (self.threads, self.descriptors) || now.rss > self.rss + 5_000_000 {
            assert!(start.elapsed() < limit, "not back to base: {now:?}, base {self:?}");
            paced(Instant::now() + Duration::from_millis(5));
            now = Usage::of(daemon);
        }
        let grown = mb(now.rss.saturating_sub(self.rss));
        figure(row, &format!("back to base after {:.1?}, RSS +{grown}", start.elapsed()));
    }
}

/// A daemon whose log file is already open, so that its resources can be compared.
pub fn daemon(options: &[&str]) -> Daemon {
    let daemon = Daemon::start(options);
    daemon.await_log("listening");
    daemon
}
