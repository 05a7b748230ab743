//! Finds the other projects' servers, and installs the missing ones.

use std::process::{Command, Stdio};

use crate::contender::{Contender, program};

/// Splits the servers into those that can be measured and those that cannot, with the reason.
pub(crate) fn find_or_install(all: Vec<Contender>, may_install: bool) -> (Vec<Contender>, Vec<(Contender, String)>) {
    let missing: Vec<&str> =
        all.iter().filter_map(|one| one.package()).filter(|package| !is_installed(package)).collect();
    let mut why = "it is not installed".to_owned();
    if !missing.is_empty() && may_install {
        println!("installing {}", missing.join(", "));
        if let Err(error) = install(&missing) {
            why = format!("it is not installed, and apt-get failed: {error}");
        }
    }
    let (installed, absent): (Vec<_>, Vec<_>) = all.into_iter().partition(|one| one.package().is_none_or(is_installed));
    for one in &absent {
        eprintln!("{} is skipped: {why}", one.name());
    }
    (installed, absent.into_iter().map(|one| (one, why.clone())).collect())
}

fn is_installed(name: &str) -> bool {
    // All of them have this option.
    Command::new(program(name)).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok()
}

/// Installs packages one by one, so that an unavailable one does not prevent the others.
fn install(packages: &[&str]) -> Result<(), String> {
    apt(&["update"])?;
    let failed: Vec<String> = packages
        .iter()
        .filter_map(|package| apt(&["install", "-y", "--no-install-recommends", package]).err())
        .collect();
    if failed.is_empty() { Ok(()) } else { Err(failed.join("; ")) }
}

fn apt(args: &[&str]) -> Result<(), String> {
    // Never ask for a password: nobody may be there to type it.
    let as_root = rustix::process::getuid().is_root();
    let mut command = Command::new(if as_root { "env" } else { "sudo" });
    if !as_root {
        command.args(["-n", "env"]);
    }
    // In run level 1 Debian does not start the daemons it installs.
    command.args(["DEBIAN_FRONTEND=noninteractive", "RUNLEVEL=1", "apt-get", "-qq"]).args(args);
    let output = command.stdin(Stdio::null()).output().map_err(|error| error.to_string())?;
    if output.status.success() {
        return Ok(());
    }
    let words = String::from_utf8_lossy(&output.stderr);
    Err(words.lines().last().unwrap_or("no reason given").to_owned())
}
