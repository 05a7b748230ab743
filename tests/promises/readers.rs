//! Rows 12 to 15: clients that do not read, read too slowly, or send too much.

use std::io::{Read, Write};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::{Canary, Crowd, Usage, connect_small, daemon, figure, login, login_over, mb, p99, paced, scale, torture};
use crate::support::{PATIENCE, TestServer, eventually};

const BROADCAST: &str = "[Broadcast][alice]: number ";
const GROUP: &str = "[Group g][alice]: number ";

/// Says `number N text` to everybody or to a group, waiting for its own echo each time; returns how long each took.
struct Speaker {
    crowd: Crowd,
    say: &'static str,
    heard: &'static str,
    text: String,
    sent: usize,
}

impl Speaker {
    fn new(addr: std::net::SocketAddr, bytes: usize) -> Speaker {
        let (say, heard) = ("/broadcast", BROADCAST);
        Speaker { crowd: Crowd::of([login(addr, "alice")]), say, heard, text: "x".repeat(bytes), sent: 0 }
    }

    /// Makes it speak in the group `g` from now on.
    fn in_group(mut self) -> Speaker {
        (self.say, self.heard) = ("/group_msg g", GROUP);
        self.crowd.send(b"/join_group g\n");
        self
    }

    fn say(&mut self, count: usize) -> Vec<Duration> {
        (0..count).map(|_| self.say_one()).collect()
    }

    fn say_one(&mut self) -> Duration {
        let (number, start) = (self.sent, Instant::now());
        self.sent += 1;
        self.crowd.send(format!("{} number {number} {}\n", self.say, self.text).as_bytes());
        let echo = format!("{}{number} ", self.heard);
        let mut heard = false;
        while !heard {
            assert!(start.elapsed() < PATIENCE && self.crowd.open() == 1, "no echo of number {number}");
            self.crowd.read(Instant::now() + Duration::from_secs(1), |_, line| heard |= line.starts_with(&echo));
        }
        start.elapsed()
    }
}

/// A crowd that is read by a thread of its own, and in which everybody has to hear everything in order.
struct Listeners {
    /// How many each of them has heard.
    heard: Arc<AtomicUsize>,
    /// How many there are to hear; known at the end.
    goal: Arc<AtomicUsize>,
    reading: JoinHandle<()>,
}

impl Listeners {
    fn new(mut crowd: Crowd, members: usize, prefix: &'static str) -> Listeners {
        let (heard, goal) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(usize::MAX)));
        let (least, all) = (Arc::clone(&heard), Arc::clone(&goal));
        let reading = std::thread::spawn(move || {
            let mut next = vec![0; members];
            while least.load(Relaxed) < all.load(Relaxed) {
                assert_eq!(crowd.open(), members, "somebody who reads was cut");
                crowd.read(Instant::now() + Duration::from_millis(100), |who, line| {
                    let Some(rest) = line.strip_prefix(prefix) else { return };
                    assert_eq!(rest.split(' ').next().unwrap().parse(), Ok(next[who]), "listener {who}");
                    next[who] += 1;
                });
                least.store(next.iter().min().copied().unwrap_or(0), Relaxed);
            }
        });
        Listeners { heard, goal, reading }
    }

    /// Lets 50 be said and heard: on a busy machine the listeners shall not be slow readers.
    fn hear(&self, speaker: &mut Speaker) -> Vec<Duration> {
        let times = (0..50).map(|_| speaker.say_one()).collect();
        eventually("all have heard", || self.reading.is_finished() || self.heard.load(Relaxed) >= speaker.sent);
        assert!(!self.reading.is_finished(), "a listener was lost");
        times
    }

    fn finish(self, speaker: &Speaker) {
        self.goal.store(speaker.sent, Relaxed);
        self.reading.join().unwrap();
    }
}

/// Row 12.
#[test]
fn a_flooder_slows_only_itself() {
    let burst = scale(200, 2000);
    let daemon = daemon(&["--burst", &burst.to_string()]);
    let listeners = scale(20, 200);
    let mut crowd = Crowd::of((0..listeners).map(|n| login(daemon.addr, &format!("user{n}"))).collect::<Vec<_>>());
    let before = Canary::undisturbed(daemon.addr);
    let canary = Canary::start(daemon.addr);
    let (mut flooder, _) = login(daemon.addr, "eve").into_parts();
    flooder.set_nonblocking(true).unwrap();
    let lines = "/msg user0 flood\n".repeat(100);
    let (mut heard, mut marks) = (0, Vec::new());
    let start = Instant::now();
    // The burst is over after a quarter of the time.
    let time = scale(Duration::from_secs(3), Duration::from_secs(40));
    let mut buffer = [0; 65536];
    while start.elapsed() < time {
        // The flooder writes as much as the server takes, and reads the answers.
        while flooder.write(lines.as_bytes()).is_ok() {}
        while matches!(flooder.read(&mut buffer), Ok(n) if n > 0) {}
        crowd.read(Instant::now() + Duration::from_millis(5), |_, line| heard += usize::from(line == "[eve]: flood"));
        if marks.is_empty() && start.elapsed() > time / 4 {
            marks.push((Instant::now(), heard));
        }
    }
    let (since, mark) = marks[0];
    let rate = (heard - mark) as f64 / since.elapsed().as_secs_f64();
    let slowed = daemon.log().matches("slowed user=eve").count();
    figure("12", &format!("{rate:.1} a second after the burst, {heard} in all; \"slowed\" logged: {slowed}"));
    let allowed = burst + usize::try_from(start.elapsed().as_secs()).unwrap() * 100 + 150;
    assert!(heard <= allowed, "{heard} got through, {allowed} allowed");
    assert!(!torture() || (95.0..=105.0).contains(&rate), "{rate} a second");
    assert_eq!(crowd.open(), listeners);
    // The log mentions a flooder once, and again after each recovery of half a burst, which happens on a busy machine.
    let recoveries = usize::try_from(start.elapsed().as_secs()).unwrap() * 100 * 2 / burst;
    assert!(slowed <= scale(1 + recoveries, 2), "the log mentions the slowed client {slowed} times");
    canary.finish().assert_clean("12", &before);
    assert!(!daemon.log().contains("slow reader"));
}

/// Row 13.
#[test]
fn clients_that_never_read_are_cut_and_memory_stays_bounded() {
    let (stuck, listeners, count) = scale((5, 20, 1_500), (50, 149, 5_000));
    let daemon = daemon(&["--rate", "0"]);
    let crowd = |addr, count| Crowd::of((0..count).map(|n| login(addr, &format!("user{n}"))).collect::<Vec<_>>());
    // Among the clients that read.
    let before = {
        let (other, all) = (super::daemon(&["--rate", "0"]), listeners + stuck);
        let listening = Listeners::new(crowd(other.addr, all), all, BROADCAST);
        let mut speaker = Speaker::new(other.addr, 400);
        let times = (0..count / 50).flat_map(|_| listening.hear(&mut speaker)).collect();
        listening.finish(&speaker);
        p99(times)
    };
    let reading = crowd(daemon.addr, listeners);
    let never: Vec<_> =
        (listeners..listeners + stuck).map(|n| login_over(connect_small(daemon.addr), &format!("user{n}"))).collect();
    let base = Usage::of(&daemon);
    let listening = Listeners::new(reading, listeners, BROADCAST);
    let mut speaker = Speaker::new(daemon.addr, 400);
    let (mut most, mut times) = (0, Vec::new());
    while speaker.sent < count {
        times.extend(listening.hear(&mut speaker));
        most = most.max(Usage::of(&daemon).rss.saturating_sub(base.rss));
    }
    listening.finish(&speaker);
    eventually("the stuck ones are cut", || daemon.log().matches("reason=\"slow reader\"").count() == stuck);
    let allowed = stuck * 320 * 1024 + 5_000_000;
    figure(
        "13",
        &format!(
            "RSS +{}, allowed {}; sender p99 {:.1?}, with readers only {before:.1?}",
            mb(most),
            mb(allowed),
            p99(times.clone())
        ),
    );
    assert!(most <= allowed, "RSS grew by {most}, allowed {allowed}");
    let limit = (before * 3 / 2).max(Duration::from_millis(20));
    assert!(!torture() || p99(times) <= limit);
    drop(never);
}

/// Row 13: one client of a group is a stopped process.
#[test]
fn nobody_notices_a_stopped_client_in_a_group() {
    let daemon = daemon(&["--rate", "0"]);
    let base = Usage::settled(&daemon);
    let netcat = Command::new("nc")
        .args([daemon.addr.ip().to_string(), daemon.addr.port().to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn();
    let Ok(mut netcat) = netcat else { return super::cannot_run("13 (stopped nc)", "there is no nc") };
    netcat.stdin.as_mut().unwrap().write_all(b"user500\npw\n/create_group g\n").unwrap();
    let mut eve = login(daemon.addr, "eve");
    eventually("the group is there", || {
        eve.send("/groups");
        eve.line_with("roup") == "Groups:"
    });
    drop(eve);
    let listeners = scale(20, 99);
    let join = |n| {
        let mut member = login(daemon.addr, &format!("user{n}"));
        member.send("/join_group g");
        assert_eq!(member.line_with("joined the group g"), "You joined the group g.");
        member
    };
    let crowd = Crowd::of((0..listeners).map(join).collect::<Vec<_>>());
    let before = Canary::undisturbed(daemon.addr);
    let canary = Canary::start(daemon.addr);
    let pid = netcat.id().to_string();
    assert!(Command::new("kill").args(["-STOP", &pid]).status().unwrap().success());
    let mut speaker = Speaker::new(daemon.addr, 1500).in_group();
    let listening = Listeners::new(crowd, listeners, GROUP);
    while !daemon.log().contains("slow reader") {
        listening.hear(&mut speaker);
        // The kernel takes some megabytes for a process that does not read.
        assert!(speaker.sent < 20_000, "a stopped client was not cut");
    }
    listening.finish(&speaker);
    assert!(daemon.log().contains("logout user=user500 reason=\"slow reader\""));
    canary.finish().assert_clean("13 (stopped nc)", &before);
    netcat.kill().unwrap();
    netcat.wait().unwrap();
    figure("13 (stopped nc)", &format!("cut after {} broadcasts", speaker.sent));
    drop(speaker);
    base.await_back("13 (stopped nc)", &daemon);
}

/// Row 13b.
#[test]
fn asking_faster_than_reading_is_slowed_and_not_cut() {
    let daemon = daemon(&["--rate", "0"]);
    let (questions, pace) = scale((3_000, 400_000), (10_000, 50_000));
    let _others: Vec<_> = (0..20).map(|n| login(daemon.addr, &format!("user{n}"))).collect();
    let (mut reader, _) = login_over(connect_small(daemon.addr), "alice").into_parts();
    let base = Usage::of(&daemon);
    let mut writer = reader.try_clone().unwrap();
    let asking = std::thread::spawn(move || {
        (0..questions / 100).for_each(|_| writer.write_all("/users\n".repeat(100).as_bytes()).unwrap());
    });
    let (start, mut read, mut answers, mut most) = (Instant::now(), 0, 0, 0);
    let mut buffer = [0; 5000];
    let mut tail = Vec::new();
    while answers < questions {
        paced(start + Duration::from_secs_f64(read as f64 / f64::from(pace)));
        let n = reader.read(&mut buffer).unwrap();
        assert!(n > 0, "cut after {answers} answers");
        read += n;
        tail.extend_from_slice(&buffer[..n]);
        let end = tail.iter().rposition(|b| *b == b'\n').map_or(0, |end| end + 1);
        let lines: Vec<u8> = tail.drain(..end).collect();
        answers += lines.split(|b| *b == b'\n').filter(|line| *line == b"Online users:").count();
        most = most.max(Usage::of(&daemon).rss.saturating_sub(base.rss));
    }
    asking.join().unwrap();
    figure("13b", &format!("{answers} answers, {read} bytes in {:.1?}; RSS +{}", start.elapsed(), mb(most)));
    assert!(most < 5_000_000, "RSS grew by {most}");
}

/// Row 14.
#[test]
fn drip_readers_are_cut() {
    let (age, readers, drip) = scale((1, 5, 512), (20, 20, 2048));
    let daemon = daemon(&["--rate", "0", "--outbox-age", &age.to_string()]);
    let mut dripping: Vec<_> =
        (0..readers).map(|n| login_over(connect_small(daemon.addr), &format!("user{n}")).into_parts().0).collect();
    let mut speaker = Speaker::new(daemon.addr, 1000);
    let start = Instant::now();
    let (mut due, mut first) = (start, None);
    let mut buffer = vec![0; drip];
    // About three times the rate at which they read.
    let each = scale(2, 6);
    while daemon.log().matches("reason=\"slow reader\"").count() < readers {
        assert!(start.elapsed() < PATIENCE * scale(2, 6), "drip readers are still there");
        speaker.say(each);
        for reader in &mut dripping {
            reader.set_nonblocking(true).unwrap();
            let _ = reader.read(&mut buffer);
        }
        if first.is_none() && daemon.log().contains("slow reader") {
            first = Some(start.elapsed());
        }
        due += Duration::from_millis(scale(50, 300));
        paced(due);
    }
    let (first, last) = (first.unwrap_or_else(|| start.elapsed()), start.elapsed());
    figure("14", &format!("first cut {first:.1?} after the first message, the last after {last:.1?}"));
    speaker.say(1);
}

/// Row 15.
#[test]
fn stuck_clients_can_be_closed() {
    let server = TestServer::with(|config| config.limits.rate = 0);
    let count = scale(20, 100);
    let base = session_threads();
    let _stuck: Vec<_> = (0..count).map(|n| login_over(connect_small(server.addr), &format!("user{n}"))).collect();
    let mut speaker = Speaker::new(server.addr, 2000);
    speaker.say(150);
    assert_eq!(server.handle.hub().session_count(), count + 1, "they were to be stuck, not cut");
    let start = Instant::now();
    for n in 0..count {
        let name = format!("user{n}").parse().unwrap();
        assert_eq!(server.handle.hub().disconnect(&name, parlor::model::QuitReason::Kicked), 1);
    }
    eventually("all have left", || server.handle.hub().session_count() == 1);
    let left = start.elapsed();
    if torture() {
        // Other tests of a quick run have sessions in this process too.
        eventually("all threads have ended", || session_threads() <= base + 1);
        assert!(start.elapsed() < Duration::from_millis(250), "{:?}", start.elapsed());
    }
    figure("15", &format!("all {count} had left after {left:.1?}, their threads ended after {:.1?}", start.elapsed()));
}

fn session_threads() -> usize {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap().flatten();
    let names = tasks.filter_map(|task| std::fs::read_to_string(task.path().join("comm")).ok());
    names.filter(|name| name.starts_with("session-") || name.starts_with("writer-")).count()
}
