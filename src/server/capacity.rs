//! How many clients fit in what the system gives this process.

use std::fs;
use std::path::Path;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::config::Config;
use crate::model::limits::WEB_THREADS;
use crate::store;

/// Descriptors beside those of clients: listeners, the console and its connections, logs, the users file, the reserve,
/// the standard streams.
const OTHER_DESCRIPTORS: u64 = 40;

/// Threads beside those of clients, with room for the writers of slow clients.
const OTHER_THREADS: u64 = 48;

/// Memory regions that the standard library maps for each thread.
const REGIONS_PER_THREAD: u64 = 4;

/// Memory regions of the process without any client.
const OTHER_REGIONS: u64 = 1024;

/// Raises the soft limit on descriptors to the hard one, and lowers the limits on clients to what then fits beside the
/// store and the web page.
pub(crate) fn fit_to_process(config: &mut Config) {
    if let Some(bytes) = getrlimit(Resource::Fsize).current {
        log::warn!("file size limited bytes={bytes}: the database and each day's log stop there, as on a full disk");
    }
    let web = !(config.web.is_empty() && config.metrics.is_empty());
    let web_threads = if web { WEB_THREADS as u64 } else { 0 };
    let others = OTHER_DESCRIPTORS + store::descriptors(&config.data) + web_threads;
    let descriptors = raise_descriptors().saturating_sub(others);
    let threads = max_threads().saturating_sub(OTHER_THREADS + web_threads);
    let room = usize::try_from(descriptors.min(threads)).unwrap_or(usize::MAX);
    let limits = &mut config.limits;
    let wanted = limits.max_clients + limits.max_unauthenticated;
    if wanted <= room {
        return;
    }
    // A quarter for logins is enough for a small server, and keeps most of the room for clients that have logged in.
    limits.max_unauthenticated = limits.max_unauthenticated.min(room / 4).max(1);
    limits.max_clients = room.saturating_sub(limits.max_unauthenticated).clamp(1, limits.max_clients);
    log::warn!(
        "capacity lowered clients={} logging_in={} descriptors={descriptors} threads={threads}",
        limits.max_clients,
        limits.max_unauthenticated
    );
}

fn raise_descriptors() -> u64 {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let raised = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
    let now = if raised.is_ok() { maximum } else { current };
    now.unwrap_or(u64::MAX)
}

/// How many threads the kernel, the user's limits and the control group allow.
fn max_threads() -> u64 {
    let by_regions = number("/proc/sys/vm/max_map_count").map(|n| n.saturating_sub(OTHER_REGIONS) / REGIONS_PER_THREAD);
    let by_kernel = number("/proc/sys/kernel/threads-max");
    let by_group = group_limit();
    let by_user = getrlimit(Resource::Nproc).current;
    [by_regions, by_kernel, by_group, by_user].into_iter().flatten().min().unwrap_or(u64::MAX)
}

/// The smallest `pids.max` between this process's control group and the root, for either version of control groups.
fn group_limit() -> Option<u64> {
    let groups = fs::read_to_string("/proc/self/cgroup").ok()?;
    let limit = |line: &str| {
        let (_, group) = line.split_once(':')?;
        let (controllers, path) = group.split_once(':')?;
        match controllers {
            "" => smallest_up_to_root("/sys/fs/cgroup", path),
            _ if controllers.split(',').any(|name| name == "pids") => smallest_up_to_root("/sys/fs/cgroup/pids", path),
            _ => None,
        }
    };
    groups.lines().filter_map(limit).min()
}

fn smallest_up_to_root(root: &str, path: &str) -> Option<u64> {
    let groups = Path::new(path.trim_start_matches('/')).ancestors();
    groups.filter_map(|group| number(Path::new(root).join(group).join("pids.max"))).min()
}

fn number(path: impl AsRef<Path>) -> Option<u64> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Address;
    use crate::model::Limits;

    #[test]
    fn the_system_gives_threads_and_descriptors() {
        assert!(max_threads() > 100);
        assert!(raise_descriptors() > 100);
    }

    #[test]
    fn only_limits_that_do_not_fit_are_lowered() {
        let fitted = |limits, web: Vec<Address>| {
            let mut config = Config { limits, web, ..Config::default() };
            fit_to_process(&mut config);
            config.limits
        };
        let web = vec!["127.0.0.1:0".parse().unwrap()];
        let small = fitted(Limits { max_clients: 10, max_unauthenticated: 5, ..Limits::default() }, web);
        assert_eq!((small.max_clients, small.max_unauthenticated), (10, 5));
        let huge = fitted(Limits { max_clients: 100_000_000, ..Limits::default() }, Vec::new());
        assert!(huge.max_clients < 100_000_000 && huge.max_unauthenticated == 256);
    }
}
