//! Rows 16, 18 and 24, which only mean something when they take their time: in quick runs they say so and do nothing.
//!
//! `TORTURE_MINUTES` says how many minutes rows 18 and 24 take; 10 without it.

use std::fs;
use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use parlor::model::limits::MEMORY_MESSAGES;

use super::{Canary, Usage, cannot_run, daemon, figure, login, login_over, mb, paced, torture};
use crate::support::{Daemon, TestClient, eventually};

fn time() -> Duration {
    let minutes = std::env::var("TORTURE_MINUTES").ok().and_then(|text| text.parse().ok());
    Duration::from_secs(60 * minutes.unwrap_or(10))
}

fn only_long(row: &str) -> bool {
    if !torture() {
        figure(row, "only shown by make torture");
    }
    torture()
}

fn run(program: &str, words: &str) -> bool {
    let command = Command::new(program).args(words.split(' ')).stdout(Stdio::null()).stderr(Stdio::null()).status();
    command.is_ok_and(|status| status.success())
}

/// A network namespace of its own with a cable to this one; both ends vanish when dropped.
struct Cable {
    namespace: String,
    end: String,
}

impl Cable {
    fn lay() -> Option<Cable> {
        let id = std::process::id();
        let cable = Cable { namespace: format!("parlor-test-{id}"), end: format!("pt{id}") };
        let Cable { namespace, end } = &cable;
        let laid = run("ip", &format!("netns add {namespace}"))
            && run("ip", &format!("link add {end} type veth peer name far0 netns {namespace}"))
            && run("ip", &format!("addr add 10.213.7.1/30 dev {end}"))
            && run("ip", &format!("link set {end} up"))
            && run("ip", &format!("-n {namespace} addr add 10.213.7.2/30 dev far0"))
            && run("ip", &format!("-n {namespace} link set far0 up"));
        laid.then_some(cable)
    }

    /// A netcat at the far end, which says these lines.
    fn far_client(&self, to: SocketAddr, says: &str) -> Option<Child> {
        let words = format!("netns exec {} nc {} {}", self.namespace, to.ip(), to.port());
        let mut client =
            Command::new("ip").args(words.split(' ')).stdin(Stdio::piped()).stdout(Stdio::null()).spawn().ok()?;
        client.stdin.as_mut()?.write_all(says.as_bytes()).ok()?;
        Some(client)
    }

    fn pull(&self) {
        assert!(run("ip", &format!("-n {} link set far0 down", self.namespace)));
    }
}

impl Drop for Cable {
    fn drop(&mut self) {
        run("ip", &format!("link del {}", self.end));
        run("ip", &format!("netns del {}", self.namespace));
    }
}

/// Row 16.
#[test]
fn vanished_peers_disappear() {
    if !only_long("16") {
        return;
    }
    let Some(cable) = Cable::lay() else { return cannot_run("16", "no network namespace or no veth") };
    let daemon = Daemon::start(&["--listen", "10.213.7.1:0"]);
    daemon.await_log("listening addr=10.213.7.1");
    let log = daemon.log();
    let addr = log.lines().find_map(|line| {
        line.split("addr=").nth(1)?.parse::<SocketAddr>().ok().filter(|a| a.ip().to_string() == "10.213.7.1")
    });
    let addr = addr.expect("the second address");
    let mut far: Vec<Child> =
        ["user1", "user2"].map(|name| cable.far_client(addr, &format!("{name}\npw\n")).unwrap()).into();
    daemon.await_log("login user=user1");
    daemon.await_log("login user=user2");
    let before = Canary::undisturbed(daemon.addr);
    let canary = Canary::start(daemon.addr);
    let mut alice = login(daemon.addr, "alice");
    cable.pull();
    let start = Instant::now();
    // user1 is idle, user2 has data waiting. A departure would be data for both, so nobody else comes or goes.
    alice.send("/msg user2 are you there?");
    let gone = |name: &str| daemon.log().contains(&format!("logout user={name}"));
    let (mut with_data, mut idle) = (None, None);
    while with_data.is_none() || idle.is_none() {
        assert!(start.elapsed() < Duration::from_secs(200), "with data {with_data:?}, idle {idle:?}");
        paced(Instant::now() + Duration::from_millis(250));
        if gone("user2") {
            with_data.get_or_insert(start.elapsed());
        }
        if gone("user1") {
            idle.get_or_insert(start.elapsed());
        }
    }
    let (with_data, idle) = (with_data.unwrap(), idle.unwrap());
    figure("16", &format!("gone with data after {with_data:.1?}, idle after {idle:.1?}"));
    assert!(with_data < Duration::from_secs(66) && idle < Duration::from_secs(150));
    canary.finish().assert_clean("16", &before);
    far.iter_mut().for_each(|client| {
        client.kill().unwrap();
        client.wait().unwrap();
    });
}

/// `parlord` in a mount namespace of its own, with its logs on a file system of 256 KiB.
fn daemon_with_small_disk() -> Option<(Daemon, PathBuf)> {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("logs")).unwrap();
    crate::support::write_users(dir.path());
    let script = format!(
        "mount -t tmpfs -o size=256k tmpfs logs && exec '{}' --listen 127.0.0.1:0 --log-level debug",
        env!("CARGO_BIN_EXE_parlord")
    );
    let mut command = Command::new("unshare");
    command.args(["-m", "sh", "-c", &script]).current_dir(dir.path()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().ok()?;
    let mut line = String::new();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(child.stdout.as_mut()?), &mut line).ok()?;
    let Some(addr) = line.trim().strip_prefix("listening on ").and_then(|addr| addr.parse().ok()) else {
        let _ = child.wait();
        return None;
    };
    let logs = PathBuf::from(format!("/proc/{}/root{}", child.id(), dir.path().join("logs").display()));
    Some((Daemon { addr, dir, child }, logs))
}

fn has_line(logs: &Path, part: &str) -> bool {
    fs::read_to_string(logs.join("parlord.log")).is_ok_and(|log| log.contains(part))
}

/// Row 18.
#[test]
fn a_full_log_disk_does_not_matter_to_the_chat() {
    if !only_long("18") {
        return;
    }
    let Some((daemon, logs)) = daemon_with_small_disk() else { return cannot_run("18", "no mount namespace") };
    let before = Canary::undisturbed(daemon.addr);
    let canary = Canary::start(daemon.addr);
    let part = time() / 3;
    let inside = |words: &str| {
        let path = daemon.dir.path().join("logs");
        let words = format!("-t {} -m {words} {}", daemon.child.id(), path.display());
        assert!(run("nsenter", &words), "{words}");
    };
    let come_and_go = |name: &str| {
        let mut client = login(daemon.addr, name);
        client.send("/quit");
        client.read_to_end();
    };
    let hold = |name: &str, until: Instant, meanwhile: &dyn Fn()| {
        while Instant::now() < until {
            meanwhile();
            come_and_go(name);
            paced(Instant::now() + Duration::from_millis(200));
        }
    };
    let back = |name: &str, n: usize| {
        let start = Instant::now();
        eventually("the log is back", || {
            come_and_go(name);
            paced(Instant::now() + Duration::from_millis(100));
            has_line(&logs, &format!("login user={name}"))
        });
        figure("18", &format!("fault {n}: logging back after {:.1?}", start.elapsed()));
        assert!(start.elapsed() < Duration::from_secs(5));
    };
    // Full.
    let filler = logs.join("filler");
    let _ = fs::write(&filler, vec![0; 1 << 20]);
    hold("user1", Instant::now() + part, &|| ());
    fs::remove_file(&filler).unwrap();
    back("user2", 1);
    // Removed, once and for as long as it lasts.
    let remove = || {
        for entry in fs::read_dir(&logs).unwrap().flatten() {
            // Files that the daemon has renamed in the meantime are removed, too.
            let _ = fs::remove_file(entry.path());
        }
    };
    remove();
    back("user3", 2);
    hold("user4", Instant::now() + part, &remove);
    back("user5", 3);
    // Read-only: another file system takes its place, for one that is written to cannot be made so.
    inside("mount -t tmpfs -o ro tmpfs");
    hold("user6", Instant::now() + part, &|| ());
    inside("umount");
    back("user7", 4);
    assert!(!has_line(&logs, "panic"));
    canary.finish().assert_clean("18", &before);
}

/// Row 24.
#[test]
fn there_is_no_slow_growth() {
    if !only_long("24") {
        return;
    }
    let daemon = daemon(&["--rate", "0"]);
    let mut members: Vec<TestClient> = (0..20).map(|n| login(daemon.addr, &format!("user{n}"))).collect();
    // A server without a database keeps the last messages in memory: from here on there are as many as it keeps. The
    // heap stops growing a little later than that.
    for _ in 0..2 * MEMORY_MESSAGES / 100 {
        members[0].send_raw("/broadcast soak 123456\n".repeat(100));
        for member in &mut members {
            member.send("/ping filled");
            member.line_with("Pong: filled");
        }
    }
    let mut work = |n: usize| {
        let name = format!("user{}", 100 + n % 800);
        let mut guest = login_over(TestClient::connect(daemon.addr), &name);
        guest.send(&format!("/create_group soak{n}\n/broadcast soak {n}\n/leave_group soak{n}\n/quit"));
        guest.read_to_end();
        for member in &mut members {
            member.line_with(&format!("*** {name} has left the chat."));
        }
        let _ = TcpStream::connect(daemon.addr);
    };
    // Threads that end and begin again with arenas of the heap that are in use take a while to have met all of it.
    (0..50_000).for_each(&mut work);
    let (base, start, mut count) = (Usage::settled(&daemon), Instant::now(), 0);
    while start.elapsed() < time() {
        (0..100).for_each(|n| work(count + n));
        count += 100;
    }
    let end = Usage::settled(&daemon);
    let grown = end.rss.saturating_sub(base.rss);
    figure("24", &format!("{count} rounds in {:.1?}: RSS +{}", start.elapsed(), mb(grown)));
    assert_eq!((end.threads, end.descriptors), (base.threads, base.descriptors));
    // 64 KiB an hour, plus the normal variation of a heap.
    assert!(grown as f64 <= 65_536.0 * start.elapsed().as_secs_f64() / 3600.0 + 262_144.0, "RSS grew by {grown}");
}
