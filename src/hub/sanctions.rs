//! Bans and mutes of the whole server. They are looked up for every connection and every message, so they are held in
//! memory. Whether one has run out is decided by the clock of whoever asks; nobody has to sweep up.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::SystemTime;

use crate::model::limits::SANCTIONS;
use crate::model::{Name, Net, Penalty, Sanction, SanctionTarget, UserError};

/// All bans and mutes that were not lifted.
#[derive(Default)]
pub(super) struct Sanctions {
    all: BTreeMap<(Penalty, SanctionTarget), Sanction>,
    /// How many banned networks there are of each size: an address is looked up once per size.
    sizes: BTreeMap<u8, usize>,
}

/// One change of them; `apply` carries it out.
pub(super) enum SanctionChange {
    /// A sanction is in force, in place of one of the same kind on the same target.
    Imposed(Sanction),
    /// A sanction was lifted or has run out.
    Lifted { penalty: Penalty, subject: SanctionTarget },
}

impl Sanctions {
    pub(super) fn new(all: Vec<Sanction>) -> Sanctions {
        let mut sanctions = Sanctions::default();
        all.into_iter().for_each(|sanction| sanctions.insert(sanction));
        sanctions
    }

    /// Decides on a new sanction. Those that have run out make room for it.
    ///
    /// # Errors
    /// [`UserError::TooManySanctions`].
    pub(super) fn impose(&self, sanction: Sanction) -> Result<Vec<SanctionChange>, UserError> {
        let expired = self.all.iter().filter(|(_, one)| !one.holds(sanction.made)).map(|(key, _)| *key);
        let mut changes: Vec<SanctionChange> =
            expired.map(|(penalty, subject)| SanctionChange::Lifted { penalty, subject }).collect();
        let replaces = self.all.get(&(sanction.penalty, sanction.subject)).is_some_and(|one| one.holds(sanction.made));
        if self.all.len() - changes.len() >= SANCTIONS && !replaces {
            return Err(UserError::TooManySanctions(SANCTIONS));
        }
        changes.push(SanctionChange::Imposed(sanction));
        Ok(changes)
    }

    /// Decides to lift a sanction; says whether it was still in force. `None` if there is none.
    pub(super) fn lift(
        &self,
        penalty: Penalty,
        subject: SanctionTarget,
        now: SystemTime,
    ) -> Option<(Vec<SanctionChange>, bool)> {
        let was_in_force = self.all.get(&(penalty, subject))?.holds(now);
        Some((vec![SanctionChange::Lifted { penalty, subject }], was_in_force))
    }

    pub(super) fn insert(&mut self, sanction: Sanction) {
        self.remove(sanction.penalty, sanction.subject);
        if let SanctionTarget::Net(net) = sanction.subject {
            *self.sizes.entry(net.bits()).or_default() += 1;
        }
        self.all.insert((sanction.penalty, sanction.subject), sanction);
    }

    pub(super) fn remove(&mut self, penalty: Penalty, subject: SanctionTarget) {
        if self.all.remove(&(penalty, subject)).is_some()
            && let SanctionTarget::Net(net) = subject
            && let Some(count) = self.sizes.get_mut(&net.bits())
        {
            *count -= 1;
            if *count == 0 {
                self.sizes.remove(&net.bits());
            }
        }
    }

    /// The sanction of this kind that is in force for a user.
    pub(super) fn of_user(&self, penalty: Penalty, user: &Name, now: SystemTime) -> Option<&Sanction> {
        // Asked for each message, and nearly always there is no sanction at all.
        let imposed = if self.all.is_empty() { None } else { self.all.get(&(penalty, SanctionTarget::User(*user))) };
        imposed.filter(|sanction| sanction.holds(now))
    }

    /// The ban that keeps this address out.
    pub(super) fn of_address(&self, address: IpAddr, now: SystemTime) -> Option<&Sanction> {
        let mut nets = self.sizes.keys().map(|bits| Net::around(address, *bits));
        nets.find_map(|net| {
            let ban = self.all.get(&(Penalty::Ban, SanctionTarget::Net(net)))?;
            // A prefix longer than an IPv4 address is meant for IPv6 only.
            Some(ban).filter(|ban| ban.holds(now) && net.contains(address))
        })
    }

    /// Everything that is in force.
    pub(super) fn in_force(&self, now: SystemTime) -> impl Iterator<Item = &Sanction> {
        self.all.values().filter(move |sanction| sanction.holds(now))
    }

    /// A user has another name from now on.
    pub(super) fn rename(&mut self, from: &Name, to: Name) {
        let all = std::mem::take(&mut self.all).into_values().map(|sanction| sanction.renamed(from, to));
        self.all = all.map(|sanction| ((sanction.penalty, sanction.subject), sanction)).collect();
    }

    /// Whether everything holds that always should; the text says what does not.
    #[cfg(any(test, feature = "failpoints"))]
    pub(super) fn check(&self) -> Result<(), String> {
        let mut sizes: BTreeMap<u8, usize> = BTreeMap::new();
        for (key, sanction) in &self.all {
            if *key != (sanction.penalty, sanction.subject) {
                return Err(format!("a sanction under the key of another: {sanction:?}"));
            }
            match sanction.subject {
                SanctionTarget::Net(_) if sanction.penalty == Penalty::Mute => {
                    return Err(format!("a muted network: {sanction:?}"));
                }
                SanctionTarget::Net(net) => *sizes.entry(net.bits()).or_default() += 1,
                SanctionTarget::User(user) if user.is_guest() => {
                    return Err(format!("a sanctioned guest: {sanction:?}"));
                }
                SanctionTarget::User(_) => {}
            }
        }
        if sizes == self.sizes { Ok(()) } else { Err(format!("sizes of networks: {:?}, not {sizes:?}", self.sizes)) }
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
    fn a_network_ban_keeps_its_addresses_out_until_it_ends() {
        let sanctions = Sanctions::new(vec![ban(net("10.0.0.0/8"), Some(60)), ban(net("2001:db8::7"), None)]);
        let out = |sanctions: &Sanctions, address: &str, now| {
            sanctions.of_address(address.parse().unwrap(), at(now)).is_some()
        };
        assert!(
            out(&sanctions, "10.9.9.9", 59) && out(&sanctions, "::ffff:10.9.9.9", 0) && !out(&sanctions, "11.0.0.1", 0)
        );
        assert!(!out(&sanctions, "10.9.9.9", 60), "it ends by itself");
        assert!(out(&sanctions, "2001:db8::ffff", 1 << 40) && !out(&sanctions, "2001:db8:0:1::", 0));
        assert_eq!(sanctions.in_force(at(60)).count(), 1);
    }

    #[test]
    fn expired_sanctions_make_room_for_new_ones() {
        let mut sanctions = Sanctions::new(vec![ban(net("10.0.0.0/8"), Some(60)), ban(net("2001:db8::7"), None)]);
        let changes = sanctions.impose(Sanction { made: at(60), ..ban(net("10.0.0.0/16"), None) }).unwrap();
        assert_eq!(sanctions.apply_all(changes).len(), 2, "one is lifted, one imposed");
        assert_eq!(sanctions.all.len(), 2);
        let lifted = |sanctions: &Sanctions, text| sanctions.lift(Penalty::Ban, net(text), at(60));
        assert!(lifted(&sanctions, "10.0.0.0/8").is_none());
        for text in ["10.0.0.0/16", "2001:db8::/64"] {
            let (changes, was_in_force) = lifted(&sanctions, text).unwrap();
            assert!(was_in_force);
            sanctions.apply_all(changes);
        }
        assert!(sanctions.all.is_empty() && sanctions.sizes.is_empty());
    }

    #[test]
    fn a_ban_is_no_mute_and_a_new_one_replaces_the_old() {
        let bob: Name = "bob".parse().unwrap();
        let mut sanctions = Sanctions::new(vec![ban(SanctionTarget::User(bob), Some(10))]);
        assert!(sanctions.of_user(Penalty::Ban, &"BOB".parse().unwrap(), at(9)).is_some());
        assert!(sanctions.of_user(Penalty::Mute, &bob, at(9)).is_none());
        sanctions.insert(ban(SanctionTarget::User(bob), Some(5)));
        assert!(sanctions.of_user(Penalty::Ban, &bob, at(9)).is_none() && sanctions.all.len() == 1);
    }

    proptest! {
        #[test]
        fn addresses_are_banned_exactly_within_banned_networks(
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
                prop_assert_eq!(sanctions.of_address(address, at(now)).is_some(), expected);
            }
        }
    }
}
