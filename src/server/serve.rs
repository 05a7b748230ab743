//! From a connection to a session: who is let in at which door, and the thread that he gets.

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
use crate::session::{self, Connection, PlainDoor};
use crate::transport::{Link, TcpLink, Traffic};
use crate::web::{TurnedAway, turn_away};

/// Where somebody comes in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Door {
    /// For netcat, telnet and their like.
    Chat,
    /// For browsers.
    Web,
    /// For who collects metrics.
    Metrics,
}

impl Handle {
    /// Serves a connection for a terminal or a line-based program on a thread of its own, or tells the client why not.
    pub fn serve(&self, link: Box<dyn Link>) {
        self.serve_at(&PlainDoor, link);
    }

    /// Serves a connection on a thread of its own, in the protocol of this door, or tells the client why not.
    pub(super) fn serve_at(&self, door: &'static dyn session::Door, link: Box<dyn Link>) {
        let peer = link.peer();
        let id = ClientId(self.0.next_id.fetch_add(1, Ordering::Relaxed));
        let connection = Arc::new(Connection::new(link, door, self.0.shared.hub.limits().outbox_age));
        if self.is_banned(peer, &connection) {
            return;
        }
        let place = match self.0.admission.enter(Net::of(peer.ip()), id, Arc::clone(&connection) as _) {
            Ok(place) => place,
            Err(answer) => {
                self.note_refused(peer, answer.why());
                return connection.refuse(answer.event());
            }
        };
        failpoint::reach("at the door", &peer.ip());
        // A ban that came meanwhile has ended those who had a place by then.
        if self.is_banned(peer, &connection) {
            return;
        }
        let Some(permit) = self.0.running.try_acquire_owned() else {
            self.note_refused(peer, "server full");
            return connection.refuse(EventKind::Closed { reason: QuitReason::ServerFull });
        };
        let (handle, for_thread) = (self.clone(), Arc::clone(&connection));
        let started = self.0.crew.start(id.0, move || {
            let _permit = permit;
            log_limit::note(Level::Debug, "connected", Who::Stranger(peer), "");
            let session = AssertUnwindSafe(|| session::run(&handle.0.shared, id, &for_thread, place));
            if catch_unwind(session).is_err() {
                for_thread.give_up();
            }
        });
        self.note_threads(started.as_ref().err());
        if started.is_err() {
            connection.refuse(EventKind::Closed { reason: QuitReason::ServerFull });
        }
    }

    /// Refuses who comes from a banned address, before anything is spent on him.
    fn is_banned(&self, peer: SocketAddr, connection: &Connection) -> bool {
        let ban = self.0.shared.hub.ban_at(peer.ip(), SystemTime::now());
        let banned = ban.is_some();
        if let Some(Sanction { until, reason: why, .. }) = ban {
            self.note_refused(peer, "banned");
            connection.refuse(EventKind::AddressBanned { until, why });
        }
        banned
    }

    /// Logs when the system begins or ceases to refuse threads, and not each time: a flood must not fill the log.
    pub(super) fn note_threads(&self, refused: Option<&io::Error>) {
        if self.0.threadless.swap(refused.is_some(), Ordering::Relaxed) != refused.is_some() {
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
    pub(super) fn serve_tcp(&self, door: Door, stream: TcpStream, peer: SocketAddr) {
        let traffic = self.traffic(door);
        match door {
            Door::Chat => self.serve(Box::new(TcpLink::new(stream, peer, traffic))),
            Door::Web | Door::Metrics => {
                let to = stream.local_addr().ok();
                self.receive(door, Arc::new(TcpLink::new(stream, peer, traffic)), to);
            }
        }
    }

    /// Where the bytes of who comes in there are counted; who collects metrics is no client.
    fn traffic(&self, door: Door) -> Arc<Traffic> {
        if door == Door::Metrics { Arc::default() } else { Arc::clone(&self.0.traffic) }
    }

    /// Tells an accepted TCP connection that there is no room for it.
    pub(super) fn turn_away(&self, door: Door, stream: TcpStream, peer: SocketAddr, patience: Duration) {
        let link = TcpLink::new(stream, peer, self.traffic(door));
        match door {
            Door::Chat => {
                let connection = Connection::new(Box::new(link), &PlainDoor, patience);
                connection.refuse(EventKind::Closed { reason: QuitReason::ServerFull });
            }
            Door::Web | Door::Metrics => turn_away(&link, TurnedAway::Busy),
        }
    }
}
