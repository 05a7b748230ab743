//! The metrics, for whoever asks at their own address. There are no names in them, and no page may read them.

use std::time::Instant;

use super::request::{Flaw, Request};
use super::response::Response;
use crate::model::limits::WEB_TIME;
use crate::transport::Link;

/// Answers one request for `/metrics` with the page that `page` writes.
pub(crate) fn scrape(link: &dyn Link, page: impl FnOnce() -> String) {
    let response = match Request::read(link, Instant::now() + WEB_TIME) {
        Ok(request) => reply(&request, page),
        Err(Flaw::Gone) => return link.abort(),
        Err(Flaw::Bad(response)) => response,
    };
    response.send(link, Instant::now() + WEB_TIME);
}

fn reply(request: &Request, page: impl FnOnce() -> String) -> Response {
    match (request.method.as_str(), request.path.as_str()) {
        ("GET" | "HEAD", "/metrics") => Response::metrics(page()).without_body(request.method == "HEAD"),
        (_, "/metrics") => Response::text(405, "Metrics are only read, with GET.").with("Allow", "GET, HEAD"),
        _ => Response::text(404, "There is nothing but /metrics."),
    }
}
