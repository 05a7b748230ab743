//! A connection within the process, for tests: it controls exactly what each read returns, and its gate makes a slow client.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use super::link::Link;
use crate::lock::{Condvar, Mutex};

/// How many unread bytes the connection holds before a write would block.
const CAPACITY: usize = 64 * 1024;

/// The server's end of the connection.
pub struct MemoryLink(Arc<Shared>);

/// The client's end of the connection.
pub struct MemoryPeer(Arc<Shared>);

struct Shared {
    // lock tier 9: a leaf; nothing else is locked while it is held.
    state: Mutex<State, 9>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// Bytes from the client, one entry per send: a read returns at most one of them.
    to_server: VecDeque<Vec<u8>>,
    to_client: VecDeque<u8>,
    client_done: bool,
    server_done: bool,
    reading_stopped: bool,
    broken: bool,
    gate_shut: bool,
    reader_panics: bool,
    writer_panics: bool,
}

/// A connection: the server's end and the client's.
pub fn pair() -> (MemoryLink, MemoryPeer) {
    let shared = Arc::new(Shared { state: Mutex::new(State::default()), changed: Condvar::new() });
    (MemoryLink(Arc::clone(&shared)), MemoryPeer(shared))
}

impl Shared {
    fn change(&self, work: impl FnOnce(&mut State)) {
        work(&mut self.state.lock());
        self.changed.notify_all();
    }

    /// Waits until `look` finds something or the deadline has passed.
    fn wait<T>(&self, deadline: Option<Instant>, mut look: impl FnMut(&mut State) -> Option<T>) -> io::Result<T> {
        let mut state = self.state.lock();
        loop {
            if let Some(found) = look(&mut state) {
                drop(state);
                self.changed.notify_all();
                return Ok(found);
            }
            match deadline {
                None => self.changed.wait(&mut state),
                Some(at) if self.changed.wait_until(&mut state, at).timed_out() && Instant::now() >= at => {
                    return Err(io::ErrorKind::TimedOut.into());
                }
                Some(_) => {}
            }
        }
    }
}

impl State {
    fn room(&mut self) -> usize {
        assert!(!std::mem::take(&mut self.writer_panics), "the test asked for this panic");
        if self.gate_shut { 0 } else { CAPACITY.saturating_sub(self.to_client.len()) }
    }

    fn receive(&mut self, buffer: &mut [u8]) -> Option<io::Result<usize>> {
        assert!(!self.reader_panics, "the test asked for this panic");
        if let Some(mut sent) = self.to_server.pop_front() {
            let n = sent.len().min(buffer.len());
            buffer[..n].copy_from_slice(&sent[..n]);
            if n < sent.len() {
                self.to_server.push_front(sent.split_off(n));
            }
            return Some(Ok(n));
        }
        if self.broken {
            return Some(Err(io::ErrorKind::ConnectionReset.into()));
        }
        (self.client_done || self.reading_stopped).then_some(Ok(0))
    }
}

impl Link for MemoryLink {
    fn read(&self, buffer: &mut [u8], deadline: Option<Instant>) -> io::Result<usize> {
        self.0.wait(deadline, |state| state.receive(buffer))?
    }

    fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        let mut result = Ok(0);
        self.0.change(|state| {
            let n = state.room().min(bytes.len());
            result = match n {
                _ if state.broken || state.server_done => Err(io::ErrorKind::BrokenPipe.into()),
                0 => Err(io::ErrorKind::WouldBlock.into()),
                n => Ok(n),
            };
            if result.is_ok() {
                state.to_client.extend(&bytes[..n]);
            }
        });
        result
    }

    fn wait_writable(&self, deadline: Instant) -> io::Result<()> {
        self.0.wait(Some(deadline), |state| (state.broken || state.server_done || state.room() > 0).then_some(()))
    }

    fn stop_reading(&self) {
        self.0.change(|state| state.reading_stopped = true);
    }

    fn finish(&self) {
        self.0.change(|state| state.server_done = true);
    }

    fn abort(&self) {
        self.0.change(|state| state.broken = true);
    }

    fn peer(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], 1))
    }
}

impl Drop for MemoryLink {
    fn drop(&mut self) {
        self.0.change(|state| state.server_done = true);
    }
}

impl MemoryPeer {
    /// Sends bytes that the server receives in one read.
    pub fn send(&self, bytes: &[u8]) {
        self.0.change(|state| state.to_server.push_back(bytes.to_vec()));
    }

    /// Tells the server that nothing more will be sent.
    pub fn finish(&self) {
        self.0.change(|state| state.client_done = true);
    }

    /// Breaks the connection.
    pub fn reset(&self) {
        self.0.change(|state| state.broken = true);
    }

    /// Makes the client take nothing (`true`) or everything again.
    pub fn shut_gate(&self, shut: bool) {
        self.0.change(|state| state.gate_shut = shut);
    }

    /// Makes the server's next read panic, to test that a fault in one session costs only that session.
    pub fn make_reader_panic(&self) {
        self.0.change(|state| state.reader_panics = true);
    }

    /// Makes the next write to this client panic, whichever thread writes.
    pub fn make_writer_panic(&self) {
        self.0.change(|state| state.writer_panics = true);
    }

    /// Takes what has arrived, waiting for the first byte until `deadline`; an empty result is the end.
    ///
    /// # Errors
    /// `TimedOut` at the deadline.
    pub fn receive(&self, deadline: Instant) -> io::Result<Vec<u8>> {
        self.0.wait(Some(deadline), |state| {
            let done = state.broken || state.server_done;
            (done || !state.to_client.is_empty()).then(|| state.to_client.drain(..).collect())
        })
    }
}
