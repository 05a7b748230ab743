//! HTTP connections: a bounded number, each on a thread of its own for a few seconds. One that becomes a WebSocket goes
//! on as a chat client, through the same admission as all others.

use std::cell::RefCell;
use std::net::{IpAddr, SocketAddr};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Instant, SystemTime};

use log::Level;

use super::Handle;
use super::admission::{Admission, Evictable, KnownAddresses, Slot};
use super::serve::Service;
use crate::hub::ClientId;
use crate::log_limit::{self, Who};
use crate::model::limits::{CLIENT_STACK, WEB_CONNECTIONS, WEB_CONNECTIONS_PER_ADDRESS, WEB_THREADS};
use crate::model::{Net, QuitReason, WebOrigin};
use crate::semaphore::Semaphore;
use crate::session::WebDoor;
use crate::thread;
use crate::transport::Link;
use crate::web::{self, AllowedOrigins, HttpConnection, TrustedProxies, Unavailable};

/// State shared by all HTTP connections.
pub(super) struct Web {
    origins: AllowedOrigins,
    metrics_origins: AllowedOrigins,
    proxies: TrustedProxies,
    admission: Arc<Admission>,
    /// One permit for each thread. A connection that lost its slot may keep its thread busy a little longer.
    threads: Arc<Semaphore>,
    next_id: AtomicU64,
}

/// An HTTP connection that can be closed at any time.
struct HttpClient {
    link: Arc<dyn Link>,
    /// The client of a proxy's connection, as soon as it is known.
    behind_proxy: OnceLock<IpAddr>,
}

impl Evictable for HttpClient {
    fn close(&self, _: QuitReason) {
        self.link.abort();
    }

    fn address(&self) -> IpAddr {
        self.behind_proxy.get().copied().unwrap_or_else(|| self.link.peer().ip())
    }
}

impl Web {
    pub(super) fn new(
        addresses: &[SocketAddr],
        metrics: &[SocketAddr],
        origins: &[WebOrigin],
        proxies: &[Net],
        known: Arc<KnownAddresses>,
    ) -> Web {
        Web {
            origins: AllowedOrigins::new(addresses, origins),
            metrics_origins: AllowedOrigins::new(metrics, origins),
            proxies: TrustedProxies::new(proxies),
            admission: Arc::new(Admission::new(WEB_CONNECTIONS, WEB_CONNECTIONS_PER_ADDRESS, known)),
            threads: Arc::new(Semaphore::new(WEB_THREADS)),
            next_id: AtomicU64::new(1),
        }
    }

    /// As [`Admission::close_where`].
    pub(super) fn close_where(&self, matches: impl Fn(IpAddr) -> bool, reason: QuitReason) -> usize {
        self.admission.close_where(matches, reason)
    }

    /// Closes every connection and accepts no more.
    pub(super) fn close(&self) {
        self.threads.close();
        self.admission.close_all(QuitReason::Shutdown);
    }

    /// Whether the last thread has ended by `deadline`.
    pub(super) fn wait_idle_until(&self, deadline: Instant) -> bool {
        self.threads.wait_idle_until(deadline)
    }
}

impl Handle {
    /// Answers a request on a thread of its own, or says why not. `local` is the address of ours that it was sent to.
    pub(super) fn serve_http(&self, service: Service, link: Arc<dyn Link>, local: Option<SocketAddr>) {
        let (web, peer) = (&self.0.web, link.peer());
        let refuse = |why| web::refuse(&*link, note_refused(peer, why));
        // The client behind a proxy is not known until the request is read; limits and bans apply to that client.
        let proxied = service == Service::Web && web.proxies.contains(peer.ip());
        if let Some(banned) = (!proxied).then(|| self.ban_at(peer)).flatten() {
            return refuse(banned);
        }
        let id = web.next_id.fetch_add(1, Ordering::Relaxed);
        let client = Arc::new(HttpClient { link: Arc::clone(&link), behind_proxy: OnceLock::new() });
        let (net, evictable) = (Net::of(peer.ip()), Arc::clone(&client) as _);
        let slot = match proxied {
            true => web.admission.admit_proxied(net, ClientId(id), evictable),
            false => web.admission.admit(net, ClientId(id), evictable),
        };
        let Ok(slot) = slot else { return refuse(Unavailable::Busy) };
        let Some(permit) = web.threads.try_acquire_owned() else { return refuse(Unavailable::Busy) };
        let (handle, for_thread) = (self.clone(), Arc::clone(&link));
        let started = thread::start(&format!("visit-{id}"), CLIENT_STACK, move || {
            let (_permit, slot) = (permit, RefCell::new(Some(slot)));
            let admit = |address| handle.admit_client(&mut slot.borrow_mut(), &client, address);
            let serve = |link| {
                // A chat client has a slot of its own, and must not be evicted from this one.
                drop(slot.take());
                handle.serve_at(&WebDoor, link);
            };
            let link = Arc::clone(&for_thread);
            let answer = || match service {
                Service::Metrics => {
                    web::serve_metrics(&*link, &handle.0.web.metrics_origins, local, || handle.admin().metrics());
                }
                Service::Chat | Service::Web => {
                    let (Web { origins, proxies, .. }, shared) = (&handle.0.web, &handle.0.shared);
                    let link = Arc::clone(&link);
                    HttpConnection { shared, origins, link, local, proxies, admit: &admit, serve: &serve }.answer();
                }
            };
            if catch_unwind(AssertUnwindSafe(answer)).is_err() {
                for_thread.abort();
            }
        });
        self.note_thread(started.as_ref().err());
        if started.is_err() {
            refuse(Unavailable::Busy);
        }
    }

    /// Whether the client behind a proxy is answered. From now on its slot counts for its own address.
    fn admit_client(
        &self,
        slot: &mut Option<Slot>,
        client: &HttpClient,
        address: SocketAddr,
    ) -> Result<(), Unavailable> {
        // From here on a new ban closes the connection; an earlier one is seen below.
        let _ = client.behind_proxy.set(address.ip());
        let full = slot.as_mut().is_none_or(|slot| slot.assign_to(Net::of(address.ip())).is_err());
        match self.ban_at(address) {
            Some(banned) => Err(note_refused(address, banned)),
            None if full => Err(note_refused(address, Unavailable::Busy)),
            None => Ok(()),
        }
    }

    fn ban_at(&self, client: SocketAddr) -> Option<Unavailable> {
        let ban = self.hub().ban_at(client.ip(), SystemTime::now())?;
        Some(Unavailable::Banned(ban.until, ban.reason))
    }
}

/// Logs a refused request.
fn note_refused(client: SocketAddr, why: Unavailable) -> Unavailable {
    log_limit::note(Level::Info, "visit refused", Who::Stranger(client), &format!("reason=\"{}\"", why.as_str()));
    why
}
