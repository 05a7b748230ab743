//! Holds a run to what was sent: every recipient gets every message exactly once, in the order of its sender, and all
//! members of a group get one order.
//!
//! No sockets and no clock: what was sent and what came is told to it.

mod order;

#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::fmt;
use std::ops::Range;

use crate::payload::Stamp;
use order::Order;

/// One sender in one place: his messages there are numbered from 0.
#[derive(Clone, Debug)]
pub(crate) struct Lane {
    /// The client that speaks.
    pub(crate) sender: usize,
    /// The clients that get what he says, himself among them if [`Lane::echo`].
    pub(crate) hearers: Range<usize>,
    /// Whether the sender is among those who get it.
    pub(crate) echo: bool,
    /// The place that all its members see in one order, if there is such a promise.
    pub(crate) ordered: Option<usize>,
}

/// What a server may not do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fault {
    /// A message came a second time.
    Twice,
    /// A message came before or after its turn.
    OutOfOrder,
    /// A message did not come.
    Lost,
    /// A message came to somebody it was not for.
    Misdelivered,
    /// A message came that was not sent, or not with these words, or not by him whose name it bears.
    Altered,
    /// Two members of a group saw its messages in different orders.
    Disagreement,
    /// The server ended a connection.
    Closed,
    /// An answer was wrong or did not come.
    WrongAnswer,
}

/// Everything that went wrong: counted, and the first of it in words.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    /// How much went wrong.
    pub(crate) count: u64,
    /// The first of it, as sentences.
    pub(crate) first: Vec<String>,
}

/// How many faults are kept in words.
const KEPT: usize = 10;

impl Faults {
    /// Notes one.
    pub(crate) fn note(&mut self, fault: Fault, what: impl fmt::Display) {
        self.note_many(fault, 1, what);
    }

    /// Notes `count` at once.
    pub(crate) fn note_many(&mut self, fault: Fault, count: u64, what: impl fmt::Display) {
        self.count += count;
        if self.first.len() < KEPT {
            self.first.push(format!("{fault}: {what}"));
        }
    }

    /// Whether all was as it should be.
    pub(crate) fn none(&self) -> bool {
        self.count == 0
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Fault::Twice => "twice",
            Fault::OutOfOrder => "out of order",
            Fault::Lost => "lost",
            Fault::Misdelivered => "misdelivered",
            Fault::Altered => "altered",
            Fault::Disagreement => "two orders",
            Fault::Closed => "closed",
            Fault::WrongAnswer => "wrong answer",
        })
    }
}

/// The books of one run.
pub(crate) struct Audit {
    lanes: Vec<Lane>,
    /// By lane: how many messages were sent.
    sent: Vec<u32>,
    /// By lane and hearer: the number that comes next.
    next: Vec<Vec<u32>>,
    /// Messages that were passed over: lane, client, number.
    skipped: HashSet<(u32, usize, u32)>,
    orders: Vec<Order>,
    arrived: u64,
    due: u64,
    faults: Faults,
}

impl Audit {
    /// Books for these lanes; their places are numbered from 0.
    pub(crate) fn new(lanes: Vec<Lane>) -> Audit {
        let places = lanes.iter().filter_map(|lane| lane.ordered).max().map_or(0, |last| last + 1);
        let members = |place| {
            let of = lanes.iter().filter(|lane| lane.ordered == Some(place));
            of.map(|lane| lane.hearers.clone()).reduce(|a, b| a.start.min(b.start)..a.end.max(b.end)).unwrap_or(0..0)
        };
        Audit {
            sent: vec![0; lanes.len()],
            next: lanes.iter().map(|lane| vec![0; lane.hearers.len()]).collect(),
            skipped: HashSet::new(),
            orders: (0..places).map(|place| Order::new(members(place))).collect(),
            arrived: 0,
            due: 0,
            faults: Faults::default(),
            lanes,
        }
    }

    /// How many messages were sent, in all lanes.
    pub(crate) fn sent(&self) -> u64 {
        self.sent.iter().map(|sent| u64::from(*sent)).sum()
    }

    /// How many deliveries have come, and how many should have by the end.
    pub(crate) fn progress(&self) -> (u64, u64) {
        (self.arrived, self.due)
    }

    /// A message is sent in a lane; returns its number.
    pub(crate) fn send(&mut self, lane: usize) -> u32 {
        let number = self.sent[lane];
        self.sent[lane] += 1;
        self.due += self.lanes[lane].recipients() as u64;
        number
    }

    /// A message came to a client; whether it was due to him.
    pub(crate) fn take(&mut self, client: usize, stamp: Stamp) -> bool {
        let (lane, number) = (stamp.lane as usize, stamp.number);
        let Some(rules) = self.lanes.get(lane).filter(|_| number < self.sent[lane]) else {
            self.faults.note(Fault::Altered, format_args!("client {client} got a message that was not sent"));
            return false;
        };
        if !rules.hears(client) {
            self.faults.note(Fault::Misdelivered, format_args!("client {client} got message {number} of lane {lane}"));
            return false;
        }
        let next = &mut self.next[lane][client - rules.hearers.start];
        if number < *next {
            return self.take_late(lane, client, number);
        }
        self.skipped.extend((*next..number).map(|missing| (stamp.lane, client, missing)));
        *next = number + 1;
        self.arrived += 1;
        // Without an echo a speaker does not see the whole order.
        if let Some(place) = rules.ordered.filter(|_| rules.echo)
            && !self.orders[place].take(client, stamp.lane)
        {
            let what = format_args!("client {client} got message {number} of lane {lane} where others got another");
            self.faults.note(Fault::Disagreement, what);
        }
        true
    }

    /// A message came after its successor: for the first time, or not.
    fn take_late(&mut self, lane: usize, client: usize, number: u32) -> bool {
        let missed = self.skipped.remove(&(lane as u32, client, number));
        let fault = if missed { Fault::OutOfOrder } else { Fault::Twice };
        self.faults.note(fault, format_args!("client {client} got message {number} of lane {lane}"));
        self.arrived += u64::from(missed);
        missed
    }

    /// Something else went wrong.
    pub(crate) fn faults(&mut self) -> &mut Faults {
        &mut self.faults
    }

    /// Closes the books: what has not come by now is lost.
    pub(crate) fn finish(mut self) -> Faults {
        for (lane, rules) in self.lanes.iter().enumerate() {
            for (client, next) in rules.hearers.clone().zip(&self.next[lane]).filter(|(client, _)| rules.hears(*client))
            {
                let tail = u64::from(self.sent[lane] - next);
                if tail > 0 {
                    let what = format_args!("client {client} did not get the last {tail} messages of lane {lane}");
                    self.faults.note_many(Fault::Lost, tail, what);
                }
            }
        }
        let mut skipped: Vec<_> = self.skipped.iter().collect();
        skipped.sort_unstable();
        for (lane, client, number) in skipped {
            self.faults.note(Fault::Lost, format_args!("client {client} did not get message {number} of lane {lane}"));
        }
        self.faults
    }
}

impl Lane {
    /// Whether a client gets what is said in this lane.
    fn hears(&self, client: usize) -> bool {
        self.hearers.contains(&client) && (self.echo || client != self.sender)
    }

    /// How many clients get a message of this lane.
    pub(crate) fn recipients(&self) -> usize {
        self.hearers.len() - usize::from(!self.echo && self.hearers.contains(&self.sender))
    }
}
