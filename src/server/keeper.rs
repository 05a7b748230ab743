//! The keeper: a thread that does for the store and the admin what can wait.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};

use super::Handle;
use crate::log_limit;
use crate::model::StartError;
use crate::model::limits::{CLIENT_STACK, STORE_PACE};
use crate::store::StoreError;
use crate::thread;

/// Starts the keeper, which tends the store and the admin until the server is asked to stop. The channel it returns
/// closes when the thread has ended. Nobody joins the thread: a disk that hangs must not keep the server from stopping.
///
/// # Errors
/// When the system gives no thread.
pub(super) fn start(server: &Handle, stopped: &Receiver<()>) -> Result<Receiver<()>, StartError> {
    let (server, stopped) = (server.clone(), stopped.clone());
    let (ended, keeper_ended) = bounded(0);
    thread::start("store-keeper", CLIENT_STACK, move || keep(&server, &stopped, ended))
        .map_err(|e| StartError::System("cannot start the store's thread".to_owned(), e))?;
    Ok(keeper_ended)
}

fn keep(server: &Handle, stopped: &Receiver<()>, _ended: Sender<()>) {
    let mut failing: Option<StoreError> = None;
    let mut pause = STORE_PACE;
    loop {
        // Nothing is ever sent: the channel closes when the server is asked to stop.
        if stopped.recv_timeout(pause) != Err(RecvTimeoutError::Timeout) {
            return;
        }
        log_limit::flush();
        let began = Instant::now();
        // A panic costs one round; it was logged where it happened.
        let Ok(tended) = catch_unwind(AssertUnwindSafe(|| {
            server.admin().tick();
            server.hub().tend()
        })) else {
            pause = STORE_PACE;
            continue;
        };
        // Messages wait for this thread at most a quarter of the time.
        pause = if tended == Ok(true) { (3 * began.elapsed()).min(STORE_PACE) } else { STORE_PACE };
        // One of the operator's tools may be writing; that passes.
        if tended != Err(StoreError::Locked) {
            note(&mut failing, tended.err());
        }
    }
}

/// Logs an error when it begins, changes or ends, rather than once a second.
fn note(failing: &mut Option<StoreError>, error: Option<StoreError>) {
    if *failing != error {
        match &error {
            Some(error) => log::error!("store not tended error=\"{error}\""),
            None => log::info!("store tended again"),
        }
        *failing = error;
    }
}
