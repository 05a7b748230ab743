//! The client behind a reverse proxy: the address in `X-Forwarded-For` or `Forwarded`, if the proxy is trusted.
//!
//! Each proxy appends the address it received the request from. So the list is read from its end, and the first address
//! that is not a trusted proxy's is the client's. Anything before it was written by the client.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use super::request::Request;
use crate::lock::Mutex;
use crate::model::{Net, Peer};

/// How long to wait before logging again that a proxy does not name its clients.
const WARN_INTERVAL: Duration = Duration::from_secs(3600);

/// The reverse proxies whose word about their clients is trusted.
#[derive(Debug, Default)]
pub(crate) struct TrustedProxies {
    nets: Vec<Net>,
    /// When it was last logged that a proxy does not name its clients.
    // lock tier 9: a leaf.
    warned: Mutex<Option<Instant>, 9>,
}

/// The client's address according to a trusted proxy.
#[derive(Debug, PartialEq, Eq)]
enum ForwardedFor {
    Client(SocketAddr),
    /// There is no header.
    Missing,
    /// The header contains no address where one is needed.
    Invalid,
}

impl TrustedProxies {
    /// Trusts the proxies in these networks.
    pub(crate) fn new(nets: &[Net]) -> TrustedProxies {
        TrustedProxies { nets: nets.to_vec(), warned: Mutex::default() }
    }

    /// Whether this is the address of a trusted proxy.
    pub(crate) fn contains(&self, address: IpAddr) -> bool {
        self.nets.iter().any(|net| net.contains(address))
    }

    /// The client of a request on a connection from `peer`, with port 0 where the port is unknown. A proxy that names
    /// no client, or no valid address, counts as the client itself.
    pub(super) fn client(&self, request: &Request, peer: SocketAddr) -> SocketAddr {
        if !self.contains(peer.ip()) {
            return peer;
        }
        match self.forwarded_for(request) {
            ForwardedFor::Client(client) => return client,
            ForwardedFor::Missing => self.warn(peer, "no X-Forwarded-For"),
            ForwardedFor::Invalid => self.warn(peer, "no address in X-Forwarded-For"),
        }
        peer
    }

    fn forwarded_for(&self, request: &Request) -> ForwardedFor {
        let usual: Vec<&str> = request.all("x-forwarded-for").flat_map(|value| value.split(',')).collect();
        if !usual.is_empty() {
            return self.rightmost(usual.into_iter().map(|entry| address(entry.trim())));
        }
        let standard: Vec<&str> = request.all("forwarded").flat_map(|value| value.split(',')).collect();
        self.rightmost(standard.into_iter().map(|element| address(for_parameter(element)?)))
    }

    /// The last address that is not a trusted proxy's; the first one if all are.
    fn rightmost(&self, entries: impl DoubleEndedIterator<Item = Option<SocketAddr>>) -> ForwardedFor {
        let mut found = ForwardedFor::Missing;
        for entry in entries.rev() {
            let Some(client) = entry else { return ForwardedFor::Invalid };
            found = ForwardedFor::Client(client);
            if !self.contains(client.ip()) {
                break;
            }
        }
        found
    }

    /// Logs now and then, rather than for each request, that a trusted proxy does not name its clients.
    fn warn(&self, proxy: SocketAddr, what: &str) {
        let now = Instant::now();
        let mut warned = self.warned.lock();
        if warned.is_none_or(|last| now.saturating_duration_since(last) > WARN_INTERVAL) {
            *warned = Some(now);
            log::warn!("trusted proxy {} says \"{what}\": its clients count as one", Peer(proxy));
        }
    }
}

/// Parses `192.0.2.1`, `192.0.2.1:5678`, `2001:db8::1`, `[2001:db8::1]` or `[2001:db8::1]:443`.
fn address(entry: &str) -> Option<SocketAddr> {
    let bracketed = || entry.strip_prefix('[')?.strip_suffix(']')?.parse().ok().map(IpAddr::V6);
    let alone = entry.parse().ok().or_else(bracketed).map(|address| SocketAddr::new(address, 0));
    let found: SocketAddr = alone.or_else(|| entry.parse().ok())?;
    let address = found.ip().to_canonical();
    // An unspecified address is no client's.
    (address != Ipv4Addr::UNSPECIFIED && !address.is_unspecified()).then(|| SocketAddr::new(address, found.port()))
}

/// The value of `for` in one element of `Forwarded`, without its quotes.
fn for_parameter(element: &str) -> Option<&str> {
    let mut pairs = element.split(';').filter_map(|pair| pair.split_once('='));
    let (_, value) = pairs.find(|(name, _)| name.trim().eq_ignore_ascii_case("for"))?;
    let value = value.trim();
    Some(value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PROXY: &str = "10.0.0.1:4000";

    fn client(headers: &[(&str, &str)]) -> String {
        let trusted = ["10.0.0.0/8", "2001:db8:1::/48"].map(|net| net.parse().unwrap());
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let request = Request { headers, ..Request::default() };
        TrustedProxies::new(&trusted).client(&request, PROXY.parse().unwrap()).to_string()
    }

    #[test]
    fn the_last_address_outside_trusted_proxies_counts() {
        for (header, expected) in [
            ("192.0.2.1", "192.0.2.1:0"),
            ("192.0.2.1:5678", "192.0.2.1:5678"),
            ("2001:db8::1", "[2001:db8::1]:0"),
            ("[2001:db8::1]", "[2001:db8::1]:0"),
            ("[2001:db8::1]:443", "[2001:db8::1]:443"),
            ("::ffff:192.0.2.1", "192.0.2.1:0"),
            ("198.51.100.9, 192.0.2.1", "192.0.2.1:0"),
            ("127.0.0.1, 192.0.2.1", "192.0.2.1:0"),
            ("nonsense,,192.0.2.1", "192.0.2.1:0"),
            ("198.51.100.9, 192.0.2.1, 10.1.2.3:80,[2001:db8:1::7]", "192.0.2.1:0"),
            ("10.0.0.9, 10.0.0.8", "10.0.0.9:0"),
            // Without a valid address the proxy itself counts.
            ("", PROXY),
            ("unknown", PROXY),
            ("192.0.2.1, nonsense", PROXY),
            ("192.0.2.1,", PROXY),
            ("192.0.2.1, nonsense, 10.1.2.3", PROXY),
            ("192.0.2.1:99999", PROXY),
            ("192.0.2.1.", PROXY),
            ("0.0.0.0", PROXY),
            ("[::]", PROXY),
            ("fe80::1%eth0", PROXY),
        ] {
            assert_eq!(client(&[("x-forwarded-for", header)]), expected, "{header}");
        }
        let two = [("x-forwarded-for", "198.51.100.9"), ("x-forwarded-for", "192.0.2.1, 10.0.0.2")];
        assert_eq!(client(&two), "192.0.2.1:0");
        assert_eq!(client(&[]), PROXY);
    }

    #[test]
    fn forwarded_counts_where_x_forwarded_for_is_missing() {
        for (header, expected) in [
            ("for=192.0.2.1", "192.0.2.1:0"),
            ("proto=http; For=\"[2001:db8::1]:4711\";by=203.0.113.43", "[2001:db8::1]:4711"),
            ("for=198.51.100.9, for=192.0.2.1;proto=https, for=10.0.0.7", "192.0.2.1:0"),
            ("for=_hidden", PROXY),
            ("for=unknown", PROXY),
            ("proto=https", PROXY),
        ] {
            assert_eq!(client(&[("forwarded", header)]), expected, "{header}");
        }
        assert_eq!(client(&[("forwarded", "for=198.51.100.9"), ("x-forwarded-for", "192.0.2.1")]), "192.0.2.1:0");
    }

    #[test]
    fn an_untrusted_peer_is_not_asked() {
        let headers = vec![("x-forwarded-for".to_owned(), "192.0.2.1".to_owned())];
        let request = Request { headers, ..Request::default() };
        let stranger = "203.0.113.9:5".parse().unwrap();
        assert_eq!(TrustedProxies::default().client(&request, stranger), stranger);
        assert_eq!(TrustedProxies::new(&["10.0.0.0/8".parse().unwrap()]).client(&request, stranger), stranger);
    }

    proptest! {
        #[test]
        fn any_header_gives_an_address(value in "\\PC{0,80}") {
            prop_assert!(client(&[("x-forwarded-for", &value), ("forwarded", &value)]).parse::<SocketAddr>().is_ok());
        }
    }
}
