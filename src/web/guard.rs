//! Who may ask: the list of origins that pages of ours have, against which `Host` and `Origin` are held.
//!
//! A `Host` that is none of ours is a name that somebody else has pointed here (DNS rebinding), an `Origin` that is none
//! of ours is somebody else's page (cross-site requests, hijacked WebSockets). Both are refused whatever they ask for.

use std::net::SocketAddr;

use super::request::Request;
use super::response::Response;
use crate::model::WebOrigin;

/// Where pages of ours come from.
#[derive(Debug, Clone, Default)]
pub(crate) struct Site {
    origins: Vec<WebOrigin>,
}

/// Why a request is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    Host,
    Origin,
}

impl Site {
    /// The site at these addresses, and under whatever else its operator calls it.
    pub(crate) fn new(addresses: &[SocketAddr], more: &[WebOrigin]) -> Site {
        let mut origins: Vec<WebOrigin> = more.to_vec();
        for addr in addresses {
            // At an unspecified address each connection knows for itself where it came to.
            if !addr.ip().is_unspecified() {
                origins.push(WebOrigin::at(*addr));
            }
            if addr.ip().is_loopback() || addr.ip().is_unspecified() {
                origins.push(WebOrigin::localhost(addr.port()));
            }
        }
        Site { origins }
    }

    /// Whether a request that came to this address of ours may be answered.
    pub(super) fn check(&self, request: &Request, to: Option<SocketAddr>) -> Result<(), Refusal> {
        let here = to.map(WebOrigin::at);
        let ours = || self.origins.iter().chain(&here);
        let host = request.only("host").ok_or(Refusal::Host)?;
        if !ours().any(|origin| origin.has_host(host)) {
            return Err(Refusal::Host);
        }
        let mut from = request.all("origin");
        let known = |text: &str| WebOrigin::parse(text).is_ok_and(|from| ours().any(|origin| *origin == from));
        if from.all(known) { Ok(()) } else { Err(Refusal::Origin) }
    }
}

impl Refusal {
    /// The fixed words for it in the log.
    pub(super) fn why(self) -> &'static str {
        match self {
            Refusal::Host => "host",
            Refusal::Origin => "origin",
        }
    }

    pub(super) fn response(self) -> Response {
        match self {
            Refusal::Host => Response::text(
                421,
                "This server does not know itself by the name in your address bar; its operator can allow it with --web-origin.",
            ),
            Refusal::Origin => {
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
        Request { headers, ..Request::default() }
    }

    #[test]
    fn only_listed_hosts_and_origins_pass() {
        let more = [WebOrigin::parse("https://chat.example.org").unwrap()];
        let site = Site::new(&["127.0.0.1:8080".parse().unwrap()], &more);
        let check = |headers: &[(&str, &str)]| site.check(&request(headers), Some("127.0.0.1:8080".parse().unwrap()));
        for host in ["127.0.0.1:8080", "localhost:8080", "LOCALHOST:8080", "chat.example.org", "chat.example.org:443"] {
            assert_eq!(check(&[("host", host)]), Ok(()), "{host}");
            assert_eq!(check(&[("host", host), ("origin", "https://chat.example.org")]), Ok(()));
            assert_eq!(check(&[("host", host), ("origin", "http://localhost:8080")]), Ok(()));
            for origin in
                ["null", "", "http://evil.org", "http://chat.example.org", "https://localhost:8080", "file://"]
            {
                assert_eq!(check(&[("host", host), ("origin", origin)]), Err(Refusal::Origin), "{origin}");
            }
            let two = [("host", host), ("origin", "http://localhost:8080"), ("origin", "http://evil.org")];
            assert_eq!(check(&two), Err(Refusal::Origin));
        }
        for host in ["", "localhost", "localhost:80", "evil.org", "127.0.0.1:8080.evil.org", "127.0.0.1:8080@evil.org"]
        {
            assert_eq!(check(&[("host", host)]), Err(Refusal::Host), "{host}");
        }
        assert_eq!(check(&[]), Err(Refusal::Host));
        assert_eq!(check(&[("host", "localhost:8080"), ("host", "evil.org")]), Err(Refusal::Host));
    }

    #[test]
    fn a_site_at_any_address_knows_the_one_that_a_request_came_to() {
        let site = Site::new(&["0.0.0.0:8080".parse().unwrap()], &[]);
        let to = Some("192.168.1.5:8080".parse().unwrap());
        let check = |host| site.check(&request(&[("host", host)]), to);
        assert_eq!(check("192.168.1.5:8080"), Ok(()));
        assert_eq!(check("localhost:8080"), Ok(()));
        assert_eq!(check("0.0.0.0:8080"), Err(Refusal::Host));
        assert_eq!(check("10.0.0.1:8080"), Err(Refusal::Host));
    }
}
