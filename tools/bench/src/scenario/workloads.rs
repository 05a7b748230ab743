//! `fanout`, `pairs` and `rate`: messages to groups and to single users, as fast as possible or at a steady rate.

use crate::cli::{Fanout, Pairs, Rate};
use crate::error::BenchError;
use crate::report::RunReport;
use crate::scenario::Harness;
use crate::workload::{Pace, Workload};

/// The highest rate, in messages per second.
const MAX_RATE: f64 = 1e6;

/// How many users `fanout` needs.
pub(super) fn fanout_users(options: &Fanout) -> Result<usize, BenchError> {
    let largest = options.members.iter().copied().max().unwrap_or(0);
    let smallest = options.members.iter().copied().min().unwrap_or(0);
    let most_senders = options.senders.iter().copied().max().unwrap_or(0);
    let zero = [&options.members, &options.senders, &options.window].iter().any(|list| list.contains(&0));
    if zero || options.groups == 0 {
        let what = "--members, --senders, --window and --groups must be at least 1";
        return Err(BenchError::Usage(what.to_owned()));
    }
    if most_senders > smallest {
        let what = format!("a group of {smallest} cannot have {most_senders} senders: raise --members");
        return Err(BenchError::Usage(what));
    }
    Ok(largest * options.groups)
}

/// How many users `pairs` needs.
pub(super) fn pairs_users(options: &Pairs) -> Result<usize, BenchError> {
    if options.pairs.contains(&0) || options.window.contains(&0) {
        return Err(BenchError::Usage("--pairs and --window must be at least 1".to_owned()));
    }
    Ok(2 * options.pairs.iter().copied().max().unwrap_or(0))
}

/// How many users `rate` needs.
pub(super) fn rate_users(options: &Rate) -> Result<usize, BenchError> {
    if !(options.rate > 0.0 && options.rate <= MAX_RATE) {
        return Err(BenchError::Usage(format!("--rate must be more than 0 and at most {MAX_RATE}")));
    }
    if options.senders == 0 || options.senders > options.members {
        return Err(BenchError::Usage("--senders must be at least 1 and at most --members".to_owned()));
    }
    Ok(options.members)
}

/// Runs every combination of members, senders and window.
pub(super) fn fanout(options: &Fanout, harness: &mut Harness<'_>) -> Result<Vec<RunReport>, BenchError> {
    harness.log_in(fanout_users(options)?)?;
    let mut runs = Vec::new();
    for members in &options.members {
        let groups = harness.create_groups(options.groups, *members)?;
        for senders in &options.senders {
            for window in &options.window {
                let guarantees = harness.connections.protocol.guarantees();
                let workload = Workload::groups(&groups, *senders, Pace::Window(*window), guarantees);
                runs.push(harness.measure(&workload)?);
            }
        }
    }
    Ok(runs)
}

/// Runs every combination of pairs and window.
pub(super) fn pairs(options: &Pairs, harness: &mut Harness<'_>) -> Result<Vec<RunReport>, BenchError> {
    harness.log_in(pairs_users(options)?)?;
    let mut runs = Vec::new();
    for pairs in &options.pairs {
        for window in &options.window {
            let guarantees = harness.connections.protocol.guarantees();
            let workload = Workload::pairs(*pairs, Pace::Window(*window), guarantees);
            runs.push(harness.measure(&workload)?);
        }
    }
    Ok(runs)
}

/// Sends at a steady rate. The clock alone decides when a message is due, and its latency counts from then: a server that
/// stalls for a second makes every message due in that second late, not only one.
pub(super) fn rate(options: &Rate, harness: &mut Harness<'_>) -> Result<Vec<RunReport>, BenchError> {
    harness.log_in(rate_users(options)?)?;
    let groups = harness.create_groups(1, options.members)?;
    let guarantees = harness.connections.protocol.guarantees();
    let workload = Workload::groups(&groups, options.senders, Pace::Rate(options.rate), guarantees);
    Ok(vec![harness.measure(&workload)?])
}
