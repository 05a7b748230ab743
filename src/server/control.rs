//! What operators may do with the building around the hub: have things read again, stop it, turn those away who wait.

use std::net::SocketAddr;
use std::sync::{Arc, Weak};

use log::Level;

use super::{Handle, Inner};
use crate::admin::{Admin, Filter, ServerControl};
use crate::log_limit::{self, Who};
use crate::model::{Net, QuitReason};

/// The server as its own admin sees it, which does not keep it alive.
struct ControlHandle(Weak<Inner>);

/// Tells the admin where it stands.
pub(super) fn open(handle: &Handle) {
    handle.admin().connect(Arc::new(ControlHandle(Arc::downgrade(&handle.0))));
}

impl ControlHandle {
    fn handle(&self) -> Option<Handle> {
        self.0.upgrade().map(Handle)
    }
}

impl ServerControl for ControlHandle {
    fn reload(&self) -> Result<(usize, usize), String> {
        self.handle().map_or_else(|| Err("the server has ended".to_owned()), |handle| handle.reload())
    }

    fn log_tail(&self, lines: usize) -> Result<Vec<String>, String> {
        let handle = self.handle();
        let tail = handle.as_ref().and_then(|handle| handle.0.log_tail.get());
        tail.map_or_else(|| Err("this server writes none".to_owned()), |tail| tail(lines))
    }

    fn stop(&self) {
        self.handle().inspect(Handle::stop);
    }

    fn logging_in(&self) -> usize {
        self.handle().map_or(0, |handle| handle.logging_in())
    }

    fn traffic(&self) -> [u64; 2] {
        self.handle().map_or([0; 2], |handle| handle.0.traffic.bytes())
    }

    fn dismiss(&self, net: &Net) -> usize {
        let close = |handle: Handle| {
            let doors = [&handle.0.admission, handle.0.web.visits()];
            doors.map(|door| door.close_where(|address| net.contains(address), QuitReason::Banned)).iter().sum()
        };
        self.handle().map_or(0, close)
    }
}

impl Handle {
    /// Reads the users file and the word filter anew, each whole or not at all. Who is logged in stays.
    ///
    /// # Errors
    /// What is as it was before, and why; the log has it too.
    pub fn reload(&self) -> Result<(usize, usize), String> {
        if let Some(also) = self.0.on_reload.get() {
            also();
        }
        let users = self.0.shared.accounts.reload();
        match &users {
            Ok(count) => {
                // Somebody else may have an old name by now.
                let accounts = &self.0.shared.accounts;
                self.hub().retain_renamed(|name| accounts.is_deleted(name));
                log::info!("users reloaded count={count}");
            }
            Err(e) => log::error!("users unchanged: {e}"),
        }
        let Some(path) = &self.0.word_filter else { return users.map(|users| (users, 0)).map_err(|e| e.to_string()) };
        let filter = Filter::read(path).map(|filter| self.admin().use_filter(filter));
        match &filter {
            Ok(count) => log::info!("word filter reloaded patterns={count}"),
            Err(e) => log::error!("word filter unchanged: {e}"),
        }
        match (users, filter) {
            (Ok(users), Ok(patterns)) => Ok((users, patterns)),
            (Err(e), _) | (_, Err(e)) => Err(e.to_string()),
        }
    }

    /// Says and counts that somebody was turned away at the door.
    pub(super) fn note_refused(&self, peer: SocketAddr, why: &'static str) {
        log_limit::note(Level::Info, "refused", Who::Stranger(peer), &format!("reason=\"{why}\""));
        self.admin().note_refused(why);
    }

    /// What else is to be done at each reload; the first one counts.
    pub fn on_reload(&self, also: impl Fn() + Send + Sync + 'static) {
        let _ = self.0.on_reload.set(Box::new(also));
    }

    /// Says how the last lines of the log can be read; the first one counts.
    pub fn on_log(&self, tail: impl Fn(usize) -> Result<Vec<String>, String> + Send + Sync + 'static) {
        let _ = self.0.log_tail.set(Box::new(tail));
    }

    /// Where operators work.
    pub fn admin(&self) -> &Admin {
        &self.0.shared.admin
    }
}
