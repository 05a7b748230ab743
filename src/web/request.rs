//! One HTTP request: read within limits, before a deadline, and parsed by httparse.

use std::io;
use std::time::Instant;

use super::response::Response;
use crate::model::limits::{WEB_BODY, WEB_HEAD, WEB_HEADERS};
use crate::transport::Link;

/// A request with its body.
#[derive(Debug, Default)]
pub(super) struct Request {
    pub(super) method: String,
    /// Without the query.
    pub(super) path: String,
    /// The part behind the question mark.
    pub(super) query: String,
    /// The minor version of HTTP 1.
    pub(super) version: u8,
    /// In the order received, with names in lower case.
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
    /// Bytes received after the request.
    pub(super) rest: Vec<u8>,
}

/// Why there is no request to answer.
pub(super) enum RequestError {
    /// The connection ended, or nothing was received in time.
    Closed,
    /// The request is malformed, too long, too late or refused; this is the answer.
    Invalid(Response),
}

impl Request {
    /// Reads one request until `deadline`.
    pub(super) fn read(link: &dyn Link, deadline: Instant) -> Result<Request, RequestError> {
        Request::read_head(link, deadline)?.read_body(link, deadline)
    }

    /// Reads the head of a request until `deadline`. Bytes received after it are its rest.
    pub(super) fn read_head(link: &dyn Link, deadline: Instant) -> Result<Request, RequestError> {
        let mut received = Vec::new();
        loop {
            let more = read_some(link, &mut received, deadline, WEB_HEAD)?;
            if let Some((request, head)) = parse(&received)? {
                return Ok(Request { rest: received.split_off(head), ..request });
            }
            if !more {
                return Err(bad(431, "The head of the request is too long."));
            }
        }
    }

    /// Reads the body that belongs to this head until `deadline`.
    pub(super) fn read_body(mut self, link: &dyn Link, deadline: Instant) -> Result<Request, RequestError> {
        let length = self.body_length()?;
        while self.rest.len() < length {
            read_some(link, &mut self.rest, deadline, length)?;
        }
        let rest = self.rest.split_off(length);
        self.body = std::mem::replace(&mut self.rest, rest);
        Ok(self)
    }

    /// The values of a header, one for each line.
    pub(super) fn all<'a, 'n>(&'a self, name: &'n str) -> impl Iterator<Item = &'a str> + use<'a, 'n> {
        self.headers.iter().filter(move |(given, _)| given == name).map(|(_, value)| value.as_str())
    }

    /// The value of a header; `None` if it is missing or repeated.
    pub(super) fn only(&self, name: &str) -> Option<&str> {
        let mut all = self.all(name);
        let first = all.next();
        first.filter(|_| all.next().is_none())
    }

    /// The length of the body, which must be declared.
    fn body_length(&self) -> Result<usize, RequestError> {
        if self.all("transfer-encoding").next().is_some() {
            return Err(bad(411, "The request needs a Content-Length."));
        }
        let mut lengths = self.all("content-length");
        let Some(length) = lengths.next() else { return Ok(0) };
        if lengths.next().is_some() || !length.bytes().all(|b| b.is_ascii_digit()) {
            return Err(bad(400, "The Content-Length is invalid."));
        }
        length.parse().ok().filter(|length| *length <= WEB_BODY).ok_or_else(|| bad(413, "The body is too long."))
    }
}

/// Reads what has arrived; returns whether there are still fewer than `max` bytes.
fn read_some(link: &dyn Link, received: &mut Vec<u8>, deadline: Instant, max: usize) -> Result<bool, RequestError> {
    let mut buffer = [0; 2048];
    match link.read(&mut buffer, Some(deadline)) {
        Ok(0) => Err(RequestError::Closed),
        Ok(n) => {
            received.extend_from_slice(&buffer[..n]);
            Ok(received.len() < max)
        }
        Err(e) if e.kind() == io::ErrorKind::TimedOut && !received.is_empty() => {
            Err(bad(408, "The request took too long."))
        }
        Err(_) => Err(RequestError::Closed),
    }
}

/// Parses a head. Returns the request without its body and the length of the head; `None` if the head is incomplete.
fn parse(bytes: &[u8]) -> Result<Option<(Request, usize)>, RequestError> {
    let mut headers = [httparse::EMPTY_HEADER; WEB_HEADERS];
    let mut parsed = httparse::Request::new(&mut headers);
    let head = match parsed.parse(bytes) {
        Ok(httparse::Status::Complete(head)) => head,
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(httparse::Error::TooManyHeaders) => return Err(bad(431, "The request has too many headers.")),
        Err(_) => return Err(bad(400, "The request is malformed.")),
    };
    if head > WEB_HEAD {
        return Err(bad(431, "The head of the request is too long."));
    }
    let header = |header: &httparse::Header<'_>| {
        let value = std::str::from_utf8(header.value).ok()?;
        Some((header.name.to_ascii_lowercase(), value.trim().to_owned()))
    };
    let headers: Option<Vec<_>> = parsed.headers.iter().map(header).collect();
    let headers = headers.ok_or_else(|| bad(400, "A header is not valid UTF-8."))?;
    let target = parsed.path.unwrap_or_default();
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let request = Request {
        method: parsed.method.unwrap_or_default().to_owned(),
        path: path.to_owned(),
        query: query.to_owned(),
        version: parsed.version.unwrap_or_default(),
        headers,
        ..Request::default()
    };
    Ok(Some((request, head)))
}

fn bad(status: u16, why: &'static str) -> RequestError {
    RequestError::Invalid(Response::text(status, why))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;
    use crate::transport::memory;

    fn read(pieces: &[&[u8]]) -> Result<Request, u16> {
        let (link, peer) = memory::pair();
        pieces.iter().for_each(|piece| peer.send(piece));
        peer.finish();
        Request::read(&link, Instant::now() + Duration::from_secs(20)).map_err(|error| match error {
            RequestError::Closed => 0,
            RequestError::Invalid(response) => response.status(),
        })
    }

    #[test]
    fn a_request_is_read_in_pieces_with_body_and_rest() {
        let text = b"POST /api/x?a=b HTTP/1.1\r\nHost: a\r\nX-Y:  z \r\nContent-Length: 4\r\n\r\nbodyrest";
        for cut in 1..text.len() {
            let request = read(&[&text[..cut], &text[cut..]]).unwrap();
            assert_eq!((request.method.as_str(), request.path.as_str()), ("POST", "/api/x"));
            assert_eq!((request.only("host"), request.only("x-y"), request.version), (Some("a"), Some("z"), 1));
            assert_eq!(request.body, b"body");
            assert!(b"rest".starts_with(&request.rest), "the rest is whatever has arrived by then");
        }
    }

    #[test]
    fn malformed_and_oversized_requests_are_refused() {
        let long = format!("GET / HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(WEB_HEAD));
        let many = format!("GET / HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(WEB_HEADERS + 1));
        for (bytes, status) in [
            (long.as_str(), 431),
            (&long[..WEB_HEAD + 10], 431),
            (many.as_str(), 431),
            ("nonsense\r\n\r\n", 400),
            ("GET / HTTP/3\r\n\r\n", 400),
            ("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", 411),
            ("POST / HTTP/1.1\r\nContent-Length: 99999\r\n\r\n", 413),
            ("POST / HTTP/1.1\r\nContent-Length: 99999999999999999999999\r\n\r\n", 413),
            ("POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400),
            ("POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", 400),
            ("GET / HTTP/1.1\r\n", 0),
            ("POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nab", 0),
            ("", 0),
        ] {
            assert_eq!(read(&[bytes.as_bytes()]).err(), Some(status), "{bytes:.60}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_parsed_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            let _ = read(&[&bytes, b"\r\n\r\n"]);
        }
    }
}
