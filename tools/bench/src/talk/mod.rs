//! Talk in numbered messages: how fast, by whom and to whom, and what came of it.

mod books;
mod run;

#[cfg(test)]
mod tests;

use std::ops::Range;

pub(crate) use run::{Nobody, Talked, Terms, Watcher, talk};

use crate::protocol::Promises;
use crate::verify;

/// Who talks to whom, and how fast.
#[derive(Clone, Debug)]
pub(crate) struct Shape {
    /// In words.
    pub(crate) name: String,
    /// Who talks to whom.
    pub(crate) lanes: Vec<Lane>,
    /// How fast.
    pub(crate) pace: Pace,
}

/// One talker in one place.
#[derive(Clone, Debug)]
pub(crate) struct Lane {
    /// Who gets what he says there.
    pub(crate) rules: verify::Lane,
    /// What he talks to.
    pub(crate) target: Target,
}

/// What a message is addressed to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// A group.
    Group(String),
    /// One client.
    Client(usize),
}

/// How fast talkers talk.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Pace {
    /// Each has so many messages on their way: a message makes room for the next when all its recipients have it.
    Window(usize),
    /// So many messages a second in all, whatever comes back.
    Rate(f64),
}

/// A group of clients.
#[derive(Clone, Debug)]
pub(crate) struct Group {
    /// Its name.
    pub(crate) name: String,
    /// Its members.
    pub(crate) members: Range<usize>,
}

impl Shape {
    /// The first `senders` members of each of these groups talk in it.
    pub(crate) fn groups(groups: &[Group], senders: usize, pace: Pace, promises: Promises) -> Shape {
        let lanes_of = |(place, group): (usize, &Group)| {
            let (name, members) = (group.name.clone(), group.members.clone());
            let ordered = promises.one_order.then_some(place);
            let echo = promises.group_echo;
            let talkers = members.clone().take(senders);
            talkers
                .map(|sender| Lane {
                    rules: verify::Lane { sender, hearers: members.clone(), echo, ordered },
                    target: Target::Group(name.clone()),
                })
                .collect::<Vec<_>>()
        };
        let size = groups.first().map_or(0, |group| group.members.len());
        let talk = format!("{senders} sending, {}", pace.words());
        let name = match groups.len() {
            1 => format!("group of {size}, {talk}"),
            many => format!("{many} groups of {size}, {talk}"),
        };
        Shape { name, lanes: groups.iter().enumerate().flat_map(lanes_of).collect(), pace }
    }

    /// So many pairs, of which one talks to the other.
    pub(crate) fn pairs(count: usize, pace: Pace, promises: Promises) -> Shape {
        let lane = |pair| {
            let sender = 2 * pair;
            let hearers = sender..sender + 2;
            let rules = verify::Lane { sender, hearers, echo: promises.private_echo, ordered: None };
            Lane { rules, target: Target::Client(sender + 1) }
        };
        let s = if count == 1 { "" } else { "s" };
        let name = format!("{count} private pair{s}, {}", pace.words());
        Shape { name, lanes: (0..count).map(lane).collect(), pace }
    }
}

impl Pace {
    fn words(self) -> String {
        match self {
            Pace::Window(window) => format!("window {window}"),
            Pace::Rate(rate) => format!("{rate}/s"),
        }
    }
}
