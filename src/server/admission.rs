//! Admission: how many connections may be open before login, or ask for a page, shared fairly among addresses.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::Arc;

use crate::hub::ClientId;
use crate::lock::{Mutex, MutexGuard};
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
    pub(super) fn new(max: usize, max_per_address: usize) -> Admission {
        Admission { held: Mutex::default(), max, max_per_address }
    }

    /// Gives a connection a slot. If all are held, the address that holds most loses its oldest connection, unless it
    /// holds no more than the newcomer's address then would.
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
        let own = held.count_of(net);
        let evicted = if held.count < self.max {
            None
        } else {
            Some(held.remove_oldest_of_largest(own + 1).ok_or(AdmissionError::Crowded)?)
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

    fn remove_oldest_of_largest(&mut self, more_than: usize) -> Option<Arc<dyn Evictable>> {
        let (&net, largest) = self.by_net.iter().max_by_key(|(_, held)| held.len())?;
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
        Arc::new(Admission::new(max, max_per_address))
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
