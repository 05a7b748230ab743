//! One HTTP request: read within limits, before a deadline, and parsed by httparse.

use std::io;
use std::time::Instant;

use super::response::Response;
use crate::model::limits::{WEB_BODY, WEB_HEAD, WEB_HEADERS};
use crate::transport::{Link, write_all_until};

/// A request with its body.
#[derive(Debug, Default)]
pub(super) struct Request {
    pub(super) method: String,
    /// Without the query; percent-encoded characters are decoded, except slashes.
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
        let framing = self.body_framing()?;
        self.answer_expectation(link, deadline, &framing)?;
        match framing {
            BodyFraming::Length(length) => {
                while self.rest.len() < length {
                    read_body_part(link, &mut self.rest, deadline)?;
                }
                let rest = self.rest.split_off(length);
                self.body = std::mem::replace(&mut self.rest, rest);
            }
            BodyFraming::Chunked => loop {
                if let Some((body, length)) = dechunked(&self.rest)? {
                    (self.body, self.rest) = (body, self.rest.split_off(length));
                    break;
                }
                if self.rest.len() > MAX_CHUNKED {
                    return Err(bad(413, "The body is too long."));
                }
                read_body_part(link, &mut self.rest, deadline)?;
            },
        }
        Ok(self)
    }

    /// Tells a client that waits for it to go on with its body (RFC 9110, 10.1.1).
    fn answer_expectation(
        &self,
        link: &dyn Link,
        deadline: Instant,
        framing: &BodyFraming,
    ) -> Result<(), RequestError> {
        let mut expected = self.all("expect").peekable();
        if expected.peek().is_none() || self.version == 0 {
            return Ok(());
        }
        if !expected.all(|what| what.eq_ignore_ascii_case("100-continue")) {
            return Err(bad(417, "Only 100-continue can be expected here."));
        }
        if self.rest.is_empty() && *framing != BodyFraming::Length(0) {
            let told = write_all_until(link, b"HTTP/1.1 100 Continue\r\n\r\n", deadline);
            told.map_err(|_| RequestError::Closed)?;
        }
        Ok(())
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

    /// How the end of the body is found (RFC 9112, 6.3).
    fn body_framing(&self) -> Result<BodyFraming, RequestError> {
        let mut lengths = self.all("content-length");
        let length = lengths.next();
        let mut encodings = self.all("transfer-encoding").flat_map(|list| list.split(',')).map(str::trim).peekable();
        if encodings.peek().is_some() {
            // With a length as well, another server before us may have found another end of the body.
            if length.is_some() || self.version == 0 {
                return Err(bad(400, "A body has a length or a transfer coding, not both."));
            }
            if !encodings.next().is_some_and(|coding| coding.eq_ignore_ascii_case("chunked"))
                || encodings.next().is_some()
            {
                return Err(bad(501, "The only transfer coding here is chunked."));
            }
            return Ok(BodyFraming::Chunked);
        }
        let Some(length) = length else { return Ok(BodyFraming::Length(0)) };
        if lengths.next().is_some() || length.is_empty() || !length.bytes().all(|b| b.is_ascii_digit()) {
            return Err(bad(400, "The Content-Length is invalid."));
        }
        let length = length.parse().ok().filter(|length| *length <= WEB_BODY);
        length.map(BodyFraming::Length).ok_or_else(|| bad(413, "The body is too long."))
    }
}

/// How the end of a body is found.
#[derive(Debug, PartialEq, Eq)]
enum BodyFraming {
    Length(usize),
    Chunked,
}

/// The most bytes of a chunked body with the heads of its chunks: one byte may take six.
const MAX_CHUNKED: usize = 6 * WEB_BODY + WEB_HEAD;

/// Decodes a chunked body (RFC 9112, 7.1) without its trailers. Returns it and how many bytes it took; `None` while it is
/// incomplete.
fn dechunked(bytes: &[u8]) -> Result<Option<(Vec<u8>, usize)>, RequestError> {
    let malformed = || bad(400, "The chunks of the body are malformed.");
    let (mut body, mut at) = (Vec::new(), 0);
    loop {
        let (size_at, size) = match httparse::parse_chunk_size(&bytes[at..]) {
            Ok(httparse::Status::Complete(found)) => found,
            Ok(httparse::Status::Partial) => return Ok(None),
            Err(_) => return Err(malformed()),
        };
        at += size_at;
        if size == 0 {
            break;
        }
        let size = usize::try_from(size).ok().filter(|size| body.len().saturating_add(*size) <= WEB_BODY);
        let size = size.ok_or_else(|| bad(413, "The body is too long."))?;
        let Some(chunk) = bytes.get(at..at + size) else { return Ok(None) };
        match bytes.get(at + size..at + size + 2) {
            Some(b"\r\n") => {}
            Some(_) => return Err(malformed()),
            None => return Ok(None),
        }
        body.extend_from_slice(chunk);
        at += size + 2;
    }
    // Trailers mean nothing here.
    let mut headers = [httparse::EMPTY_HEADER; WEB_HEADERS];
    match httparse::parse_headers(&bytes[at..], &mut headers) {
        Ok(httparse::Status::Complete((length, _))) => Ok(Some((body, at + length))),
        Ok(httparse::Status::Partial) => Ok(None),
        Err(_) => Err(malformed()),
    }
}

/// Reads a part of a body, which was announced: a client that sends none is told that it took too long.
fn read_body_part(link: &dyn Link, received: &mut Vec<u8>, deadline: Instant) -> Result<(), RequestError> {
    let mut buffer = [0; 2048];
    match link.read(&mut buffer, Some(deadline)) {
        Ok(0) => Err(RequestError::Closed),
        Ok(n) => {
            received.extend_from_slice(&buffer[..n]);
            Ok(())
        }
        Err(e) if e.kind() == io::ErrorKind::TimedOut => Err(bad(408, "The request took too long.")),
        Err(_) => Err(RequestError::Closed),
    }
}

/// Decodes percent-encoded characters (RFC 3986, 2.1), except slashes, which would divide the path anew.
pub(super) fn percent_decoded(text: &str) -> Option<String> {
    if !text.contains('%') {
        return Some(text.to_owned());
    }
    let (mut decoded, mut rest) = (Vec::new(), text);
    while let Some((before, after)) = rest.split_once('%') {
        decoded.extend_from_slice(before.as_bytes());
        let digits = after.get(..2).filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()))?;
        match u8::from_str_radix(digits, 16).ok()? {
            b'/' => decoded.extend_from_slice(b"%2F"),
            byte => decoded.push(byte),
        }
        rest = &after[2..];
    }
    decoded.extend_from_slice(rest.as_bytes());
    String::from_utf8(decoded).ok()
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
        // Other bytes are opaque (RFC 9110, 5.5); the cookies of another program may contain them.
        let value = std::str::from_utf8(header.value).map_or_else(|_| latin1(header.value), str::to_owned);
        (header.name.to_ascii_lowercase(), value.trim_matches([' ', '\t']).to_owned())
    };
    let mut headers: Vec<(String, String)> = parsed.headers.iter().map(header).collect();
    let version = parsed.version.unwrap_or_default();
    let hosts = headers.iter().filter(|(name, _)| name == "host").count();
    if hosts > 1 || (hosts == 0 && version > 0) {
        return Err(bad(400, "A request has one Host."));
    }
    let target = parsed.path.unwrap_or_default();
    let target = match absolute_form(target) {
        Some((authority, target)) => {
            // It takes the place of the Host (RFC 9112, 3.2.2).
            headers.retain(|(name, _)| name != "host");
            headers.push(("host".to_owned(), authority.to_owned()));
            target
        }
        None => target,
    };
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let path = percent_decoded(path).ok_or_else(|| bad(400, "The path is not percent-encoded UTF-8."))?;
    let request = Request {
        method: parsed.method.unwrap_or_default().to_owned(),
        path: if path.is_empty() { "/".to_owned() } else { path },
        query: query.to_owned(),
        version,
        headers,
        ..Request::default()
    };
    Ok(Some((request, head)))
}

/// The authority, and the rest, of a target that is a whole URI, as clients send it to a proxy.
fn absolute_form(target: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = target.split_once("://")?;
    if !["http", "https"].iter().any(|known| known.eq_ignore_ascii_case(scheme)) {
        return None;
    }
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    Some(rest.split_at(end))
}

/// Bytes as ISO 8859-1.
fn latin1(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| char::from(*byte)).collect()
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
            ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999\r\n\r\n", 413),
            ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999999\r\n\r\n", 413),
            ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", 400),
            ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", 400),
            ("GET / HTTP/1.1\r\n", 0),
            ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab", 0),
            ("", 0),
        ] {
            assert_eq!(read(&[bytes.as_bytes()]).err(), Some(status), "{bytes:.60}");
        }
    }

    #[test]
    fn what_the_rfcs_allow_is_accepted_and_the_rest_refused() {
        let long = format!("{:x}\r\n", WEB_BODY + 1);
        let chunked = "Transfer-Encoding: chunked\r\n";
        // RFC and section, head after the request line, body; then the status of a refusal, or the body.
        for (rule, head, body, expected) in [
            ("9112 3.2", "", "", Err(400)),
            ("9112 3.2", "Host: a\r\nHost: a\r\n", "", Err(400)),
            ("9112 6.2", "Host: a\r\nContent-Length:\r\n", "", Err(400)),
            ("9112 6.2", "Host: a\r\nContent-Length: +1\r\n", "x", Err(400)),
            ("9112 6.3", "Host: a\r\nContent-Length: 1, 1\r\n", "x", Err(400)),
            ("9112 6.3", &format!("Host: a\r\nContent-Length: 3\r\n{chunked}"), "0\r\n\r\n", Err(400)),
            ("9112 6.1", "Host: a\r\nTransfer-Encoding: gzip, chunked\r\n", "0\r\n\r\n", Err(501)),
            ("9112 7.1", &format!("Host: a\r\n{chunked}"), "3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n", Ok("abcde")),
            ("9112 7.1", "Host: a\r\nTransfer-Encoding: CHUNKED\r\n", "A\r\n0123456789\r\n0\r\n\r\n", Ok("0123456789")),
            ("9112 7.1.2", &format!("Host: a\r\n{chunked}"), "1\r\na\r\n0\r\nX-T: y\r\n\r\n", Ok("a")),
            ("9112 7.1", &format!("Host: a\r\n{chunked}"), "x\r\n", Err(400)),
            ("9112 7.1", &format!("Host: a\r\n{chunked}"), "1\r\nabc\r\n", Err(400)),
            ("9112 7.1", &format!("Host: a\r\n{chunked}"), &long, Err(413)),
            ("9110 10.1.1", "Host: a\r\nExpect: 100-Continue\r\nContent-Length: 2\r\n", "ok", Ok("ok")),
            ("9110 10.1.1", "Host: a\r\nExpect: a-pony\r\nContent-Length: 2\r\n", "ok", Err(417)),
            ("9110 5.5", "Host: a\r\nCookie: name=Zo\u{EB}\r\n", "", Ok("")),
            ("9112 5.1", "Host : a\r\n", "", Err(400)),
        ] {
            let request = format!("POST / HTTP/1.1\r\n{head}\r\n{body}");
            let expected = expected.map(|body| body.as_bytes().to_vec());
            assert_eq!(read(&[request.as_bytes()]).map(|request| request.body), expected, "RFC {rule}: {request:?}");
            // However it is cut.
            let pieces: Vec<&[u8]> = request.as_bytes().chunks(1).collect();
            assert_eq!(read(&pieces).map(|request| request.body), expected, "RFC {rule}, in pieces: {request:?}");
        }
        let latin1 = read(&[b"GET / HTTP/1.1\r\nHost: a\r\nCookie: n=Zo\xEB\r\n\r\n"]).unwrap();
        assert_eq!(latin1.only("cookie"), Some("n=Zo\u{EB}"));
    }

    #[test]
    fn a_target_has_several_forms() {
        for (target, host, path, query) in [
            ("/a%20b?c=%20d", "a", "/a b", "c=%20d"),
            ("/api/messages/b%6Fb", "a", "/api/messages/bob", ""),
            ("/%23x%2fy%2F", "a", "/#x%2Fy%2F", ""),
            ("/Zo%C3%AB", "a", "/Zo\u{EB}", ""),
            ("http://b:8080/c?d=e", "b:8080", "/c", "d=e"),
            ("HTTPS://b", "b", "/", ""),
            ("http://b?d", "b", "/", "d"),
            ("*", "a", "*", ""),
        ] {
            let request = read(&[format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n").as_bytes()]).unwrap();
            assert_eq!(
                (request.only("host"), request.path.as_str(), request.query.as_str()),
                (Some(host), path, query)
            );
        }
        for target in ["/%", "/%6", "/%6g", "/%FF", "/%+1"] {
            assert_eq!(read(&[format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n").as_bytes()]).err(), Some(400));
        }
        assert_eq!(read(&[b"GET / HTTP/1.0\r\n\r\n"]).unwrap().only("host"), None);
    }

    #[test]
    fn a_client_that_waits_is_told_to_go_on() {
        let (link, peer) = memory::pair();
        let head = "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n";
        peer.send(head.as_bytes());
        let client = std::thread::spawn(move || {
            let told = peer.receive(Instant::now() + Duration::from_secs(20)).unwrap();
            peer.send(b"body");
            (told, peer)
        });
        let request = Request::read(&link, Instant::now() + Duration::from_secs(20)).ok().unwrap();
        assert_eq!(request.body, b"body");
        assert_eq!(client.join().unwrap().0, b"HTTP/1.1 100 Continue\r\n\r\n");
    }

    #[test]
    fn an_announced_body_that_never_comes_is_late() {
        let (link, peer) = memory::pair();
        peer.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n");
        match Request::read(&link, Instant::now() + Duration::from_millis(50)) {
            Err(RequestError::Invalid(response)) => assert_eq!(response.status(), 408),
            _ => panic!("it was read"),
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_parsed_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            let _ = read(&[&bytes, b"\r\n\r\n"]);
        }
    }
}
