//! The shapes of traffic, and one run of one of them: every message counted, every order checked.

use std::ops::Range;
use std::time::{Duration, Instant};

use crate::crowd::Crowd;
use crate::server::{Process, user};

/// The text of a message: so many bytes, which begin with its lane and its number.
const TEXT: usize = 100;

/// How long what is on its way may take to arrive after the last message was sent.
const PATIENCE: Duration = Duration::from_secs(20);

/// Who talks to whom, and how many messages each talker has on their way.
pub(crate) struct Shape {
    pub(crate) name: String,
    lanes: Vec<Lane>,
    window: usize,
}

/// One talker: his messages are numbered, and each of his listeners gets all of them in order.
struct Lane {
    sender: usize,
    /// The sender himself is among them or beside them: he gets an echo.
    hearers: Range<usize>,
    command: String,
}

/// The groups that the shapes speak in, by size.
pub(crate) const GROUPS: [usize; 3] = [10, 100, 1000];

/// What one run came to.
pub(crate) struct Outcome {
    pub(crate) deliveries: u64,
    pub(crate) cpu: Duration,
    /// From the first message to the arrival of the last.
    pub(crate) time: Duration,
    /// How many messages these deliveries are of.
    pub(crate) messages: u64,
}

impl Shape {
    /// All shapes, in the order of the table.
    pub(crate) fn all() -> Vec<Shape> {
        let mut shapes = Vec::new();
        for members in GROUPS {
            shapes.extend([1, 10].map(|senders| Shape::group(members, senders, 16)));
        }
        shapes.push(Shape::group(100, 1, 1));
        shapes.extend([1, 16].map(|window| Shape::pairs(50, window)));
        shapes
    }

    fn group(members: usize, senders: usize, window: usize) -> Shape {
        let command = format!("/group_msg {} ", group(members));
        let lane = |sender| Lane { sender, hearers: 0..members, command: command.clone() };
        let name = format!("group of {members}, {senders} sending, window {window}");
        Shape { name, lanes: (0..senders).map(lane).collect(), window }
    }

    /// Private talk between so many pairs, one of each sending.
    pub(crate) fn pairs(count: usize, window: usize) -> Shape {
        let lane = |n| {
            let sender = 2 * n;
            Lane { sender, hearers: sender..sender + 2, command: format!("/msg {} ", user(sender + 1)) }
        };
        let s = if count == 1 { "" } else { "s" };
        let name = format!("{count} private pair{s}, window {window}");
        Shape { name, lanes: (0..count).map(lane).collect(), window }
    }

    /// Talks for this long, waits until all has arrived, and checks that it did.
    pub(crate) fn run(&self, crowd: &mut Crowd, server: &Process, time: Duration) -> Outcome {
        crowd.catch_up();
        let mut run = Run::new(self, crowd.len());
        let (before, start) = (server.cpu(), Instant::now());
        let end = start + time;
        run.credit.fill(self.window);
        loop {
            if Instant::now() < end {
                run.send(crowd);
            } else if run.arrived == run.expected() {
                break;
            }
            assert!(Instant::now() < end + PATIENCE, "{}: {} of {}", self.name, run.arrived, run.expected());
            crowd.read_ready(Duration::from_millis(100), |n, line| run.take(n, line));
        }
        let (cpu, time) = (server.cpu() - before, start.elapsed());
        run.check();
        let messages = run.sent.iter().map(|sent| u64::from(*sent)).sum();
        Outcome { deliveries: run.arrived, cpu, time, messages }
    }
}

/// The books of one run.
struct Run<'a> {
    lanes: &'a [Lane],
    /// By lane: how many messages were sent, and how many more may be.
    sent: Vec<u32>,
    credit: Vec<usize>,
    /// By client and lane: the number of the next message.
    next: Vec<u32>,
    arrived: u64,
    bytes: Vec<u8>,
}

impl Run<'_> {
    fn new(shape: &Shape, clients: usize) -> Run<'_> {
        let lanes = shape.lanes.len();
        let next = vec![0; clients * lanes];
        Run { lanes: &shape.lanes, sent: vec![0; lanes], credit: vec![0; lanes], next, arrived: 0, bytes: Vec::new() }
    }

    /// Each talker sends what he may, in one write.
    fn send(&mut self, crowd: &Crowd) {
        for (n, lane) in self.lanes.iter().enumerate() {
            self.bytes.clear();
            for _ in 0..std::mem::take(&mut self.credit[n]) {
                let number = format!("{n:04} {:010} ", self.sent[n]);
                self.bytes.extend_from_slice(lane.command.as_bytes());
                self.bytes.extend_from_slice(number.as_bytes());
                self.bytes.resize(self.bytes.len() + TEXT - number.len(), b'x');
                self.bytes.push(b'\n');
                self.sent[n] += 1;
            }
            if !self.bytes.is_empty() {
                crowd.send(lane.sender, &self.bytes);
            }
        }
    }

    /// A line that a client got: the next one of its lane, or all is wrong.
    fn take(&mut self, client: usize, line: &[u8]) {
        let text = str::from_utf8(&line[line.len().saturating_sub(TEXT)..]).unwrap();
        let mut words = text.split(' ');
        let mut number = || words.next().and_then(|word| word.parse::<u32>().ok()).expect(text);
        let (lane, number) = (number() as usize, number());
        let next = &mut self.next[client * self.lanes.len() + lane];
        assert_eq!(number, *next, "client {client} got a message of lane {lane} out of order");
        *next += 1;
        self.arrived += 1;
        self.credit[lane] += usize::from(client == self.lanes[lane].sender);
    }

    fn expected(&self) -> u64 {
        self.lanes.iter().zip(&self.sent).map(|(lane, sent)| lane.hearers.len() as u64 * u64::from(*sent)).sum()
    }

    /// Everybody got everything that was for him, and nothing else.
    fn check(&self) {
        for (at, next) in self.next.iter().enumerate() {
            let (client, lane) = (at / self.lanes.len(), at % self.lanes.len());
            let expected = if self.lanes[lane].hearers.contains(&client) { self.sent[lane] } else { 0 };
            assert_eq!(*next, expected, "client {client} did not get all of lane {lane}");
        }
    }
}

/// The name of the group of this size.
pub(crate) fn group(members: usize) -> String {
    format!("g{members}")
}
