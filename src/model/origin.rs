//! Where a connection comes from, as far as counting and penalties go: an IPv4 address, or the /64 of an IPv6 one.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

/// One source of connections. An IPv6 user owns a whole /64, so that is what counts as one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Origin(IpAddr);

impl Origin {
    /// The origin of a connection from this address; IPv4 inside IPv6 counts as IPv4.
    pub fn of(address: IpAddr) -> Origin {
        match address.to_canonical() {
            IpAddr::V6(v6) if !v6.is_loopback() => {
                let [a, b, c, d, ..] = v6.segments();
                Origin(IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0)))
            }
            other => Origin(other),
        }
    }

    /// Whether this is 127.0.0.1 or ::1, which stand for everybody behind a proxy or tunnel on this machine and so are
    /// exempt from counts and penalties per address.
    pub fn is_exempt(self) -> bool {
        self.0 == IpAddr::from([127, 0, 0, 1]) || self.0 == IpAddr::V6(Ipv6Addr::LOCALHOST)
    }
}

/// The client's end of a connection as the log shows it: `addr=… port=…`, so that a ban tool finds the address alone.
#[derive(Debug, Clone, Copy)]
pub struct Peer(pub SocketAddr);

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "addr={} port={}", self.0.ip(), self.0.port())
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_in_one_64_are_one_origin() {
        let of = |text: &str| Origin::of(text.parse().unwrap());
        assert_eq!(of("2001:db8::1"), of("2001:db8::ffff"));
        assert_ne!(of("2001:db8::1"), of("2001:db8:0:1::1"));
        assert_eq!(of("::ffff:10.0.0.1"), of("10.0.0.1"));
        assert!(of("::1").is_exempt() && of("127.0.0.1").is_exempt());
        assert!(!of("127.0.0.2").is_exempt() && !of("::2").is_exempt());
    }
}
