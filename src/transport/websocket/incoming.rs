//! What comes from a browser: frames taken apart into lines, and what the rules of frames want answered.

use std::io::{self, Read, Write};
use std::time::Instant;

use tungstenite::protocol::frame::coding::CloseCode;
use tungstenite::protocol::{Role, WebSocketConfig, WebSocketContext};
use tungstenite::{Error, Message};

use crate::model::bucket::{Bucket, Rate};
use crate::model::limits::{FLOOD_BYTES, READ_MIN, WEB_CHATTER_BURST, WEB_CHATTER_RATE};

/// What of a browser's bytes may bring no line.
const CHATTER: Rate = Rate { burst: WEB_CHATTER_BURST as f64, per_second: WEB_CHATTER_RATE as f64 };

/// What only the reader touches.
pub(super) struct Incoming {
    context: WebSocketContext,
    pub(super) feed: Feed,
    /// What was said and has not been read yet, from `at` on.
    lines: Vec<u8>,
    at: usize,
    /// He has neither closed nor broken the rules; what he said until then has still to be read.
    pub(super) open: bool,
    /// What bytes without a line he may send yet.
    chatter: Bucket,
}

/// The connection as tungstenite sees it: what has come, and what it wants to answer.
#[derive(Default)]
pub(super) struct Feed {
    pub(super) bytes: Vec<u8>,
    pub(super) at: usize,
    pub(super) replies: Vec<u8>,
}

/// Why the peer's own messages are not read on.
pub(super) struct Stop(pub(super) CloseCode);

impl Incoming {
    /// A reader of frames; `early` came behind the handshake.
    pub(super) fn new(early: &[u8]) -> Incoming {
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
            chatter: CHATTER.full(Instant::now()),
        }
    }

    /// Hands out what was said.
    pub(super) fn take(&mut self, buffer: &mut [u8]) -> usize {
        let n = buffer.len().min(self.lines.len() - self.at);
        buffer[..n].copy_from_slice(&self.lines[self.at..self.at + n]);
        self.at += n;
        if self.at == self.lines.len() {
            (self.lines, self.at) = (Vec::new(), 0);
        }
        n
    }

    /// Takes apart what has come. Who sends pings, or pieces of a message, without end is stopped: what he says in lines
    /// is slowed elsewhere, and this is said to nobody.
    pub(super) fn digest(&mut self) -> Result<(), Stop> {
        let (came, said) = (self.feed.bytes.len() - self.feed.at, self.lines.len());
        self.take_apart()?;
        let now = Instant::now();
        if self.lines.len() > said {
            // What came before belonged to a line, or may as well have.
            self.chatter = CHATTER.full(now);
            return Ok(());
        }
        self.chatter.charge(CHATTER, now, came as f64);
        self.chatter.debt(CHATTER, now).map_or(Ok(()), |_| Err(Stop(CloseCode::Policy)))
    }

    fn take_apart(&mut self) -> Result<(), Stop> {
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
                    self.open = false;
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
