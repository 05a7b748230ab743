//! A short run of every scenario against a real daemon: nothing goes wrong, and the report has its figures.

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::time::{Duration, Instant};

use super::{bench, bench_at, daemon, daemon_for, figure, passed, text};
use crate::server::Server;

#[test]
fn groups_and_pairs_are_measured_and_verified() {
    let json = passed(&["fanout", "--members", "20", "--senders", "3", "--window", "4", "--groups", "2"]);
    assert!(figure(&json, "deliveries") >= 20.0 && figure(&json, "faults") == 0.0, "{json}");
    assert!(figure(&json, "cpu_per_delivery_us") >= 0.0, "{json}");
    assert_eq!(figure(&json, "threads_per_client").round(), 1.0, "{json}");
    let json = passed(&["pairs", "--pairs", "5", "--window", "8"]);
    assert!(figure(&json, "deliveries") >= 2.0 * figure(&json, "messages"), "{json}");
}

#[test]
fn a_steady_rate_is_kept_and_idle_clients_stay() {
    let json = passed(&["rate", "--members", "10", "--senders", "2", "--rate", "200"]);
    // Everything due in the half second was sent, however slow the machine is.
    assert_eq!(figure(&json, "messages"), 100.0, "{json}");
    assert!(figure(&json, "p99_ms") > 0.0, "{json}");
    let json = passed(&["idle", "--clients", "50"]);
    assert_eq!((figure(&json, "clients"), figure(&json, "faults")), (50.0, 0.0), "{json}");
}

#[test]
fn logins_are_counted_and_random_commands_succeed() {
    let json = passed(&["churn", "--clients", "5000", "--at-once", "4"]);
    assert!(figure(&json, "logins") > 0.0, "{json}");
    let json = passed(&["mixed", "--clients", "12"]);
    assert!(figure(&json, "operations") >= 12.0, "{json}");
    assert_eq!(figure(&json, "success_percent"), 100.0, "{json}");
}

#[test]
fn stuck_readers_are_disconnected_and_others_served() {
    let json = passed(&["slow", "--members", "20", "--stuck", "3"]);
    assert_eq!((figure(&json, "stuck"), figure(&json, "faults")), (3.0, 0.0), "{json}");
}

#[test]
fn websockets_are_measured_and_verified() {
    for options in [
        &["fanout", "--members", "20", "--senders", "3", "--window", "16"][..],
        &["pairs", "--pairs", "5", "--window", "8"],
        &["rate", "--members", "10", "--senders", "2", "--rate", "200"],
        &["idle", "--clients", "30"],
        &["churn", "--clients", "500", "--at-once", "4"],
    ] {
        let daemon = daemon_for(options, &["--web", "127.0.0.1:0"]);
        let pid = daemon.pid().to_string();
        let run =
            bench_at(web_page(&daemon), &[options, &["--protocol", "web", "--json", "--server-pid", &pid]].concat());
        let json = text(&run.stdout);
        assert_eq!(run.status.code(), Some(0), "{json}{}", text(&run.stderr));
        assert!(json.contains("\"passed\":true"), "{json}");
    }
}

/// The address of a daemon's web page, from its log.
fn web_page(daemon: &Server) -> SocketAddr {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let log = daemon.log();
        // The last line may be incomplete.
        let complete = log.rsplit_once('\n').map_or("", |(lines, _)| lines);
        if let Some(page) = complete.lines().find_map(|line| line.split_once("web page addr=")?.1.parse().ok()) {
            return page;
        }
        assert!(Instant::now() < deadline, "no web page in the log:\n{log}");
        std::thread::yield_now();
    }
}

#[test]
fn a_table_is_printed_and_a_plot_written() {
    let accounts = "alice:one\nbob:two:2\ncharlie:three\ndavid:four\n";
    let (daemon, dir) = (daemon(accounts, &[]), tempfile::tempdir().unwrap());
    let (users, plot) = (dir.path().join("users.txt"), dir.path().join("plot.svg"));
    fs::write(&users, accounts).unwrap();
    let (users, path) = (users.to_str().unwrap(), plot.to_str().unwrap());
    let run = bench_at(daemon.addr, &["pairs", "--pairs", "2", "--window", "1,2", "--users", users, "--plot", path]);
    let table = text(&run.stdout);
    assert_eq!(run.status.code(), Some(0), "{table}{}", text(&run.stderr));
    assert!(table.contains("2 private pairs, window 1") && table.contains("passed"), "{table}");
    assert_eq!(fs::read_to_string(&plot).unwrap().matches("<polyline").count(), 4);
}

#[test]
fn a_run_that_cannot_be_made_is_explained() {
    let (daemon, dir) = (daemon("alice:x\n", &[]), tempfile::tempdir().unwrap());
    let unused = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let users = dir.path().join("few.txt");
    fs::write(&users, "# people\nalice:x\nbob:$argon2id$x\ncarol:y\n").unwrap();
    let (here, users) = (daemon.addr.to_string(), users.to_str().unwrap());
    for (options, part) in [
        (vec!["pairs", "--server", &unused], "Connection refused"),
        (vec!["pairs", "--server", &here], "Authentication failed"),
        (vec!["pairs", "--server", &here, "--users", users], "has 2 users with plain passwords, the run needs 100"),
        (vec!["fanout", "--members", "3", "--senders", "4"], "a group of 3 cannot have 4 senders"),
        (vec!["rate", "--rate", "0"], "--rate must be more than 0"),
        (vec!["slow", "--stuck", "200"], "more than --stuck"),
        (vec!["mixed", "--clients", "1"], "at least 2"),
        (vec!["pairs", "--size", "5"], "--size must be from 23"),
        (vec!["pairs", "--server", &here, "--server-pid", "4000000000"], "is --server-pid right?"),
    ] {
        let run = bench(&options);
        let error = text(&run.stderr);
        assert_eq!(run.status.code(), Some(1), "{options:?}: {error}");
        assert!(error.starts_with("parlor-bench: ") && error.contains(part), "{options:?}: {error}");
        assert_eq!(error.lines().count(), 1, "{error}");
    }
    assert_eq!(bench(&["fanout", "--members", "x"]).status.code(), Some(2));
    let help = text(&bench(&["--help"]).stdout);
    for word in ["Put load on", "fanout", "mixed", "--server-pid", "--make-users", "Exit codes"] {
        assert!(help.contains(word), "{word:?} is missing in --help");
    }
}
