//! The way into the store: one order for all that is appended.

use std::sync::Arc;

use parking_lot::Mutex;

use crate::model::MessageId;
use crate::store::{Entry, Store, StoreError};

/// The store, and whose turn it is to append to it.
pub(super) struct Log {
    store: Arc<dyn Store>,
    turn: Mutex<()>,
}

impl Log {
    pub(super) fn new(store: Arc<dyn Store>) -> Log {
        Log { store, turn: Mutex::default() }
    }

    pub(super) fn store(&self) -> &dyn Store {
        &*self.store
    }

    pub(super) fn append(&self, entries: &[Entry]) -> Result<MessageId, StoreError> {
        let _turn = self.turn.lock();
        self.store.append(entries)
    }
}
