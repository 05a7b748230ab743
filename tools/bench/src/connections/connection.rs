//! One non-blocking connection.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};

use rustix::event::epoll::EventFlags;
use socket2::{Domain, Protocol, Socket, Type};

/// The longest incomplete frame that is kept, in bytes.
const MAX_FRAME: usize = 128 * 1024;

/// A connection with its unsent bytes and its incomplete frame.
pub(super) struct Connection {
    pub(super) stream: TcpStream,
    /// Bytes the socket has not taken yet.
    pub(super) unsent: Vec<u8>,
    /// The events that epoll reports for it.
    pub(super) interest: EventFlags,
    /// The beginning of a frame whose end has not arrived.
    partial: Vec<u8>,
}

impl Connection {
    /// Starts to connect, from the `source` address if there is one.
    pub(super) fn open(target: SocketAddr, source: Option<SocketAddr>) -> io::Result<Connection> {
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
        Ok(Connection { stream: socket.into(), unsent: Vec::new(), interest, partial: Vec::new() })
    }

    /// Whether the client still reads.
    pub(super) fn is_reading(&self) -> bool {
        self.interest.contains(EventFlags::IN)
    }

    /// Sends as much as the socket takes now. Errors are left to the next read, which finds them too.
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

    /// Reads once, if something has arrived. `decode` gets the bytes, handles the first frame in them and returns its
    /// length; `None` if the frame is incomplete.
    ///
    /// # Errors
    /// Why the connection is closed.
    pub(super) fn read(
        &mut self,
        buffer: &mut [u8],
        decode: &mut dyn FnMut(&[u8]) -> Option<usize>,
    ) -> Result<(), String> {
        let kept = self.partial.len();
        buffer[..kept].copy_from_slice(&self.partial);
        let read = match self.stream.read(&mut buffer[kept..]) {
            Ok(0) => return Err("the server closed it".to_owned()),
            Ok(read) => read,
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => return Ok(()),
            // The connection is not established yet.
            Err(error) if error.kind() == ErrorKind::NotConnected => return Ok(()),
            Err(error) => return Err(error.to_string()),
        };
        let mut rest = &buffer[..kept + read];
        while let Some(length) = decode(rest) {
            rest = &rest[length..];
        }
        if rest.len() > MAX_FRAME {
            return Err(format!("the server sent a frame of more than {MAX_FRAME} bytes"));
        }
        self.partial.clear();
        self.partial.extend_from_slice(rest);
        Ok(())
    }
}
