//! A TCP connection as a [`Link`]: one descriptor, shared by the thread that reads and those that write.

use std::io;
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rustix::event::PollFlags;
use rustix::io::Errno;
use rustix::net::{RecvFlags, recv};
use socket2::{SockRef, TcpKeepalive};

use super::io::{send, wait};
use super::link::Link;

/// The kernel's send buffer for one client, in bytes. Unbounded, it grows to 4.2 MB for a client that never reads.
const SEND_BUFFER: usize = 64 * 1024;

/// After this long without a byte the kernel probes whether the peer is still there.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(60);

/// Interval between keepalive probes.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(15);

/// After this many unanswered probes the connection is dead.
const KEEPALIVE_PROBES: u32 = 4;

/// Bytes that stay unacknowledged for this long mean that the peer has vanished.
const USER_TIMEOUT: Duration = Duration::from_secs(60);

/// Bytes received and sent over all connections, counted once per system call.
#[derive(Debug, Default)]
pub(crate) struct Traffic {
    received: AtomicU64,
    sent: AtomicU64,
}

impl Traffic {
    /// Bytes received and sent since the server started.
    pub(crate) fn bytes(&self) -> [u64; 2] {
        [&self.received, &self.sent].map(|count| count.load(Ordering::Relaxed))
    }

    fn note_received(&self, bytes: usize) {
        self.received.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    fn note_sent(&self, bytes: usize) {
        self.sent.fetch_add(bytes as u64, Ordering::Relaxed);
    }
}

/// A connected client's socket.
pub(crate) struct TcpLink {
    stream: TcpStream,
    peer: SocketAddr,
    traffic: Arc<Traffic>,
}

impl TcpLink {
    /// Takes over a connection accepted from a listener that [`TcpLink::prepare`] has set up. Its bytes are counted in
    /// `traffic`.
    pub(crate) fn new(stream: TcpStream, peer: SocketAddr, traffic: Arc<Traffic>) -> TcpLink {
        TcpLink { stream, peer: SocketAddr::new(peer.ip().to_canonical(), peer.port()), traffic }
    }

    /// Sets the socket options on a listener. Accepted connections inherit them, which saves eight system calls each.
    ///
    /// # Errors
    /// The system's error when an option cannot be set.
    pub(crate) fn prepare(socket: SockRef<'_>) -> io::Result<()> {
        let keepalive = TcpKeepalive::new()
            .with_time(KEEPALIVE_IDLE)
            .with_interval(KEEPALIVE_INTERVAL)
            .with_retries(KEEPALIVE_PROBES);
        socket.set_tcp_nodelay(true)?;
        socket.set_send_buffer_size(SEND_BUFFER)?;
        socket.set_tcp_keepalive(&keepalive)?;
        socket.set_tcp_user_timeout(Some(USER_TIMEOUT))?;
        // telnet sends Ctrl-C as urgent data; without this a dangling IAC would swallow the next byte.
        socket.set_out_of_band_inline(true)
    }

    /// Whether the connection was reset. A reset socket has no peer address; one that was closed cleanly still has.
    fn was_reset(&self) -> bool {
        self.stream.peer_addr().is_err()
    }
}

impl Link for TcpLink {
    fn read(&self, buffer: &mut [u8], deadline: Option<Instant>) -> io::Result<usize> {
        if let Some(deadline) = deadline {
            wait(&self.stream, PollFlags::IN, deadline)?;
        }
        loop {
            match recv(&self.stream, &mut *buffer, RecvFlags::empty()) {
                // A writing thread may have received the reset's error; then the reader sees what looks like a clean end.
                Ok((0, _)) if self.was_reset() => return Err(io::ErrorKind::ConnectionReset.into()),
                Ok((n, _)) => {
                    self.traffic.note_received(n);
                    return Ok(n);
                }
                Err(Errno::INTR) => {}
                Err(e) => return Err(e.into()),
            }
        }
    }

    fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        let sent = send(&self.stream, bytes)?;
        self.traffic.note_sent(sent);
        Ok(sent)
    }

    fn wait_writable(&self, deadline: Instant) -> io::Result<()> {
        wait(&self.stream, PollFlags::OUT, deadline)
    }

    // Shutting down a connection that is already gone fails; the errors of these three methods say nothing new.

    fn stop_reading(&self) {
        let _ = self.stream.shutdown(Shutdown::Read);
    }

    fn finish(&self) {
        let _ = self.stream.shutdown(Shutdown::Write);
    }

    fn abort(&self) {
        let _ = self.stream.shutdown(Shutdown::Both);
    }

    fn peer(&self) -> SocketAddr {
        self.peer
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::net::TcpListener;

    use super::*;

    fn pair() -> (TcpLink, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        TcpLink::prepare(SockRef::from(&listener)).unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (stream, peer) = listener.accept().unwrap();
        (TcpLink::new(stream, peer, Arc::default()), client)
    }

    fn reset(client: TcpStream) {
        SockRef::from(&client).set_linger(Some(Duration::ZERO)).unwrap();
    }

    #[test]
    fn accepted_connections_inherit_the_listeners_options() {
        let (link, _client) = pair();
        let socket = SockRef::from(&link.stream);
        assert!(socket.tcp_nodelay().unwrap() && socket.out_of_band_inline().unwrap() && socket.keepalive().unwrap());
        assert_eq!(socket.tcp_user_timeout().unwrap(), Some(USER_TIMEOUT));
        let keepalive = (socket.tcp_keepalive_time(), socket.tcp_keepalive_interval(), socket.tcp_keepalive_retries());
        let (time, interval, probes) = (keepalive.0.unwrap(), keepalive.1.unwrap(), keepalive.2.unwrap());
        assert_eq!((time, interval, probes), (KEEPALIVE_IDLE, KEEPALIVE_INTERVAL, KEEPALIVE_PROBES));
        // The kernel doubles what is asked for, for its own use.
        assert_eq!(socket.send_buffer_size().unwrap(), 2 * SEND_BUFFER);
    }

    #[test]
    fn a_reset_is_reported_even_if_a_writer_saw_it_first() {
        let (link, mut client) = pair();
        client.write_all(b"half a line").unwrap();
        let mut buffer = [0; 64];
        assert_eq!(link.read(&mut buffer, None).unwrap(), 11);
        reset(client);
        let deadline = Instant::now() + Duration::from_secs(10);
        wait(&link.stream, PollFlags::IN, deadline).unwrap();
        while link.try_write(b"x").is_ok() {
            assert!(Instant::now() < deadline, "the reset never came");
        }
        assert!(link.read(&mut buffer, None).is_err());
    }

    #[test]
    fn a_half_closed_connection_ends_cleanly() {
        let (link, client) = pair();
        client.shutdown(Shutdown::Write).unwrap();
        assert_eq!(link.read(&mut [0; 64], None).unwrap(), 0);
        assert!(link.try_write(b"x").is_ok());
    }
}
