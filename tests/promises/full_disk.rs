//! Row 27: on a full disk senders are told, the chat goes on, and only stored messages are acknowledged.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::{cannot_run, figure, paced};
use crate::support::{PATIENCE, TestClient, parlord, write_users};

/// The size of the data folder's disk: enough for a database, and soon full.
const DISK: &str = "size=6m";

/// A daemon whose data folder is a small disk that goes away with it.
struct SmallDisk {
    child: Child,
    addr: std::net::SocketAddr,
    /// The data folder as the daemon sees it.
    data: PathBuf,
    _dir: tempfile::TempDir,
}

impl SmallDisk {
    /// Starts the daemon in a mount namespace of its own; `None` where the system allows none.
    fn start() -> Option<SmallDisk> {
        let dir = tempfile::tempdir().unwrap();
        write_users(dir.path());
        fs::create_dir(dir.path().join("data")).unwrap();
        let own_mounts = |script: &str| {
            let mut command = Command::new("unshare");
            command.args(["--map-root-user", "--mount", "sh", "-c", script]).current_dir(dir.path());
            command.stdin(Stdio::null()).stderr(Stdio::null());
            command
        };
        let mount = format!("mount -t tmpfs -o {DISK} tmpfs data");
        if !own_mounts(&mount).status().is_ok_and(|status| status.success()) {
            return None;
        }
        let plain = parlord(dir.path());
        let binary = Path::new(plain.get_program()).display();
        let mut command = own_mounts(&format!(
            "{mount} && exec {binary} --listen 127.0.0.1:0 --data data --rate 0 --durability fsync"
        ));
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let addr = line.trim().strip_prefix("listening on ").expect(&line).parse().unwrap();
        let seen = format!("/proc/{}/root{}", child.id(), dir.path().join("data").display());
        Some(SmallDisk { child, addr, data: PathBuf::from(seen), _dir: dir })
    }

    fn filler(&self) -> PathBuf {
        self.data.join("filler")
    }

    /// Uses up all the room on the disk.
    fn fill(&self) {
        let mut filler = File::create(self.filler()).unwrap();
        for piece in [1 << 16, 1 << 12, 1] {
            loop {
                match filler.write_all(&vec![0; piece]) {
                    Ok(()) => {}
                    Err(e) if e.kind() == ErrorKind::StorageFull => break,
                    Err(e) => panic!("{e}"),
                }
            }
        }
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The fate of the messages that were sent.
#[derive(Default)]
pub struct Said {
    count: usize,
    pub stored: BTreeSet<String>,
    pub refused: BTreeSet<String>,
}

impl Said {
    /// Sends one message to a user who is here and one to a user who is away, and returns whether the first was stored.
    pub fn say(&mut self, alice: &mut TestClient, bob: &mut TestClient) -> bool {
        self.count += 1;
        // Long enough to need room soon.
        let (text, kept) = (format!("live-{} {}", self.count, "x".repeat(2000)), format!("kept-{}", self.count));
        alice.send(&format!("/msg bob {text}"));
        let heard = bob.line_with("live-");
        assert!(heard.ends_with(&format!("text={text}")), "the chat goes on: {heard}");
        let answer = alice.line();
        let stored = answer.starts_with("sent id=");
        assert!(stored || answer.starts_with("error code=not_saved "), "{answer}");
        assert_eq!(stored, heard.contains(" id="), "{heard}");
        if stored { &mut self.stored } else { &mut self.refused }.insert(text);
        alice.send(&format!("/msg charlie {kept}"));
        let answer = alice.line();
        if answer.starts_with("sent id=") {
            assert_eq!(alice.line(), "kept user=charlie");
            self.stored.insert(kept);
        } else {
            assert!(answer.starts_with("error code=not_kept "), "{answer}");
            self.refused.insert(kept);
        }
        stored
    }
}

/// The texts of the last 500 messages that a user may see.
pub fn found(reader: &mut TestClient) -> BTreeSet<String> {
    reader.send("/history all 500");
    reader.send("/ping done");
    let mut found = BTreeSet::new();
    loop {
        let line = reader.line();
        if line == "pong text=done" {
            return found;
        }
        found.extend(line.split_once(" text=").map(|(_, text)| text.to_owned()).filter(|_| line.starts_with("past ")));
    }
}

#[test]
fn on_a_full_disk_the_chat_goes_on_and_senders_are_told() {
    let Some(disk) = SmallDisk::start() else {
        return cannot_run("27", "this system gives no namespace to mount a small disk in");
    };
    let [mut alice, mut bob] = ["alice", "bob"].map(|name| {
        let mut client = TestClient::connect(disk.addr);
        client.login(name);
        client.ask("/mode machine", &["mode name=machine"]);
        client
    });
    alice.line_with("joined ");
    let mut said = Said::default();
    assert!((0..20).all(|_| said.say(&mut alice, &mut bob)));
    disk.fill();
    let began = Instant::now();
    while said.say(&mut alice, &mut bob) {
        assert!(began.elapsed() < PATIENCE, "the disk is full and nobody is told");
    }
    assert!((0..20).filter(|_| said.say(&mut alice, &mut bob)).count() < 20);
    fs::remove_file(disk.filler()).unwrap();
    let freed = Instant::now();
    while !said.say(&mut alice, &mut bob) {
        assert!(freed.elapsed() < Duration::from_secs(5), "there is room again, but nothing is stored");
        paced(Instant::now() + Duration::from_millis(50));
    }
    let back = freed.elapsed();
    assert!((0..20).all(|_| said.say(&mut alice, &mut bob)));
    assert_eq!(found(&mut alice), said.stored, "exactly the acknowledged messages are stored");
    let mut charlie = TestClient::connect(disk.addr);
    charlie.login("charlie");
    let kept = said.stored.iter().filter(|text| text.starts_with("kept-")).count();
    assert_eq!(charlie.line(), format!("*** {kept} messages came while you were away:"));
    let (stored, refused) = (said.stored.len(), said.refused.len());
    figure(
        "27",
        &format!("{stored} stored, {refused} refused, none of them in the log; back {back:.1?} after there was room"),
    );
    assert!(refused > 20);
}
