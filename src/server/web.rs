//! The doors for browsers and for who collects metrics: a bounded number of visits, each on a thread of its own for some seconds. Who becomes a client
//! goes through the same admission as all others.

use std::cell::Cell;
use std::net::{IpAddr, SocketAddr};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Instant, SystemTime};

use super::Handle;
use super::admission::{Admission, Waiter};
use super::running::Running;
use super::serve::Door;
use crate::hub::ClientId;
use crate::model::limits::{CLIENT_STACK, WEB_THREADS, WEB_VISITS, WEB_VISITS_PER_ADDRESS};
use crate::model::{Origin, Peer, QuitReason, WebOrigin};
use crate::thread;
use crate::transport::Link;
use crate::web::{Site, TurnedAway, Visit, scrape, turn_away};

/// What all visits share.
pub(super) struct Web {
    site: Site,
    visits: Arc<Admission>,
    /// Counts longer than the visits do: one that was ended may still be busy with that.
    running: Arc<Running>,
    next_id: AtomicU64,
}

/// A visit that may have to end.
struct Visitor(Arc<dyn Link>);

impl Waiter for Visitor {
    fn end(&self, _: QuitReason) {
        self.0.abort();
    }

    fn address(&self) -> IpAddr {
        self.0.peer().ip()
    }
}

impl Web {
    pub(super) fn new(addresses: &[SocketAddr], origins: &[WebOrigin]) -> Web {
        Web {
            site: Site::new(addresses, origins),
            visits: Arc::new(Admission::new(WEB_VISITS, WEB_VISITS_PER_ADDRESS)),
            running: Running::new(WEB_THREADS),
            next_id: AtomicU64::new(1),
        }
    }

    pub(super) fn visits(&self) -> &Arc<Admission> {
        &self.visits
    }

    pub(super) fn close(&self) {
        self.visits.close_all(QuitReason::Shutdown);
    }

    pub(super) fn all_ended_by(&self, deadline: Instant) -> bool {
        self.running.all_ended_by(deadline)
    }
}

impl Handle {
    /// Answers a request on a thread of its own, or says why not; `to` is the address of ours that it came to.
    pub(super) fn receive(&self, door: Door, link: Arc<dyn Link>, to: Option<SocketAddr>) {
        let (web, peer) = (&self.0.web, link.peer());
        let refuse = |why, word| {
            log::info!("visit refused {} reason=\"{word}\"", Peer(peer));
            turn_away(&*link, why);
        };
        if self.hub().ban_at(peer.ip(), SystemTime::now()).is_some() {
            return refuse(TurnedAway::Banned, "banned");
        }
        let id = web.next_id.fetch_add(1, Ordering::Relaxed);
        let visitor = Arc::new(Visitor(Arc::clone(&link)));
        let place = match web.visits.enter(Origin::of(peer.ip()), ClientId(id), visitor) {
            Ok(place) => place,
            Err(_) => return refuse(TurnedAway::Busy, "busy"),
        };
        let Some(turn) = web.running.enter() else { return refuse(TurnedAway::Busy, "busy") };
        let (handle, for_thread) = (self.clone(), Arc::clone(&link));
        let started = thread::start(&format!("visit-{id}"), CLIENT_STACK, move || {
            let (_turn, place) = (turn, Cell::new(Some(place)));
            let serve = |link| {
                // Nobody may be crowded out of a place that he has left.
                drop(place.take());
                handle.serve(link);
            };
            let link = Arc::clone(&for_thread);
            let visit = || match door {
                Door::Metrics => scrape(&*link, || handle.desk().metrics()),
                _ => {
                    let (site, link) = (&handle.0.web.site, Arc::clone(&link));
                    Visit { shared: &handle.0.shared, site, link, to, serve: &serve }.answer();
                }
            };
            if catch_unwind(AssertUnwindSafe(visit)).is_err() {
                for_thread.abort();
            }
        });
        self.note_threads(started.as_ref().err());
        if started.is_err() {
            refuse(TurnedAway::Busy, "busy");
        }
    }
}
