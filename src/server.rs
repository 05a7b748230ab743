//! Floor 7, the server: listeners, admission, one thread per client, and the order in which everything stops.

mod accept;
mod admission;

mod capacity;
mod console;
mod control;
mod keeper;
mod serve;
mod web;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use crossbeam_channel::{Receiver, Sender, bounded};

pub(crate) use capacity::fit_to_process;
pub(crate) use console::socket_path as console_socket;

use crate::accounts::{Accounts, Throttle};
use crate::admin::{Admin, Filter, finish_renames, match_accounts};
use crate::command::COMMANDS;
use crate::config::Config;
use crate::hub::Hub;
use crate::lock::Mutex;
use crate::model::limits::{CLIENT_STACK, STOP_TIME};
use crate::model::{QuitReason, StartError};
use crate::semaphore::Semaphore;
use crate::session::{Budgets, Shared};
use crate::store;
use crate::thread::ThreadPool;
use crate::transport::Traffic;
use accept::Listeners;
use admission::{Admission, KnownAddresses};
use console::Console;
use serve::Service;
use web::Web;

/// Reads at most this many of the last lines of the log, or says why it cannot.
type LogTail = dyn Fn(usize) -> Result<Vec<String>, String> + Send + Sync;

/// A server that is bound to its addresses. [`Server::run`] makes it work.
pub struct Server {
    handle: Handle,
    listeners: Listeners,
    stopped: Receiver<()>,
    console: Option<Console>,
}

/// A handle to a running server: stop it, reload it, have it serve one more connection.
#[derive(Clone)]
pub struct Handle(Arc<ServerState>);

/// State shared by all handles.
struct ServerState {
    shared: Shared,
    admission: Arc<Admission>,
    /// Where users have logged in from.
    known: Arc<KnownAddresses>,
    web: Web,
    next_id: AtomicU64,
    stopping: AtomicBool,
    /// Dropped to close the channel that everything waits on that has to end with the server.
    // lock tier 9: a leaf.
    stop: Mutex<Option<Sender<()>>, 9>,
    /// One permit for each session's thread. A session leaves the hub before its thread has written its last words.
    sessions: Arc<Semaphore>,
    traffic: Arc<Traffic>,
    threads: ThreadPool,
    /// The system refused the last thread.
    threads_refused: AtomicBool,
    word_filter: Option<PathBuf>,
    on_reload: OnceLock<Box<dyn Fn() + Send + Sync>>,
    log_tail: OnceLock<Box<LogTail>>,
}

impl Server {
    /// Loads the users, binds the addresses and opens the store. Nobody is served yet: connections wait in the kernel.
    ///
    /// # Errors
    /// Why the server cannot start, as one sentence.
    pub fn bind(config: &Config) -> Result<Server, StartError> {
        let accounts = Accounts::load(&config.users)?;
        let listeners = Listeners::bind(config)?;
        let store = store::open(&config.data, &config.retention)?;
        finish_renames(&*store, &accounts)?;
        match_accounts(&*store, &accounts)?;
        let hub = Hub::new(config.limits.clone(), store)
            .map_err(|e| StartError::Config(format!("the store cannot be read: {e}")))?;
        hub.match_accounts(&[], |_| true).map_err(|e| StartError::Config(format!("the store cannot be read: {e}")))?;
        let filter = config.word_filter.as_deref().map_or(Ok(Filter::default()), Filter::read)?;
        let admin = Admin::new(hub.clone(), COMMANDS.iter().map(|spec| spec.name), filter);
        let shared = Shared {
            hub,
            accounts,
            admin,
            registrations: Throttle::for_registrations(),
            registration: config.registration,
            guests: config.guests,
            budgets: Budgets::new(&config.limits),
            duplicate_login: config.duplicate_login,
            telnet: config.telnet,
            motd: config.message_of_the_day()?,
        };
        let limits = &config.limits;
        let (stop, stopped) = bounded(0);
        let known: Arc<KnownAddresses> = Arc::default();
        let state = ServerState {
            shared,
            admission: Arc::new(Admission::new(
                limits.max_unauthenticated,
                limits.max_unauthenticated_per_address,
                Arc::clone(&known),
            )),
            web: Web::new(
                &listeners.addresses(Service::Web),
                &listeners.addresses(Service::Metrics),
                &config.web_origin,
                &config.trusted_proxy,
                Arc::clone(&known),
            ),
            known,
            next_id: AtomicU64::new(1),
            stopping: AtomicBool::new(false),
            stop: Mutex::new(Some(stop)),
            sessions: Arc::new(Semaphore::new(limits.max_clients + limits.max_unauthenticated)),
            traffic: Arc::default(),
            threads: ThreadPool::new("session", CLIENT_STACK),
            threads_refused: AtomicBool::new(false),
            word_filter: config.word_filter.clone(),
            on_reload: OnceLock::new(),
            log_tail: OnceLock::new(),
        };
        let handle = Handle(Arc::new(state));
        control::connect(&handle);
        let console = config.data.folder().and_then(|dir| Console::open(&handle, dir, &stopped));
        Ok(Server { handle, listeners, stopped, console })
    }

    /// The addresses of the chat, with the ports that the system chose where 0 was asked for.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.listeners.addresses(Service::Chat)
    }

    /// The addresses of the web page.
    pub fn web_addresses(&self) -> Vec<SocketAddr> {
        self.listeners.addresses(Service::Web)
    }

    /// The addresses of the metrics.
    pub fn metrics_addresses(&self) -> Vec<SocketAddr> {
        self.listeners.addresses(Service::Metrics)
    }

    /// The number of accounts.
    pub(crate) fn users(&self) -> usize {
        self.handle.0.shared.accounts.len()
    }

    /// The number of accounts whose password is plain text in the users file.
    pub(crate) fn plain_passwords(&self) -> usize {
        self.handle.0.shared.accounts.plain_passwords()
    }

    /// A handle to this server.
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Serves until it is asked to stop; then tells everybody, and waits at most [`STOP_TIME`] for the sessions to end.
    ///
    /// # Errors
    /// When the system gives no thread to begin with.
    pub fn run(self) -> Result<(), StartError> {
        let acceptors = self.listeners.start(&self.handle, &self.stopped)?;
        self.handle
            .hub()
            .start_announcer()
            .map_err(|e| StartError::System("cannot start the thread that announces logins".to_owned(), e))?;
        let keeper_ended = keeper::start(&self.handle, &self.stopped)?;
        // Nothing is ever sent: the channel closes when the server is asked to stop.
        let _ = self.stopped.recv();
        let deadline = Instant::now() + STOP_TIME;
        self.listeners.shut_down();
        for acceptor in acceptors {
            let _ = acceptor.join();
        }
        drop(self.listeners);
        self.handle.end_sessions(deadline);
        self.console.into_iter().for_each(|console| console.close(deadline));
        // Nothing is ever sent: the channel closes with the thread.
        let _ = keeper_ended.recv_deadline(deadline);
        Ok(())
    }
}

impl Handle {
    /// Asks the server to stop. This returns at once; [`Server::run`] returns when the server has stopped.
    pub fn stop(&self) {
        self.0.stopping.store(true, Ordering::SeqCst);
        self.0.stop.lock().take();
    }

    /// The server's hub.
    pub fn hub(&self) -> &Hub {
        &self.0.shared.hub
    }

    /// How many connections have not logged in yet.
    pub fn logging_in(&self) -> usize {
        self.0.admission.count()
    }

    /// Whether the server was asked to stop.
    pub fn is_stopping(&self) -> bool {
        self.0.stopping.load(Ordering::SeqCst)
    }

    fn end_sessions(&self, deadline: Instant) {
        let state = &self.0;
        log::info!("stopping sessions={}", state.shared.hub.session_count());
        state.admission.close_all(QuitReason::Shutdown);
        state.web.close();
        state.shared.accounts.stop_hashing();
        state.shared.hub.close_all(QuitReason::Shutdown);
        let web_ended = state.web.wait_idle_until(deadline);
        state.sessions.close();
        if !(web_ended && state.sessions.wait_idle_until(deadline)) {
            log::warn!("some sessions did not end in time");
        }
    }
}
