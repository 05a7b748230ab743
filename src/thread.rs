//! Floor 0: the one way to start a thread. It has a name and a stack size, and the system's refusal is an error.
//!
//! `std::thread::spawn` panics when the system refuses a thread; nothing in Parlor may.

mod pool;

use std::io;
use std::thread::{Builder, JoinHandle};

pub(crate) use pool::{ThreadPool, name};

/// Starts a named thread with `stack` bytes of stack.
///
/// # Errors
/// The system's error when it refuses a thread or memory for one.
pub(crate) fn start<T: Send + 'static>(
    name: &str,
    stack: usize,
    body: impl FnOnce() -> T + Send + 'static,
) -> io::Result<JoinHandle<T>> {
    Builder::new().name(name.to_owned()).stack_size(stack).spawn(body)
}

/// Checks every second for a deadlock; if there is one, prints the threads' stacks and aborts the process. A second
/// call does nothing.
#[cfg(feature = "deadlock-detection")]
pub(crate) fn watch_for_deadlocks() {
    use std::io::Write;
    use std::sync::Once;
    use std::time::Duration;

    static WATCHING: Once = Once::new();
    WATCHING.call_once(|| {
        let watch = || {
            loop {
                std::thread::sleep(Duration::from_secs(1));
                let deadlocks = parking_lot::deadlock::check_deadlock();
                if deadlocks.is_empty() {
                    continue;
                }
                for thread in deadlocks.iter().flatten() {
                    // The log may be part of the deadlock.
                    let _ = writeln!(
                        std::io::stderr(),
                        "deadlock: thread {:?}\n{:?}",
                        thread.thread_id(),
                        thread.backtrace()
                    );
                }
                std::process::abort();
            }
        };
        // Without this thread the stress build detects nothing, and everything else works.
        let _ = start("deadlocks", 512 * 1024, watch);
    });
}
