//! The resource usage of the server's process, as the kernel reports it.

use std::fs;
use std::io;
use std::time::Duration;

use crate::error::BenchError;

/// The unit in which Linux counts CPU time: a hundredth of a second on every architecture.
const TICK: Duration = Duration::from_millis(10);

/// A process, identified by its PID.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Process {
    /// The PID.
    pub(crate) pid: u32,
}

/// The resource usage of a process at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Usage {
    /// CPU time so far, user and kernel mode, including threads that have exited.
    pub(crate) cpu: Duration,
    /// Resident memory, in KiB.
    pub(crate) rss_kib: u64,
    /// Number of threads.
    pub(crate) threads: u64,
}

impl Process {
    /// The usage now.
    ///
    /// # Errors
    /// There is no such process.
    pub(crate) fn usage(self) -> Result<Usage, BenchError> {
        let proc = |file| fs::read_to_string(format!("/proc/{}/{file}", self.pid));
        let read = || Ok((proc("stat")?, proc("status")?));
        let usage = read().and_then(|(stat, status)| {
            parse(&stat, &status).ok_or_else(|| io::Error::other("unexpected format in /proc"))
        });
        usage.map_err(|source| BenchError::Process { pid: self.pid, source })
    }
}

fn parse(stat: &str, status: &str) -> Option<Usage> {
    // The program name, in parentheses, may contain spaces and parentheses.
    let fields: Vec<&str> = stat.rsplit_once(") ")?.1.split(' ').collect();
    let ticks = |field: usize| fields.get(field)?.parse::<u32>().ok();
    let number = |key: &str| {
        let value = status.lines().find_map(|line| line.strip_prefix(key))?;
        value.split_whitespace().next()?.parse().ok()
    };
    Some(Usage { cpu: TICK * (ticks(11)? + ticks(12)?), rss_kib: number("VmRSS:")?, threads: number("Threads:")? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proc_files_are_parsed() {
        let stat = "12 (a (b) c) S 1 12 12 0 -1 4194560 1 0 0 0 150 50 0 0 20 0 7 0 1 2 3";
        let status = "Name:\tx\nVmRSS:\t    1234 kB\nThreads:\t7\n";
        let expected = Usage { cpu: Duration::from_secs(2), rss_kib: 1234, threads: 7 };
        assert_eq!(parse(stat, status), Some(expected));
        assert_eq!(parse(stat, "Name:\tx\n"), None);
        let this = Process { pid: std::process::id() }.usage().unwrap();
        assert!(this.rss_kib > 0 && this.threads > 0);
    }

    #[test]
    fn an_unknown_pid_is_reported() {
        let error = Process { pid: u32::MAX }.usage().unwrap_err().to_string();
        assert!(error.contains("--server-pid"), "{error}");
    }
}
