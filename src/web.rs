//! Floor 6, the web: HTTP over a link, the pages of the chat, the API for scripts, and the upgrade to a WebSocket.
//!
//! A connection carries one request and one response, each with a deadline. Then it ends, or it becomes a WebSocket,
//! which is served like any other link. This folder knows no sockets: bytes come and go through a [`Link`].

mod api;
mod forwarded;
mod origins;
mod pages;
mod request;
mod response;
mod upgrade;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use log::Level;

pub(crate) use forwarded::TrustedProxies;
pub(crate) use origins::AllowedOrigins;

use crate::log_limit::{self, Who};
use crate::model::limits::WEB_TIME;
use crate::model::{Event, EventKind};
use crate::protocol::{Dialect, PLAIN};
use crate::session::Shared;
use crate::transport::{Link, WebSocketLink, write_all_until};
use request::{Request, RequestError};
use response::Response;

/// One connection of a browser, or of another program that speaks HTTP.
pub(crate) struct HttpConnection<'a> {
    /// The server behind the API.
    pub shared: &'a Shared,
    /// The origins that browsers may come from.
    pub origins: &'a AllowedOrigins,
    /// The connection itself.
    pub link: Arc<dyn Link>,
    /// The address of ours that the client connected to, if it is known.
    pub local: Option<SocketAddr>,
    /// The proxies whose word about their clients is trusted.
    pub proxies: &'a TrustedProxies,
    /// Asked whether the client behind a trusted proxy is answered.
    pub admit: &'a dyn Fn(SocketAddr) -> Result<(), Unavailable>,
    /// Serves a link as a chat client.
    pub serve: &'a dyn Fn(Box<dyn Link>),
}

/// Why a client is not answered, whatever it asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Unavailable {
    /// Its address is banned: until when, and why.
    Banned(Option<SystemTime>, String),
    /// Too many requests are being answered, or the system gives no thread.
    Busy,
}

impl Unavailable {
    /// The fixed word in the log.
    pub(crate) fn as_str(&self) -> &'static str {
        match self {
            Unavailable::Banned(..) => "banned",
            Unavailable::Busy => "busy",
        }
    }

    fn response(self) -> Response {
        match self {
            Unavailable::Banned(until, why) => {
                // In the words that other clients get.
                let event = Event::new(EventKind::AddressBanned { until, why });
                let line = String::from_utf8_lossy(PLAIN.encode(&event));
                Response::text(403, line.trim_end().trim_start_matches("Error: "))
            }
            Unavailable::Busy => Response::text(503, "The server is busy; try again.").with("Retry-After", "1"),
        }
    }
}

/// Tells a client why it is not answered, and closes. Never waits, so that the accepting thread can call it.
pub(crate) fn refuse(link: &dyn Link, why: Unavailable) {
    let _ = write_all_until(link, &why.response().to_bytes(), Instant::now());
    link.finish();
}

impl HttpConnection<'_> {
    /// Reads the request and answers it.
    pub(crate) fn answer(self) {
        let (mut client, mut for_programs) = (self.link.peer(), false);
        let response = match self.read_request(&mut client, &mut for_programs) {
            Ok(request) => match self.respond(&request, client) {
                Ok(response) => response.without_body(request.method == "HEAD"),
                Err(link) => return (self.serve)(link),
            },
            Err(RequestError::Closed) => return self.link.abort(),
            Err(RequestError::Invalid(response)) => response,
        };
        let response = if for_programs { response.for_programs() } else { response };
        log_limit::note(Level::Debug, "visit", Who::Stranger(client), &format!("status={}", response.status()));
        response.send(&*self.link, Instant::now() + WEB_TIME);
    }

    /// Reads the request. `client` becomes the client behind a trusted proxy, and `for_programs` becomes true for a request
    /// of the API, as soon as that is known.
    fn read_request(&self, client: &mut SocketAddr, for_programs: &mut bool) -> Result<Request, RequestError> {
        let deadline = Instant::now() + WEB_TIME;
        let request = Request::read_head(&*self.link, deadline)?;
        *for_programs = request.path.starts_with(api::PATH);
        if self.proxies.contains(client.ip()) {
            *client = self.proxies.client(&request, *client);
            (self.admit)(*client).map_err(|why| RequestError::Invalid(why.response()))?;
        }
        request.read_body(&*self.link, deadline)
    }

    /// The response, or the WebSocket that the connection has become.
    fn respond(&self, request: &Request, client: SocketAddr) -> Result<Response, Box<WebSocketLink>> {
        if let Err(error) = self.origins.check(request, self.local) {
            let detail = format!("reason=\"{}\"", error.as_str());
            log_limit::note(Level::Info, "visit refused", Who::Stranger(client), &detail);
            return Ok(error.response());
        }
        match request.path.as_str() {
            upgrade::PATH => match upgrade::accept(request) {
                Ok(handshake) => {
                    let deadline = Instant::now() + WEB_TIME;
                    if write_all_until(&*self.link, &handshake, deadline).is_err() {
                        self.link.abort();
                    }
                    Err(Box::new(WebSocketLink::new(Arc::clone(&self.link), &request.rest).on_behalf_of(client)))
                }
                Err(response) => Ok(response),
            },
            path if path.starts_with(api::PATH) => Ok(api::respond(self.shared, client, request)),
            path => Ok(pages::respond(&request.method, path)),
        }
    }
}

/// Answers one request for `/metrics` with the text of `page`. It contains no names, and no web page may read it: not from
/// another site, and not under a name that somebody pointed here. `local` is the address of ours that it was sent to.
pub(crate) fn serve_metrics(
    link: &dyn Link,
    origins: &AllowedOrigins,
    local: Option<SocketAddr>,
    page: impl FnOnce() -> String,
) {
    let response = match Request::read(link, Instant::now() + WEB_TIME) {
        Ok(request) if origins.check(&request, local).is_err() => {
            Response::text(421, "Metrics are read by the address of the server, or by a name given with --web-origin.")
        }
        Ok(request) => match (request.method.as_str(), request.path.as_str()) {
            (method @ ("GET" | "HEAD"), "/metrics") => Response::metrics(page()).without_body(method == "HEAD"),
            (_, "/metrics") => Response::text(405, "Use GET.").with("Allow", "GET, HEAD"),
            _ => Response::text(404, "Only /metrics is served here."),
        },
        Err(RequestError::Closed) => return link.abort(),
        Err(RequestError::Invalid(response)) => response,
    };
    response.send(link, Instant::now() + WEB_TIME);
}
