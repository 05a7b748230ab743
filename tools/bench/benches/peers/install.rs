//! Who of the others is here, and bringing in who is not.

use std::process::{Command, Stdio};

use crate::contender::{Contender, program};

/// Those that can be measured, and those that cannot with the reason why.
pub(crate) fn present(all: Vec<Contender>, may_install: bool) -> (Vec<Contender>, Vec<(Contender, String)>) {
    let missing: Vec<&str> = all.iter().filter_map(|one| one.package()).filter(|package| !is_here(package)).collect();
    let mut why = "it is not installed".to_owned();
    if !missing.is_empty() && may_install {
        println!("installing {}", missing.join(", "));
        if let Err(error) = install(&missing) {
            why = format!("it is not installed, and apt-get could not do it: {error}");
        }
    }
    let (here, absent): (Vec<_>, Vec<_>) = all.into_iter().partition(|one| one.package().is_none_or(is_here));
    for one in &absent {
        eprintln!("{} is left out: {why}", one.name());
    }
    (here, absent.into_iter().map(|one| (one, why.clone())).collect())
}

fn is_here(name: &str) -> bool {
    // All of them have a version.
    Command::new(program(name)).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok()
}

/// Installs packages one by one, so that one that is not to be had keeps out no other.
fn install(packages: &[&str]) -> Result<(), String> {
    apt(&["update"])?;
    let failed: Vec<String> = packages
        .iter()
        .filter_map(|package| apt(&["install", "-y", "--no-install-recommends", package]).err())
        .collect();
    if failed.is_empty() { Ok(()) } else { Err(failed.join("; ")) }
}

fn apt(args: &[&str]) -> Result<(), String> {
    // Without a password, as root or not at all: nobody may be there to be asked.
    let as_root = rustix::process::getuid().is_root();
    let mut command = Command::new(if as_root { "env" } else { "sudo" });
    if !as_root {
        command.args(["-n", "env"]);
    }
    // In run level 1 Debian starts no daemon that was installed.
    command.args(["DEBIAN_FRONTEND=noninteractive", "RUNLEVEL=1", "apt-get", "-qq"]).args(args);
    let output = command.stdin(Stdio::null()).output().map_err(|error| error.to_string())?;
    if output.status.success() {
        return Ok(());
    }
    let words = String::from_utf8_lossy(&output.stderr);
    Err(words.lines().last().unwrap_or("it does not say why").to_owned())
}
