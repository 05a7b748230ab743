//! Checks every delivery against what was sent: each recipient gets each message exactly once and in the order of its
//! sender, and all members of a group see the same order.
//!
//! No sockets and no clock: the caller tells it what was sent and what arrived.

mod total_order;

#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::fmt;
use std::ops::Range;

use crate::payload::Stamp;
use total_order::TotalOrder;

/// One sender in one destination; its messages are numbered from 0.
#[derive(Clone, Debug)]
pub(crate) struct Stream {
    /// The client that sends.
    pub(crate) sender: usize,
    /// The clients in the destination. The sender is one of them, but receives the messages only with `echo`.
    pub(crate) audience: Range<usize>,
    /// Whether the sender receives its own messages.
    pub(crate) echo: bool,
    /// The number of the group whose members all see the same order, if the server guarantees one.
    pub(crate) total_order: Option<usize>,
}

/// What a server may not do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fault {
    /// A message arrived a second time.
    Duplicate,
    /// A message of one sender arrived after a later one.
    OutOfOrder,
    /// A message did not arrive.
    Lost,
    /// A message arrived at a client it was not sent to.
    Misdelivered,
    /// A message arrived that was not sent, or with another text, sender or destination.
    Altered,
    /// Two members of a group saw its messages in different orders.
    OrderMismatch,
    /// The server closed a connection.
    Closed,
    /// A command was answered wrongly, or not at all.
    WrongAnswer,
}

/// All faults of a run: counted, and the first ones described.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    /// How many there were.
    pub(crate) count: u64,
    /// The first ones, as sentences.
    pub(crate) first: Vec<String>,
}

/// How many faults are described.
const MAX_DESCRIBED: usize = 10;

impl Faults {
    /// Records one fault.
    pub(crate) fn record(&mut self, fault: Fault, what: impl fmt::Display) {
        self.record_many(fault, 1, what);
    }

    /// Records `count` faults with one description.
    pub(crate) fn record_many(&mut self, fault: Fault, count: u64, what: impl fmt::Display) {
        self.count += count;
        if self.first.len() < MAX_DESCRIBED {
            self.first.push(format!("{fault}: {what}"));
        }
    }

    /// Whether there was none.
    pub(crate) fn is_empty(&self) -> bool {
        self.count == 0
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Fault::Duplicate => "duplicate",
            Fault::OutOfOrder => "out of order",
            Fault::Lost => "lost",
            Fault::Misdelivered => "misdelivered",
            Fault::Altered => "altered",
            Fault::OrderMismatch => "order mismatch",
            Fault::Closed => "closed",
            Fault::WrongAnswer => "wrong answer",
        })
    }
}

/// Compares what arrives in one run with what was sent.
pub(crate) struct Verifier {
    streams: Vec<Stream>,
    /// By stream: how many messages were sent.
    sent: Vec<u32>,
    /// By stream and client of its audience: the next sequence number.
    next: Vec<Vec<u32>>,
    /// Messages that were skipped: stream, client, sequence number.
    skipped: HashSet<(u32, usize, u32)>,
    orders: Vec<TotalOrder>,
    arrived: u64,
    expected: u64,
    faults: Faults,
}

impl Verifier {
    /// A verifier for these streams; their groups are numbered from 0.
    pub(crate) fn new(streams: Vec<Stream>) -> Verifier {
        let groups = streams.iter().filter_map(|stream| stream.total_order).max().map_or(0, |last| last + 1);
        let members = |group| {
            let of_group = streams.iter().filter(|stream| stream.total_order == Some(group));
            let audiences = of_group.map(|stream| stream.audience.clone());
            audiences.reduce(|a, b| a.start.min(b.start)..a.end.max(b.end)).unwrap_or(0..0)
        };
        Verifier {
            sent: vec![0; streams.len()],
            next: streams.iter().map(|stream| vec![0; stream.audience.len()]).collect(),
            skipped: HashSet::new(),
            orders: (0..groups).map(|group| TotalOrder::new(members(group))).collect(),
            arrived: 0,
            expected: 0,
            faults: Faults::default(),
            streams,
        }
    }

    /// How many messages were sent in all streams.
    pub(crate) fn sent(&self) -> u64 {
        self.sent.iter().map(|sent| u64::from(*sent)).sum()
    }

    /// How many deliveries have arrived, and how many are expected for what was sent so far.
    pub(crate) fn progress(&self) -> (u64, u64) {
        (self.arrived, self.expected)
    }

    /// Records that a message is sent in a stream, and returns its sequence number.
    pub(crate) fn record_sent(&mut self, stream: usize) -> u32 {
        let sequence = self.sent[stream];
        self.sent[stream] += 1;
        self.expected += self.streams[stream].recipient_count() as u64;
        sequence
    }

    /// Records that a message arrived at a client. Returns whether it was an expected delivery.
    pub(crate) fn record_received(&mut self, client: usize, stamp: Stamp) -> bool {
        let (stream, sequence) = (stamp.stream as usize, stamp.sequence);
        let Some(rules) = self.streams.get(stream).filter(|_| sequence < self.sent[stream]) else {
            self.faults.record(Fault::Altered, format_args!("client {client} got a message that was not sent"));
            return false;
        };
        if !rules.is_recipient(client) {
            let what = format_args!("client {client} got message {sequence} of stream {stream}");
            self.faults.record(Fault::Misdelivered, what);
            return false;
        }
        let next = &mut self.next[stream][client - rules.audience.start];
        if sequence < *next {
            return self.record_late(stream, client, sequence);
        }
        self.skipped.extend((*next..sequence).map(|missing| (stamp.stream, client, missing)));
        *next = sequence + 1;
        self.arrived += 1;
        // Without an echo, a sender does not see the whole order.
        if let Some(group) = rules.total_order.filter(|_| rules.echo)
            && !self.orders[group].record(client, stamp.stream)
        {
            let what =
                format_args!("client {client} got message {sequence} of stream {stream} where others got another");
            self.faults.record(Fault::OrderMismatch, what);
        }
        true
    }

    /// Records a message that arrived after a later one, for the first or the second time.
    fn record_late(&mut self, stream: usize, client: usize, sequence: u32) -> bool {
        let was_missing = self.skipped.remove(&(stream as u32, client, sequence));
        let fault = if was_missing { Fault::OutOfOrder } else { Fault::Duplicate };
        self.faults.record(fault, format_args!("client {client} got message {sequence} of stream {stream}"));
        self.arrived += u64::from(was_missing);
        was_missing
    }

    /// The faults so far, to add others.
    pub(crate) fn faults_mut(&mut self) -> &mut Faults {
        &mut self.faults
    }

    /// Ends the run: whatever has not arrived by now is lost.
    pub(crate) fn finish(mut self) -> Faults {
        for (stream, rules) in self.streams.iter().enumerate() {
            let recipients = rules.audience.clone().zip(&self.next[stream]);
            for (client, next) in recipients.filter(|(client, _)| rules.is_recipient(*client)) {
                let tail = u64::from(self.sent[stream] - next);
                if tail > 0 {
                    let what = format_args!("client {client} did not get the last {tail} messages of stream {stream}");
                    self.faults.record_many(Fault::Lost, tail, what);
                }
            }
        }
        let mut skipped: Vec<_> = self.skipped.iter().collect();
        skipped.sort_unstable();
        for (stream, client, sequence) in skipped {
            let what = format_args!("client {client} did not get message {sequence} of stream {stream}");
            self.faults.record(Fault::Lost, what);
        }
        self.faults
    }
}

impl Stream {
    /// Whether a client receives the messages of this stream.
    fn is_recipient(&self, client: usize) -> bool {
        self.audience.contains(&client) && (self.echo || client != self.sender)
    }

    /// How many clients receive a message of this stream.
    pub(crate) fn recipient_count(&self) -> usize {
        self.audience.len() - usize::from(!self.echo && self.audience.contains(&self.sender))
    }
}
