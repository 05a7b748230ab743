//! `rate`: a group at a steady rate. The clock alone decides when a message is to be sent, and its latency counts from
//! then: a server that stands still for a second does not get off with one late message.

use crate::cli::Rate;
use crate::error::BenchError;
use crate::report::Run;
use crate::scenario::Stage;
use crate::talk::{Pace, Shape};

/// The most messages per second that can be asked for.
const FASTEST: f64 = 1e6;

/// How many users it needs.
pub(super) fn users(options: &Rate) -> Result<usize, BenchError> {
    if !(options.rate > 0.0 && options.rate <= FASTEST) {
        return Err(BenchError::Usage(format!("--rate must be more than 0 and at most {FASTEST}")));
    }
    if options.senders == 0 || options.senders > options.members {
        return Err(BenchError::Usage("--senders is at least 1 and at most --members".to_owned()));
    }
    Ok(options.members)
}

/// One run.
pub(super) fn run(options: &Rate, stage: &mut Stage<'_>) -> Result<Vec<Run>, BenchError> {
    stage.gather(users(options)?)?;
    let groups = stage.make_groups(1, options.members)?;
    let promises = stage.fleet.protocol.promises();
    let shape = Shape::groups(&groups, options.senders, Pace::Rate(options.rate), promises);
    Ok(vec![stage.reported(&shape)?])
}
