//! A WebSocket as a [`Link`]: each line is a message of its own, in both directions.
//!
//! tungstenite reads the frames and makes their heads; bytes come and go through the link below, which may be any other.
//! What counts as taken are whole messages: of one that is half out there the rest is kept here, and nothing else is.

mod frames;

use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use parking_lot::Mutex;
use tungstenite::protocol::frame::coding::CloseCode;
use tungstenite::protocol::{Role, WebSocketConfig, WebSocketContext};
use tungstenite::{Error, Message};

use super::link::Link;
use crate::model::limits::{FLOOD_BYTES, READ_MIN, WEB_PING};
use frames::{close, ping, texts};

/// The most bytes of pongs that wait while a message is half out there; what comes on top is not answered.
const CONTROL_BYTES: usize = 1024;

/// A WebSocket after its handshake.
pub struct WebSocketLink {
    below: Arc<dyn Link>,
    incoming: Mutex<Incoming>,
    outgoing: Mutex<Outgoing>,
}

/// What only the reader touches.
struct Incoming {
    context: WebSocketContext,
    feed: Feed,
    /// What was said and has not been read yet, from `at` on.
    lines: Vec<u8>,
    at: usize,
    stage: Stage,
}

/// How far the peer is.
#[derive(PartialEq, Eq)]
enum Stage {
    Open,
    /// He has closed; what he said before has still to be read.
    Closed,
    /// His end has been told, or he broke the rules: what comes now is thrown away.
    Over,
}

/// The connection as tungstenite sees it: what has come, and what it wants to answer.
#[derive(Default)]
struct Feed {
    bytes: Vec<u8>,
    at: usize,
    replies: Vec<u8>,
}

/// What only one writer at a time touches.
#[derive(Default)]
struct Outgoing {
    /// What is left of a message that is half out there, and the line that it is.
    rest: Vec<u8>,
    line: Vec<u8>,
    /// Whole frames that go between messages: pongs, pings, the last one.
    control: Vec<u8>,
    /// The last frame was sent.
    over: bool,
}

/// Why the peer's own messages are not read on.
struct Stop(CloseCode);

impl WebSocketLink {
    /// Takes over a connection whose handshake is done; `early` came behind it.
    pub fn new(below: Arc<dyn Link>, early: &[u8]) -> WebSocketLink {
        let most = usize::try_from(FLOOD_BYTES).ok();
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_MIN)
            .write_buffer_size(0)
            .max_message_size(most)
            .max_frame_size(most);
        let context = WebSocketContext::new(Role::Server, Some(config));
        let feed = Feed { bytes: early.to_vec(), ..Feed::default() };
        let incoming = Incoming { context, feed, lines: Vec::new(), at: 0, stage: Stage::Open };
        WebSocketLink { below, incoming: Mutex::new(incoming), outgoing: Mutex::default() }
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

    /// Takes apart what has come, and answers what has to be answered.
    fn digest(&self, incoming: &mut Incoming) -> io::Result<()> {
        let result = incoming.digest();
        let replies = std::mem::take(&mut incoming.feed.replies);
        match result {
            Ok(()) if replies.is_empty() => {}
            Ok(()) => self.interject(&replies, incoming.stage != Stage::Open),
            Err(Stop(code)) => {
                incoming.stage = Stage::Over;
                self.interject(&close(code), true);
                return Err(io::ErrorKind::InvalidData.into());
            }
        }
        Ok(())
    }
}

impl Incoming {
    /// Hands out what was said.
    fn take(&mut self, buffer: &mut [u8]) -> usize {
        let n = buffer.len().min(self.lines.len() - self.at);
        buffer[..n].copy_from_slice(&self.lines[self.at..self.at + n]);
        self.at += n;
        if self.at == self.lines.len() {
            (self.lines, self.at) = (Vec::new(), 0);
        }
        n
    }

    fn digest(&mut self) -> Result<(), Stop> {
        loop {
            match self.context.read(&mut self.feed) {
                Ok(Message::Text(text)) => {
                    self.lines.extend_from_slice(text.as_bytes());
                    if !text.ends_with('\n') {
                        self.lines.push(b'\n');
                    }
                }
                Ok(Message::Ping(_)) => drop(self.context.flush(&mut self.feed)),
                Ok(Message::Pong(_) | Message::Frame(_)) => {}
                Ok(Message::Binary(_)) => return Err(Stop(CloseCode::Unsupported)),
                Ok(Message::Close(_)) => {
                    // It answers in kind, and then says that the connection is closed.
                    let _ = self.context.flush(&mut self.feed);
                    self.stage = Stage::Closed;
                    return Ok(());
                }
                Err(Error::Io(e)) if e.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(Error::Utf8(_)) => return Err(Stop(CloseCode::Invalid)),
                Err(Error::Capacity(_)) => return Err(Stop(CloseCode::Size)),
                Err(_) => return Err(Stop(CloseCode::Protocol)),
            }
        }
    }
}

impl Outgoing {
    /// Writes what goes before the next message.
    fn push(&mut self, below: &dyn Link) -> io::Result<()> {
        for bytes in [&mut self.rest, &mut self.control] {
            while !bytes.is_empty() {
                let n = below.try_write(bytes)?;
                bytes.drain(..n);
            }
            bytes.shrink_to(0);
        }
        Ok(())
    }

    /// Writes lines, and returns how many bytes of them are out there as whole messages.
    fn write(&mut self, below: &dyn Link, bytes: &[u8]) -> io::Result<usize> {
        self.push(below)?;
        // The message that was half out there is whole now; unless its writer has dropped it, it is taken.
        let line = std::mem::take(&mut self.line);
        if !line.is_empty() && bytes.starts_with(&line) {
            return Ok(line.len());
        }
        let (page, ends) = texts(bytes);
        let sent = if page.is_empty() { 0 } else { below.try_write(&page)? };
        let whole = ends.partition_point(|(_, end)| *end <= sent);
        let (taken, done) = whole.checked_sub(1).map_or((0, 0), |last| ends[last]);
        if let Some((line_end, end)) = ends.get(whole).filter(|_| sent > done) {
            self.rest = page[sent..*end].to_vec();
            self.line = bytes[taken..*line_end].to_vec();
        }
        if taken == 0 { Err(io::ErrorKind::WouldBlock.into()) } else { Ok(taken) }
    }
}

impl Link for WebSocketLink {
    fn read(&self, buffer: &mut [u8], deadline: Option<Instant>) -> io::Result<usize> {
        let mut incoming = self.incoming.lock();
        loop {
            if incoming.stage == Stage::Open {
                self.digest(&mut incoming)?;
            }
            let n = incoming.take(buffer);
            if n > 0 {
                return Ok(n);
            }
            if incoming.stage == Stage::Closed {
                incoming.stage = Stage::Over;
                return Ok(0);
            }
            let next = Instant::now() + WEB_PING;
            match self.below.read(buffer, Some(deadline.map_or(next, |deadline| deadline.min(next)))) {
                Ok(0) => return Ok(0),
                Ok(n) if incoming.stage == Stage::Open => incoming.feed.bytes.extend_from_slice(&buffer[..n]),
                Ok(_) => {}
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
        self.below.peer()
    }

    fn carries_messages(&self) -> bool {
        true
    }
}

impl Read for Feed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = buffer.len().min(self.bytes.len() - self.at);
        if n == 0 {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        buffer[..n].copy_from_slice(&self.bytes[self.at..self.at + n]);
        self.at += n;
        if self.at == self.bytes.len() {
            (self.bytes, self.at) = (Vec::new(), 0);
        }
        Ok(n)
    }
}

impl Write for Feed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.replies.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests;
