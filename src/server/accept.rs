//! The accept loop. It never ends on an error, and never spins on one.

use std::fs::File;
use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use crossbeam_channel::Receiver;
use log::Level;
use rustix::io::Errno;

use super::Handle;
use super::serve::Door;
use crate::log_limit::{self, Who};
use crate::model::limits::LOG_REPEAT;

/// The shortest and the longest pause after the system refused to give a connection.
const BACK_OFF: (Duration, Duration) = (Duration::from_millis(10), Duration::from_secs(1));

/// Accepts the connections of one listener.
pub(super) struct Acceptor {
    listener: TcpListener,
    door: Door,
    server: Handle,
    stopped: Receiver<()>,
    /// A descriptor to give up when there is no other, so that a client can at least be told.
    reserve: Option<File>,
    pause: Duration,
    starved: u64,
    /// The log says that the system has nothing left.
    starving: bool,
    /// Until then the log does not say so again.
    quiet_until: Option<Instant>,
}

impl Acceptor {
    pub(super) fn new(listener: TcpListener, door: Door, server: Handle, stopped: Receiver<()>) -> Acceptor {
        Acceptor {
            listener,
            door,
            server,
            stopped,
            reserve: reserve(),
            pause: BACK_OFF.0,
            starved: 0,
            starving: false,
            quiet_until: None,
        }
    }

    pub(super) fn run(mut self) {
        while !self.server.is_stopping() {
            match self.listener.accept() {
                Ok((stream, peer)) => {
                    self.recovered();
                    self.serve(stream, peer);
                }
                Err(_) if self.server.is_stopping() => return,
                Err(e) if is_starvation(&e) => self.starve(&e),
                // The client went away between connecting and being accepted.
                Err(e) => log_limit::note(Level::Debug, "accept", Who::Unknown, &format!("error=\"{e}\"")),
            }
        }
    }

    /// A fault costs this one connection; it is logged where it happened.
    fn serve(&self, stream: TcpStream, peer: SocketAddr) {
        let serve = || self.server.serve_tcp(self.door, stream, peer);
        let _ = catch_unwind(AssertUnwindSafe(serve));
    }

    /// The system has no descriptor or memory left: tell one client, then leave the rest in the kernel's queue a while.
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
            // It may have taken a long time until somebody came, and by then there was room again.
            if self.reserve.is_some() {
                self.recovered();
                return self.serve(stream, peer);
            }
            self.server.turn_away(self.door, stream, peer, self.pause);
        }
        self.reserve = reserve();
        // Ends early when the server stops.
        let _ = self.stopped.recv_timeout(self.pause);
        self.pause = (self.pause * 2).min(BACK_OFF.1);
    }

    fn recovered(&mut self) {
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
