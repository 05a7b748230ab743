//! Operators' control of the server: reload, stop, close connections that have not logged in.

use std::net::IpAddr;
use std::sync::{Arc, Weak};

use super::{Handle, ServerState};
use crate::admin::{Admin, Filter, ServerControl};
use crate::model::{Net, QuitReason};

/// The server as its own admin sees it. Weak, so that the two do not keep each other alive.
struct ControlHandle(Weak<ServerState>);

/// Gives the admin control over the server.
pub(super) fn connect(handle: &Handle) {
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

    fn stop(&self) {
        self.handle().inspect(Handle::stop);
    }

    fn log_tail(&self, lines: usize) -> Result<Vec<String>, String> {
        let handle = self.handle();
        let tail = handle.as_ref().and_then(|handle| handle.0.log_tail.get());
        tail.map_or_else(|| Err("this server writes no log".to_owned()), |tail| tail(lines))
    }

    fn logging_in(&self) -> usize {
        self.handle().map_or(0, |handle| handle.logging_in())
    }

    fn traffic(&self) -> [u64; 2] {
        self.handle().map_or([0; 2], |handle| handle.0.traffic.bytes())
    }

    fn dismiss(&self, net: &Net) -> usize {
        let Some(Handle(server)) = self.handle() else { return 0 };
        let inside = |address: IpAddr| net.contains(address);
        server.admission.close_where(inside, QuitReason::Banned) + server.web.close_where(inside, QuitReason::Banned)
    }
}

impl Handle {
    /// Reloads the users file and the word filter, each whole or not at all; returns how many users and patterns there
    /// are. Users who are logged in stay.
    ///
    /// # Errors
    /// A sentence that says what was left unchanged and why; it is logged as well.
    pub fn reload(&self) -> Result<(usize, usize), String> {
        if let Some(also) = self.0.on_reload.get() {
            also();
        }
        let users = self.0.shared.accounts.reload();
        match &users {
            Ok(count) => {
                // The file may give an old name of a renamed user to somebody else.
                let accounts = &self.0.shared.accounts;
                self.hub().retain_renamed(|name| accounts.is_deleted(name));
                if let Err(e) = self.hub().match_accounts(&accounts.names(), |name| accounts.find(name).is_some()) {
                    log::error!("accounts not matched with the store error=\"{e}\": the next reload tries again");
                }
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

    /// Has `also` called at each reload. Only the first call counts.
    pub fn on_reload(&self, also: impl Fn() + Send + Sync + 'static) {
        let _ = self.0.on_reload.set(Box::new(also));
    }

    /// Sets how the last lines of the log are read. Only the first call counts.
    pub fn on_log_tail(&self, read: impl Fn(usize) -> Result<Vec<String>, String> + Send + Sync + 'static) {
        let _ = self.0.log_tail.set(Box::new(read));
    }

    /// The administration of the server.
    pub fn admin(&self) -> &Admin {
        &self.0.shared.admin
    }
}
