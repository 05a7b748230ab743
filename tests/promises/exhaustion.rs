//! Row 17: no descriptors, no threads.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Resource, Rlimit, prlimit};

use super::{Canary, Usage, cannot_run, daemon, figure, login_over, paced, scale, torture};
use crate::support::{Daemon, TestClient, eventually};

/// Keeps the server exhausted for a while and measures the accepting thread.
fn hold(daemon: &Daemon, row: &str) {
    let (cpu, start) = (accept_ticks(daemon), Instant::now());
    let mut outside = Vec::new();
    for _ in 0..20 {
        outside.push(TestClient::connect(daemon.addr));
        paced(Instant::now() + scale(Duration::from_millis(20), Duration::from_millis(500)));
    }
    let ticks = accept_ticks(daemon) - cpu;
    // The kernel counts in hundredths of a second.
    let share = ticks as f64 / 100.0 / start.elapsed().as_secs_f64();
    figure(row, &format!("accepting took {:.1} % of a core", share * 100.0));
    assert!(!torture() || share < 0.02);
}

fn accept_ticks(daemon: &Daemon) -> u64 {
    let tasks = fs::read_dir(format!("/proc/{}/task", daemon.child.id())).unwrap();
    let accept =
        tasks.flatten().find(|task| fs::read_to_string(task.path().join("comm")).is_ok_and(|c| c == "accept\n"));
    let stat = fs::read_to_string(accept.expect("the accept thread lives").path().join("stat")).unwrap();
    stat.split(' ').skip(13).take(2).map(|ticks| ticks.parse::<u64>().unwrap()).sum()
}

fn assert_quiet_log(daemon: &Daemon, since: usize) {
    let log = daemon.log()[since..].to_owned();
    let about: Vec<&str> = log.lines().filter(|line| line.contains("accept") || line.contains("refused")).collect();
    assert!(about.len() <= 4, "{about:#?}");
}

/// Row 17, descriptors. The limit is lowered while the daemon runs: at its start it would lower its caps to it.
#[test]
fn descriptor_exhaustion_is_survived() {
    let daemon = daemon(&[]);
    let base = Usage::settled(&daemon);
    let before = Canary::undisturbed(daemon.addr);
    // Descriptors still held by the first pair would be released in the middle of the fault.
    eventually("the first pair is gone", || Usage::of(&daemon).descriptors == base.descriptors);
    let canary = Canary::start(daemon.addr);
    let logged = daemon.log().len();
    let pid = Pid::from_child(&daemon.child);
    let limit = |n| prlimit(Some(pid), Resource::Nofile, Rlimit { current: Some(n), maximum: Some(20_000) }).unwrap();
    let taken = Usage::of(&daemon).descriptors as u64;
    let old = limit(taken + 5);
    let inside: Vec<TestClient> = (0..30).map(|_| TestClient::connect(daemon.addr)).collect();
    daemon.await_log("starved");
    hold(&daemon, "17 (descriptors)");
    assert_quiet_log(&daemon, logged);
    limit(old.current.unwrap_or(20_000));
    let start = Instant::now();
    let mut newcomer = login_over(TestClient::connect(daemon.addr), "alice");
    figure("17 (descriptors)", &format!("in {:.1?} after there were some again", start.elapsed()));
    assert!(!torture() || start.elapsed() < Duration::from_millis(1500));
    newcomer.quiet();
    canary.finish().assert_clean("17 (descriptors)", &before);
    drop(inside);
}

/// Row 17: the last descriptor is taken and released while nobody waits; the next client is served.
#[test]
fn the_next_client_is_served_once_descriptors_are_free() {
    let daemon = daemon(&[]);
    let pid = Pid::from_child(&daemon.child);
    let limit = |n| prlimit(Some(pid), Resource::Nofile, Rlimit { current: Some(n), maximum: Some(20_000) }).unwrap();
    let mut first = login_over(TestClient::connect(daemon.addr), "eve");
    first.send("/quit");
    first.expect_end();
    // It serves, and waits for the next.
    Usage::settled(&daemon);
    // Below this number none is free; the waiting accept has its own already, whatever its number.
    let free = (0..).find(|n| !fs::exists(format!("/proc/{}/fd/{n}", daemon.child.id())).unwrap()).unwrap();
    limit(free);
    let mut last = login_over(TestClient::connect(daemon.addr), "bob");
    daemon.await_log("starved");
    last.send("/quit");
    last.expect_end();
    daemon.await_log("logout user=bob");
    limit(1000);
    login_over(TestClient::connect(daemon.addr), "alice").quiet();
}

/// A control group of its own, in which a process may have only so many threads; gone when dropped.
struct Tasks(PathBuf);

impl Tasks {
    fn around(daemon: &Daemon) -> std::io::Result<Tasks> {
        let dir = PathBuf::from(format!("/sys/fs/cgroup/pids/parlor-test-{}", daemon.child.id()));
        fs::create_dir(&dir)?;
        let tasks = Tasks(dir);
        fs::write(tasks.0.join("cgroup.procs"), daemon.child.id().to_string())?;
        Ok(tasks)
    }

    fn limit(&self, max: &str) {
        fs::write(self.0.join("pids.max"), max).unwrap();
    }
}

impl Drop for Tasks {
    fn drop(&mut self) {
        // It can be removed only after the process has ended; an empty group left behind does no harm.
        let _ = fs::remove_dir(&self.0);
    }
}

/// Row 17, threads.
#[test]
fn thread_exhaustion_is_survived() {
    let mut daemon = daemon(&[]);
    let tasks = match Tasks::around(&daemon) {
        Ok(tasks) => tasks,
        Err(e) => return cannot_run("17 (threads)", &format!("no control group for a number of tasks: {e}")),
    };
    let base = Usage::settled(&daemon);
    let before = Canary::undisturbed(daemon.addr);
    eventually("the first pair is gone", || Usage::of(&daemon).threads == base.threads);
    let canary = Canary::start(daemon.addr);
    let logged = daemon.log().len();
    tasks.limit(&(Usage::of(&daemon).threads + 5).to_string());
    let inside: Vec<TestClient> = (0..30).map(|_| TestClient::connect(daemon.addr)).collect();
    daemon.await_log("no thread");
    hold(&daemon, "17 (threads)");
    assert_quiet_log(&daemon, logged);
    tasks.limit("max");
    let start = Instant::now();
    let mut newcomer = login_over(TestClient::connect(daemon.addr), "alice");
    figure("17 (threads)", &format!("in {:.1?} after there were some again", start.elapsed()));
    assert!(!torture() || start.elapsed() < Duration::from_millis(1500));
    newcomer.quiet();
    canary.finish().assert_clean("17 (threads)", &before);
    drop(inside);
    daemon.child.kill().unwrap();
    daemon.wait();
}
