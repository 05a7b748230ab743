//! Listeners and their accept loops. An accept loop never ends on an error, and never spins on one.

use std::fs::File;
use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam_channel::Receiver;
use log::Level;
use rustix::io::Errno;
use socket2::{Domain, SockRef, Socket, Type};

use super::Handle;
use super::serve::Service;
use crate::config::{Config, resolve};
use crate::log_limit::{self, Who};
use crate::model::StartError;
use crate::model::limits::{CLIENT_STACK, LOG_REPEAT};
use crate::thread;
use crate::transport::TcpLink;

/// How many connections the kernel queues until they are accepted.
const BACKLOG: i32 = 1024;

/// The shortest and the longest pause after the system refused a connection.
const BACK_OFF: (Duration, Duration) = (Duration::from_millis(10), Duration::from_secs(1));

/// The listeners of a server.
pub(super) struct Listeners(Vec<(Service, TcpListener)>);

impl Listeners {
    /// Binds every address of the settings.
    ///
    /// # Errors
    /// The address that cannot be resolved or bound.
    pub(super) fn bind(config: &Config) -> Result<Listeners, StartError> {
        let services = [
            (Service::Chat, resolve("listen", &config.listen)?),
            (Service::Web, resolve("web", &config.web)?),
            (Service::Metrics, resolve("metrics", &config.metrics)?),
        ];
        let mut all = Vec::new();
        for (service, addresses) in services {
            for addr in addresses {
                all.push((service, listen(addr)?));
            }
        }
        Ok(Listeners(all))
    }

    /// The addresses of one service, with the ports that the system chose where 0 was asked for.
    pub(super) fn addresses(&self, of: Service) -> Vec<SocketAddr> {
        let listeners = self.0.iter().filter(|(service, _)| *service == of);
        listeners.filter_map(|(_, listener)| listener.local_addr().ok()).collect()
    }

    /// Starts one thread for each listener.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub(super) fn start(&self, server: &Handle, stopped: &Receiver<()>) -> Result<Vec<JoinHandle<()>>, StartError> {
        let failed = |e| StartError::System("cannot start a thread that accepts connections".to_owned(), e);
        let start = |(service, listener): &(Service, TcpListener)| {
            let listener = listener.try_clone().map_err(failed)?;
            let acceptor = Acceptor::new(listener, *service, server.clone(), stopped.clone());
            thread::start("accept", CLIENT_STACK, move || acceptor.run()).map_err(failed)
        };
        self.0.iter().map(start).collect()
    }

    /// Ends the accept loops.
    pub(super) fn shut_down(&self) {
        for (_, listener) in &self.0 {
            // Nothing else wakes a blocked accept. An error means that the listener is shut down already.
            let _ = SockRef::from(listener).shutdown(Shutdown::Both);
        }
    }
}

/// Binds one address, with SO_REUSEADDR, so that a restart does not wait for old connections to be forgotten.
fn listen(addr: SocketAddr) -> Result<TcpListener, StartError> {
    let open = || {
        let socket = Socket::new(Domain::for_address(addr), Type::STREAM, None)?;
        if addr.is_ipv6() {
            // So that [::] and 0.0.0.0 can be bound side by side.
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

/// The accept loop of one listener.
struct Acceptor {
    listener: TcpListener,
    service: Service,
    server: Handle,
    stopped: Receiver<()>,
    /// A spare descriptor, given up when there is no other, so that one client can at least be told.
    reserve: Option<File>,
    pause: Duration,
    starved: u64,
    /// The log says that the system has nothing left.
    starving: bool,
    /// Until then the log does not say so again.
    quiet_until: Option<Instant>,
}

impl Acceptor {
    fn new(listener: TcpListener, service: Service, server: Handle, stopped: Receiver<()>) -> Acceptor {
        Acceptor {
            listener,
            service,
            server,
            stopped,
            reserve: reserve(),
            pause: BACK_OFF.0,
            starved: 0,
            starving: false,
            quiet_until: None,
        }
    }

    fn run(mut self) {
        while !self.server.is_stopping() {
            match self.listener.accept() {
                Ok((stream, peer)) => {
                    self.recover();
                    self.serve(stream, peer);
                }
                Err(_) if self.server.is_stopping() => return,
                Err(e) if is_starvation(&e) => self.starve(&e),
                // The client went away between connecting and being accepted.
                Err(e) => log_limit::note(Level::Debug, "accept", Who::Unknown, &format!("error=\"{e}\"")),
            }
        }
    }

    /// A panic costs this one connection; it was logged where it happened.
    fn serve(&self, stream: TcpStream, peer: SocketAddr) {
        let serve = || self.server.serve_tcp(self.service, stream, peer);
        let _ = catch_unwind(AssertUnwindSafe(serve));
    }

    /// The system has no descriptor or memory left: tells one client, and leaves the others in the kernel's queue a
    /// while.
    fn starve(&mut self, error: &io::Error) {
        self.starved += 1;
        if !self.starving && self.quiet_until.is_none_or(|until| Instant::now() >= until) {
            self.starving = true;
            log::error!("accept starved error=\"{error}\": new connections have to wait");
        }
        if self.reserve.take().is_some()
            && let Ok((stream, peer)) = self.listener.accept()
        {
            self.reserve = reserve();
            // It may have taken long until somebody came, and by then there may be room again.
            if self.reserve.is_some() {
                self.recover();
                return self.serve(stream, peer);
            }
            self.server.refuse_tcp(self.service, stream, peer, self.pause);
        }
        self.reserve = reserve();
        // Ends early when the server stops.
        let _ = self.stopped.recv_timeout(self.pause);
        self.pause = (self.pause * 2).min(BACK_OFF.1);
    }

    fn recover(&mut self) {
        if self.starved > 0 && self.reserve.is_none() {
            self.reserve = reserve();
        }
        if self.starved > 0 && self.reserve.is_some() {
            // Whoever makes the system starve again and again must not fill the log with it.
            if std::mem::take(&mut self.starving) {
                log::info!("accept recovered after={}", self.starved);
                self.quiet_until = Some(Instant::now() + LOG_REPEAT);
            }
            (self.starved, self.pause) = (0, BACK_OFF.0);
        }
    }
}

fn reserve() -> Option<File> {
    File::open("/dev/null").ok()
}

fn is_starvation(error: &io::Error) -> bool {
    let starving = [Errno::MFILE, Errno::NFILE, Errno::NOBUFS, Errno::NOMEM];
    starving.iter().any(|errno| error.raw_os_error() == Some(errno.raw_os_error()))
}
