//! Speaking at the same time: what several people say within a moment goes into one batch, and one of them writes it out
//! for all of them.

use std::thread;
use std::time::Instant;

use parking_lot::{Mutex, MutexGuard};

use super::client::ClientId;
use crate::model::limits::{GATHER_TIME, GATHER_YIELDS, PASS_PATIENCE};

/// Who speaks, and whose turn it is to write out what was said.
#[derive(Default)]
pub(super) struct Gathering {
    /// Who was the last to say something that is worth gathering, and when.
    spoken: Mutex<Option<(ClientId, Instant)>>,
    /// Held by whoever writes out what he has gathered.
    pass: Mutex<()>,
}

/// Being the one who writes out what several have said.
pub(super) type Pass<'a> = MutexGuard<'a, ()>;

impl Gathering {
    /// Notes that a session says something, and whether another one did a moment ago or is just being written out, so that
    /// others may be about to.
    pub(super) fn takes_turns(&self, speaker: ClientId) -> bool {
        let now = Instant::now();
        let before = self.spoken.lock().replace((speaker, now));
        self.pass.is_locked()
            || before.is_some_and(|(other, at)| other != speaker && now.saturating_duration_since(at) < GATHER_TIME)
    }

    /// Lets others get ahead who have something to say just now, so that all of it is written together: for as long as
    /// another one writes out what was said before, and then as long as more of them do, of whom `joined` tells how many
    /// there are.
    pub(super) fn pass(&self, joined: impl Fn() -> usize) -> Option<Pass<'_>> {
        let pass = self.pass.try_lock_for(PASS_PATIENCE);
        let mut before = joined();
        for _ in 0..GATHER_YIELDS {
            thread::yield_now();
            let now = joined();
            if now == before {
                break;
            }
            before = now;
        }
        pass
    }
}
