//! Row 27: on a disk that fails, senders are told as on a full one, and only stored messages are acknowledged.
//!
//! `failing_disk.c` is preloaded into the daemon and makes its writes or its syncs fail on request.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use super::full_disk::{Said, found};
use super::{figure, paced, scale};
use crate::support::{Daemon, TestClient, parlord, write_users};

const OPTIONS: [&str; 6] = ["--data", "data", "--rate", "0", "--durability", "fsync"];

/// Compiles the library that is preloaded.
fn compile(dir: &Path) -> PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/promises/failing_disk.c");
    let library = dir.join("failing_disk.so");
    let compiled = Command::new("cc").args(["-shared", "-fPIC", "-o"]).arg(&library).arg(source).arg("-ldl").status();
    assert!(compiled.is_ok_and(|status| status.success()), "cc does not compile failing_disk.c: run make tools");
    library
}

/// Logs in alice and bob, in machine mode.
fn pair(daemon: &Daemon) -> [TestClient; 2] {
    let [mut alice, bob] = ["alice", "bob"].map(|name| {
        let mut client = super::login(daemon.addr, name);
        client.send("/mode machine");
        client.line_with("mode name=machine");
        client
    });
    alice.line_with("joined ");
    [alice, bob]
}

/// Makes the disk fail while the two go on talking. Returns how long it took to recover once the disk worked again.
fn fail(how: &Path, said: &mut Said, [alice, bob]: &mut [TestClient; 2]) -> Duration {
    fs::write(how, "").unwrap();
    let before = said.stored.len();
    assert!(!(0..scale(10, 40)).any(|_| said.say(alice, bob)), "a message that was not stored was acknowledged");
    assert_eq!(said.stored.len(), before, "a message that was not stored was acknowledged");
    fs::remove_file(how).unwrap();
    let healed = Instant::now();
    while !said.say(alice, bob) {
        assert!(healed.elapsed() < Duration::from_secs(5), "the disk works again, but nothing is stored");
        paced(Instant::now() + Duration::from_millis(50));
    }
    let back = healed.elapsed();
    assert!((0..10).all(|_| said.say(alice, bob)), "storing worked again, and then failed");
    back
}

#[test]
fn on_a_failing_disk_only_stored_messages_are_acknowledged() {
    let dir = tempfile::tempdir().unwrap();
    write_users(dir.path());
    let library = compile(dir.path());
    let (writes, syncs) = (dir.path().join("writes"), dir.path().join("syncs"));
    let mut command = parlord(dir.path());
    command.env("LD_PRELOAD", library).env("FAILING_DISK", dir.path());
    let mut daemon = Daemon::start_as(command, dir, &OPTIONS);
    let (mut said, mut talking) = (Said::default(), pair(&daemon));
    let [alice, bob] = &mut talking;
    assert!((0..10).all(|_| said.say(alice, bob)));
    let back = [&writes, &syncs, &writes].map(|how| fail(how, &mut said, &mut talking));
    daemon.kill();
    daemon.restart(&OPTIONS);
    let [mut alice, _bob] = pair(&daemon);
    assert_eq!(found(&mut alice), said.stored, "exactly the acknowledged messages are stored");
    let [stored, refused] = [&said.stored, &said.refused].map(BTreeSet::len);
    figure(
        "27 (EIO)",
        &format!(
            "{stored} stored, {refused} refused, none of them in the log after a kill; back {back:.1?} after it worked again"
        ),
    );
    assert!(refused > 30);
}

#[test]
fn acknowledged_messages_survive_a_kill_while_the_disk_fails() {
    for how in ["writes", "syncs"] {
        let dir = tempfile::tempdir().unwrap();
        write_users(dir.path());
        let mut command = parlord(dir.path());
        command.env("LD_PRELOAD", compile(dir.path())).env("FAILING_DISK", dir.path());
        let flag = dir.path().join(how);
        let mut daemon = Daemon::start_as(command, dir, &OPTIONS);
        let (mut said, [mut alice, mut bob]) = (Said::default(), pair(&daemon));
        assert!((0..10).all(|_| said.say(&mut alice, &mut bob)));
        fs::write(&flag, "").unwrap();
        assert!(!(0..10).any(|_| said.say(&mut alice, &mut bob)), "a message that was not stored was acknowledged");
        daemon.kill();
        daemon.restart(&OPTIONS);
        let [mut alice, _bob] = pair(&daemon);
        let kept = found(&mut alice);
        assert!(said.stored.is_subset(&kept), "lost: {:?}", said.stored.difference(&kept));
    }
}
