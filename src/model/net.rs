//! A network of addresses, as bans name one; a single address is a small one.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// The shortest prefixes that are taken: a shorter one is rather a slip than meant.
const SHORTEST: (u8, u8) = (8, 16);

/// All addresses whose first bits are the same. IPv4 inside IPv6 counts as IPv4.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Net {
    address: IpAddr,
    bits: u8,
}

/// A text is no network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BadNet;

impl Net {
    /// The network with this many leading bits of an address; no more bits than the address has.
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

    /// What counts as one address: itself, or the /64 of an IPv6 one, which its user owns as a whole.
    pub fn of(address: IpAddr) -> Net {
        match address.to_canonical() {
            IpAddr::V6(v6) if !v6.is_loopback() => Net::around(address, 64),
            _ => Net::around(address, 128),
        }
    }

    /// Reads a network, or an address that stands for itself alone, as settings name them.
    ///
    /// # Errors
    /// What it has to be, as the second half of a sentence.
    pub fn exactly(text: &str) -> Result<Net, &'static str> {
        let alone = text.parse().map(|address| Net::around(address, 128));
        alone.or_else(|_| text.parse()).map_err(|_| "must be an address or a network, such as 127.0.0.1 or 10.0.0.0/8")
    }

    /// Whether an address is in it.
    pub fn contains(&self, address: IpAddr) -> bool {
        Net::around(address, self.bits) == *self && address.to_canonical().is_ipv4() == self.address.is_ipv4()
    }

    /// How many leading bits its addresses share.
    pub fn bits(&self) -> u8 {
        self.bits
    }
}

/// `10.0.0.0/8` and `2001:db8::/32`; an address alone is what counts as one.
impl FromStr for Net {
    type Err = BadNet;

    fn from_str(text: &str) -> Result<Net, BadNet> {
        let Some((address, bits)) = text.split_once('/') else {
            return text.parse().map(Net::of).map_err(|_| BadNet);
        };
        let address: IpAddr = address.parse().map_err(|_| BadNet)?;
        let digits = bits.len() <= 3 && bits.bytes().all(|b| b.is_ascii_digit());
        let bits: u8 = bits.parse().ok().filter(|_| digits).ok_or(BadNet)?;
        // What is written as IPv6 counts its bits as IPv6, and its IPv4 part would be another network.
        let (least, most) = match address {
            IpAddr::V4(_) => (SHORTEST.0, 32),
            IpAddr::V6(v6) if v6.to_ipv4_mapped().is_some() => return Err(BadNet),
            IpAddr::V6(_) => (SHORTEST.1, 128),
        };
        (least..=most).contains(&bits).then(|| Net::around(address, bits)).ok_or(BadNet)
    }
}

impl fmt::Display for Net {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = if self.address.is_ipv4() { 32 } else { 128 };
        if self.bits == whole { write!(f, "{}", self.address) } else { write!(f, "{}/{}", self.address, self.bits) }
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
    fn what_is_no_network_or_far_too_wide_is_refused() {
        for typed in
            ["", "/", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/7", "::/0", "::/129", "10.0.0/8", "x", "10.0.0.1/+8"]
        {
            assert_eq!(typed.parse::<Net>(), Err(BadNet), "{typed}");
        }
        assert_eq!("::ffff:10.0.0.0/104".parse::<Net>(), Err(BadNet));
    }

    #[test]
    fn an_address_in_a_setting_stands_for_itself_alone() {
        let net = Net::exactly("2001:db8::1").unwrap();
        assert!(net.contains("2001:db8::1".parse().unwrap()) && !net.contains("2001:db8::2".parse().unwrap()));
        assert_eq!(Net::exactly("10.1.2.3/8"), Ok(self::net("10.0.0.0/8")));
        assert!(["", "localhost", "0.0.0.0/0", "10.0.0.1:80"].iter().all(|text| Net::exactly(text).is_err()));
    }

    #[test]
    fn neighbours_in_one_64_are_one_address() {
        assert!(net("2001:db8::1").contains("2001:db8::ffff".parse().unwrap()));
        assert!(!net("2001:db8::1").contains("2001:db8:0:1::1".parse().unwrap()));
        assert!(net("10.0.0.0/8").contains("::ffff:10.9.9.9".parse().unwrap()));
        assert!(!net("10.0.0.1").contains("10.0.0.2".parse().unwrap()));
    }

    proptest! {
        #[test]
        fn it_contains_what_shares_its_bits_and_comes_back_from_its_text(a: u32, b: u32, bits in 8..=32_u8) {
            let net = Net::around(Ipv4Addr::from(a).into(), bits);
            let same = (a ^ b).leading_zeros() >= u32::from(bits);
            prop_assert_eq!(net.contains(Ipv4Addr::from(b).into()), same);
            prop_assert_eq!(net.to_string().parse::<Net>(), Ok(net));
        }

        #[test]
        fn the_same_holds_for_long_addresses(a: u128, b: u128, bits in 16..=128_u8) {
            let (address, other) = (Ipv6Addr::from(a), Ipv6Addr::from(b));
            prop_assume!(address.to_ipv4_mapped().is_none() && other.to_ipv4_mapped().is_none());
            let net = Net::around(address.into(), bits);
            let same = (a ^ b).leading_zeros() >= u32::from(bits);
            prop_assert_eq!(net.contains(other.into()), same);
            let read = net.to_string().parse::<Net>();
            // Alone, an address stands for its /64.
            prop_assert_eq!(read, Ok(if bits == 128 { Net::of(address.into()) } else { net }));
        }
    }
}
