//! A WebSocket as a [`Link`]: each line is one message, in both directions.
//!
//! tungstenite parses incoming frames and encodes frame headers; bytes travel over the link below, which may be any link.
//! Only complete messages count as written: the rest of a partly sent message is kept here, and nothing else is.

use std::cell::RefCell;
use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use log::Level;
use tungstenite::protocol::frame::coding::{CloseCode, Data, OpCode};
use tungstenite::protocol::frame::{CloseFrame, Frame, FrameHeader};
use tungstenite::protocol::{Role, WebSocketConfig, WebSocketContext};
use tungstenite::{Error, Message};

use super::io::linger;
use super::link::Link;
use crate::lock::Mutex;
use crate::log_limit::{self, Who};
use crate::model::limits::{FLOOD_BYTES, PAGE_KEPT, READ_MAX, READ_MIN, WEB_CHATTER_BURST, WEB_CHATTER_RATE, WEB_PING};
use crate::model::{Bucket, Rate};

/// The most bytes of control frames that wait while a message is partly sent; further pings stay unanswered.
const CONTROL_BYTES: usize = 1024;

/// How many bytes a browser may send without completing a line.
const CHATTER: Rate = Rate { burst: WEB_CHATTER_BURST as f64, per_second: WEB_CHATTER_RATE as f64 };

/// A WebSocket whose handshake is complete.
pub(crate) struct WebSocketLink {
    below: Arc<dyn Link>,
    peer: SocketAddr,
    // lock tier 7: only the reading thread takes it, and holds it while it waits for bytes.
    incoming: Mutex<Incoming, 7>,
    // lock tier 8: after `incoming` and the connection's writer; never held over a wait.
    outgoing: Mutex<Outgoing, 8>,
}

impl WebSocketLink {
    /// Takes over a connection after its handshake; `early` are the bytes that arrived right after it.
    pub(crate) fn new(below: Arc<dyn Link>, early: &[u8]) -> WebSocketLink {
        let peer = below.peer();
        WebSocketLink { below, peer, incoming: Mutex::new(Incoming::new(early)), outgoing: Mutex::default() }
    }

    /// Sets the client's address when the peer is a proxy that forwards the connection.
    #[must_use]
    pub(crate) fn on_behalf_of(self, peer: SocketAddr) -> WebSocketLink {
        WebSocketLink { peer, ..self }
    }

    /// Sends control frames between two messages, as soon as the connection takes them. Where too many wait, only the latest
    /// is kept, which is all that RFC 6455 asks of pongs (5.5.3).
    fn interject(&self, frames: &[u8]) {
        let mut outgoing = self.outgoing.lock();
        if outgoing.over {
            return;
        }
        for frame in control_frames(frames) {
            if outgoing.control.len() + frame.len() > CONTROL_BYTES {
                // Bytes that are not taken now go out before the next message.
                let _ = outgoing.push(&*self.below);
            }
            match outgoing.latest.is_empty() && outgoing.control.len() + frame.len() <= CONTROL_BYTES {
                true => outgoing.control.extend_from_slice(frame),
                false => outgoing.latest = frame.to_vec(),
            }
        }
        let _ = outgoing.push(&*self.below);
    }

    /// Sends the close frame, which is the last one.
    fn say_close(&self, code: CloseCode) {
        let mut outgoing = self.outgoing.lock();
        if !outgoing.over {
            let latest = std::mem::take(&mut outgoing.latest);
            outgoing.control.extend_from_slice(&latest);
            outgoing.control.extend_from_slice(&close_frame(code));
            let _ = outgoing.push(&*self.below);
            outgoing.over = true;
        }
    }

    /// Takes the bytes of a read, and further bytes where they filled the buffer: frames are longer than the lines in them,
    /// so the caller, who sees only lines, cannot tell that more has arrived.
    fn gather(&self, bytes: &mut Vec<u8>, buffer: &mut [u8], mut read: usize) {
        bytes.extend_from_slice(&buffer[..read]);
        while read == buffer.len() && bytes.len() < READ_MAX {
            // The next read meets an end or an error again.
            read = self.below.read(buffer, Some(Instant::now())).unwrap_or(0);
            bytes.extend_from_slice(&buffer[..read]);
        }
    }

    /// Parses the received frames and sends the replies that the protocol requires.
    fn parse(&self, incoming: &mut Incoming) {
        if let Err(Violation(code)) = incoming.parse() {
            log_limit::note(Level::Debug, "frames refused", Who::Stranger(self.peer), &format!("code={code}"));
            (incoming.open, incoming.violated) = (false, Some(code));
        }
        if let Some(code) = incoming.answer.take() {
            self.outgoing.lock().answer = Some(code);
        }
        let replies = std::mem::take(&mut incoming.feed.replies);
        if !replies.is_empty() {
            self.interject(&replies);
        }
    }

    /// The end of what can be read. Everything read before has been carried out and answered by now.
    fn end(&self, incoming: &mut Incoming) -> io::Result<usize> {
        let Some(code) = incoming.violated.take() else { return Ok(0) };
        self.say_close(code);
        self.below.finish();
        linger(&*self.below, || false);
        Err(io::ErrorKind::InvalidData.into())
    }
}

impl Link for WebSocketLink {
    fn read(&self, buffer: &mut [u8], deadline: Option<Instant>) -> io::Result<usize> {
        let mut incoming = self.incoming.lock();
        loop {
            if incoming.open {
                self.parse(&mut incoming);
            }
            let n = incoming.take(buffer);
            if n > 0 {
                return Ok(n);
            }
            if !incoming.open {
                // Whether or not the client has closed the connection below.
                return self.end(&mut incoming);
            }
            let next = Instant::now() + WEB_PING;
            match self.below.read(buffer, Some(deadline.map_or(next, |deadline| deadline.min(next)))) {
                Ok(0) => return Ok(0),
                Ok(n) => self.gather(&mut incoming.feed.bytes, buffer, n),
                Err(e) if e.kind() == io::ErrorKind::TimedOut && deadline.is_none_or(|by| Instant::now() < by) => {
                    self.interject(&ping_frame());
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
        let answer = self.outgoing.lock().answer;
        self.say_close(answer.unwrap_or(CloseCode::Normal));
        self.below.finish();
    }

    fn abort(&self) {
        self.below.abort();
    }

    fn peer(&self) -> SocketAddr {
        self.peer
    }
}

/// The reading side.
struct Incoming {
    context: WebSocketContext,
    feed: Feed,
    /// Received lines that have not been read yet, from `at` on.
    lines: Vec<u8>,
    at: usize,
    /// The client has neither closed nor violated the protocol; lines received before that are still handed out.
    open: bool,
    /// The close code that answers the client's.
    answer: Option<CloseCode>,
    /// The close code for a violation, which is sent once those lines have been handed out.
    violated: Option<CloseCode>,
    /// How many bytes without a line the client may still send.
    chatter: Bucket,
}

/// The connection as tungstenite sees it: the bytes received and the replies it wants to send.
#[derive(Default)]
struct Feed {
    bytes: Vec<u8>,
    at: usize,
    replies: Vec<u8>,
}

/// A violation of the protocol, after which nothing more is read from the client.
struct Violation(CloseCode);

impl Incoming {
    fn new(early: &[u8]) -> Incoming {
        let most = usize::try_from(FLOOD_BYTES).ok();
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_MIN)
            .write_buffer_size(0)
            .max_message_size(most)
            .max_frame_size(most);
        Incoming {
            context: WebSocketContext::new(Role::Server, Some(config)),
            feed: Feed { bytes: early.to_vec(), ..Feed::default() },
            lines: Vec::new(),
            at: 0,
            open: true,
            answer: None,
            violated: None,
            chatter: CHATTER.full(Instant::now()),
        }
    }

    /// Hands out received lines.
    fn take(&mut self, buffer: &mut [u8]) -> usize {
        let n = buffer.len().min(self.lines.len() - self.at);
        buffer[..n].copy_from_slice(&self.lines[self.at..self.at + n]);
        self.at += n;
        if self.at == self.lines.len() {
            (self.lines, self.at) = (Vec::new(), 0);
        }
        n
    }

    /// Parses the received bytes. A client that endlessly sends pings or fragments is stopped here; lines are slowed down by
    /// the command budget instead, but these never become a command.
    fn parse(&mut self) -> Result<(), Violation> {
        let (received, before) = (self.feed.bytes.len() - self.feed.at, self.lines.len());
        self.parse_frames()?;
        let now = Instant::now();
        if self.lines.len() > before {
            // The bytes received so far belonged to a line, or may as well have.
            self.chatter = CHATTER.full(now);
            return Ok(());
        }
        self.chatter.charge(CHATTER, now, received as f64);
        self.chatter.debt(CHATTER, now).map_or(Ok(()), |_| Err(Violation(CloseCode::Policy)))
    }

    fn parse_frames(&mut self) -> Result<(), Violation> {
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
                Ok(Message::Binary(_)) => return Err(Violation(CloseCode::Unsupported)),
                Ok(Message::Close(close)) => {
                    let code = close.map_or(CloseCode::Normal, |close| close.code);
                    self.answer = Some(if code.is_allowed() { code } else { CloseCode::Protocol });
                    // Its reply is sent when everything before it has been answered: RFC 6455 lets us go on until then (5.5.1).
                    self.open = false;
                    return Ok(());
                }
                Err(Error::Io(e)) if e.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(Error::Utf8(_)) => return Err(Violation(CloseCode::Invalid)),
                Err(Error::Capacity(_)) => return Err(Violation(CloseCode::Size)),
                Err(_) => return Err(Violation(CloseCode::Protocol)),
            }
        }
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

thread_local! {
    /// Where each thread encodes the frames it writes.
    static PAGE: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// The writing side.
#[derive(Default)]
struct Outgoing {
    /// The rest of a partly sent message, and the line it carries.
    rest: Vec<u8>,
    line: Vec<u8>,
    /// Complete frames that go between messages: pongs, pings, the close frame.
    control: Vec<u8>,
    /// One more such frame, the latest, which found no room among them.
    latest: Vec<u8>,
    /// The close code that answers the client's, once it has sent one.
    answer: Option<CloseCode>,
    /// The close frame was sent.
    over: bool,
}

impl Outgoing {
    /// Writes the frames that precede the next message.
    fn push(&mut self, below: &dyn Link) -> io::Result<()> {
        write_out(&mut self.rest, below)?;
        write_out(&mut self.control, below)?;
        self.control = std::mem::take(&mut self.latest);
        write_out(&mut self.control, below)
    }

    /// Writes lines; returns how many bytes of them have gone out as complete messages.
    fn write(&mut self, below: &dyn Link, bytes: &[u8]) -> io::Result<usize> {
        self.push(below)?;
        // The partly sent message is complete now; it counts as written unless its writer has dropped it.
        let line = std::mem::take(&mut self.line);
        if !line.is_empty() && bytes.starts_with(&line) {
            return Ok(line.len());
        }
        PAGE.with_borrow_mut(|page| {
            encode_frames(bytes, page);
            let written = self.write_frames(below, bytes, page);
            page.clear();
            page.shrink_to(PAGE_KEPT);
            written
        })
    }

    fn write_frames(&mut self, below: &dyn Link, bytes: &[u8], page: &[u8]) -> io::Result<usize> {
        let sent = if page.is_empty() { 0 } else { below.try_write(page)? };
        if sent == page.len() {
            return Ok(bytes.len());
        }
        let Reach { whole, partial } = reach(bytes, sent);
        if let Some((line_end, frame_end)) = partial {
            self.rest = page[sent..frame_end].to_vec();
            self.line = bytes[whole..line_end].to_vec();
        }
        if whole == 0 { Err(io::ErrorKind::WouldBlock.into()) } else { Ok(whole) }
    }
}

/// Writes all of these bytes, or keeps those that are not taken.
fn write_out(bytes: &mut Vec<u8>, below: &dyn Link) -> io::Result<()> {
    while !bytes.is_empty() {
        let n = below.try_write(bytes)?;
        bytes.drain(..n);
    }
    bytes.shrink_to(0);
    Ok(())
}

/// The control frames of a server, one after the other: their length is in the second byte (RFC 6455, 5.2 and 5.5).
fn control_frames(mut frames: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let length = 2 + usize::from(*frames.get(1)?);
        let (frame, rest) = frames.split_at_checked(length)?;
        frames = rest;
        Some(frame)
    })
}

/// The header of a text frame.
const TEXT: FrameHeader =
    FrameHeader { is_final: true, rsv1: false, rsv2: false, rsv3: false, opcode: OpCode::Data(Data::Text), mask: None };

/// Room for some frame headers; each line gives one byte of its own back, its end.
const SPARE: usize = 64;

/// Appends each line as a text frame; empty lines are left out.
fn encode_frames(bytes: &[u8], page: &mut Vec<u8>) {
    page.reserve(bytes.len() + SPARE);
    for (text, _) in lines(bytes) {
        // Writing into a vector cannot fail.
        let _ = TEXT.format(text.len() as u64, page);
        page.extend_from_slice(text);
    }
}

/// How far a partial write of some lines' frames got.
struct Reach {
    /// Where the last line ends whose frame was written completely.
    whole: usize,
    /// Where the partly written line ends, and where its frame does.
    partial: Option<(usize, usize)>,
}

/// Finds how far the first `sent` bytes of these lines' frames reach.
fn reach(bytes: &[u8], sent: usize) -> Reach {
    let (mut whole, mut done) = (0, 0);
    for (text, end) in lines(bytes) {
        let frame = done + TEXT.len(text.len() as u64) + text.len();
        if frame > sent {
            return Reach { whole, partial: (sent > done).then_some((end, frame)) };
        }
        (whole, done) = (end, frame);
    }
    Reach { whole: bytes.len(), partial: None }
}

/// The lines that are not empty, without their ends, and the position where each ends.
fn lines(bytes: &[u8]) -> impl Iterator<Item = (&[u8], usize)> {
    let mut at = 0;
    let each = std::iter::from_fn(move || {
        let rest = bytes.get(at..).filter(|rest| !rest.is_empty())?;
        let length = memchr::memchr(b'\n', rest).map_or(rest.len(), |end| end + 1);
        at += length;
        Some((rest[..length].trim_ascii_end(), at))
    });
    each.filter(|(text, _)| !text.is_empty())
}

/// The close frame, which is the last one.
fn close_frame(code: CloseCode) -> Vec<u8> {
    let mut bytes = Vec::new();
    // Writing into a vector cannot fail.
    let _ = Frame::close(Some(CloseFrame { code, reason: "".into() })).format(&mut bytes);
    bytes
}

/// A ping, which asks the client for a sign of life.
fn ping_frame() -> Vec<u8> {
    let mut bytes = Vec::new();
    let _ = Frame::ping(Vec::new()).format(&mut bytes);
    bytes
}

#[cfg(test)]
mod tests;
