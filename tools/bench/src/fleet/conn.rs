//! One connection that never waits.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};

use rustix::event::epoll::EventFlags;
use socket2::{Domain, Protocol, Socket, Type};

/// The longest beginning of a frame that is kept until its end comes, in bytes.
const FRAME: usize = 128 * 1024;

/// A connection, and what of it is on its way.
pub(super) struct Conn {
    pub(super) stream: TcpStream,
    /// What has still to be sent.
    pub(super) unsent: Vec<u8>,
    /// What the event queue is asked for.
    pub(super) interest: EventFlags,
    /// The beginning of a frame whose end has not come.
    kept: Vec<u8>,
}

impl Conn {
    /// Begins to connect, from this address if one is given.
    pub(super) fn open(target: SocketAddr, source: Option<SocketAddr>) -> io::Result<Conn> {
        let socket = Socket::new(Domain::for_address(target), Type::STREAM.nonblocking(), Some(Protocol::TCP))?;
        socket.set_tcp_nodelay(true)?;
        if let Some(source) = source {
            socket.bind(&source.into())?;
        }
        match socket.connect(&target.into()) {
            Err(error) if error.raw_os_error() != Some(rustix::io::Errno::INPROGRESS.raw_os_error()) => {
                return Err(error);
            }
            _ => {}
        }
        let interest = EventFlags::IN | EventFlags::OUT;
        Ok(Conn { stream: socket.into(), unsent: Vec::new(), interest, kept: Vec::new() })
    }

    /// Whether what comes is wanted.
    pub(super) fn reads(&self) -> bool {
        self.interest.contains(EventFlags::IN)
    }

    /// Sends as much as the socket takes now. An error is left to the next read, which finds it too.
    pub(super) fn flush(&mut self) {
        let mut sent = 0;
        while let Some(rest) = self.unsent.get(sent..).filter(|rest| !rest.is_empty()) {
            match self.stream.write(rest) {
                Ok(0) => break,
                Ok(n) => sent += n,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => break,
            }
        }
        self.unsent.drain(..sent);
    }

    /// Reads once, if something is there; `each` is shown what has come, and says how long the first frame of it is.
    ///
    /// # Errors
    /// Why the connection is at its end.
    pub(super) fn read(
        &mut self,
        buffer: &mut [u8],
        each: &mut dyn FnMut(&[u8]) -> Option<usize>,
    ) -> Result<(), String> {
        let kept = self.kept.len();
        buffer[..kept].copy_from_slice(&self.kept);
        let read = match self.stream.read(&mut buffer[kept..]) {
            Ok(0) => return Err("the server ended it".to_owned()),
            Ok(read) => read,
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => return Ok(()),
            // Before the connection stands, reading is too early.
            Err(error) if error.kind() == ErrorKind::NotConnected => return Ok(()),
            Err(error) => return Err(error.to_string()),
        };
        let mut rest = &buffer[..kept + read];
        while let Some(length) = each(rest) {
            rest = &rest[length..];
        }
        if rest.len() > FRAME {
            return Err(format!("a frame of more than {FRAME} bytes came"));
        }
        self.kept.clear();
        self.kept.extend_from_slice(rest);
        Ok(())
    }
}
