//! Admission: how many connections may be open before login, or ask for a page, shared fairly among addresses.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::net::IpAddr;
use std::sync::Arc;

use crate::hub::ClientId;
use crate::lock::{Mutex, MutexGuard};
use crate::model::limits::{KNOWN_ADDRESSES, RESERVED_SHARE};
use crate::model::{EventKind, LoginError, Net, QuitReason};
use crate::session::Connection;

/// A connection that has a slot and may have to give it up.
pub(super) trait Evictable: Send + Sync {
    /// Ends the connection for this reason.
    fn close(&self, reason: QuitReason);

    /// The client's address.
    fn address(&self) -> IpAddr;
}

/// The slots of one kind of connection.
pub(super) struct Admission {
    // lock tier 9: a leaf; no connection is closed while it is held.
    held: Mutex<Held, 9>,
    max: usize,
    max_per_address: usize,
    known: Arc<KnownAddresses>,
}

/// The addresses from which users have logged in. Strangers cannot take all slots from them.
#[derive(Default)]
pub(super) struct KnownAddresses {
    // lock tier 9: a leaf.
    addresses: Mutex<(HashSet<Net>, VecDeque<Net>), 9>,
}

impl KnownAddresses {
    /// Notes that a user with an account has logged in from here. The addresses that were noted first are forgotten.
    pub(super) fn note(&self, net: Net) {
        let mut addresses = self.addresses.lock();
        let (all, by_age) = &mut *addresses;
        if all.insert(net) {
            by_age.push_back(net);
            if by_age.len() > KNOWN_ADDRESSES {
                by_age.pop_front().map(|oldest| all.remove(&oldest));
            }
        }
    }

    fn snapshot(&self, nets: impl Iterator<Item = Net>) -> HashSet<Net> {
        let addresses = self.addresses.lock();
        nets.filter(|net| net.is_exempt() || addresses.0.contains(net)).collect()
    }
}

/// The slots that are held, by address and then by age.
#[derive(Default)]
struct Held {
    by_net: HashMap<Net, BTreeMap<ClientId, Arc<dyn Evictable>>>,
    count: usize,
}

/// One connection's slot, given back when dropped.
pub(super) struct Slot {
    admission: Arc<Admission>,
    net: Net,
    id: ClientId,
}

/// Why a connection is refused.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum AdmissionError {
    /// Its address already has this many, which is all it may have.
    PerAddress(usize),
    /// All slots are held, and no address holds more than this one would.
    Crowded,
}

impl AdmissionError {
    /// The answer to the client.
    pub(super) fn event(&self) -> EventKind {
        match *self {
            AdmissionError::PerAddress(limit) => EventKind::LoginFailed(LoginError::TooManyConnections { limit }),
            AdmissionError::Crowded => EventKind::Closed { reason: QuitReason::Crowded },
        }
    }

    /// The fixed words in the log and in the metrics.
    pub(super) fn as_str(&self) -> &'static str {
        match self {
            AdmissionError::PerAddress(_) => "too many from this address",
            AdmissionError::Crowded => "too many logging in",
        }
    }
}

impl Admission {
    /// `max` slots, of which one address may hold `max_per_address`.
    pub(super) fn new(max: usize, max_per_address: usize, known: Arc<KnownAddresses>) -> Admission {
        Admission { held: Mutex::default(), max, max_per_address, known }
    }

    /// Gives a connection a slot. If all are held, the block of addresses that holds most loses its oldest connection,
    /// unless it holds no more than the newcomer's block then would; then the same goes for single addresses. One of
    /// [`RESERVED_SHARE`] slots goes to known addresses only, so that strangers cannot keep users out.
    ///
    /// # Errors
    /// Why there is no slot.
    pub(super) fn admit(
        self: &Arc<Self>,
        net: Net,
        id: ClientId,
        connection: Arc<dyn Evictable>,
    ) -> Result<Slot, AdmissionError> {
        let held = self.held.lock();
        self.check_address(&held, net)?;
        self.take_slot(net, id, connection, held)
    }

    /// As [`Admission::admit`], for a proxy's connection whose client is not known yet: a proxy may hold all slots.
    ///
    /// # Errors
    /// [`AdmissionError::Crowded`].
    pub(super) fn admit_proxied(
        self: &Arc<Self>,
        net: Net,
        id: ClientId,
        connection: Arc<dyn Evictable>,
    ) -> Result<Slot, AdmissionError> {
        self.take_slot(net, id, connection, self.held.lock())
    }

    /// `held` comes last, so that it is released before a refused connection is closed.
    fn take_slot(
        self: &Arc<Self>,
        net: Net,
        id: ClientId,
        connection: Arc<dyn Evictable>,
        mut held: MutexGuard<'_, Held, 9>,
    ) -> Result<Slot, AdmissionError> {
        let open = self.max - self.max / RESERVED_SHARE;
        let evicted = if held.count < open {
            None
        } else {
            let known = self.known.snapshot(held.by_net.keys().copied().chain([net]));
            let strangers: usize =
                held.by_net.iter().filter(|(net, _)| !known.contains(net)).map(|(_, held)| held.len()).sum();
            match (held.count < self.max, known.contains(&net) || strangers < open) {
                (true, true) => None,
                (true, false) => {
                    Some(held.make_room_for(net, |net| !known.contains(net)).ok_or(AdmissionError::Crowded)?)
                }
                (false, _) => Some(held.make_room_for(net, |_| true).ok_or(AdmissionError::Crowded)?),
            }
        };
        held.insert(net, id, connection);
        drop(held);
        evicted.inspect(|connection| connection.close(QuitReason::Crowded));
        Ok(Slot { admission: Arc::clone(self), net, id })
    }

    /// Whether an address may have one more.
    fn check_address(&self, held: &Held, net: Net) -> Result<(), AdmissionError> {
        let full = held.count_of(net) >= self.max_per_address && !net.is_exempt();
        if full { Err(AdmissionError::PerAddress(self.max_per_address)) } else { Ok(()) }
    }

    /// How many slots are held.
    pub(super) fn count(&self) -> usize {
        self.held.lock().count
    }

    /// Closes the connections whose addresses match, and returns how many those were.
    pub(super) fn close_where(&self, matches: impl Fn(IpAddr) -> bool, reason: QuitReason) -> usize {
        let chosen: Vec<Arc<dyn Evictable>> = {
            let held = self.held.lock();
            let all = held.by_net.values().flat_map(BTreeMap::values);
            all.filter(|connection| matches(connection.address())).cloned().collect()
        };
        chosen.iter().for_each(|connection| connection.close(reason));
        chosen.len()
    }

    /// Closes every connection that holds a slot.
    pub(super) fn close_all(&self, reason: QuitReason) {
        self.close_where(|_| true, reason);
    }
}

impl Slot {
    /// Makes it a slot of this address, that of a proxy's client.
    ///
    /// # Errors
    /// Why the address gets no slot; or [`AdmissionError::Crowded`] when the slot is lost.
    pub(super) fn assign_to(&mut self, net: Net) -> Result<(), AdmissionError> {
        let mut held = self.admission.held.lock();
        self.admission.check_address(&held, net)?;
        let connection = held.remove(self.net, self.id).ok_or(AdmissionError::Crowded)?;
        held.insert(net, self.id, connection);
        self.net = net;
        Ok(())
    }
}

impl Held {
    fn count_of(&self, net: Net) -> usize {
        self.by_net.get(&net).map_or(0, BTreeMap::len)
    }

    fn insert(&mut self, net: Net, id: ClientId, connection: Arc<dyn Evictable>) {
        self.by_net.entry(net).or_default().insert(id, connection);
        self.count += 1;
    }

    /// Takes a slot for a connection from this address from one of those that `may_lose` it.
    fn make_room_for(&mut self, newcomer: Net, may_lose: impl Fn(&Net) -> bool) -> Option<Arc<dyn Evictable>> {
        let mut blocks: HashMap<Net, usize> = HashMap::new();
        for (net, held) in &self.by_net {
            *blocks.entry(net.block()).or_default() += if may_lose(net) { held.len() } else { 0 };
        }
        let own = blocks.get(&newcomer.block()).copied().unwrap_or_default();
        let (&largest, &count) = blocks.iter().max_by_key(|(_, count)| **count)?;
        if count > own + 1 {
            self.remove_oldest_of_largest(0, |net| may_lose(net) && net.block() == largest)
        } else {
            self.remove_oldest_of_largest(self.count_of(newcomer) + 1, may_lose)
        }
    }

    fn remove_oldest_of_largest(
        &mut self,
        more_than: usize,
        may_lose: impl Fn(&Net) -> bool,
    ) -> Option<Arc<dyn Evictable>> {
        let losers = self.by_net.iter().filter(|(net, _)| may_lose(net));
        let (&net, largest) = losers.max_by_key(|(_, held)| held.len())?;
        let oldest = *largest.keys().next().filter(|_| largest.len() > more_than)?;
        self.remove(net, oldest)
    }

    fn remove(&mut self, net: Net, id: ClientId) -> Option<Arc<dyn Evictable>> {
        let held = self.by_net.get_mut(&net)?;
        let connection = held.remove(&id)?;
        if held.is_empty() {
            self.by_net.remove(&net);
        }
        self.count -= 1;
        Some(connection)
    }
}

impl Evictable for Connection {
    fn close(&self, reason: QuitReason) {
        self.close(reason);
    }

    fn address(&self) -> IpAddr {
        self.peer().ip()
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        // The slot of an evicted connection is gone already.
        let connection = self.admission.held.lock().remove(self.net, self.id);
        drop(connection);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::session::PlainDoor;
    use crate::transport::memory;

    fn admission(max: usize, max_per_address: usize) -> Arc<Admission> {
        Arc::new(Admission::new(max, max_per_address, Arc::default()))
    }

    #[test]
    fn a_block_of_many_addresses_has_the_share_of_one() {
        let admission = admission(64, 8);
        let net = |n: u16, block: u16| Net::of(std::net::Ipv6Addr::new(0x2001, 0xDB8, block, n, 0, 0, 0, 1).into());
        // One owner of a /48, with one silent connection from each of many networks in it.
        let mut slots: Vec<_> =
            (0..64).map(|n| admission.admit(net(n, 1), ClientId(n.into()), connection()).ok()).collect();
        assert_eq!(slots.iter().flatten().count(), 56, "the rest is kept for users");
        for n in 0..20 {
            let slot = admission.admit(net(0, 100 + n), ClientId(1_000 + u64::from(n)), connection());
            assert!(slot.is_ok(), "{n}");
            slots.push(slot.ok());
        }
        assert_eq!(admission.count(), 56);
    }

    #[test]
    fn strangers_leave_room_for_users() {
        let admission = admission(64, 8);
        let stranger = |n: u8| Net::of([198, 51, n, 1].into());
        let slots: Vec<_> =
            (0..100).map(|n| admission.admit(stranger(n), ClientId(n.into()), connection()).ok()).collect();
        assert_eq!(slots.iter().flatten().count(), 56);
        let user = Net::of([203, 0, 113, 9].into());
        assert_eq!(admission.admit(user, ClientId(500), connection()).err(), Some(AdmissionError::Crowded));
        admission.known.note(user);
        let users =
            [admission.admit(user, ClientId(501), connection()), admission.admit(net(1), ClientId(502), connection())];
        assert!(users.iter().all(Result::is_ok));
        assert_eq!(admission.admit(stranger(200), ClientId(503), connection()).err(), Some(AdmissionError::Crowded));
        drop((slots, users));
        assert_eq!(admission.count(), 0);
    }

    fn connection() -> Arc<Connection> {
        Arc::new(Connection::new(Box::new(memory::pair().0), &PlainDoor, Duration::from_secs(1)))
    }

    fn net(n: u8) -> Net {
        Net::of([127, 0, 0, n].into())
    }

    #[test]
    fn an_address_has_its_share_and_loopback_has_no_limit() {
        let admission = admission(20, 2);
        let mut slots = Vec::new();
        let mut admit = |n, id| admission.admit(net(n), ClientId(id), connection()).map(|slot| slots.push(slot));
        assert!(admit(2, 1).is_ok() && admit(2, 2).is_ok());
        assert_eq!(admit(2, 3), Err(AdmissionError::PerAddress(2)));
        assert!((4..10).all(|id| admit(1, id).is_ok()));
        drop(slots);
        assert_eq!(admission.count(), 0);
    }

    #[test]
    fn a_proxys_slot_counts_for_its_client_once_known() {
        let admission = admission(4, 1);
        let mut slots: Vec<Slot> =
            (0..4).map(|id| admission.admit_proxied(net(9), ClientId(id), connection()).ok().unwrap()).collect();
        assert_eq!(admission.admit_proxied(net(9), ClientId(4), connection()).err(), Some(AdmissionError::Crowded));
        assert_eq!(slots[0].assign_to(net(2)), Ok(()));
        assert_eq!(slots[1].assign_to(net(2)), Err(AdmissionError::PerAddress(1)));
        assert_eq!(slots[2].assign_to(net(3)), Ok(()));
        assert_eq!(admission.admit(net(2), ClientId(5), connection()).err(), Some(AdmissionError::PerAddress(1)));
        // A newcomer evicts a connection that is not assigned to any client yet.
        let newcomer = admission.admit(net(4), ClientId(6), connection());
        assert_eq!(slots[1].assign_to(net(5)), Err(AdmissionError::Crowded));
        drop((slots, newcomer));
        assert_eq!(admission.count(), 0);
    }

    #[test]
    fn a_newcomer_evicts_from_the_address_that_holds_most() {
        let admission = admission(4, 8);
        let connections: Vec<_> = (0..4).map(|_| connection()).collect();
        let admit = |n, id: usize| {
            admission.admit(net(n), ClientId(id as u64), Arc::clone(&connections[id]) as Arc<dyn Evictable>)
        };
        let slots: Vec<_> = [(2, 0), (2, 1), (2, 2), (3, 3)].map(|(n, id)| admit(n, id).ok()).into();
        let newcomer = admission.admit(net(4), ClientId(9), connection());
        assert!(newcomer.is_ok());
        assert_eq!(
            connections.iter().map(|connection| connection.closing()).collect::<Vec<_>>(),
            [Some(QuitReason::Crowded), None, None, None]
        );
        assert_eq!(admission.admit(net(2), ClientId(10), connection()).err(), Some(AdmissionError::Crowded));
        drop(slots);
        assert_eq!(admission.count(), 1);
    }
}
