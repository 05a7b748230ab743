//! The books of one run: what was sent when it should be, what has come, and who may send more.
//!
//! No sockets; what time it is is told to it.

use std::collections::VecDeque;
use std::time::Duration;

use crate::error::BenchError;
use crate::payload::{Payload, Stamp};
use crate::protocol::{Message, Place};
use crate::report::{Latencies, Timeline};
use crate::talk::{Pace, Shape, Target};
use crate::users::User;
use crate::verify::{Audit, Fault, Faults};

/// The books of one run.
pub(crate) struct Books<'a> {
    shape: &'a Shape,
    users: &'a [User],
    payload: &'a Payload,
    run: u32,
    audit: Audit,
    /// By lane: its messages that some have still to get.
    open: Vec<Open>,
    /// How many messages were sent because the clock said so.
    scheduled: u64,
    latencies: Latencies,
    timeline: Timeline,
}

/// The messages of a lane from the oldest one that somebody has still to get.
struct Open {
    first: u32,
    waiting: VecDeque<Waiting>,
    /// How many more may be sent.
    credit: usize,
}

struct Waiting {
    /// When it was to be sent, after the start of the run.
    intended: Duration,
    /// How many have still to get it.
    missing: usize,
}

/// A message that is to be sent now.
pub(crate) struct Due {
    /// In which lane.
    pub(crate) lane: usize,
    /// Its number there.
    pub(crate) number: u32,
}

impl<'a> Books<'a> {
    /// Books for run number `run` of this shape.
    ///
    /// # Errors
    /// Never, see [`Latencies::new`].
    pub(crate) fn new(
        shape: &'a Shape,
        users: &'a [User],
        payload: &'a Payload,
        run: u32,
    ) -> Result<Books<'a>, BenchError> {
        let credit = if let Pace::Window(window) = shape.pace { window } else { 0 };
        let open = || Open { first: 0, waiting: VecDeque::new(), credit };
        Ok(Books {
            shape,
            users,
            payload,
            run,
            audit: Audit::new(shape.lanes.iter().map(|lane| lane.rules.clone()).collect()),
            open: shape.lanes.iter().map(|_| open()).collect(),
            scheduled: 0,
            latencies: Latencies::new()?,
            timeline: Timeline::default(),
        })
    }

    /// What was to be sent before this time, and is now noted as sent.
    pub(crate) fn due(&mut self, now: Duration, due: &mut Vec<Due>) {
        due.clear();
        match self.shape.pace {
            Pace::Window(_) => {
                for lane in 0..self.open.len() {
                    for _ in 0..std::mem::take(&mut self.open[lane].credit) {
                        due.push(self.note(lane, now));
                    }
                }
            }
            Pace::Rate(rate) => {
                while self.intended(rate) < now {
                    let lane = (self.scheduled % self.open.len() as u64) as usize;
                    let intended = self.intended(rate);
                    due.push(self.note(lane, intended));
                    self.scheduled += 1;
                }
            }
        }
    }

    /// How long after the start the next message is to be sent, if the clock decides that.
    pub(crate) fn next_due(&self) -> Option<Duration> {
        if let Pace::Rate(rate) = self.shape.pace { Some(self.intended(rate)) } else { None }
    }

    fn intended(&self, rate: f64) -> Duration {
        Duration::from_secs_f64(self.scheduled as f64 / rate)
    }

    fn note(&mut self, lane: usize, intended: Duration) -> Due {
        let missing = self.shape.lanes[lane].rules.recipients();
        self.open[lane].waiting.push_back(Waiting { intended, missing });
        Due { lane, number: self.audit.send(lane) }
    }

    /// Puts the text of a message in place of what is in `out`.
    pub(crate) fn write(&self, due: &Due, out: &mut Vec<u8>) {
        self.payload.write(Stamp { run: self.run, lane: due.lane as u32, number: due.number }, out);
    }

    /// A message came to a client.
    pub(crate) fn take(&mut self, client: usize, message: &Message<'_>, now: Duration) {
        let Some(stamp) = self.payload.read(message.text) else {
            let what = format_args!("client {client} got {:?}", String::from_utf8_lossy(message.text));
            return self.audit.faults().note(Fault::Altered, what);
        };
        if stamp.run != self.run {
            let what = format_args!("client {client} got message {} of an earlier run", stamp.number);
            return self.audit.faults().note(Fault::Twice, what);
        }
        if !self.is_addressed_right(client, message, stamp) {
            let what =
                format_args!("client {client} got message {} of lane {} as {message:?}", stamp.number, stamp.lane);
            return self.audit.faults().note(Fault::Altered, what);
        }
        if self.audit.take(client, stamp) {
            self.count(stamp, now);
        }
    }

    /// Whether a message bears the right sender and place.
    fn is_addressed_right(&self, client: usize, message: &Message<'_>, stamp: Stamp) -> bool {
        let Some(lane) = self.shape.lanes.get(stamp.lane as usize) else { return true };
        let name = |n: usize| self.users[n].name.as_bytes();
        let sender = lane.rules.sender;
        let placed = match (&lane.target, &message.place) {
            (Target::Group(group), Place::Group(place)) => group.as_bytes() == *place,
            (Target::Client(to), Place::Private) => client == *to,
            (Target::Client(to), Place::Sent(place)) => client == sender && name(*to) == *place,
            _ => false,
        };
        placed && message.from.is_none_or(|from| from == name(sender))
    }

    fn count(&mut self, stamp: Stamp, now: Duration) {
        let Open { first, waiting, credit } = &mut self.open[stamp.lane as usize];
        let message = stamp.number.checked_sub(*first).and_then(|at| waiting.get_mut(at as usize));
        // More cannot come than are missing: the audit has seen to that.
        let Some(message) = message else { return };
        self.latencies.record(now.saturating_sub(message.intended));
        self.timeline.record(now);
        message.missing = message.missing.saturating_sub(1);
        if message.missing == 0 && matches!(self.shape.pace, Pace::Window(_)) {
            *credit += 1;
        }
        while waiting.front().is_some_and(|message| message.missing == 0) {
            waiting.pop_front();
            *first += 1;
        }
    }

    /// A connection ended.
    pub(crate) fn ended(&mut self, client: usize, why: &str) {
        self.audit.faults().note(Fault::Closed, format_args!("client {client}: {why}"));
    }

    /// The server refused something that a client said.
    pub(crate) fn refused(&mut self, client: usize, why: &[u8]) {
        let what = format_args!("client {client} was refused: {:?}", String::from_utf8_lossy(why));
        self.audit.faults().note(Fault::WrongAnswer, what);
    }

    /// How many deliveries have come, and how many should have by the end.
    pub(crate) fn progress(&self) -> (u64, u64) {
        self.audit.progress()
    }

    /// The time within which 99 of 100 deliveries came, in milliseconds.
    pub(crate) fn p99_ms(&self) -> f64 {
        self.latencies.quantile_ms(0.99)
    }

    /// How many messages were sent.
    pub(crate) fn sent(&self) -> u64 {
        self.audit.sent()
    }

    /// Closes the books.
    pub(crate) fn finish(self) -> (Latencies, Timeline, Faults) {
        (self.latencies, self.timeline, self.audit.finish())
    }
}
