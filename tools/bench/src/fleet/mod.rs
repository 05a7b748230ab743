//! Many connections in one event loop. It knows the protocol by its trait alone, and nothing of what is measured.

mod ask;
mod conn;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::fd::OwnedFd;
use std::time::Duration;

use rustix::buffer::spare_capacity;
use rustix::event::{Timespec, epoll};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

pub(crate) use ask::Request;

use crate::error::BenchError;
use crate::protocol::{Protocol, Said};
use crate::users::User;
use conn::Conn;

/// The most that one read takes, in bytes.
const READ: usize = 256 * 1024;

/// How many connections are looked at in one turn.
const READY: usize = 1024;

/// Descriptors that are needed beside those of the connections.
const SPARE: u64 = 32;

/// Where the connections go, and how patient they are.
pub(crate) struct Goal {
    /// The server.
    pub(crate) target: SocketAddr,
    /// From how many loopback addresses, 127.0.0.1 and those after it; with 1 the system chooses.
    pub(crate) sources: u8,
    /// How many clients may wait for an answer at the same time while all log in or do something else in turn.
    pub(crate) at_once: usize,
    /// How long any wait for the server may take.
    pub(crate) patience: Duration,
}

/// Something that happened to a client.
pub(crate) enum News<'a> {
    /// The server said something.
    Said(Said<'a>),
    /// The connection is gone, for this reason.
    Ended(&'a str),
}

/// Clients, each known by his number, some of them connected.
pub(crate) struct Fleet<'a> {
    /// The language they speak.
    pub(crate) protocol: &'a dyn Protocol,
    /// Who they are.
    pub(crate) users: &'a [User],
    /// Where they go.
    pub(crate) goal: &'a Goal,
    epoll: OwnedFd,
    conns: Vec<Option<Conn>>,
    ready: Vec<epoll::Event>,
    buffer: Vec<u8>,
    scratch: Vec<u8>,
}

impl<'a> Fleet<'a> {
    /// One client for each user; nobody is connected yet.
    ///
    /// # Errors
    /// The process may not have so many descriptors, or the system has no event queue left.
    pub(crate) fn new(protocol: &'a dyn Protocol, users: &'a [User], goal: &'a Goal) -> Result<Fleet<'a>, BenchError> {
        make_room(users.len() as u64 + SPARE)?;
        Ok(Fleet {
            protocol,
            users,
            goal,
            epoll: epoll::create(epoll::CreateFlags::CLOEXEC)?,
            conns: users.iter().map(|_| None).collect(),
            ready: Vec::with_capacity(READY),
            buffer: vec![0; READ],
            scratch: Vec::new(),
        })
    }

    /// Whether a client is connected.
    pub(crate) fn is_here(&self, n: usize) -> bool {
        self.conns.get(n).is_some_and(Option::is_some)
    }

    /// Connects a client, who says at once who he is; the answer comes in a later turn.
    ///
    /// # Errors
    /// The system refuses a socket or the connection.
    pub(crate) fn connect(&mut self, n: usize) -> Result<(), BenchError> {
        let source = (self.goal.sources > 1).then(|| {
            let host = 1 + (n % usize::from(self.goal.sources)) as u8;
            SocketAddr::new(IpAddr::V4(Ipv4Addr::new(127, 0, 0, host)), 0)
        });
        let target = self.goal.target;
        let mut conn = Conn::open(target, source).map_err(|source| BenchError::Connect { target, source })?;
        self.protocol.log_in(&self.users[n], &mut conn.unsent);
        epoll::add(&self.epoll, &conn.stream, epoll::EventData::new_u64(n as u64), conn.interest)?;
        self.conns[n] = Some(conn);
        Ok(())
    }

    /// Drops a connection, whatever is still on its way.
    pub(crate) fn hang_up(&mut self, n: usize) {
        // Closing the socket takes it out of the event queue.
        self.conns[n] = None;
    }

    /// Stops reading from a client's connection; only its end is still noticed.
    ///
    /// # Errors
    /// The system refuses.
    pub(crate) fn stop_reading(&mut self, n: usize) -> Result<(), BenchError> {
        self.watch(n, epoll::EventFlags::RDHUP)
    }

    /// Sends what `write` appends, now or as soon as the socket takes it. Nothing happens if the client is gone: his end
    /// is news of its own.
    ///
    /// # Errors
    /// The event queue refuses.
    pub(crate) fn send(&mut self, n: usize, write: impl FnOnce(&dyn Protocol, &mut Vec<u8>)) -> Result<(), BenchError> {
        let Some(conn) = &mut self.conns[n] else { return Ok(()) };
        write(self.protocol, &mut conn.unsent);
        conn.flush();
        self.watch_writing(n)
    }

    /// Asks to be told when a socket takes more, for as long as something waits for that.
    fn watch_writing(&mut self, n: usize) -> Result<(), BenchError> {
        let Some(conn) = &self.conns[n] else { return Ok(()) };
        let mut wanted = conn.interest;
        wanted.set(epoll::EventFlags::OUT, !conn.unsent.is_empty());
        self.watch(n, wanted)
    }

    fn watch(&mut self, n: usize, wanted: epoll::EventFlags) -> Result<(), BenchError> {
        let Some(conn) = self.conns[n].as_mut().filter(|conn| conn.interest != wanted) else { return Ok(()) };
        epoll::modify(&self.epoll, &conn.stream, epoll::EventData::new_u64(n as u64), wanted)?;
        conn.interest = wanted;
        Ok(())
    }

    /// Waits until something happens to some clients, at most so long, and hands it out; whether anything did.
    ///
    /// # Errors
    /// The event queue refuses.
    pub(crate) fn turn(&mut self, wait: Duration, each: &mut dyn FnMut(usize, News<'_>)) -> Result<bool, BenchError> {
        let wait = Timespec::try_from(wait).unwrap_or(Timespec { tv_sec: 1, tv_nsec: 0 });
        self.ready.clear();
        match epoll::wait(&self.epoll, spare_capacity(&mut self.ready), Some(&wait)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(errno) => return Err(errno.into()),
        }
        let ready = std::mem::take(&mut self.ready);
        for event in &ready {
            let n = usize::try_from(event.data.u64()).unwrap_or(usize::MAX);
            self.serve(n, event.flags, each)?;
        }
        self.ready = ready;
        Ok(!self.ready.is_empty())
    }

    fn serve(
        &mut self,
        n: usize,
        flags: epoll::EventFlags,
        each: &mut dyn FnMut(usize, News<'_>),
    ) -> Result<(), BenchError> {
        let Some(conn) = self.conns.get_mut(n).and_then(Option::as_mut) else { return Ok(()) };
        let protocol = self.protocol;
        let mut ended = None;
        if conn.reads() {
            let scratch = &mut self.scratch;
            let read = conn.read(&mut self.buffer, &mut |frame| {
                let (length, said) = protocol.next(frame)?;
                match said {
                    Said::Ping(token) => protocol.pong(token, scratch),
                    said => each(n, News::Said(said)),
                }
                Some(length)
            });
            conn.unsent.append(scratch);
            ended = read.err();
        } else if flags.intersects(epoll::EventFlags::RDHUP | epoll::EventFlags::HUP | epoll::EventFlags::ERR) {
            ended = Some("the server ended it".to_owned());
        }
        if let Some(why) = ended {
            self.conns[n] = None;
            each(n, News::Ended(&why));
            return Ok(());
        }
        if !conn.unsent.is_empty() {
            conn.flush();
        }
        self.watch_writing(n)
    }
}

/// Lets this process have so many descriptors.
fn make_room(needed: u64) -> Result<(), BenchError> {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current.is_none_or(|current| current >= needed) {
        return Ok(());
    }
    if maximum.is_some_and(|maximum| maximum < needed) {
        let most = maximum.unwrap_or(0).saturating_sub(SPARE);
        return Err(BenchError::Usage(format!(
            "this process may have {most} connections at the most: raise the hard limit (ulimit -Hn), or use fewer clients"
        )));
    }
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum })?;
    Ok(())
}
