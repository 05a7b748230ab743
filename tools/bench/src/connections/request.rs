//! Requests that many clients make, a limited number of them at a time: logging in, joining a group, pinging.

use std::ops::Range;
use std::time::{Duration, Instant};

use crate::connections::{Connections, Event};
use crate::error::BenchError;
use crate::protocol::Frame;

/// The longest wait of one poll.
const POLL: Duration = Duration::from_millis(100);

/// A request that the server answers exactly once.
#[derive(Clone, Copy)]
pub(crate) enum Request<'a> {
    /// Connect and log in.
    LogIn,
    /// Create a group and become its first member.
    CreateGroup(&'a str),
    /// Join a group.
    JoinGroup(&'a str),
    /// Ping: the answer comes after everything the server sent before.
    Ping,
}

impl Request<'_> {
    /// A name for error messages.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Request::LogIn => "the login",
            Request::CreateGroup(_) | Request::JoinGroup(_) => "joining the group",
            Request::Ping => "the answer to a ping",
        }
    }
}

impl Connections<'_> {
    /// Sends a request of one client; the answer comes in a later poll.
    ///
    /// # Errors
    /// The system refuses a connection.
    pub(crate) fn request(&mut self, client: usize, request: Request<'_>) -> Result<(), BenchError> {
        match request {
            Request::LogIn => self.connect(client),
            Request::CreateGroup(group) => self.send(client, |protocol, out| protocol.create_group(group, out)),
            Request::JoinGroup(group) => self.send(client, |protocol, out| protocol.join_group(group, out)),
            Request::Ping => self.send(client, |protocol, out| protocol.ping(out)),
        }
    }

    /// Makes the request for each of these clients, and waits for all answers.
    ///
    /// # Errors
    /// The server refused a request, closed a connection, or did not answer in time.
    pub(crate) fn request_all(&mut self, clients: Range<usize>, request: Request<'_>) -> Result<(), BenchError> {
        let (mut next, mut answered) = (clients.start, 0);
        let what = request.name();
        let mut last_answer = Instant::now();
        while answered < clients.len() {
            while next < clients.end && next - clients.start - answered < self.options.at_once {
                self.request(next, request)?;
                next += 1;
            }
            let mut failed = None;
            let users = self.users;
            let before = answered;
            self.poll(POLL, &mut |client, event| match event {
                Event::Frame(Frame::Done) if clients.contains(&client) => answered += 1,
                Event::Frame(Frame::Refused(answer)) => {
                    let answer = String::from_utf8_lossy(answer).into_owned();
                    failed.get_or_insert(BenchError::Refused { user: users[client].name.clone(), what, answer });
                }
                Event::Closed(why) => {
                    let (user, why) = (users[client].name.clone(), why.to_owned());
                    failed.get_or_insert(BenchError::Closed { user, what, why });
                }
                Event::Frame(_) => {}
            })?;
            if let Some(failed) = failed {
                return Err(failed);
            }
            if answered > before {
                last_answer = Instant::now();
            }
            if last_answer.elapsed() > self.options.patience {
                let seconds = self.options.patience.as_secs();
                return Err(BenchError::Late { what, done: answered, of: clients.len(), seconds });
            }
        }
        Ok(())
    }

    /// Pings from each of these clients and waits, so that everything sent to them before has arrived.
    ///
    /// # Errors
    /// As [`Connections::request_all`].
    pub(crate) fn ping_all(&mut self, clients: Range<usize>) -> Result<(), BenchError> {
        self.request_all(clients, Request::Ping)
    }
}
