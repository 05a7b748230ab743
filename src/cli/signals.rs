//! Signals, from the first moment of the process: SIGTERM and SIGINT stop the daemon, SIGHUP makes it read its files again.
//!
//! The daemon installs its handlers before anything that may take time. Until the server is there, a stop ends the process
//! at once, with exit code 0: nobody is connected yet, and everything on disk survives a sudden end anyway. As process 1
//! of a container it needs the handlers more than others, because there the system ignores signals without one.

use std::process;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGXFSZ};
use signal_hook::flag;
use signal_hook::iterator::Signals;

use super::args::TOOLS;
use crate::lock::Mutex;
use crate::logging::Logging;
use crate::model::StartError;
use crate::model::limits::CLIENT_STACK;
use crate::server::Handle;
use crate::thread;

/// The handlers of the daemon.
pub(super) struct SignalWatch {
    // lock tier 0: before every other lock, because a stop and a reload take others while it is held.
    phase: Arc<Mutex<Phase, 0>>,
}

/// How far the daemon is.
enum Phase {
    /// Not ready yet. A SIGHUP that comes now is answered as soon as it is.
    Starting { logging: Option<Logging>, hung_up: bool },
    /// Ready, or about to end.
    Running(Handle),
}

/// Makes a file that grows beyond what the process may write an error of that write, as on a full disk. Without this, the
/// system would end the process.
///
/// # Errors
/// When the system refuses the handler.
pub(super) fn survive_file_size_limit() -> Result<(), StartError> {
    flag::register(SIGXFSZ, Arc::new(AtomicBool::new(false))).map(drop).map_err(failed)
}

/// Whether a command line is the daemon's for certain, without the time that parsing it takes.
pub(super) fn is_certainly_daemon<'a>(mut words: impl Iterator<Item = &'a str>) -> bool {
    !words.any(|word| TOOLS.contains(&word))
}

impl SignalWatch {
    /// Installs the handlers.
    ///
    /// # Errors
    /// When the system refuses a handler or a thread.
    pub(super) fn start() -> Result<SignalWatch, StartError> {
        let mut signals = Signals::new([SIGTERM, SIGINT, SIGHUP]).map_err(failed)?;
        let phase = Arc::new(Mutex::new(Phase::Starting { logging: None, hung_up: false }));
        let watch = SignalWatch { phase: Arc::clone(&phase) };
        let watching = thread::start("signals", CLIENT_STACK, move || {
            signals.forever().for_each(|signal| handle(&mut phase.lock(), signal));
        });
        watching.map(|_| watch).map_err(failed)
    }

    /// Notes the log, which is to be written out if the process ends before it is ready.
    pub(super) fn log_is_running(&self, running: &Logging) {
        if let Phase::Starting { logging, .. } = &mut *self.phase.lock() {
            *logging = Some(running.clone());
        }
    }

    /// Has signals handled by a server from now on.
    pub(super) fn is_ready(&self, server: Handle) {
        let hung_up = {
            let mut phase = self.phase.lock();
            let hung_up = matches!(*phase, Phase::Starting { hung_up: true, .. });
            *phase = Phase::Running(server.clone());
            hung_up
        };
        if hung_up {
            // The log says what became of it.
            drop(server.reload());
        }
    }
}

fn handle(phase: &mut Phase, signal: i32) {
    match phase {
        Phase::Starting { hung_up, .. } if signal == SIGHUP => *hung_up = true,
        Phase::Starting { logging, .. } => {
            log::info!("stopped before it was ready");
            if let Some(logging) = logging.take() {
                logging.stop();
            }
            process::exit(0);
        }
        // The log says what became of it.
        Phase::Running(server) if signal == SIGHUP => drop(server.reload()),
        // Asking twice means not to wait for anybody's last words.
        Phase::Running(server) if server.is_stopping() => process::exit(1),
        Phase::Running(server) => server.stop(),
    }
}

fn failed(e: std::io::Error) -> StartError {
    StartError::System("cannot watch for signals".to_owned(), e)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::super::args::Cli;
    use super::*;

    #[test]
    fn every_tool_is_known_before_the_command_line_is_parsed() {
        let mut command = Cli::command();
        command.build();
        for tool in command.get_subcommands() {
            assert!(TOOLS.contains(&tool.get_name()), "{} is missing in TOOLS", tool.get_name());
        }
        assert!(is_certainly_daemon(["--listen", "127.0.0.1:0"].into_iter()));
        assert!(!is_certainly_daemon(["--data", "data", "backup", "x"].into_iter()));
    }
}
