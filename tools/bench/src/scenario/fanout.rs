//! `fanout` and `pairs`: as fast as it goes, with so many messages of each talker on their way.

use crate::cli::{Fanout, Pairs};
use crate::error::BenchError;
use crate::fleet::Request;
use crate::report::Run;
use crate::scenario::Stage;
use crate::talk::{Group, Pace, Shape};

/// How many users `fanout` needs.
pub(super) fn users(options: &Fanout) -> Result<usize, BenchError> {
    let largest = options.members.iter().copied().max().unwrap_or(0);
    let fewest = options.members.iter().copied().min().unwrap_or(0);
    let most_senders = options.senders.iter().copied().max().unwrap_or(0);
    let zero = [&options.members, &options.senders, &options.window].iter().any(|list| list.contains(&0));
    if zero || options.groups == 0 {
        return Err(BenchError::Usage("members, senders, windows and groups are at least 1".to_owned()));
    }
    if most_senders > fewest {
        let what = format!("{most_senders} senders cannot talk in a group of {fewest}: raise --members");
        return Err(BenchError::Usage(what));
    }
    Ok(largest * options.groups)
}

/// How many users `pairs` needs.
pub(super) fn users_of_pairs(options: &Pairs) -> Result<usize, BenchError> {
    if options.pairs.contains(&0) || options.window.contains(&0) {
        return Err(BenchError::Usage("pairs and windows are at least 1".to_owned()));
    }
    Ok(2 * options.pairs.iter().copied().max().unwrap_or(0))
}

/// Every combination of size, senders and window.
pub(super) fn groups(options: &Fanout, stage: &mut Stage<'_>) -> Result<Vec<Run>, BenchError> {
    stage.gather(users(options)?)?;
    let mut runs = Vec::new();
    for members in &options.members {
        let groups = stage.make_groups(options.groups, *members)?;
        for senders in &options.senders {
            for window in &options.window {
                let promises = stage.fleet.protocol.promises();
                let shape = Shape::groups(&groups, *senders, Pace::Window(*window), promises);
                runs.push(stage.reported(&shape)?);
            }
        }
    }
    Ok(runs)
}

/// Every combination of number and window.
pub(super) fn pairs(options: &Pairs, stage: &mut Stage<'_>) -> Result<Vec<Run>, BenchError> {
    stage.gather(users_of_pairs(options)?)?;
    let mut runs = Vec::new();
    for pairs in &options.pairs {
        for window in &options.window {
            let shape = Shape::pairs(*pairs, Pace::Window(*window), stage.fleet.protocol.promises());
            runs.push(stage.reported(&shape)?);
        }
    }
    Ok(runs)
}

impl Stage<'_> {
    /// Makes so many groups of this size: the first client and those after him are in the first one, and so on.
    pub(super) fn make_groups(&mut self, count: usize, size: usize) -> Result<Vec<Group>, BenchError> {
        let process = std::process::id();
        let group = |n| Group { name: format!("b{process}-{size}-{n}"), members: n * size..(n + 1) * size };
        let groups: Vec<Group> = (0..count).map(group).collect();
        for Group { name, members } in &groups {
            self.progress.show(|| format!("making a group of {size}"));
            self.fleet.each_asks(members.start..members.start + 1, Request::Enter(name, true))?;
            self.fleet.each_asks(members.start + 1..members.end, Request::Enter(name, false))?;
        }
        Ok(groups)
    }
}
