//! Rows 1 to 7: attacks before login.

use std::io::Write;
use std::process::Stdio;
use std::time::{Duration, Instant};

use super::{Canary, Crowd, Dice, Usage, daemon, figure, login, login_over, mb, paced, scale, torture};
use crate::support::Daemon;
use crate::support::{PATIENCE, TestClient, TestServer, eventually, parlord, write_users};

fn host(n: usize) -> [u8; 4] {
    [127, 0, 0, u8::try_from(2 + n % 249).unwrap()]
}

/// Row 1.
#[test]
fn a_never_login_flood_harms_nobody() {
    let (timeout, places) = scale((2, 40), (30, 256));
    let options = ["--login-timeout", &timeout.to_string(), "--max-unauthenticated", &places.to_string()];
    let daemon = daemon(&options);
    let base = Usage::settled(&daemon);
    let before = Canary::undisturbed(daemon.addr);
    let canary = Canary::start(daemon.addr);
    let (connections, addresses) = scale((120, 30), (1000, 249));
    let start = Instant::now();
    let silent = (0..connections).map(|n| TestClient::connect_from(daemon.addr, host(n % addresses).into()));
    let mut flood = Crowd::of(silent.collect::<Vec<_>>());
    let opened = Instant::now();
    let mut slowest = Duration::ZERO;
    for n in 0..scale(5, 20) {
        let begun = Instant::now();
        // This machine's own address, which holds none of the places.
        let mut newcomer = login(daemon.addr, &format!("user{n}"));
        slowest = slowest.max(begun.elapsed());
        newcomer.send("/quit");
        paced(begun + scale(Duration::from_millis(100), Duration::from_secs(1)));
    }
    flood.read_until("the flood is closed", |_, _| (), |flood| flood.open() == 0);
    let closed = opened.elapsed();
    figure("1", &format!("opened in {:.1?}, closed after {closed:.1?}, slowest login {slowest:.1?}", opened - start));
    if torture() {
        paced(start + Duration::from_secs(60));
        assert!(slowest < Duration::from_secs(1) && closed < Duration::from_secs(31));
    }
    canary.finish().assert_clean("1", &before);
    drop(flood);
    base.await_back("1", &daemon);
}

/// Row 2. Neither an occasional byte nor refusing to read extends the deadline. Half of the clients speak telnet, because
/// a byte without a line end is a complete name from a legacy client.
#[test]
fn a_slow_login_gains_nothing() {
    let timeout = scale(1, 30);
    let daemon = daemon(&["--login-timeout", &timeout.to_string()]);
    let base = Usage::settled(&daemon);
    let clients = scale(20, 200);
    let start = Instant::now();
    let connect = |telnet: bool| {
        let mut client = TestClient::connect(daemon.addr);
        client.expect_bytes("Enter username: ");
        client.send_raw(if telnet { &b"\xFF\xF1"[..] } else { b"" });
        client
    };
    let mut telnets = Crowd::of((0..clients / 2).map(|_| connect(true)).collect::<Vec<_>>());
    let mut others = Crowd::of((0..clients / 2).map(|_| connect(false)).collect::<Vec<_>>());
    let all_there = start.elapsed();
    let (mut first, mut due) = (None, start);
    let step = scale(Duration::from_millis(100), Duration::from_secs(5));
    while telnets.open() + others.open() > 0 {
        assert!(start.elapsed() < Duration::from_secs(timeout) + PATIENCE, "slow logins are still there");
        if Instant::now() >= due {
            telnets.send(b"x");
            others.send(b"x");
            due += step;
        }
        telnets.read(Instant::now() + Duration::from_millis(5), |_, _| ());
        others.read(Instant::now() + Duration::from_millis(5), |_, _| ());
        if telnets.open() < clients / 2 {
            first.get_or_insert(start.elapsed());
        }
    }
    let (first, last) = (first.unwrap(), start.elapsed());
    figure("2", &format!("all there after {all_there:.1?}, first gone after {first:.1?}, last after {last:.1?}"));
    assert!(first >= Duration::from_secs(timeout));
    assert!(!torture() || last <= Duration::from_secs(timeout + 1));
    base.await_back("2", &daemon);
}

/// Row 2, for a client that never reads the prompt.
#[test]
fn a_client_that_ignores_the_prompt_meets_the_login_deadline() {
    let server = TestServer::with(|config| {
        config.limits.login_timeout = Duration::from_secs(1);
        config.limits.outbox_age = PATIENCE * 2;
    });
    let (link, peer) = parlor::transport::memory::pair();
    peer.shut_gate(true);
    server.handle.serve(Box::new(link));
    eventually("the deadline", || server.handle.logging_in() == 0);
    drop(peer);
}

/// Row 3.
#[test]
fn one_address_cannot_take_the_server() {
    let daemon = daemon(&[]);
    let mut crowd = Crowd::of((0..200).map(|_| TestClient::connect_from(daemon.addr, [127, 0, 0, 9].into())));
    let told = "Error: Your address already has 8 connections logging in; try again later.";
    let mut refused = 0;
    crowd.read_until("192 are refused", |_, line| refused += usize::from(line == told), |crowd| crowd.open() == 8);
    assert_eq!(refused, 192);
    let prompted = |crowd: &Crowd| crowd.unread().filter(|unread| *unread == b"Enter username: ").count();
    crowd.read_until("8 are asked", |_, _| (), |crowd| prompted(crowd) == 8);
    let start = Instant::now();
    let mut other = login_over(TestClient::connect_from(daemon.addr, [127, 0, 0, 10].into()), "alice");
    figure("3", &format!("another address was in after {:.1?}", start.elapsed()));
    assert!(!torture() || start.elapsed() < Duration::from_millis(200));
    other.quiet();
    let mut exempt = Crowd::of((0..50).map(|_| TestClient::connect(daemon.addr)));
    exempt.read_until("this machine is exempt", |_, _| (), |crowd| prompted(crowd) == 50);
}

/// Row 4. Some abort at once, some after the prompt, some in the middle of the login, some logged in.
#[test]
fn connections_leave_nothing_behind() {
    let daemon = Daemon::start(&["--log-level", "error", "--max-unauthenticated", "5000"]);
    let mut dice = Dice(3);
    let mut abort = |count: usize| {
        for n in 0..count {
            let mut client = TestClient::connect(daemon.addr);
            match dice.below(8) {
                0..4 => {}
                4 => client.expect_bytes("Enter username: "),
                5 => client.send_raw("alice\nhalf a pass"),
                6 => client.send_raw("ali"),
                _ => client = login_over(client, &format!("user{}", n % 900)),
            }
            client.reset();
        }
    };
    let settled = || Usage::settled(&daemon);
    abort(scale(500, 5_000));
    let base = settled();
    let (count, start) = (scale(1_500, 100_000), Instant::now());
    abort(count);
    base.await_back("4", &daemon);
    let end = settled();
    let each = end.rss.saturating_sub(base.rss) / count;
    figure("4", &format!("{count} in {:.1?}: {each} bytes each, threads and descriptors as before", start.elapsed()));
    assert!(!torture() || each <= 20, "{each} bytes of memory for each connection");
}

/// Row 5.
#[test]
fn guessing_is_slow_and_the_owner_is_never_locked_out() {
    let server = TestServer::start();
    let (guessers, time) = scale((8, 1), (100, 60));
    let start = Instant::now();
    let end = start + Duration::from_secs(time);
    let judged: usize = std::thread::scope(|scope| {
        let guess = |_| scope.spawn(|| guess_until(&server, end));
        let guessing: Vec<_> = (0..guessers).map(guess).collect();
        paced(start + (end - start) / 2);
        let begun = Instant::now();
        login_over(server.connect_from([127, 0, 0, 3]), "alice").quiet();
        figure("5", &format!("the owner was in after {:.1?}", begun.elapsed()));
        assert!(!torture() || begun.elapsed() < Duration::from_secs(2));
        guessing.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    let allowed = 8 + usize::try_from(start.elapsed().as_secs() / 12).unwrap();
    figure("5", &format!("{judged} guesses checked in {:.1?}", start.elapsed()));
    assert!((1..=allowed).contains(&judged), "{judged} guesses judged, {allowed} allowed");
}

fn guess_until(server: &TestServer, end: Instant) -> usize {
    let mut judged = 0;
    while Instant::now() < end {
        let mut client = server.connect_from([127, 0, 0, 2]);
        // A refused connection is closed while the client is still writing.
        let _ = client.stream().write_all(b"alice\nwrong\n");
        let answer = client.read_to_end();
        judged += usize::from(answer.ends_with(b"Authentication failed.\n"));
        paced(Instant::now() + Duration::from_millis(20));
    }
    judged
}

/// A daemon whose users file holds a hash, so that every wrong guess costs one.
fn hashing_daemon(options: &[&str]) -> Daemon {
    let dir = tempfile::tempdir().unwrap();
    write_users(dir.path());
    let mut add =
        parlord(dir.path()).args(["user", "add", "zoe"]).stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    add.stdin.take().unwrap().write_all(b"secret123\n").unwrap();
    assert!(add.wait().unwrap().success());
    let daemon = Daemon::start_in(dir, options);
    daemon.await_log("listening");
    daemon
}

/// Row 6.
#[test]
fn names_cannot_be_probed() {
    let daemon = hashing_daemon(&[]);
    let _online = [login(daemon.addr, "alice"), login_over(TestClient::connect(daemon.addr), "bob")];
    let kinds = ["nobody1", "charlie", "alice", "zoe"];
    // Few enough at once that all are hashed within one step of the answer's time, and in turn, so that none is first.
    let (each, at_once) = scale((4, 2), (300, 5));
    let mut times = kinds.map(|_| Vec::new());
    for _ in 0..each / at_once {
        let tries = std::iter::repeat_n(kinds.iter().enumerate(), at_once).flatten();
        let answers: Vec<(usize, Duration)> = std::thread::scope(|scope| {
            let running: Vec<_> =
                tries.map(|(kind, name)| (kind, scope.spawn(|| fail_to_log_in(&daemon, name)))).collect();
            running.into_iter().map(|(kind, thread)| (kind, thread.join().unwrap())).collect()
        });
        answers.into_iter().for_each(|(kind, time)| times[kind].push(time));
    }
    let medians = times.map(|mut times| {
        times.sort();
        times[times.len() / 2]
    });
    figure("6", &format!("medians of {kinds:?}: {medians:.1?}"));
    let (least, most) = (medians.iter().min().unwrap(), medians.iter().max().unwrap());
    assert!(!torture() || most.as_secs_f64() <= least.as_secs_f64() * 1.05, "{medians:?}");
}

fn fail_to_log_in(daemon: &Daemon, name: &str) -> Duration {
    let mut client = TestClient::connect(daemon.addr);
    client.expect_bytes("Enter username: ");
    let start = Instant::now();
    client.send(name);
    client.expect_bytes("Enter password: ");
    client.send("wrong");
    client.expect("Authentication failed.");
    let time = start.elapsed();
    client.expect_end();
    time
}

/// Row 7.
#[test]
fn hashing_is_no_weapon() {
    let daemon = hashing_daemon(&["--max-unauthenticated", "1000"]);
    let before = Canary::undisturbed(daemon.addr);
    let base = Usage::of(&daemon);
    let canary = Canary::start(daemon.addr);
    let start = Instant::now();
    let mut crowd = Crowd::of((0..scale(30, 500)).map(|_| TestClient::connect(daemon.addr)).collect::<Vec<_>>());
    crowd.send(b"zoe\nwrong\n");
    let mut most = base.rss;
    while crowd.open() > 0 {
        assert!(start.elapsed() < PATIENCE * 2, "wrong logins are still there");
        crowd.read(Instant::now() + Duration::from_millis(20), |_, _| ());
        most = most.max(Usage::of(&daemon).rss);
    }
    let permits = std::thread::available_parallelism().unwrap().get().saturating_sub(1).max(1);
    let allowed = base.rss + permits * 19 * 1024 * 1024 + 16_000_000;
    figure(
        "7",
        &format!("all answered after {:.1?}; RSS up to {}, allowed {}", start.elapsed(), mb(most), mb(allowed)),
    );
    assert!(most <= allowed, "RSS {most}, allowed {allowed}");
    canary.finish().assert_clean("7", &before);
}
