//! The metrics for Prometheus.

use super::{ask, get, status};
use crate::support::{HINT, TestServer, WELCOME, eventually};

/// The value of a sample: what follows its name and labels.
fn sample(page: &str, name: &str) -> Option<f64> {
    let mut lines = page.lines().filter_map(|line| line.strip_prefix("parlor_")?.strip_prefix(name)?.strip_prefix(' '));
    lines.next_back().and_then(|value| value.parse().ok())
}

#[test]
fn metrics_count_logins_messages_and_refusals() {
    let server = TestServer::with(|config| config.metrics = vec!["127.0.0.1:0".parse().unwrap()]);
    let addr = server.metrics[0];
    let page = || get(addr, "/metrics", "");
    let (mut alice, mut bob) = (server.login("alice"), server.login("bob"));
    alice.expect("*** bob has joined the chat.");
    let mut eve = server.connect();
    eve.give_name_and_password("eve", "wrong");
    eve.line();
    alice.ask("/msg bob hello", &["[to bob]: hello"]);
    bob.expect("[alice]: hello");
    bob.send("/quit");
    alice.expect("*** bob has left the chat.");
    let first = page();
    assert!(status(&first) == 200 && first.contains("Content-Type: text/plain; version=0.0.4"), "{first}");
    for (name, expected) in [
        ("connections{state=\"logged_in\"}", 1.0),
        ("users", 1.0),
        ("logins_total{result=\"ok\"}", 2.0),
        ("logins_total{result=\"wrong_name_or_password\"}", 1.0),
        ("closed_total{reason=\"quit\"}", 1.0),
        ("messages_total", 1.0),
        ("commands_total{command=\"msg\"}", 1.0),
        ("store_up", 1.0),
    ] {
        assert_eq!(sample(&first, name), Some(expected), "{name} in {first}");
    }
    assert!(sample(&first, "deliveries_total") >= Some(4.0));
    assert!(!first.contains("alice") && !first.contains("hello"), "{first}");
    drop(alice);
    eventually("she is gone from the metrics", || sample(&page(), "users") == Some(0.0));
}

#[test]
fn metrics_count_every_byte_and_the_longest_queue() {
    let server = TestServer::with(|config| config.metrics = vec!["127.0.0.1:0".parse().unwrap()]);
    let page = || get(server.metrics[0], "/metrics", "");
    let bytes = |page: &str| ["received", "sent"].map(|way| sample(page, &format!("{way}_bytes_total")).unwrap());
    assert_eq!(bytes(&page()), [0.0, 0.0], "a collector of metrics is not a client");
    let mut alice = server.login("alice");
    alice.quiet();
    let typed = ["alice", "password123", "/ping quiet-0"].map(|line| line.len() + 1);
    let shown = [WELCOME, HINT, "Pong: quiet-0"].map(|line| line.len() + 1);
    let prompts = "Enter username: Enter password: ".len();
    let login = [typed.iter().sum::<usize>(), prompts + shown.iter().sum::<usize>()].map(|bytes| bytes as f64);
    // The bytes of a write are counted right after it, so its reader may be quicker.
    eventually("the login is counted", || bytes(&page()) == login);
    let (before, said) = (page(), "/ping and so on");
    let rest = " 1\n/ping 2\n/ping 3";
    alice.send(&format!("{said}{rest}"));
    let answers = ["Pong: and so on 1", "Pong: 2", "Pong: 3"];
    answers.iter().for_each(|answer| alice.expect(answer));
    let lengths = [said.len() + rest.len() + 1, answers.iter().map(|answer| answer.len() + 1).sum()];
    let total: Vec<f64> = bytes(&before).iter().zip(lengths).map(|(before, length)| before + length as f64).collect();
    eventually("every byte is counted", || bytes(&page()).as_slice() >= total.as_slice());
    let after = page();
    assert_eq!(bytes(&after).as_slice(), total);
    // All three answers were queued before the queue was written out.
    assert!(sample(&after, "queue_items_highest") >= Some(3.0), "{after}");
    assert!(sample(&after, "queue_bytes_highest") >= Some(30.0), "{after}");
    assert_eq!(sample(&after, "queue_items_fullest"), Some(0.0), "{after}");
    drop(alice);
    eventually("she is gone from the metrics", || sample(&page(), "users") == Some(0.0));
    assert!(sample(&page(), "queue_items_highest") >= Some(3.0), "the highest value is kept");
}

#[test]
fn every_metric_has_help_and_type_and_is_in_the_manual() {
    let server = TestServer::with(|config| config.metrics = vec!["127.0.0.1:0".parse().unwrap()]);
    let page = get(server.metrics[0], "/metrics", "");
    let manual = include_str!("../../docs/manual.md");
    let body = page.split_once("\r\n\r\n").unwrap().1;
    let mut family = "";
    for line in body.lines() {
        if let Some(head) = line.strip_prefix("# HELP ") {
            family = head.split(' ').next().unwrap();
            assert!(manual.contains(&format!("`{family}`")), "docs/manual.md does not name {family}");
        } else if let Some(kind) = line.strip_prefix("# TYPE ") {
            let (of, kind) = kind.split_once(' ').unwrap();
            assert!(of == family && ["gauge", "counter", "histogram"].contains(&kind), "{line}");
        } else {
            let (name, value) = line.rsplit_once(' ').unwrap();
            assert!(name.starts_with(family) && value.parse::<f64>().is_ok(), "{line}");
        }
    }
    assert!(body.contains("parlor_lock_hold_seconds_bucket{le=\"+Inf\"}"));
}

#[test]
fn the_metrics_address_serves_nothing_else() {
    let server = TestServer::with(|config| config.metrics = vec!["127.0.0.1:0".parse().unwrap()]);
    let addr = server.metrics[0];
    assert_eq!(status(&get(addr, "/", "")), 404);
    assert_eq!(status(&get(addr, "/ws", "Upgrade: websocket\r\n")), 404);
    assert_eq!(
        status(&ask(addr, &format!("POST /metrics HTTP/1.1\r\nHost: {addr}\r\nContent-Length: 0\r\n\r\n"))),
        405
    );
    let head = ask(addr, &format!("HEAD /metrics HTTP/1.1\r\nHost: {addr}\r\n\r\n"));
    assert!(status(&head) == 200 && head.ends_with("\r\n\r\n"), "{head}");
    assert!(server.web.is_empty());
}
