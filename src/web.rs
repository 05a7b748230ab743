//! Floor 6, the web: HTTP on a link of its own, the pages of the chat, and the way from there to a session.
//!
//! A visit is one request and one answer, with a deadline for each; then the connection ends, or becomes a WebSocket that
//! is served like any other link. It knows no sockets: bytes come and go through a [`Link`], whatever carries it.

mod api;
mod forwarded;
mod guard;
mod metrics;
mod pages;
mod request;
mod response;
mod upgrade;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use log::Level;

pub(crate) use forwarded::Proxies;
pub(crate) use guard::Site;
pub(crate) use metrics::scrape;

use crate::log_limit::{self, Who};
use crate::model::limits::WEB_TIME;
use crate::session::Shared;
use crate::transport::{Link, WebSocketLink, write_all_until};
use request::{Flaw, Request};
use response::Response;

/// One connection of a browser, or of another program that speaks HTTP.
pub(crate) struct Visit<'a> {
    /// What scripts work with.
    pub shared: &'a Shared,
    /// Where browsers may come from.
    pub site: &'a Site,
    /// The connection.
    pub link: Arc<dyn Link>,
    /// The address of ours that it came to, if that is known.
    pub to: Option<SocketAddr>,
    /// Who is believed whose requests he brings.
    pub proxies: &'a Proxies,
    /// Asked about the client of a request that one of them has brought.
    pub admit: &'a dyn Fn(SocketAddr) -> Result<(), TurnedAway>,
    /// Serves a link as any other client's is served.
    pub serve: &'a dyn Fn(Box<dyn Link>),
}

/// Why a request is turned away at the door.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TurnedAway {
    /// Its address is banned.
    Banned,
    /// Too many are answered at the moment, or the system gives no thread.
    Busy,
}

impl Visit<'_> {
    /// Answers the request that comes.
    pub(crate) fn answer(self) {
        let mut client = self.link.peer();
        let response = match self.receive(&mut client) {
            Ok(request) => match self.reply(&request, client) {
                Ok(response) => response.without_body(request.method == "HEAD"),
                Err(link) => return (self.serve)(link),
            },
            Err(Flaw::Gone) => return self.link.abort(),
            Err(Flaw::Bad(response)) => response,
        };
        log_limit::note(Level::Debug, "visit", Who::Stranger(client), &format!("status={}", response.status()));
        response.send(&*self.link, Instant::now() + WEB_TIME);
    }

    /// The request; `client` becomes the one who sent it, as soon as that is known.
    fn receive(&self, client: &mut SocketAddr) -> Result<Request, Flaw> {
        let by = Instant::now() + WEB_TIME;
        let request = Request::read_head(&*self.link, by)?;
        if self.proxies.trust(client.ip()) {
            *client = self.proxies.client(&request, *client);
            (self.admit)(*client).map_err(|why| Flaw::Bad(why.response()))?;
        }
        request.read_body(&*self.link, by)
    }

    /// The answer, or the link that the connection has become.
    fn reply(&self, request: &Request, client: SocketAddr) -> Result<Response, Box<WebSocketLink>> {
        if let Err(refusal) = self.site.check(request, self.to) {
            let detail = format!("reason=\"{}\"", refusal.why());
            log_limit::note(Level::Info, "visit refused", Who::Stranger(client), &detail);
            return Ok(refusal.response());
        }
        match request.path.as_str() {
            upgrade::PATH => match upgrade::accept(request) {
                Ok(answer) => {
                    let by = Instant::now() + WEB_TIME;
                    if write_all_until(&*self.link, &answer, by).is_err() {
                        self.link.abort();
                    }
                    Err(Box::new(WebSocketLink::new(Arc::clone(&self.link), &request.rest).on_behalf_of(client)))
                }
                Err(response) => Ok(response),
            },
            path if path.starts_with(api::PATH) => Ok(api::answer(self.shared, client, request)),
            path => Ok(pages::page(&request.method, path)),
        }
    }
}

impl TurnedAway {
    /// The fixed word for it in the log.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            TurnedAway::Banned => "banned",
            TurnedAway::Busy => "busy",
        }
    }

    fn response(self) -> Response {
        match self {
            TurnedAway::Banned => Response::text(403, "Your address is banned from this server."),
            TurnedAway::Busy => Response::text(503, "The server is busy; try again.").with("Retry-After", "1"),
        }
    }
}

/// Tells a browser why it is not answered and closes, without waiting for anything: for the thread that accepts.
pub(crate) fn turn_away(link: &dyn Link, why: TurnedAway) {
    let _ = write_all_until(link, &why.response().to_bytes(), Instant::now());
    link.finish();
}
