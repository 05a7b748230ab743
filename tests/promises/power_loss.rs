//! Row 26: acknowledged messages survive a power loss, and senders are told when a disk fails.
//!
//! The data folder is a file system of its own, which is shut down without writing out its memory. The kernel drops every
//! page that was not synced, as a machine without power does.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::{Dice, cannot_run, figure, scale};
use crate::support::{PATIENCE, TestClient, parlord, write_users};

/// The size of the disk, in bytes.
const DISK: u64 = 64 << 20;

/// EXT4_IOC_SHUTDOWN with EXT4_GOING_FLAGS_NOLOGFLUSH, from the kernel's `fs/ext4/ext4.h`.
const CUT: &str = r#"open(F, "<", $ARGV[0]) or die $!; my $f = pack("L", 2); ioctl(F, 0x8004587d, $f) or die $!;"#;

/// A disk that survives the machines that use it.
struct Disk {
    dir: tempfile::TempDir,
}

/// A daemon whose data folder is the disk, in a mount namespace that goes away with it.
struct Machine {
    child: Child,
    addr: std::net::SocketAddr,
    data: PathBuf,
}

impl Disk {
    /// Formats a disk; `None` where the system does not allow mounting one.
    fn make() -> Option<Disk> {
        let disk = Disk { dir: tempfile::tempdir().unwrap() };
        write_users(disk.dir.path());
        fs::create_dir(disk.dir.path().join("data")).unwrap();
        File::create(disk.dir.path().join("disk")).unwrap().set_len(DISK).unwrap();
        let quietly = |program: &str, args: &[&str]| {
            let mut command = Command::new(program);
            command.args(args).current_dir(disk.dir.path()).stdin(Stdio::null());
            command.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
        };
        let works = quietly("mkfs.ext4", &["-q", "disk"]) && quietly("perl", &["-e", "1"]);
        let mounts = || quietly("unshare", &["--mount", "mount", "-o", "loop", "disk", "data"]);
        (works && mounts()).then_some(disk)
    }

    fn boot(&self) -> Machine {
        let plain = parlord(self.dir.path());
        let binary = Path::new(plain.get_program()).display();
        let options = "--listen 127.0.0.1:0 --data data --rate 0 --durability fsync";
        let script = format!("mount -o loop disk data && exec {binary} {options}");
        let mut command = Command::new("unshare");
        command.args(["--mount", "sh", "-c", &script]).current_dir(self.dir.path()).stdin(Stdio::null());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let addr = line.trim().strip_prefix("listening on ").expect(&line).parse().unwrap();
        let data = format!("/proc/{}/root{}", child.id(), self.dir.path().join("data").display());
        Machine { child, addr, data: PathBuf::from(data) }
    }
}

impl Machine {
    fn login(&self, name: &str) -> TestClient {
        let mut client = super::login(self.addr, name);
        client.send("/mode machine");
        client.line_with("mode name=machine");
        client
    }

    /// Drops everything that was not synced; from now on the disk answers every call with an error.
    fn cut(&self) {
        let status = Command::new("perl").arg("-e").arg(CUT).arg(&self.data).stdin(Stdio::null()).status().unwrap();
        assert!(status.success(), "the disk cannot be shut down");
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends messages until the disk is cut and senders are told. Returns the acknowledged texts.
fn talk(machine: &Machine, round: usize, dice: &mut Dice) -> Vec<String> {
    let (mut alice, mut bob) = (machine.login("alice"), machine.login("bob"));
    let (mut stored, mut refused) = (Vec::new(), 0);
    let (began, cut_after) = (Instant::now(), Duration::from_millis(50 + dice.below(300) as u64));
    let mut cut = false;
    for number in 0.. {
        let lines: String = (0..8).map(|n| format!("/msg bob r{round}-{number}-{n}\n")).collect();
        alice.send_raw(lines);
        for n in 0..8 {
            let answer = alice.line_with(" ");
            let answer = if answer.starts_with("joined ") { alice.line() } else { answer };
            match answer.starts_with("sent id=") {
                true => stored.push(format!("r{round}-{number}-{n}")),
                false => refused += usize::from(answer.starts_with("error code=not_saved ")),
            }
            assert!(bob.line_with("from=alice").ends_with(&format!("text=r{round}-{number}-{n}")), "the chat goes on");
        }
        if !cut && began.elapsed() >= cut_after {
            machine.cut();
            cut = true;
        }
        if refused > 16 {
            return stored;
        }
        assert!(began.elapsed() < PATIENCE, "the disk fails and nobody is told");
    }
    stored
}

/// The texts of all stored messages between alice and bob.
fn kept(machine: &Machine) -> BTreeSet<String> {
    let mut alice = machine.login("alice");
    let (mut found, mut before) = (BTreeSet::new(), String::new());
    loop {
        alice.send(&format!("/history bob 500{before}"));
        alice.send("/ping done");
        let (mut first, mut count) = (None, 0);
        loop {
            let line = alice.line();
            if line == "pong text=done" {
                break;
            }
            if let Some(rest) = line.strip_prefix("past id=") {
                first = first.or(rest.split(' ').next().map(str::to_owned));
                found.insert(rest.rsplit_once("text=").unwrap().1.to_owned());
                count += 1;
            }
        }
        match first {
            Some(first) if count == 500 => before = format!(" before {first}"),
            _ => return found,
        }
    }
}

#[test]
fn acknowledged_messages_survive_a_power_loss() {
    let Some(disk) = Disk::make() else {
        return cannot_run("26", "this system lets nobody format and mount a disk of its own");
    };
    let (mut dice, mut acknowledged, rounds) = (Dice(26), Vec::new(), scale(2, 20));
    for round in 0..rounds {
        let machine = disk.boot();
        acknowledged.extend(talk(&machine, round, &mut dice));
        drop(machine);
        let kept = kept(&disk.boot());
        let lost: Vec<&String> = acknowledged.iter().filter(|text| !kept.contains(*text)).collect();
        assert!(lost.is_empty(), "after power loss {round}: {} of {} lost: {lost:?}", lost.len(), acknowledged.len());
    }
    figure("26", &format!("{rounds} power losses, {} acknowledged, lost: 0", acknowledged.len()));
    assert!(acknowledged.len() > rounds * 8);
}
