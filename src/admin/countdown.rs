//! Stopping the server in a while: everybody is told how long it still takes, and it can be called off.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};

use super::{Admin, ServerControl};
use crate::hub::Hub;
use crate::model::limits::CLIENT_STACK;
use crate::model::{EventKind, Outcome, UserError};
use crate::thread;

/// How long before the end everybody is told once more, in seconds.
const MARKS: [u64; 12] = [86_400, 43_200, 3_600, 1_800, 900, 600, 300, 120, 60, 30, 10, 5];

/// A stop that is on its way. Dropping it calls it off.
pub(super) struct Countdown {
    _cancel: Sender<()>,
}

impl Admin {
    pub(super) fn shut_down(&self, after: Option<Duration>, why: String) -> Result<Outcome, UserError> {
        let control = self.control.get().ok_or(UserError::Unavailable)?;
        let mut countdown = self.countdown.lock();
        match after {
            None => {
                if !why.is_empty() {
                    self.hub.proclaim(EventKind::ShutdownScheduled { after: Duration::ZERO, why });
                }
                control.stop();
            }
            Some(_) if countdown.is_some() => return Err(UserError::AlreadyStopping),
            Some(after) => {
                let (cancel, cancelled) = bounded(0);
                let end = Instant::now() + after;
                let (hub, control, said) = (self.hub.clone(), Arc::clone(control), why.clone());
                let counting = thread::start("shutdown", CLIENT_STACK, move || {
                    count(&hub, &*control, &cancelled, (after, end), &said)
                });
                counting.map_err(|_| UserError::Busy)?;
                *countdown = Some(Countdown { _cancel: cancel });
                // Here and not on that thread, so that it comes before anything that is said of it later.
                self.hub.proclaim(EventKind::ShutdownScheduled { after, why });
            }
        }
        Ok(Outcome::ShutdownScheduled { after })
    }

    pub(super) fn go_on(&self) -> Result<Outcome, UserError> {
        self.countdown.lock().take().ok_or(UserError::NotStopping)?;
        self.hub.proclaim(EventKind::ShutdownCancelled);
        Ok(Outcome::ShutdownCancelled)
    }
}

/// Tells everybody at each mark, then stops the server, unless that is called off.
fn count(
    hub: &Hub,
    control: &dyn ServerControl,
    cancelled: &Receiver<()>,
    (after, end): (Duration, Instant),
    why: &str,
) {
    for left in marks(after) {
        // Nothing is ever sent: the channel ends when it is called off.
        if cancelled.recv_deadline(end - left) != Err(RecvTimeoutError::Timeout) {
            return;
        }
        hub.proclaim(EventKind::ShutdownScheduled { after: left, why: why.to_owned() });
    }
    if cancelled.recv_deadline(end) == Err(RecvTimeoutError::Timeout) {
        control.stop();
    }
}

/// How long it still takes at each notice but the first, which is at once.
fn marks(after: Duration) -> impl Iterator<Item = Duration> {
    MARKS.into_iter().map(Duration::from_secs).filter(move |mark| *mark < after)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_is_told_more_often_towards_the_end() {
        let seconds = |after| marks(Duration::from_secs(after)).map(|left| left.as_secs()).collect::<Vec<_>>();
        assert_eq!(seconds(300), [120, 60, 30, 10, 5]);
        assert!(seconds(2).is_empty());
        assert_eq!(seconds(4_000)[..2], [3_600, 1_800]);
    }
}
