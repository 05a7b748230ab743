//! The machine and the versions of the servers.

use std::fs;
use std::process::Command;

use crate::contender::{Contender, program};

/// The machine in one line: processor, cores, memory, system.
pub(crate) fn machine() -> String {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let memory = value("/proc/meminfo", "MemTotal:").split(' ').next().and_then(|kib| kib.parse::<u64>().ok());
    let memory = memory.map_or_else(|| "?".to_owned(), |kib| (kib.div_ceil(1024 * 1024)).to_string());
    let system = value("/etc/os-release", "PRETTY_NAME=").trim_matches('"').to_owned();
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let kernel = kernel.trim().split('-').next().unwrap_or_default().to_owned();
    let processor = value("/proc/cpuinfo", "model name").trim_start_matches([':', ' ', '\t']).to_owned();
    let processor = if processor.is_empty() { "unknown processor".to_owned() } else { processor };
    format!("{processor}, {cores} cores, {memory} GiB of memory, {system}, Linux {kernel}")
}

/// The load average of the last minute.
pub(crate) fn load_average() -> f64 {
    let loads = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    loads.split(' ').next().and_then(|load| load.parse().ok()).unwrap_or(0.0)
}

/// The value after a key in a system file.
fn value(file: &str, key: &str) -> String {
    let text = fs::read_to_string(file).unwrap_or_default();
    text.lines().find_map(|line| line.strip_prefix(key)).unwrap_or_default().trim().to_owned()
}

/// The version of a server, as it reports it.
pub(crate) fn version(contender: Contender) -> String {
    if !contender.is_peer() {
        return env!("CARGO_PKG_VERSION").to_owned();
    }
    let output = Command::new(program(contender.name())).arg("--version").output();
    let said = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    // The first word that contains a digit and a dot, without its prefix and suffix.
    let word = said.split_whitespace().find(|word| word.contains('.') && word.contains(|c: char| c.is_ascii_digit()));
    let word = word.unwrap_or("?").split('-').find(|part| part.contains('.')).unwrap_or("?");
    word.trim_start_matches("v=").trim_start_matches('v').trim_end_matches([':', ',', '.']).to_owned()
}
