//! Scheduled stops: everybody is told how much time is left, and the stop can be cancelled.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};

use super::{Admin, ServerControl};
use crate::hub::Hub;
use crate::model::limits::CLIENT_STACK;
use crate::model::{EventKind, Outcome, UserError};
use crate::thread;

/// Everybody is reminded at these many seconds before the stop.
const REMINDERS: [u64; 12] = [86_400, 43_200, 3_600, 1_800, 900, 600, 300, 120, 60, 30, 10, 5];

/// A scheduled stop. Dropping it cancels the stop.
pub(super) struct Countdown {
    _cancel: Sender<()>,
}

impl Admin {
    pub(super) fn schedule_shutdown(&self, after: Option<Duration>, why: String) -> Result<Outcome, UserError> {
        let control = self.control.get().ok_or(UserError::Unavailable)?;
        let mut countdown = self.countdown.lock();
        match after {
            None => {
                if !why.is_empty() {
                    self.hub.announce(EventKind::ShutdownScheduled { after: Duration::ZERO, why });
                }
                control.stop();
            }
            Some(_) if countdown.is_some() => return Err(UserError::AlreadyStopping),
            Some(after) => {
                let (cancel, cancelled) = bounded(0);
                let end = Instant::now() + after;
                let (hub, control, reason) = (self.hub.clone(), Arc::clone(control), why.clone());
                let started = thread::start("shutdown", CLIENT_STACK, move || {
                    count(&hub, &*control, &cancelled, (after, end), &reason)
                });
                started.map_err(|_| UserError::Busy)?;
                *countdown = Some(Countdown { _cancel: cancel });
                // Announced here and not on that thread, so that a cancellation cannot be announced first.
                self.hub.announce(EventKind::ShutdownScheduled { after, why });
            }
        }
        Ok(Outcome::ShutdownScheduled { after })
    }

    pub(super) fn cancel_shutdown(&self) -> Result<Outcome, UserError> {
        self.countdown.lock().take().ok_or(UserError::NotStopping)?;
        self.hub.announce(EventKind::ShutdownCancelled);
        Ok(Outcome::ShutdownCancelled)
    }
}

/// Announces each reminder, then stops the server, unless cancelled.
fn count(
    hub: &Hub,
    control: &dyn ServerControl,
    cancelled: &Receiver<()>,
    (after, end): (Duration, Instant),
    why: &str,
) {
    for left in reminders(after) {
        // Nothing is ever sent: the channel disconnects on cancellation.
        if cancelled.recv_deadline(end - left) != Err(RecvTimeoutError::Timeout) {
            return;
        }
        hub.announce(EventKind::ShutdownScheduled { after: left, why: why.to_owned() });
    }
    if cancelled.recv_deadline(end) == Err(RecvTimeoutError::Timeout) {
        control.stop();
    }
}

/// The time left at each reminder after the first announcement.
fn reminders(after: Duration) -> impl Iterator<Item = Duration> {
    REMINDERS.into_iter().map(Duration::from_secs).filter(move |left| *left < after)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reminders_become_more_frequent_towards_the_end() {
        let seconds = |after| reminders(Duration::from_secs(after)).map(|left| left.as_secs()).collect::<Vec<_>>();
        assert_eq!(seconds(300), [120, 60, 30, 10, 5]);
        assert!(seconds(2).is_empty());
        assert_eq!(seconds(4_000)[..2], [3_600, 1_800]);
    }
}
