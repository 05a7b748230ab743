//! Many logged-in clients in one event loop: what they cost does not count, so it only has to be little.

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

/// Any wait for a server that takes longer has failed.
const PATIENCE: Duration = Duration::from_secs(60);

/// How many clients log in, or ask for something, at the same time.
const AT_ONCE: usize = 32;

/// While others log in, those who have are read this often.
const DRAIN_PACE: Duration = Duration::from_millis(50);

const WELCOME: &[u8] = b"Welcome to the chat server!\n";

/// Clients, each known by his number.
pub(crate) struct Crowd {
    epoll: OwnedFd,
    clients: Vec<Option<Client>>,
    ready: Vec<epoll::Event>,
    buffer: Vec<u8>,
}

struct Client {
    stream: TcpStream,
    /// The beginning of a line whose end has not come.
    unread: Vec<u8>,
}

impl Crowd {
    /// Logs in the users 0 to `count`.
    pub(crate) fn gather(addr: SocketAddr, count: usize) -> Crowd {
        let mut crowd = Crowd {
            epoll: epoll::create(epoll::CreateFlags::CLOEXEC).unwrap(),
            clients: (0..count).map(|_| None).collect(),
            ready: Vec::with_capacity(1024),
            buffer: vec![0; 256 * 1024],
        };
        let (arrived, arrivals) = channel();
        thread::scope(|doors| {
            for door in 0..AT_ONCE {
                let arrived = arrived.clone();
                let log_in_all = move || {
                    (door..count).step_by(AT_ONCE).for_each(|n| arrived.send((n, Client::log_in(addr, n))).unwrap());
                };
                doors.spawn(log_in_all);
            }
            drop(arrived);
            let mut drained = Instant::now();
            loop {
                match arrivals.recv_timeout(DRAIN_PACE) {
                    Ok((n, client)) => crowd.admit(n, client),
                    Err(RecvTimeoutError::Timeout) => {}
                    Err(RecvTimeoutError::Disconnected) => break,
                }
                if drained.elapsed() >= DRAIN_PACE {
                    while crowd.read_ready(Duration::ZERO, |_, _| ()) {}
                    drained = Instant::now();
                }
            }
        });
        crowd.catch_up();
        crowd
    }

    fn admit(&mut self, n: usize, client: Client) {
        let data = epoll::EventData::new_u64(n as u64);
        epoll::add(&self.epoll, &client.stream, data, epoll::EventFlags::IN).unwrap();
        self.clients[n] = Some(client);
    }

    /// How many clients there are.
    pub(crate) fn len(&self) -> usize {
        self.clients.len()
    }

    /// Sends bytes of one client.
    pub(crate) fn send(&self, n: usize, bytes: &[u8]) {
        (&self.client(n).stream).write_all(bytes).unwrap();
    }

    /// Each of these clients sends a line and waits for one that begins as `answer` says, some of them at a time.
    pub(crate) fn each_asks(&mut self, who: Range<usize>, question: &str, answer: &str) {
        let (mut asked, mut answered) = (who.start, who.start);
        let deadline = Instant::now() + PATIENCE;
        while answered < who.end {
            while asked < who.end && asked - answered < AT_ONCE {
                self.send(asked, format!("{question}\n").as_bytes());
                asked += 1;
            }
            let read = |_, line: &[u8]| answered += usize::from(line.starts_with(answer.as_bytes()));
            self.read_ready(Duration::from_secs(1), read);
            assert!(Instant::now() < deadline, "not all were answered {answer:?}");
        }
    }

    /// Reads everything that was said to anyone before this was called.
    pub(crate) fn catch_up(&mut self) {
        self.each_asks(0..self.len(), "/ping x", "Pong: x");
    }

    /// Waits until some clients have something to read, at most so long; reads it and hands out whole lines, without
    /// their ends. Returns whether anything came.
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
        let (mut came, mut buffer) = (Vec::new(), [0; 4096]);
        while !came.windows(WELCOME.len()).any(|part| part == WELCOME) {
            let read = stream.read(&mut buffer).unwrap();
            assert!(read > 0, "login refused: {:?}", String::from_utf8_lossy(&came));
            came.extend_from_slice(&buffer[..read]);
        }
        let last_line = came.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        Client { stream, unread: came.split_off(last_line) }
    }

    /// Reads once, and hands out the lines that are whole now.
    fn read(&mut self, buffer: &mut [u8], mut each: impl FnMut(&[u8])) {
        let kept = self.unread.len();
        buffer[..kept].copy_from_slice(&self.unread);
        let read = self.stream.read(&mut buffer[kept..]).unwrap();
        assert!(read > 0, "the server closed a connection");
        let mut rest = &buffer[..kept + read];
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            each(&rest[..end]);
            rest = &rest[end + 1..];
        }
        self.unread.clear();
        self.unread.extend_from_slice(rest);
    }
}
