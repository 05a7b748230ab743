//! A WebSocket as a [`Link`]: each line is a message of its own, in both directions.
//!
//! tungstenite reads the frames and makes their heads; bytes come and go through the link below, which may be any other.
//! What counts as taken are whole messages: of one that is half out there the rest is kept here, and nothing else is.

mod frames;
mod incoming;
mod outgoing;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use parking_lot::Mutex;
use tungstenite::protocol::frame::coding::CloseCode;

use super::link::Link;
use crate::model::Peer;
use crate::model::limits::{LINGER, LINGER_BYTES, READ_MAX, WEB_PING};
use frames::{close, ping};
use incoming::{Incoming, Stop};
use outgoing::Outgoing;

/// The most bytes of pongs that wait while a message is half out there; what comes on top is not answered.
const CONTROL_BYTES: usize = 1024;

/// A WebSocket after its handshake.
pub struct WebSocketLink {
    below: Arc<dyn Link>,
    peer: SocketAddr,
    incoming: Mutex<Incoming>,
    outgoing: Mutex<Outgoing>,
}

impl WebSocketLink {
    /// Takes over a connection whose handshake is done; `early` came behind it.
    pub fn new(below: Arc<dyn Link>, early: &[u8]) -> WebSocketLink {
        let peer = below.peer();
        WebSocketLink { below, peer, incoming: Mutex::new(Incoming::new(early)), outgoing: Mutex::default() }
    }

    /// Its client is this one, for whom a proxy holds the connection.
    #[must_use]
    pub fn on_behalf_of(self, peer: SocketAddr) -> WebSocketLink {
        WebSocketLink { peer, ..self }
    }

    /// Sends a frame between two messages, as soon as the connection takes it.
    fn interject(&self, frame: &[u8], last: bool) {
        let mut outgoing = self.outgoing.lock();
        if !outgoing.over && (last || outgoing.control.len() + frame.len() <= CONTROL_BYTES) {
            outgoing.control.extend_from_slice(frame);
            // What does not go out now goes before the next message.
            let _ = outgoing.push(&*self.below);
            outgoing.over = last;
        }
    }

    /// Takes what a read has brought, and what else is there where it filled the buffer: frames are longer than the lines
    /// in them, so who reads lines from here cannot see that there is more.
    fn gather(&self, bytes: &mut Vec<u8>, buffer: &mut [u8], mut read: usize) {
        bytes.extend_from_slice(&buffer[..read]);
        while read == buffer.len() && bytes.len() < READ_MAX {
            // An end or a fault is met again by the next read.
            read = self.below.read(buffer, Some(Instant::now())).unwrap_or(0);
            bytes.extend_from_slice(&buffer[..read]);
        }
    }

    /// Reads away what a client still sends who is read no more: closing with unread bytes resets the connection, and a
    /// reset eats the code on its way.
    fn linger(&self) {
        self.below.finish();
        let (until, mut buffer, mut left) = (Instant::now() + LINGER, [0; 1024], LINGER_BYTES);
        while left > 0 {
            match self.below.read(&mut buffer, Some(until)) {
                Ok(0) | Err(_) => return,
                Ok(n) => left = left.saturating_sub(n),
            }
        }
    }

    /// Takes apart what has come, and answers what has to be answered.
    fn digest(&self, incoming: &mut Incoming) -> io::Result<()> {
        let result = incoming.digest();
        let replies = std::mem::take(&mut incoming.feed.replies);
        match result {
            Ok(()) if replies.is_empty() => {}
            Ok(()) => self.interject(&replies, !incoming.open),
            Err(Stop(code)) => {
                incoming.open = false;
                log::debug!("frames refused {} code={code}", Peer(self.peer));
                self.interject(&close(code), true);
                self.linger();
                return Err(io::ErrorKind::InvalidData.into());
            }
        }
        Ok(())
    }
}

impl Link for WebSocketLink {
    fn read(&self, buffer: &mut [u8], deadline: Option<Instant>) -> io::Result<usize> {
        let mut incoming = self.incoming.lock();
        loop {
            if incoming.open {
                self.digest(&mut incoming)?;
            }
            let n = incoming.take(buffer);
            if n > 0 {
                return Ok(n);
            }
            if !incoming.open {
                // Whether he ends the connection as well or not.
                return Ok(0);
            }
            let next = Instant::now() + WEB_PING;
            match self.below.read(buffer, Some(deadline.map_or(next, |deadline| deadline.min(next)))) {
                Ok(0) => return Ok(0),
                Ok(n) => self.gather(&mut incoming.feed.bytes, buffer, n),
                Err(e) if e.kind() == io::ErrorKind::TimedOut && deadline.is_none_or(|by| Instant::now() < by) => {
                    self.interject(&ping(), false);
                }
                Err(e) => return Err(e),
            }
        }
    }

    fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        let mut outgoing = self.outgoing.lock();
        if outgoing.over {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        outgoing.write(&*self.below, bytes)
    }

    fn wait_writable(&self, deadline: Instant) -> io::Result<()> {
        self.below.wait_writable(deadline)
    }

    fn stop_reading(&self) {
        self.below.stop_reading();
    }

    fn finish(&self) {
        self.interject(&close(CloseCode::Normal), true);
        self.below.finish();
    }

    fn abort(&self) {
        self.below.abort();
    }

    fn peer(&self) -> SocketAddr {
        self.peer
    }

    fn carries_messages(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests;
