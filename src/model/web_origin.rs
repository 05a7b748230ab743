//! Web origins (RFC 6454): scheme, host and port of a page, as in the `Origin` and `Host` headers.

use std::fmt;
use std::net::SocketAddr;

/// A web origin in normal form: lower case, without the default port of its scheme.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct WebOrigin {
    secure: bool,
    host: String,
    /// `None` for the default port of the scheme.
    port: Option<u16>,
}

impl WebOrigin {
    /// Parses `http://host` or `https://host`, with an optional port and nothing after it.
    ///
    /// # Errors
    /// The end of a sentence that says what is expected.
    pub fn parse(text: &str) -> Result<WebOrigin, &'static str> {
        let (secure, rest) = match text.split_once("://") {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("https") => (true, rest),
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") => (false, rest),
            _ => return Err(FORM),
        };
        WebOrigin::at_host(secure, rest).ok_or(FORM)
    }

    /// The origin of a page served without TLS at this address.
    pub fn at(addr: SocketAddr) -> WebOrigin {
        let ip = addr.ip().to_canonical();
        let host = if ip.is_ipv6() { format!("[{ip}]") } else { ip.to_string() };
        WebOrigin { secure: false, host, port: non_default_port(false, addr.port()) }
    }

    /// The origin `http://localhost` with this port.
    pub fn localhost(port: u16) -> WebOrigin {
        WebOrigin { secure: false, host: "localhost".to_owned(), port: non_default_port(false, port) }
    }

    /// Whether a `Host` header names this origin.
    pub fn has_host(&self, header: &str) -> bool {
        WebOrigin::at_host(self.secure, header).is_some_and(|asked| asked == *self)
    }

    fn at_host(secure: bool, text: &str) -> Option<WebOrigin> {
        let (host, port) = match text.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, Some(number(port)?)),
            _ => (text, None),
        };
        let named = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_');
        let valid = match host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            Some(inner) => inner.parse::<std::net::Ipv6Addr>().is_ok(),
            None => !host.is_empty() && host.len() <= HOST_BYTES && host.bytes().all(named),
        };
        let port = port.and_then(|port| non_default_port(secure, port));
        valid.then(|| WebOrigin { secure, host: host.to_ascii_lowercase(), port })
    }
}

const FORM: &str = "must be a web origin, such as https://chat.example.org or http://10.0.0.5:8080";

/// The longest host name in bytes (RFC 1035).
const HOST_BYTES: usize = 253;

fn number(port: &str) -> Option<u16> {
    port.bytes().all(|b| b.is_ascii_digit()).then(|| port.parse().ok())?
}

fn non_default_port(secure: bool, port: u16) -> Option<u16> {
    (port != if secure { 443 } else { 80 }).then_some(port)
}

impl fmt::Display for WebOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", if self.secure { "https" } else { "http" }, self.host)?;
        self.port.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_has_one_normal_form() {
        for (text, shown) in [
            ("HTTPS://Chat.Example.ORG", "https://chat.example.org"),
            ("https://a:443", "https://a"),
            ("http://a:443", "http://a:443"),
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
            ("http://[::1]:80", "http://[::1]"),
        ] {
            let origin = WebOrigin::parse(text).unwrap();
            assert_eq!(origin.to_string(), shown);
            assert_eq!(WebOrigin::parse(shown).unwrap(), origin);
        }
        for text in ["", "null", "a", "http://", "ftp://a", "http://a/", "http://a b", "http://a:", "http://a:65536"] {
            assert!(WebOrigin::parse(text).is_err(), "{text}");
        }
        for text in ["http://a@b", "http://[zz]", "http://[::1", "http://a:+1", "http://ä", "file://", "http://a?b"] {
            assert!(WebOrigin::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_host_header_must_name_the_served_origin() {
        let origin = WebOrigin::at("127.0.0.1:8080".parse().unwrap());
        assert!(origin.has_host("127.0.0.1:8080"));
        assert!(!origin.has_host("127.0.0.1") && !origin.has_host("localhost:8080") && !origin.has_host(""));
        let proxied = WebOrigin::parse("https://chat.example.org").unwrap();
        assert!(proxied.has_host("chat.example.org") && proxied.has_host("Chat.Example.Org:443"));
        assert!(!proxied.has_host("chat.example.org:80") && !proxied.has_host("evil.example.org"));
        assert!(!proxied.has_host("chat.example.org.evil.org") && !proxied.has_host("x@chat.example.org"));
        assert!(WebOrigin::localhost(80).has_host("localhost"));
    }
}
