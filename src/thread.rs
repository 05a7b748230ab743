//! The one way to start a thread: named, with a chosen stack, and with a refusal of the system as an error.
//!
//! `std::thread::spawn` panics when the system refuses; nothing in Parlor may.

mod crew;

use std::io;
use std::thread::{Builder, JoinHandle};

pub use crew::{Crew, name};

/// Starts a named thread with `stack` bytes of stack.
///
/// # Errors
/// What the system says when it gives no more threads or no memory for one.
pub fn start<T: Send + 'static>(
    name: &str,
    stack: usize,
    body: impl FnOnce() -> T + Send + 'static,
) -> io::Result<JoinHandle<T>> {
    Builder::new().name(name.to_owned()).stack_size(stack).spawn(body)
}

/// Looks every second whether threads wait for each other in a circle; if they do, writes out where and ends the process.
/// A second call changes nothing.
#[cfg(feature = "deadlock-detection")]
pub fn watch_for_deadlocks() {
    use std::io::Write;
    use std::sync::Once;
    use std::time::Duration;

    static WATCHING: Once = Once::new();
    WATCHING.call_once(|| {
        let watch = || {
            loop {
                std::thread::sleep(Duration::from_secs(1));
                let circles = parking_lot::deadlock::check_deadlock();
                if circles.is_empty() {
                    continue;
                }
                for thread in circles.iter().flatten() {
                    // The log may be part of the circle.
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
        // Without it the stress build finds nothing, and everything else goes on.
        let _ = start("deadlocks", 512 * 1024, watch);
    });
}
