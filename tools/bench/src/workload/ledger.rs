//! The ledger of one run: what was due when, what was sent, what has arrived, and who may send more.
//!
//! No sockets and no clock: the caller tells it the time.

use std::collections::VecDeque;
use std::time::Duration;

use crate::error::BenchError;
use crate::payload::{Payload, Stamp};
use crate::protocol::{Destination, Message};
use crate::report::{Latencies, Timeline};
use crate::users::User;
use crate::verify::{Fault, Faults, Verifier};
use crate::workload::{Pace, Target, Workload};

/// The ledger of one run.
pub(crate) struct Ledger<'a> {
    workload: &'a Workload,
    users: &'a [User],
    payload: &'a Payload,
    run: u32,
    verifier: Verifier,
    /// By producer.
    outstanding: Vec<Outstanding>,
    /// How many messages the clock has made due so far.
    scheduled: u64,
    latencies: Latencies,
    timeline: Timeline,
}

/// The messages of one producer, from the oldest one that some recipient has not received.
struct Outstanding {
    /// The sequence number of the first one.
    first: u32,
    in_flight: VecDeque<InFlight>,
    /// How many more the producer may send.
    credit: usize,
}

/// A message that some recipients have not received.
struct InFlight {
    /// When it was due, after the start of the run.
    due: Duration,
    /// How many recipients have not received it.
    missing: usize,
}

/// A message to send now.
pub(crate) struct Outgoing {
    /// Its producer.
    pub(crate) producer: usize,
    /// Its sequence number.
    pub(crate) sequence: u32,
}

impl<'a> Ledger<'a> {
    /// An empty ledger for run number `run` of this workload.
    ///
    /// # Errors
    /// Never, see [`Latencies::new`].
    pub(crate) fn new(
        workload: &'a Workload,
        users: &'a [User],
        payload: &'a Payload,
        run: u32,
    ) -> Result<Ledger<'a>, BenchError> {
        let credit = if let Pace::Window(window) = workload.pace { window } else { 0 };
        let outstanding = || Outstanding { first: 0, in_flight: VecDeque::new(), credit };
        Ok(Ledger {
            workload,
            users,
            payload,
            run,
            verifier: Verifier::new(workload.producers.iter().map(|producer| producer.stream.clone()).collect()),
            outstanding: workload.producers.iter().map(|_| outstanding()).collect(),
            scheduled: 0,
            latencies: Latencies::new()?,
            timeline: Timeline::default(),
        })
    }

    /// Replaces `outgoing` with the messages due before `now`, and records them as sent.
    pub(crate) fn take_due(&mut self, now: Duration, outgoing: &mut Vec<Outgoing>) {
        outgoing.clear();
        match self.workload.pace {
            Pace::Window(_) => {
                for producer in 0..self.outstanding.len() {
                    for _ in 0..std::mem::take(&mut self.outstanding[producer].credit) {
                        outgoing.push(self.record_sent(producer, now));
                    }
                }
            }
            Pace::Rate(rate) => {
                while self.scheduled_at(rate) < now {
                    let producer = (self.scheduled % self.outstanding.len() as u64) as usize;
                    let due = self.scheduled_at(rate);
                    outgoing.push(self.record_sent(producer, due));
                    self.scheduled += 1;
                }
            }
        }
    }

    /// When the next message is due after the start of the run, if the clock decides that.
    pub(crate) fn next_due(&self) -> Option<Duration> {
        match self.workload.pace {
            Pace::Window(_) => None,
            Pace::Rate(rate) => Some(self.scheduled_at(rate)),
        }
    }

    fn scheduled_at(&self, rate: f64) -> Duration {
        Duration::from_secs_f64(self.scheduled as f64 / rate)
    }

    fn record_sent(&mut self, producer: usize, due: Duration) -> Outgoing {
        let missing = self.workload.producers[producer].stream.recipient_count();
        self.outstanding[producer].in_flight.push_back(InFlight { due, missing });
        Outgoing { producer, sequence: self.verifier.record_sent(producer) }
    }

    /// Replaces the contents of `out` with the text of a message.
    pub(crate) fn write(&self, outgoing: &Outgoing, out: &mut Vec<u8>) {
        let stamp = Stamp { run: self.run, stream: outgoing.producer as u32, sequence: outgoing.sequence };
        self.payload.write(stamp, out);
    }

    /// Records that a message arrived at a client.
    pub(crate) fn record_received(&mut self, client: usize, message: &Message<'_>, now: Duration) {
        let Some(stamp) = self.payload.read(message.text) else {
            let what = format_args!("client {client} got {:?}", String::from_utf8_lossy(message.text));
            return self.verifier.faults_mut().record(Fault::Altered, what);
        };
        let Stamp { run, stream, sequence } = stamp;
        if run != self.run {
            let what = format_args!("client {client} got message {sequence} of an earlier run");
            return self.verifier.faults_mut().record(Fault::Duplicate, what);
        }
        if !self.is_addressed_correctly(client, message, stamp) {
            let what = format_args!("client {client} got message {sequence} of stream {stream} as {message:?}");
            return self.verifier.faults_mut().record(Fault::Altered, what);
        }
        if self.verifier.record_received(client, stamp) {
            self.record_delivery(stamp, now);
        }
    }

    /// Whether a message has the right sender and destination.
    fn is_addressed_correctly(&self, client: usize, message: &Message<'_>, stamp: Stamp) -> bool {
        // An unknown stream is a fault that the verifier reports.
        let Some(producer) = self.workload.producers.get(stamp.stream as usize) else { return true };
        let name = |client: usize| self.users[client].name.as_bytes();
        let sender = producer.stream.sender;
        let to_target = match (&producer.target, &message.destination) {
            (Target::Group(group), Destination::Group(name)) => group.as_bytes() == *name,
            (Target::Client(to), Destination::Private) => client == *to,
            (Target::Client(to), Destination::SentCopy(copied)) => client == sender && name(*to) == *copied,
            _ => false,
        };
        to_target && message.from.is_none_or(|from| from == name(sender))
    }

    /// Records the latency of a delivery, and gives the producer credit once all recipients have the message.
    fn record_delivery(&mut self, stamp: Stamp, now: Duration) {
        let Outstanding { first, in_flight, credit } = &mut self.outstanding[stamp.stream as usize];
        let message = stamp.sequence.checked_sub(*first).and_then(|at| in_flight.get_mut(at as usize));
        // It is in flight, because the verifier accepts no delivery twice.
        let Some(message) = message else { return };
        self.latencies.record(now.saturating_sub(message.due));
        self.timeline.record(now);
        message.missing = message.missing.saturating_sub(1);
        if message.missing == 0 && matches!(self.workload.pace, Pace::Window(_)) {
            *credit += 1;
        }
        while in_flight.front().is_some_and(|message| message.missing == 0) {
            in_flight.pop_front();
            *first += 1;
        }
    }

    /// Records that the server closed a connection.
    pub(crate) fn record_closed(&mut self, client: usize, why: &str) {
        self.verifier.faults_mut().record(Fault::Closed, format_args!("client {client}: {why}"));
    }

    /// Records that the server refused a message of a client.
    pub(crate) fn record_refused(&mut self, client: usize, why: &[u8]) {
        let what = format_args!("client {client} was refused: {:?}", String::from_utf8_lossy(why));
        self.verifier.faults_mut().record(Fault::WrongAnswer, what);
    }

    /// How many deliveries have arrived, and how many are expected for what was sent so far.
    pub(crate) fn progress(&self) -> (u64, u64) {
        self.verifier.progress()
    }

    /// The 99th percentile of the latencies so far, in milliseconds.
    pub(crate) fn p99_ms(&self) -> f64 {
        self.latencies.quantile_ms(0.99)
    }

    /// How many messages were sent.
    pub(crate) fn sent(&self) -> u64 {
        self.verifier.sent()
    }

    /// Ends the run.
    pub(crate) fn finish(self) -> (Latencies, Timeline, Faults) {
        (self.latencies, self.timeline, self.verifier.finish())
    }
}
