//! Many logged-in clients in one event loop, which should cost little beside the server.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::ops::Range;
use std::os::fd::OwnedFd;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use rustix::buffer::spare_capacity;
use rustix::event::{Timespec, epoll};

use crate::server::user;

/// How long to wait for the server before giving up.
const PATIENCE: Duration = Duration::from_secs(60);

/// How many clients log in, or wait for an answer, at the same time.
const AT_ONCE: usize = 32;

/// How often logged-in clients read while others log in.
const DRAIN_INTERVAL: Duration = Duration::from_millis(50);

const WELCOME: &[u8] = b"Welcome to the chat server!\n";

/// The clients, identified by number.
pub(crate) struct Clients {
    epoll: OwnedFd,
    clients: Vec<Option<Client>>,
    ready: Vec<epoll::Event>,
    buffer: Vec<u8>,
}

struct Client {
    stream: TcpStream,
    /// The beginning of a line whose end has not arrived.
    partial: Vec<u8>,
}

impl Clients {
    /// Logs in the users 0 to `count`, exclusive.
    pub(crate) fn log_in(addr: SocketAddr, count: usize) -> Clients {
        let mut clients = Clients {
            epoll: epoll::create(epoll::CreateFlags::CLOEXEC).unwrap(),
            clients: (0..count).map(|_| None).collect(),
            ready: Vec::with_capacity(1024),
            buffer: vec![0; 256 * 1024],
        };
        let (logged_in, logins) = channel();
        thread::scope(|scope| {
            for first in 0..AT_ONCE {
                let logged_in = logged_in.clone();
                let log_in_all = move || {
                    (first..count).step_by(AT_ONCE).for_each(|n| logged_in.send((n, Client::log_in(addr, n))).unwrap());
                };
                scope.spawn(log_in_all);
            }
            drop(logged_in);
            let mut drained = Instant::now();
            loop {
                match logins.recv_timeout(DRAIN_INTERVAL) {
                    Ok((n, client)) => clients.add(n, client),
                    Err(RecvTimeoutError::Timeout) => {}
                    Err(RecvTimeoutError::Disconnected) => break,
                }
                if drained.elapsed() >= DRAIN_INTERVAL {
                    while clients.read_ready(Duration::ZERO, |_, _| ()) {}
                    drained = Instant::now();
                }
            }
        });
        clients.ping_all();
        clients
    }

    fn add(&mut self, n: usize, client: Client) {
        let data = epoll::EventData::new_u64(n as u64);
        epoll::add(&self.epoll, &client.stream, data, epoll::EventFlags::IN).unwrap();
        self.clients[n] = Some(client);
    }

    /// How many clients there are.
    pub(crate) fn len(&self) -> usize {
        self.clients.len()
    }

    /// Sends bytes from one client.
    pub(crate) fn send(&self, n: usize, bytes: &[u8]) {
        (&self.client(n).stream).write_all(bytes).unwrap();
    }

    /// Sends a line from each of these clients, and waits until each got a line that begins with `answer`.
    pub(crate) fn ask_all(&mut self, clients: Range<usize>, question: &str, answer: &str) {
        let (mut asked, mut answered) = (clients.start, clients.start);
        let deadline = Instant::now() + PATIENCE;
        while answered < clients.end {
            while asked < clients.end && asked - answered < AT_ONCE {
                self.send(asked, format!("{question}\n").as_bytes());
                asked += 1;
            }
            let read = |_, line: &[u8]| answered += usize::from(line.starts_with(answer.as_bytes()));
            self.read_ready(Duration::from_secs(1), read);
            assert!(Instant::now() < deadline, "not all clients got {answer:?}");
        }
    }

    /// Pings from all clients, so that everything sent to them before has arrived.
    pub(crate) fn ping_all(&mut self) {
        self.ask_all(0..self.len(), "/ping x", "Pong: x");
    }

    /// Waits until some clients have something to read, at most `wait`, and passes each complete line without its end to
    /// `each`. Returns whether anything arrived.
    pub(crate) fn read_ready(&mut self, wait: Duration, mut each: impl FnMut(usize, &[u8])) -> bool {
        let wait = Timespec::try_from(wait).unwrap();
        self.ready.clear();
        epoll::wait(&self.epoll, spare_capacity(&mut self.ready), Some(&wait)).unwrap();
        for event in &self.ready {
            let n = usize::try_from(event.data.u64()).unwrap();
            let client = self.clients[n].as_mut().unwrap();
            client.read(&mut self.buffer, |line| each(n, line));
        }
        !self.ready.is_empty()
    }

    fn client(&self, n: usize) -> &Client {
        self.clients[n].as_ref().unwrap()
    }
}

impl Client {
    fn log_in(addr: SocketAddr, n: usize) -> Client {
        let mut stream = TcpStream::connect(addr).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(format!("{}\npw\n", user(n)).as_bytes()).unwrap();
        let (mut received, mut buffer) = (Vec::new(), [0; 4096]);
        while !received.windows(WELCOME.len()).any(|part| part == WELCOME) {
            let read = stream.read(&mut buffer).unwrap();
            assert!(read > 0, "login refused: {:?}", String::from_utf8_lossy(&received));
            received.extend_from_slice(&buffer[..read]);
        }
        let last_line = received.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        Client { stream, partial: received.split_off(last_line) }
    }

    /// Reads once, and passes each complete line to `each`.
    fn read(&mut self, buffer: &mut [u8], mut each: impl FnMut(&[u8])) {
        let kept = self.partial.len();
        buffer[..kept].copy_from_slice(&self.partial);
        let read = self.stream.read(&mut buffer[kept..]).unwrap();
        assert!(read > 0, "the server closed a connection");
        let mut rest = &buffer[..kept + read];
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            each(&rest[..end]);
            rest = &rest[end + 1..];
        }
        self.partial.clear();
        self.partial.extend_from_slice(rest);
    }
}
