//! The thread that does for the store, and for those who wait for receipts, what can wait.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};

use super::Handle;
use crate::log_limit;
use crate::model::limits::STORE_PACE;
use crate::store::StoreError;

/// Tends the store until the server is asked to stop. `_ended` is dropped when it has ceased to: a disk that hangs must not
/// keep the server from stopping, so nobody joins this thread.
pub(super) fn run(server: &Handle, stopped: &Receiver<()>, _ended: Sender<()>) {
    let mut failing: Option<StoreError> = None;
    let mut pause = STORE_PACE;
    loop {
        // Nothing is ever sent: the channel ends when the server is asked to stop.
        if stopped.recv_timeout(pause) != Err(RecvTimeoutError::Timeout) {
            return;
        }
        log_limit::flush();
        let began = Instant::now();
        // A fault costs one round; it is logged where it happened.
        let Ok(tended) = catch_unwind(AssertUnwindSafe(|| {
            server.admin().tick();
            server.hub().tend()
        })) else {
            pause = STORE_PACE;
            continue;
        };
        // Who has something to say waits for this thread a quarter of the time at most.
        pause = if tended == Ok(true) { (3 * began.elapsed()).min(STORE_PACE) } else { STORE_PACE };
        // A tool of the operator may be writing; that passes.
        if tended != Err(StoreError::Locked) {
            note(&mut failing, tended.err());
        }
    }
}

/// Says what is wrong when that changes, and not once a second.
fn note(failing: &mut Option<StoreError>, error: Option<StoreError>) {
    if *failing != error {
        match &error {
            Some(error) => log::error!("store not tended error=\"{error}\""),
            None => log::info!("store tended again"),
        }
        *failing = error;
    }
}
