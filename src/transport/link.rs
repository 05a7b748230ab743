//! The interface between a session and its connection: a TCP socket, a WebSocket, or memory in tests.

use std::io;
use std::net::SocketAddr;
use std::time::Instant;

/// One connection to one client. One thread reads; any thread may write, one at a time.
pub trait Link: Send + Sync {
    /// Reads what has arrived, waiting for the first byte until `deadline` (`None`: forever). 0 is the end.
    ///
    /// # Errors
    /// `TimedOut` at the deadline; any other error means that the connection is gone.
    fn read(&self, buffer: &mut [u8], deadline: Option<Instant>) -> io::Result<usize>;

    /// Writes what the connection takes without waiting, and returns how many bytes that was.
    ///
    /// # Errors
    /// `WouldBlock` when it takes nothing now; any other error means that the connection is gone.
    fn try_write(&self, bytes: &[u8]) -> io::Result<usize>;

    /// Waits until the connection takes bytes again or is gone.
    ///
    /// # Errors
    /// `TimedOut` at the deadline.
    fn wait_writable(&self, deadline: Instant) -> io::Result<()>;

    /// Wakes the reader and stops waiting for more; bytes that have already arrived can still be read.
    fn stop_reading(&self);

    /// Tells the client that nothing more follows; bytes already sent still arrive.
    fn finish(&self);

    /// Ends the connection in both directions and wakes every thread that waits for it.
    fn abort(&self);

    /// The client's address.
    fn peer(&self) -> SocketAddr;
}
