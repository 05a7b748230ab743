//! Row 23: secrets must not be in the log, and each event is one line.

use super::{daemon, figure, scale};
use crate::support::{TestClient, password};

/// Strings that must not appear in the log, whatever they were typed as.
const MARKED: [&str; 20] = [
    "Marked0plain",
    "Marked1with space",
    "Marked2\"quoted\"",
    "Marked3'single'",
    "Marked4\x1b[31mred",
    "Marked5\x07bell",
    "Marked6\r2026-01-01 00:00:00.000 +00:00 INFO main login user=root",
    "Marked7\tTab",
    "Marked8 user=root addr=127.0.0.1",
    "Marked9\u{2028}line",
    "Marked10\u{202E}override",
    "Marked11\u{0}nul",
    "Marked12%s%n",
    "Marked13{name}",
    "Marked14:colon",
    "Marked15$argon2id$v=19$m=19456",
    "Marked16/etc/passwd",
    "Marked17/msg bob x",
    "Marked18ÄÖÜ",
    "Marked19\\n2026",
];

/// Row 23.
#[test]
fn logs_hold_no_secrets_and_cannot_be_forged() {
    let mut daemon = daemon(&["--log-level", "trace"]);
    for _ in 0..scale(1, 20) {
        let mut refused = Vec::new();
        for marked in MARKED {
            // As a name, and as the password of a known and an unknown user.
            for login in [format!("{marked}\n{marked}\n"), format!("alice\n{marked}\n"), format!("nobody1\n{marked}\n")]
            {
                let mut client = TestClient::connect(daemon.addr);
                client.send_raw(login);
                client.finish();
                refused.push(client);
            }
        }
        refused.iter_mut().for_each(|client| drop(client.read_to_end()));
        let mut alice = super::login(daemon.addr, "alice");
        for marked in MARKED {
            for line in [
                "/msg alice",
                "/msg",
                "/broadcast",
                "/create_group",
                "/group_msg",
                "/ping",
                "/",
                "",
                "/join_group g",
                "/room create 2",
            ] {
                alice.send(&format!("{line} {marked}"));
            }
            for line in ["/create_group secrets password=", "/group secrets password=", "/join_group secrets "] {
                alice.send(&format!("{line}{}", marked.replace(char::is_whitespace, "_")));
            }
            // More than a line may hold, and no text at all.
            alice.send(&format!("/msg alice {}", marked.repeat(500)));
            alice.send_raw([b"\xFF\xFE", marked.as_bytes(), b"\n"].concat());
        }
        alice.send("/quit");
        alice.read_to_end();
        daemon.await_log("logout user=alice reason=\"quit\"");
    }
    daemon.signal("TERM");
    daemon.wait();
    let log = daemon.log();
    for (n, secret) in (0..20).map(|n| (n, format!("Marked{n}"))).chain([(20, password("alice").to_owned())]) {
        assert!(!log.contains(&secret), "secret number {n} is in the log");
    }
    assert!(!log.contains("user=root"));
    for line in log.lines() {
        assert!(line.bytes().all(|b| matches!(b, b' '..=b'~')), "{line:?}");
        let fields: Vec<&str> = line.splitn(6, ' ').collect();
        let dated = fields[0].len() == 10 && fields[1].len() == 12 && fields[2].len() == 6;
        assert!(dated && ["TRACE", "DEBUG", "INFO", "WARN", "ERROR"].contains(&fields[3]), "{line:?}");
    }
    figure("23", &format!("0 hits in {} lines", log.lines().count()));
}
