//! What is measured: each a call of the load tester, and who it is made for.

use crate::contender::Contender;
use crate::doors::SILENT;

/// A measurement.
#[derive(Clone)]
pub(crate) struct Measure {
    /// Its name in the tables.
    pub(crate) name: String,
    pub(crate) kind: Kind,
    /// What the load tester is called with.
    pub(crate) args: Vec<String>,
    /// How many clients there are.
    pub(crate) clients: usize,
    /// How often each server is measured.
    pub(crate) rounds: usize,
}

/// What a measurement is about, with what the targets need to know of it.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Kind {
    Group {
        members: usize,
        senders: usize,
        window: usize,
    },
    Pairs {
        window: usize,
    },
    /// A group beside the silent clients of both doors.
    Doors {
        window: usize,
    },
    Rate {
        members: usize,
    },
    Idle {
        clients: usize,
    },
    Churn,
    Slow,
    Mixed,
}

impl Kind {
    /// Whether this server is measured in this way.
    pub(crate) fn concerns(self, contender: Contender) -> bool {
        let at_a_door = matches!(contender, Contender::Netcat | Contender::Browser);
        match self {
            Kind::Doors { .. } | Kind::Idle { clients: SILENT } if at_a_door => true,
            Kind::Doors { .. } => false,
            _ if at_a_door => false,
            Kind::Idle { .. } | Kind::Churn => contender != Contender::Stored,
            // Others cut at bounds of their own, or never; and they have other commands.
            Kind::Slow | Kind::Mixed => contender == Contender::Parlord,
            _ => true,
        }
    }
}

const ROUNDS: usize = 3;

impl Measure {
    /// All measurements, in the order in which they are made.
    pub(crate) fn all(quick: bool) -> Vec<Measure> {
        let mut all = Vec::new();
        for members in [10, 100, 1000] {
            for senders in [1, 10] {
                all.extend([1, 16].map(|window| group(members, senders, window)));
            }
        }
        all.extend([1, 16].map(pairs));
        all.extend([1, 16].map(doors));
        all.extend([rate(100, 50), rate(1000, 20)]);
        all.extend([SILENT, 10_000].map(idle));
        all.extend([churn(), slow(), mixed()]);
        for measure in &mut all {
            let time = if quick { "0.5" } else { measure.time() };
            measure.args.extend(["--time".to_owned(), time.to_owned()]);
            measure.rounds = if quick { 1 } else { ROUNDS };
        }
        all
    }

    /// How long one run takes, in seconds.
    fn time(&self) -> &'static str {
        match self.kind {
            Kind::Group { .. } | Kind::Pairs { .. } | Kind::Doors { .. } => "2",
            Kind::Rate { .. } | Kind::Slow => "6",
            Kind::Idle { .. } | Kind::Churn => "4",
            Kind::Mixed => "20",
        }
    }
}

fn measure(name: String, kind: Kind, clients: usize, args: &[&str], numbers: &[(&str, usize)]) -> Measure {
    let numbers = numbers.iter().flat_map(|(option, number)| [(*option).to_owned(), number.to_string()]);
    let args = args.iter().map(|arg| (*arg).to_owned()).chain(numbers).collect();
    Measure { name, kind, args, clients, rounds: ROUNDS }
}

fn group(members: usize, senders: usize, window: usize) -> Measure {
    let name = format!("group of {members}, {senders} sending, window {window}");
    let numbers = [("--members", members), ("--senders", senders), ("--window", window)];
    measure(name, Kind::Group { members, senders, window }, members, &["fanout"], &numbers)
}

fn pairs(window: usize) -> Measure {
    let name = format!("50 private pairs, window {window}");
    measure(name, Kind::Pairs { window }, 100, &["pairs"], &[("--pairs", 50), ("--window", window)])
}

fn doors(window: usize) -> Measure {
    let name = format!("in the browser: group of 100, 1 sending, window {window}");
    let numbers = [("--members", 100), ("--senders", 1), ("--window", window)];
    measure(name, Kind::Doors { window }, 100, &["fanout"], &numbers)
}

fn rate(members: usize, rate: usize) -> Measure {
    let name = format!("group of {members}, {rate} messages/s");
    measure(name, Kind::Rate { members }, members, &["rate"], &[("--members", members), ("--rate", rate)])
}

fn idle(clients: usize) -> Measure {
    let args = ["idle", "--patience", "60"];
    measure(format!("{clients} idle clients"), Kind::Idle { clients }, clients, &args, &[("--clients", clients)])
}

fn churn() -> Measure {
    let clients = 10_000;
    let numbers = [("--clients", clients), ("--at-once", 16)];
    measure("logins".to_owned(), Kind::Churn, clients, &["churn"], &numbers)
}

fn slow() -> Measure {
    let numbers = [("--members", 200), ("--stuck", 50)];
    measure("50 of 200 members stuck".to_owned(), Kind::Slow, 200, &["slow"], &numbers)
}

fn mixed() -> Measure {
    let clients = 35;
    measure(format!("{clients} users, random things"), Kind::Mixed, clients, &["mixed"], &[("--clients", clients)])
}
