//! Whom a request comes from when a proxy has brought it: the address that the proxy says, if the proxy is trusted.
//!
//! Each proxy on the way adds the address from which the request came to it. So the list is read from its end, and the
//! first address there that is no trusted proxy's is the client's: what stands before it is whatever he likes.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use parking_lot::Mutex;
use std::time::{Duration, Instant};

use super::request::Request;
use crate::model::{Net, Peer};

/// How long nothing more is said about proxies that do not say whom they ask for.
const QUIET: Duration = Duration::from_secs(3600);

/// The proxies that are believed.
#[derive(Debug, Default)]
pub(crate) struct Proxies {
    trusted: Vec<Net>,
    /// When a proxy's silence was last worth a line in the log.
    complained: Mutex<Option<Instant>>,
}

/// What a trusted proxy says of the client.
#[derive(Debug, PartialEq, Eq)]
enum Word {
    Address(SocketAddr),
    /// It says nothing.
    Silent,
    /// What it says is no address.
    Unreadable,
}

impl Proxies {
    /// The proxies in these networks.
    pub(crate) fn new(trusted: &[Net]) -> Proxies {
        Proxies { trusted: trusted.to_vec(), complained: Mutex::default() }
    }

    /// Whether connections from this address are those of a proxy that is believed.
    pub(crate) fn trust(&self, address: IpAddr) -> bool {
        self.trusted.iter().any(|net| net.contains(address))
    }

    /// Whose request it is that came over a connection from `peer`: his address, and port 0 where no port is known.
    ///
    /// From a proxy that says nothing, or nothing that can be read, it is taken as the proxy's own.
    pub(super) fn client(&self, request: &Request, peer: SocketAddr) -> SocketAddr {
        if !self.trust(peer.ip()) {
            return peer;
        }
        match self.word(request) {
            Word::Address(client) => return client,
            Word::Silent => self.complain(peer, "no X-Forwarded-For"),
            Word::Unreadable => self.complain(peer, "no address in X-Forwarded-For"),
        }
        peer
    }

    fn word(&self, request: &Request) -> Word {
        let plain: Vec<&str> = request.all("x-forwarded-for").flat_map(|value| value.split(',')).collect();
        if !plain.is_empty() {
            return self.rightmost(plain.into_iter().map(|entry| address(entry.trim())));
        }
        let standard: Vec<&str> = request.all("forwarded").flat_map(|value| value.split(',')).collect();
        self.rightmost(standard.into_iter().map(|element| address(for_parameter(element)?)))
    }

    /// The last one that is no trusted proxy's; the first one where all are.
    fn rightmost(&self, entries: impl DoubleEndedIterator<Item = Option<SocketAddr>>) -> Word {
        let mut word = Word::Silent;
        for entry in entries.rev() {
            let Some(client) = entry else { return Word::Unreadable };
            word = Word::Address(client);
            if !self.trust(client.ip()) {
                break;
            }
        }
        word
    }

    /// Says once in a while that a proxy does not do what it is trusted for: each request would be too often.
    fn complain(&self, proxy: SocketAddr, what: &str) {
        let now = Instant::now();
        let mut complained = self.complained.lock();
        if complained.is_none_or(|last| now.saturating_duration_since(last) > QUIET) {
            *complained = Some(now);
            log::warn!("trusted proxy {} says \"{what}\": its clients count as one", Peer(proxy));
        }
    }
}

/// `192.0.2.1`, `192.0.2.1:5678`, `2001:db8::1`, `[2001:db8::1]` or `[2001:db8::1]:443`.
fn address(entry: &str) -> Option<SocketAddr> {
    let bracketed = || entry.strip_prefix('[')?.strip_suffix(']')?.parse().ok().map(IpAddr::V6);
    let alone = entry.parse().ok().or_else(bracketed).map(|address| SocketAddr::new(address, 0));
    let found: SocketAddr = alone.or_else(|| entry.parse().ok())?;
    let address = found.ip().to_canonical();
    // Nobody comes from nowhere.
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
        Proxies::new(&trusted).client(&request, PROXY.parse().unwrap()).to_string()
    }

    #[test]
    fn the_last_address_that_is_no_trusted_proxys_counts() {
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
            // What no address stands in is taken as the proxy's own.
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
    fn the_standard_header_counts_where_the_usual_one_is_missing() {
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
    fn who_is_not_trusted_is_not_asked() {
        let headers = vec![("x-forwarded-for".to_owned(), "192.0.2.1".to_owned())];
        let request = Request { headers, ..Request::default() };
        let stranger = "203.0.113.9:5".parse().unwrap();
        assert_eq!(Proxies::default().client(&request, stranger), stranger);
        assert_eq!(Proxies::new(&["10.0.0.0/8".parse().unwrap()]).client(&request, stranger), stranger);
    }

    proptest! {
        #[test]
        fn any_header_gives_an_address(value in "\\PC{0,80}") {
            prop_assert!(client(&[("x-forwarded-for", &value), ("forwarded", &value)]).parse::<SocketAddr>().is_ok());
        }
    }
}
