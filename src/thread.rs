//! The one way to start a thread: named, with a chosen stack, and with a refusal of the system as an error.
//!
//! `std::thread::spawn` panics when the system refuses; nothing in Parlor may.

use std::io;
use std::thread::{Builder, JoinHandle};

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
