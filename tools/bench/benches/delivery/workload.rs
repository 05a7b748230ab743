//! The workloads, and one run of one of them: every message is counted and every order checked.

use std::ops::Range;
use std::time::{Duration, Instant};

use crate::clients::Clients;
use crate::server::{Server, user};

/// Size of a message's text in bytes; it begins with the numbers of its producer and of the message.
const TEXT: usize = 100;

/// How long messages in flight may take to arrive after the last one was sent.
const PATIENCE: Duration = Duration::from_secs(20);

/// Who sends to whom, and how many messages each producer has in flight.
pub(crate) struct Workload {
    pub(crate) name: String,
    producers: Vec<Producer>,
    window: usize,
}

/// One sender in one destination: its messages are numbered, and each recipient gets all of them in order.
struct Producer {
    sender: usize,
    /// The clients that get the messages, the sender included.
    recipients: Range<usize>,
    command: String,
}

/// The sizes of the groups.
pub(crate) const GROUPS: [usize; 3] = [10, 100, 1000];

/// The result of one run.
pub(crate) struct Outcome {
    pub(crate) deliveries: u64,
    pub(crate) cpu: Duration,
    /// From the first message to the arrival of the last.
    pub(crate) time: Duration,
    /// How many messages were delivered.
    pub(crate) messages: u64,
}

impl Workload {
    /// All workloads, in the order of the table.
    pub(crate) fn all() -> Vec<Workload> {
        let mut workloads = Vec::new();
        for members in GROUPS {
            workloads.extend([1, 10].map(|senders| Workload::group(members, senders, 16)));
        }
        workloads.push(Workload::group(100, 1, 1));
        workloads.extend([1, 16].map(|window| Workload::pairs(50, window)));
        workloads
    }

    fn group(members: usize, senders: usize, window: usize) -> Workload {
        let command = format!("/group_msg {} ", group(members));
        let producer = |sender| Producer { sender, recipients: 0..members, command: command.clone() };
        let name = format!("group of {members}, {senders} sending, window {window}");
        Workload { name, producers: (0..senders).map(producer).collect(), window }
    }

    /// Private messages in `count` pairs; one client of each sends.
    pub(crate) fn pairs(count: usize, window: usize) -> Workload {
        let producer = |n| {
            let sender = 2 * n;
            Producer { sender, recipients: sender..sender + 2, command: format!("/msg {} ", user(sender + 1)) }
        };
        let s = if count == 1 { "" } else { "s" };
        let name = format!("{count} private pair{s}, window {window}");
        Workload { name, producers: (0..count).map(producer).collect(), window }
    }

    /// Sends for this long, waits until everything has arrived, and checks that.
    pub(crate) fn run(&self, clients: &mut Clients, server: &Server, time: Duration) -> Outcome {
        clients.ping_all();
        let mut run = Run::new(self, clients.len());
        let (before, start) = (server.cpu(), Instant::now());
        let end = start + time;
        run.credit.fill(self.window);
        loop {
            if Instant::now() < end {
                run.send(clients);
            } else if run.arrived == run.expected() {
                break;
            }
            assert!(Instant::now() < end + PATIENCE, "{}: {} of {}", self.name, run.arrived, run.expected());
            clients.read_ready(Duration::from_millis(100), |n, line| run.record_received(n, line));
        }
        let (cpu, time) = (server.cpu() - before, start.elapsed());
        run.check();
        let messages = run.sent.iter().map(|sent| u64::from(*sent)).sum();
        Outcome { deliveries: run.arrived, cpu, time, messages }
    }
}

/// The ledger of one run.
struct Run<'a> {
    producers: &'a [Producer],
    /// By producer: how many messages were sent, and how many more may be sent.
    sent: Vec<u32>,
    credit: Vec<usize>,
    /// By client and producer: the number of the next message.
    next: Vec<u32>,
    arrived: u64,
    bytes: Vec<u8>,
}

impl Run<'_> {
    fn new(workload: &Workload, clients: usize) -> Run<'_> {
        let producers = workload.producers.len();
        let next = vec![0; clients * producers];
        Run {
            producers: &workload.producers,
            sent: vec![0; producers],
            credit: vec![0; producers],
            next,
            arrived: 0,
            bytes: Vec::new(),
        }
    }

    /// Lets each producer send what it may, in one write.
    fn send(&mut self, clients: &Clients) {
        for (n, producer) in self.producers.iter().enumerate() {
            self.bytes.clear();
            for _ in 0..std::mem::take(&mut self.credit[n]) {
                let number = format!("{n:04} {:010} ", self.sent[n]);
                self.bytes.extend_from_slice(producer.command.as_bytes());
                self.bytes.extend_from_slice(number.as_bytes());
                self.bytes.resize(self.bytes.len() + TEXT - number.len(), b'x');
                self.bytes.push(b'\n');
                self.sent[n] += 1;
            }
            if !self.bytes.is_empty() {
                clients.send(producer.sender, &self.bytes);
            }
        }
    }

    /// Records a line that a client received, which has to be the next message of its producer.
    fn record_received(&mut self, client: usize, line: &[u8]) {
        let text = str::from_utf8(&line[line.len().saturating_sub(TEXT)..]).unwrap();
        let mut words = text.split(' ');
        let mut number = || words.next().and_then(|word| word.parse::<u32>().ok()).expect(text);
        let (producer, number) = (number() as usize, number());
        let next = &mut self.next[client * self.producers.len() + producer];
        assert_eq!(number, *next, "client {client} got a message of producer {producer} out of order");
        *next += 1;
        self.arrived += 1;
        self.credit[producer] += usize::from(client == self.producers[producer].sender);
    }

    fn expected(&self) -> u64 {
        self.producers
            .iter()
            .zip(&self.sent)
            .map(|(producer, sent)| producer.recipients.len() as u64 * u64::from(*sent))
            .sum()
    }

    /// Checks that each client got everything sent to it, and nothing else.
    fn check(&self) {
        for (at, next) in self.next.iter().enumerate() {
            let (client, producer) = (at / self.producers.len(), at % self.producers.len());
            let expected = if self.producers[producer].recipients.contains(&client) { self.sent[producer] } else { 0 };
            assert_eq!(*next, expected, "client {client} did not get all of producer {producer}");
        }
    }
}

/// The name of the group of this size.
pub(crate) fn group(members: usize) -> String {
    format!("g{members}")
}
