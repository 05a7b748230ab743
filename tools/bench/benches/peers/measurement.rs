//! The measurements: each is a call of the load tester, made for the servers it applies to.

use crate::contender::Contender;
use crate::idle_clients::IDLE_CLIENTS;

/// A measurement.
#[derive(Clone)]
pub(crate) struct Measurement {
    /// The name in the tables.
    pub(crate) name: String,
    /// What is measured.
    pub(crate) kind: Kind,
    /// The arguments of the load tester.
    pub(crate) args: Vec<String>,
    /// How many clients connect.
    pub(crate) clients: usize,
    /// How many times each server is measured.
    pub(crate) rounds: usize,
}

/// What is measured, with the parameters that the targets depend on.
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
    /// A group beside idle clients on TCP and on WebSockets.
    BesideIdle {
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
    /// Whether it is measured for this server.
    pub(crate) fn applies_to(self, contender: Contender) -> bool {
        let beside_idle = matches!(contender, Contender::Netcat | Contender::Browser);
        if beside_idle {
            return matches!(self, Kind::BesideIdle { .. } | Kind::Idle { clients: IDLE_CLIENTS });
        }
        match self {
            Kind::BesideIdle { .. } => false,
            Kind::Idle { .. } | Kind::Churn => contender != Contender::Stored,
            // Other servers have limits and commands of their own.
            Kind::Slow | Kind::Mixed => contender == Contender::Parlord,
            Kind::Group { .. } | Kind::Pairs { .. } | Kind::Rate { .. } => true,
        }
    }
}

/// How many times each server is measured, unless in a hurry.
const ROUNDS: usize = 3;

impl Measurement {
    /// All measurements, in order.
    pub(crate) fn all(quick: bool) -> Vec<Measurement> {
        let mut all = Vec::new();
        for members in [10, 100, 1000] {
            for senders in [1, 10] {
                all.extend([1, 16].map(|window| group(members, senders, window)));
            }
        }
        all.extend([1, 16].map(pairs));
        all.extend([1, 16].map(beside_idle));
        all.extend([rate(100, 50), rate(1000, 20)]);
        all.extend([IDLE_CLIENTS, 10_000].map(idle));
        all.extend([churn(), slow(), mixed()]);
        for measurement in &mut all {
            let time = if quick { "0.5" } else { measurement.time() };
            measurement.args.extend(["--time".to_owned(), time.to_owned()]);
            measurement.rounds = if quick { 1 } else { ROUNDS };
        }
        all
    }

    /// How long one run takes, in seconds.
    fn time(&self) -> &'static str {
        match self.kind {
            Kind::Group { .. } | Kind::Pairs { .. } | Kind::BesideIdle { .. } => "2",
            Kind::Rate { .. } | Kind::Slow => "6",
            Kind::Idle { .. } | Kind::Churn => "4",
            Kind::Mixed => "20",
        }
    }
}

fn measurement(name: String, kind: Kind, clients: usize, args: &[&str], numbers: &[(&str, usize)]) -> Measurement {
    let numbers = numbers.iter().flat_map(|(option, number)| [(*option).to_owned(), number.to_string()]);
    let args = args.iter().map(|arg| (*arg).to_owned()).chain(numbers).collect();
    Measurement { name, kind, args, clients, rounds: ROUNDS }
}

fn group(members: usize, senders: usize, window: usize) -> Measurement {
    let name = format!("group of {members}, {senders} sending, window {window}");
    let numbers = [("--members", members), ("--senders", senders), ("--window", window)];
    measurement(name, Kind::Group { members, senders, window }, members, &["fanout"], &numbers)
}

fn pairs(window: usize) -> Measurement {
    let name = format!("50 private pairs, window {window}");
    measurement(name, Kind::Pairs { window }, 100, &["pairs"], &[("--pairs", 50), ("--window", window)])
}

fn beside_idle(window: usize) -> Measurement {
    let name = format!("in the browser: group of 100, 1 sending, window {window}");
    let numbers = [("--members", 100), ("--senders", 1), ("--window", window)];
    measurement(name, Kind::BesideIdle { window }, 100, &["fanout"], &numbers)
}

fn rate(members: usize, rate: usize) -> Measurement {
    let name = format!("group of {members}, {rate} messages/s");
    measurement(name, Kind::Rate { members }, members, &["rate"], &[("--members", members), ("--rate", rate)])
}

fn idle(clients: usize) -> Measurement {
    let args = ["idle", "--patience", "60"];
    measurement(format!("{clients} idle clients"), Kind::Idle { clients }, clients, &args, &[("--clients", clients)])
}

fn churn() -> Measurement {
    let clients = 10_000;
    let numbers = [("--clients", clients), ("--at-once", 16)];
    measurement("logins".to_owned(), Kind::Churn, clients, &["churn"], &numbers)
}

fn slow() -> Measurement {
    let numbers = [("--members", 200), ("--stuck", 50)];
    measurement("50 of 200 members stuck".to_owned(), Kind::Slow, 200, &["slow"], &numbers)
}

fn mixed() -> Measurement {
    let clients = 35;
    measurement(
        format!("{clients} users, random commands"),
        Kind::Mixed,
        clients,
        &["mixed"],
        &[("--clients", clients)],
    )
}
