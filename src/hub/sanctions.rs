//! Who may not come in and who may not speak. Looked at for every connection and every message, so it is held in memory;
//! an end is compared with the clock of whoever asks, and needs nobody to sweep up.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::SystemTime;

use crate::model::{Name, Net, Penalty, Sanction, SanctionTarget};

/// All penalties that were not lifted.
#[derive(Default)]
pub(super) struct Sanctions {
    all: BTreeMap<(Penalty, SanctionTarget), Sanction>,
    /// How many banned networks there are of each size: an address is looked up once for each size.
    sizes: BTreeMap<u8, usize>,
}

impl Sanctions {
    pub(super) fn new(all: Vec<Sanction>) -> Sanctions {
        let mut sanctions = Sanctions::default();
        all.into_iter().for_each(|sanction| sanctions.insert(sanction));
        sanctions
    }

    /// A penalty holds from now on, in place of one of the same kind upon the same.
    pub(super) fn insert(&mut self, sanction: Sanction) {
        self.remove(sanction.penalty, sanction.subject);
        if let SanctionTarget::Net(net) = sanction.subject {
            *self.sizes.entry(net.bits()).or_default() += 1;
        }
        self.all.insert((sanction.penalty, sanction.subject), sanction);
    }

    /// A penalty holds no more.
    pub(super) fn remove(&mut self, penalty: Penalty, subject: SanctionTarget) -> Option<Sanction> {
        let removed = self.all.remove(&(penalty, subject))?;
        if let SanctionTarget::Net(net) = subject
            && let Some(count) = self.sizes.get_mut(&net.bits())
        {
            *count -= 1;
            if *count == 0 {
                self.sizes.remove(&net.bits());
            }
        }
        Some(removed)
    }

    /// Whether there is a penalty of this kind upon this, in whose place another would stand.
    pub(super) fn has(&self, penalty: Penalty, subject: SanctionTarget) -> bool {
        self.all.contains_key(&(penalty, subject))
    }

    /// The penalty of this kind that holds upon a user.
    pub(super) fn upon(&self, penalty: Penalty, user: &Name, now: SystemTime) -> Option<&Sanction> {
        self.all.get(&(penalty, SanctionTarget::User(*user))).filter(|sanction| sanction.holds(now))
    }

    /// The ban that keeps this address out.
    pub(super) fn at(&self, address: IpAddr, now: SystemTime) -> Option<&Sanction> {
        let mut nets = self.sizes.keys().map(|bits| Net::around(address, *bits));
        nets.find_map(|net| {
            let ban = self.all.get(&(Penalty::Ban, SanctionTarget::Net(net)))?;
            // More bits than an IPv4 address has mean something for an IPv6 one only.
            Some(ban).filter(|ban| ban.holds(now) && net.contains(address))
        })
    }

    /// Everything that holds now.
    pub(super) fn holding(&self, now: SystemTime) -> impl Iterator<Item = &Sanction> {
        self.all.values().filter(move |sanction| sanction.holds(now))
    }

    /// Takes out what holds no more, so that it takes no room.
    pub(super) fn drop_expired(&mut self, now: SystemTime) -> Vec<Sanction> {
        let over: Vec<_> = self.all.iter().filter(|(_, sanction)| !sanction.holds(now)).map(|(key, _)| *key).collect();
        over.into_iter().filter_map(|(penalty, subject)| self.remove(penalty, subject)).collect()
    }

    /// A user is called otherwise from now on.
    pub(super) fn rename(&mut self, from: &Name, to: Name) {
        let all = std::mem::take(&mut self.all).into_values().map(|sanction| sanction.renamed(from, to));
        self.all = all.map(|sanction| ((sanction.penalty, sanction.subject), sanction)).collect();
    }

    /// Whether all that should always hold does; the text says what does not.
    #[cfg(any(test, feature = "failpoints"))]
    pub(super) fn check(&self) -> Result<(), String> {
        let mut sizes: BTreeMap<u8, usize> = BTreeMap::new();
        for (key, sanction) in &self.all {
            if *key != (sanction.penalty, sanction.subject) {
                return Err(format!("a penalty stands in the place of another: {sanction:?}"));
            }
            match sanction.subject {
                SanctionTarget::Net(_) if sanction.penalty == Penalty::Mute => {
                    return Err(format!("a muted net: {sanction:?}"));
                }
                SanctionTarget::Net(net) => *sizes.entry(net.bits()).or_default() += 1,
                SanctionTarget::User(user) if user.is_guest() => return Err(format!("a guest is named: {sanction:?}")),
                SanctionTarget::User(_) => {}
            }
        }
        if sizes == self.sizes { Ok(()) } else { Err(format!("sizes of nets: {:?}, not {sizes:?}", self.sizes)) }
    }

    pub(super) fn len(&self) -> usize {
        self.all.len()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    fn ban(subject: SanctionTarget, until: Option<u64>) -> Sanction {
        let (by, reason) = ("ann".to_owned(), String::new());
        Sanction { penalty: Penalty::Ban, subject, by, reason, made: at(0), until: until.map(at) }
    }

    fn net(text: &str) -> SanctionTarget {
        SanctionTarget::Net(text.parse().unwrap())
    }

    #[test]
    fn a_ban_of_a_network_keeps_its_addresses_out_until_it_ends() {
        let mut sanctions = Sanctions::new(vec![ban(net("10.0.0.0/8"), Some(60)), ban(net("2001:db8::7"), None)]);
        let out = |sanctions: &Sanctions, address: &str, now| sanctions.at(address.parse().unwrap(), at(now)).is_some();
        assert!(
            out(&sanctions, "10.9.9.9", 59) && out(&sanctions, "::ffff:10.9.9.9", 0) && !out(&sanctions, "11.0.0.1", 0)
        );
        assert!(!out(&sanctions, "10.9.9.9", 60), "it ends without anybody's doing");
        assert!(out(&sanctions, "2001:db8::ffff", 1 << 40) && !out(&sanctions, "2001:db8:0:1::", 0));
        assert_eq!(sanctions.holding(at(60)).count(), 1);
        assert_eq!(sanctions.drop_expired(at(60)).len(), 1);
        assert!(sanctions.remove(Penalty::Ban, net("2001:db8::/64")).is_some());
        assert!(sanctions.len() == 0 && sanctions.sizes.is_empty());
    }

    #[test]
    fn a_penalty_of_one_kind_is_none_of_the_other_and_the_last_one_counts() {
        let bob: Name = "bob".parse().unwrap();
        let mut sanctions = Sanctions::new(vec![ban(SanctionTarget::User(bob), Some(10))]);
        assert!(sanctions.upon(Penalty::Ban, &"BOB".parse().unwrap(), at(9)).is_some());
        assert!(sanctions.upon(Penalty::Mute, &bob, at(9)).is_none());
        sanctions.insert(ban(SanctionTarget::User(bob), Some(5)));
        assert!(sanctions.upon(Penalty::Ban, &bob, at(9)).is_none() && sanctions.len() == 1);
    }

    proptest! {
        #[test]
        fn an_address_is_out_if_and_only_if_a_network_holds_it(
            nets in prop::collection::vec((any::<u32>(), 8..=32_u8, prop::option::of(0..20_u64)), 0..12),
            address: u32, now in 0..20_u64, pick in any::<prop::sample::Index>(),
        ) {
            let all: Vec<(Net, Option<u64>)> = nets.iter()
                .map(|(a, bits, until)| (Net::around(std::net::Ipv4Addr::from(*a).into(), *bits), *until)).collect();
            let unique: BTreeMap<Net, Option<u64>> = all.into_iter().collect();
            let sanctions = Sanctions::new(unique.iter().map(|(net, until)| ban(SanctionTarget::Net(*net), *until)).collect());
            let near = if nets.is_empty() { address } else { nets[pick.index(nets.len())].0 ^ (address & 0xFF) };
            for address in [address, near] {
                let address: IpAddr = std::net::Ipv4Addr::from(address).into();
                let expected = unique.iter().any(|(net, until)| net.contains(address) && until.is_none_or(|u| now < u));
                prop_assert_eq!(sanctions.at(address, at(now)).is_some(), expected);
            }
        }
    }
}
