//! Signals: SIGTERM and SIGINT stop the server, SIGHUP makes it read its users and its word filter anew.

use std::process;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use super::Handle;
use crate::model::StartError;
use crate::model::limits::CLIENT_STACK;
use crate::thread;

/// Watches for signals from now on. `on_hangup` is called at each SIGHUP, and whenever an operator asks for the same.
///
/// # Errors
/// When the system lets us have no handler or no thread.
pub fn watch(server: Handle, on_hangup: impl Fn() + Send + Sync + 'static) -> Result<(), StartError> {
    let failed = |e| StartError::System("cannot watch for signals".to_owned(), e);
    let mut signals = Signals::new([SIGTERM, SIGINT, SIGHUP]).map_err(failed)?;
    server.on_reload(on_hangup);
    let watching = thread::start("signals", CLIENT_STACK, move || {
        for signal in signals.forever() {
            match signal {
                // The log says what became of it.
                SIGHUP => drop(server.reload()),
                // Who asks twice does not want to wait for anybody's last words.
                _ if server.is_stopping() => process::exit(1),
                _ => server.stop(),
            }
        }
    });
    watching.map(drop).map_err(failed)
}
