//! The origins of our own pages (RFC 6454), against which `Host` and `Origin` of every request are checked.
//!
//! A `Host` that is not ours is a name that somebody pointed here (DNS rebinding). An `Origin` that is not ours is
//! somebody else's page (cross-site requests, hijacked WebSockets). Both are refused, whatever they ask for.

use std::net::SocketAddr;

use super::request::Request;
use super::response::Response;
use crate::model::WebOrigin;

/// The origins of our own pages.
#[derive(Debug, Clone, Default)]
pub(crate) struct AllowedOrigins {
    origins: Vec<WebOrigin>,
}

/// Which header of a request names another site.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OriginError {
    Host,
    Origin,
}

impl AllowedOrigins {
    /// The origins at these addresses, and those that the operator lists.
    pub(crate) fn new(addresses: &[SocketAddr], more: &[WebOrigin]) -> AllowedOrigins {
        let mut origins: Vec<WebOrigin> = more.to_vec();
        for addr in addresses {
            // At an unspecified address, each connection has a local address of its own (see `check`).
            if !addr.ip().is_unspecified() {
                origins.push(WebOrigin::at(*addr));
            }
            if addr.ip().is_loopback() || addr.ip().is_unspecified() {
                origins.push(WebOrigin::localhost(addr.port()));
            }
        }
        AllowedOrigins { origins }
    }

    /// Checks a request that was sent to our address `local`.
    ///
    /// # Errors
    /// The header that names another site.
    pub(super) fn check(&self, request: &Request, local: Option<SocketAddr>) -> Result<(), OriginError> {
        let here = local.map(WebOrigin::at);
        let ours = || self.origins.iter().chain(&here);
        // Without a Host it is HTTP/1.0, which no browser speaks.
        let Some(host) = request.only("host") else {
            return if request.version == 0 && request.all("host").next().is_none() {
                Ok(())
            } else {
                Err(OriginError::Host)
            };
        };
        if !ours().any(|origin| origin.has_host(host)) {
            return Err(OriginError::Host);
        }
        let mut from = request.all("origin");
        let known = |text: &str| WebOrigin::parse(text).is_ok_and(|from| ours().any(|origin| *origin == from));
        if from.all(known) { Ok(()) } else { Err(OriginError::Origin) }
    }
}

impl OriginError {
    /// The fixed word in the log.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            OriginError::Host => "host",
            OriginError::Origin => "origin",
        }
    }

    /// The answer to such a request.
    pub(super) fn response(self) -> Response {
        match self {
            OriginError::Host => Response::text(
                421,
                "This server does not serve the host name in your address bar; its operator can add it with --web-origin.",
            ),
            OriginError::Origin => {
                Response::text(403, "This request comes from another site, which may not use this server.")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(headers: &[(&str, &str)]) -> Request {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Request { headers, version: 1, ..Request::default() }
    }

    #[test]
    fn only_listed_hosts_and_origins_pass() {
        let more = [WebOrigin::parse("https://chat.example.org").unwrap()];
        let origins = AllowedOrigins::new(&["127.0.0.1:8080".parse().unwrap()], &more);
        let check =
            |headers: &[(&str, &str)]| origins.check(&request(headers), Some("127.0.0.1:8080".parse().unwrap()));
        for host in ["127.0.0.1:8080", "localhost:8080", "LOCALHOST:8080", "chat.example.org", "chat.example.org:443"] {
            assert_eq!(check(&[("host", host)]), Ok(()), "{host}");
            assert_eq!(check(&[("host", host), ("origin", "https://chat.example.org")]), Ok(()));
            assert_eq!(check(&[("host", host), ("origin", "http://localhost:8080")]), Ok(()));
            for origin in
                ["null", "", "http://evil.org", "http://chat.example.org", "https://localhost:8080", "file://"]
            {
                assert_eq!(check(&[("host", host), ("origin", origin)]), Err(OriginError::Origin), "{origin}");
            }
            let two = [("host", host), ("origin", "http://localhost:8080"), ("origin", "http://evil.org")];
            assert_eq!(check(&two), Err(OriginError::Origin));
        }
        for host in ["", "localhost", "localhost:80", "evil.org", "127.0.0.1:8080.evil.org", "127.0.0.1:8080@evil.org"]
        {
            assert_eq!(check(&[("host", host)]), Err(OriginError::Host), "{host}");
        }
        let without = |version| origins.check(&Request { version, ..request(&[]) }, None);
        assert_eq!((without(1), without(0)), (Err(OriginError::Host), Ok(())));
        assert_eq!(check(&[("host", "localhost:8080"), ("host", "evil.org")]), Err(OriginError::Host));
    }

    #[test]
    fn an_unspecified_address_allows_the_local_one() {
        let origins = AllowedOrigins::new(&["0.0.0.0:8080".parse().unwrap()], &[]);
        let local = Some("192.168.1.5:8080".parse().unwrap());
        let check = |host| origins.check(&request(&[("host", host)]), local);
        assert_eq!(check("192.168.1.5:8080"), Ok(()));
        assert_eq!(check("localhost:8080"), Ok(()));
        assert_eq!(check("0.0.0.0:8080"), Err(OriginError::Host));
        assert_eq!(check("10.0.0.1:8080"), Err(OriginError::Host));
    }
}
