//! Floor 2, the hub: who is here, who is in which group, and what each has still to be sent.
//!
//! One central lock over the client, group and queue maps. Under it: map work, a sequence number, a push into an outbox.
//! Never: a socket, a file, hashing, a log line, rendering, a wait. It knows no sockets and no text for people.

mod announce;
mod batch;
mod caller;
mod changes;
#[cfg(any(test, feature = "failpoints"))]
mod check;
mod client;
mod content;
mod delivery;
mod echoes;
mod gather;
mod group;
mod groups;
mod ignore;
mod kept;
mod log;
mod look;
mod order;
mod outbox;
mod post;
mod presence;
mod reading;
mod receipts;
mod rename;
mod reply;
mod roles;
mod rooms;
mod rules;
mod run;
mod state;
mod stats;
#[cfg(test)]
pub(crate) mod tests;
mod touched;
mod typing;
mod verbs;

use std::sync::{Arc, OnceLock};

use crossbeam_channel::Sender;
use parking_lot::{Mutex, RwLock};

pub use client::{Client, ClientId, Port};
use gather::Gathering;
pub use groups::Way;
use ignore::Ignored;
use log::Log;
pub use order::Seat;
pub use outbox::{Outbox, Push};
pub use post::{Pending, Place, Saying};
pub use presence::{Presence, RegisterError, Registration};
use receipts::Receipt;
use rename::Renamed;
pub use rename::Shut;
use rules::Rules;
use state::State;
use stats::HighWater;
pub use stats::Stats;
pub use touched::Touched;

use crate::model::Limits;
use crate::store::{Entry, Store, StoreError};

/// A cheap handle to the one hub of a server. It has verbs, and never hands out its lock.
#[derive(Clone)]
pub struct Hub {
    inner: Arc<Inner>,
}

struct Inner {
    state: Mutex<State>,
    /// The way to the thread that writes out who came and left; without it, each does that himself.
    announcer: OnceLock<Sender<Touched>>,
    limits: Limits,
    log: Log,
    gathering: Gathering,
    /// Receipts that are not due yet.
    receipts: Mutex<Vec<Receipt>>,
    /// Who may not come in or speak; never held together with the central lock.
    rules: RwLock<Rules>,
    /// Who is called otherwise by now; held for moments, also under the central lock.
    renamed: RwLock<Renamed>,
    high_water: Arc<HighWater>,
}

impl Hub {
    /// An empty hub with these bounds, over this store.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn new(limits: Limits, store: Arc<dyn Store>) -> Result<Hub, StoreError> {
        #[cfg(feature = "deadlock-detection")]
        crate::thread::watch_for_deadlocks();
        let rules = RwLock::new(Rules::new(store.sanctions()?));
        let ignored = Ignored::new(store.ignored()?);
        let mut state = State { last: store.last_id()?, ignored, ..State::default() };
        state.load(store.groups()?);
        let state = Mutex::new(state);
        let (log, gathering, announcer) = (Log::new(store), Gathering::default(), OnceLock::new());
        let (receipts, renamed, high_water) = Default::default();
        let rest = Inner { state, announcer, limits, log, gathering, receipts, rules, renamed, high_water };
        Ok(Hub { inner: Arc::new(rest) })
    }

    /// What outlives sessions, for reading; to change it is for [`Hub::record`] and the verbs.
    pub fn store(&self) -> &dyn Store {
        self.inner.log.store()
    }

    /// Appends these changes to the log, in this order, and waits until they are stored.
    ///
    /// # Errors
    /// Why that cannot be done; they will be stored as soon as it can.
    pub fn record(&self, entries: Vec<Entry>) -> Result<(), StoreError> {
        let batch = self.inner.log.submit(entries);
        self.commit_record(&batch)
    }

    /// Does what is due from time to time, about once a second: tries a store that does not work, corrects who fell
    /// behind, gives receipts, and lets the store tidy up. Says whether there is more to tidy up.
    ///
    /// # Errors
    /// When it works, but cannot tidy up.
    pub fn tend(&self) -> Result<bool, StoreError> {
        self.correct_places();
        self.acknowledge(Vec::new());
        // That it does not work was said when it ceased to.
        if self.inner.log.probe().is_ok() { self.store().tend() } else { Ok(false) }
    }

    /// The bounds this hub keeps.
    pub fn limits(&self) -> &Limits {
        &self.inner.limits
    }

    /// Everything that happens under the central lock happens in here.
    fn locked<T>(&self, work: impl FnOnce(&mut State) -> T) -> T {
        #[cfg(test)]
        tests::before_section();
        let mut state = self.inner.state.lock();
        let Some(began) = state.counts.enter() else { return work(&mut state) };
        let done = work(&mut state);
        state.counts.leave(began);
        done
    }
}
