//! Many client connections in one event loop on one thread.
//!
//! It knows a server's protocol only through [`Protocol`], and nothing of what is measured.

mod connection;
mod request;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::fd::OwnedFd;
use std::time::Duration;

use rustix::buffer::spare_capacity;
use rustix::event::{Timespec, epoll};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

pub(crate) use request::Request;

use crate::error::BenchError;
use crate::protocol::{Frame, Protocol};
use crate::users::User;
use connection::Connection;

/// Size of the read buffer, in bytes.
const READ_BUFFER: usize = 256 * 1024;

/// How many ready sockets one poll takes.
const READY: usize = 1024;

/// File descriptors needed beside those of the connections.
const SPARE_DESCRIPTORS: u64 = 32;

/// Where and how clients connect.
pub(crate) struct ConnectOptions {
    /// The server.
    pub(crate) target: SocketAddr,
    /// How many loopback addresses to connect from, 127.0.0.1 and up; with 1 the system chooses.
    pub(crate) sources: u8,
    /// How many clients may wait for an answer at once when all of them make the same request.
    pub(crate) at_once: usize,
    /// How long to wait for the server before giving up.
    pub(crate) patience: Duration,
}

/// Something that happened on a client's connection.
pub(crate) enum Event<'a> {
    /// A frame arrived.
    Frame(Frame<'a>),
    /// The connection was closed, for this reason.
    Closed(&'a str),
}

/// The clients, identified by number; some of them are connected.
pub(crate) struct Connections<'a> {
    /// The protocol they speak.
    pub(crate) protocol: &'a dyn Protocol,
    /// The user each client logs in as.
    pub(crate) users: &'a [User],
    /// Where and how they connect.
    pub(crate) options: &'a ConnectOptions,
    epoll: OwnedFd,
    /// By client number.
    slots: Vec<Option<Connection>>,
    ready: Vec<epoll::Event>,
    buffer: Vec<u8>,
    scratch: Vec<u8>,
}

impl<'a> Connections<'a> {
    /// One client for each user, none of them connected yet.
    ///
    /// # Errors
    /// The process may not open enough descriptors, or the system has no event queue left.
    pub(crate) fn new(
        protocol: &'a dyn Protocol,
        users: &'a [User],
        options: &'a ConnectOptions,
    ) -> Result<Connections<'a>, BenchError> {
        raise_descriptor_limit(users.len() as u64 + SPARE_DESCRIPTORS)?;
        Ok(Connections {
            protocol,
            users,
            options,
            epoll: epoll::create(epoll::CreateFlags::CLOEXEC)?,
            slots: users.iter().map(|_| None).collect(),
            ready: Vec::with_capacity(READY),
            buffer: vec![0; READ_BUFFER],
            scratch: Vec::new(),
        })
    }

    /// Whether a client is connected.
    pub(crate) fn is_connected(&self, client: usize) -> bool {
        self.slots.get(client).is_some_and(Option::is_some)
    }

    /// Connects a client and sends its login at once; the answer comes in a later poll.
    ///
    /// # Errors
    /// The system refuses a socket or the connection.
    pub(crate) fn connect(&mut self, client: usize) -> Result<(), BenchError> {
        let source = (self.options.sources > 1).then(|| {
            let host = 1 + (client % usize::from(self.options.sources)) as u8;
            SocketAddr::new(IpAddr::V4(Ipv4Addr::new(127, 0, 0, host)), 0)
        });
        let target = self.options.target;
        let mut connection =
            Connection::open(target, source).map_err(|source| BenchError::Connect { target, source })?;
        self.protocol.log_in(&self.users[client], &mut connection.unsent);
        let data = epoll::EventData::new_u64(client as u64);
        epoll::add(&self.epoll, &connection.stream, data, connection.interest)?;
        self.slots[client] = Some(connection);
        Ok(())
    }

    /// Closes a connection, dropping whatever is unsent or unread.
    pub(crate) fn disconnect(&mut self, client: usize) {
        // Closing the socket removes it from the event queue.
        self.slots[client] = None;
    }

    /// Stops reading from a client's connection; only its end is still noticed.
    ///
    /// # Errors
    /// The event queue refuses.
    pub(crate) fn stop_reading(&mut self, client: usize) -> Result<(), BenchError> {
        self.set_interest(client, epoll::EventFlags::RDHUP)
    }

    /// Sends the bytes `write` appends, now or as soon as the socket takes them. Does nothing if the client is not
    /// connected: [`Event::Closed`] has told that already.
    ///
    /// # Errors
    /// The event queue refuses.
    pub(crate) fn send(
        &mut self,
        client: usize,
        write: impl FnOnce(&dyn Protocol, &mut Vec<u8>),
    ) -> Result<(), BenchError> {
        let Some(connection) = &mut self.slots[client] else { return Ok(()) };
        write(self.protocol, &mut connection.unsent);
        connection.flush();
        self.watch_unsent(client)
    }

    /// Asks for writability while something is unsent.
    fn watch_unsent(&mut self, client: usize) -> Result<(), BenchError> {
        let Some(connection) = &self.slots[client] else { return Ok(()) };
        let mut interest = connection.interest;
        interest.set(epoll::EventFlags::OUT, !connection.unsent.is_empty());
        self.set_interest(client, interest)
    }

    fn set_interest(&mut self, client: usize, interest: epoll::EventFlags) -> Result<(), BenchError> {
        let changed = |connection: &&mut Connection| connection.interest != interest;
        let Some(connection) = self.slots[client].as_mut().filter(changed) else { return Ok(()) };
        epoll::modify(&self.epoll, &connection.stream, epoll::EventData::new_u64(client as u64), interest)?;
        connection.interest = interest;
        Ok(())
    }

    /// Waits for events, at most `wait`, and passes them to `each`. Returns whether there were any.
    ///
    /// # Errors
    /// The event queue refuses.
    pub(crate) fn poll(&mut self, wait: Duration, each: &mut dyn FnMut(usize, Event<'_>)) -> Result<bool, BenchError> {
        let wait = Timespec::try_from(wait).unwrap_or(Timespec { tv_sec: 1, tv_nsec: 0 });
        self.ready.clear();
        match epoll::wait(&self.epoll, spare_capacity(&mut self.ready), Some(&wait)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(errno) => return Err(errno.into()),
        }
        let ready = std::mem::take(&mut self.ready);
        for event in &ready {
            let client = usize::try_from(event.data.u64()).unwrap_or(usize::MAX);
            self.handle_ready(client, event.flags, each)?;
        }
        self.ready = ready;
        Ok(!self.ready.is_empty())
    }

    /// Reads from a ready socket, answers the server's pings, and writes what is unsent.
    fn handle_ready(
        &mut self,
        client: usize,
        flags: epoll::EventFlags,
        each: &mut dyn FnMut(usize, Event<'_>),
    ) -> Result<(), BenchError> {
        let Some(connection) = self.slots.get_mut(client).and_then(Option::as_mut) else { return Ok(()) };
        let protocol = self.protocol;
        let mut closed = None;
        if connection.is_reading() {
            let scratch = &mut self.scratch;
            let read = connection.read(&mut self.buffer, &mut |bytes| {
                let (length, frame) = protocol.decode(bytes)?;
                match frame {
                    Frame::Ping(token) => protocol.pong(token, scratch),
                    frame => each(client, Event::Frame(frame)),
                }
                Some(length)
            });
            connection.unsent.append(scratch);
            closed = read.err();
        } else if flags.intersects(epoll::EventFlags::RDHUP | epoll::EventFlags::HUP | epoll::EventFlags::ERR) {
            closed = Some("the server closed it".to_owned());
        }
        if let Some(why) = closed {
            self.slots[client] = None;
            each(client, Event::Closed(&why));
            return Ok(());
        }
        if !connection.unsent.is_empty() {
            connection.flush();
        }
        self.watch_unsent(client)
    }
}

/// Raises this process's limit on open descriptors to the hard limit, if it is lower than `needed`.
fn raise_descriptor_limit(needed: u64) -> Result<(), BenchError> {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current.is_none_or(|current| current >= needed) {
        return Ok(());
    }
    if maximum.is_some_and(|maximum| maximum < needed) {
        let most = maximum.unwrap_or(0).saturating_sub(SPARE_DESCRIPTORS);
        return Err(BenchError::Usage(format!(
            "this process may open at most {most} connections: raise the hard limit (ulimit -Hn) or use fewer clients"
        )));
    }
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum })?;
    Ok(())
}
