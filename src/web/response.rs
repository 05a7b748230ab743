//! One HTTP answer, with the headers that keep a browser from doing what no page of ours needs.

use std::borrow::Cow;
use std::time::Instant;

use crate::transport::{Link, linger, write_all_until};

/// On every answer. Scripts and styles come from files of ours alone, nobody may put our page into his, and nothing is
/// guessed about what a file is.
const ALWAYS: &str = "Connection: close\r\n\
    Content-Security-Policy: default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'\r\n\
    Cross-Origin-Opener-Policy: same-origin\r\n\
    Cross-Origin-Resource-Policy: same-origin\r\n\
    Referrer-Policy: no-referrer\r\n\
    X-Content-Type-Options: nosniff\r\n";

/// An answer; the connection ends with it.
#[derive(Debug)]
pub(super) struct Response {
    status: u16,
    kind: &'static str,
    headers: String,
    body: Cow<'static, [u8]>,
    /// Only the head is wanted.
    bare: bool,
}

impl Response {
    /// A file of ours, to be asked for again before it is used again.
    pub(super) fn file(kind: &'static str, body: &'static [u8]) -> Response {
        let headers = "Cache-Control: no-cache\r\n".to_owned();
        Response { status: 200, kind, headers, body: body.into(), bare: false }
    }

    /// An answer for programs.
    pub(super) fn json(status: u16, body: String) -> Response {
        let headers = "Cache-Control: no-store\r\n".to_owned();
        Response { status, kind: "application/json", headers, body: body.into_bytes().into(), bare: false }
    }

    /// A sentence for people.
    pub(super) fn text(status: u16, sentence: &'static str) -> Response {
        let body = format!("{sentence}\n").into_bytes().into();
        let headers = "Cache-Control: no-store\r\n".to_owned();
        Response { status, kind: "text/plain; charset=utf-8", headers, body, bare: false }
    }

    /// The page of metrics, in Prometheus' text format.
    pub(super) fn metrics(page: String) -> Response {
        let headers = "Cache-Control: no-store\r\n".to_owned();
        let body = page.into_bytes().into();
        Response { status: 200, kind: "text/plain; version=0.0.4; charset=utf-8", headers, body, bare: false }
    }

    /// With one header more.
    pub(super) fn with(mut self, name: &str, value: &str) -> Response {
        self.headers.push_str(&format!("{name}: {value}\r\n"));
        self
    }

    /// Without its body, if that is what was asked for.
    pub(super) fn without_body(self, bare: bool) -> Response {
        Response { bare, ..self }
    }

    pub(super) fn status(&self) -> u16 {
        self.status
    }

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let Response { status, kind, headers, body, bare } = self;
        let length = body.len();
        let head = format!(
            "HTTP/1.1 {status} {}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n{ALWAYS}{headers}\r\n",
            reason(*status)
        );
        let mut bytes = head.into_bytes();
        if !bare {
            bytes.extend_from_slice(body);
        }
        bytes
    }

    /// Writes it until `by`, and ends the connection so that it arrives.
    pub(super) fn send(&self, link: &dyn Link, by: Instant) {
        if write_all_until(link, &self.to_bytes(), by).is_err() {
            return link.abort();
        }
        link.finish();
        linger(link, || false);
    }
}

/// The words for people behind a status.
fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        201 => "Created",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        409 => "Conflict",
        411 => "Length Required",
        413 => "Content Too Large",
        415 => "Unsupported Media Type",
        421 => "Misdirected Request",
        422 => "Unprocessable Content",
        426 => "Upgrade Required",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        503 => "Service Unavailable",
        _ => "Internal Server Error",
    }
}
