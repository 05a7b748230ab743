//! Input and output up to a deadline, the same for every kind of connection.

use std::io;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::SendFlags;

use super::link::Link;
use crate::model::limits::{LINGER, LINGER_BYTES};

/// How long to wait before looking again for bytes on a connection whose reading was stopped.
const LINGER_STEP: Duration = Duration::from_millis(10);

/// Anything that can be written to without waiting: a [`Link`], or a stream of the console.
pub(crate) trait TryWrite {
    /// As [`Link::try_write`].
    ///
    /// # Errors
    /// As there.
    fn try_write(&self, bytes: &[u8]) -> io::Result<usize>;

    /// As [`Link::wait_writable`].
    ///
    /// # Errors
    /// As there.
    fn wait_writable(&self, deadline: Instant) -> io::Result<()>;
}

impl<L: Link + ?Sized> TryWrite for L {
    fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        Link::try_write(self, bytes)
    }

    fn wait_writable(&self, deadline: Instant) -> io::Result<()> {
        Link::wait_writable(self, deadline)
    }
}

impl TryWrite for UnixStream {
    fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        send(self, bytes)
    }

    fn wait_writable(&self, deadline: Instant) -> io::Result<()> {
        wait(self, PollFlags::OUT, deadline)
    }
}

/// Writes all of `bytes`. The deadline is absolute: a peer that takes a few bytes now and then does not extend it.
///
/// # Errors
/// `TimedOut` at the deadline; any other error means that the connection is gone.
pub(crate) fn write_all_until(to: &(impl TryWrite + ?Sized), mut bytes: &[u8], deadline: Instant) -> io::Result<()> {
    while !bytes.is_empty() {
        match to.try_write(bytes) {
            Ok(n) => bytes = &bytes[n..],
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => to.wait_writable(deadline)?,
            Err(e) => return Err(e),
        }
    }
    Ok(())
}

/// Discards what the peer still sends after [`Link::finish`], until it ends, for at most [`LINGER`] and
/// [`LINGER_BYTES`].
///
/// Closing a socket with unread bytes sends a reset, and the reset overtakes the last bytes written. `reading_stopped`
/// says whether [`Link::stop_reading`] was called: from then on every read returns 0, so that means nothing.
pub(crate) fn linger(link: &(impl Link + ?Sized), reading_stopped: impl Fn() -> bool) {
    let (deadline, mut buffer, mut left) = (Instant::now() + LINGER, [0; 1024], LINGER_BYTES);
    while left > 0 && Instant::now() < deadline {
        match link.read(&mut buffer, Some(deadline)) {
            Ok(0) if reading_stopped() => std::thread::sleep(LINGER_STEP),
            Ok(0) | Err(_) => return,
            Ok(n) => left = left.saturating_sub(n),
        }
    }
}

/// Writes what a socket takes without waiting; `WouldBlock` when it takes nothing now.
pub(super) fn send(socket: impl AsFd, bytes: &[u8]) -> io::Result<usize> {
    loop {
        // DONTWAIT per call: O_NONBLOCK belongs to the open file and would affect the reader too.
        match rustix::net::send(&socket, bytes, SendFlags::DONTWAIT | SendFlags::NOSIGNAL) {
            Err(Errno::INTR) => {}
            sent => return Ok(sent?),
        }
    }
}

/// Waits for one of the events in `what`, or for the end of the connection; `TimedOut` at the deadline.
pub(super) fn wait(socket: impl AsFd, what: PollFlags, deadline: Instant) -> io::Result<()> {
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let left = Timespec::try_from(left).map_err(io::Error::other)?;
        match poll(&mut [PollFd::new(&socket, what)], Some(&left)) {
            Ok(0) => return Err(io::ErrorKind::TimedOut.into()),
            Err(Errno::INTR) => {}
            Ok(_) => return Ok(()),
            Err(e) => return Err(e.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn slow_progress_does_not_extend_the_deadline() {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        let reading = std::thread::spawn(move || {
            let mut taken = 0;
            let mut buffer = [0; 4096];
            while let Ok(n @ 1..) = theirs.read(&mut buffer) {
                taken += n;
                std::thread::sleep(Duration::from_millis(5));
            }
            taken
        });
        let bytes = vec![b'x'; 16 << 20];
        let written = write_all_until(&ours, &bytes, Instant::now() + Duration::from_millis(100));
        assert_eq!(written.map_err(|e| e.kind()), Err(io::ErrorKind::TimedOut));
        drop(ours);
        assert!((1..bytes.len()).contains(&reading.join().unwrap()));
    }

    #[test]
    fn everything_is_written_to_a_peer_that_reads() {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        let reading = std::thread::spawn(move || {
            let mut all = Vec::new();
            theirs.read_to_end(&mut all).map(|_| all)
        });
        let bytes: Vec<u8> = (0..1 << 20).map(|n: u32| n.to_le_bytes()[1]).collect();
        write_all_until(&ours, &bytes, Instant::now() + Duration::from_secs(20)).unwrap();
        drop(ours);
        assert_eq!(reading.join().unwrap().unwrap(), bytes);
    }
}
