//! Networks of IP addresses; a single address is the smallest network.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

/// The shortest prefixes accepted, for IPv4 and IPv6: a shorter one is more likely a slip than intended.
const SHORTEST: (u8, u8) = (8, 16);

/// The addresses that share a prefix. IPv4-mapped IPv6 addresses count as IPv4.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Net {
    address: IpAddr,
    bits: u8,
}

/// The text is not a valid network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BadNet;

impl Net {
    /// The network of the first `bits` bits of an address; more bits than the address has count as all of them.
    pub fn around(address: IpAddr, bits: u8) -> Net {
        let (address, bits) = match address.to_canonical() {
            IpAddr::V4(v4) => {
                let bits = bits.min(32);
                let mask = u32::MAX.checked_shl(32 - u32::from(bits)).unwrap_or(0);
                (Ipv4Addr::from(u32::from(v4) & mask).into(), bits)
            }
            IpAddr::V6(v6) => {
                let bits = bits.min(128);
                let mask = u128::MAX.checked_shl(128 - u32::from(bits)).unwrap_or(0);
                (Ipv6Addr::from(u128::from(v6) & mask).into(), bits)
            }
        };
        Net { address, bits }
    }

    /// The network that counts as one client address: an IPv4 address, or the /64 of an IPv6 address, because one user
    /// usually owns a whole /64. All hosts of a link share the /64 of its link-local addresses, so each of those is one.
    pub fn of(address: IpAddr) -> Net {
        match address.to_canonical() {
            IpAddr::V6(v6) if !v6.is_loopback() && !v6.is_unicast_link_local() => Net::around(address, 64),
            _ => Net::around(address, 128),
        }
    }

    /// The block in which one owner gets many such networks: the /24 of an IPv4 address, or the /48 of an IPv6 address.
    pub fn block(&self) -> Net {
        let bits = if self.address.is_ipv4() { 24 } else { 48 };
        Net::around(self.address, bits.min(self.bits))
    }

    /// Parses a network or a single address, as used in settings.
    ///
    /// # Errors
    /// The end of a sentence that says what is expected.
    pub fn exactly(text: &str) -> Result<Net, &'static str> {
        if let Some(address) = address(text) {
            return Ok(Net::around(address, 128));
        }
        // Unique local addresses (RFC 4193) are a network of one's own, however wide.
        match parse(text) {
            Some(net) if net.bits >= net.shortest() || (net.bits >= 7 && net.is_unique_local()) => Ok(net),
            Some(_) => Err("is too wide a network; the widest are /8 and, for IPv6, /16 (within fc00::/7 any)"),
            None => Err("must be an address or a network, such as 127.0.0.1 or 10.0.0.0/8"),
        }
    }

    fn shortest(&self) -> u8 {
        if self.address.is_ipv4() { SHORTEST.0 } else { SHORTEST.1 }
    }

    fn is_unique_local(&self) -> bool {
        matches!(self.address, IpAddr::V6(v6) if v6.segments()[0] & 0xFE00 == 0xFC00)
    }

    /// Whether it contains an address.
    pub fn contains(&self, address: IpAddr) -> bool {
        Net::around(address, self.bits) == *self && address.to_canonical().is_ipv4() == self.address.is_ipv4()
    }

    /// Whether this is 127.0.0.1 or ::1 alone. Everyone behind a proxy or tunnel on this machine comes from there, so
    /// limits and penalties per address do not apply to it.
    pub fn is_exempt(&self) -> bool {
        *self == Net::of(Ipv4Addr::LOCALHOST.into()) || *self == Net::of(Ipv6Addr::LOCALHOST.into())
    }

    /// The length of its prefix in bits.
    pub fn bits(&self) -> u8 {
        self.bits
    }
}

/// Parses an address, with the zone that some tools print behind it: `fe80::1%eth0`. The zone means nothing here, because
/// it is a name of this machine for the link.
fn address(text: &str) -> Option<IpAddr> {
    let (address, zone) = text.split_once('%').map_or((text, None), |(address, zone)| (address, Some(zone)));
    match (address.parse().ok()?, zone) {
        (address, None) => Some(address),
        (IpAddr::V6(v6), Some(zone)) if !zone.is_empty() => Some(v6.into()),
        (_, Some(_)) => None,
    }
}

/// Parses an address as it is printed for a connection: `192.0.2.1:5678`, `[2001:db8::1]:5678`, or one without a port.
fn printed_address(text: &str) -> Option<IpAddr> {
    let is_port = |port: &str| port.bytes().all(|b| b.is_ascii_digit()) && port.parse::<u16>().is_ok();
    if let Some((inner, rest)) = text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        let fits = rest.is_empty() || rest.strip_prefix(':').is_some_and(is_port);
        return address(inner).filter(|address| fits && address.is_ipv6());
    }
    address(text).or_else(|| {
        let (host, port) = text.rsplit_once(':')?;
        address(host).filter(|address| address.is_ipv4() && is_port(port))
    })
}

/// Parses `10.0.0.0/8` and `2001:db8::/32`, however wide.
fn parse(text: &str) -> Option<Net> {
    let (net, bits) = text.split_once('/')?;
    let address = address(net)?;
    let bits: u8 = bits.parse().ok().filter(|_| bits.len() <= 3 && bits.bytes().all(|b| b.is_ascii_digit()))?;
    // The bits of an IPv4-mapped network would be counted from the IPv6 prefix: ambiguous, so refused.
    let most = match address {
        IpAddr::V4(_) => 32,
        IpAddr::V6(v6) if v6.to_ipv4_mapped().is_some() => return None,
        IpAddr::V6(_) => 128,
    };
    (bits <= most).then(|| Net::around(address, bits))
}

/// Parses `10.0.0.0/8` and `2001:db8::/32`; an address alone, also as it is printed with its port, means [`Net::of`] it.
impl FromStr for Net {
    type Err = BadNet;

    fn from_str(text: &str) -> Result<Net, BadNet> {
        if !text.contains('/') {
            return printed_address(text).map(Net::of).ok_or(BadNet);
        }
        parse(text).filter(|net| net.bits >= net.shortest()).ok_or(BadNet)
    }
}

impl fmt::Display for Net {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = if self.address.is_ipv4() { 32 } else { 128 };
        if self.bits == whole { write!(f, "{}", self.address) } else { write!(f, "{}/{}", self.address, self.bits) }
    }
}

/// A client's address in the log: `addr=… port=…`, so that tools that ban by log lines find the address alone.
#[derive(Debug, Clone, Copy)]
pub struct Peer(pub SocketAddr);

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "addr={} port={}", self.0.ip(), self.0.port())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn net(text: &str) -> Net {
        text.parse().unwrap()
    }

    #[test]
    fn a_network_is_written_in_its_shortest_form() {
        let cases = [
            ("10.1.2.3", "10.1.2.3"),
            ("10.1.2.3/32", "10.1.2.3"),
            ("10.1.2.3/8", "10.0.0.0/8"),
            ("2001:db8::5", "2001:db8::/64"),
            ("2001:db8::5/128", "2001:db8::5"),
            ("2001:db8:ffff::/32", "2001:db8::/32"),
            ("::ffff:10.0.0.1", "10.0.0.1"),
        ];
        for (typed, shown) in cases {
            assert_eq!(net(typed).to_string(), shown, "{typed}");
        }
    }

    #[test]
    fn invalid_and_far_too_wide_networks_are_refused() {
        for typed in
            ["", "/", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/7", "::/0", "::/129", "10.0.0/8", "x", "10.0.0.1/+8"]
        {
            assert_eq!(typed.parse::<Net>(), Err(BadNet), "{typed}");
        }
        assert_eq!("::ffff:10.0.0.0/104".parse::<Net>(), Err(BadNet));
    }

    #[test]
    fn an_address_in_a_setting_means_itself_alone() {
        let net = Net::exactly("2001:db8::1").unwrap();
        assert!(net.contains("2001:db8::1".parse().unwrap()) && !net.contains("2001:db8::2".parse().unwrap()));
        assert_eq!(Net::exactly("10.1.2.3/8"), Ok(self::net("10.0.0.0/8")));
        assert!(["", "localhost", "0.0.0.0/0", "10.0.0.1:80"].iter().all(|text| Net::exactly(text).is_err()));
    }

    #[test]
    fn neighbours_in_one_ipv6_64_are_one_address() {
        assert!(net("2001:db8::1").contains("2001:db8::ffff".parse().unwrap()));
        assert!(!net("2001:db8::1").contains("2001:db8:0:1::1".parse().unwrap()));
        assert!(net("10.0.0.0/8").contains("::ffff:10.9.9.9".parse().unwrap()));
        assert!(!net("10.0.0.1").contains("10.0.0.2".parse().unwrap()));
    }

    #[test]
    fn link_local_and_loopback_addresses_are_single_hosts() {
        for (typed, shown) in [
            ("fe80::a", "fe80::a"),
            ("fe80::a%eth0", "fe80::a"),
            ("[fe80::a%eth0]:4242", "fe80::a"),
            ("febf::1", "febf::1"),
            ("::1", "::1"),
            ("127.0.0.1", "127.0.0.1"),
            ("fe80::/16", "fe80::/16"),
            ("fd00::1", "fd00::/64"),
            ("[2001:db8::5]:4242", "2001:db8::/64"),
            ("[2001:db8::5]", "2001:db8::/64"),
            ("192.0.2.1:4242", "192.0.2.1"),
        ] {
            assert_eq!(net(typed).to_string(), shown, "{typed}");
        }
        assert!(!net("fe80::a").contains("fe80::b".parse().unwrap()));
        for typed in [
            "fe80::a%",
            "10.0.0.1%eth0",
            "[10.0.0.1]:1",
            "[::1",
            "::1]:1",
            "[::1]x",
            "[::1]:",
            "10.0.0.1:x",
            "10.0.0.1:99999",
        ] {
            assert_eq!(typed.parse::<Net>(), Err(BadNet), "{typed}");
        }
    }

    #[test]
    fn a_setting_may_name_all_unique_local_addresses() {
        for typed in ["fd00::/8", "fc00::/7", "fd00::/9"] {
            assert_eq!(Net::exactly(typed).unwrap().to_string(), typed);
        }
        for typed in ["fe00::/7", "::/0", "2000::/3", "10.0.0.0/7"] {
            assert!(Net::exactly(typed).unwrap_err().contains("too wide"), "{typed}");
        }
        assert_eq!("fd00::/8".parse::<Net>(), Err(BadNet), "but nobody bans them all by a slip");
    }

    proptest! {
        #[test]
        fn an_ipv4_network_contains_its_prefix_and_round_trips(a: u32, b: u32, bits in 8..=32_u8) {
            let net = Net::around(Ipv4Addr::from(a).into(), bits);
            let same = (a ^ b).leading_zeros() >= u32::from(bits);
            prop_assert_eq!(net.contains(Ipv4Addr::from(b).into()), same);
            prop_assert_eq!(net.to_string().parse::<Net>(), Ok(net));
        }

        #[test]
        fn an_ipv6_network_contains_its_prefix_and_round_trips(a: u128, b: u128, bits in 16..=128_u8) {
            let (address, other) = (Ipv6Addr::from(a), Ipv6Addr::from(b));
            prop_assume!(address.to_ipv4_mapped().is_none() && other.to_ipv4_mapped().is_none());
            let net = Net::around(address.into(), bits);
            let same = (a ^ b).leading_zeros() >= u32::from(bits);
            prop_assert_eq!(net.contains(other.into()), same);
            let read = net.to_string().parse::<Net>();
            // An address alone means its /64.
            prop_assert_eq!(read, Ok(if bits == 128 { Net::of(address.into()) } else { net }));
        }
    }
}
