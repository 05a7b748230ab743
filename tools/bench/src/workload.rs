//! Workloads of numbered messages: who sends to whom and how fast, and one run of it.

mod ledger;
mod run;

#[cfg(test)]
mod tests;

use std::ops::Range;

pub(crate) use run::{NoObserver, Observer, RunOptions, RunOutcome, run};

use crate::protocol::Guarantees;
use crate::verify::Stream;

/// Who sends to whom, and how fast.
#[derive(Clone, Debug)]
pub(crate) struct Workload {
    /// A description for the report.
    pub(crate) name: String,
    /// The senders.
    pub(crate) producers: Vec<Producer>,
    /// How fast they send.
    pub(crate) pace: Pace,
}

/// One sender in one destination.
#[derive(Clone, Debug)]
pub(crate) struct Producer {
    /// The sender, and who receives its messages.
    pub(crate) stream: Stream,
    /// What the messages are addressed to.
    pub(crate) target: Target,
}

/// What messages are addressed to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// A group.
    Group(String),
    /// One client.
    Client(usize),
}

/// How fast producers send.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Pace {
    /// Closed loop: each producer has this many messages in flight, and sends the next one when all recipients of an
    /// earlier one have it.
    Window(usize),
    /// Open loop: this many messages per second in all, whatever arrives.
    Rate(f64),
}

/// A group and its members.
#[derive(Clone, Debug)]
pub(crate) struct Group {
    /// The group's name.
    pub(crate) name: String,
    /// The clients in it.
    pub(crate) members: Range<usize>,
}

impl Workload {
    /// The first `senders` members of each group send to it.
    pub(crate) fn groups(groups: &[Group], senders: usize, pace: Pace, guarantees: Guarantees) -> Workload {
        let producers_of = |(number, group): (usize, &Group)| {
            let (name, members) = (group.name.clone(), group.members.clone());
            let total_order = guarantees.total_order.then_some(number);
            let echo = guarantees.group_echo;
            let senders = members.clone().take(senders);
            senders
                .map(|sender| Producer {
                    stream: Stream { sender, audience: members.clone(), echo, total_order },
                    target: Target::Group(name.clone()),
                })
                .collect::<Vec<_>>()
        };
        let size = groups.first().map_or(0, |group| group.members.len());
        let sending = format!("{senders} sending, {}", pace.description());
        let name = match groups.len() {
            1 => format!("group of {size}, {sending}"),
            many => format!("{many} groups of {size}, {sending}"),
        };
        Workload { name, producers: groups.iter().enumerate().flat_map(producers_of).collect(), pace }
    }

    /// `count` pairs; the first client of each sends to the second.
    pub(crate) fn pairs(count: usize, pace: Pace, guarantees: Guarantees) -> Workload {
        let producer = |pair| {
            let sender = 2 * pair;
            let audience = sender..sender + 2;
            let stream = Stream { sender, audience, echo: guarantees.private_echo, total_order: None };
            Producer { stream, target: Target::Client(sender + 1) }
        };
        let s = if count == 1 { "" } else { "s" };
        let name = format!("{count} private pair{s}, {}", pace.description());
        Workload { name, producers: (0..count).map(producer).collect(), pace }
    }
}

impl Pace {
    fn description(self) -> String {
        match self {
            Pace::Window(window) => format!("window {window}"),
            Pace::Rate(rate) => format!("{rate}/s"),
        }
    }
}
