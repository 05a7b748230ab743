//! One HTTP response, with the headers that forbid a browser whatever our pages do not need.

use std::borrow::Cow;
use std::time::{Instant, SystemTime};

use chrono::{DateTime, Utc};

use crate::model::text;
use crate::transport::{Link, linger, write_all_until};

/// In every response. Scripts and styles come only from our own files, no other site may frame our page, and browsers
/// must not guess content types.
const ALWAYS: &str = "Connection: close\r\n\
    Content-Security-Policy: default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'\r\n\
    Cross-Origin-Opener-Policy: same-origin\r\n\
    Cross-Origin-Resource-Policy: same-origin\r\n\
    Referrer-Policy: no-referrer\r\n\
    X-Content-Type-Options: nosniff\r\n";

/// A response; the connection ends with it.
#[derive(Debug)]
pub(super) struct Response {
    status: u16,
    content_type: &'static str,
    headers: String,
    body: Cow<'static, [u8]>,
    /// The request was `HEAD`.
    head_only: bool,
}

impl Response {
    /// One of our files. Browsers have to revalidate it before each use.
    pub(super) fn file(content_type: &'static str, body: &'static [u8]) -> Response {
        let headers = "Cache-Control: no-cache\r\n".to_owned();
        Response { status: 200, content_type, headers, body: body.into(), head_only: false }
    }

    /// A response for programs.
    pub(super) fn json(status: u16, body: String) -> Response {
        let headers = "Cache-Control: no-store\r\n".to_owned();
        Response { status, content_type: "application/json", headers, body: body.into_bytes().into(), head_only: false }
    }

    /// A sentence for people.
    pub(super) fn text(status: u16, sentence: &str) -> Response {
        let body = format!("{sentence}\n").into_bytes().into();
        let headers = "Cache-Control: no-store\r\n".to_owned();
        Response { status, content_type: "text/plain; charset=utf-8", headers, body, head_only: false }
    }

    /// Metrics in Prometheus' text format.
    pub(super) fn metrics(page: String) -> Response {
        let headers = "Cache-Control: no-store\r\n".to_owned();
        let body = page.into_bytes().into();
        Response {
            status: 200,
            content_type: "text/plain; version=0.0.4; charset=utf-8",
            headers,
            body,
            head_only: false,
        }
    }

    /// With one more header.
    pub(super) fn with(mut self, name: &str, value: &str) -> Response {
        self.headers.push_str(&format!("{name}: {value}\r\n"));
        self
    }

    /// Without its body if `head_only`.
    pub(super) fn without_body(self, head_only: bool) -> Response {
        Response { head_only, ..self }
    }

    /// In the form of the API's answers: one event with this code, where it is a sentence for people.
    pub(super) fn for_programs(self) -> Response {
        if !self.content_type.starts_with("text/plain") || self.status < 400 {
            return self;
        }
        let code = reason(self.status).to_ascii_lowercase().replace(' ', "_");
        let text = text::quote(String::from_utf8_lossy(&self.body).trim_end());
        let body = format!("[{{\"event\":\"error\",\"code\":\"{code}\",\"text\":{text}}}]\n");
        Response { headers: self.headers, ..Response::json(self.status, body) }
    }

    /// The status code.
    pub(super) fn status(&self) -> u16 {
        self.status
    }

    /// The whole response.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let Response { status, content_type, headers, body, head_only } = self;
        let (length, date) = (body.len(), DateTime::<Utc>::from(SystemTime::now()).format("%a, %d %b %Y %H:%M:%S GMT"));
        let head = format!(
            "HTTP/1.1 {status} {}\r\nDate: {date}\r\nContent-Type: {content_type}\r\nContent-Length: {length}\r\n{ALWAYS}{headers}\r\n",
            reason(*status)
        );
        let mut bytes = head.into_bytes();
        if !head_only {
            bytes.extend_from_slice(body);
        }
        bytes
    }

    /// Writes the response until `deadline`, and ends the connection so that it arrives.
    pub(super) fn send(&self, link: &dyn Link, deadline: Instant) {
        if write_all_until(link, &self.to_bytes(), deadline).is_err() {
            return link.abort();
        }
        link.finish();
        linger(link, || false);
    }
}

/// The reason phrase of a status code.
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
        413 => "Content Too Large",
        417 => "Expectation Failed",
        415 => "Unsupported Media Type",
        421 => "Misdirected Request",
        422 => "Unprocessable Content",
        426 => "Upgrade Required",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        501 => "Not Implemented",
        503 => "Service Unavailable",
        _ => "Internal Server Error",
    }
}
