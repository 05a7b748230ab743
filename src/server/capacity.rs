//! What this process may have, and how many clients fit into that.

use std::fs;
use std::path::Path;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::model::Limits;
use crate::model::limits::{READERS, WEB_THREADS};

/// Descriptors that are not clients: listeners, the console and who uses it, logs, the users file, the reserve, the standard
/// streams.
const OTHER_DESCRIPTORS: u64 = 40;

/// Descriptors of the store: two for each connection, of which some are not for reading, its lock and its shared memory.
const STORE_DESCRIPTORS: u64 = 2 * (READERS as u64 + 3) + 2;

/// Threads that are not clients, and room for the writers of those who are behind.
const OTHER_THREADS: u64 = 48;

/// Memory regions the standard library maps for each thread, and those the process has without any.
const REGIONS_PER_THREAD: u64 = 4;
const OTHER_REGIONS: u64 = 1024;

/// Raises the soft limit of descriptors to the hard one, and lowers the caps on clients to what then fits. `web` says
/// whether there is a web page, which needs some beside the clients.
pub fn fit_to_process(limits: &mut Limits, web: bool) {
    let visits = if web { WEB_THREADS as u64 } else { 0 };
    let descriptors = raise_descriptors().saturating_sub(OTHER_DESCRIPTORS + STORE_DESCRIPTORS + visits);
    let threads = max_threads().saturating_sub(OTHER_THREADS + visits);
    let room = usize::try_from(descriptors.min(threads)).unwrap_or(usize::MAX);
    let wanted = limits.max_clients + limits.max_unauthenticated;
    if wanted <= room {
        return;
    }
    // A quarter for those who log in is enough for a small server, and keeps most places for those who have.
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

/// How many threads the limits of the kernel, the user and the control group allow.
fn max_threads() -> u64 {
    let by_regions = number("/proc/sys/vm/max_map_count").map(|n| n.saturating_sub(OTHER_REGIONS) / REGIONS_PER_THREAD);
    let by_kernel = number("/proc/sys/kernel/threads-max");
    let by_group = group_limit();
    let by_user = getrlimit(Resource::Nproc).current;
    [by_regions, by_kernel, by_group, by_user].into_iter().flatten().min().unwrap_or(u64::MAX)
}

/// The smallest `pids.max` on the way from this process's control group to the root, in either version of the groups.
fn group_limit() -> Option<u64> {
    let groups = fs::read_to_string("/proc/self/cgroup").ok()?;
    let limit = |line: &str| {
        let (_, group) = line.split_once(':')?;
        let (controllers, path) = group.split_once(':')?;
        match controllers {
            "" => smallest_on_the_way("/sys/fs/cgroup", path),
            _ if controllers.split(',').any(|name| name == "pids") => smallest_on_the_way("/sys/fs/cgroup/pids", path),
            _ => None,
        }
    };
    groups.lines().filter_map(limit).min()
}

fn smallest_on_the_way(root: &str, path: &str) -> Option<u64> {
    let groups = Path::new(path.trim_start_matches('/')).ancestors();
    groups.filter_map(|group| number(Path::new(root).join(group).join("pids.max"))).min()
}

fn number(path: impl AsRef<Path>) -> Option<u64> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{MessageId, Retention};
    use crate::store::{SqliteStore, Store};

    #[test]
    fn the_store_has_no_more_descriptors_than_are_set_aside_for_it() {
        let dir = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(dir.path(), &Retention::default()).unwrap();
        let has = || {
            let all = fs::read_dir("/proc/self/fd").unwrap().filter_map(|fd| fs::read_link(fd.ok()?.path()).ok());
            all.filter(|file| file.starts_with(dir.path())).count() as u64
        };
        let most = std::thread::scope(|scope| {
            let read = || (0..20).map(|_| store.tail(MessageId(0), 1).map(|_| has()).unwrap()).max();
            let threads: Vec<_> = (0..40).map(|_| scope.spawn(read)).collect();
            store.tend().unwrap();
            threads.into_iter().filter_map(|thread| thread.join().unwrap()).max().unwrap()
        });
        assert!((3..=STORE_DESCRIPTORS).contains(&most), "{most}");
    }

    #[test]
    fn this_process_may_have_threads_and_descriptors() {
        assert!(max_threads() > 100);
        assert!(raise_descriptors() > 100);
    }

    #[test]
    fn what_does_not_fit_is_lowered_and_what_fits_is_left_alone() {
        let mut small = Limits { max_clients: 10, max_unauthenticated: 5, ..Limits::default() };
        fit_to_process(&mut small, true);
        assert_eq!((small.max_clients, small.max_unauthenticated), (10, 5));
        let mut huge = Limits { max_clients: 100_000_000, ..Limits::default() };
        fit_to_process(&mut huge, false);
        assert!(huge.max_clients < 100_000_000 && huge.max_unauthenticated == 256);
    }
}
