//! From a connection to a session: who is admitted, and the thread that runs the session.

use std::io;
use std::net::{SocketAddr, TcpStream};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime};

use log::Level;

use super::Handle;
use crate::failpoint;
use crate::hub::ClientId;
use crate::log_limit::{self, Who};
use crate::model::{EventKind, Net, QuitReason, Sanction};
use crate::session::{self, Connection, Door, PlainDoor};
use crate::transport::{Link, TcpLink, Traffic};
use crate::web::{self, Unavailable};

/// The purpose of a listener.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Service {
    /// The chat, for netcat, telnet and the like.
    Chat,
    /// The web page and its API, for browsers and scripts.
    Web,
    /// Metrics, for Prometheus.
    Metrics,
}

impl Handle {
    /// Serves a connection for a terminal or a line-based program on a thread of its own, or tells the client why not.
    pub fn serve(&self, link: Box<dyn Link>) {
        self.serve_at(&PlainDoor, link);
    }

    /// Serves a connection on a thread of its own, in the protocol of this door, or tells the client why not.
    pub(super) fn serve_at(&self, door: &'static dyn Door, link: Box<dyn Link>) {
        let peer = link.peer();
        let id = ClientId(self.0.next_id.fetch_add(1, Ordering::Relaxed));
        let connection = Arc::new(Connection::new(link, door, self.0.shared.hub.limits().outbox_age));
        if self.refuse_if_banned(peer, &connection) {
            return;
        }
        let slot = match self.0.admission.admit(Net::of(peer.ip()), id, Arc::clone(&connection) as _) {
            Ok(slot) => slot,
            Err(error) => {
                self.note_refused(peer, error.as_str());
                return connection.refuse(error.event());
            }
        };
        failpoint::reach("at the door", &peer.ip());
        // A ban imposed between the first check and the admission has not closed this connection.
        if self.refuse_if_banned(peer, &connection) {
            return;
        }
        let Some(permit) = self.0.sessions.try_acquire_owned() else {
            self.note_refused(peer, "server full");
            return connection.refuse(EventKind::Closed { reason: QuitReason::ServerFull });
        };
        let (handle, for_thread) = (self.clone(), Arc::clone(&connection));
        let started = self.0.threads.start(id.0, move || {
            let _permit = permit;
            log_limit::note(Level::Debug, "connected", Who::Stranger(peer), "");
            let known = || handle.0.known.note(Net::of(peer.ip()));
            let session = AssertUnwindSafe(|| session::run(&handle.0.shared, id, &for_thread, slot, known));
            if catch_unwind(session).is_err() {
                for_thread.give_up();
            }
        });
        self.note_thread(started.as_ref().err());
        if started.is_err() {
            connection.refuse(EventKind::Closed { reason: QuitReason::ServerFull });
        }
    }

    /// Refuses a connection from a banned address before it costs anything; returns whether it did.
    fn refuse_if_banned(&self, peer: SocketAddr, connection: &Connection) -> bool {
        let ban = self.0.shared.hub.ban_at(peer.ip(), SystemTime::now());
        let banned = ban.is_some();
        if let Some(Sanction { until, reason: why, .. }) = ban {
            self.note_refused(peer, "banned");
            connection.refuse(EventKind::AddressBanned { until, why });
        }
        banned
    }

    /// Logs and counts a refused connection.
    fn note_refused(&self, peer: SocketAddr, why: &'static str) {
        log_limit::note(Level::Info, "refused", Who::Stranger(peer), &format!("reason=\"{why}\""));
        self.admin().note_refused(why);
    }

    /// Notes whether the system gave a thread. Logged only when that changes: a flood must not fill the log.
    pub(super) fn note_thread(&self, refused: Option<&io::Error>) {
        if self.0.threads_refused.swap(refused.is_some(), Ordering::Relaxed) != refused.is_some() {
            match refused {
                None => log_limit::note(Level::Info, "threads recovered", Who::Unknown, ""),
                Some(e) => {
                    let detail = format!("error=\"{e}\": new ones are refused");
                    log_limit::note(Level::Error, "no thread for a client", Who::Unknown, &detail);
                }
            }
        }
    }

    /// Serves an accepted TCP connection.
    pub(super) fn serve_tcp(&self, service: Service, stream: TcpStream, peer: SocketAddr) {
        let traffic = self.traffic(service);
        match service {
            Service::Chat => self.serve(Box::new(TcpLink::new(stream, peer, traffic))),
            Service::Web | Service::Metrics => {
                let local = stream.local_addr().ok();
                self.serve_http(service, Arc::new(TcpLink::new(stream, peer, traffic)), local);
            }
        }
    }

    /// Where bytes are counted. Those of the metrics are not: whoever collects them is no client.
    fn traffic(&self, service: Service) -> Arc<Traffic> {
        match service {
            Service::Chat | Service::Web => Arc::clone(&self.0.traffic),
            Service::Metrics => Arc::default(),
        }
    }

    /// Tells an accepted TCP connection that there is no room for it.
    pub(super) fn refuse_tcp(&self, service: Service, stream: TcpStream, peer: SocketAddr, patience: Duration) {
        let link = TcpLink::new(stream, peer, self.traffic(service));
        match service {
            Service::Chat => {
                let connection = Connection::new(Box::new(link), &PlainDoor, patience);
                connection.refuse(EventKind::Closed { reason: QuitReason::ServerFull });
            }
            Service::Web | Service::Metrics => web::refuse(&link, Unavailable::Busy),
        }
    }
}
