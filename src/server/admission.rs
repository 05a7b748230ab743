//! Who may be connected without having logged in, or ask for a page: budgets of their own, shared fairly among addresses.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::Arc;

use crate::hub::ClientId;
use crate::lock::{Mutex, MutexGuard};
use crate::model::{EventKind, LoginError, Net, QuitReason};
use crate::session::Connection;

/// Somebody who has a place, and may have to give it to somebody else.
pub(super) trait Waiter: Send + Sync {
    /// Ends his connection for this reason.
    fn end(&self, reason: QuitReason);

    /// From where he is connected.
    fn address(&self) -> IpAddr;
}

/// Everybody who has a place at one door.
pub(super) struct Admission {
    // lock tier 9: a leaf; connections are closed after it.
    waiting: Mutex<Waiting, 9>,
    max: usize,
    max_per_address: usize,
}

#[derive(Default)]
struct Waiting {
    by_net: HashMap<Net, BTreeMap<ClientId, Arc<dyn Waiter>>>,
    count: usize,
}

/// One client's place among them, given back when dropped.
pub(super) struct Place {
    admission: Arc<Admission>,
    net: Net,
    id: ClientId,
}

/// Why a connection is not let in.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// His address has as many as one may have.
    Address(usize),
    /// All places are taken, and no address holds more of them than his.
    Crowded,
}

impl Refusal {
    pub(super) fn event(&self) -> EventKind {
        match *self {
            Refusal::Address(limit) => EventKind::LoginFailed(LoginError::TooManyConnections { limit }),
            Refusal::Crowded => EventKind::Closed { reason: QuitReason::Crowded },
        }
    }

    pub(super) fn why(&self) -> &'static str {
        match self {
            Refusal::Address(_) => "too many from this address",
            Refusal::Crowded => "too many logging in",
        }
    }
}

impl Admission {
    /// With so many places, of which one address may have so many.
    pub(super) fn new(max: usize, max_per_address: usize) -> Admission {
        Admission { waiting: Mutex::default(), max, max_per_address }
    }

    /// Gives a connection a place. When none is free, the oldest connection of the address that holds most has to go,
    /// if that address holds more than the newcomer's would.
    pub(super) fn enter(self: &Arc<Self>, net: Net, id: ClientId, waiter: Arc<dyn Waiter>) -> Result<Place, Refusal> {
        let waiting = self.waiting.lock();
        self.check(&waiting, net)?;
        self.let_in(net, id, waiter, waiting)
    }

    /// The same for a proxy's connection, whose client is not known yet: the proxy may have as many as there are places.
    pub(super) fn enter_for_others(
        self: &Arc<Self>,
        net: Net,
        id: ClientId,
        waiter: Arc<dyn Waiter>,
    ) -> Result<Place, Refusal> {
        self.let_in(net, id, waiter, self.waiting.lock())
    }

    /// `waiting` comes last, so that it is released before a refused connection is closed.
    fn let_in(
        self: &Arc<Self>,
        net: Net,
        id: ClientId,
        waiter: Arc<dyn Waiter>,
        mut waiting: MutexGuard<'_, Waiting, 9>,
    ) -> Result<Place, Refusal> {
        let own = waiting.held_by(net);
        let crowded_out = if waiting.count < self.max {
            None
        } else {
            Some(waiting.remove_oldest_of_largest(own + 1).ok_or(Refusal::Crowded)?)
        };
        waiting.insert(net, id, waiter);
        drop(waiting);
        crowded_out.inspect(|waiter| waiter.end(QuitReason::Crowded));
        Ok(Place { admission: Arc::clone(self), net, id })
    }

    /// Whether an address may have one more.
    fn check(&self, waiting: &Waiting, net: Net) -> Result<(), Refusal> {
        let full = waiting.held_by(net) >= self.max_per_address && !net.is_exempt();
        if full { Err(Refusal::Address(self.max_per_address)) } else { Ok(()) }
    }

    pub(super) fn count(&self) -> usize {
        self.waiting.lock().count
    }

    /// Ends the connections whose addresses fit, and says how many they were.
    pub(super) fn close_where(&self, fits: impl Fn(IpAddr) -> bool, reason: QuitReason) -> usize {
        let chosen: Vec<Arc<dyn Waiter>> = {
            let waiting = self.waiting.lock();
            let all = waiting.by_net.values().flat_map(BTreeMap::values);
            all.filter(|waiter| fits(waiter.address())).cloned().collect()
        };
        chosen.iter().for_each(|waiter| waiter.end(reason));
        chosen.len()
    }

    pub(super) fn close_all(&self, reason: QuitReason) {
        self.close_where(|_| true, reason);
    }
}

impl Place {
    /// Makes it a place of this address, whom a proxy asks for.
    pub(super) fn belongs_to(&mut self, net: Net) -> Result<(), Refusal> {
        let mut waiting = self.admission.waiting.lock();
        self.admission.check(&waiting, net)?;
        let waiter = waiting.remove(self.net, self.id).ok_or(Refusal::Crowded)?;
        waiting.insert(net, self.id, waiter);
        self.net = net;
        Ok(())
    }
}

impl Waiting {
    fn held_by(&self, net: Net) -> usize {
        self.by_net.get(&net).map_or(0, BTreeMap::len)
    }

    fn insert(&mut self, net: Net, id: ClientId, waiter: Arc<dyn Waiter>) {
        self.by_net.entry(net).or_default().insert(id, waiter);
        self.count += 1;
    }

    fn remove_oldest_of_largest(&mut self, more_than: usize) -> Option<Arc<dyn Waiter>> {
        let (&net, largest) = self.by_net.iter().max_by_key(|(_, held)| held.len())?;
        let oldest = *largest.keys().next().filter(|_| largest.len() > more_than)?;
        self.remove(net, oldest)
    }

    fn remove(&mut self, net: Net, id: ClientId) -> Option<Arc<dyn Waiter>> {
        let held = self.by_net.get_mut(&net)?;
        let connection = held.remove(&id)?;
        if held.is_empty() {
            self.by_net.remove(&net);
        }
        self.count -= 1;
        Some(connection)
    }
}

impl Waiter for Connection {
    fn end(&self, reason: QuitReason) {
        self.close(reason);
    }

    fn address(&self) -> IpAddr {
        self.peer().ip()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // Who was crowded out has no place any more.
        let connection = self.admission.waiting.lock().remove(self.net, self.id);
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
    fn one_address_has_its_share_and_loopback_any() {
        let admission = admission(20, 2);
        let mut places = Vec::new();
        let mut enter = |n, id| admission.enter(net(n), ClientId(id), connection()).map(|place| places.push(place));
        assert!(enter(2, 1).is_ok() && enter(2, 2).is_ok());
        assert_eq!(enter(2, 3), Err(Refusal::Address(2)));
        assert!((4..10).all(|id| enter(1, id).is_ok()));
        drop(places);
        assert_eq!(admission.count(), 0);
    }

    #[test]
    fn a_proxys_place_becomes_its_clients_and_counts_for_him() {
        let admission = admission(4, 1);
        let mut places: Vec<Place> =
            (0..4).map(|id| admission.enter_for_others(net(9), ClientId(id), connection()).ok().unwrap()).collect();
        assert_eq!(admission.enter_for_others(net(9), ClientId(4), connection()).err(), Some(Refusal::Crowded));
        assert_eq!(places[0].belongs_to(net(2)), Ok(()));
        assert_eq!(places[1].belongs_to(net(2)), Err(Refusal::Address(1)));
        assert_eq!(places[2].belongs_to(net(3)), Ok(()));
        assert_eq!(admission.enter(net(2), ClientId(5), connection()).err(), Some(Refusal::Address(1)));
        // A newcomer takes a place of which nobody knows whose it is.
        let newcomer = admission.enter(net(4), ClientId(6), connection());
        assert_eq!(places[1].belongs_to(net(5)), Err(Refusal::Crowded));
        drop((places, newcomer));
        assert_eq!(admission.count(), 0);
    }

    #[test]
    fn a_newcomer_takes_the_place_of_the_address_that_holds_most() {
        let admission = admission(4, 8);
        let wires: Vec<_> = (0..4).map(|_| connection()).collect();
        let enter =
            |n, id: usize| admission.enter(net(n), ClientId(id as u64), Arc::clone(&wires[id]) as Arc<dyn Waiter>);
        let places: Vec<_> = [(2, 0), (2, 1), (2, 2), (3, 3)].map(|(n, id)| enter(n, id).ok()).into();
        let newcomer = admission.enter(net(4), ClientId(9), connection());
        assert!(newcomer.is_ok());
        assert_eq!(
            wires.iter().map(|connection| connection.closing()).collect::<Vec<_>>(),
            [Some(QuitReason::Crowded), None, None, None]
        );
        assert_eq!(admission.enter(net(2), ClientId(10), connection()).err(), Some(Refusal::Crowded));
        drop(places);
        assert_eq!(admission.count(), 1);
    }
}
