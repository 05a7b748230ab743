//! What a session needs of a connection, whatever carries it: TCP now, memory in tests, TLS and WebSockets later.

use std::io;
use std::net::SocketAddr;
use std::time::Instant;

/// One connection to one client. One thread reads; any thread may write, one at a time.
pub trait Link: Send + Sync {
    /// Reads what has come, waiting for the first byte until `deadline` (`None`: for ever). 0 is the end.
    ///
    /// # Errors
    /// `TimedOut` at the deadline; anything else means that the connection is gone.
    fn read(&self, buffer: &mut [u8], deadline: Option<Instant>) -> io::Result<usize>;

    /// Writes what the connection takes at once, and returns how many bytes that were.
    ///
    /// # Errors
    /// `WouldBlock` when it takes nothing now; anything else means that the connection is gone.
    fn try_write(&self, bytes: &[u8]) -> io::Result<usize>;

    /// Waits until the connection takes bytes again or is gone.
    ///
    /// # Errors
    /// `TimedOut` at the deadline.
    fn wait_writable(&self, deadline: Instant) -> io::Result<()>;

    /// Wakes a reader and lets nobody wait for more; what has come already may still be read.
    fn stop_reading(&self);

    /// Tells the client that nothing more follows; what is on its way still arrives.
    fn finish(&self);

    /// Ends the connection in both directions and wakes everybody who waits for it.
    fn abort(&self);

    /// From where the client is connected.
    fn peer(&self) -> SocketAddr;

    /// Whether a program is at the other end that sends and gets each line as a message of its own; no terminal is.
    fn carries_messages(&self) -> bool {
        false
    }
}
