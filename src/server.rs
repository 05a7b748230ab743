//! Floor 7, the server: listeners, admission, one thread per client, and the order in which everything stops.

mod accept;
mod admission;
mod capacity;
mod console;
mod control;
mod keeper;
mod serve;
mod web;

use std::net::{Shutdown, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use crossbeam_channel::{Receiver, Sender, bounded};
use parking_lot::Mutex;
use socket2::{Domain, SockRef, Socket, Type};

pub use capacity::fit_to_process;
pub(crate) use console::socket as console_socket;

use crate::accounts::{Accounts, Throttle};
use crate::admin::{Admin, Filter, finish_renames};
use crate::command::COMMANDS;
use crate::config::{Config, resolve};
use crate::hub::Hub;
use crate::model::limits::{CLIENT_STACK, STOP_TIME};
use crate::model::{QuitReason, StartError};
use crate::semaphore::Semaphore;
use crate::session::{Budgets, Shared};
use crate::store;
use crate::thread::{self, Crew};
use crate::transport::{TcpLink, Traffic};
use accept::Acceptor;
use admission::Admission;
use console::Ctl;
use serve::Door;
use web::Web;

/// Reads at most so many of the last lines of the log, or says why it cannot.
type LogTail = dyn Fn(usize) -> Result<Vec<String>, String> + Send + Sync;

/// The kernel holds this many connections that were not yet accepted.
const BACKLOG: i32 = 1024;

/// A server that is bound to its addresses. [`Server::run`] makes it work.
pub struct Server {
    handle: Handle,
    listeners: Vec<(Door, TcpListener)>,
    stopped: Receiver<()>,
    ctl: Option<Ctl>,
}

/// What others may do with a running server: ask it to stop, to read its users anew, or to serve one more connection.
#[derive(Clone)]
pub struct Handle(Arc<Inner>);

struct Inner {
    shared: Shared,
    admission: Arc<Admission>,
    web: Web,
    next_id: AtomicU64,
    stopping: AtomicBool,
    /// Dropped to say that the server is to stop.
    stop: Mutex<Option<Sender<()>>>,
    /// The threads of sessions. A session has left the hub before its thread is done with its last words.
    running: Arc<Semaphore>,
    traffic: Arc<Traffic>,
    /// The threads of the sessions.
    crew: Crew,
    /// The system refused the last thread that was asked for.
    threadless: AtomicBool,
    /// The file of the word filter.
    word_filter: Option<PathBuf>,
    /// What else is to be done when things are read again.
    on_reload: OnceLock<Box<dyn Fn() + Send + Sync>>,
    /// How the last lines of the log can be read.
    log_tail: OnceLock<Box<LogTail>>,
}

impl Server {
    /// Loads the users, takes the addresses and opens the store. Nobody is served yet; who connects waits in the kernel.
    ///
    /// # Errors
    /// Why that cannot be done, as one sentence.
    pub fn bind(config: &Config) -> Result<Server, StartError> {
        let accounts = Accounts::load(&config.users)?;
        let listeners = open_doors(config)?;
        let store = store::open(&config.data, &config.retention)?;
        finish_renames(&*store, &accounts)?;
        let hub = Hub::new(config.limits.clone(), store)
            .map_err(|e| StartError::Config(format!("the store cannot be read: {e}")))?;
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
        let (stop, stopped) = bounded(0);
        let inner = Inner {
            shared,
            admission: Arc::new(Admission::new(
                config.limits.max_unauthenticated,
                config.limits.max_unauthenticated_per_address,
            )),
            web: Web::new(&addresses(&listeners, Door::Web), &config.web_origin, &config.trusted_proxy),
            next_id: AtomicU64::new(1),
            stopping: AtomicBool::new(false),
            stop: Mutex::new(Some(stop)),
            running: Arc::new(Semaphore::new(config.limits.max_clients + config.limits.max_unauthenticated)),
            traffic: Arc::default(),
            crew: Crew::new("session", CLIENT_STACK),
            threadless: AtomicBool::new(false),
            word_filter: config.word_filter.clone(),
            on_reload: OnceLock::new(),
            log_tail: OnceLock::new(),
        };
        let handle = Handle(Arc::new(inner));
        control::open(&handle);
        let ctl = config.data.folder().and_then(|dir| Ctl::open(&handle, dir, &stopped));
        Ok(Server { handle, listeners, stopped, ctl })
    }

    /// The addresses it listens on, with the ports the system chose where 0 was asked for.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        addresses(&self.listeners, Door::Chat)
    }

    /// The addresses of the web page.
    pub fn web_addresses(&self) -> Vec<SocketAddr> {
        addresses(&self.listeners, Door::Web)
    }

    /// The addresses of the metrics.
    pub fn metrics_addresses(&self) -> Vec<SocketAddr> {
        addresses(&self.listeners, Door::Metrics)
    }

    /// How many accounts there are.
    pub fn users(&self) -> usize {
        self.handle.0.shared.accounts.len()
    }

    /// The accounts whose passwords stand in the users file as plain text.
    pub fn plain_passwords(&self) -> usize {
        self.handle.0.shared.accounts.plain_passwords()
    }

    /// A handle to it.
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Serves until it is asked to stop; then tells everybody and waits for the sessions to end, at most [`STOP_TIME`].
    ///
    /// # Errors
    /// When the system gives no thread to accept connections with.
    pub fn run(self) -> Result<(), StartError> {
        let mut acceptors = Vec::new();
        for (door, listener) in &self.listeners {
            let what = || "cannot start a thread that accepts connections".to_owned();
            let listener = listener.try_clone().map_err(|e| StartError::System(what(), e))?;
            let acceptor = Acceptor::new(listener, *door, self.handle.clone(), self.stopped.clone());
            let accepting = thread::start("accept", CLIENT_STACK, move || acceptor.run());
            acceptors.push(accepting.map_err(|e| StartError::System(what(), e))?);
        }
        self.handle
            .hub()
            .start_announcer()
            .map_err(|e| StartError::System("cannot start the thread that tells who came and left".to_owned(), e))?;
        let (server, stopped) = (self.handle.clone(), self.stopped.clone());
        let (ended, keeper_ended) = bounded(0);
        thread::start("store-keeper", CLIENT_STACK, move || keeper::run(&server, &stopped, ended))
            .map_err(|e| StartError::System("cannot start the thread that tends the store".to_owned(), e))?;
        // Nothing is ever sent: the channel ends when the server is asked to stop.
        let _ = self.stopped.recv();
        let deadline = Instant::now() + STOP_TIME;
        for (_, listener) in &self.listeners {
            // Only this wakes a blocked accept. An error means that it is shut down already.
            let _ = SockRef::from(listener).shutdown(Shutdown::Both);
        }
        for acceptor in acceptors {
            let _ = acceptor.join();
        }
        drop(self.listeners);
        self.handle.end_sessions(deadline);
        self.ctl.into_iter().for_each(|ctl| ctl.close(deadline));
        // Nothing is ever sent: the channel ends with the thread.
        let _ = keeper_ended.recv_deadline(deadline);
        Ok(())
    }
}

impl Handle {
    /// Asks the server to stop. It may take a moment; [`Server::run`] returns when it has.
    pub fn stop(&self) {
        self.0.stopping.store(true, Ordering::SeqCst);
        self.0.stop.lock().take();
    }

    /// The hub of the server.
    pub fn hub(&self) -> &Hub {
        &self.0.shared.hub
    }

    /// How many connections have not logged in yet.
    pub fn logging_in(&self) -> usize {
        self.0.admission.count()
    }

    /// Whether it was asked to stop.
    pub fn is_stopping(&self) -> bool {
        self.0.stopping.load(Ordering::SeqCst)
    }

    fn end_sessions(&self, deadline: Instant) {
        let inner = &self.0;
        log::info!("stopping sessions={}", inner.shared.hub.session_count());
        inner.admission.close_all(QuitReason::Shutdown);
        inner.web.close();
        inner.shared.accounts.stop_hashing();
        inner.shared.hub.close_all(QuitReason::Shutdown);
        let no_visits = inner.web.wait_idle_until(deadline);
        inner.running.close();
        if !(no_visits && inner.running.wait_idle_until(deadline)) {
            log::warn!("some sessions did not end in time");
        }
    }
}

/// Takes all addresses of the settings.
fn open_doors(config: &Config) -> Result<Vec<(Door, TcpListener)>, StartError> {
    let doors = [
        (Door::Chat, resolve("listen", &config.listen)?),
        (Door::Web, resolve("web", &config.web)?),
        (Door::Metrics, resolve("metrics", &config.metrics)?),
    ];
    let all = doors.into_iter().flat_map(|(door, addresses)| addresses.into_iter().map(move |addr| (door, addr)));
    all.map(|(door, addr)| Ok((door, listen(addr)?))).collect()
}

fn addresses(listeners: &[(Door, TcpListener)], at: Door) -> Vec<SocketAddr> {
    let there = listeners.iter().filter(|(door, _)| *door == at);
    there.filter_map(|(_, listener)| listener.local_addr().ok()).collect()
}

/// Takes one address, with SO_REUSEADDR, so that a restart does not wait for old connections to be forgotten.
fn listen(addr: SocketAddr) -> Result<TcpListener, StartError> {
    let open = || {
        let socket = Socket::new(Domain::for_address(addr), Type::STREAM, None)?;
        if addr.is_ipv6() {
            // So that [::] and 0.0.0.0 can both be listened on.
            socket.set_only_v6(true)?;
        }
        socket.set_reuse_address(true)?;
        socket.bind(&addr.into())?;
        TcpLink::prepare(SockRef::from(&socket))?;
        socket.listen(BACKLOG)?;
        Ok(TcpListener::from(socket))
    };
    open().map_err(|e| StartError::Listen(addr, e))
}
