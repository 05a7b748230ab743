//! From an address to a store. This is the one file that knows which implementation an address stands for.

use std::sync::Arc;

use super::memory::MemoryStore;
use super::sqlite::{self, SqliteStore, SqliteTools};
use super::{Store, Tools};
use crate::model::{Retention, StartError, StoreAddress};

/// Opens the store at this address for this process alone, and creates it where there is none yet.
///
/// # Errors
/// Why it cannot be opened, and what to do. A store that cannot be used stays as it is.
pub fn open(address: &StoreAddress, retention: &Retention) -> Result<Arc<dyn Store>, StartError> {
    match address {
        StoreAddress::Memory => Ok(Arc::new(MemoryStore::default())),
        StoreAddress::Folder(path) => Ok(Arc::new(SqliteStore::open(path, retention)?)),
    }
}

/// The tools of the store at this address; `None` for one that ends with its process.
pub fn tools(address: &StoreAddress) -> Option<Box<dyn Tools>> {
    match address {
        StoreAddress::Memory => None,
        StoreAddress::Folder(path) => Some(Box::new(SqliteTools::new(path))),
    }
}

/// How many file descriptors the open store at this address uses at the most.
pub fn descriptors(address: &StoreAddress) -> u64 {
    match address {
        StoreAddress::Memory => 0,
        StoreAddress::Folder(_) => sqlite::DESCRIPTORS,
    }
}
