//! The doors for browsers and for who collects metrics: a bounded number of visits, each on a thread of its own for some
//! seconds. Who becomes a client goes through the same admission as all others.

use std::cell::RefCell;
use std::net::{IpAddr, SocketAddr};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Instant, SystemTime};

use log::Level;

use super::Handle;
use super::admission::{Admission, Place, Waiter};
use super::serve::Door;
use crate::hub::ClientId;
use crate::log_limit::{self, Who};
use crate::model::limits::{CLIENT_STACK, WEB_THREADS, WEB_VISITS, WEB_VISITS_PER_ADDRESS};
use crate::model::{Net, QuitReason, WebOrigin};
use crate::semaphore::Semaphore;
use crate::session::WebDoor;
use crate::thread;
use crate::transport::Link;
use crate::web::{Proxies, Site, TurnedAway, Visit, scrape, turn_away};

/// What all visits share.
pub(super) struct Web {
    site: Site,
    proxies: Proxies,
    visits: Arc<Admission>,
    /// Counts longer than the visits do: one that was ended may still be busy with that.
    running: Arc<Semaphore>,
    next_id: AtomicU64,
}

/// A visit that may have to end.
struct Visitor {
    link: Arc<dyn Link>,
    /// Whom a proxy asks for, as soon as that is known.
    client: OnceLock<IpAddr>,
}

impl Waiter for Visitor {
    fn end(&self, _: QuitReason) {
        self.link.abort();
    }

    fn address(&self) -> IpAddr {
        self.client.get().copied().unwrap_or_else(|| self.link.peer().ip())
    }
}

impl Web {
    pub(super) fn new(addresses: &[SocketAddr], origins: &[WebOrigin], proxies: &[Net]) -> Web {
        Web {
            site: Site::new(addresses, origins),
            proxies: Proxies::new(proxies),
            visits: Arc::new(Admission::new(WEB_VISITS, WEB_VISITS_PER_ADDRESS)),
            running: Arc::new(Semaphore::new(WEB_THREADS)),
            next_id: AtomicU64::new(1),
        }
    }

    pub(super) fn visits(&self) -> &Arc<Admission> {
        &self.visits
    }

    pub(super) fn close(&self) {
        self.running.close();
        self.visits.close_all(QuitReason::Shutdown);
    }

    /// Whether the last visit has ended by `deadline`.
    pub(super) fn wait_idle_until(&self, deadline: Instant) -> bool {
        self.running.wait_idle_until(deadline)
    }
}

impl Handle {
    /// Answers a request on a thread of its own, or says why not; `to` is the address of ours that it came to.
    pub(super) fn receive(&self, door: Door, link: Arc<dyn Link>, to: Option<SocketAddr>) {
        let (web, peer) = (&self.0.web, link.peer());
        let refuse = |why| turn_away(&*link, note(peer, why));
        // What a proxy brings counts for whom it brings it, and who that is has still to be read.
        let brought = door == Door::Web && web.proxies.trust(peer.ip());
        if !brought && self.is_shut_to(peer) {
            return refuse(TurnedAway::Banned);
        }
        let id = web.next_id.fetch_add(1, Ordering::Relaxed);
        let visitor = Arc::new(Visitor { link: Arc::clone(&link), client: OnceLock::new() });
        let (net, waiter) = (Net::of(peer.ip()), Arc::clone(&visitor) as _);
        let place = match brought {
            true => web.visits.enter_for_others(net, ClientId(id), waiter),
            false => web.visits.enter(net, ClientId(id), waiter),
        };
        let Ok(place) = place else { return refuse(TurnedAway::Busy) };
        let Some(permit) = web.running.try_acquire_owned() else { return refuse(TurnedAway::Busy) };
        let (handle, for_thread) = (self.clone(), Arc::clone(&link));
        let started = thread::start(&format!("visit-{id}"), CLIENT_STACK, move || {
            let (_permit, place) = (permit, RefCell::new(Some(place)));
            let admit = |client| handle.admit(&mut place.borrow_mut(), &visitor, client);
            let serve = |link| {
                // Nobody may be crowded out of a place that he has left.
                drop(place.take());
                handle.serve_at(&WebDoor, link);
            };
            let link = Arc::clone(&for_thread);
            let visit = || match door {
                Door::Metrics => scrape(&*link, || handle.admin().metrics()),
                Door::Chat | Door::Web => {
                    let (Web { site, proxies, .. }, shared) = (&handle.0.web, &handle.0.shared);
                    Visit { shared, site, link: Arc::clone(&link), to, proxies, admit: &admit, serve: &serve }.answer();
                }
            };
            if catch_unwind(AssertUnwindSafe(visit)).is_err() {
                for_thread.abort();
            }
        });
        self.note_threads(started.as_ref().err());
        if started.is_err() {
            refuse(TurnedAway::Busy);
        }
    }

    /// Whether the client of a request that a proxy has brought is answered; his place counts for him from now on.
    fn admit(&self, place: &mut Option<Place>, visitor: &Visitor, client: SocketAddr) -> Result<(), TurnedAway> {
        // A ban that comes from now on ends this visit, one from before is seen below.
        let _ = visitor.client.set(client.ip());
        let full = place.as_mut().is_none_or(|place| place.belongs_to(Net::of(client.ip())).is_err());
        match full {
            _ if self.is_shut_to(client) => Err(note(client, TurnedAway::Banned)),
            true => Err(note(client, TurnedAway::Busy)),
            false => Ok(()),
        }
    }

    fn is_shut_to(&self, client: SocketAddr) -> bool {
        self.hub().ban_at(client.ip(), SystemTime::now()).is_some()
    }
}

/// Says in the log that a request is turned away.
fn note(client: SocketAddr, why: TurnedAway) -> TurnedAway {
    log_limit::note(Level::Info, "visit refused", Who::Stranger(client), &format!("reason=\"{}\"", why.as_str()));
    why
}
